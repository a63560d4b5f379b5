"""Going through paper 002: theorems are held in numbers, whatever the time allows to prove."""

import pytest

from mmgsim.reproduce import Verdict, paper_002
from mmgsim.reproduce.paper_002 import Study

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def claims():
    study = Study(time_limit_s=2.0)
    parts = (paper_002._text_claims(), paper_002._cost_claims(study), paper_002._sun_claims(study))
    return {claim.number: claim for part in parts for claim in part}


def test_theorems_hold_in_numbers(claims):
    found = {number: claim.verdict for number, claim in claims.items()}
    assert [found[number] for number in ("C1", "C2", "C4")] == [Verdict.THEOREM] * 3


def test_the_plan_for_the_forecast_is_left_with_unserved_energy_at_worst(claims):
    assert claims["C1"].found > 50.0  # some kWh at 10 CNY


def test_nothing_printed_is_compared_as_there_is_nothing(claims):
    assert all(claim.printed is None for claim in claims.values())
    assert claims["T1"].verdict is Verdict.NOT_REPRODUCIBLE

"""Going through paper 003: what is computed, and how far the verdicts can be trusted."""

import pytest

from mmgsim.reproduce import Settings, Verdict
from mmgsim.reproduce.paper_003 import PAPER_003

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def claims(tmp_path_factory):
    found = PAPER_003.claims(Settings(folder=tmp_path_factory.mktemp("p003")))
    return {claim.number: claim for claim in found}


def test_what_the_text_says_of_itself_holds(claims):
    assert all(claims[f"T{k}"].verdict is Verdict.REPRODUCED for k in range(1, 8))


def test_the_abstract_is_not_what_the_text_says(claims):
    assert claims["T8"].verdict is Verdict.NOT_REPRODUCIBLE
    assert claims["T8"].found == 10270.0 - 8200.0


def test_theorems_hold_in_numbers(claims):
    assert claims["M4"].found >= 0.0
    assert claims["M5"].verdict is Verdict.THEOREM
    assert claims["D4"].verdict is Verdict.THEOREM


def test_seconds_decide_nothing(claims):
    assert claims["O4"].verdict is Verdict.NO_VERDICT


def test_the_unit_is_held_against_its_rating(claims):
    assert claims["O2"].found == pytest.approx(1600.0, abs=0.5)
    assert claims["O2"].verdict is Verdict.HOLDS


def test_costs_of_substitute_data_count_as_no_reproduction(claims):
    for number in ("M1", "M2", "M3", "D1", "D2", "D3"):
        assert claims[number].verdict is Verdict.NOT_REPRODUCIBLE
        assert "missing in the text" in claims[number].why


def test_orders_that_are_no_theorems_are_told_as_they_come_out(claims):
    """Money falls where surplus is refused; without tie lines aggregation helps nobody here."""
    assert claims["D5"].verdict is Verdict.OTHER_SIGN
    assert claims["D6"].verdict is Verdict.OTHER_SIGN
    assert claims["O1"].found < 0.0

"""Going through what paper 000 does against uncertainty: theorems, and where it is too little."""

import numpy as np
import pytest

from mmgsim.reproduce import Verdict
from mmgsim.reproduce.paper_000_robust import RobustDay, robust_claims

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def claims():
    return {claim.number: claim for claim in robust_claims()}


def test_theorems_hold_in_numbers(claims):
    for number in ("R2", "R4", "R5", "R6"):
        assert claims[number].verdict is Verdict.THEOREM
        assert claims[number].found > 0.01
    assert claims["R3"].verdict is Verdict.THEOREM
    assert claims["R3"].found == 0.0


def test_the_printed_norm_is_too_little_and_hangs_on_how_a_set_is_written(claims):
    assert claims["R1"].verdict is Verdict.FAILS
    assert claims["R1"].found > 1.0


def test_the_selected_vertex_is_not_the_worst_for_everything(claims):
    assert claims["R7"].verdict is Verdict.FAILS
    assert claims["R7"].found < 0.0
    assert claims["R8"].verdict is Verdict.FAILS
    assert claims["R8"].found > 0.0


def test_what_has_no_data_is_told_with_its_reason(claims):
    for number in ("R9", "R10"):
        assert claims[number].verdict is Verdict.NOT_REPRODUCIBLE
        assert claims[number].found is None


def test_the_ellipsoid_has_the_covariance_that_the_scenario_states():
    factor = RobustDay().price_factor
    covariance = factor @ factor.T
    np.testing.assert_allclose(np.sqrt(np.diag(covariance)), 0.2)
    np.testing.assert_allclose(np.diag(covariance, 1) / 0.2**2, 0.9)

"""Going through paper 004: theorems are held in numbers, and verdicts by what was computed."""

import numpy as np
import pytest

from mmgsim.reproduce import Settings, Verdict
from mmgsim.reproduce.paper_004 import PAPER_004
from mmgsim.reproduce.paper_004_prices import paper_tariff
from mmgsim.reproduce.paper_004_study import Study
from mmgsim.sizing import Sharing, has_numba

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not has_numba(), reason="takes minutes without numba"),
]

THEOREMS = {
    *("P1", "P5a", "P6", "P7", "P8", "O1a", "O2a", "O3a", "O3b", "S1a", "S2a", "G1", "G2", "G6"),
}


@pytest.fixture(scope="module")
def claims(tmp_path_factory):
    found = PAPER_004.claims(Settings(folder=tmp_path_factory.mktemp("p004"), is_quick=True))
    assert len({claim.number for claim in found}) == len(found)
    return {claim.number: claim for claim in found}


@pytest.fixture(scope="module")
def study():
    return Study(is_quick=True)


def test_theorems_hold_in_numbers(claims):
    held = {number for number, one in claims.items() if one.verdict is Verdict.THEOREM}
    assert held == THEOREMS
    assert not [one for one in claims.values() if one.verdict is Verdict.BROKEN]


def test_weeks_are_no_year(claims):
    assert claims["D1"].found == 8 * 168
    assert claims["D1"].verdict is Verdict.NO_VERDICT


def test_peers_cut_the_index_netted_and_paid(claims):
    for table in "234":
        netted, paid = (claims[f"P{table}{letter}"] for letter in "ab")
        assert netted.verdict is paid.verdict is Verdict.SAME_SIGN
        assert 10.0 < paid.found < netted.found < 100.0
        # Each kWh of a peer saves 0.28 where it is given, and 0.13 where 0.15 is paid for it.
        assert paid.found == pytest.approx(netted.found * (1.0 - 0.15 / 0.28), rel=1e-9)


def test_at_the_price_of_the_index_peers_are_dearer_than_the_grid(claims):
    netted, paid = claims["E3a"], claims["E3b"]
    assert netted.found == pytest.approx(claims["P4a"].found, rel=1e-9)
    assert paid.found == pytest.approx(netted.found * (1.0 - 0.15 / 0.12), rel=1e-9)
    assert paid.verdict is Verdict.OTHER_SIGN


def test_levelised_cost_is_the_same_only_where_the_energy_is_that_before_trade(claims):
    assert claims["P5a"].found == 0.0
    assert claims["P5b"].verdict is claims["P5c"].verdict is Verdict.FAILS
    assert claims["P5b"].found > 1.0


def test_single_objectives_end_at_limits(claims):
    assert claims["O1b"].found == 5.0  # all there are of wind and sun
    assert claims["O2b"].found == pytest.approx(20.0, abs=0.1)


def test_who_bears_a_third_builds_too_little_and_who_bears_all_does_not(claims):
    assert claims["G3a"].verdict is Verdict.NO_EFFECT
    assert claims["G3b"].verdict is Verdict.SAME_SIGN
    assert claims["G3b"].found > 5.0
    assert claims["G5"].found == 5.0


def test_sizes_of_the_tables_are_those_of_the_scenario(study):
    np.testing.assert_array_equal(study.printed("V"), study.case.present)


def test_the_tariff_of_the_paper_changes_prices_and_no_flow(study):
    case, sizes = paper_tariff(study.case), study.printed("II")[None]
    assert set(case.buy_per_kwh) == {0.12}
    assert case.unserved_per_kwh == pytest.approx(0.18)
    flows = [
        study.simulator(Sharing.PEERS, one).totals(sizes).of("bought_kwh")
        for one in (study.case, case)
    ]
    assert flows[0].sum() > 0.0
    np.testing.assert_array_equal(*flows)

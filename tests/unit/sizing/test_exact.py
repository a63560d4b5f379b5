"""The linear program of a year: its bound, its sizes, and what it refuses."""

from dataclasses import replace

import numpy as np
import pytest

from mmgsim.errors import SubproblemError
from mmgsim.sizing import (
    Sharing,
    Stores,
    Technology,
    YearSimulator,
    appraise,
    exact,
    least_annual_cost,
)
from mmgsim.sizing.rule import rule_inputs
from mmgsim.sizing.year_program import year_program
from tests.support.sizing import (
    TECHNOLOGIES,
    alike,
    limited,
    random_case,
    random_sizes,
    terms_of,
)

ABILITIES = ((0.7, 1.0), (0.7, 1.0), (0.1, 1.0), (0.0, 0.3), (0.4, 1.0), (0.0, 0.05))
"""Of batteries that differ: least and most in each respect."""


def test_any_multipliers_prove_a_bound():
    case = random_case(0, steps=48)
    rule = rule_inputs(case, Sharing.POOL)
    program = year_program(case, rule, 0, (case.low, case.high), sell_per_kwh=np.zeros(case.steps))
    least = least_annual_cost(case, Sharing.POOL, terms_of(case))
    rng = np.random.default_rng(0)
    for spread in (0.0, 0.1, 10.0):
        multipliers = rng.normal(0.0, spread, len(program.least))
        assert program.bound(multipliers) <= least.cost
    assert least.bound == pytest.approx(least.cost, rel=1e-7)


def test_sizes_are_within_limits_and_some_are_at_them():
    case = random_case(1, steps=96, low=np.tile([50.0, 20.0, 30.0], (3, 1)))
    for sharing in Sharing:
        found = least_annual_cost(case, sharing, terms_of(case))
        assert (found.sizes >= case.low).all()
        assert (found.sizes <= case.high).all()
        assert found.sizes[:, 1] == pytest.approx(20.0, abs=1e-3)  # the sun is dear
        assert found.seconds > 0.0


def test_one_microgrid_and_its_pool_are_the_same():
    case = random_case(2, steps=96, members=1)
    costs = [least_annual_cost(case, sharing, terms_of(case)).cost for sharing in Sharing]
    assert costs == pytest.approx([costs[0]] * 3, rel=1e-7)


def test_by_hand():
    # One step of 1 h with a load of 100 kW and full wind: a kW of wind saves 0.28 in that hour and
    # costs its share of the year, so that wind is bought up to the load where it costs less.
    one = random_case(
        0,
        members=1,
        steps=1,
        load_kw=np.array([[100.0]]),
        yield_pu=np.array([[[1.0], [0.0]]]),
        high=np.array([[150.0, 0.0, 0.0]]),
    )
    for per_kw_year, wind_kw, cost in ((2000.0, 100.0, 200000.0), (3000.0, 0.0, 100 * 0.28 * 8760)):
        wind = Technology(0.0, per_kw_year, 20.0)
        case = replace(one, technologies=(wind, *TECHNOLOGIES[1:]))
        found = least_annual_cost(case, Sharing.GRID, terms_of(case))
        assert found.sizes[0] == pytest.approx([wind_kw, 0.0, 0.0], abs=1e-4)
        assert found.cost == pytest.approx(cost, rel=1e-7)


def test_a_pool_spreads_its_battery_within_the_limits_of_each():
    case = random_case(3, steps=96, technologies=(*TECHNOLOGIES[:2], Technology(1.0, 0.0, 10.0)))
    case = replace(case, high=np.array([[900.0, 0, 10.0], [900, 0, 500], [900, 0, 0]]))
    found = least_annual_cost(case, Sharing.POOL, terms_of(case))
    assert found.sizes[:, 2].sum() > 100.0
    assert (found.sizes <= case.high).all()
    simulator = YearSimulator(case, Sharing.POOL, engine="numpy")
    ruled = appraise(simulator, found.sizes[None], terms_of(case)).annual_cost[0]
    assert ruled == pytest.approx(found.cost, rel=1e-6)


def test_exports_are_a_gain_only_where_they_count():
    case = random_case(4, steps=96, sell_per_kwh=np.full(96, 0.2))
    counted = least_annual_cost(case, Sharing.GRID, terms_of(case, is_export_counted=True))
    plain = least_annual_cost(case, Sharing.GRID, terms_of(case))
    assert counted.cost < plain.cost
    assert counted.sizes[:, 0].sum() > plain.sizes[:, 0].sum()


def test_batteries_that_differ_are_not_pooled():
    stores = alike(3)
    unlike = replace(stores, level_min=np.array([0.2, 0.2, 0.3]))
    case = random_case(5, steps=24, stores=unlike)
    assert least_annual_cost(case, Sharing.GRID, terms_of(case)).cost > 0.0
    with pytest.raises(ValueError, match="cannot be pooled"):
        least_annual_cost(case, Sharing.POOL, terms_of(case))


def test_peers_with_batteries_that_differ_are_bounded():
    case, rng = random_case(7, steps=72), np.random.default_rng(7)
    stores = Stores(*(np.sort(rng.uniform(low, high, 3)) for low, high in ABILITIES))
    case = limited(replace(case, stores=stores), 7)
    terms = terms_of(case)
    simulator = YearSimulator(case, Sharing.PEERS, engine="numpy")
    for sizes in random_sizes(case, 4):
        bound = least_annual_cost(case, Sharing.PEERS, terms, at=sizes).bound
        cost = appraise(simulator, sizes[None], terms).annual_cost[0]
        assert 0.5 * cost < bound <= cost


def test_a_peer_without_load_does_not_make_lost_load_cheap():
    case = random_case(8, steps=48)
    load_kw = case.load_kw * np.array([[1.0], [1.0], [0.0]])
    case = replace(case, load_kw=load_kw, unserved_per_kwh=np.array([0.42, 0.42, 0.0]))
    same = replace(case, unserved_per_kwh=np.full(3, 0.42))
    bounds = [least_annual_cost(one, Sharing.PEERS, terms_of(one)).bound for one in (case, same)]
    assert bounds[0] == pytest.approx(bounds[1], rel=1e-9)
    assert bounds[0] > 0.0


def test_a_program_that_does_not_end_says_whose_it_was(monkeypatch):
    case = random_case(6, steps=48)
    monkeypatch.setitem(exact._OPTIONS, "ipm_iteration_limit", 1)
    monkeypatch.setitem(exact._OPTIONS, "presolve", "off")
    with pytest.raises(SubproblemError, match="M0"):
        least_annual_cost(case, Sharing.GRID, terms_of(case))


def test_where_the_grid_gives_more_than_it_takes_peers_are_bounded_all_the_same():
    # One has the wind, the other the load, and they are too far apart to trade.
    case = random_case(
        0,
        members=2,
        steps=1,
        load_kw=np.array([[0.0], [100.0]]),
        yield_pu=np.array([[[1.0], [0.0]], [[0.0], [0.0]]]),
        low=np.zeros((2, 3)),
        high=np.array([[100.0, 0.0, 0.0], [0.0, 0.0, 0.0]]),
        distance_km=np.full((2, 2), np.inf),
        buy_per_kwh=np.array([0.2]),
        sell_per_kwh=np.array([0.3]),
    )
    terms = terms_of(case, is_export_counted=True)
    bound = least_annual_cost(case, Sharing.PEERS, terms, at=case.high).bound
    simulator = YearSimulator(case, Sharing.PEERS, engine="numpy")
    assert bound <= appraise(simulator, case.high[None], terms).annual_cost[0] + 1e-6

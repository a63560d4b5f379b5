"""What the network serves in one hour, and what the loop does where the relaxation is not exact."""

from dataclasses import replace
from math import inf

import numpy as np
import pytest

from mmgsim.contracts import Diesel, DieselState
from mmgsim.errors import SubproblemError
from mmgsim.network import read_tree
from mmgsim.subproblems import NetworkProblem, OfferPoint, OwnSite, StepStatus
from mmgsim.subproblems.devices import Horizon
from tests.support import dno, mv

SUN = {"export_kw": np.array([[4000.0]]), "export_per_kwh": np.array([[0.0]])}


def assert_is_true(feeder, plan, v_min_pu, v_max_pu):
    """Pandapower finds the voltages and the power of the plan, within limits."""
    found = dno.confirm(feeder, plan)
    np.testing.assert_allclose(found.vm_pu, plan.vm_pu, rtol=0, atol=1e-7)
    np.testing.assert_allclose(found.slack_kw, plan.slack_kw, rtol=0, atol=1e-2)
    assert found.loading.max() <= 1.001
    assert found.vm_pu.min() >= v_min_pu - 1e-4
    assert found.vm_pu.max() <= v_max_pu + 1e-4


# ---------------------------------------------------------------------------------- exact hours
def test_an_hour_without_offers_is_the_power_flow_of_the_background():
    plan = dno.solve_one(17, dno.only(), share=1.0, limits=(0.9, 1.1))
    assert plan.status == (StepStatus.EXACT,)
    # The published loss of the case.
    assert plan.loss_kw[0] == pytest.approx(202.68, abs=0.01)
    assert plan.slack_kw[0] == pytest.approx(3715.0 + 202.68, abs=0.01)
    assert plan.cost == pytest.approx(0.1 * plan.slack_kw[0])


def test_offers_are_taken_up_to_their_price_with_losses():
    """At bus 17 a kWh saves more than a kWh upstream, so that a block above the price is taken."""
    taken = {}
    for price in (0.105, 0.12):
        one = dno.only(export_kw=np.array([[200.0]]), export_per_kwh=np.array([[price]]))
        plan = dno.solve_one(17, one, share=1.0, limits=(0.9, 1.1))
        taken[price] = plan.exchange_kw["M"][0]
        assert plan.prices.price[17, 0] == pytest.approx(0.1 * 1.14, rel=0.03)
    assert taken == pytest.approx({0.105: 200.0, 0.12: 0.0}, abs=1e-6)


def test_reactive_power_is_used_against_losses():
    limits = {"q_min_kvar": np.array([-400.0]), "q_max_kvar": np.array([400.0])}
    plan = dno.solve_one(32, dno.only(**limits), share=1.0, limits=(0.9, 1.1))
    assert plan.q_kvar["M"][0] == pytest.approx(400.0)
    assert plan.loss_kw[0] < 202.68 - 20.0


def test_an_inverter_stays_within_its_rating():
    one = dno.only(
        export_kw=np.array([[200.0]]),
        export_per_kwh=np.array([[0.0]]),
        q_min_kvar=np.array([-500.0]),
        q_max_kvar=np.array([500.0]),
    )
    plan = dno.solve_one(32, one, share=1.0, limits=(0.9, 1.1), rating_kva=500.0)
    assert plan.exchange_kw["M"][0] == pytest.approx(200.0)
    # The polygon takes less than two percent.
    assert 0.98 * 500.0 <= np.hypot(200.0, plan.q_kvar["M"][0]) <= 500.0 + 1e-6


def test_load_is_shed_where_nothing_else_keeps_the_voltage():
    """The lowest voltage of the case is 0.913 pu; 0.95 needs load to go."""
    plan = dno.solve_one(17, dno.only(), share=1.0, limits=(0.95, 1.05))
    assert plan.status == (StepStatus.EXACT,)
    assert 300.0 < plan.shed_kw.sum() < 1500.0
    assert plan.vm_pu.min() == pytest.approx(0.95, abs=1e-4)
    feeder = dno.feeder_of({}, limits=(0.95, 1.05))
    assert_is_true(feeder, plan, 0.95, 1.05)
    tree = read_tree(feeder)
    kvar_kept = plan.drawn_kvar[:, 0] / np.where(tree.load_kvar > 0, tree.load_kvar, 1.0)
    kw_kept = plan.drawn_kw[:, 0] / np.where(tree.load_kw > 0, tree.load_kw, 1.0)
    np.testing.assert_allclose(kvar_kept, kw_kept, atol=1e-9)  # at the loads' power factor


def test_sun_behind_a_full_line_is_left_and_not_burnt_there():
    """A price of zero behind the line: only the penalty on losses keeps the relaxation exact."""
    ratings = {(11, 12): 35.0}
    plan = dno.solve_one(17, dno.only(**SUN), share=0.5, limits=(0.9, 1.05), ratings=ratings)
    assert plan.status == (StepStatus.EXACT,)
    assert plan.prices.price[17, 0] == pytest.approx(0.0, abs=1e-3)
    assert plan.loading.max() == pytest.approx(1.0, abs=1e-3)
    assert_is_true(dno.feeder_of(ratings, limits=(0.9, 1.05)), plan, 0.9, 1.05)


# -------------------------------------------------------------------------------- guards
def test_fixed_generation_that_no_voltage_allows_is_spilled():
    """Three MW at bus 17 give 1.0975 pu; the relaxation alone burns 0.84 MW and finds 1.05."""
    one = dno.only(must_take_kw=np.array([3000.0]))
    plan = dno.solve_one(17, one, share=1.0, limits=(0.9, 1.05), spill_per_kwh=0.2)
    assert plan.status == (StepStatus.EXACT,)
    assert plan.spilled_kw["M"][0] > 1000.0
    assert_is_true(dno.feeder_of({}, limits=(0.9, 1.05)), plan, 0.9, 1.05)


def test_fixed_generation_that_voltage_allows_is_taken_whole():
    one = dno.only(must_take_kw=np.array([1000.0]))
    plan = dno.solve_one(17, one, share=1.0, limits=(0.9, 1.05), spill_per_kwh=0.2)
    assert plan.exchange_kw["M"][0] == pytest.approx(1000.0)


def test_curtailed_generation_at_half_load_is_what_the_guard_allows():
    """Paper 003, section 3.5: 0.876 MW and 1.018 pu of 4 MW and 1.02 pu."""
    plan = dno.solve_one(17, dno.only(**SUN), share=0.5, limits=(0.9, 1.02))
    assert plan.status == (StepStatus.EXACT,)
    assert plan.exchange_kw["M"][0] == pytest.approx(876.0, abs=1.0)
    assert plan.vm_pu.max() == pytest.approx(1.018, abs=5e-4)


# ------------------------------------------------------------------------------- held losses
def test_negative_prices_are_flagged_and_the_plan_is_a_power_flow():
    plan = dno.solve_one(17, dno.only(**SUN), share=1.0, limits=(0.9, 1.05), buy=-0.05)
    assert plan.status == (StepStatus.INEXACT,)
    assert_is_true(dno.feeder_of({}, limits=(0.9, 1.05)), plan, 0.9, 1.05)
    # Whoever is paid for drawing takes no sun in, and cannot draw losses that do not flow.
    assert plan.exchange_kw["M"][0] == pytest.approx(0.0, abs=1e-6)
    assert plan.cost == pytest.approx(-0.05 * (3715.0 + 202.68), abs=0.01)


def test_spilling_that_costs_behind_a_full_line_ends_within_the_rating():
    one, ratings = dno.only(must_take_kw=np.array([2000.0])), {(11, 12): 35.0}
    plan = dno.solve_one(17, one, share=0.5, limits=(0.9, 1.05), ratings=ratings, spill_per_kwh=0.3)
    assert plan.status == (StepStatus.INEXACT,)
    assert plan.spilled_kw["M"][0] > 900.0
    assert_is_true(dno.feeder_of(ratings, limits=(0.9, 1.05)), plan, 0.9, 1.05)


def test_held_losses_leave_only_energy_and_a_residual_in_the_prices():
    plan = dno.solve_one(17, dno.only(**SUN), share=1.0, limits=(0.9, 1.05), buy=-0.05)
    prices = plan.prices
    assert not prices.loss.any()
    assert not prices.congestion.any()
    assert not prices.voltage.any()
    np.testing.assert_allclose(prices.price, prices.energy + prices.residual)


# ------------------------------------------------------------------------------------- binaries
def test_import_and_export_exclude_each_other_where_selling_pays_more():
    tree = read_tree(dno.feeder_of({}))
    of = dno.day(2)
    window = dno.window_of(tree, of, own=False)
    window = replace(window, sell_per_kwh=1.2 * window.buy_per_kwh)
    plan = dno.problem_of(tree, 2, own=False).solve(window)
    assert plan.status == (StepStatus.EXACT,) * 2
    single = dno.problem_of(tree, 2, own=False).solve(
        replace(window, sell_per_kwh=window.buy_per_kwh)
    )
    assert plan.cost == pytest.approx(single.cost, rel=1e-3)  # it imports either way


def test_a_diesel_of_the_dno_runs_at_whole_commitments_with_prices():
    tree = read_tree(dno.feeder_of({}))
    unit = Diesel("genset", 200.0, 800.0, 0.05, cost_per_h=20.0)
    site = OwnSite("plant", 5, (unit,))
    problem = NetworkProblem(tree, Horizon(3, 1.0), [], [site])
    window = dno.window_of(tree, dno.day(3), offers={}, own=False)
    declared = dno.declared(3, devices=(unit,), diesel={"genset": DieselState()})
    cheap = np.array([0.06, 0.2, 0.2])
    window = replace(window, own={"plant": declared}, buy_per_kwh=cheap, sell_per_kwh=0.5 * cheap)
    plan = problem.solve(window)
    assert plan.status == (StepStatus.EXACT,) * 3
    out_kw = plan.own["plant"]["genset"].out_kw
    np.testing.assert_allclose(out_kw, [0.0, 800.0, 800.0], atol=1e-6)
    assert (plan.prices.price[:, 1] >= 0.2 - 1e-9).all()
    assert plan.cost == pytest.approx(
        float(cheap @ plan.slack_kw) + 2 * (800.0 * 0.05 + 20.0), rel=1e-6
    )


# ------------------------------------------------------------------------------ window to window
def test_a_problem_that_is_hot_gives_what_a_new_one_gives():
    tree = read_tree(dno.feeder_of(dno.RATINGS["A"]))
    hot = dno.problem_of(tree, 6, own=False)
    for scale in (1.0, 0.8, 1.1):
        of = dno.day(6)
        of = replace(of, share=scale * of.share, price_per_kwh=of.price_per_kwh / scale)
        window = dno.window_of(tree, of, own=False)
        warm, cold = hot.solve(window), dno.problem_of(tree, 6, own=False).solve(window)
        assert warm.status == cold.status == (StepStatus.EXACT,) * 6
        # Either may be off by the tolerance at the substation, in every step.
        assert warm.cost == pytest.approx(cold.cost, abs=float(of.price_per_kwh.sum()))


def test_cuts_of_the_last_window_serve_the_next():
    tree = read_tree(dno.feeder_of(dno.RATINGS["B"]))
    problem, of = dno.problem_of(tree, 12, own=False), dno.day(13)
    first, then = (
        dno.window_of(
            tree,
            dno.Day(of.share[cut], of.price_per_kwh[cut], of.sun[cut]),
            own=False,
        )
        for cut in (slice(0, 12), slice(1, 13))
    )
    cold, again = problem.solve(first).schedule, problem.solve(first).schedule
    assert (again.rounds, again.cuts) == (1, 0)
    problem.move_ahead(1)
    warm = problem.solve(then).schedule
    assert warm.cuts < 0.2 * cold.cuts  # one hour of twelve is new
    assert set(warm.status) == {StepStatus.EXACT}


def test_ratings_of_cables_change_from_step_to_step_in_a_hot_problem():
    """Of all lines to three quarters in every other hour, and back, on CIGRE's cables."""
    case = mv.cigre()
    tree, steps = read_tree(case.feeder), len(case.share)
    problem, window = case.problem(tree), case.window(tree)
    share = np.ones((len(case.feeder.lines) + len(case.feeder.trafos), steps))
    share[: len(case.feeder.lines), ::2] = 0.75
    usual, changed, again = (
        problem.solve(replace(window, rating_share=of)) for of in (None, share, None)
    )
    cold = case.problem(tree).solve(replace(window, rating_share=share))
    # Every plan may be off by the tolerance at the substation, in every step.
    tolerance = float(window.buy_per_kwh.sum())
    assert changed.cost > usual.cost + tolerance
    assert changed.cost == pytest.approx(cold.cost, abs=tolerance)
    assert again.cost == pytest.approx(usual.cost, abs=tolerance)
    points = changed.schedule.points
    assert (tree.loading(points) <= 1.001 * share.T).all()
    is_full = (tree.loading(points) > 0.99 * share.T).any(axis=1)
    assert is_full[::2].any()
    assert is_full[1::2].any()
    np.testing.assert_allclose(changed.loading * share.T, tree.loading(points), atol=1e-12)


# ---------------------------------------------------------------------------------------- faults
def test_a_bus_that_is_not_there_is_named_with_the_known_ones():
    tree = read_tree(dno.feeder_of({}))
    with pytest.raises(ValueError, match=r"M99: the feeder has no bus 99; .*and 21 more"):
        NetworkProblem(tree, Horizon(1, 1.0), [OfferPoint("M99", 99, 1, 1)])


def test_a_name_that_is_given_twice_is_refused():
    tree = read_tree(dno.feeder_of({}))
    points = [OfferPoint("M", 3, 1, 1), OfferPoint("M", 4, 1, 1)]
    with pytest.raises(ValueError, match="must differ: M"):
        NetworkProblem(tree, Horizon(1, 1.0), points)


def test_a_feeder_that_nothing_can_save_says_what_cannot_hold():
    """Reactive power of a microgrid is not spilled: with the load gone, the voltage is too high."""
    one = dno.only(q_min_kvar=np.array([4e3]), q_max_kvar=np.array([4e3]))
    with pytest.raises(SubproblemError, match="Infeasible") as caught:
        dno.solve_one(17, one, share=0.0, limits=(0.95, 1.05))
    assert caught.value.conflict


def test_ratings_that_are_missing_are_no_limit():
    tree = read_tree(dno.feeder_of({}))
    assert (tree.i_max_pu == inf).all()

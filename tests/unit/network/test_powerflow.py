import copy
from dataclasses import fields
from functools import cache

import numpy as np
import pandapower as pp
import pandapower.networks as nw
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from mmgsim.contracts import Member
from mmgsim.network import (
    Background,
    Feeder,
    FeederLimits,
    Flow,
    FlowStatus,
    PandapowerFlow,
    PowerFlow,
    apply_ratings,
    join_flows,
    linearise,
    linearise_at,
)

BUSES = (5, 12, 24, 17)
NOMINAL_KW = 3715.0
WIDE = FeederLimits(0.5, 1.5)


@cache
def _case33_once():
    return nw.case33bw()


def case33():
    """Give a copy of the case, which takes half a second to read."""
    return copy.deepcopy(_case33_once())


def make(net=None, *, buses=BUSES, limits=WIDE, scale=1.0):
    members = tuple(Member(f"M{bus}", 1e4, 1e4, 0.95, bus) for bus in buses)
    net = case33() if net is None else net
    return Feeder(net, members=members, limits=limits, background=Background(scale))


def one(feeder, share=1.0, exchange_kw=None):
    exchange = np.zeros((1, len(feeder.members))) if exchange_kw is None else exchange_kw
    exchange = np.atleast_2d(np.asarray(exchange, dtype=float))
    return PandapowerFlow(feeder).solve(np.array([share]), exchange, 0.0 * exchange)


def assert_same(left: Flow, right: Flow):
    for field in fields(Flow):
        a, b = getattr(left, field.name), getattr(right, field.name)
        if isinstance(a, tuple):
            assert a == b
        else:
            np.testing.assert_array_equal(a, b, err_msg=field.name)


def assert_balanced(flow, feeder, share, exchange_kw):
    """slack + exchange = background + loss, with losses of the lines counted one by one."""
    line_loss_kw = flow.line_loss_kw.sum(axis=1)
    loads_kw = share * feeder.net.load.p_mw.sum() * 1e3
    left = flow.slack_p_kw + exchange_kw.sum(axis=1)
    # Newton stops at a mismatch of 1e-10 MVA at each bus; all of them may add up.
    atol_kw = 1e-7 * len(feeder.buses)
    np.testing.assert_allclose(left, loads_kw + line_loss_kw, atol=atol_kw, rtol=0)
    np.testing.assert_allclose(flow.loss_kw, line_loss_kw, atol=atol_kw, rtol=0)


@pytest.fixture(scope="module")
def shared():
    feeder = make()
    return feeder, PandapowerFlow(feeder)


def test_the_reference_meets_the_protocol(shared):
    assert isinstance(shared[1], PowerFlow)


@settings(max_examples=25, deadline=None)
@given(
    share=arrays(float, 2, elements=st.floats(0.0, 1.3)),
    exchange_kw=arrays(float, (2, 4), elements=st.floats(-300.0, 600.0)),
)
def test_energy_balances_at_every_point(shared, share, exchange_kw):
    feeder, solver = shared
    flow = solver.solve(share, exchange_kw, feeder.q_kvar(exchange_kw))
    assert set(flow.status) == {FlowStatus.OK}
    assert_balanced(flow, feeder, share, exchange_kw)
    np.testing.assert_array_equal(flow.exchange_kw, exchange_kw)
    np.testing.assert_allclose(flow.served_share, 1.0)
    assert not flow.unserved_kw.any()


def test_a_batch_equals_its_points_one_by_one(shared):
    feeder, solver = shared
    rng = np.random.default_rng(1)
    share, exchange_kw = rng.uniform(0.2, 1.2, 4), rng.uniform(-300, 500, (4, 4))
    share[2] = 6.0
    q_kvar = feeder.q_kvar(exchange_kw)
    batch = solver.solve(share, exchange_kw, q_kvar)
    singles = [
        PandapowerFlow(feeder).solve(share[k : k + 1], exchange_kw[k : k + 1], q_kvar[k : k + 1])
        for k in range(4)
    ]
    assert batch.status[2] == FlowStatus.NOT_CONVERGED
    assert_same(batch, join_flows(singles))


def test_no_points_give_empty_arrays(shared):
    flow = shared[1].solve(np.zeros(0), np.zeros((0, 4)), np.zeros((0, 4)))
    assert flow.vm_pu.shape == (0, 33)
    assert flow.status == ()
    assert flow.loading_max_percent.shape == (0,)


def test_results_are_read_only(shared):
    flow = shared[1].solve(np.ones(1), np.zeros((1, 4)), np.zeros((1, 4)))
    with pytest.raises(ValueError, match="read-only"):
        flow.vm_pu[0, 0] = 2.0


@pytest.mark.parametrize(
    ("background", "exchange_kw", "q_kvar"),
    [
        (np.ones(2), np.zeros((1, 4)), np.zeros((1, 4))),
        (np.ones(1), np.zeros((1, 3)), np.zeros((1, 4))),
        (np.ones(1), np.zeros(4), np.zeros((1, 4))),
        (1.0, np.zeros((1, 4)), np.zeros((1, 4))),
        (np.ones(1), np.full((1, 4), np.nan), np.zeros((1, 4))),
        (np.array([np.inf]), np.zeros((1, 4)), np.zeros((1, 4))),
    ],
)
def test_input_that_does_not_fit_is_refused(shared, background, exchange_kw, q_kvar):
    with pytest.raises(ValueError, match=r"need|finite"):
        shared[1].solve(background, exchange_kw, q_kvar)


def test_a_feeder_without_members_has_a_flow():
    flow = one(make(buses=()))
    assert flow.exchange_kw.shape == (1, 0)
    assert flow.status == (FlowStatus.OK,)


# ------------------------------------------------------------------------------------ violations
def test_undervoltage_and_overvoltage_are_violations():
    tight = make(limits=FeederLimits(0.95, 1.05))
    low = one(tight)
    high = one(tight, 0.2, [0.0, 0.0, 0.0, 2000.0])
    assert (low.status, low.flags) == ((FlowStatus.VIOLATIONS,), (("undervoltage",),))
    assert (high.status, high.flags) == ((FlowStatus.VIOLATIONS,), (("overvoltage",),))


def test_a_voltage_on_its_limit_is_no_violation():
    lowest = float(one(make()).vm_min_pu[0])
    assert one(make(limits=FeederLimits(lowest + 0.9e-6, 1.5))).status == (FlowStatus.OK,)
    assert one(make(limits=FeederLimits(lowest + 1.1e-6, 1.5))).status == (FlowStatus.VIOLATIONS,)


def test_an_overloaded_line_is_a_violation():
    net = apply_ratings(case33(), "uncongested", "case33bw")
    flow = one(make(net), 1.0, [0.0, 0.0, -3200.0, 0.0])
    assert flow.flags == (("line_overload",),)
    assert flow.loading_max_percent[0] > 100.0


def test_an_overloaded_transformer_is_a_violation():
    feeder = make(nw.create_cigre_network_mv(), buses=(5,), scale=2.0)
    flow = one(feeder)
    assert "trafo_overload" in flow.flags[0]
    assert flow.trafo_loading_percent[0].max() > 100.0


def test_loading_is_that_of_pandapower_and_zero_without_a_rating():
    net = apply_ratings(case33(), "uncongested", "case33bw")
    net.line.loc[3, "max_i_ka"] = 99999.0
    net.line.loc[4, ["df", "parallel"]] = [0.9, 2]
    feeder = make(net)
    flow = one(feeder)
    pp.runpp(net, numba=False)
    theirs = net.res_line.loading_percent.fillna(0.0).to_numpy(copy=True)
    theirs[3] = 0.0
    np.testing.assert_allclose(flow.loading_percent[0], theirs, atol=1e-6)


def test_low_voltage_near_collapse_is_an_emergency():
    assert "emergency" in one(make(), 3.0).flags[0]


# --------------------------------------------------------------------------------------- islands
@pytest.fixture(scope="module")
def islanded():
    net = case33()
    net.line.loc[6, "in_service"] = False
    return make(net)


def test_an_island_without_supply_is_counted_exactly(islanded):
    dead = list(range(7, 18))
    net = islanded.net
    lost_kw = net.load.p_mw[net.load.bus.isin(dead)].sum() * 1e3
    flow = one(islanded)
    assert flow.status == (FlowStatus.UNSUPPLIED,)
    assert np.isnan(flow.vm_pu[0, dead]).all()
    assert np.isnan(flow.vm_pu[0]).sum() == 11
    assert flow.unserved_kw[0] == pytest.approx(lost_kw, abs=1e-9) == pytest.approx(875.0)
    assert flow.served_share[0] == pytest.approx(1 - 875.0 / NOMINAL_KW)
    assert flow.slack_p_kw[0] == pytest.approx(NOMINAL_KW - 875.0 + flow.loss_kw[0])
    assert not flow.p_kw[0, dead].any()


def test_a_member_on_an_island_cannot_exchange(islanded):
    flow = one(islanded, 1.0, [100.0, -50.0, 20.0, 70.0])
    assert flow.exchange_kw.tolist() == [[100.0, 0.0, 20.0, 0.0]]
    assert flow.flags == (("unsupplied:M12", "unsupplied:M17"),)
    assert flow.unserved_kw[0] == pytest.approx(925.0)


def test_a_feeder_of_which_only_the_slack_is_left_is_no_crash():
    net = case33()
    net.line["in_service"] = False
    feeder = make(net)
    flow = one(feeder, 1.0, [-10.0, 0.0, 0.0, 0.0])
    assert flow.status == (FlowStatus.UNSUPPLIED,)
    assert flow.unserved_kw[0] == pytest.approx(NOMINAL_KW + 10.0)
    point = linearise(feeder, 1.0, np.zeros(4))
    assert not point.voltage_per_kw.any()
    assert point.step().voltage_pu.shape == (1,)


# ------------------------------------------------------------------------------- non-convergence
def test_too_much_load_is_relaxed_until_it_can_be_solved(shared):
    exchange_kw = np.array([[100.0, -100.0, 0.0, 0.0]])
    flow = shared[1].solve(np.array([5.0]), exchange_kw, 0.0 * exchange_kw)
    asked_kw = 5.0 * NOMINAL_KW + 100.0
    assert flow.status == (FlowStatus.NOT_CONVERGED,)
    assert flow.flags[0][0] == "relaxed:0.7"
    assert flow.unserved_kw[0] == pytest.approx(0.3 * asked_kw)
    assert flow.served_share[0] == pytest.approx(0.7)
    np.testing.assert_allclose(flow.exchange_kw, 0.7 * exchange_kw)
    assert_balanced(flow, shared[0], 3.5, flow.exchange_kw)


def test_what_cannot_be_solved_at_all_serves_nobody_and_does_not_raise(shared):
    exchange_kw = np.array([[100.0, -100.0, 0.0, 0.0]])
    flow = shared[1].solve(np.array([500.0]), exchange_kw, 0.0 * exchange_kw)
    assert flow.status == (FlowStatus.NOT_CONVERGED,)
    assert flow.flags == (("collapse",),)
    assert np.isnan(flow.vm_pu).all()
    assert np.isnan(flow.vm_min_pu).all()
    assert not flow.exchange_kw.any()
    assert not flow.i_ka.any()
    assert flow.unserved_kw[0] == pytest.approx(500.0 * NOMINAL_KW + 100.0)
    assert flow.served_share.tolist() == [0.0]


def tried(feeder, share, converges):
    """Give the factors at which a point is tried, where it is told which of them converge."""
    solver, found = PandapowerFlow(feeder), []
    real = solver.solver.solve

    def told(at, exchange_kw, q_kvar):
        found.append(round(float(at[0]) / share, 9))
        real(0.1 * at / share, exchange_kw, q_kvar)  # leaves results to be read
        return converges(found[-1])

    solver.solver.solve = told
    nothing = np.zeros((1, len(feeder.members)))
    flow = solver.solve(np.array([share]), nothing, nothing)
    return flow.flags[0][0], found


@pytest.mark.parametrize("largest", [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9])
def test_the_largest_part_that_converges_is_found_in_few_tries_and_its_results_are_read(
    shared, largest
):
    flag, found = tried(shared[0], 7.0, lambda f: f <= largest)
    assert flag == f"relaxed:{largest}"
    assert found[-1] == largest
    assert sum(f > largest for f in found) <= 5  # of ten; failures are what takes long


def test_what_does_not_bear_a_tenth_is_given_up_at_once(shared):
    assert tried(shared[0], 7.0, lambda _: False) == ("collapse", [1.0, 0.1])


def test_parts_are_tried_from_above_where_something_is_not_scaled_with_them():
    net = case33()
    pp.create_sgen(net, 17, p_mw=5.0)
    flag, found = tried(make(net), 7.0, lambda f: f == 0.8)
    assert (flag, found) == ("relaxed:0.8", [1.0, 0.1, 0.9, 0.8])


@pytest.mark.parametrize("poison", [5.0, 500.0])
def test_a_failed_point_does_not_spoil_the_next(shared, poison):
    none = np.zeros((2, 4))
    flow = shared[1].solve(np.array([poison, 1.0]), none, none)
    after = Flow(**{field.name: getattr(flow, field.name)[1:] for field in fields(Flow)})
    assert_same(after, PandapowerFlow(shared[0]).solve(np.ones(1), none[:1], none[:1]))


def test_a_point_that_fails_cannot_be_linearised(shared):
    feeder = shared[0]
    assert linearise(feeder, 5.0, np.zeros(4)) is None
    with pytest.raises(ValueError, match="did not converge"):
        linearise_at(feeder, feeder.solver, np.zeros(4))


@pytest.mark.parametrize("size_kw", [1e5, 1e9, 1e15])
def test_absurd_exchanges_are_no_crash(shared, size_kw):
    exchange_kw = size_kw * np.array([[1.0, -1.0, 1.0, 0.0]])
    flow = shared[1].solve(np.ones(1), exchange_kw, exchange_kw)
    assert flow.status == (FlowStatus.NOT_CONVERGED,)


def test_a_solved_point_is_linearised_without_solving_again(shared):
    feeder, solver = shared
    exchange_kw = np.array([[100.0, -100.0, 30.0, 0.0]])
    solver.solve(np.ones(1), exchange_kw, feeder.q_kvar(exchange_kw))
    again = linearise_at(feeder, solver.solver, exchange_kw[0])
    fresh = linearise(feeder, 1.0, exchange_kw[0])
    np.testing.assert_allclose(again.voltage_per_kw, fresh.voltage_per_kw, rtol=1e-9)
    assert again.loss_kw == pytest.approx(fresh.loss_kw)


def test_a_phase_shifting_transformer_starts_from_the_dc_solution():
    """From flat angles these nets do not converge at all."""
    net = nw.kb_extrem_dorfnetz()
    feeder = Feeder(net, members=(), limits=WIDE)
    assert one(feeder).status == (FlowStatus.OK,)


def test_stored_options_of_a_net_do_not_change_the_solver():
    net = case33()
    net.user_pf_options = {"max_iteration": 1, "init": "results"}
    np.testing.assert_array_equal(one(make(net)).vm_pu, one(make()).vm_pu)

"""Feeders whose elements follow profiles of their own, made by hand: no SimBench is needed."""

import numpy as np
import pandapower as pp
import pandapower.networks
import pytest

from mmgsim.contracts import Member
from mmgsim.network import (
    Background,
    Feeder,
    FlowStatus,
    PandapowerFlow,
    SweepFlow,
    is_sweepable,
    linearise_many,
    losses_along_ray,
)

PROFILES = ("home_pload", "home_qload", "sun", "shop_pload", "cell")
SHARE = np.array([0.5, 0.3, 0.8, 0.9, -0.4])
MEMBERS = (Member("A", 100.0, 100.0, bus=17), Member("B", 100.0, 100.0, bus=32))


def made_net():
    """The case with two kinds of loads, a sun, a cell that may deliver, and a constant sgen."""
    net = pandapower.networks.case33bw()
    net.load["profile"] = ["home" if k % 2 else "shop" for k in range(len(net.load))]
    net.load["name"] = [f"L{k}" for k in range(len(net.load))]
    pp.create_sgen(net, 10, p_mw=0.4, name="S0", profile="sun")
    pp.create_sgen(net, 20, p_mw=0.1, q_mvar=0.02, name="S1", profile=None)
    pp.create_storage(net, 24, p_mw=0.2, max_e_mwh=1.0, name="C0", profile="cell")
    return net


@pytest.fixture(scope="module")
def feeder():
    background = Background(profiles=PROFILES, without=frozenset({"L3", "none of these"}))
    return Feeder(made_net(), members=MEMBERS, background=background)


def by_hand(exchange_kw):
    net = made_net()
    is_home = net.load.profile == "home"
    net.load["p_mw"] *= np.where(is_home, 0.5, 0.9)
    net.load["q_mvar"] *= np.where(is_home, 0.3, 1.0)  # shops have no profile of reactive power
    net.load.loc[net.load.name == "L3", ["p_mw", "q_mvar"]] = 0.0
    net.sgen.loc[net.sgen.name == "S0", "p_mw"] *= 0.8
    net.storage["p_mw"] *= -0.4
    for member, sent_kw in zip(MEMBERS, exchange_kw, strict=True):
        pp.create_sgen(net, member.bus, p_mw=sent_kw / 1e3)
    pp.runpp(net, init="flat", tolerance_mva=1e-10, numba=False)
    return net


def solved(feeder, exchange_kw, share=SHARE):
    exchange_kw = np.asarray(exchange_kw)[None]
    return SweepFlow(feeder).solve(share[None], exchange_kw, 0.0 * exchange_kw)


def test_every_element_follows_its_own_profile(feeder):
    net, flow = by_hand([40.0, -60.0]), solved(feeder, [40.0, -60.0])
    np.testing.assert_allclose(flow.vm_pu[0], net.res_bus.vm_pu, atol=1e-9)
    assert flow.slack_p_kw[0] == pytest.approx(net.res_ext_grid.p_mw.sum() * 1e3, abs=1e-6)


def test_elements_that_are_devices_leave_the_background(feeder):
    assert not feeder.net.load.set_index("name").in_service["L3"]
    assert feeder.net.load.in_service.sum() == len(feeder.net.load) - 1


def test_background_is_its_loads_and_what_it_draws_in_all(feeder):
    net = by_hand([0.0, 0.0])
    load_kw, drawn_kw = feeder.background_kw_at(SHARE)
    assert load_kw == pytest.approx(net.load.p_mw.sum() * 1e3)
    due_kw = net.load.p_mw.sum() - net.sgen.p_mw.sum() + net.storage.p_mw.sum()
    assert drawn_kw == pytest.approx(due_kw * 1e3)
    flow = solved(feeder, [0.0, 0.0])
    assert flow.slack_p_kw[0] == pytest.approx(drawn_kw + flow.loss_kw[0], abs=1e-6)


def test_sweep_leaves_such_feeders_to_newton(feeder):
    assert feeder.radial is None
    assert is_sweepable(feeder)[0] == "its elements follow profiles of their own"


def test_derivatives_are_those_of_the_point(feeder):
    at, step = np.array([[40.0, -60.0]]), 0.5
    point = linearise_many(feeder, SHARE[None], at)[0]
    for k in range(2):
        moved = step * np.eye(2)[k]
        up, down = (solved(feeder, at[0] + sign * moved) for sign in (1, -1))
        slope = (up.vm_pu[0] - down.vm_pu[0]) / (2 * step)
        np.testing.assert_allclose(point.voltage_per_kw[:, k], slope, atol=1e-9)
        loss = (up.loss_kw[0] - down.loss_kw[0]) / (2 * step)
        assert point.loss_per_kw[k] == pytest.approx(loss, abs=1e-5)


def test_losses_along_the_ray_take_one_point_of_the_background(feeder):
    loss_kw, _ = losses_along_ray(feeder, SHARE, np.array([40.0, -60.0]), nodes=[0.0, 1.0])
    ends = [solved(feeder, x).loss_kw[0] for x in ([0.0, 0.0], [40.0, -60.0])]
    np.testing.assert_allclose(loss_kw, ends, atol=1e-6)


def test_ladder_scales_all_that_follows_a_profile(feeder):
    share = 12.0 * np.array([0.5, 0.3, 0.0, 0.9, 0.4])
    flow = PandapowerFlow(feeder).solve(share[None], np.zeros((1, 2)), np.zeros((1, 2)))
    assert flow.status[0] is FlowStatus.NOT_CONVERGED
    factor = float(flow.flags[0][0].removeprefix("relaxed:"))
    net = by_hand([0.0, 0.0])
    asked_kw = 12.0 * (net.load.p_mw.sum() + 0.2 * 0.4) * 1e3
    assert flow.unserved_kw[0] == pytest.approx((1.0 - factor) * asked_kw)
    assert flow.served_share[0] == pytest.approx(factor)


def test_power_factor_lets_reactive_loads_follow_the_active_ones():
    background = Background(profiles=PROFILES, power_factor=0.9)
    feeder = Feeder(made_net(), members=MEMBERS, background=background)
    tan_phi = np.tan(np.arccos(0.9))
    solver = feeder.new_solver()
    assert solver.solve(SHARE, np.zeros(2), np.zeros(2))
    np.testing.assert_allclose(solver.net.load.q_mvar, solver.net.load.p_mw * tan_phi)


@pytest.mark.parametrize("share", [np.ones(1), np.ones((1, 4)), np.ones(5), np.ones((2, 5))])
def test_points_need_one_value_a_profile(feeder, share):
    with pytest.raises(ValueError, match=r"need \(points, 5\)"):
        PandapowerFlow(feeder).solve(share, np.zeros((1, 2)), np.zeros((1, 2)))
    with pytest.raises(ValueError, match=r"need \(points, 5\)"):
        linearise_many(feeder, share, np.zeros((1, 2)))


def test_one_share_stays_one_number():
    feeder = Feeder(made_net(), members=MEMBERS)
    assert not feeder.follows.has_names
    assert feeder.background_kw_at(0.5) == (0.5 * feeder.background_kw,) * 2
    with pytest.raises(ValueError, match=r"need \(points,\)"):
        PandapowerFlow(feeder).solve(np.ones((1, 5)), np.zeros((1, 2)), np.zeros((1, 2)))

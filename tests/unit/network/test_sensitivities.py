import copy
from functools import cache

import numpy as np
import pandapower as pp
import pandapower.networks as nw
import pytest

from mmgsim.contracts import LinearisedStep, Member
from mmgsim.network import (
    Background,
    Feeder,
    FeederLimits,
    PandapowerFlow,
    apply_ratings,
    linearise,
    losses_along_ray,
    read_net,
)

STEP_KW = 0.1


@cache
def _case33_once():
    return nw.case33bw()


def case33():
    """Give a copy of the case, which takes half a second to read."""
    return copy.deepcopy(_case33_once())


def make(net, buses, *, scale=1.0, power_factor=1.0):
    members = tuple(Member(f"M{k}", 1e4, 1e4, power_factor, bus) for k, bus in enumerate(buses))
    return Feeder(net, members=members, limits=FeederLimits(0.9, 1.1), background=Background(scale))


def branch_currents_ka(flow, feeder, point):
    """Currents of lines and transformers, the latter at the end that `point` speaks of. [kA]"""
    trafos = flow.trafo_loading_percent[:, : len(feeder.trafos)] / 100.0
    return np.hstack([flow.i_ka, trafos * point.current_max_ka[len(feeder.lines) :]])


def assert_close(exact, differences):
    scale = np.nanmax(np.abs(differences), initial=1e-12)
    np.testing.assert_allclose(exact, differences, rtol=1e-5, atol=1e-5 * scale)


def assert_matches_finite_differences(feeder, background, exchange_kw, step_kw=STEP_KW):
    exchange_kw = np.asarray(exchange_kw, dtype=float)
    point = linearise(feeder, background, exchange_kw)
    around = exchange_kw + step_kw * np.vstack(
        [np.eye(len(exchange_kw)), -np.eye(len(exchange_kw))]
    )
    flow = PandapowerFlow(feeder).solve(
        np.full(len(around), background), around, feeder.q_kvar(around)
    )
    half = len(exchange_kw)

    def difference(of):
        return ((of[:half] - of[half:]) / (2 * step_kw)).T

    live = ~np.isnan(point.voltage_pu)
    assert_close(point.voltage_per_kw[live], difference(flow.vm_pu)[live])
    assert_close(point.loss_per_kw, difference(flow.loss_kw))
    # A current that is nearly 0 bends within the step of the difference.
    flows = point.current_ka > 2e-3
    assert flows.any()
    currents = branch_currents_ka(flow, feeder, point)
    assert_close(point.current_per_kw[flows], difference(currents)[flows])
    return point


@pytest.mark.parametrize("power_factor", [1.0, 0.9])
@pytest.mark.parametrize(
    ("background", "exchange_kw"),
    [
        (0.3, [0, 0, 0, 0]),
        (1.0, [0, 0, 0, 0]),
        (1.4, [-100, -50, -200, -30]),
        (0.5, [1500, 1000, 700, 1500]),
    ],
)
def test_derivatives_on_case33bw_match_finite_differences(background, exchange_kw, power_factor):
    feeder = make(case33(), (5, 12, 24, 17), power_factor=power_factor)
    assert_matches_finite_differences(feeder, background, exchange_kw)


def test_derivatives_with_transformers_switches_and_sources_match_finite_differences():
    feeder = make(nw.create_cigre_network_mv(with_der="all"), (3, 8, 11, 14), power_factor=0.95)
    point = assert_matches_finite_differences(feeder, 0.8, [100, -50, 30, 10])
    assert (point.current_max_ka[-2:] > 0).all()


def test_derivatives_on_a_meshed_net_match_finite_differences():
    net = case33()
    net.line["in_service"] = True
    assert_matches_finite_differences(make(net, (5, 12, 24, 17)), 1.0, [200, -100, 300, 0])


@pytest.mark.parametrize("seed", range(5))
def test_derivatives_at_random_points_match_finite_differences(seed):
    rng = np.random.default_rng(seed)
    buses = rng.choice(np.arange(1, 33), 3, replace=False)
    feeder = make(case33(), [int(b) for b in buses], power_factor=rng.uniform(0.85, 1.0))
    assert_matches_finite_differences(feeder, rng.uniform(0.2, 1.2), rng.uniform(-400, 400, 3))


@pytest.fixture(scope="module")
def odd():
    """case33bw with a PV generator, a shunt, fused and dead buses, an unusual order of labels."""
    net = case33()
    pp.create_gen(net, 24, p_mw=0.3, vm_pu=0.99)
    pp.create_shunt(net, 13, q_mvar=-0.2, p_mw=0.1)
    fused, off, alone = (pp.create_bus(net, 12.66, index=label) for label in (200, 100, 150))
    pp.create_switch(net, 12, fused, et="b", closed=True)
    pp.create_load(net, fused, 0.05)
    net.bus.loc[off, "in_service"] = False
    net.line["c_nf_per_km"] = 500.0
    net.line.loc[31, "in_service"] = False  # bus 32 is cut off
    pp.create_switch(net, 20, 20, et="l", closed=False)  # cuts off bus 21
    assert alone == 150
    return make(net, (fused, 24, 9, 23, 0))


def test_derivatives_with_odd_elements_match_finite_differences(odd):
    assert_matches_finite_differences(odd, 1.0, [100, 50, -70, 30, 10])


def test_fused_buses_move_together(odd):
    point = linearise(odd, 1.0, np.zeros(5))
    row = odd.buses.index
    np.testing.assert_array_equal(point.voltage_per_kw[row(200)], point.voltage_per_kw[row(12)])


def test_reactive_power_does_not_move_a_voltage_that_a_generator_holds(odd):
    point = linearise(odd, 1.0, np.zeros(5))
    assert not point.voltage_per_q_kvar[:, 1].any()
    assert abs(point.voltage_per_kw[odd.buses.index(24)]).max() < 1e-15


def test_a_member_at_the_slack_moves_nothing(odd):
    point = linearise(odd, 1.0, np.zeros(5))
    assert not point.voltage_per_kw[:, 4].any()
    assert point.loss_per_kw[4] == 0.0


def test_dead_buses_have_no_voltage_and_no_row_in_the_step(odd):
    point = linearise(odd, 1.0, np.zeros(5))
    dead = [odd.buses.index(label) for label in (21, 32, 100, 150)]
    assert np.flatnonzero(np.isnan(point.voltage_pu)).tolist() == sorted(dead)
    assert not point.voltage_per_kw[dead].any()
    step = point.step()
    assert isinstance(step, LinearisedStep)
    assert step.voltage_pu.shape == (32,)
    assert step.voltage_per_kw.shape == (32, 5)
    assert np.isfinite(step.voltage_pu).all()


def test_a_member_without_supply_moves_nothing():
    net = case33()
    net.line.loc[6, "in_service"] = False
    point = linearise(make(net, (5, 12)), 1.0, np.zeros(2))
    assert not point.voltage_per_kw[:, 1].any()
    assert point.voltage_per_kw[:, 0].any()
    assert point.loss_per_kw[1] == 0.0


def test_derivatives_with_three_winding_transformers_match_finite_differences():
    net = nw.example_multivoltage()
    net.xward = net.xward.iloc[:0]
    buses = [int(net.load.bus.iloc[k]) for k in (0, 5, -1)]
    assert len(net.trafo3w)
    assert len(net.gen)
    assert len(net.shunt)
    assert_matches_finite_differences(make(net, buses, power_factor=0.97), 1.0, [20, -30, 10])


def test_the_point_agrees_with_the_power_flow():
    net = apply_ratings(case33(), "wa9", "case33bw")
    feeder = make(net, (5, 12), power_factor=0.95)
    exchange_kw = np.array([200.0, -300.0])
    point = linearise(feeder, 0.7, exchange_kw)
    flow = PandapowerFlow(feeder).solve(
        np.array([0.7]), exchange_kw[None], feeder.q_kvar(exchange_kw[None])
    )
    np.testing.assert_allclose(point.voltage_pu, flow.vm_pu[0], atol=1e-12)
    np.testing.assert_allclose(point.current_ka, flow.i_ka[0], atol=1e-12)
    np.testing.assert_array_equal(point.current_max_ka, feeder.line_max_ka)
    assert point.loss_kw == pytest.approx(flow.loss_kw[0], abs=1e-9)
    np.testing.assert_allclose(
        100 * point.current_ka / point.current_max_ka, flow.loading_percent[0], atol=1e-8
    )


def test_the_power_factor_may_be_given():
    feeder = make(case33(), (5, 12))
    exchange_kw = np.array([300.0, -200.0])
    given = linearise(feeder, 1.0, exchange_kw, power_factor=[0.9, 0.95])
    other = make(case33(), (5, 12))
    tan_phi = other.tan_phi([0.9, 0.95])
    np.testing.assert_allclose(
        given.voltage_per_kw, given.voltage_per_p_kw + tan_phi * given.voltage_per_q_kvar
    )
    flow = PandapowerFlow(other).solve(np.ones(1), exchange_kw[None], exchange_kw[None] * tan_phi)
    np.testing.assert_allclose(given.voltage_pu, flow.vm_pu[0], atol=1e-12)


def test_sending_out_relieves_a_loaded_feeder_and_burdens_an_exporting_one():
    feeder = make(case33(), (17,))
    assert linearise(feeder, 1.0, np.zeros(1)).loss_per_kw[0] == pytest.approx(-0.147, abs=5e-4)
    assert linearise(feeder, 0.3, np.array([2000.0])).loss_per_kw[0] > 0.05


def test_currents_of_zero_have_the_subgradient_zero():
    point = linearise(make(case33(), (17,)), 0.0, np.zeros(1))
    assert not point.current_ka.any()
    assert not point.current_per_kw.any()


def test_a_feeder_without_members_can_be_linearised():
    point = linearise(make(case33(), ()), 1.0, np.zeros(0))
    assert point.voltage_per_kw.shape == (33, 0)
    assert point.loss_kw == pytest.approx(202.677, abs=1e-3)


@pytest.mark.parametrize("exchange_kw", [np.zeros(1), np.array([np.nan, 0.0]), np.zeros((1, 2))])
def test_exchanges_that_do_not_fit_are_refused(exchange_kw):
    with pytest.raises(ValueError, match="need 2 finite"):
        linearise(make(case33(), (5, 6)), 1.0, exchange_kw)


def test_linearising_costs_one_power_flow(monkeypatch):
    feeder, calls, runpp = make(case33(), (5, 6)), [], pp.runpp
    monkeypatch.setattr(pp, "runpp", lambda *a, **k: calls.append(1) or runpp(*a, **k))
    linearise(feeder, 1.0, np.zeros(2))
    assert len(calls) == 1


# ------------------------------------------------------------------------------- loss along a ray
def test_shares_along_the_ray_add_up_to_the_loss_difference():
    """Gauss-Legendre nodes on [0, 1]: the quadrature is exact up to its order."""
    feeder = make(case33(), (5, 12, 24, 17), power_factor=0.95)
    exchange_kw = np.array([400.0, -150.0, 300.0, 200.0])
    nodes, weights = np.polynomial.legendre.leggauss(6)
    _, slopes = losses_along_ray(feeder, 0.8, exchange_kw, nodes=(nodes + 1) / 2)
    shares_kw = exchange_kw * (weights / 2 @ slopes)
    ends, _ = losses_along_ray(feeder, 0.8, exchange_kw, nodes=[0.0, 1.0])
    assert shares_kw.sum() == pytest.approx(ends[1] - ends[0], abs=1e-6)


def test_nodes_that_do_not_converge_are_nan():
    feeder = make(case33(), (17,))
    loss_kw, slopes = losses_along_ray(feeder, 1.0, np.array([-20000.0]), nodes=[0.0, 0.5, 0.01])
    assert np.isnan(loss_kw).tolist() == [False, True, False]
    assert np.isnan(slopes[:, 0]).tolist() == [False, True, False]


@pytest.mark.slow
def test_a_large_net_is_linearised_too():
    net = read_net(case="case1354pegase", file=None)
    feeder = make(net, (int(net.bus.index[7]),))
    assert_matches_finite_differences(feeder, 1.0, [500.0], step_kw=200.0)

import copy
from dataclasses import fields
from functools import cache

import numpy as np
import pandapower as pp
import pandapower.networks as nw
import pytest

from mmgsim.contracts import Member
from mmgsim.network import (
    Feeder,
    FeederLimits,
    Flow,
    FlowStatus,
    PandapowerFlow,
    PowerFlow,
    SweepFlow,
    apply_ratings,
    is_sweepable,
)

BUSES = (5, 12, 24, 17)
POWER_FACTORS = (1.0, 0.98, 0.95, 0.85)
KW_TOLERANCE = 1e-6
TOLERANCES = {
    "vm_pu": 1e-8,
    "i_ka": 1e-9,
    "loading_percent": 1e-6,
    "served_share": 1e-12,
    # Newton stops at up to 1e-6 kW of imbalance at each bus, which add up along the lines; the
    # sweep's own balance is closed to 1e-7 kW (see below).
    "p_from_kw": 1e-5,
}


@cache
def _case33_once():
    return nw.case33bw()


def case33():
    """Give a copy of the case, which takes half a second to read."""
    return copy.deepcopy(_case33_once())


def make(net=None, *, buses=BUSES, limits=None, rated=True):
    net = case33() if net is None else net
    if rated:
        net = apply_ratings(net, "wa9", "case33bw")
    members = tuple(
        Member(f"M{bus}", 1e4, 1e4, factor, bus)
        for bus, factor in zip(buses, POWER_FACTORS, strict=False)
    )
    return Feeder(net, members=members, limits=limits or FeederLimits(0.95, 1.05))


def assert_agrees(flow: Flow, reference: Flow):
    for field in fields(Flow):
        ours, theirs = getattr(flow, field.name), getattr(reference, field.name)
        if isinstance(ours, tuple):
            assert ours == theirs
        else:
            assert ours.shape == theirs.shape
            tolerance = TOLERANCES.get(field.name, KW_TOLERANCE)
            np.testing.assert_allclose(ours, theirs, rtol=0, atol=tolerance, err_msg=field.name)


def assert_equals_reference(feeder, share, exchange_kw):
    share, exchange_kw = np.asarray(share, float), np.asarray(exchange_kw, float)
    given = share, exchange_kw, feeder.q_kvar(exchange_kw)
    flow = SweepFlow(feeder).solve(*given)
    assert_agrees(flow, PandapowerFlow(feeder).solve(*given))
    return flow


def forbid_pandapower(monkeypatch):
    def fail(*_, **__):
        raise AssertionError("runpp was called")

    monkeypatch.setattr(pp, "runpp", fail)


@pytest.fixture(scope="module")
def feeder():
    return make()


def test_the_sweep_meets_the_protocol(feeder):
    assert isinstance(SweepFlow(feeder), PowerFlow)
    assert is_sweepable(feeder) == ()
    assert SweepFlow(feeder).reasons == ()


def test_random_points_equal_the_reference(feeder):
    """200 points from imports to reverse flow, every member at another power factor."""
    rng = np.random.default_rng(7)
    exchange_kw = rng.uniform(-400.0, 900.0, (200, 4))
    flow = assert_equals_reference(feeder, rng.uniform(0.0, 1.3, 200), exchange_kw)
    assert set(flow.status) == {FlowStatus.OK, FlowStatus.VIOLATIONS}
    seen = {flag for flags in flow.flags for flag in flags}
    assert seen == {"undervoltage", "overvoltage", "line_overload"}
    assert (flow.slack_p_kw < 0.0).any()
    assert (flow.slack_p_kw > 0.0).any()


def test_random_points_need_no_pandapower(feeder, monkeypatch):
    forbid_pandapower(monkeypatch)
    rng = np.random.default_rng(7)
    exchange_kw = rng.uniform(-400.0, 900.0, (200, 4))
    SweepFlow(feeder).solve(rng.uniform(0.0, 1.3, 200), exchange_kw, feeder.q_kvar(exchange_kw))


def test_points_from_emergency_to_collapse_have_the_same_status(feeder):
    share = np.array([2.0, 2.5, 3.0, 3.4, 3.6, 3.64, 5.0, 60.0])
    flow = assert_equals_reference(feeder, share, np.zeros((8, 4)))
    assert flow.status[:5] == (FlowStatus.VIOLATIONS,) * 5
    assert flow.status[5:] == (FlowStatus.NOT_CONVERGED,) * 3
    assert "emergency" in flow.flags[2]
    assert flow.flags[7] == ("collapse",)


@pytest.mark.parametrize("size_kw", [2e4, 1e15])
def test_absurd_exchanges_have_the_same_status(feeder, size_kw):
    exchange_kw = size_kw * np.vstack([np.eye(4), -np.eye(4)])[[0, 5]]
    assert_equals_reference(feeder, np.ones(2), exchange_kw)


def test_of_several_solutions_the_one_of_the_reference_is_given(feeder):
    """Left alone, the sweep would converge to 2.5 pu here, Newton finds a solution at 0.5 pu."""
    p_kw = np.array([[32512.0, 27620.0, 17460.0, 21290.0]])
    given = np.array([0.3]), p_kw, np.array([[32084.0, 22501.0, -10213.0, -6627.0]])
    assert_agrees(SweepFlow(feeder).solve(*given), PandapowerFlow(feeder).solve(*given))


def test_points_that_fail_stay_in_their_place_and_spoil_no_other(feeder):
    rng = np.random.default_rng(3)
    share, exchange_kw = rng.uniform(0.2, 1.2, 9), rng.uniform(-300.0, 500.0, (9, 4))
    share[[2, 5]] = 6.0, 500.0
    flow = assert_equals_reference(feeder, share, exchange_kw)
    failed = [k for k, status in enumerate(flow.status) if status == FlowStatus.NOT_CONVERGED]
    assert failed == [2, 5]
    others = np.delete(np.arange(9), failed)
    alone = SweepFlow(feeder).solve(
        share[others], exchange_kw[others], feeder.q_kvar(exchange_kw[others])
    )
    np.testing.assert_array_equal(flow.vm_pu[others], alone.vm_pu)
    np.testing.assert_array_equal(flow.loss_kw[others], alone.loss_kw)


def test_a_batch_equals_its_points_one_by_one(feeder):
    rng = np.random.default_rng(1)
    share, exchange_kw = rng.uniform(0.2, 1.2, 7), rng.uniform(-300.0, 500.0, (7, 4))
    solver, q_kvar = SweepFlow(feeder), feeder.q_kvar(exchange_kw)
    batch = solver.solve(share, exchange_kw, q_kvar)
    for k in range(7):
        of = slice(k, k + 1)
        single = solver.solve(share[of], exchange_kw[of], q_kvar[of])
        np.testing.assert_allclose(single.vm_pu[0], batch.vm_pu[k], rtol=0, atol=1e-14)


def test_energy_balances_at_every_point(feeder):
    rng = np.random.default_rng(5)
    share, exchange_kw = rng.uniform(0.0, 1.3, 50), rng.uniform(-300.0, 600.0, (50, 4))
    flow = SweepFlow(feeder).solve(share, exchange_kw, feeder.q_kvar(exchange_kw))
    asked_kw = share * feeder.background_kw
    given_kw = flow.slack_p_kw + exchange_kw.sum(axis=1)
    np.testing.assert_allclose(given_kw, asked_kw + flow.loss_kw, rtol=0, atol=1e-7)
    np.testing.assert_allclose(flow.p_kw.sum(axis=1), -flow.loss_kw, rtol=0, atol=1e-7)


def test_a_year_of_points_is_solved_without_pandapower(feeder, monkeypatch):
    forbid_pandapower(monkeypatch)
    rng = np.random.default_rng(0)
    share, exchange_kw = rng.uniform(0.2, 1.0, 8760), rng.uniform(-400.0, 400.0, (8760, 4))
    flow = SweepFlow(feeder).solve(share, exchange_kw, feeder.q_kvar(exchange_kw))
    assert flow.vm_pu.shape == (8760, 33)
    assert np.isfinite(flow.vm_pu).all()
    assert len(flow.status) == len(flow.flags) == 8760


def test_no_points_give_empty_arrays(feeder):
    flow = SweepFlow(feeder).solve(np.zeros(0), np.zeros((0, 4)), np.zeros((0, 4)))
    assert flow.vm_pu.shape == (0, 33)
    assert flow.status == ()
    assert flow.trafo_loading_percent.shape == (0, 0)


def test_results_are_read_only(feeder):
    flow = SweepFlow(feeder).solve(np.ones(1), np.zeros((1, 4)), np.zeros((1, 4)))
    with pytest.raises(ValueError, match="read-only"):
        flow.vm_pu[0, 0] = 2.0


def test_input_that_does_not_fit_is_refused(feeder):
    with pytest.raises(ValueError, match="need"):
        SweepFlow(feeder).solve(np.ones(2), np.zeros((1, 4)), np.zeros((1, 4)))
    with pytest.raises(ValueError, match="finite"):
        SweepFlow(feeder).solve(np.ones(1), np.full((1, 4), np.nan), np.zeros((1, 4)))


# --------------------------------------------------------------------------------- odd but radial
@pytest.fixture(scope="module")
def odd():
    """case33bw fed from bus 6, with sources, storages, scaling, open switches and turned lines."""
    net = case33()
    net.sn_mva = 1.0
    net.bus.index = net.bus.index + 100
    for table, names in (("load", ("bus",)), ("line", ("from_bus", "to_bus"))):
        for name in names:
            net[table][name] += 100
    net.ext_grid["bus"] = 106
    net.ext_grid[["vm_pu", "va_degree"]] = [1.02, 30.0]
    turned = [3, 11, 25]
    net.line.loc[turned, ["from_bus", "to_bus"]] = net.line.loc[
        turned, ["to_bus", "from_bus"]
    ].to_numpy()
    net.line.loc[4, ["df", "parallel"]] = [0.9, 2]
    net.line["max_i_ka"] = np.where(net.line.index == 8, 99999.0, 0.2)
    net.line.loc[33, "in_service"] = True
    pp.create_switch(net, int(net.line.from_bus[33]), 33, et="l", closed=False)
    pp.create_switch(net, 105, 125, et="b", closed=False)
    pp.create_sgen(net, 120, 0.3, -0.1, scaling=0.5)
    pp.create_sgen(net, 121, 0.3, in_service=False)
    pp.create_storage(net, 110, 0.05, 1.0, q_mvar=0.02)
    pp.create_load(net, 106, 0.1, 0.05, scaling=1.5)
    pp.create_load(net, 130, -0.2, 0.0)
    net.load.loc[5, "in_service"] = False
    return make(net, buses=(117, 106, 132), rated=False)


def test_an_odd_radial_feeder_equals_the_reference(odd):
    assert is_sweepable(odd) == ()
    rng = np.random.default_rng(2)
    assert_equals_reference(odd, rng.uniform(0.0, 1.2, 10), rng.uniform(-300.0, 600.0, (10, 3)))


def test_a_feeder_without_members_has_a_flow():
    flow = assert_equals_reference(make(buses=()), np.array([0.5, 1.0]), np.zeros((2, 0)))
    assert flow.exchange_kw.shape == (2, 0)


# ------------------------------------------------------------------------------------- fall-backs
def meshed(net):
    net.line["in_service"] = True


def islanded(net):
    net.line.loc[6, "in_service"] = False


def with_dead_bus(net):
    pp.create_bus(net, 12.66, in_service=False)


def with_trafo(net):
    bus = pp.create_bus(net, 0.4)
    pp.create_transformer(net, 24, bus, "0.63 MVA 20/0.4 kV")
    net.trafo["vn_hv_kv"] = 12.66


def with_gen(net):
    pp.create_gen(net, 24, p_mw=0.3, vm_pu=0.99)


def with_shunt(net):
    pp.create_shunt(net, 13, q_mvar=-0.2)


def with_cables(net):
    net.line["c_nf_per_km"] = 200.0


def with_two_slacks(net):
    pp.create_ext_grid(net, 17)


def with_joined_buses(net):
    bus = pp.create_bus(net, 12.66)
    pp.create_switch(net, 12, bus, et="b", closed=True)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (meshed, "closed loop"),
        (islanded, "without supply"),
        (with_dead_bus, "without supply"),
        (with_trafo, "'trafo'"),
        (with_gen, "'gen'"),
        (with_shunt, "'shunt'"),
        (with_cables, "capacitance"),
        (with_two_slacks, "ext_grid"),
        (with_joined_buses, "switches"),
    ],
)
def test_other_feeders_fall_back_to_the_reference(change, reason):
    net = case33()
    change(net)
    feeder = make(net, rated=False)
    (first, *_) = SweepFlow(feeder).reasons
    assert is_sweepable(feeder) == SweepFlow(feeder).reasons
    assert reason in " ".join(is_sweepable(feeder))
    assert first
    share, exchange_kw = np.array([1.0, 0.5]), np.array([[100.0, -50.0, 20.0, 70.0]] * 2)
    given = share, exchange_kw, feeder.q_kvar(exchange_kw)
    ours, theirs = SweepFlow(feeder).solve(*given), PandapowerFlow(feeder).solve(*given)
    assert (ours.status, ours.flags) == (theirs.status, theirs.flags)
    np.testing.assert_array_equal(ours.vm_pu, theirs.vm_pu)
    np.testing.assert_array_equal(ours.unserved_kw, theirs.unserved_kw)

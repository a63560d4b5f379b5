import numpy as np
import pandapower as pp
import pandapower.networks as nw
import pytest

from mmgsim.contracts import Member
from mmgsim.network import Feeder, FeederLimits, PandapowerFlow, linearise

BUSES = (3, 8, 14)


def make(net):
    members = tuple(Member(f"M{bus}", 1e4, 1e4, 0.95, bus) for bus in BUSES)
    return Feeder(net, members=members, limits=FeederLimits(0.9, 1.1))


@pytest.fixture(scope="module")
def case():
    net = nw.create_cigre_network_mv(with_der="all")
    pp.runpp(net, numba=False, tolerance_mva=1e-10)
    return net


@pytest.fixture(scope="module")
def flow(case):
    return PandapowerFlow(make(case)).solve(np.ones(1), np.zeros((1, 3)), np.zeros((1, 3)))


def test_voltages_and_loadings_are_those_of_pandapower(case, flow):
    np.testing.assert_allclose(flow.vm_pu[0], case.res_bus.vm_pu, atol=1e-10)
    np.testing.assert_allclose(flow.loading_percent[0], case.res_line.loading_percent, atol=1e-7)
    np.testing.assert_allclose(
        flow.trafo_loading_percent[0], case.res_trafo.loading_percent, atol=1e-7
    )


def test_losses_are_those_of_lines_and_transformers(case, flow):
    branches_kw = 1e3 * (case.res_line.pl_mw.sum() + case.res_trafo.pl_mw.sum())
    assert flow.loss_kw[0] == pytest.approx(branches_kw, abs=1e-6)


def test_slack_covers_consumption_less_generation_and_losses(case, flow):
    balance_kw = 1e3 * (case.load.p_mw.sum() + case.storage.p_mw.sum() - case.sgen.p_mw.sum())
    assert flow.slack_p_kw[0] == pytest.approx(balance_kw + flow.loss_kw[0], abs=1e-6)
    assert flow.slack_q_kvar[0] == pytest.approx(1e3 * case.res_ext_grid.q_mvar.sum(), abs=1e-6)


def test_a_relaxed_point_scales_loads_and_exchanges_but_not_the_sources_of_the_case():
    net = nw.create_cigre_network_mv(with_der="all")
    feeder = make(net)
    flow = PandapowerFlow(feeder).solve(np.array([10.0]), np.zeros((1, 3)), np.zeros((1, 3)))
    factor = float(flow.flags[0][0].removeprefix("relaxed:"))
    loads_kw, storages_kw = 1e4 * net.load.p_mw.sum(), 1e3 * net.storage.p_mw.clip(lower=0).sum()
    assert 0.0 < factor < 1.0
    assert flow.unserved_kw[0] == pytest.approx((1 - factor) * loads_kw)
    assert flow.served_share[0] == pytest.approx(
        (factor * loads_kw + storages_kw) / (loads_kw + storages_kw)
    )
    generation_kw = 1e3 * net.sgen.p_mw.sum() - 1e3 * net.storage.p_mw.sum()
    assert flow.slack_p_kw[0] == pytest.approx(
        factor * loads_kw - generation_kw + flow.loss_kw[0], abs=1e-4
    )


def test_one_more_kw_sent_out_is_one_less_from_the_grid_but_for_losses(case):
    feeder = make(case)
    point = linearise(feeder, 1.0, np.zeros(3))
    ends = np.vstack([np.eye(3), -np.eye(3)])
    flow = PandapowerFlow(feeder).solve(np.ones(6), ends, feeder.q_kvar(ends))
    slack_per_kw = (flow.slack_p_kw[:3] - flow.slack_p_kw[3:]) / 2
    np.testing.assert_allclose(slack_per_kw, point.loss_per_kw - 1.0, atol=1e-7)

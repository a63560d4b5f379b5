import numpy as np
import pandapower as pp
import pytest

from mmgsim.contracts import Member
from mmgsim.network import Feeder, FeederLimits, FlowStatus, PandapowerFlow, linearise

V1_PU, VN_KV, SN_MVA = 1.02, 20.0, 1.0
R_OHM, X_OHM = 2 * 0.642, 2 * 0.083
Z_OHM = VN_KV**2 / SN_MVA
R, X = R_OHM / Z_OHM, X_OHM / Z_OHM


def make(power_factor=1.0):
    net = pp.create_empty_network(sn_mva=SN_MVA)
    slack, far = pp.create_bus(net, VN_KV), pp.create_bus(net, VN_KV)
    pp.create_ext_grid(net, slack, vm_pu=V1_PU)
    pp.create_line_from_parameters(
        net,
        slack,
        far,
        2.0,
        r_ohm_per_km=R_OHM / 2,
        x_ohm_per_km=X_OHM / 2,
        c_nf_per_km=0,
        max_i_ka=0.25,
    )
    pp.create_load(net, far, p_mw=2.0, q_mvar=0.8)
    members = (Member("M", 1e5, 1e5, power_factor, far),)
    return Feeder(net, members=members, limits=FeederLimits(0.1, 2.0))


def hand(p, q):
    """Voltage, current and loss of a load p + jq, and their derivatives by p and by q. [pu]"""
    b, c = V1_PU**2 - 2 * (R * p + X * q), (R**2 + X**2) * (p**2 + q**2)
    root = np.sqrt(b**2 - 4 * c)
    w = (b + root) / 2
    s2 = p**2 + q**2
    slopes = []
    for part, z in ((p, R), (q, X)):
        db, dc = -2 * z, (R**2 + X**2) * 2 * part
        dw = (db + (b * db - 2 * dc) / root) / 2
        di2 = 2 * part / w - s2 / w**2 * dw
        slopes.append((dw / (2 * np.sqrt(w)), di2 / (2 * np.sqrt(s2 / w)), R * di2))
    return (np.sqrt(w), np.sqrt(s2 / w), R * s2 / w), slopes


@pytest.mark.parametrize("exchange_kw", [0.0, 1500.0, -3000.0, 9000.0])
@pytest.mark.parametrize("share", [0.25, 1.0, 3.0])
def test_voltage_current_and_loss_are_those_of_the_closed_form(share, exchange_kw):
    (v, i, loss), _ = hand(2.0 * share - exchange_kw / 1e3, 0.8 * share)
    flow = PandapowerFlow(make()).solve(
        np.array([share]), np.array([[exchange_kw]]), np.zeros((1, 1))
    )
    i_base_ka = SN_MVA / (np.sqrt(3) * VN_KV)
    assert flow.vm_pu[0] == pytest.approx([V1_PU, v], abs=1e-10)
    assert flow.i_ka[0, 0] == pytest.approx(i * i_base_ka, rel=1e-8)
    assert flow.loading_percent[0, 0] == pytest.approx(100 * i * i_base_ka / 0.25, rel=1e-8)
    assert flow.loss_kw[0] == pytest.approx(1e3 * loss, abs=1e-6)
    p_slack_kw = 2000.0 * share - exchange_kw + 1e3 * loss
    assert flow.slack_p_kw[0] == pytest.approx(p_slack_kw, abs=1e-6)
    assert flow.p_from_kw[0, 0] == pytest.approx(p_slack_kw, abs=1e-6)
    assert flow.p_kw[0, 1] == pytest.approx(2000.0 * share - exchange_kw)


@pytest.mark.parametrize("power_factor", [1.0, 0.9])
@pytest.mark.parametrize("exchange_kw", [500.0, -3000.0, 9000.0])
def test_derivatives_are_those_of_the_closed_form(exchange_kw, power_factor):
    feeder = make(power_factor)
    tan_phi = feeder.tan_phi()[0]
    _, (by_p, by_q) = hand(2.0 - exchange_kw / 1e3, 0.8 - exchange_kw / 1e3 * tan_phi)
    # The load falls by what the microgrid sends out; 1 pu is 1000 kW.
    dv, di, dloss = (-(a + tan_phi * b) / 1e3 for a, b in zip(by_p, by_q, strict=True))
    point = linearise(feeder, 1.0, np.array([exchange_kw]))
    assert point.voltage_per_kw[:, 0] == pytest.approx([0.0, dv], rel=1e-8)
    assert point.voltage_per_p_kw[1, 0] == pytest.approx(-by_p[0] / 1e3, rel=1e-8)
    assert point.voltage_per_q_kvar[1, 0] == pytest.approx(-by_q[0] / 1e3, rel=1e-8)
    assert point.current_per_kw[0, 0] == pytest.approx(di * SN_MVA / (np.sqrt(3) * VN_KV), rel=1e-8)
    assert point.loss_per_kw[0] == pytest.approx(1e3 * dloss, rel=1e-8)


def test_the_ladder_stops_at_the_first_factor_below_the_nose():
    """Without reactive power the nose is where V1^2 - 2 r P = 2 |z| P."""
    z = np.hypot(R, X)
    nose_kw = 1e3 * V1_PU**2 / (2 * (R + z))
    solver = PandapowerFlow(make())
    below, above = (np.array([[-part * nose_kw]]) for part in (0.999, 1.2))
    near = solver.solve(np.zeros(1), below, np.zeros((1, 1)))
    assert near.flags == (("line_overload", "emergency"),)
    over = solver.solve(np.zeros(1), above, np.zeros((1, 1)))
    assert over.status == (FlowStatus.NOT_CONVERGED,)
    assert over.flags[0][0] == "relaxed:0.8"
    assert over.unserved_kw[0] == pytest.approx(0.2 * 1.2 * nose_kw)

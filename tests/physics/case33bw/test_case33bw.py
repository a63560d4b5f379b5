import copy
from functools import cache

import numpy as np
import pandapower.networks as nw
import pytest

from mmgsim.contracts import Member
from mmgsim.network import Feeder, FeederLimits, FlowStatus, PandapowerFlow, linearise


@cache
def _case33_once():
    return nw.case33bw()


def case33():
    """Give a copy of the case, which takes half a second to read."""
    return copy.deepcopy(_case33_once())


@pytest.fixture(scope="module")
def feeder():
    members = tuple(Member(f"M{bus}", 1e4, 1e4, 1.0, bus) for bus in (17, 24, 32))
    return Feeder(case33(), members=members, limits=FeederLimits(0.9, 1.1))


@pytest.fixture(scope="module")
def solver(feeder):
    return PandapowerFlow(feeder)


def test_nominal_losses_and_lowest_voltage_are_the_published_ones(solver):
    flow = solver.solve(np.ones(1), np.zeros((1, 3)), np.zeros((1, 3)))
    assert flow.status == (FlowStatus.OK,)
    assert flow.loss_kw[0] == pytest.approx(202.68, abs=5e-3)
    assert flow.vm_min_pu[0] == pytest.approx(0.91309, abs=5e-6)
    assert int(np.argmin(flow.vm_pu[0])) == 17
    assert flow.slack_p_kw[0] == pytest.approx(3715.0 + 202.68, abs=5e-3)
    assert flow.i_ka[0, :5] == pytest.approx([0.210, 0.187, 0.135, 0.130, 0.125], abs=3e-3)


def test_the_nose_lies_at_3_62_times_nominal_load(solver):
    flow = solver.solve(np.array([3.61, 3.64]), np.zeros((2, 3)), np.zeros((2, 3)))
    assert flow.status == (FlowStatus.VIOLATIONS, FlowStatus.NOT_CONVERGED)
    assert flow.vm_min_pu[0] < 0.5


def radial_slopes(net, background, buses):
    """Differentiate V + Z conj(S / V) = v0 by the load at some buses: dV, dloss. [per MW]"""
    lines = net.line[net.line.in_service]
    ends = lines[["from_bus", "to_bus"]].to_numpy().tolist()
    parent = {to: (start, k) for k, (start, to) in enumerate(ends)}
    n = 32
    path = np.zeros((n, n))  # line k (row) feeds bus b + 1 (column)
    for bus in range(1, 33):
        at = bus
        while at:
            at, k = parent[at]
            path[k, bus - 1] = 1.0
    base = 12.66**2
    z = (
        (lines.r_ohm_per_km + 1j * lines.x_ohm_per_km).to_numpy()
        * lines.length_km.to_numpy()
        / base
    )
    impedance = path.T @ (z[:, None] * path)
    s = np.zeros(n, dtype=complex)
    for bus, p, q in zip(net.load.bus, net.load.p_mw, net.load.q_mvar, strict=True):
        s[bus - 1] += background * (p + 1j * q)
    v = np.ones(n, dtype=complex)
    for _ in range(200):
        v = 1.0 - impedance @ np.conj(s / v)
    # d/dV: dV - Z diag(conj(S) / conj(V)^2) conj(dV) = -Z diag(1 / conj(V)) dS, as a real system.
    a, b = np.eye(n, dtype=complex), -impedance * (np.conj(s) / np.conj(v) ** 2)
    real = np.block([[(a + b).real, (b - a).imag], [(a + b).imag, (a - b).real]])
    columns = [bus - 1 for bus in buses]
    right = -(impedance / np.conj(v))[:, columns]
    solved = np.linalg.solve(real, np.vstack([right.real, right.imag]))
    dv = solved[:n] + 1j * solved[n:]
    i = path @ np.conj(s / v)
    ds = np.zeros((n, len(columns)))
    ds[columns, range(len(columns))] = 1.0
    di = path @ np.conj(ds / v[:, None] - (s / v**2)[:, None] * dv)
    dsize = np.real(np.conj(v)[:, None] * dv) / np.abs(v)[:, None]
    return dsize, 2 * np.real((z.real * np.conj(i)) @ di)


@pytest.mark.parametrize("background", [0.5, 1.0, 1.3, 2.0])
def test_derivatives_are_those_of_the_radial_fixed_point(feeder, background):
    dv, dloss = radial_slopes(feeder.net, background, (17, 24, 32))
    point = linearise(feeder, background, np.zeros(3))
    # What is sent out is a load less; kW against MW.
    np.testing.assert_allclose(point.voltage_per_kw[1:], -dv / 1e3, rtol=1e-7)
    np.testing.assert_allclose(point.loss_per_kw, -dloss, rtol=1e-7)


def test_a_closed_tie_relieves_an_exporting_branch():
    """1.5 MW at bus 17: 172 kW lost; 101.5 kW with the tie 17-32 closed, as pandapower gives."""
    exchange_kw = np.array([[1500.0]])
    losses = []
    for closed in (False, True):
        net = case33()
        net.line.loc[35, "in_service"] = closed
        feeder = Feeder(net, members=(Member("M", 1e4, 1e4, 1.0, 17),))
        flow = PandapowerFlow(feeder).solve(np.ones(1), exchange_kw, 0 * exchange_kw)
        losses.append(flow.loss_kw[0])
    assert losses == pytest.approx([172.0, 101.5], abs=0.6)

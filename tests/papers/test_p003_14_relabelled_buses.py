"""Property 14: labels of buses are names, and the order of tables says nothing.

Voltages of a power flow are the same to its tolerance. What the DNO's problem costs is the same up
to what an AC power flow may be from a plan (1 kW at the substation in a step, here at most 0.16 per
kWh) and the gap at which a schedule with a diesel unit counts as best (1e-4).
"""

from dataclasses import replace

import numpy as np
import pandapower.toolbox
import pytest

from mmgsim.contracts import Security
from mmgsim.network import Feeder, FeederLimits, SweepFlow, read_tree
from mmgsim.subproblems import Granting
from tests.support import p003

HOURS = np.arange(11, 14)
LIMITS = FeederLimits(0.93, 1.05)
SWEEP_PU = 1e-10
"""Of two sweeps, each of which ends where no voltage changes by more than 1e-11.

It takes 50 iterations at most from a tenth of the voltage, so that each leaves less than 0.63 of
the distance, and the last one less than 0.63 / (1 - 0.63) of 1e-11.
"""


def permuted(seed):
    """Give the net with other labels, its tables in another order, and the new labels."""
    net, rng = p003.net(), np.random.default_rng(seed)
    old = [int(label) for label in net.bus.index]
    new_of = dict(zip(old, (int(x) for x in 3 * rng.permutation(len(old)) + 1), strict=True))
    pandapower.toolbox.reindex_buses(net, new_of)
    for table in ("bus", "line", "load"):
        net[table] = net[table].iloc[rng.permutation(len(net[table]))]
    # Half of the lines are written from their other end.
    turned = net.line.index[rng.random(len(net.line)) < 0.5]
    ends = net.line.loc[turned, ["from_bus", "to_bus"]].to_numpy()
    net.line.loc[turned, ["from_bus", "to_bus"]] = ends[:, ::-1]
    return net, new_of


def feeders(seed):
    net, new_of = permuted(seed)
    members = tuple(replace(m, bus=new_of[m.bus]) for m in p003.members())
    usual = Feeder(p003.net(), members=p003.members(), limits=LIMITS)
    return usual, Feeder(net, members=members, limits=LIMITS), new_of


@pytest.mark.parametrize("seed", range(4))
def test_voltages_follow_their_buses(seed):
    usual, other, new_of = feeders(seed)
    share = p003.background_share()
    exchange_kw = p003.table3().T
    flows = [SweepFlow(one).solve(share, exchange_kw, 0.0 * exchange_kw) for one in (usual, other)]
    order = [other.buses.index(new_of[bus]) for bus in usual.buses]
    assert order != sorted(order)
    np.testing.assert_allclose(flows[1].vm_pu[:, order], flows[0].vm_pu, rtol=0, atol=SWEEP_PU)
    lines = [other.lines.index(line) for line in usual.lines]
    loading = [flow.loading_percent for flow in flows]
    atol = SWEEP_PU * loading[0].max()  # currents are powers over voltages
    np.testing.assert_allclose(loading[1][:, lines], loading[0], rtol=0, atol=atol)
    assert flows[1].status == flows[0].status


def granted(feeder, new_of, security):
    """Give the answer to Table 3."""
    tree = read_tree(feeder)
    known = p003.view(tree, HOURS)
    own = tuple(replace(one, bus=new_of[one.bus]) for one in known.own)
    known = replace(known, members=feeder.members, own=own)
    return Granting().grant(known, p003.query(known, HOURS, security=security))


@pytest.mark.parametrize("security", [Security.NONE, Security.LIMITS])
@pytest.mark.parametrize("seed", range(2))
def test_what_the_dno_grants_and_pays_is_the_same(seed, security):
    usual, other, new_of = feeders(seed)
    same = {bus: bus for bus in usual.buses}
    one, two = granted(usual, same, security), granted(other, new_of, security)
    slack = 0.16 * len(HOURS) + 2e-4 * abs(one.cost.objective)
    assert two.cost.objective == pytest.approx(one.cost.objective, abs=slack)
    assert two.status == one.status
    new = {frozenset(map(int, pair.split("-"))) for pair in two.binding}
    assert new == {frozenset(new_of[int(b)] for b in pair.split("-")) for pair in one.binding}

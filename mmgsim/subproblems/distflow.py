"""A radial feeder over a window as a Pyomo block: branch flows, limits, substation, last resorts.

DistFlow in per unit with squared voltages and currents, seen from the sending end [1]_. Branch
``b`` leads from bus ``i`` to bus ``j`` with ``P, Q`` sent into it at ``i``:

    ``P_b - r_b l_b = drawn_j + g_j v_j + sum of P into the branches behind j``
    ``Q_b - x_b l_b = drawn_j - b_j v_j + sum of Q into the branches behind j``
    ``v_j = v_i - 2 (r_b P_b + x_b Q_b) + (r_b^2 + x_b^2) l_b``
    ``l_b v_i = P_b^2 + Q_b^2``

with conductances ``g`` and susceptances ``b`` to earth; ratios of transformers are gone with the
base voltages (`mmgsim.network.FeederTree`). The last line is not in the block. Its relaxation
``l_b v_i >= P_b^2 + Q_b^2``, a cone [2]_, is built up by tangent cuts while the problem is solved:
see `mmgsim.subproblems.cuts` and `to_ac`.

References
----------
.. [1] M. E. Baran and F. F. Wu, "Optimal capacitor placement on radial distribution systems", IEEE
   Trans. Power Deliv. 4(1), 1989, doi:10.1109/61.19265.
.. [2] M. Farivar and S. H. Low, "Branch flow model: relaxations and convexification, part I", IEEE
   Trans. Power Syst. 28(3), 2013, doi:10.1109/TPWRS.2013.2255317.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import cos, inf, pi, sin
from typing import Any

import numpy as np
import pyomo.environ as pyo
from numpy.typing import NDArray

from mmgsim.contracts import FloatArray
from mmgsim.network import FeederTree
from mmgsim.subproblems.devices import Horizon
from mmgsim.subproblems.solver import Solver

__all__ = [
    "INVERTER_SIDES",
    "LOSS_PENALTY",
    "Injection",
    "NetworkInputs",
    "declare_inverter",
    "declare_network",
    "loss_price_per_kwh",
    "update_network",
]

LOSS_PENALTY = 0.01
"""What a lost kWh costs on top of its energy, as a share of the mean absolute price of import.

The relaxation is only exact where losing energy costs something. Where a kWh is worth nothing, as
where renewable energy is spilled behind a full line, it may lose it in currents that do not flow.
One percent, about 1 currency a MWh, is enough to prefer spilling, and shifts a schedule by far
less than the accuracy of the prices; it is not part of what is reported as cost.
"""

INVERTER_SIDES = 16
"""Sides of the polygon inside the circle of an inverter's rating: 1.9 % less at its flattest."""

BEYOND_REACH = 2.0
"""What the substation may pass, over what all buses may draw or send: room for losses.

Only where it takes a binary to keep import and export apart. Losses are below what is
delivered at any voltage that a limit allows.
"""


@dataclass(frozen=True, slots=True, eq=False)
class Injection:
    """Power that enters the network at a bus; Pyomo components or dicts indexed by step.

    Parameters
    ----------
    bus : int
        Position of the bus in the tree.
    p_kw : indexed expressions
        Positive when power enters the network. [kW]
    q_kvar : indexed expressions or None
        Alike; none where it has no reactive power. [kvar]
    """

    bus: int
    p_kw: Any
    q_kvar: Any = None


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class NetworkInputs:
    """What changes from window to window.

    Parameters
    ----------
    demand_kw, demand_kvar : (buses, steps) arrays
        Background consumption, before any is shed. [kW], [kvar]
    shed_limit_kw : (buses, steps) array
        How much of it can be shed, at the power factor of the bus's loads. [kW]
    spill_limit_kw : (injections, steps) array
        How much of each injection can be spilled. [kW]
    buy_per_kwh, sell_per_kwh : (steps,) arrays
        Price of import and of export at the substation. [currency/kWh]
    shed_price_per_kwh : float or (buses,) array
        Price of shedding. [currency/kWh]
    spill_price_per_kwh : float or (injections,) array
        Price of spilling. [currency/kWh]
    reach_kw : (steps,) array
        The most that all injections send, or draw, together; used to keep
        import and export apart where `pays_both_ways`. [kW]
    """

    demand_kw: FloatArray
    demand_kvar: FloatArray
    shed_limit_kw: FloatArray
    spill_limit_kw: FloatArray
    buy_per_kwh: FloatArray
    sell_per_kwh: FloatArray
    shed_price_per_kwh: float | FloatArray
    spill_price_per_kwh: float | FloatArray
    reach_kw: FloatArray

    @property
    def pays_both_ways(self) -> NDArray[np.bool_]:
        """Per step, whether selling earns more than buying costs: an LP would do both at once."""
        return np.asarray(self.sell_per_kwh > self.buy_per_kwh)


# ------------------------------------------------------------------------------------- declaring
def declare_network(
    block: Any, tree: FeederTree, horizon: Horizon, injections: Sequence[Injection]
) -> None:
    """Declare the feeder, its limits, and what passes the substation.

    Gives, indexed by branch, bus or injection and then by step: ``p_pu``, ``q_pu``, ``i2_pu``
    (branches), ``v2_pu`` (buses), ``drawn_kw``, ``drawn_kvar`` (buses), ``shed_kw`` (buses with
    load), ``spill_kw`` (injections), ``import_kw``, ``export_kw``; the constraints ``balance_p``
    (buses) whose duals are the locational prices; ``cost`` [currency], and ``loss_penalty``,
    which belongs into the objective and not into the cost.

    With an exclusive horizon a binary forbids to import and export in the same step.

    Parameters
    ----------
    block : pyomo Block
        Where to declare.
    tree : FeederTree
        The network.
    horizon : Horizon
        Size of the problem.
    injections : sequence of Injection
        Everything that is not background.
    """
    _declare_sets(block, tree, horizon, len(injections))
    _declare_params(block)
    _declare_flows(block, tree)
    _declare_last_resorts(block)
    _declare_drawn(block, tree, injections)
    _declare_balances(block, tree)
    _declare_substation(block, tree, horizon)
    _declare_cost(block, tree, horizon)


def _declare_sets(block: Any, tree: FeederTree, horizon: Horizon, injections: int) -> None:
    block.time = pyo.RangeSet(0, horizon.steps - 1)
    block.bus = pyo.RangeSet(0, len(tree.buses) - 1)
    block.branch = pyo.RangeSet(0, len(tree.child) - 1)
    block.injection = pyo.RangeSet(0, injections - 1)
    # Loads that only draw reactive power have no power factor to be shed at.
    block.loaded = pyo.Set(initialize=np.flatnonzero(tree.load_kw > 0.0).tolist())


def _declare_params(block: Any) -> None:
    for name in ("demand_kw", "demand_kvar"):
        setattr(block, name, pyo.Param(block.bus, block.time, mutable=True, initialize=0.0))
    for name in ("buy_per_kwh", "sell_per_kwh"):
        setattr(block, name, pyo.Param(block.time, mutable=True, initialize=0.0))
    block.shed_limit_kw = pyo.Param(block.loaded, block.time, mutable=True, initialize=0.0)
    block.shed_price_per_kwh = pyo.Param(block.loaded, mutable=True, initialize=0.0)
    block.spill_limit_kw = pyo.Param(block.injection, block.time, mutable=True, initialize=0.0)
    block.spill_price_per_kwh = pyo.Param(block.injection, mutable=True, initialize=0.0)
    block.loss_price_per_kwh = pyo.Param(mutable=True, initialize=0.0)
    # Limits of the squared currents: equal where losses are held, see `to_ac`.
    block.i2_low_pu = pyo.Param(block.branch, block.time, mutable=True, initialize=0.0)
    block.i2_high_pu = pyo.Param(block.branch, block.time, mutable=True, initialize=inf)


def _declare_flows(block: Any, tree: FeederTree) -> None:
    """Declare what flows, within limits, and how the voltage falls along the branches."""

    def limits(_: Any, bus: int, __: int) -> tuple[float, float]:
        if bus == tree.root:
            return tree.v_slack_pu**2, tree.v_slack_pu**2
        return float(tree.v_min_pu[bus]) ** 2, float(tree.v_max_pu[bus]) ** 2

    block.p_pu = pyo.Var(block.branch, block.time)
    block.q_pu = pyo.Var(block.branch, block.time)
    block.i2_pu = pyo.Var(
        block.branch,
        block.time,
        bounds=lambda m, b, t: (m.i2_low_pu[b, t], m.i2_high_pu[b, t]),
    )
    block.v2_pu = pyo.Var(block.bus, block.time, bounds=limits)
    parent, child, r, x = (a.tolist() for a in (tree.parent, tree.child, tree.r_pu, tree.x_pu))
    block.voltage = pyo.Constraint(
        block.branch,
        block.time,
        rule=lambda m, b, t: (
            m.v2_pu[child[b], t]
            == m.v2_pu[parent[b], t]
            - 2.0 * (r[b] * m.p_pu[b, t] + x[b] * m.q_pu[b, t])
            + (r[b] ** 2 + x[b] ** 2) * m.i2_pu[b, t]
        ),
    )


def _declare_last_resorts(block: Any) -> None:
    block.shed_kw = pyo.Var(
        block.loaded, block.time, bounds=lambda m, i, t: (0.0, m.shed_limit_kw[i, t])
    )
    block.spill_kw = pyo.Var(
        block.injection, block.time, bounds=lambda m, i, t: (0.0, m.spill_limit_kw[i, t])
    )


def _declare_drawn(block: Any, tree: FeederTree, injections: Sequence[Injection]) -> None:
    """Declare what each bus draws in all: background, less what is shed, less what enters."""
    loaded = set(block.loaded)
    kvar_per_kw = {bus: float(tree.load_kvar[bus] / tree.load_kw[bus]) for bus in loaded}
    at: dict[int, list[int]] = {bus: [] for bus in block.bus}
    for number, injection in enumerate(injections):
        at[injection.bus].append(number)

    def active(m: Any, bus: int, t: int) -> Any:
        shed_kw = m.shed_kw[bus, t] if bus in loaded else 0.0
        sent_kw = pyo.quicksum(injections[i].p_kw[t] - m.spill_kw[i, t] for i in at[bus])
        return m.demand_kw[bus, t] - shed_kw - sent_kw

    def reactive(m: Any, bus: int, t: int) -> Any:
        shed_kvar = kvar_per_kw[bus] * m.shed_kw[bus, t] if bus in loaded else 0.0
        sent_kvar = pyo.quicksum(
            injections[i].q_kvar[t] for i in at[bus] if injections[i].q_kvar is not None
        )
        return m.demand_kvar[bus, t] - shed_kvar - sent_kvar

    block.drawn_kw = pyo.Expression(block.bus, block.time, rule=active)
    block.drawn_kvar = pyo.Expression(block.bus, block.time, rule=reactive)


def _declare_balances(block: Any, tree: FeederTree) -> None:
    """Declare the balances of all buses; the substation takes what lacks at the root.

    Reactive power of the upstream grid costs nothing and has no limit, so its balance at the root
    says nothing.
    """
    block.import_kw = pyo.Var(block.time, domain=pyo.NonNegativeReals)
    block.export_kw = pyo.Var(block.time, domain=pyo.NonNegativeReals)
    feeding = {bus: branch for branch, bus in enumerate(tree.child.tolist())}
    behind: dict[int, list[int]] = {bus: [] for bus in block.bus}
    for branch, bus in enumerate(tree.parent.tolist()):
        behind[bus].append(branch)

    def active(m: Any, bus: int, t: int) -> Any:
        onwards = pyo.quicksum(m.p_pu[b, t] for b in behind[bus])
        if bus == tree.root:
            arriving = (m.import_kw[t] - m.export_kw[t]) / tree.base_kw
        else:
            b = feeding[bus]
            arriving = m.p_pu[b, t] - float(tree.r_pu[b]) * m.i2_pu[b, t]
        own = _to_earth(float(tree.g_pu[bus]), m.v2_pu[bus, t])
        return arriving - onwards - own - m.drawn_kw[bus, t] / tree.base_kw == 0.0

    def reactive(m: Any, bus: int, t: int) -> Any:
        if bus == tree.root:
            return pyo.Constraint.Skip
        b, onwards = feeding[bus], pyo.quicksum(m.q_pu[b, t] for b in behind[bus])
        arriving = m.q_pu[b, t] - float(tree.x_pu[b]) * m.i2_pu[b, t]
        own = _to_earth(-float(tree.b_pu[bus]), m.v2_pu[bus, t])
        return arriving - onwards - own - m.drawn_kvar[bus, t] / tree.base_kw == 0.0

    block.balance_p = pyo.Constraint(block.bus, block.time, rule=active)
    block.balance_q = pyo.Constraint(block.bus, block.time, rule=reactive)


def _to_earth(admittance_pu: float, v2_pu: Any) -> Any:
    """Give what flows to earth at a bus; no term at all where there is nothing."""
    return admittance_pu * v2_pu if admittance_pu else 0.0


def _declare_substation(block: Any, tree: FeederTree, horizon: Horizon) -> None:
    """Forbid to import and export at once in the steps in which it pays.

    ``import <= most * is_importing + free``, ``export <= most * (1 - is_importing) + free``.
    """
    if not horizon.is_exclusive:
        return
    block.most_kw = pyo.Param(block.time, mutable=True, initialize=tree.base_kw)
    block.free_kw = pyo.Param(block.time, mutable=True, initialize=0.0)
    block.is_importing = pyo.Var(block.time, domain=pyo.Binary)
    block.import_only = pyo.Constraint(
        block.time,
        rule=lambda m, t: m.import_kw[t] <= m.most_kw[t] * m.is_importing[t] + m.free_kw[t],
    )
    block.export_only = pyo.Constraint(
        block.time,
        rule=lambda m, t: m.export_kw[t] <= m.most_kw[t] * (1 - m.is_importing[t]) + m.free_kw[t],
    )


def _declare_cost(block: Any, tree: FeederTree, horizon: Horizon) -> None:
    upstream = pyo.quicksum(
        block.buy_per_kwh[t] * block.import_kw[t] - block.sell_per_kwh[t] * block.export_kw[t]
        for t in block.time
    )
    shed = pyo.quicksum(
        block.shed_price_per_kwh[i] * block.shed_kw[i, t] for i in block.loaded for t in block.time
    )
    spilled = pyo.quicksum(
        block.spill_price_per_kwh[i] * block.spill_kw[i, t]
        for i in block.injection
        for t in block.time
    )
    lost_kw = pyo.quicksum(
        float(tree.r_pu[b] * tree.base_kw) * block.i2_pu[b, t]
        for b in block.branch
        for t in block.time
    )
    block.cost = pyo.Expression(expr=horizon.step_h * (upstream + shed + spilled))
    block.loss_penalty = pyo.Expression(expr=horizon.step_h * block.loss_price_per_kwh * lost_kw)


def declare_inverter(block: Any, p_kw: Any, q_kvar: Any, rating_kva: float) -> None:
    """Declare that active and reactive power stay within an inverter's rating.

    ``p^2 + q^2 <= rating^2`` by a polygon inside the circle, with corners on it:
    ``p cos(a) + q sin(a) <= rating cos(pi / sides)``.

    Parameters
    ----------
    block : pyomo Block
        Where to declare; ``block.time`` is its steps.
    p_kw, q_kvar : indexed Pyomo components
        By step. [kW], [kvar]
    rating_kva : float
        Apparent power. [kVA]
    """
    block.side = pyo.RangeSet(0, INVERTER_SIDES - 1)
    reach_kva = rating_kva * cos(pi / INVERTER_SIDES)

    def within(_: Any, side: int, t: int) -> Any:
        angle = (2 * side + 1) * pi / INVERTER_SIDES
        return p_kw[t] * cos(angle) + q_kvar[t] * sin(angle) <= reach_kva

    block.within_rating = pyo.Constraint(block.side, block.time, rule=within)


# -------------------------------------------------------------------------------------- updating
def loss_price_per_kwh(buy_per_kwh: FloatArray) -> float:
    """Give the penalty on losses at the prices of a window; see `LOSS_PENALTY`."""
    return LOSS_PENALTY * float(np.abs(buy_per_kwh).mean())


def update_network(solver: Solver, block: Any, inputs: NetworkInputs) -> None:
    """Write the numbers of one window into a block of `declare_network`."""
    loaded = list(block.loaded)
    buses, injections = len(inputs.demand_kw), len(inputs.spill_limit_kw)
    shed_price = np.broadcast_to(inputs.shed_price_per_kwh, buses)[loaded]
    spill_price = np.broadcast_to(inputs.spill_price_per_kwh, injections)
    solver.set(block.demand_kw, inputs.demand_kw.ravel())
    solver.set(block.demand_kvar, inputs.demand_kvar.ravel())
    solver.set(block.buy_per_kwh, inputs.buy_per_kwh)
    solver.set(block.sell_per_kwh, inputs.sell_per_kwh)
    solver.set(block.shed_limit_kw, inputs.shed_limit_kw[loaded].ravel())
    solver.set(block.shed_price_per_kwh, shed_price)
    if injections:
        solver.set(block.spill_limit_kw, inputs.spill_limit_kw.ravel())
        solver.set(block.spill_price_per_kwh, spill_price)
    solver.set(block.loss_price_per_kwh, loss_price_per_kwh(inputs.buy_per_kwh))
    if block.component("is_importing") is not None:
        most_kw = BEYOND_REACH * (inputs.reach_kw + np.abs(inputs.demand_kw).sum(axis=0))
        solver.set(block.most_kw, most_kw)
        solver.set(block.free_kw, np.where(inputs.pays_both_ways, 0.0, most_kw))

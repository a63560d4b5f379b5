"""Offer points joined by tie lines: what one offers may pass the connection point of another.

Accepted at point ``i`` is ``a_i`` (export less import), of which ties take ``leaving_i`` away:

    ``out_i - in_i = a_i - leaving_i``,  ``0 <= out_i, in_i``,  each up to what its connection bears
    ``sum out_i <= sum of exports offered``,  ``sum in_i <= sum of imports offered``

so that every split which is planned can be reached by the lines. The sums keep the plan from
sending power round through lines and feeder, which whoever decides on the lines would not do. What
is lost in them has a price: without one, burning energy in lines would be a way out of refusing it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyomo.environ as pyo

from mmgsim.contracts import FloatArray, TieLine
from mmgsim.subproblems.devices import Horizon
from mmgsim.subproblems.network_offers import NetworkWindow
from mmgsim.subproblems.solver import Solver
from mmgsim.subproblems.tie_lines import declare_ties, read_sent_kw

__all__ = ["declare_lines", "declare_passing", "declare_shared", "read_loss_kw", "update_joined"]

_SIDES = {"out_kw": "export", "in_kw": "import"}


def declare_lines(block: Any, ties: Sequence[TieLine], horizon: Horizon) -> None:
    """Declare the flows of the lines, and what is paid for their losses (``cost``)."""
    declare_ties(block, ties, horizon)
    block.loss_per_kwh = pyo.Param(mutable=True, initialize=0.0)
    block.cost = pyo.Expression(
        expr=horizon.step_h
        * block.loss_per_kwh
        * pyo.quicksum(
            tie.loss_share * block.sent_kw[i, end, t]
            for i, tie in enumerate(ties)
            for end in (0, 1)
            for t in block.time
        )
    )


def declare_passing(block: Any, accepted_kw: Mapping[int, Any], tie_kw: Any) -> None:
    """Declare what passes a connection point: ``p_kw``, all that is accepted less what ties take.

    Parameters
    ----------
    block : pyomo Block
        Of the offer point; ``block.time`` is its steps.
    accepted_kw : expressions by step
        Exports less imports that are accepted. [kW]
    tie_kw : expressions by step or None
        What leaves through ties, None where no line ends. [kW]
    """
    for passing in _SIDES:
        most_kw = pyo.Param(block.time, mutable=True, initialize=0.0)
        setattr(block, f"most_{passing}", most_kw)
        flow_kw = pyo.Var(block.time, bounds=lambda _, t, most_kw=most_kw: (0.0, most_kw[t]))
        setattr(block, passing, flow_kw)
    block.p_kw = pyo.Expression(block.time, rule=lambda b, t: b.out_kw[t] - b.in_kw[t])
    block.joined = pyo.Constraint(
        block.time,
        rule=lambda b, t: b.p_kw[t] == accepted_kw[t] - (tie_kw[t] if tie_kw else 0.0),
    )


def declare_shared(model: Any) -> None:
    """Declare that no more passes all points of ``model.point`` than they offer together."""
    model.time = pyo.RangeSet(0, len(model.tie.time) - 1)
    for passing, side in _SIDES.items():
        rule = _shared_rule(passing, side)
        setattr(model, f"shared_{side}", pyo.Constraint(model.time, rule=rule))


def _shared_rule(passing: str, side: str) -> Any:
    def keep(m: Any, t: int) -> Any:
        offered_kw = pyo.quicksum(
            getattr(block, f"{side}_most_kw")[k, t]
            for block in m.point.values()
            for k in getattr(block, f"{side}_block")
        )
        return pyo.quicksum(getattr(b, passing)[t] for b in m.point.values()) <= offered_kw

    return keep


def update_joined(solver: Solver, model: Any, window: NetworkWindow) -> None:
    """Set what connections bear, and what losses of lines cost."""
    solver.set(model.tie.loss_per_kwh, window.tie_loss_per_kwh)
    for name, block in model.point.items():
        most_in_kw, most_out_kw = window.connections_kw[str(name)]
        solver.set(block.most_in_kw, most_in_kw)
        solver.set(block.most_out_kw, most_out_kw)


def read_loss_kw(solver: Solver, model: Any, ties: Sequence[TieLine], steps: int) -> FloatArray:
    """Give what is lost in all lines together: (steps,) array. [kW]"""
    if not ties:
        return np.zeros(steps)
    sent_kw = read_sent_kw(solver, model.tie, ties)
    return np.asarray(sum(tie.loss_share * np.add(*sent_kw[tie.name]) for tie in ties))

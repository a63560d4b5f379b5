"""What is made even among the members of a joint problem where energy changes hands for nothing.

First what each saves over the window. A window may be executed in part only, and what is stored
has a worth: so then what each pays at its connection up to the next gate, and how full each store
is there. What is left open after that, a later gate's bills do not hang on.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from scipy import sparse

from mmgsim.contracts import Battery, Device, FloatArray, SessionStore
from mmgsim.subproblems.compiled import CompiledHighs
from mmgsim.subproblems.connection import PublicPrices
from mmgsim.subproblems.even_split import Worths, evened

__all__ = ["split_evenly"]


def split_evenly(
    solver: CompiledHighs,
    model: Any,
    members: Mapping[str, tuple[Device, ...]],
    prices: PublicPrices,
    *,
    steps: int,
    step_h: float,
) -> bool:
    """Move the solver's solution to the most even one that costs as little; False where it stays.

    Parameters
    ----------
    solver : CompiledHighs
        After its solve, of a joint problem with caps on costs.
    model : pyomo model
        That problem.
    members : mapping of tuples of Device
        By name of microgrid.
    prices : PublicPrices
        Of the window.
    steps : int
        Steps that are executed before the next gate.
    step_h : float
        Length of a step. [h]
    """
    levels = [
        _savings(solver, model, members),
        _unpaid(solver, model, members, prices, steps=steps, step_h=step_h),
        _stored(solver, model, members, steps),
    ]
    solution = evened(solver, [x for x in levels if len(x.base)], _moved(solver, model, members))
    if solution is None:
        return False
    solver.solution = solution
    return True


def _savings(solver: CompiledHighs, model: Any, members: Mapping[str, Any]) -> Worths:
    """Give by how much each member pays less than it may: the room under its cap. [currency]"""
    rows = solver.rows([model.member[name].cap for name in members])
    return Worths(solver.entries()[rows], solver.row_limits[1][rows])


def _unpaid(
    solver: CompiledHighs,
    model: Any,
    members: Mapping[str, Any],
    prices: PublicPrices,
    *,
    steps: int,
    step_h: float,
) -> Worths:
    """Give what each member pays at its connection up to the next gate, negative. [currency]"""
    taken = np.zeros((len(members), len(solver.costs)))
    for row, name in enumerate(members):
        member = model.member[name]
        for component, per_kwh in (
            (member.grid.import_kw, prices.buy_per_kwh),
            (member.grid.export_kw, -prices.sell_per_kwh),
            (member.bought_kw, prices.local_per_kwh),
        ):
            columns = solver.columns(component)[:steps]
            taken[row, columns] = step_h * per_kwh[:steps]
    return Worths(sparse.csr_array(taken), np.zeros(len(members)))


def _stored(
    solver: CompiledHighs, model: Any, members: Mapping[str, tuple[Device, ...]], steps: int
) -> Worths:
    """Give how full each store is at the next gate, as a share of its capacity."""
    full = {
        int(solver.columns(_stored_kwh(unit, device))[steps - 1]): device.energy_kwh
        for unit, device in _stores(model, members)
    }
    columns, capacity_kwh = list(full), np.array(list(full.values()))
    shape = (len(full), len(solver.costs))
    taken = sparse.csr_array((-1.0 / capacity_kwh, (np.arange(len(full)), columns)), shape=shape)
    return Worths(taken, np.zeros(len(full)))


def _moved(
    solver: CompiledHighs, model: Any, members: Mapping[str, tuple[Device, ...]]
) -> FloatArray:
    """Weigh what is traded and what passes storage, which nobody should do for nothing."""
    weights = np.zeros(len(solver.costs))
    for name in members:
        weights[solver.columns(model.member[name].bought_kw)] = 1.0
    for unit, device in _stores(model, members):
        can_discharge = isinstance(device, Battery) or device.discharge_kw > 0.0
        for component in (unit.in_kw, unit.out_kw) if can_discharge else (unit.in_kw,):
            weights[solver.columns(component)] = 1.0
    return weights


def _stored_kwh(unit: Any, device: Battery | SessionStore) -> Any:
    """Give the variable of what a store hands on from step to step. [kWh]"""
    return unit.energy_kwh if isinstance(device, Battery) else unit.kept_kwh


def _stores(
    model: Any, members: Mapping[str, tuple[Device, ...]]
) -> Iterator[tuple[Any, Battery | SessionStore]]:
    for name, devices in members.items():
        for device in devices:
            if isinstance(device, Battery | SessionStore):
                yield model.member[name].own.device[device.name], device

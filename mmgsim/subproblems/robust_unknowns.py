"""What of several microgrids is uncertain in a window, as one budgeted set."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyomo.environ as pyo
from numpy.typing import NDArray

from mmgsim.contracts import Disclosure, FloatArray, Load, Renewable
from mmgsim.subproblems.adversary import BudgetSet

__all__ = ["RobustUnknowns", "at_most"]

# Deviations below this are the rounding of whoever states them. [kW]
_TINY_KW = 1e-9


@dataclass(frozen=True, slots=True)
class _Cell:
    """One device in one step."""

    member: int
    step: int
    is_demand: bool
    param: Any
    forecast_kw: float
    deviation_kw: float


class RobustUnknowns:
    """Sun, wind and demand that may be worse than forecast, with one budget a microgrid.

    Sun and wind may fall to their lower bound, demand may rise to its upper one. More sun never
    costs more, as what is not used is spilled; so only that side is looked at.

    Parameters
    ----------
    model : pyomo.environ.ConcreteModel
        With ``member[name].own`` of `declare_microgrid`.
    declared : mapping
        By name of microgrid.
    budget : mapping
        By name of microgrid: how many of its deviations come whole.

    Attributes
    ----------
    params : Pyomo Param
        Those that are uncertain, one of no effect where nothing is.
    set : BudgetSet
        What may happen to them.
    """

    def __init__(
        self, model: Any, declared: Mapping[str, Disclosure], budget: Mapping[str, float]
    ) -> None:
        self._cells = list(_cells(model, declared))
        steps = next(iter(declared.values())).window.steps
        self._shape = (len(declared), steps)
        self._certain_kw = {
            is_demand: self._certain(declared, is_demand=is_demand) for is_demand in (False, True)
        }
        self._member = np.array([cell.member for cell in self._cells], dtype=np.intp)
        self._step = np.array([cell.step for cell in self._cells], dtype=np.intp)
        self._is_demand = np.array([cell.is_demand for cell in self._cells], dtype=np.bool_)
        model.still = pyo.Param([0], mutable=True, initialize=0.0)
        known = [cell.param for cell in self._cells] or [model.still[0]]
        self.params = pyo.Reference(known)
        none = [0.0] * (not self._cells)
        self.set = BudgetSet(
            centre=np.array([cell.forecast_kw for cell in self._cells] + none),
            spread=np.array([cell.deviation_kw for cell in self._cells] + none),
            group=np.array([cell.member for cell in self._cells] or [0], dtype=np.intp),
            budget=np.array([float(budget[name]) for name in declared]),
        )

    def _certain(self, declared: Mapping[str, Disclosure], *, is_demand: bool) -> FloatArray:
        """Give all that is forecast of a side, less what the cells hold of it. [kW]"""
        kind = Load if is_demand else Renewable
        total_kw = np.zeros(self._shape)
        for row, disclosure in enumerate(declared.values()):
            for device in disclosure.devices:
                if isinstance(device, kind):
                    total_kw[row] += disclosure.forecast_kw[device.name]
        for cell in self._cells:
            if cell.is_demand == is_demand:
                total_kw[cell.member, cell.step] -= cell.forecast_kw
        return total_kw

    def worth(self, lost_load_per_kwh: float, step_h: float) -> tuple[FloatArray, FloatArray]:
        """Give between what a kW more of each changes the cost of what is left to do.

        A kW of sun replaces a kW that lacks, and may be spilled. A kW of demand can be met by one
        that lacks; one that falls away leaves one in excess, or lets something be served that was
        not. So the cost changes by no more than the price of lost load, and that bounds the
        multipliers of some optimum, whatever was decided. [currency/kW]
        """
        most = lost_load_per_kwh * step_h
        low = np.full(len(self.set.centre), -most)
        high = np.zeros(len(self.set.centre))
        high[: len(self._cells)][self._is_demand] = most
        return low, high

    def cells_of(self, member: int, step: int) -> NDArray[np.intp]:
        """Give the unknowns of sun and wind of one microgrid in one step."""
        own = (self._member == member) & (self._step == step) & ~self._is_demand
        return np.flatnonzero(own)

    def sun_kw(self, unknown: FloatArray) -> FloatArray:
        """Give the available power of each microgrid: (members, steps) array. [kW]"""
        return self._at(unknown, is_demand=False)

    def demand_kw(self, unknown: FloatArray) -> FloatArray:
        """Give the demand of each microgrid: (members, steps) array. [kW]"""
        return self._at(unknown, is_demand=True)

    def _at(self, unknown: FloatArray, *, is_demand: bool) -> FloatArray:
        total_kw = self._certain_kw[is_demand].copy()
        own = self._is_demand == is_demand
        values = unknown[: len(self._cells)][own]
        np.add.at(total_kw, (self._member[own], self._step[own]), values)
        return total_kw


def _cells(model: Any, declared: Mapping[str, Disclosure]) -> Iterator[_Cell]:
    for member, (name, disclosure) in enumerate(declared.items()):
        units = model.member[name].own.device
        for device in disclosure.devices:
            if not isinstance(device, Load | Renewable):
                continue
            is_demand = isinstance(device, Load)
            unit = units[device.name]
            params = unit.demand_kw if is_demand else unit.available_kw
            forecast_kw = disclosure.forecast_kw[device.name]
            worst_kw = _worst_kw(disclosure, device)
            for step, (expected, worst) in enumerate(zip(forecast_kw, worst_kw, strict=True)):
                if abs(worst - expected) > _TINY_KW:
                    yield _Cell(
                        member,
                        step,
                        is_demand,
                        params[step],
                        float(expected),
                        float(worst - expected),
                    )


def _worst_kw(disclosure: Disclosure, device: Load | Renewable) -> FloatArray:
    """Give the bound on the side that costs; the forecast where none is stated. [kW]"""
    forecast_kw = disclosure.forecast_kw[device.name]
    if isinstance(device, Load):
        return np.maximum(disclosure.high_kw.get(device.name, forecast_kw), forecast_kw)
    low_kw = disclosure.low_kw.get(device.name, forecast_kw)
    return np.clip(low_kw, 0.0, forecast_kw)


def at_most(disclosure: Disclosure) -> Disclosure:
    """Give a disclosure with the most demand and the most available power there may be."""
    most_kw = dict(disclosure.forecast_kw)
    for device in disclosure.devices:
        if isinstance(device, Load):
            most_kw[device.name] = _worst_kw(disclosure, device)
    return replace(disclosure, forecast_kw=most_kw)

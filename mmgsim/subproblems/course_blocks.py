"""What becomes of a plan in one course: loads, sun and wind follow it, and so does the grid.

All money of a course is counted times its probability, so that another probability changes costs of
the problem, and its matrix only where there is a weight on the tail.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyomo.environ as pyo

from mmgsim.contracts import Envelope
from mmgsim.subproblems.compiled import CompiledHighs
from mmgsim.subproblems.connection import (
    PublicPrices,
    declare_connection,
    exchange_limits,
    update_connection,
)
from mmgsim.subproblems.courses import UNCERTAIN, Courses
from mmgsim.subproblems.devices import KINDS, DeviceInputs, Horizon
from mmgsim.subproblems.solver import Block
from mmgsim.subproblems.terms import MicrogridInputs

__all__ = ["dearest_per_kwh", "declare_course", "update_courses"]

# More than any device can exchange: takes the limit off what may be missed. [kW]
_ANY_KW = 1e9


def declare_course(
    course: Block, member: Block, uncertain: list[Any], horizon: Horizon, probability: Any
) -> None:
    """Declare the devices of one course, its exchange, and what it costs beyond the first stage.

    ``exchange = planned exchange - planned net power of what follows + its net power here``

    Parameters
    ----------
    course : pyomo Block
        Where to declare.
    member : pyomo Block
        With ``own``, a block of `declare_microgrid`, and ``trade_kw``.
    uncertain : list of Device
        What follows the course.
    horizon : Horizon
        Size of the problem.
    probability : pyomo Param
        Of the course.
    """
    own = member.own
    course.time = pyo.RangeSet(0, horizon.steps - 1)
    course.device = pyo.Block([device.name for device in uncertain])
    for device in uncertain:
        KINDS[type(device)].declare(course.device[device.name], device, horizon)

    def net_kw(block: Block, t: int) -> Any:
        units = (block.device[device.name] for device in uncertain)
        return pyo.quicksum(unit.out_kw[t] - unit.in_kw[t] for unit in units)

    course.exchange_kw = pyo.Var(course.time)
    course.balance = pyo.Constraint(
        course.time,
        rule=lambda b, t: b.exchange_kw[t] == own.exchange_kw[t] - net_kw(own, t) + net_kw(b, t),
    )
    course.grid = pyo.Block()
    declare_connection(course.grid, course.exchange_kw, member.trade_kw, horizon)
    lost = pyo.quicksum(course.device[device.name].cost for device in uncertain)
    course.cost = pyo.Expression(expr=course.grid.cost + probability * lost)


def update_courses(
    solver: CompiledHighs,
    member: Block,
    *,
    inputs: MicrogridInputs,
    envelope: Envelope,
    courses: Courses,
    name: str,
) -> None:
    """Write what comes in each course, and what the grid costs and lets through in it.

    Parameters
    ----------
    solver : CompiledHighs
        Of the problem.
    member : pyomo Block
        With a block of `declare_course` for every course.
    inputs : MicrogridInputs
        What the microgrid declares, and its terms.
    envelope : Envelope
        Limits of its exchange in every course.
    courses : Courses
        What may come.
    name : str
        Of the microgrid.
    """
    terms, prices = inputs.terms, inputs.terms.prices
    tie_kw = 0.0 if terms.tie_kw is None else terms.tie_kw
    low_kw, high_kw = exchange_limits(envelope)
    weight = courses.probability if courses.weight is None else courses.weight
    dearest = dearest_per_kwh(inputs)
    devices = [d for d in inputs.declared.devices if isinstance(d, UNCERTAIN)]
    for s, p in enumerate(courses.probability.tolist()):
        course = member.course[s]
        for device in devices:
            unit, kw = course.device[device.name], courses.kw[name][device.name][s]
            KINDS[type(device)].update(solver, unit, device, DeviceInputs(forecast_kw=kw))
        buy, sell = prices.buy_per_kwh, prices.sell_per_kwh
        if courses.buy_more_per_kwh is not None:
            buy = buy + courses.buy_more_per_kwh[s]
        if courses.sell_more_per_kwh is not None:
            sell = sell + courses.sell_more_per_kwh[s]
        weighted = PublicPrices(p * buy, p * np.minimum(sell, buy), prices.local_per_kwh)
        update_connection(
            solver,
            course.grid,
            weighted,
            low_kw + tie_kw,
            high_kw + tie_kw,
            # Where energy turns out dearer than anything, leaving the envelope does not pay either.
            miss_price_per_kwh=float(weight[s])
            * max(dearest, float(np.abs([buy, sell]).max(initial=0.0))),
        )
        solver.set(course.grid.miss_limit_kw, _ANY_KW)


def dearest_per_kwh(inputs: MicrogridInputs) -> float:
    """Give the price of the dearest kWh of a window: bought, sold or shed. [currency/kWh]"""
    prices = inputs.terms.prices
    return max(
        float(np.abs([prices.buy_per_kwh, prices.sell_per_kwh]).max()),
        *(d.dearest_per_kwh for d in inputs.declared.devices if hasattr(d, "dearest_per_kwh")),
        0.0,
    )

"""A microgrid as the follower of a leader who decides its firm trades.

Its problem is the one of `MicrogridProblem`, told by what it declares; for the leader it is also an
LP with the trades as columns that are given.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy import sparse

from mmgsim.contracts import (
    Battery,
    Diesel,
    Disclosure,
    Envelope,
    FloatArray,
    Load,
    Renewable,
    SessionStore,
    Tariff,
)
from mmgsim.subproblems.block import reach_kw
from mmgsim.subproblems.compiled import CompiledHighs
from mmgsim.subproblems.connection import exchange_limits, public_prices
from mmgsim.subproblems.linear_form import IndexArray
from mmgsim.subproblems.linear_program import LinearProgram, propagated
from mmgsim.subproblems.microgrid import MicrogridPlan, MicrogridProblem
from mmgsim.subproblems.terms import MicrogridInputs, Terms

__all__ = ["Follower", "FollowerProgram"]


@dataclass(frozen=True, slots=True, eq=False)
class FollowerProgram:
    """The LP of a follower, with the columns that a leader has to do with.

    Parameters
    ----------
    program : LinearProgram
        Reduced; its costs are the follower's own: private cost, import and export by the tariff.
    least, most : (columns,) arrays
        Between what some optimal response lies, whatever the trades.
    import_kw, export_kw, exchange_kw, trade_kw : (steps,) arrays of int
        Columns. Trades are given.
    """

    program: LinearProgram
    least: FloatArray
    most: FloatArray
    import_kw: IndexArray
    export_kw: IndexArray
    exchange_kw: IndexArray
    trade_kw: IndexArray


class Follower:
    """One microgrid, built once for its devices, that answers firm trades as its owner would.

    Parameters
    ----------
    name : str
        Of the microgrid.
    declared : Disclosure
        Any of the size to be planned.
    """

    def __init__(self, name: str, declared: Disclosure) -> None:
        self.name = name
        self._problem = MicrogridProblem(name, declared.devices, declared.window)

    def fits(self, declared: Disclosure) -> bool:
        """Tell whether this follower was built for such a disclosure."""
        return self._problem.fits(declared.devices, declared.window)

    def reset(self) -> None:
        """Forget what was solved before."""
        self._problem.reset()

    def start(self, declared: Disclosure, tariff: Tariff, envelope: Envelope) -> MicrogridPlan:
        """Begin a window; give what it does without any trade."""
        low_kw, high_kw = exchange_limits(envelope)
        nothing = np.zeros(declared.window.steps)
        terms = Terms(public_prices(tariff), low_kw, high_kw, nothing)
        self._inputs = MicrogridInputs(declared, terms)
        self.alone = self.respond(nothing)
        return self.alone

    def respond(self, trade_kw: FloatArray, exchange_kw: FloatArray | None = None) -> MicrogridPlan:
        """Give what it does with firm trades, and with its exchange where that is given.

        Parameters
        ----------
        trade_kw : (steps,) array
            Sold minus bought. [kW]
        exchange_kw : (steps,) array or None
            All that is to leave its connection; None for what is best for itself. [kW]
        """
        terms = replace(self._inputs.terms, trade_kw=trade_kw)
        if exchange_kw is not None:
            low_kw = np.clip(exchange_kw, terms.low_kw, terms.high_kw)
            terms = replace(terms, low_kw=low_kw, high_kw=low_kw, is_award=True)
        step = self._inputs.declared.window.first_step
        return self._problem.solve(replace(self._inputs, terms=terms), step)

    def cost(self, plan: MicrogridPlan, trade_kw: FloatArray) -> float:
        """Give what a plan costs it, without what it pays and gets for trades. [currency]"""
        prices, step_h = self._inputs.terms.prices, self._inputs.declared.window.step_h
        grid_kw = plan.exchange_kw - trade_kw
        per_h = np.where(grid_kw < 0.0, prices.buy_per_kwh, prices.sell_per_kwh)
        return plan.private_cost - step_h * float(per_h @ grid_kw)

    @property
    def is_linear(self) -> bool:
        """False where no LP describes it: units on or off, or binaries against cheating."""
        has_units = any(isinstance(one, Diesel) for one in self._inputs.declared.devices)
        is_arbitrage = self._inputs.terms.prices.is_arbitrage
        return not (has_units or is_arbitrage or "exclusive" in self.alone.flags)

    @property
    def least_efficiency(self) -> float:
        """The worst efficiency of its storage, one way."""
        devices = self._inputs.declared.devices
        stores = (d for d in devices if isinstance(d, Battery | SessionStore))
        return min((store.efficiency for store in stores), default=1.0)

    def most_traded_kw(self) -> tuple[FloatArray, FloatArray]:
        """Give what it may sell and buy at most: what it can generate, and what it can use. [kW]

        Told by its devices alone, whatever it decides: no passing on of what it does not have.
        """
        declared = self._inputs.declared
        sold_kw, bought_kw = np.zeros((2, declared.window.steps))
        for device in declared.devices:
            if isinstance(device, Battery):
                sold_kw, bought_kw = sold_kw + device.power_kw, bought_kw + device.power_kw
            elif isinstance(device, Renewable):
                sold_kw = sold_kw + declared.forecast_kw[device.name]
            elif isinstance(device, Load):
                bought_kw = bought_kw + declared.forecast_kw[device.name]
            elif isinstance(device, SessionStore):
                plugged = declared.sessions[device.name].is_plugged
                sold_kw = sold_kw + plugged * device.discharge_kw
                bought_kw = bought_kw + plugged * device.charge_kw
            else:
                sold_kw = sold_kw + device.power_max_kw
        return sold_kw, bought_kw

    def program(self) -> FollowerProgram:
        """Give its LP, with the trades as columns at the end."""
        steps = self._inputs.declared.window.steps
        nothing = np.zeros(steps)
        alone = self.respond(nothing)  # the solver then has the numbers without trade
        model, solver = self._problem.relaxation()
        low, high = solver.column_limits()
        own = len(low)
        trades = sparse.csr_array(
            (-np.ones(steps), (solver.rows(model.grid.split.values()), np.arange(steps))),
            shape=(len(solver.row_limits[0]), steps),
        )
        sold_kw, bought_kw = self.most_traded_kw()
        place = {
            name: solver.columns(component)
            for name, component in (
                ("import_kw", model.grid.import_kw),
                ("export_kw", model.grid.export_kw),
                ("exchange_kw", model.own.exchange_kw),
            )
        }
        program = LinearProgram.of(
            np.concatenate([solver.costs, np.zeros(steps)]),
            self.cost(alone, nothing) - float(solver.costs @ solver.solution),
            sparse.hstack([solver.entries(), trades], format="csr"),
            rows=solver.row_limits,
            columns=(np.concatenate([low, -bought_kw]), np.concatenate([high, sold_kw])),
            given=np.arange(own + steps) >= own,
        )
        program = program.reduced()
        most = np.minimum(program.high, self._most(model, solver, sold_kw, bought_kw))
        least, most = propagated(
            program.matrix, (program.row_low, program.row_high), (program.low, most)
        )
        return FollowerProgram(
            program=program,
            least=least,
            most=most,
            trade_kw=np.arange(own, own + steps, dtype=np.int32),
            **place,
        )

    def _most(
        self, model: Any, solver: CompiledHighs, sold_kw: FloatArray, bought_kw: FloatArray
    ) -> FloatArray:
        """Bound what the LP leaves open and no optimal response needs more of.

        Where buying costs more than selling earns, import or export is zero; a level is missed by
        no more than the battery holds.
        """
        declared, terms = self._inputs.declared, self._inputs.terms
        reach = reach_kw(declared)
        lowest_kw, highest_kw = np.maximum(terms.low_kw, -reach), np.minimum(terms.high_kw, reach)
        most = np.full(len(solver.costs) + declared.window.steps, np.inf)
        most[solver.columns(model.grid.import_kw)] = np.maximum(sold_kw - lowest_kw, 0.0)
        most[solver.columns(model.grid.export_kw)] = np.maximum(highest_kw + bought_kw, 0.0)
        for device in declared.devices:
            if isinstance(device, Battery):
                missed = solver.columns(model.own.device[device.name].miss_kwh)
                most[missed] = device.energy_kwh
        return most

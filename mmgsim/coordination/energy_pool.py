"""The local energy exchange market of paper 001: a pool at which all microgrids meet.

Every microgrid discloses, the pool finds the cheapest joint plan, and energy changes hands in it:
what sellers put in is what buyers take out (eq. 14), or a share of it less. Without losses and
further rules this is the optimum of `central`.

The paper asks that nobody pays more than on its own (eq. 20) and has no price: energy is given
away. Then a seller gains nothing by selling, and gains are lost that a payment would bring about.
``ir: paper`` is that rule. Who saves how much it leaves open, so that savings of a solver's plan
are accidents: here they are as even as the least cost allows. Otherwise all gains are made, and
money divides them: the price of ``settlement.local_price`` by the kWh, and transfers by a rule that
looks at what groups would save.

.. [1] M. Daneshvar et al., "Two-stage stochastic programming model for optimal scheduling of
   transactive multi-microgrids", J. Mod. Power Syst. Clean Energy, 2020,
   doi:10.35833/MPCE.2018.000590.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from types import MappingProxyType
from typing import Any, Literal, get_args

import numpy as np

from mmgsim.contracts import (
    Award,
    Clearing,
    Disclose,
    Disclosure,
    FloatArray,
    MarketView,
    Message,
    Objective,
    Party,
    frozen,
)
from mmgsim.coordination.central import MIP_GAP
from mmgsim.coordination.coalitions import Coalitions
from mmgsim.coordination.pool import (
    Prices,
    local_price,
    match_pool,
    pool_awards,
    pool_clearing,
    pool_trades,
)
from mmgsim.coordination.replies import plans_by_name, replies_by_name
from mmgsim.coordination.saving import Saving, coalition_faults
from mmgsim.coordination.sharing import Split
from mmgsim.coordination.ties import tie_flows
from mmgsim.scenario import Scenario
from mmgsim.subproblems import CompiledHighs, JointProblem, PoolRules, PoolTerms, public_prices

__all__ = ["IndividuallyRational", "Pool", "PoolSplit"]

IndividuallyRational = Literal["none", "paper"]
PoolSplit = Literal["none", "nash", "shapley", "nucleolus"]

# The solution of Nash with money: everybody gains the same.
_RULES = MappingProxyType(
    {"nash": Split.EQUAL, "shapley": Split.SHAPLEY, "nucleolus": Split.NUCLEOLUS}
)
# Of what a member pays alone: the rounding of two solvers must not make eq. 20 infeasible.
_ROUNDING = 1e-9

_MAKE_SOLVER = partial(CompiledHighs, mip_gap=MIP_GAP)


class Pool:
    """Clears a pool of microgrids, with losses, paper 001's rule, or a divided saving.

    Parameters
    ----------
    ir : str
        ``none``: the cheapest joint plan, whoever gains by it before money. ``paper``: the cheapest
        one in which no member pays more than on its own while energy changes hands for nothing, and
        of several such the one whose least saving is largest, then the next, and so on.
    loss_factor : float
        Of what sellers put in, the share that buyers do not get, in [0, 1). It goes to the DNO, in
        kind, against the AC losses of the feeder.
    split : str
        ``none``: local trades are paid by the kWh and that is all. ``nash``, ``shapley``,
        ``nucleolus``: transfers on top, so that each pays what it would alone less its share of
        the saving.
    """

    asks: frozenset[type[Message]] = frozenset({Disclose, Award})

    def __init__(
        self,
        *,
        ir: IndividuallyRational = "none",
        loss_factor: float = 0.0,
        split: PoolSplit = "none",
    ) -> None:
        if ir not in get_args(IndividuallyRational):
            raise ValueError(f"ir is one of {', '.join(get_args(IndividuallyRational))}, not {ir}")
        if split not in get_args(PoolSplit):
            raise ValueError(f"split is one of {', '.join(get_args(PoolSplit))}, not {split!r}")
        if not 0.0 <= loss_factor < 1.0:
            raise ValueError(f"loss_factor is at least 0 and below 1, not {loss_factor:g}")
        if ir == "paper" and split != "none":
            raise ValueError("ir: paper is without money; use split: none, or ir: none")
        self.ir, self.loss_factor, self.split = ir, loss_factor, split
        self.uses_ties = ir == "none"  # what passes a tie is paid for
        self._rules = PoolRules(loss_factor=loss_factor, caps_costs=ir == "paper")
        self._alone = Coalitions(loss_factor) if ir == "paper" else None
        self._saving = Saving(_RULES[split], loss_factor) if split in _RULES else None
        self._problem: JointProblem | None = None

    def scenario_faults(self, scenario: Scenario) -> Iterator[tuple[str, str, str]]:
        """Give option, fault and cure of whatever does not fit the scenario."""
        usual = {"ir": "none", "loss_factor": 0.0, "split": "none"}
        if scenario.objective is Objective.SYSTEM:
            for option, default in usual.items():
                if getattr(self, option) != default:
                    what = "is about the members' bills, which `objective: system` leaves out"
                    yield option, what, f"use {default}, or `objective: members`"
        if self._saving is not None:
            yield from coalition_faults(self._saving.split, len(scenario.microgrids))

    def reset(self) -> None:
        """Make all problems as new, without building them again."""
        for part in (self._problem, self._alone, self._saving):
            if part is not None:
                part.reset()

    def start(self, view: MarketView, memory: Mapping[str, Any]) -> None:
        """Begin a gate; nothing is remembered from the last one."""
        del memory
        self._view = view
        self._declared: dict[str, Disclosure] = {}

    # ------------------------------------------------------------------------------ asking
    def ask(self) -> list[Message]:
        """Ask for disclosure; then award exchanges and trades."""
        view = self._view
        if not self._declared:
            return [Disclose(to=member.name, window=view.window) for member in view.members]
        trades = pool_trades(self._trade_kw, self._price_per_kwh)
        return pool_awards(view.window, self._optimum.exchange_kw, trades, ties=self._ties)

    # --------------------------------------------------------------------------- listening
    def tell(self, replies: Sequence[Message]) -> Clearing | None:
        """Solve once everything is disclosed; clear once everything is planned."""
        if not self._declared:
            self._declared = replies_by_name(replies, Disclosure)
            self._solve()
            self._trade()
            return None
        plans = plans_by_name(replies)
        clearing = pool_clearing(
            self._view,
            plans,
            self._trade_kw,
            self._price_per_kwh,
            lower=self._optimum.lower_bound,
            ties=self._ties,
            flags=() if self._optimum.is_even else ("split_undetermined",),
        )
        if self._saving is None:
            return clearing
        self._saving.start(self._view, self._declared, self._optimum.cost)
        transfers = self._saving.transfers(
            plans, self._trade_kw, self._price_per_kwh, upper=clearing.upper, ties=self._ties
        )
        return replace(clearing, transfers=transfers)

    def _solve(self) -> None:
        """Find the cheapest joint plan by the rules of the pool."""
        view, declared = self._view, self._declared
        members = {name: disclosure.devices for name, disclosure in declared.items()}
        if self._problem is None or not self._problem.fits(members, view.window, view.ties):
            self._problem = JointProblem(
                members, view.window, ties=view.ties, rules=self._rules, make_solver=_MAKE_SOLVER
            )
        terms = PoolTerms(most_cost=self._most_cost(), steps_to_gate=view.steps_to_gate)
        prices, step = public_prices(view.tariff, view.objective), view.window.first_step
        self._optimum = self._problem.solve(declared, view.envelopes, prices, step, terms=terms)

    def _most_cost(self) -> dict[str, float]:
        """Give what each member pays alone, with the rounding of a solver. [currency]"""
        if self._alone is None:
            return {}
        self._alone.start(self._declared, self._view.envelopes, self._view.tariff)
        alone = self._alone.alone + _ROUNDING * (1.0 + np.abs(self._alone.alone))
        return dict(zip(self._declared, alone.tolist(), strict=True))

    def _trade(self) -> None:
        """Say who sells how much, at which price, and what is kept for losses."""
        view, optimum = self._view, self._optimum
        if self.ir == "paper":
            # Who gives how much decides who pays how much: trades of the even optimum.
            trade_kw = dict(optimum.trade_kw)
            bought_per_kwh = np.zeros(view.window.steps)
        else:
            trade_kw = match_pool(optimum.exchange_kw, view.tariff, loss_factor=self.loss_factor)
            bought_per_kwh = local_price(
                view.local_price,
                view.tariff,
                optimum.price_per_kwh,
                loss_factor=self.loss_factor,
            )
        self._ties = tie_flows(view.ties, optimum.sent_kw, bought_per_kwh)
        self._trade_kw = trade_kw
        self._price_per_kwh: Prices = bought_per_kwh
        if self.loss_factor:
            self._price_per_kwh = self._prices_with_losses(trade_kw, bought_per_kwh)
            kept_kw = sum(trade_kw.values(), np.zeros(view.window.steps))
            self._trade_kw = {**trade_kw, str(Party.DNO): frozen(-np.maximum(kept_kw, 0.0))}

    def _prices_with_losses(
        self, trade_kw: Mapping[str, FloatArray], bought_per_kwh: FloatArray
    ) -> Prices:
        """Give sellers what buyers pay for the part that arrives, and the DNO the rest for nothing.

        So the market keeps no money.
        """
        sold_per_kwh = (1.0 - self.loss_factor) * bought_per_kwh
        prices = {
            name: frozen(np.where(kw > 0.0, sold_per_kwh, bought_per_kwh))
            for name, kw in trade_kw.items()
        }
        return {**prices, str(Party.DNO): frozen(np.zeros_like(bought_per_kwh))}

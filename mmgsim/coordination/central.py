"""One planner who is told everything: the optimum that the others are measured by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from mmgsim.contracts import (
    Award,
    Clearing,
    Disclose,
    Disclosure,
    MarketView,
    Message,
    Round,
    ShadowPrices,
)
from mmgsim.coordination.network_talk import (
    NetworkSource,
    NetworkTalk,
    checked_source,
    questions_of,
)
from mmgsim.coordination.pool import (
    match_pool,
    pool_awards,
    pool_clearing,
    pool_trades,
)
from mmgsim.coordination.replies import plans_by_name, replies_by_name
from mmgsim.coordination.ties import tie_flows
from mmgsim.subproblems import CompiledHighs, JointProblem, public_prices

__all__ = ["Central"]

# Coordinations are compared to 1e-6 of gross cost.
MIP_GAP = 1e-6


class Central:
    """Has every microgrid disclose its devices, solves the joint problem and awards its exchanges.

    Its lower bound is that of the joint problem; the plans that the microgrids make from their
    awards give the upper one.

    Parameters
    ----------
    network : str
        ``envelopes``: the limits that the DNO has published are all that is known of the network;
        ``rows``: the DNO is asked about every optimum, and the limits that it breaks are added
        until none is broken; under the objective ``system`` losses count.
    mip_gap : float
        Distance to the bound at which a joint problem with binaries counts as solved, relative to
        its cost. Proving the last digits of many diesel units may take very long.
    time_limit_s : float or None
        After which such a problem is left with its best solution; the gate states the gap that is
        left. What a machine finds within a time differs from run to run.
    """

    asks: frozenset[type[Message]] = frozenset({Disclose, Award})
    uses_ties = True

    def __init__(
        self,
        mip_gap: float = MIP_GAP,
        time_limit_s: float | None = None,
        *,
        network: NetworkSource = "envelopes",
    ) -> None:
        if not 0.0 <= mip_gap < 1.0:
            raise ValueError(f"mip_gap is {mip_gap:g}; use a share such as 1e-4")
        if time_limit_s is not None and not time_limit_s > 0.0:
            raise ValueError(f"time_limit_s is above 0, not {time_limit_s:g}")
        self.network = checked_source(network)
        self.asks_dno = questions_of(self.network)
        limit = np.inf if time_limit_s is None else time_limit_s
        self._make_solver = partial(CompiledHighs, mip_gap=mip_gap, time_limit_s=limit)
        self._problem: JointProblem | None = None

    def reset(self) -> None:
        """Make the joint problem as new, without building it again."""
        if self._problem is not None:
            self._problem.reset()

    def start(self, view: MarketView, memory: Mapping[str, Any]) -> None:
        """Begin a gate."""
        self._view = view
        self._network = NetworkTalk(view, memory, source=self.network)
        self._declared: dict[str, Disclosure] = {}
        self._rounds: list[Round] = []

    # ------------------------------------------------------------------------------ asking
    def ask(self) -> list[Message]:
        """Ask for disclosure, then about the network; then award exchanges and trades."""
        view = self._view
        if not self._declared:
            return [Disclose(to=member.name, window=view.window) for member in view.members]
        if not self._network.is_over:
            return [self._network.query(self._optimum.exchange_kw)]
        self._trade_kw = match_pool(self._optimum.exchange_kw, view.tariff)
        self._price_per_kwh = self._network.local_prices(
            self._optimum.price_per_kwh, self._optimum.multipliers, self._trade_kw
        )
        trades = pool_trades(self._trade_kw, self._price_per_kwh)
        self._ties = tie_flows(view.ties, self._optimum.sent_kw, self._price_per_kwh)
        exchange_kw = self._optimum.exchange_kw
        binding = self._network.at_limits(exchange_kw)
        return pool_awards(view.window, exchange_kw, trades, ties=self._ties, binding=binding)

    # --------------------------------------------------------------------------- listening
    def tell(self, replies: Sequence[Message]) -> Clearing | None:
        """Solve once everything is disclosed; clear once everything is planned."""
        if not self._declared:
            self._declared = replies_by_name(replies, Disclosure)
            self._solve()
            return None
        if not self._network.is_over:
            if self._network.takes(replies, self._optimum.exchange_kw):
                self._solve()
            return None
        return pool_clearing(
            self._view,
            plans_by_name(replies),
            self._trade_kw,
            self._price_per_kwh,
            lower=self._optimum.lower_bound,
            rounds=tuple(self._rounds),
            memory=self._network.memory(self._optimum.multipliers),
            loss_cost=self._network.loss_cost,
            shadow_prices=self._worth(),
            ties=self._ties,
            flags=self._network.flags,
        )

    def _worth(self) -> ShadowPrices | None:
        return self._network.worth(
            self._optimum.price_per_kwh, self._optimum.multipliers, self._trade_kw
        )

    def _solve(self) -> None:
        view, declared = self._view, self._declared
        members = {name: disclosure.devices for name, disclosure in declared.items()}
        if self._problem is None or not self._problem.fits(members, view.window, view.ties):
            self._problem = JointProblem(
                members, view.window, ties=view.ties, make_solver=self._make_solver
            )
        prices = public_prices(view.tariff, view.objective)
        step, limits = view.window.first_step, self._network.limits
        self._optimum = self._problem.solve(declared, view.envelopes, prices, step, limits=limits)
        self._rounds.append(Round(upper=None, lower=self._optimum.lower_bound, residual_kw=0.0))

"""What a mechanism asks the DNO: whether the network carries a pattern, and what to keep if not.

A gate begins with limits that the last one knew, and asks about all of them again. Question and
answer repeat until the pattern breaks no row any more, and, where losses count, until they cost
what the rows say.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, get_args

import numpy as np

from mmgsim.contracts import (
    FloatArray,
    MarketView,
    Message,
    NetworkQuery,
    NetworkRows,
    Objective,
    ShadowPrices,
    frozen,
)
from mmgsim.coordination.pool import local_price
from mmgsim.errors import ContractError
from mmgsim.subproblems import NetworkLimits, public_prices

__all__ = ["DNO", "NetworkSource", "NetworkTalk", "checked_rows", "checked_source", "questions_of"]

NetworkSource = Literal["envelopes", "rows"]

DNO = "dno"

# Patterns at most that the DNO is asked about in a gate; what is left is for its review.
PATTERNS = 12

# Flag of a gate whose pattern the DNO still had something to say about.
UNSETTLED = "rows_unsettled"

# Below this a trade is the rounding of a solver. [kW]
LEAST_KW = 1e-6

# Of what all losses cost: so near the rows have to come to them.
LOSS_TOLERANCE = 1e-3


def checked_source(network: str) -> NetworkSource:
    """Give an option of a mechanism if it is one.

    Raises
    ------
    ValueError
        If it is none.
    """
    for source in get_args(NetworkSource):
        if network == source:
            return source  # type: ignore[no-any-return]
    raise ValueError(f"network is one of {', '.join(get_args(NetworkSource))}, not {network!r}")


def questions_of(source: NetworkSource) -> frozenset[type[Message]]:
    """Give what a mechanism asks the DNO: its `asks_dno`."""
    return frozenset({NetworkQuery} if source == "rows" else ())


def checked_rows(replies: Sequence[Message], names: Sequence[str]) -> NetworkRows:
    """Give the DNO's answer to a `NetworkQuery` if it is one about these microgrids.

    Raises
    ------
    ContractError
        If it is no answer, or one about others.
    """
    (rows,) = replies
    if not isinstance(rows, NetworkRows) or rows.members != tuple(names):
        fault = f"answered {type(rows).__name__} where NetworkRows of all members was asked for"
        raise ContractError("the DNO", [fault])
    return rows


class NetworkTalk:
    """The questions of one gate.

    Parameters
    ----------
    view : MarketView
        Of the gate.
    memory : mapping
        What `memory` of the last gate gave, or nothing.
    source : str
        ``envelopes`` to ask nothing.
    counts_losses : bool
        False for a mechanism that leaves losses out, whatever the objective.

    Attributes
    ----------
    limits : NetworkLimits or None
        What to solve with; None where nothing is asked.
    loss_cost : float
        What the losses of the last pattern cost, where they count. [currency]
    is_over : bool
        True once nothing is left to ask.
    flags : tuple of str
        ``rows_unsettled`` where the last answer had something to add, and nothing more is asked.
    """

    def __init__(
        self,
        view: MarketView,
        memory: Mapping[str, Any],
        *,
        source: NetworkSource,
        counts_losses: bool = True,
    ) -> None:
        self._view = view
        self._names = tuple(member.name for member in view.members)
        self._patterns = 0
        self.loss_cost = 0.0
        self.flags: tuple[str, ...] = ()
        self.is_over = source == "envelopes" or not view.has_network
        self.limits: NetworkLimits | None = None
        if not self.is_over:
            is_priced = counts_losses and view.objective is Objective.SYSTEM
            priced = view.tariff.upstream_per_kwh * float(is_priced)
            nothing = NetworkLimits.none(len(self._names), priced)
            self.limits = nothing.remembering(memory.get("network", {}), view.window)
            self._nothing = nothing

    def reopen(self) -> None:
        """Have other patterns asked about as well."""
        self.is_over = self.limits is None or self._patterns >= PATTERNS

    def give_up(self) -> None:
        """Ask nothing more, and forget what was learnt."""
        self.limits, self.is_over, self.loss_cost = None, True, 0.0
        self.flags = (UNSETTLED,)

    def query(self, exchange_kw: Mapping[str, FloatArray]) -> NetworkQuery:
        """Ask about a pattern, (steps,) arrays by name of microgrid. [kW]"""
        known = self.limits if self.limits is None or not self._patterns else self.limits.moving()
        again = () if known is None else known.places()
        window = self._view.window
        return NetworkQuery(to=DNO, window=window, exchange_kw=dict(exchange_kw), again=again)

    def takes(self, replies: Sequence[Message], exchange_kw: Mapping[str, FloatArray]) -> bool:
        """Take the answer; tell whether to solve again with what it says.

        Raises
        ------
        ContractError
            If it is no answer, or one about others.
        """
        rows = checked_rows(replies, self._names)
        assert self.limits is not None
        pattern_kw = np.stack([exchange_kw[name] for name in self._names])
        # What an earlier gate knew has been asked about again: the network may not be what it was.
        known = self.limits if self._patterns else self._nothing
        learnt, step_h = known.learn(rows, pattern_kw), self._view.window.step_h
        known_cost = self.limits.loss_cost(pattern_kw, step_h)
        self.loss_cost = learnt.loss_cost(pattern_kw, step_h)
        loses_more = self.loss_cost - known_cost > LOSS_TOLERANCE * self.loss_cost
        is_new = loses_more or learnt.are_broken(pattern_kw)
        is_new = is_new or learnt.gained_room(self.limits, pattern_kw)
        self._patterns += 1
        self.flags = (UNSETTLED,) if is_new else ()
        self.is_over = not is_new or self._patterns >= PATTERNS
        if not self.is_over:
            self.limits = learnt
        return not self.is_over

    def at_limits(self, exchange_kw: Mapping[str, FloatArray]) -> frozenset[str]:
        """Give who is, in some step, part of a limit that a pattern leaves no room.

        Parameters
        ----------
        exchange_kw : mapping of (steps,) arrays
            By name of microgrid. [kW]
        """
        if self.limits is None:
            return frozenset()
        is_part = self.limits.members_at_limits(np.stack([exchange_kw[n] for n in self._names]))
        return frozenset(name for name, is_in in zip(self._names, is_part, strict=True) if is_in)

    def local_prices(
        self,
        dual_per_kwh: FloatArray,
        multipliers: FloatArray,
        trade_kw: Mapping[str, FloatArray],
    ) -> dict[str, FloatArray]:
        """Give the price of local trade at every microgrid, (steps,) arrays. [currency/kWh]

        What its exchange costs the network comes off what the pool gives for a kWh; each price
        stays between the two alternatives at the grid. In steps in which sellers would then get
        more than buyers pay, there is one price for all: the market has no money of its own.

        Parameters
        ----------
        dual_per_kwh : (steps,) array
            Dual of the local balance. [currency/kWh]
        multipliers : (rows,) array
            Of `limits`. [currency/kW]
        trade_kw : mapping of (steps,) arrays
            Sold minus bought by name of microgrid. [kW]
        """
        view = self._view
        one = local_price(view.local_price, view.tariff, dual_per_kwh)
        if self.limits is None or not len(self.limits) or view.local_price != "marginal":
            return dict.fromkeys(self._names, one)
        charges = self.limits.charges_per_kwh(multipliers, view.window.step_h)
        own = [local_price("marginal", view.tariff, dual_per_kwh - charge) for charge in charges]
        sold_kw = np.stack([trade_kw[name] for name in self._names])
        kept_per_h = -(np.stack(own) * sold_kw).sum(axis=0)
        return {
            name: frozen(np.where(kept_per_h >= 0.0, price, one))
            for name, price in zip(self._names, own, strict=True)
        }

    def worth(
        self,
        energy_per_kwh: FloatArray,
        multipliers: FloatArray,
        trade_kw: Mapping[str, FloatArray],
    ) -> ShadowPrices | None:
        """Give what limits of the network were worth, where they were asked about.

        In a step without trade the balance has many duals; the one between the two alternatives at
        the grid is given, so that all mechanisms say the same.

        Parameters
        ----------
        energy_per_kwh : (steps,) array
            Dual of the local balance. [currency/kWh]
        multipliers : (rows,) array
            Of `limits`. [currency/kW]
        trade_kw : mapping of (steps,) arrays
            Sold minus bought by name of microgrid. [kW]
        """
        if self.limits is None:
            return None
        prices = public_prices(self._view.tariff, self._view.objective)
        low, high = prices.sell_per_kwh, prices.buy_per_kwh - prices.local_per_kwh
        between = np.clip(energy_per_kwh, np.minimum(low, high), np.maximum(low, high))
        is_idle = np.abs(np.stack(list(trade_kw.values()))).max(axis=0) <= LEAST_KW
        energy = frozen(np.where(is_idle, between, energy_per_kwh))
        return self.limits.worth(multipliers, self._view.window, energy, self._names)

    def memory(self, multipliers: FloatArray) -> dict[str, Any]:
        """Give what the next gate may begin with."""
        if self.limits is None:
            return {}
        return {"network": self.limits.memory(multipliers, self._view.window)}

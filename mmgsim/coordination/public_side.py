"""What lies beyond the connection points, seen by a mechanism that prices the exchanges."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mmgsim.contracts import FloatArray, MarketView, Offer, Tariff, Window, frozen
from mmgsim.coordination.bound import least_public_cost
from mmgsim.coordination.pool import match_pool
from mmgsim.subproblems import (
    Combination,
    NetworkLimits,
    OfferStack,
    PublicPrices,
    public_cost_terms,
    public_prices,
)

__all__ = ["PublicSide"]


@dataclass(frozen=True, slots=True, eq=False)
class PublicSide:
    """Prices and envelopes of a gate, and what exchanges cost by them.

    Parameters
    ----------
    names : tuple of str
        Of the microgrids.
    window : Window
        Of the gate.
    tariff : Tariff
        As published.
    prices : PublicPrices
        What the objective of the scenario makes of the tariff.
    import_limit_kw, export_limit_kw : (members, steps) array
        The envelopes. [kW]
    limits : NetworkLimits or None
        What was learnt of the network.
    """

    names: tuple[str, ...]
    window: Window
    tariff: Tariff
    prices: PublicPrices
    import_limit_kw: FloatArray
    export_limit_kw: FloatArray
    limits: NetworkLimits | None = None

    @classmethod
    def of(cls, view: MarketView, limits: NetworkLimits | None = None) -> PublicSide:
        """Take over what the market knows."""
        envelopes = [view.envelopes[member.name] for member in view.members]
        return cls(
            names=tuple(member.name for member in view.members),
            window=view.window,
            tariff=view.tariff,
            prices=public_prices(view.tariff, view.objective),
            import_limit_kw=np.stack([envelope.import_limit_kw for envelope in envelopes]),
            export_limit_kw=np.stack([envelope.export_limit_kw for envelope in envelopes]),
            limits=limits,
        )

    @property
    def rows(self) -> int:
        """How many rows of the network there are."""
        return 0 if self.limits is None else len(self.limits)

    def lower_bounds(
        self, queries_per_kwh: FloatArray, multipliers: FloatArray, offers: Sequence[Offer]
    ) -> FloatArray:
        """Give what each query and the answers to it prove. [currency]

        Rows of the network are priced, ``mu (A exchange - limit)``, and so left out: whatever the
        multipliers ``mu`` are, no exchange that keeps the rows costs less.

        Parameters
        ----------
        queries_per_kwh : (queries, members, steps) array
            [currency/kWh]
        multipliers : (queries, rows) array
            [currency/kW]
        offers : sequence of Offer
            In the order of the members.
        """
        given_up: Any = 0.0
        if self.limits is not None and len(self.limits):
            step_h = self.window.step_h
            bounded = self.limits.bounded(multipliers, step_h)
            queries_per_kwh = queries_per_kwh + self.limits.charges_per_kwh(bounded, step_h)
            given_up = bounded @ self.limits.limit
        public = self.least_cost(queries_per_kwh)
        lower: FloatArray = public - given_up + sum(offer.lower_bound for offer in offers)
        return lower

    def least_cost(self, prices_per_kwh: FloatArray) -> FloatArray:
        """Give the least cost beyond the connection points when exchanges are bought at prices.

        Parameters
        ----------
        prices_per_kwh : (..., members, steps) array
            [currency/kWh]
        """
        return least_public_cost(
            prices_per_kwh,
            self.prices,
            self.import_limit_kw,
            self.export_limit_kw,
            self.window.step_h,
        )

    def cost_without_trade(self, stack: OfferStack, offer: int) -> float:
        """Give the cost of one offer of everybody, without local trade. [currency]"""
        exchange_kw = stack.exchange_kw(offer)
        terms = public_cost_terms(
            exchange_kw, np.zeros_like(exchange_kw), self.prices, self.window.step_h
        )
        return stack.private_cost(offer) + float(terms.sum())

    def by_name(self, exchange_kw: FloatArray) -> dict[str, FloatArray]:
        """Give exchanges, a (members, steps) array, by name of microgrid. [kW]"""
        return {name: frozen(kw) for name, kw in zip(self.names, exchange_kw, strict=True)}

    def matched_terms(self, exchange_kw: FloatArray) -> FloatArray:
        """Give what exchanges cost once surplus is matched with lack. [currency]

        Parameters
        ----------
        exchange_kw : (members, steps) array
            [kW]

        Returns
        -------
        (3, members, steps) array
            As `public_cost_terms`.
        """
        trade_kw = match_pool(self.by_name(exchange_kw), self.tariff)
        sold_kw = np.stack([trade_kw[name] for name in self.names])
        return public_cost_terms(exchange_kw, sold_kw, self.prices, self.window.step_h)

    def gross_cost(self, combination: Combination) -> float:
        """Give the sum of the absolute cost terms: the scale of gaps. [currency]"""
        terms = self.matched_terms(combination.exchange_kw)
        private = combination.cost - float(np.sum(terms))
        return abs(private) + float(np.abs(terms).sum())

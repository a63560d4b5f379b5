"""What the network charges a pair of microgrids for a kWh from one to the other.

Which charge it is, is a rule of the scenario. One by losses is made of what the DNO says of the
pattern that there would be without any trade: it is asked once a gate, so that all know the charges
before they negotiate.

References
----------
.. [1] Moret, Tosatto, Baroche, Pinson, "Loss allocation in joint transmission and distribution
   peer-to-peer markets" (2020), arXiv:2001.05396: charges of bilateral trades, by losses and
   by distance among them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal

import numpy as np

from mmgsim.contracts import (
    FloatArray,
    MarketView,
    Message,
    NetworkQuery,
    NetworkRows,
    Request,
    RequestQuery,
    Tariff,
    frozen,
)
from mmgsim.coordination.network_talk import DNO, checked_rows
from mmgsim.coordination.replies import replies_by_name

__all__ = ["ChargesOption", "PairCharges", "pair_charges_per_kwh"]

ChargesOption = Literal["local", "losses"] | Annotated[Mapping[str, float], "`{per_km: number}`"]
"""What may be given as charges."""

LOCAL, LOSSES, PER_KM = "local", "losses", "per_km"


class PairCharges:
    """The charges of all pairs at a gate, and what has to be asked to know them.

    Parameters
    ----------
    rule : str or mapping
        ``local``: the tariff's local charge for all; ``losses``: that, and the losses that a small
        trade of the pair causes, at the upstream price (`pair_charges_per_kwh`);
        ``{per_km: 0.02}``: that, and so much for every kilometre between the two.
        [currency/kWh/km]

    Raises
    ------
    ValueError
        If it is none of these.

    Attributes
    ----------
    asks, asks_dno : frozenset
        Kinds of messages to members and to the DNO.
    """

    def __init__(self, rule: str | Mapping[str, Any]) -> None:
        self._per_km = 0.0
        if isinstance(rule, Mapping):
            self._per_km = _price_of_length(rule)
        elif rule not in (LOCAL, LOSSES):
            raise ValueError(f"charges is {LOCAL}, {LOSSES} or {{{PER_KM}: price}}, not {rule!r}")
        self._by_losses = rule == LOSSES
        self.asks: frozenset[type[Message]] = frozenset({RequestQuery} if self._by_losses else ())
        self.asks_dno: frozenset[type[Message]] = frozenset(
            {NetworkQuery} if self._by_losses else ()
        )

    def doubts(self, *, has_network: bool, has_lengths: bool) -> Iterator[tuple[str, str]]:
        """Give what has no effect, with its cure."""
        if self._by_losses and not has_network:
            yield "'losses' is the same as 'local' without a network", "add one, or say local"
        if self._per_km and not has_lengths:
            what = "a price by length has no effect where all distances are alike"
            yield what, "give distances by pair, or add a network"

    def start(self, view: MarketView, km: FloatArray) -> None:
        """Begin a gate.

        Parameters
        ----------
        view : MarketView
            Of the gate.
        km : (members, members) array
            How far members are apart; pairs that are infinitely far do not trade. [km]
        """
        self._view, self._names = view, tuple(member.name for member in view.members)
        self._requests: Mapping[str, Request] | None = None
        self._rows: NetworkRows | None = None
        far = np.where(np.isinf(km), np.inf, self._per_km * np.where(np.isinf(km), 0.0, km))
        self._far_per_kwh = far[:, :, None]

    @property
    def is_known(self) -> bool:
        """True once nothing is left to ask."""
        return not (self._by_losses and self._view.has_network) or self._rows is not None

    def ask(self) -> list[Message]:
        """Ask what everybody lacks and has left over on its own, then what the DNO says of it."""
        window = self._view.window
        if self._requests is None:
            return [RequestQuery(to=name, window=window) for name in self._names]
        alone_kw = {
            name: frozen(self._requests[name].surplus_kw - self._requests[name].lack_kw)
            for name in self._names
        }
        return [NetworkQuery(to=DNO, window=window, exchange_kw=alone_kw)]

    def tell(self, replies: Sequence[Message]) -> None:
        """Take what was asked for.

        Raises
        ------
        ContractError
            If it is something else.
        """
        if self._requests is None:
            self._requests = replies_by_name(replies, Request)
        else:
            self._rows = checked_rows(replies, self._names)

    def per_kwh(self) -> FloatArray:
        """Give the charges, once they are known: (sellers, buyers, steps).

        Infinite where two do not trade. [currency/kWh]
        """
        tariff = self._view.tariff
        if self._rows is not None:
            return frozen(pair_charges_per_kwh(self._rows, tariff) + self._far_per_kwh)
        return frozen(tariff.local_charge_per_kwh + self._far_per_kwh)


def _price_of_length(rule: Mapping[str, Any]) -> float:
    """Give what a kilometre costs. [currency/kWh/km]

    Raises
    ------
    ValueError
        If there is anything else in the rule.
    """
    price: Any = rule.get(PER_KM)
    is_number = isinstance(price, int | float) and not isinstance(price, bool)
    if set(rule) != {PER_KM} or not is_number or not 0.0 <= price < math.inf:
        raise ValueError(
            f"charges by length are {{{PER_KM}: price}}, a number of at least 0, not {dict(rule)!r}"
        )
    return float(price)


def pair_charges_per_kwh(rows: NetworkRows, tariff: Tariff) -> FloatArray:
    """Give the charge of a small trade of every pair: the local charge, and the losses it causes.

    ``local + upstream * (dL/dp_seller - dL/dp_buyer)``, around the pattern that the DNO was asked
    about. A trade that relieves the feeder pays less than the local charge, even less than nothing.
    Where there is no power flow, losses are left out.

    Parameters
    ----------
    rows : NetworkRows
        The DNO's answer.
    tariff : Tariff
        Over the same window.

    Returns
    -------
    (sellers, buyers, steps) array
        In the order of the members of `rows`; zero for whoever would trade with itself.
        [currency/kWh]
    """
    slope = np.nan_to_num(rows.loss_per_kw).T
    losses = tariff.upstream_per_kwh * (slope[:, None, :] - slope[None, :, :])
    charges: FloatArray = tariff.local_charge_per_kwh + losses
    itself = np.arange(len(slope))
    charges[itself, itself] = 0.0
    return frozen(charges)

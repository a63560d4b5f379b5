"""On which terms peers trade: the price that they agree on, and how far they are apart."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Annotated, Any, Literal

import numpy as np

from mmgsim.contracts import FloatArray, MarketView, frozen
from mmgsim.errors import near_miss

__all__ = ["DistancesOption", "PeerDistances", "PeerPrice", "PriceOption"]

MIDPOINT = "midpoint"
FEEDER, EQUAL = "feeder", "equal"

PriceOption = float | Literal["midpoint"] | Annotated[Mapping[str, float], "`{NAME: number}`"]
"""What may be given as price."""

DistancesOption = (
    Literal["feeder", "equal"]
    | Annotated[Mapping[str, Mapping[str, float]], "`{NAME: {NAME: number}}`"]
)
"""What may be given as distances."""

Found = Iterator[tuple[str, str]]
"""Faults, each with its cure."""


@dataclass(frozen=True, slots=True)
class PeerPrice:
    """What a kWh from peer to peer is paid.

    Parameters
    ----------
    rule : float, str or mapping
        One price for all; ``midpoint``, midway between what the seller would get and the buyer
        would save at the grid; or a price by name of the seller. [currency/kWh]

    Raises
    ------
    ValueError
        If it is none of these.
    """

    rule: float | str | Mapping[str, float]

    def __post_init__(self) -> None:
        """Refuse what is no price."""
        given = list(self.rule.values()) if isinstance(self.rule, Mapping) else [self.rule]
        if self.rule != MIDPOINT and not all(_is_number(price) for price in given):
            choices = f"a number of at least 0, {MIDPOINT!r}, or such a number by seller"
            raise ValueError(f"price_per_kwh is {choices}, not {self.rule!r}")

    @property
    def is_by_seller(self) -> bool:
        """True where every seller has a price of its own."""
        return isinstance(self.rule, Mapping)

    def faults(self, names: Sequence[str]) -> Found:
        """Give what does not fit these microgrids."""
        if isinstance(self.rule, Mapping):
            yield from _strangers(self.rule, names)
            for name in names:
                if name not in self.rule:
                    yield f"says no price of {name}", "give one for every microgrid"

    def of(
        self, names: Sequence[str], floor_per_kwh: FloatArray, ceiling_per_kwh: FloatArray
    ) -> FloatArray:
        """Give what each seller gets: (members, steps). [currency/kWh]

        Parameters
        ----------
        names : sequence of str
            Members, in their order.
        floor_per_kwh, ceiling_per_kwh : (steps,) arrays
            What a kWh earns at the grid, and what it costs there without the local charge.
            [currency/kWh]
        """
        shape = (len(names), len(floor_per_kwh))
        if isinstance(self.rule, Mapping):
            each = np.array([self.rule[name] for name in names], dtype=np.float64)
            return frozen(np.broadcast_to(each[:, None], shape))
        one = (floor_per_kwh + ceiling_per_kwh) / 2.0 if self.rule == MIDPOINT else self.rule
        return frozen(np.broadcast_to(np.asarray(one, dtype=np.float64), shape))


class PeerDistances:
    """How far peers are apart.

    Parameters
    ----------
    rule : str or mapping of mappings
        ``feeder``: along the lines of the feeder, all the same without a network; ``equal``: all
        the same; or kilometres by the names of both ends, each pair once, such as
        ``{MG1: {MG2: 4.0, MG3: 9.5}, MG2: {MG3: 6.0}}``. Infinite: the two do not trade.

    Raises
    ------
    ValueError
        If it is none of these.
    """

    def __init__(self, rule: str | Mapping[str, Mapping[str, float]]) -> None:
        self._feeder = rule == FEEDER
        self._km: dict[frozenset[str], float] = {}
        if isinstance(rule, Mapping):
            self._km = _read_pairs(rule)
        elif rule not in (FEEDER, EQUAL):
            choices = f"{FEEDER!r}, {EQUAL!r} or kilometres by pair"
            raise ValueError(f"distances is {choices}, not {rule!r}")
        self._is_given = isinstance(rule, Mapping)

    def faults(self, names: Sequence[str]) -> Found:
        """Give what does not fit these microgrids."""
        if not self._is_given:
            return
        yield from _strangers({name for pair in self._km for name in pair}, names)
        for one, other in combinations(names, 2):
            if frozenset((one, other)) not in self._km:
                what = f"says no distance between {one} and {other}"
                yield what, f"give it once, like {{{one}: {{{other}: 3.5}}}}; .inf: no trade"

    def differ(self, *, has_network: bool) -> bool:
        """Tell whether some peers may be farther apart than others."""
        return self._is_given or (self._feeder and has_network)

    def of(self, view: MarketView) -> FloatArray:
        """Give the distances of a market's members: (members, members). [km]"""
        return self.among([member.name for member in view.members], view.distance_km)

    def among(self, names: Sequence[str], feeder_km: FloatArray | None) -> FloatArray:
        """Give the distances of these microgrids: (members, members). [km]

        Parameters
        ----------
        names : sequence of str
            Of the microgrids.
        feeder_km : (members, members) array or None
            Along the lines of the feeder, if there is one. [km]
        """
        if self._is_given:
            apart = [[self._km.get(frozenset((i, j)), 0.0) for j in names] for i in names]
            return frozen(apart)
        if self._feeder and feeder_km is not None:
            return feeder_km
        return frozen(np.zeros((len(names), len(names))))


def _read_pairs(rule: Mapping[str, Any]) -> dict[frozenset[str], float]:
    """Give kilometres by pair.

    Raises
    ------
    ValueError
        Naming every entry that is none.
    """
    km: dict[frozenset[str], float] = {}
    wrong = []
    for one, others in rule.items():
        if not isinstance(others, Mapping):
            wrong.append(f"{one}: {others!r} is not kilometres by name")
            continue
        for other, given in others.items():
            pair = frozenset((one, other))
            if given != math.inf and not _is_number(given):
                wrong.append(f"{one} to {other}: {given!r} is no number of at least 0")
            elif one == other:
                wrong.append(f"{one} to itself")
            elif km.setdefault(pair, float(given)) != given:
                wrong.append(f"{one} to {other}: both {km[pair]:g} and {given:g}")
    if wrong:
        raise ValueError(f"distances: {'; '.join(wrong)}")
    return km


def _is_number(given: Any) -> bool:
    """Tell whether something is a finite number of at least 0."""
    is_real = isinstance(given, int | float) and not isinstance(given, bool)
    return is_real and 0.0 <= given < math.inf


def _strangers(given: Mapping[str, Any] | set[str], names: Sequence[str]) -> Found:
    for name in sorted(given):
        if name not in names:
            yield f"{name!r} is no microgrid", near_miss(name, names)

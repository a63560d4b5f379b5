"""A sizing case as numbers: a year of series, what units cost, and how large they may be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mmgsim.contracts import FloatArray
from mmgsim.sizing.costs import Technology

__all__ = ["BATTERY", "KINDS", "PV", "WIND", "Sharing", "SizingCase", "Stores"]

BoolArray = NDArray[np.bool_]

KINDS: Final = ("wind", "pv", "battery")
"""What is sized, in the order of the last axis of all sizes."""
WIND: Final = 0
"""Where the size of wind is in `KINDS`. [kW]"""
PV: Final = 1
"""Where the size of PV is. [kW]"""
BATTERY: Final = 2
"""Where the size of batteries is. [kWh]"""


class Sharing(StrEnum):
    """What microgrids do with what they have left over.

    Attributes
    ----------
    GRID
        Each is alone with the grid (paper 004: P2G).
    PEERS
        Own load, own battery, nearest peer, other peers, grid (paper 004: P2P).
    POOL
        All are one: loads, generation and batteries together, then the grid. What the cheapest
        rule of a community without losses comes to (flat prices).
    """

    GRID = "grid"
    PEERS = "peers"
    POOL = "pool"


@dataclass(frozen=True, slots=True, eq=False)
class Stores:
    """The batteries of all microgrids, by what a kWh of them can do; arrays of one value each.

    Parameters
    ----------
    charge_efficiency, discharge_efficiency : (microgrids,) arrays
        In (0, 1].
    power_per_kwh : (microgrids,) array
        Limit of charge and discharge at the terminals. [kW/kWh]
    level_min, level_start : (microgrids,) arrays
        Least stored energy, and that at the beginning of the year, as shares of the size.
    wear_per_kwh : (microgrids,) array
        Price of wear per kWh discharged. [currency/kWh]
    """

    charge_efficiency: FloatArray
    discharge_efficiency: FloatArray
    power_per_kwh: FloatArray
    level_min: FloatArray
    level_start: FloatArray
    wear_per_kwh: FloatArray

    @property
    def are_alike(self) -> bool:
        """True where a kWh of one battery can do what a kWh of any other can."""
        arrays = (getattr(self, name) for name in self.__slots__)
        return all(bool(np.all(values == values[0])) for values in arrays)


@dataclass(frozen=True, slots=True, eq=False)
class SizingCase:
    """All that sizes are judged by. Times run over the year, in steps of `step_h`.

    Parameters
    ----------
    names : tuple of str
        Microgrids.
    step_h : float
        Length of a step. [h]
    load_kw : (microgrids, steps) array
        Demand. [kW]
    yield_pu : (microgrids, 2, steps) array
        Available power of wind and PV per kW of size.
    buy_per_kwh, sell_per_kwh : (steps,) arrays
        What the grid takes for a kWh, network charge included, and gives for one. [currency/kWh]
    peer_per_kwh : (microgrids, steps) array
        What each microgrid gets for a kWh from a peer. [currency/kWh]
    local_charge_per_kwh : (steps,) array
        What a buyer pays the network for a kWh of a peer. [currency/kWh]
    may_sell : (microgrids, steps) array of bool
        Where a microgrid sells to peers at all.
    unserved_per_kwh : (microgrids,) array
        Value of lost load. [currency/kWh]
    import_limit_kw, export_limit_kw : (microgrids,) arrays
        Of the connection, infinite where there is none. [kW]
    stores : Stores
        What a kWh of battery can do.
    distance_km : (microgrids, microgrids) array
        Between peers; infinite where two do not trade. [km]
    technologies : tuple of Technology or None
        Of wind, PV and battery; None where that kind is not sized but stays as it is.
    present : (microgrids, 3) array
        Sizes as the scenario has them. [kW], [kW], [kWh]
    low, high : (microgrids, 3) arrays
        Limits of sizes; equal where a size is not free. [kW], [kW], [kWh]
    discount_rate : float
        Per year.
    currency : str
        A label.

    Notes
    -----
    Sizes are arrays of the shape (candidates, microgrids, 3).
    """

    names: tuple[str, ...]
    step_h: float
    load_kw: FloatArray
    yield_pu: FloatArray
    buy_per_kwh: FloatArray
    sell_per_kwh: FloatArray
    peer_per_kwh: FloatArray
    local_charge_per_kwh: FloatArray
    may_sell: BoolArray
    unserved_per_kwh: FloatArray
    import_limit_kw: FloatArray
    export_limit_kw: FloatArray
    stores: Stores
    distance_km: FloatArray
    technologies: tuple[Technology | None, Technology | None, Technology | None]
    present: FloatArray
    low: FloatArray
    high: FloatArray
    discount_rate: float
    currency: str

    @property
    def members(self) -> int:
        """How many microgrids there are."""
        return len(self.names)

    @property
    def steps(self) -> int:
        """How many steps the year has."""
        return int(self.load_kw.shape[1])

    @property
    def years(self) -> float:
        """Length of the series, as a fraction of 8760 h."""
        return self.steps * self.step_h / 8760.0

    @property
    def is_free(self) -> BoolArray:
        """Which sizes are to be found: (microgrids, 3)."""
        free: BoolArray = self.high > self.low
        return free

    @property
    def load_kwh(self) -> FloatArray:
        """Demand over the series: (microgrids,). [kWh]"""
        total: FloatArray = self.load_kw.sum(axis=1) * self.step_h
        return total

    def capital(self, sizes: FloatArray) -> FloatArray:
        """Give what units cost over the series: (..., microgrids, 3). [currency]

        Kinds that are not sized cost nothing: they are there already.
        """
        per_unit = [
            0.0 if technology is None else technology.per_unit_year(self.discount_rate)
            for technology in self.technologies
        ]
        costs: FloatArray = sizes * np.array(per_unit) * self.years
        return costs

    def only(self, members: Sequence[int]) -> SizingCase:
        """Give the case of some microgrids without the others.

        Raises
        ------
        ValueError
            If nobody is named, or somebody twice.
        """
        rows = list(members)
        if not rows or len(set(rows)) < len(rows):
            raise ValueError(f"microgrids {rows}: name at least one, and each of them once")
        abilities = (getattr(self.stores, name) for name in self.stores.__slots__)
        return replace(
            self,
            names=tuple(self.names[row] for row in rows),
            load_kw=self.load_kw[rows],
            yield_pu=self.yield_pu[rows],
            peer_per_kwh=self.peer_per_kwh[rows],
            may_sell=self.may_sell[rows],
            unserved_per_kwh=self.unserved_per_kwh[rows],
            import_limit_kw=self.import_limit_kw[rows],
            export_limit_kw=self.export_limit_kw[rows],
            stores=Stores(*(values[rows] for values in abilities)),
            distance_km=self.distance_km[np.ix_(rows, rows)],
            present=self.present[rows],
            low=self.low[rows],
            high=self.high[rows],
        )

    def between(self, first: int, last: int) -> SizingCase:
        """Give the same case over some of its steps alone."""
        part = slice(first, last)
        return replace(
            self,
            load_kw=self.load_kw[:, part],
            yield_pu=self.yield_pu[:, :, part],
            buy_per_kwh=self.buy_per_kwh[part],
            sell_per_kwh=self.sell_per_kwh[part],
            peer_per_kwh=self.peer_per_kwh[:, part],
            local_charge_per_kwh=self.local_charge_per_kwh[part],
            may_sell=self.may_sell[:, part],
        )

"""The courses that a window may take, few enough to be planned with, and their probabilities."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from mmgsim.contracts import Device, FloatArray, Load, Renewable, Tariff, frozen
from mmgsim.uncertainty import features, forward_selection

__all__ = ["UNCERTAIN", "Courses", "reduced_courses"]

UNCERTAIN = (Load, Renewable)
"""Devices that follow what comes true; what all others do is decided when the plan is made."""

Samples = Mapping[str, FloatArray]
"""(samples, steps) arrays by device. [kW]"""


@dataclass(frozen=True, slots=True, eq=False)
class Courses:
    """What may become of demand, sun, wind and prices.

    Parameters
    ----------
    probability : (courses,) array
        Adds up to 1.
    kw : mapping of mappings of (courses, steps) arrays
        Demand or available power by name of microgrid and of device, for every load and renewable
        device. [kW]
    buy_more_per_kwh, sell_more_per_kwh : (courses, steps) array or None
        By how much what is bought from and sold to the grid turns out dearer than the tariff; as
        the tariff says if left out. [currency/kWh]
    weight : (courses,) array or None
        What breaking an envelope weighs in each; its probability if left out.
    """

    probability: FloatArray
    kw: Mapping[str, Samples]
    buy_more_per_kwh: FloatArray | None = None
    sell_more_per_kwh: FloatArray | None = None
    weight: FloatArray | None = None

    def __len__(self) -> int:
        """Count the courses."""
        return len(self.probability)

    def alone(self, course: int) -> Courses:
        """Give one of the courses, certain."""
        return self._mixed(np.eye(len(self))[course])

    def mean(self) -> Courses:
        """Give the mean of all courses, certain."""
        return self._mixed(self.probability)

    def _mixed(self, share: FloatArray) -> Courses:
        def mix(values: FloatArray | None) -> FloatArray | None:
            return None if values is None else frozen((share @ values)[None, :])

        kw = {
            member: {name: frozen((share @ values)[None, :]) for name, values in samples.items()}
            for member, samples in self.kw.items()
        }
        buy_more, sell_more = mix(self.buy_more_per_kwh), mix(self.sell_more_per_kwh)
        return Courses(frozen(np.ones(1)), kw, buy_more, sell_more)


def reduced_courses(
    devices: Mapping[str, tuple[Device, ...]],
    samples_kw: Mapping[str, Samples],
    count: int,
    *,
    tariff: Tariff,
    factors: FloatArray | None = None,
) -> Courses:
    """Choose few of many equally likely courses, by forward selection on all their series at once.

    Every kind of quantity (demand, sun, wind, prices) is divided by its standard deviation, so that
    none counts more because of its unit.

    Parameters
    ----------
    devices, samples_kw : mappings
        By name of microgrid.
    count : int
        How many courses to keep; all of them where there are no more.
    tariff : Tariff
        Whose energy prices the factors multiply; charges of the network are certain.
    factors : (samples, steps) array or None
        What energy prices are multiplied by; ones if left out.
    """
    kinds: dict[str, list[FloatArray]] = {}
    for member, owned in devices.items():
        for device in owned:
            if isinstance(device, UNCERTAIN):
                kind = "demand" if isinstance(device, Load) else str(device.kind)
                kinds.setdefault(kind, []).append(samples_kw[member][device.name])
    if factors is not None:
        kinds["price"] = [factors]
    stacked = {kind: np.stack(series, axis=1) for kind, series in kinds.items()}
    if not stacked:
        return Courses(frozen(np.ones(1)), {member: {} for member in devices})
    points = features(stacked)
    chosen = forward_selection(points, min(count, len(points)))
    more = None if factors is None else factors[chosen.kept] - 1.0
    return Courses(
        probability=chosen.probability,
        kw={
            member: {
                device.name: frozen(samples_kw[member][device.name][chosen.kept])
                for device in owned
                if isinstance(device, UNCERTAIN)
            }
            for member, owned in devices.items()
        },
        buy_more_per_kwh=None if more is None else frozen(more * tariff.import_per_kwh),
        sell_more_per_kwh=None if more is None else frozen(more * tariff.export_per_kwh),
    )

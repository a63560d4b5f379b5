"""What a microgrid observes: its own data, and what it was told. Nothing of the others."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from math import cos, inf, isfinite, pi, sin
from typing import Any

import numpy as np

from mmgsim.contracts import (
    Battery,
    CarriedState,
    Diesel,
    FloatArray,
    Load,
    Renewable,
    SessionStore,
    View,
)
from mmgsim.engine import MicrogridStep
from mmgsim.gym.fields import Field, Numbers, box_of, numbers_of

__all__ = ["Observing", "Scales", "Seen"]


@dataclass(frozen=True, slots=True)
class Scales:
    """What a number of one means to one microgrid.

    Parameters
    ----------
    power_kw : float
        The most that its connection, its sun and wind, or its batteries can do. [kW]
    price_per_kwh : float
        The mean price of an imported kWh, network charge included. [currency/kWh]
    """

    power_kw: float
    price_per_kwh: float

    @classmethod
    def of(cls, agent: Any, buy_per_kwh: FloatArray) -> Scales:
        """Give the scales of a microgrid that may import at some prices."""
        rated = {
            kind: sum(getattr(d, key) for d in agent.devices if isinstance(d, kind))
            for kind, key in ((Renewable, "rating_kw"), (Battery, "power_kw"))
        }
        limits = (agent.member.import_limit_kw, agent.member.export_limit_kw)
        power_kw = max(*(kw for kw in limits if isfinite(kw)), *rated.values())
        price = float(np.mean(np.abs(buy_per_kwh)))
        return cls(power_kw or 1.0, price or 1.0)


@dataclass(frozen=True, slots=True)
class Seen:
    """All that an observation is made of.

    Parameters
    ----------
    view : View
        What the microgrid itself looks at.
    offset : int
        Position of the observed step in its window: 0, but 1 once the last step is over.
    state : CarriedState
        What its devices carry into the observed step.
    last : MicrogridStep or None
        What it did in the step before.
    price_per_kwh : float
        Local price of the step before, NaN where there was none. [currency/kWh]
    """

    view: View
    offset: int
    state: CarriedState
    last: MicrogridStep | None
    price_per_kwh: float


_Part = tuple[Sequence[Field], Callable[[Seen], Sequence[float] | FloatArray]]


class Observing:
    """How what one microgrid sees becomes numbers.

    Parameters
    ----------
    agent : microgrid
        Whose devices are observed.
    scales : Scales
        Of its numbers.
    ahead : int
        How many steps of forecasts and prices are shown, the present one among them.

    Attributes
    ----------
    fields : tuple of Field
        The numbers of an observation.
    space : Box
        All observations.
    """

    def __init__(self, agent: Any, scales: Scales, ahead: int) -> None:
        self._parts: list[_Part] = [
            *_clock(),
            *_series(scales, ahead),
            *_limits(scales),
            *_devices(agent.devices),
            *_last(scales),
        ]
        self.fields = tuple(field for fields, _ in self._parts for field in fields)
        self.space = box_of(self.fields)

    def numbers(self, seen: Seen) -> Numbers:
        """Give an observation."""
        return numbers_of(self.fields, [x for _, values in self._parts for x in values(seen)])


def _clock() -> Iterator[_Part]:
    fields = [Field(name, "1", low=-1.0, high=1.0) for name in ("hour_sin", "hour_cos")]

    def values(seen: Seen) -> Sequence[float]:
        angle = 2.0 * pi * float(seen.view.window.local_hours()[seen.offset]) / 24.0
        return sin(angle), cos(angle)

    yield fields, values


def _series(scales: Scales, ahead: int) -> Iterator[_Part]:
    """Give own forecasts and the tariff, step by step."""
    power, price = ("kW", scales.power_kw, 0.0), ("currency/kWh", scales.price_per_kwh, -inf)
    found: list[tuple[str, tuple[str, float, float], Callable[[View], FloatArray]]] = [
        ("load_kw", power, lambda view: _expected(view, Load)),
        ("available_kw", power, lambda view: _expected(view, Renewable)),
        ("import_per_kwh", price, lambda view: view.tariff.import_per_kwh),
        ("network_charge_per_kwh", price, lambda view: view.tariff.network_charge_per_kwh),
        ("export_per_kwh", price, lambda view: view.tariff.export_per_kwh),
        ("local_charge_per_kwh", price, lambda view: view.tariff.local_charge_per_kwh),
    ]
    for name, (unit, scale, low), series in found:
        fields = [Field(f"{name}[{k}]", unit, scale, low) for k in range(ahead)]
        yield fields, partial(_part, series, ahead)


def _part(series: Callable[[View], FloatArray], ahead: int, seen: Seen) -> FloatArray:
    return series(seen.view)[seen.offset : seen.offset + ahead]


def _expected(view: View, kind: type) -> FloatArray:
    """Give the sum of the forecasts of all devices of a kind. [kW]"""
    total_kw = np.zeros(view.window.steps)
    for device in view.devices:
        if isinstance(device, kind):
            total_kw = total_kw + view.forecast_kw[device.name]
    return total_kw


def _limits(scales: Scales) -> Iterator[_Part]:
    names = ("import_limit_kw", "export_limit_kw")
    fields = [Field(name, "kW", scales.power_kw, 0.0) for name in names]
    yield (
        fields,
        lambda seen: [float(getattr(seen.view.envelope, name)[seen.offset]) for name in names],
    )


def _devices(devices: Sequence[Any]) -> Iterator[_Part]:
    """Give what storage and generators carry into the step."""
    for device in devices:
        if isinstance(device, Battery):
            field = Field(f"{device.name}.energy_kwh", "kWh", device.energy_kwh, 0.0, 1.0)
            yield [field], partial(_stored, device.name)
        elif isinstance(device, Diesel):
            field = Field(f"{device.name}.power_kw", "kW", device.power_max_kw, 0.0, 1.0)
            yield [field], partial(_generated, device.name)
        elif isinstance(device, SessionStore):
            yield (
                [
                    Field(f"{device.name}.plugged_in", "1", low=0.0, high=1.0),
                    Field(f"{device.name}.energy_kwh", "kWh", device.energy_kwh, 0.0, 1.0),
                    Field(f"{device.name}.needed_kwh", "kWh", device.energy_kwh, 0.0, 1.0),
                ],
                partial(_visiting, device.name),
            )


def _stored(name: str, seen: Seen) -> Sequence[float]:
    return [seen.state.energy_kwh[name]]


def _visiting(name: str, seen: Seen) -> Sequence[float]:
    """Give whether a store is there, what it holds, and the least at the end of the step."""
    rule, at = seen.view.sessions[name], seen.offset
    if not rule.is_plugged[at]:
        return 0.0, 0.0, 0.0
    begins_kwh = float(rule.arrives_kwh[at])
    begins = at == 0 or bool(rule.is_leaving[at - 1]) or not rule.is_plugged[at - 1]
    held_kwh = begins_kwh if begins else seen.state.session_kwh[name]
    return 1.0, held_kwh, float(rule.least_kwh[at])


def _generated(name: str, seen: Seen) -> Sequence[float]:
    return [seen.state.diesel[name].power_kw]


def _last(scales: Scales) -> Iterator[_Part]:
    """Give what came of the step before: zero where there was none."""
    fields = [
        Field("last_exchange_kw", "kW", scales.power_kw),
        Field("last_trade_kw", "kW", scales.power_kw),
        Field("last_local_price_per_kwh", "currency/kWh", scales.price_per_kwh),
        Field("has_local_price", "1", low=0.0, high=1.0),
    ]

    def values(seen: Seen) -> Sequence[float]:
        last, price = seen.last, seen.price_per_kwh
        exchange_kw = 0.0 if last is None else last.money.exchange_kw
        trade_kw = 0.0 if last is None else last.sold_kw - last.bought_kw
        has_price = isfinite(price)
        return exchange_kw, trade_kw, price if has_price else 0.0, float(has_price)

    yield fields, values

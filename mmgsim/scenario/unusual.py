"""What can be run but is seldom meant: units mixed up, parts without effect, limits out of step.

These are warnings. They are looked for in a scenario without faults, together with its series, and
keep nothing from running.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from statistics import median_low
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from mmgsim.contracts import FloatArray
from mmgsim.errors import Fault
from mmgsim.profiles import PvlibSource, SimbenchSource, Tmy3Source
from mmgsim.scenario.calendar import ends_at_clock
from mmgsim.scenario.event_checks import event_doubts
from mmgsim.scenario.inputs import Inputs
from mmgsim.scenario.schema import (
    BatteryConfig,
    DieselConfig,
    LoadConfig,
    MicrogridConfig,
    PvConfig,
    Scenario,
    WindConfig,
)
from mmgsim.scenario.session_schema import EvConfig, FlexibleConfig
from mmgsim.scenario.uncertainty_doubts import uncertainty_doubts

__all__ = ["unusual"]

_APART = 300.0
"""Sizes of one kind that are this many times apart probably differ in their units: a thousand
between W, kW and MW, less what sizes differ anyway."""
_HOURS_OF_STORAGE = (0.1, 200.0)
"""Between these a battery is full at its power; a thousand times more or less is another unit."""
_DEAREST_PER_KWH = 5.0
"""Mean price above which units are doubted, in the currencies below; per MWh it would be 50."""
_CURRENCIES = ("AUD", "CAD", "CHF", "EUR", "GBP", "NZD", "USD")
_SERVED_BY_STORAGE = 0.25
"""Part of the steps up to which storage is taken to serve what the connection cannot: a battery
that cuts peaks has a few hours a day."""
_LONGEST_WINDOW_STEPS = 1000
_DAYS_OF_A_YEAR = (365.0, 366.0)
_ROUNDING_DAYS = 1e-6
"""Weights may be shares of a year, such as 365 / 7, written with many digits."""
_PER_UNIT_RATING_KW = 20.0
"""From this rating on, a series that never passes 1 kW is probably per unit of it."""
_SOLAR_NOON_OFF_H = 4.0
"""Clocks differ from the sun by up to 3.5 h (western China, with a quarter hour of the orbit)."""
_DEGREES_PER_H = 15.0


def unusual(scenario: Scenario, inputs: Inputs) -> list[Fault]:
    """Give everything about a scenario and its series that is probably not meant.

    Parameters
    ----------
    scenario : Scenario
        Without faults.
    inputs : Inputs
        Its series.
    """
    found = [*_price_doubts(scenario, inputs), *_parts_without_effect(scenario, inputs)]
    found += event_doubts(scenario)
    found += _year_doubts(scenario)
    found += uncertainty_doubts(scenario, inputs)
    sizes = [_sizes(microgrid, inputs) for microgrid in scenario.microgrids]
    found += _outliers("the load peaks at", _by_device(sizes, "peak_kw"))
    found += _outliers("rating_kw is", _by_device(sizes, "rating_kw"))
    for microgrid, size in zip(scenario.microgrids, sizes, strict=True):
        found += _supply_doubts(microgrid, size, inputs)
        for device in microgrid.devices:
            where = f"microgrids.{microgrid.name}.devices.{device.name}"
            if isinstance(device, BatteryConfig):
                found += _battery_doubts(device, where, size.power_kw, scenario, inputs)
            elif isinstance(device, DieselConfig):
                found += _diesel_doubts(device, where, scenario)
            elif isinstance(device, EvConfig):
                found += _vehicle_doubts(device, where, microgrid.name, inputs)
            elif not isinstance(device, FlexibleConfig):
                values_kw = inputs.device_kw[microgrid.name, device.name]
                found += _series_doubts(device, where, values_kw, scenario)
    return found


_ROUNDING_KWH = 1e-6


@dataclass(frozen=True, slots=True)
class _Sizes:
    """Peaks of loads and ratings of renewables by path; loads and own power over time. [kW]"""

    peak_kw: Mapping[str, float]
    rating_kw: Mapping[str, float]
    load_kw: FloatArray
    own_kw: FloatArray
    """What sun, wind and diesel units could give."""

    @property
    def power_kw(self) -> float:
        """All loads and ratings together."""
        return sum(self.peak_kw.values()) + sum(self.rating_kw.values())


def _sizes(microgrid: MicrogridConfig, inputs: Inputs) -> _Sizes:
    peak_kw, rating_kw = {}, {}
    load_kw, own_kw = np.zeros(inputs.index.steps), np.zeros(inputs.index.steps)
    for device in microgrid.devices:
        where = f"microgrids.{microgrid.name}.devices.{device.name}"
        if isinstance(device, LoadConfig):
            values_kw = inputs.device_kw[microgrid.name, device.name]
            peak_kw[f"{where}.profile"] = float(values_kw.max())
            load_kw = load_kw + values_kw
        elif isinstance(device, PvConfig | WindConfig):
            rating_kw[f"{where}.rating_kw"] = device.rating_kw
            own_kw = own_kw + inputs.device_kw[microgrid.name, device.name]
        elif isinstance(device, DieselConfig):
            own_kw = own_kw + device.power_max_kw
    return _Sizes(peak_kw, rating_kw, load_kw, own_kw)


def _by_device(sizes: list[_Sizes], kind: str) -> dict[str, float]:
    return {where: kw for size in sizes for where, kw in getattr(size, kind).items() if kw > 0.0}


def _outliers(what: str, kw: Mapping[str, float]) -> Iterator[Fault]:
    """Doubt sizes that are far from the usual one of their kind; of two, doubt the larger."""
    usual_kw = median_low(kw.values()) if kw else 0.0
    for where, own_kw in kw.items():
        if not usual_kw / _APART < own_kw < usual_kw * _APART:
            yield Fault(
                where,
                f"{what} {own_kw:g} kW, where others have {usual_kw:g} kW",
                "give kW, neither W nor MW",
            )


# --------------------------------------------------------------------------------------- prices
def _price_doubts(scenario: Scenario, inputs: Inputs) -> Iterator[Fault]:
    buy_per_kwh = inputs.import_per_kwh + inputs.network_charge_per_kwh
    implausible = list(_implausible_prices(scenario, inputs))
    yield from implausible
    if not implausible:  # otherwise the price of buying is to blame
        yield from _shed_price_doubts(scenario, float(buy_per_kwh.min()))
    above = inputs.export_per_kwh > buy_per_kwh
    if above.any():
        what = f"selling pays more than buying in {int(above.sum())} steps"
        cure = "lower it, unless energy is meant to be bought and sold at once"
        yield Fault("tariff.export_per_kwh", what, cure)


def _implausible_prices(scenario: Scenario, inputs: Inputs) -> Iterator[Fault]:
    """Doubt prices and charges that are far too high, or far above the prices of energy."""
    prices = {
        "tariff.import_per_kwh": inputs.import_per_kwh,
        "tariff.export_per_kwh": inputs.export_per_kwh,
    }
    if scenario.tariff.upstream_per_kwh is not None:
        prices["tariff.upstream_per_kwh"] = inputs.upstream_per_kwh
    means = {where: float(np.abs(values).mean()) for where, values in prices.items()}
    charge, place = scenario.tariff.network_charge, "tariff.network_charge"
    charges = {
        f"{place}.off_peak_per_kwh": charge.off_peak_per_kwh,
        f"{place}.on_peak_per_kwh": charge.on_peak_per_kwh,
    }
    cure = "give prices per kWh; 55 per MWh are 0.055"
    for where, mean in (means | charges).items():
        others = [other for place, other in means.items() if place != where and other > 0.0]
        in_the_mean = " in the mean" if where in means else ""
        if scenario.currency.upper() in _CURRENCIES and mean > _DEAREST_PER_KWH:
            yield Fault(where, f"is {mean:g} {scenario.currency} per kWh{in_the_mean}", cure)
        elif others and mean > _APART * max(others):
            what = f"is {mean:g}{in_the_mean}, other prices at most {max(others):g}"
            yield Fault(where, what, cure)


def _shed_price_doubts(scenario: Scenario, buy_per_kwh: float) -> Iterator[Fault]:
    """Doubt loads that are shed rather than bought for, even where buying is cheapest."""
    for microgrid in scenario.microgrids:
        for device in microgrid.devices:
            if isinstance(device, LoadConfig) and buy_per_kwh > device.shed_price_per_kwh:
                yield Fault(
                    f"microgrids.{microgrid.name}.devices.{device.name}.shed_price_per_kwh",
                    f"{device.shed_price_per_kwh:g} is below the price of buying in every step "
                    f"(at least {buy_per_kwh:g}), so that the load is shed, not bought for",
                    "raise it, or give prices per kWh",
                )


# ---------------------------------------------------------------------------- without an effect
def _parts_without_effect(scenario: Scenario, inputs: Inputs) -> Iterator[Fault]:
    """Find what is given and cannot matter, and windows that are finer than anybody plans."""
    charge, rule = scenario.tariff.network_charge, scenario.gate.end_of_window
    if charge.on_peak_per_kwh > 0.0 and charge.on_peak is None:
        what = f"{charge.on_peak_per_kwh:g} is never due: there are no peak hours"
        cure = "add on_peak, like 'Mon-Fri 08:00-22:00'"
        yield Fault("tariff.network_charge.on_peak_per_kwh", what, cure)
    if rule.value_per_kwh > 0.0 and rule.kind != "value":
        what = f"{rule.value_per_kwh:g} has no effect with kind: {rule.kind}"
        yield Fault("gate.end_of_window.value_per_kwh", what, "set kind: value, or leave it out")
    if scenario.network is None and scenario.repair.rounds:
        what = f"{scenario.repair.rounds} has no effect without a network"
        yield Fault("repair.rounds", what, "add a network, or leave it out")
    if scenario.network is None and scenario.settlement.loss_share != "none":
        what = "there are no losses to share without a network"
        yield Fault("settlement.loss_share", what, "add a network, or leave it out")
    yield from _idle_critical_prices(scenario)
    window_steps = scenario.gate.horizon // scenario.step
    if window_steps > _LONGEST_WINDOW_STEPS:
        hours = scenario.gate.horizon // 60
        what = f"{scenario.step} min: a window of {hours} h has {window_steps} steps"
        yield Fault("step", what, "use longer steps or a shorter gate.horizon, unless meant")
    if not inputs.background.any():
        yield Fault("network.background.profile", "is zero throughout", "give shares of the peak")


def _idle_critical_prices(scenario: Scenario) -> Iterator[Fault]:
    """Find prices of critical load where nothing is critical."""
    for microgrid in scenario.microgrids:
        for device in microgrid.devices:
            price = getattr(device, "critical_shed_price_per_kwh", None)
            if isinstance(device, LoadConfig) and price is not None and not device.critical_share:
                yield Fault(
                    f"microgrids.{microgrid.name}.devices.{device.name}.critical_shed_price_per_kwh",
                    f"{price:g} has no effect: nothing of the load is critical",
                    "add critical_share, or leave it out",
                )


def _year_doubts(scenario: Scenario) -> Iterator[Fault]:
    """Doubt weights of representative days that make no year."""
    days = sum(part.weight for part in scenario.year)
    if scenario.year and min(abs(days - year) for year in _DAYS_OF_A_YEAR) > _ROUNDING_DAYS:
        what = f"the weights of the representative days are {days:g} days together"
        yield Fault("year", what, "give weights whose sum is 365 or 366, unless meant")


# -------------------------------------------------------------------------------------- devices
def _supply_doubts(microgrid: MicrogridConfig, size: _Sizes, inputs: Inputs) -> Iterator[Fault]:
    """Doubt a connection that cannot carry what own power leaves of the load.

    Storage may serve that now and then, as one that cuts peaks does.
    """
    limit_kw = microgrid.connection.import_limit_kw
    if limit_kw is None:
        return
    run = slice(inputs.lead_steps, inputs.lead_steps + inputs.run_steps)
    lack_kw = (size.load_kw - size.own_kw - limit_kw)[run]
    lacking = int((lack_kw > 0.0).sum())
    has_storage = any(isinstance(device, BatteryConfig) for device in microgrid.devices)
    if lacking > (_SERVED_BY_STORAGE * inputs.run_steps if has_storage else 0):
        but_for = " but for what storage holds" if has_storage else ""
        yield Fault(
            f"microgrids.{microgrid.name}.connection.import_limit_kw",
            f"{limit_kw:g} kW and the microgrid's own power are less than its load in {lacking} "
            f"of {inputs.run_steps} steps, by up to {lack_kw.max():g} kW: load will be shed"
            f"{but_for}",
            "raise it, or lower the load",
        )


def _battery_doubts(
    battery: BatteryConfig, where: str, power_kw: float, scenario: Scenario, inputs: Inputs
) -> Iterator[Fault]:
    """Doubt sizes in another unit, and a first level that is out of reach."""
    hours = battery.energy_kwh / battery.power_kw
    cure = "give energy_kwh in kWh and power_kw in kW"
    if not _HOURS_OF_STORAGE[0] <= hours <= _HOURS_OF_STORAGE[1]:
        what = f"{battery.energy_kwh:g} kWh at {battery.power_kw:g} kW take {hours:g} h"
        yield Fault(f"{where}.energy_kwh", what, cure)
    elif power_kw > 0.0 and battery.energy_kwh > _HOURS_OF_STORAGE[1] * power_kw:
        what = (
            f"{battery.energy_kwh:g} kWh is {battery.energy_kwh / power_kw:.0f} h of all loads "
            f"and ratings of the microgrid, {power_kw:g} kW"
        )
        yield Fault(f"{where}.energy_kwh", what, cure)
    yield from _level_doubts(battery, where, scenario, inputs)


def _level_doubts(
    battery: BatteryConfig, where: str, scenario: Scenario, inputs: Inputs
) -> Iterator[Fault]:
    """Doubt a level that cannot be there when it is due the first time.

    At most ``power_kw`` goes in or out at the terminals: ``efficiency`` of it is stored, and
    ``1 / efficiency`` of it is taken from the store.
    """
    rule = scenario.gate.end_of_window
    if rule.kind != "cyclic" or battery.level_start is None:
        return
    run = inputs.index.part(inputs.lead_steps, inputs.index.steps - inputs.lead_steps)
    hours = (int(np.flatnonzero(ends_at_clock(run, rule.at))[0]) + 1) * scenario.step_h
    per_h = battery.power_kw / battery.energy_kwh
    highest = battery.level_start + hours * per_h * battery.efficiency
    lowest = battery.level_start - hours * per_h / battery.efficiency
    if not lowest - 1e-9 <= rule.level <= highest + 1e-9:
        nearest = highest if rule.level > highest else lowest
        yield Fault(
            f"{where}.level_start",
            f"{battery.level_start:g} is too far from the level of {rule.level:g} due at "
            f"{rule.at} ({hours:g} h later): {battery.power_kw:g} kW reach {nearest:.3g} by then",
            "start nearer to gate.end_of_window.level, or raise power_kw",
        )


def _vehicle_doubts(fleet: EvConfig, where: str, microgrid: str, inputs: Inputs) -> Iterator[Fault]:
    """Say what cannot be charged where that has a price instead of being refused."""
    gain_kwh = fleet.efficiency * fleet.charge_kw * inputs.index.step_h
    short_kwh = [
        stay.short_kwh(gain_kwh)
        for name in fleet.device_names()
        for stay in inputs.sessions[microgrid, name]
        if stay.first_step < inputs.run_steps
    ]
    lacking = [kwh for kwh in short_kwh if kwh > _ROUNDING_KWH]
    if lacking:
        what = (
            f"{len(lacking)} of {len(short_kwh)} stays are too short for {fleet.charge_kw:g} kW: "
            f"{sum(lacking):.3g} kWh will lack on departure"
        )
        yield Fault(f"{where}.sessions", what, "raise charge_kw, or lower what is wanted")


def _diesel_doubts(diesel: DieselConfig, where: str, scenario: Scenario) -> Iterator[Fault]:
    """Doubt a ramp that could not reach the least power in a step."""
    if diesel.ramp_kw_per_h is None:
        return
    ramp_kw = diesel.ramp_kw_per_h * scenario.step_h
    if ramp_kw < diesel.power_min_kw:
        yield Fault(
            f"{where}.ramp_kw_per_h",
            f"{ramp_kw:g} kW a step do not reach power_min_kw = {diesel.power_min_kw:g}; starts "
            "and stops go to the least power all the same",
            "raise it or lower power_min_kw, unless meant",
        )


def _longitude(source: Any) -> float | None:
    """Give where a series has its days, if it knows; east positive. [deg]"""
    if isinstance(source, PvlibSource):
        return source.place().longitude
    if isinstance(source, Tmy3Source | SimbenchSource):
        return source.longitude
    return None


def _series_doubts(
    device: LoadConfig | PvConfig | WindConfig,
    where: str,
    values_kw: FloatArray,
    scenario: Scenario,
) -> Iterator[Fault]:
    """Doubt series of nothing, of shares where kW are meant, and a sun of another time zone."""
    profile, most_kw = device.profile, float(values_kw.max())
    if most_kw == 0.0:
        yield Fault(f"{where}.profile", "is zero throughout", "leave the device out, unless meant")
    elif (
        isinstance(device, PvConfig | WindConfig)
        and profile.source in ("csv", "constant")
        and most_kw <= 1.0
        and device.rating_kw >= _PER_UNIT_RATING_KW
    ):
        what = f"reaches {most_kw:g} kW of {device.rating_kw:g} kW: is it per unit?"
        yield Fault(f"{where}.profile", what, f"give kW, in a csv with scale: {device.rating_kw:g}")
    longitude = _longitude(profile)
    if longitude is not None:
        noon = datetime(scenario.start.year, scenario.start.month, scenario.start.day, 12)  # noqa: DTZ001  a wall clock
        offset = noon.replace(tzinfo=ZoneInfo(scenario.timezone)).utcoffset()
        hours = 0.0 if offset is None else offset.total_seconds() / 3600.0
        apart_h = abs((hours - longitude / _DEGREES_PER_H + 12.0) % 24.0 - 12.0)
        if apart_h > _SOLAR_NOON_OFF_H:
            what = (
                f"longitude {longitude:g} has its noon {apart_h:.1f} h from that of the time zone"
            )
            yield Fault(f"{where}.profile", what, "give the site's own timezone or another site")

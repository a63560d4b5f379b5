"""From the devices of a scenario to what agents own and what that carries into the first step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import inf, sqrt
from types import MappingProxyType
from typing import Any

from mmgsim.contracts import (
    Battery,
    CarriedState,
    Device,
    Diesel,
    DieselState,
    Load,
    Renewable,
    RenewableKind,
    SessionKind,
    SessionStore,
)
from mmgsim.scenario import (
    BatteryConfig,
    DieselConfig,
    EndOfWindowConfig,
    EvConfig,
    FlexibleConfig,
    Inputs,
    LoadConfig,
    PvConfig,
    Scenario,
    Timeline,
)

__all__ = [
    "dearest_public_price",
    "device_of",
    "devices_of",
    "first_state",
    "miss_price_of",
    "with_miss_price",
]


def devices_of(config: Any) -> tuple[Device, ...]:
    """Give the devices that a part of a scenario describes: each vehicle of a fleet is one."""
    if isinstance(config, EvConfig):
        return tuple(
            SessionStore(
                name=name,
                kind=SessionKind.VEHICLE,
                energy_kwh=config.level_max * config.energy_kwh,
                charge_kw=config.charge_kw,
                energy_min_kwh=config.level_min * config.energy_kwh,
                discharge_kw=config.discharge_kw,
                efficiency=config.efficiency,
                wear_per_kwh=config.wear_per_kwh,
                missing_per_kwh=config.missing_price_per_kwh,
            )
            for name in config.device_names()
        )
    if isinstance(config, FlexibleConfig):
        return (
            SessionStore(
                name=config.name,
                kind=SessionKind.LOAD,
                energy_kwh=config.energy_kwh,
                charge_kw=config.power_kw,
                missing_per_kwh=config.shed_price_per_kwh,
            ),
        )
    return (device_of(config),)


def device_of(config: Any) -> Device:
    """Give the one device that a part of a scenario describes, which is no vehicle."""
    if isinstance(config, LoadConfig):
        return Load(
            config.name,
            config.shed_price_per_kwh,
            critical_share=config.critical_share,
            critical_shed_price_per_kwh=config.critical_per_kwh,
        )
    if isinstance(config, BatteryConfig):
        return Battery(
            name=config.name,
            energy_kwh=config.energy_kwh,
            energy_min_kwh=config.level_min * config.energy_kwh,
            power_kw=config.power_kw,
            efficiency=config.efficiency,
            wear_per_kwh=config.wear_per_kwh,
        )
    if isinstance(config, DieselConfig):
        return Diesel(
            name=config.name,
            power_min_kw=config.power_min_kw,
            power_max_kw=config.power_max_kw,
            cost_per_kwh=config.cost_per_kwh,
            cost_per_kwh_kw=config.cost_per_kwh_kw,
            cost_per_h=config.cost_per_h,
            start_up_cost=config.start_up_cost,
            ramp_kw_per_h=inf if config.ramp_kw_per_h is None else config.ramp_kw_per_h,
        )
    kind = RenewableKind.PV if isinstance(config, PvConfig) else RenewableKind.WIND
    return Renewable(config.name, kind, config.rating_kw)


def first_state(devices: Sequence[Any], rule: EndOfWindowConfig) -> CarriedState:
    """Give what devices carry into the first step."""
    energy_kwh = {
        device.name: device.energy_kwh
        * (rule.level if device.level_start is None else device.level_start)
        for device in devices
        if isinstance(device, BatteryConfig)
    }
    diesel = {
        device.name: DieselState(device.power_start_kw > 0.0, device.power_start_kw)
        for device in devices
        if isinstance(device, DieselConfig)
    }
    session_kwh = {
        device.name: 0.0
        for config in devices
        if isinstance(config, EvConfig | FlexibleConfig)
        for device in devices_of(config)
    }
    return CarriedState(
        MappingProxyType(energy_kwh), MappingProxyType(diesel), MappingProxyType(session_kwh)
    )


def dearest_public_price(scenario: Scenario, inputs: Inputs) -> float:
    """Give the most that a kWh costs or earns at the grid, shocks included. [currency/kWh]"""
    import_per_kwh, export_per_kwh = (
        Timeline.of(scenario).price_per_kwh(name, price, first_step=-inputs.lead_steps, at=None)
        for name, price in (("import", inputs.import_per_kwh), ("export", inputs.export_per_kwh))
    )
    buys = import_per_kwh + inputs.network_charge_per_kwh
    return max(float(abs(prices).max()) for prices in (buys, export_per_kwh))


def miss_price_of(devices: tuple[Device, ...], dearest_public: float) -> float:
    """Price a missed level from what the owner knows: its own devices and the public prices.

    A level goes before serving load: 100 times the dearest kWh also covers the losses of storage.
    Critical load goes before a level: where there is some, the price stands midway, in proportion,
    between the dearest other kWh and the cheapest critical one.
    """
    sheds = [device.shed_price_per_kwh for device in devices if isinstance(device, Load)]
    sheds += [
        device.missing_per_kwh
        for device in devices
        if isinstance(device, SessionStore) and not device.is_vehicle
    ]
    fuels = [device.dearest_per_kwh for device in devices if isinstance(device, Diesel)]
    dearest = max(*sheds, *fuels, dearest_public, 0.01)
    critical = [
        device.critical_shed_price_per_kwh
        for device in devices
        if isinstance(device, Load) and device.critical_share
    ]
    if critical and min(critical) > dearest:
        return sqrt(dearest * min(critical))
    return 100.0 * dearest


def with_miss_price(devices: tuple[Device, ...], miss_price: float) -> tuple[Device, ...]:
    """Give the same devices, in which diesel units know that price too."""
    return tuple(
        replace(device, miss_price_per_kwh=miss_price) if isinstance(device, Diesel) else device
        for device in devices
    )

"""Where the energy of storage has to be: the rule that keeps a rolling window from draining it.

A level "back to where this gate began" does not stop a rolling run from draining: each gate starts
a little lower. Levels at fixed clock times do, and they let a rolling run with perfect forecasts
equal one long window.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

import numpy as np

from mmgsim.contracts import Battery, CarriedState, Device, StorageRule, Window, frozen
from mmgsim.scenario import EndOfWindowConfig

__all__ = ["storage_rules"]

_TOLERANCE_KWH = 1e-9


def storage_rules(
    config: EndOfWindowConfig,
    devices: tuple[Device, ...],
    state: CarriedState,
    window: Window,
    targets: Sequence[int],
    *,
    miss_price_per_kwh: float = 1e3,
) -> Mapping[str, StorageRule]:
    """Give the rule of every storage device for one window.

    Parameters
    ----------
    config : EndOfWindowConfig
        Of the scenario.
    devices : tuple of Device
        What the microgrid owns.
    state : CarriedState
        At the start of the window.
    window : Window
        The steps ahead.
    targets : sequence of int
        Positions of the steps at whose end the level is due, for `cyclic`.
    miss_price_per_kwh : float
        What missing a level costs where nothing else is possible. [currency/kWh]
    """
    rules = {}
    for device in devices:
        if isinstance(device, Battery):
            start_kwh = state.energy_kwh[device.name]
            if config.kind == "cyclic":
                level_kwh = config.level * device.energy_kwh
                rule = _cyclic(device, start_kwh, level_kwh, window, targets)
            else:
                value = config.value_per_kwh if config.kind == "value" else 0.0
                rule = _limits_only(device, window, value)
            rules[device.name] = replace(rule, miss_price_per_kwh=miss_price_per_kwh)
    return MappingProxyType(rules)


def _limits_only(device: Battery, window: Window, value_per_kwh: float) -> StorageRule:
    ones = np.ones(window.steps)
    return StorageRule(
        low_kwh=frozen(device.energy_min_kwh * ones),
        high_kwh=frozen(device.energy_kwh * ones),
        end_value_per_kwh=value_per_kwh,
    )


def _cyclic(
    device: Battery, start_kwh: float, level_kwh: float, window: Window, targets: Sequence[int]
) -> StorageRule:
    """Ask for the level at each target, or for the nearest one that the power limit reaches."""
    low_kwh = np.full(window.steps, device.energy_min_kwh)
    high_kwh = np.full(window.steps, device.energy_kwh)
    most_up_kwh = device.power_kw * device.efficiency * window.step_h
    most_down_kwh = device.power_kw / device.efficiency * window.step_h
    is_moved, at_step, at_kwh = False, -1, start_kwh
    for target in targets:
        lead = target - at_step
        lowest = max(device.energy_min_kwh, at_kwh - lead * most_down_kwh)
        highest = min(device.energy_kwh, at_kwh + lead * most_up_kwh)
        reached_kwh = min(max(level_kwh, lowest), highest)
        is_moved = is_moved or abs(reached_kwh - level_kwh) > _TOLERANCE_KWH
        low_kwh[target] = high_kwh[target] = reached_kwh
        at_step, at_kwh = target, reached_kwh
    return StorageRule(low_kwh=frozen(low_kwh), high_kwh=frozen(high_kwh), is_moved=is_moved)

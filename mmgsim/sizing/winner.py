"""A scenario with other sizes: what a search has found, as something that can be run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from mmgsim.contracts import FloatArray
from mmgsim.profiles import ConstantSource, CsvSource
from mmgsim.scenario import (
    BatteryConfig,
    LoadedScenario,
    MicrogridConfig,
    PvConfig,
    WindConfig,
    resolved_yaml,
    seen_from,
)
from mmgsim.sizing.case import BATTERY, PV, WIND, SizingCase
from mmgsim.tables import write_text

__all__ = ["with_sizes", "write_scenario"]

_AT = {WindConfig: WIND, PvConfig: PV, BatteryConfig: BATTERY}
_NONE = 1e-6
"""Smaller devices are left out. [kW], [kWh]"""
_LEAST = 1e-3
"""What is left of the first device of a microgrid of which nothing is left. [kW], [kWh]"""


def with_sizes(loaded: LoadedScenario, case: SizingCase, sizes: FloatArray) -> LoadedScenario:
    """Give a scenario whose devices have these sizes.

    Devices of one kind in a microgrid keep their proportions; one without size is left out.
    Of a microgrid that would have none at all, the first one stays, of next to no size.

    Parameters
    ----------
    loaded : LoadedScenario
        The scenario that was sized.
    case : SizingCase
        Its case.
    sizes : (microgrids, 3) array
        [kW], [kW], [kWh]
    """
    microgrids = tuple(
        _sized(config, own, present)
        for config, own, present in zip(
            loaded.scenario.microgrids, sizes, case.present, strict=True
        )
    )
    return replace(loaded, scenario=loaded.scenario.model_copy(update={"microgrids": microgrids}))


def write_scenario(folder: Path, loaded: LoadedScenario) -> Path:
    """Write a scenario to a folder, from where `mmgsim run` takes it; gives the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    write_text(folder / "scenario.yaml", resolved_yaml(seen_from(folder, loaded)))
    return folder


def _sized(config: MicrogridConfig, sizes: FloatArray, present: FloatArray) -> MicrogridConfig:
    devices = []
    for device in config.devices:
        at = _AT.get(type(device))
        if at is None:
            devices.append(device)
        elif sizes[at] > _NONE:
            devices.append(_scaled(device, float(sizes[at] / present[at])))
    if not devices:  # a scenario knows no microgrid without devices
        first = config.devices[0]
        devices = [_scaled(first, float(_LEAST / present[_AT[type(first)]]))]
    return config.model_copy(update={"devices": tuple(devices)})


def _scaled(device: Any, factor: float) -> Any:
    """Give a device so many times as large."""
    if isinstance(device, BatteryConfig):
        grown = {"energy_kwh": factor * device.energy_kwh, "power_kw": factor * device.power_kw}
        return device.model_copy(update=grown)
    grown = {"rating_kw": factor * device.rating_kw, "profile": _times(device.profile, factor)}
    return device.model_copy(update=grown)


def _times(profile: Any, factor: float) -> Any:
    """Give a series in kW so many times as large; others are per kW of rating."""
    if isinstance(profile, CsvSource):
        return profile.model_copy(update={"scale": factor * profile.scale})
    if isinstance(profile, ConstantSource):
        return profile.model_copy(update={"value": factor * profile.value})
    return profile

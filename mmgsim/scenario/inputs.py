"""The series of a scenario: prices, demand, available power, background; each with its label."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from mmgsim.contracts import FloatArray, frozen
from mmgsim.errors import Fault, ScenarioError
from mmgsim.profiles import Label, Series, SeriesError, TimeIndex, Unit, make_series
from mmgsim.scenario.calendar import peak_mask, run_index
from mmgsim.scenario.schema import BatteryConfig, LoadConfig, Scenario

__all__ = ["InputLabel", "Inputs", "read_inputs"]

_PERSISTENCE_LEAD_DAYS = 1


@dataclass(frozen=True, slots=True)
class InputLabel:
    """Where a series comes from and how real it is."""

    where: str
    label: Label
    description: str


@dataclass(frozen=True, slots=True, eq=False)
class Inputs:
    """All series of a scenario over lead-in, run and horizon, arrays of `index.steps` values.

    Parameters
    ----------
    index : TimeIndex
        Of the arrays.
    lead_steps : int
        Position of the run's first step in the arrays.
    run_steps : int
        Steps of the run.
    import_per_kwh, export_per_kwh, upstream_per_kwh : array
        Energy prices. [currency/kWh]
    network_charge_per_kwh, local_charge_per_kwh : array
        Charges on imported and on locally bought energy. [currency/kWh]
    device_kw : mapping of arrays
        Demand or available power by (microgrid, device). [kW]
    background : array
        Background load as a share of its peak.
    labels : tuple of InputLabel
        One per series.
    """

    index: TimeIndex
    lead_steps: int
    run_steps: int
    import_per_kwh: FloatArray
    export_per_kwh: FloatArray
    upstream_per_kwh: FloatArray
    network_charge_per_kwh: FloatArray
    local_charge_per_kwh: FloatArray
    device_kw: Mapping[tuple[str, str], FloatArray]
    background: FloatArray
    labels: tuple[InputLabel, ...]


class _Reader:
    """Reads series one by one and gathers every fault before anything is refused."""

    def __init__(self, scenario: Scenario, folder: Path | None, index: TimeIndex) -> None:
        self._scenario = scenario
        self._folder = folder
        self.index = index
        self.labels: list[InputLabel] = []
        self.faults: list[Fault] = []

    def read(self, source: Any, where: str, name: str) -> Series | None:
        """Give a series, or None after noting why there is none."""
        try:
            series = make_series(
                source, self.index, seed=self._scenario.seed, name=name, folder=self._folder
            )
        except SeriesError as error:
            self.faults += [Fault(where, str(fault)) for fault in error.faults]
            return None
        self.labels.append(InputLabel(where, series.label, series.description))
        return series

    def price(self, source: Any, where: str) -> FloatArray:
        """Give a price series; zeros after a fault. [currency/kWh]"""
        series = self.read(source, where, where)
        return np.zeros(self.index.steps) if series is None else series.values

    def power(self, device: Any, where: str, name: str) -> FloatArray:
        """Give the demand or available power of a device; zeros after a fault. [kW]"""
        series = self.read(device.profile, where, name)
        if series is None:
            return np.zeros(self.index.steps)
        values = series.values
        if isinstance(device, LoadConfig):
            if series.unit is Unit.PER_UNIT:
                self.faults.append(
                    Fault(where, "gives no power", "add annual_kwh, or use a series in kW")
                )
        else:
            values = values * device.rating_kw if series.unit is Unit.PER_UNIT else values
            if values.max() > device.rating_kw * (1 + 1e-6):
                what = f"reaches {values.max():g} kW, above rating_kw = {device.rating_kw:g}"
                self.faults.append(Fault(where, what, "raise rating_kw or scale the series"))
        if values.min() < 0.0:
            what = f"is negative at {self.index.utc()[int(values.argmin())]} ({values.min():g} kW)"
            self.faults.append(Fault(where, what, "demand and available power are >= 0"))
        return values

    def background(self) -> FloatArray:
        """Give the background as a share of its peak."""
        network = self._scenario.network
        profile = None if network is None else network.background.profile
        if profile is None:
            return np.ones(self.index.steps)
        series = self.read(profile, "network.background.profile", "background")
        if series is None:
            return np.ones(self.index.steps)
        if series.unit is Unit.KW:
            self.faults.append(
                Fault("network.background.profile", "gives kW", "leave out annual_kwh")
            )
        return series.values


def read_inputs(scenario: Scenario, folder: Path | None, *, source: str = "") -> Inputs:
    """Read or generate all series of a scenario.

    Parameters
    ----------
    scenario : Scenario
        Checked scenario.
    folder : Path or None
        Where its CSV files are.
    source : str
        Name of the scenario's file, for messages.

    Raises
    ------
    ScenarioError
        Naming every fault of every series.
    """
    lead_days = _PERSISTENCE_LEAD_DAYS if scenario.forecast.kind == "persistence" else 0
    index, lead_steps, run_steps = run_index(scenario, lead_days=lead_days)
    reader = _Reader(scenario, folder, index)
    tariff = scenario.tariff
    import_per_kwh = reader.price(tariff.import_per_kwh, "tariff.import_per_kwh")
    export_per_kwh = reader.price(tariff.export_per_kwh, "tariff.export_per_kwh")
    upstream_per_kwh = import_per_kwh
    if tariff.upstream_per_kwh is not None:
        upstream_per_kwh = reader.price(tariff.upstream_per_kwh, "tariff.upstream_per_kwh")
    device_kw = {
        (microgrid.name, device.name): reader.power(
            device,
            f"microgrids[{microgrid.name}].devices[{device.name}].profile",
            f"{microgrid.name}.{device.name}",
        )
        for microgrid in scenario.microgrids
        for device in microgrid.devices
        if not isinstance(device, BatteryConfig)
    }
    background = reader.background()
    charge = _network_charge(scenario, index)
    reader.faults += _arbitrage_faults(scenario, import_per_kwh + charge, export_per_kwh)
    if reader.faults:
        raise ScenarioError(source or scenario.name, reader.faults)
    return Inputs(
        index=index,
        lead_steps=lead_steps,
        run_steps=run_steps,
        import_per_kwh=frozen(import_per_kwh),
        export_per_kwh=frozen(export_per_kwh),
        upstream_per_kwh=frozen(upstream_per_kwh),
        network_charge_per_kwh=frozen(charge),
        local_charge_per_kwh=frozen(charge * tariff.network_charge.local_share),
        device_kw=MappingProxyType({key: frozen(values) for key, values in device_kw.items()}),
        background=frozen(background),
        labels=tuple(reader.labels),
    )


def _network_charge(scenario: Scenario, index: TimeIndex) -> FloatArray:
    charge = scenario.tariff.network_charge
    is_peak = peak_mask(index, charge.on_peak)
    return np.where(is_peak, charge.on_peak_per_kwh, charge.off_peak_per_kwh)


def _arbitrage_faults(
    scenario: Scenario, buy_per_kwh: FloatArray, sell_per_kwh: FloatArray
) -> list[Fault]:
    """Refuse selling above buying where nothing but the default connection would limit it."""
    above = sell_per_kwh > buy_per_kwh
    unlimited = [
        microgrid.name
        for microgrid in scenario.microgrids
        if microgrid.connection.import_limit_kw is None
        or microgrid.connection.export_limit_kw is None
    ]
    if not above.any() or not unlimited:
        return []
    worst = int(np.argmax(sell_per_kwh - buy_per_kwh))
    return [
        Fault(
            "tariff.export_per_kwh",
            f"selling ({sell_per_kwh[worst]:g}) pays more than buying with its network charge "
            f"({buy_per_kwh[worst]:g}) in {int(above.sum())} steps",
            "lower it, or give connection import_limit_kw and export_limit_kw of "
            + ", ".join(unlimited),
        )
    ]

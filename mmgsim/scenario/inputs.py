"""The series of a scenario: prices, demand, available power, background; each with its label."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from mmgsim.contracts import FloatArray, Session, frozen
from mmgsim.errors import Fault
from mmgsim.profiles import (
    LARGEST,
    ConstantSource,
    CsvSource,
    Label,
    Series,
    SeriesError,
    SimbenchSource,
    TimeIndex,
    Unit,
    make_series,
    measured_faults,
    simbench_background,
)
from mmgsim.scenario.calendar import PEAK_CURE, peak_mask, run_index
from mmgsim.scenario.events import Timeline
from mmgsim.scenario.extras import extra_faults, taken_elements, with_code
from mmgsim.scenario.schema import (
    BatteryConfig,
    DeviceConfig,
    DieselConfig,
    LoadConfig,
    PvConfig,
    Scenario,
    WindConfig,
)
from mmgsim.scenario.session_inputs import SessionInputs, read_sessions
from mmgsim.scenario.session_schema import EvConfig, FlexibleConfig
from mmgsim.scenario.spreads import Spreads, read_spreads, told_spreads
from mmgsim.scenario.yaml_lines import refusal

__all__ = ["FurtherCheck", "InputLabel", "Inputs", "read_inputs", "series_faults"]

FurtherCheck = Callable[[Scenario, Path | None], Iterable[Fault]]
"""Finds faults that only another part of the framework can see, such as those of a network."""

_PERSISTENCE_LEAD_DAYS = 1
_ROUNDING = 1e-6
_HIGH_PRICE_SD = 5.0
"""An uncertain price is further above its mean once in three million steps."""
_HOPELESS = 100.0
"""Load that is this many times all that can serve it is in another unit, or no study of trading."""


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
    sessions : mapping
        Of vehicles and flexible loads by (microgrid, device), in steps of the run.
    background : array
        Background load as a share of its peak; of a SimBench grid (steps, profiles), the values of
        all its profiles.
    labels : tuple of InputLabel
        One per series, and per kind of it that is uncertain.
    spreads : Spreads
        How uncertain series are spread about those above.
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
    sessions: Mapping[tuple[str, str], tuple[Session, ...]]
    background: FloatArray
    labels: tuple[InputLabel, ...]
    spreads: Spreads = field(default_factory=Spreads)


class _Reader:
    """Reads series one by one and gathers every fault before anything is refused."""

    def __init__(
        self, scenario: Scenario, folder: Path | None, index: TimeIndex, *, is_timed: bool
    ) -> None:
        self._scenario = scenario
        self._folder = folder
        self._is_timed = is_timed
        self.index = index
        self.labels: list[InputLabel] = []
        self.faults: list[Fault] = extra_faults(scenario)
        self._lacks_extra = bool(self.faults)
        self._said: dict[str, set[Fault]] = {}

    def fault(self, where: str, what: str, cure: str = "") -> None:
        """Note one fault."""
        self.faults.append(Fault(where, what, cure))

    def read(self, source: Any, where: str, name: str) -> Series | None:
        """Give a series, or None after noting why there is none."""
        if isinstance(source, SimbenchSource):
            if self._lacks_extra:  # said once, of all places together
                return None
            source = with_code(source, self._scenario)
        if not self._is_timed and not isinstance(source, ConstantSource):
            if isinstance(source, CsvSource):
                faults = measured_faults(source, self.index, folder=self._folder)
                self._note_file(SeriesError(source.file, faults), where, source)
            return None
        try:
            series = make_series(
                source,
                self.index,
                seed=self._scenario.seed,
                name=name,
                folder=self._folder,
                lead_days=_lead_days(self._scenario),
            )
        except SeriesError as error:
            if isinstance(source, CsvSource):
                self._note_file(error, where, source)
            else:
                self._note(error, where)
            return None
        if not np.abs(series.values).max() <= LARGEST:
            what = f"reaches {np.abs(series.values).max():g}, beyond any scenario ({LARGEST:g})"
            self.fault(where, what, "check values, unit and scale")
            return None
        self.labels.append(InputLabel(where, series.label, series.description))
        return series

    def _note_file(self, error: SeriesError, where: str, source: CsvSource) -> None:
        """Note the faults of a file; those of its stamps once, not for every column."""
        of_stamps = {x for x in error.faults if x.where == f"column {source.time_column!r}"}
        said = self._said.setdefault(source.file, set())
        self._note(SeriesError(error.source, [x for x in error.faults if x not in said]), where)
        said |= of_stamps

    def _note(self, error: SeriesError, where: str) -> None:
        for fault in error.faults:
            prefix = "" if fault.where == error.source else f"{error.source}: "
            self.fault(where, f"{prefix}{replace(fault, cure='')}", fault.cure)

    def price(self, source: Any, where: str) -> FloatArray | None:
        """Give a price series, or None after noting why there is none. [currency/kWh]"""
        series = self.read(source, where, where)
        if series is None:
            return None
        if series.unit not in (Unit.CURRENCY_PER_KWH, Unit.AS_GIVEN):
            self.fault(where, f"{source.source!r} gives no price", "use csv, price or a number")
            return None
        return series.values

    def power(self, device: Any, where: str, name: str) -> FloatArray:
        """Give the demand or available power of a device; zeros after a fault. [kW]"""
        series = self.read(device.profile, where, name)
        if series is None:
            return np.zeros(self.index.steps)
        values, kind = series.values, device.profile.source
        if series.unit is Unit.CURRENCY_PER_KWH:
            self.fault(where, f"{kind!r} gives a price, not power", "use a series in kW")
        elif isinstance(device, LoadConfig):
            if series.unit is Unit.PER_UNIT:
                has_energy = kind in ("demandlib", "simbench")
                cure = "add annual_kwh" if has_energy else "use demandlib or csv"
                self.fault(where, f"{kind!r} gives no power as it is", cure)
        else:
            values = values * device.rating_kw if series.unit is Unit.PER_UNIT else values
            self._check_rating(values, device.rating_kw, where)
        self._check_sign(values, where, " kW")
        return values

    def _check_rating(self, values: FloatArray, rating_kw: float, where: str) -> None:
        if values.max() > rating_kw * (1 + _ROUNDING):
            what = f"reaches {values.max():g} kW, above rating_kw = {rating_kw:g}"
            self.fault(where, what, "raise rating_kw or scale the series")

    def _check_sign(self, values: FloatArray, where: str, unit: str) -> None:
        if values.min() < 0.0:
            when = self.index.local()[int(values.argmin())]
            what = f"is negative, {values.min():g}{unit} at {when:%Y-%m-%d %H:%M} local time"
            self.fault(where, what, "give values of 0 or more")

    def background(self) -> FloatArray:
        """Give the background as a share of its peak."""
        network, where = self._scenario.network, "network.background.profile"
        if network is not None and network.simbench is not None:
            return self._simbench_background(network.simbench)
        profile = None if network is None else network.background.profile
        series = None if profile is None else self.read(profile, where, "background")
        if profile is None or series is None:
            return np.ones(self.index.steps)
        if series.unit is Unit.KW:
            self.fault(where, "gives kW, not shares of a peak", "leave out annual_kwh")
        elif series.unit is Unit.CURRENCY_PER_KWH:
            self.fault(where, f"{profile.source!r} gives a price", "use demandlib or csv")
        elif series.values.max() > 1 + _ROUNDING:
            what = f"reaches {series.values.max():g}, above 1, but is a share of the peak"
            self.fault(where, what, "divide by the peak, with `scale` in a csv source")
        self._check_sign(series.values, where, "")
        return series.values

    def _simbench_background(self, code: str) -> FloatArray:
        """Give the values of all profiles of a SimBench grid; ones after a fault."""
        where = "network.simbench"
        if self._is_timed and not self._lacks_extra:
            try:
                values = simbench_background(code, self.index)
            except SeriesError as error:
                self._note(error, where)
            else:
                what = f"SimBench {code} (ODbL 1.0), own profiles of all that is no device"
                self.labels.append(InputLabel(where, Label.BENCHMARK, what))
                return values
        return np.ones(self.index.steps)

    def network_charge(self) -> FloatArray:
        """Give the charge on imported energy. [currency/kWh]"""
        charge = self._scenario.tariff.network_charge
        try:
            is_peak = peak_mask(self.index, charge.on_peak)
        except ValueError as error:
            self.fault("tariff.network_charge.on_peak", str(error), PEAK_CURE)
            is_peak = np.zeros(self.index.steps, dtype=np.bool_)
        return np.where(is_peak, charge.on_peak_per_kwh, charge.off_peak_per_kwh)


def read_inputs(
    scenario: Scenario,
    folder: Path | None,
    *,
    source: str = "",
    lines: Mapping[str, int | None] | None = None,
    further: FurtherCheck | None = None,
) -> Inputs:
    """Read or generate all series of a scenario.

    Parameters
    ----------
    scenario : Scenario
        Checked scenario.
    folder : Path or None
        Where its CSV files are.
    source : str
        Name of the scenario's file, for messages.
    lines : mapping or None
        Its lines by dotted path, for messages.
    further : callable or None
        Asked for more faults if there are some, so that one message names all.

    Raises
    ------
    ScenarioError
        Naming every fault of every series.
    """
    inputs, faults = _read(scenario, folder)
    if faults:
        more = further(scenario, folder) if further is not None else ()
        raise refusal(source or scenario.name, [*faults, *more], lines or {})
    return inputs


def series_faults(scenario: Scenario, folder: Path | None, *, is_timed: bool = True) -> list[Fault]:
    """Give every fault of every series; where a run has no times, those that it has at any time."""
    if not is_timed:
        scenario = scenario.model_copy(update={"step": 1, "days": 1})
    return _read(scenario, folder, is_timed=is_timed)[1]


def _read(
    scenario: Scenario, folder: Path | None, *, is_timed: bool = True
) -> tuple[Inputs, list[Fault]]:
    """Give all series, with zeros where there are faults."""
    index, lead_steps, run_steps = run_index(scenario, lead_days=_lead_days(scenario))
    reader = _Reader(scenario, folder, index, is_timed=is_timed)
    buying, selling, upstream = _read_prices(reader, scenario)
    device_kw = _read_devices(reader, scenario)
    reader.faults += _hopeless_faults(scenario, device_kw)
    reader.faults += _shared_faults(scenario)
    background = reader.background()
    charge = reader.network_charge()
    spreads, found = read_spreads(scenario, folder, index=index, device_kw=device_kw)
    reader.faults += found
    if scenario.uncertainty is not None:
        reader.labels += [InputLabel(*told) for told in told_spreads(scenario.uncertainty)]
    if is_timed and buying is not None and selling is not None:
        reader.faults += _arbitrage_faults(scenario, buying, selling, charge, -lead_steps)
        reader.faults += _spread_price_faults(scenario, buying, selling, charge)
    told = SessionInputs({})
    if is_timed:
        told = read_sessions(scenario, folder, index.part(lead_steps, index.steps - lead_steps))
    reader.faults += told.faults
    reader.labels += [InputLabel(*origin) for origin in told.origins]
    none = np.zeros(index.steps)
    inputs = Inputs(
        index=index,
        lead_steps=lead_steps,
        run_steps=run_steps,
        import_per_kwh=frozen(none if buying is None else buying),
        export_per_kwh=frozen(none if selling is None else selling),
        upstream_per_kwh=frozen(none if upstream is None else upstream),
        network_charge_per_kwh=frozen(charge),
        local_charge_per_kwh=frozen(charge * scenario.tariff.network_charge.local_share),
        device_kw=device_kw,
        sessions=told.sessions,
        background=frozen(background),
        labels=tuple(reader.labels),
        spreads=spreads,
    )
    return inputs, reader.faults


def _lead_days(scenario: Scenario) -> int:
    """Give how many days before a run are looked at."""
    return _PERSISTENCE_LEAD_DAYS if scenario.forecast.kind == "persistence" else 0


def _read_prices(
    reader: _Reader, scenario: Scenario
) -> tuple[FloatArray | None, FloatArray | None, FloatArray | None]:
    """Give the prices of buying, of selling and of what the grid charges the DNO."""
    tariff = scenario.tariff
    buying = reader.price(tariff.import_per_kwh, "tariff.import_per_kwh")
    selling = reader.price(tariff.export_per_kwh, "tariff.export_per_kwh")
    if tariff.upstream_per_kwh is None:
        return buying, selling, buying
    return buying, selling, reader.price(tariff.upstream_per_kwh, "tariff.upstream_per_kwh")


def _read_devices(reader: _Reader, scenario: Scenario) -> Mapping[tuple[str, str], FloatArray]:
    """Give demand or available power by microgrid and device. [kW]"""
    device_kw = {
        (microgrid.name, device.name): frozen(
            reader.power(
                device,
                f"microgrids.{microgrid.name}.devices.{device.name}.profile",
                f"{microgrid.name}.{device.name}",
            )
        )
        for microgrid in scenario.microgrids
        for device in microgrid.devices
        if isinstance(device, LoadConfig | PvConfig | WindConfig)
    }
    return MappingProxyType(device_kw)


def _hopeless_faults(
    scenario: Scenario, device_kw: Mapping[tuple[str, str], FloatArray]
) -> Iterator[Fault]:
    """Refuse loads beyond all that the connection and the devices could ever bring."""
    for microgrid in scenario.microgrids:
        supply_kw = microgrid.connection.import_limit_kw
        if supply_kw is None:  # the connection is made as large as the devices need it
            continue
        supply_kw += sum(map(_supply_kw, microgrid.devices))
        for device in microgrid.devices:
            if not isinstance(device, LoadConfig):
                continue
            peak_kw = float(device_kw[microgrid.name, device.name].max())
            if peak_kw > _HOPELESS * supply_kw:
                yield Fault(
                    f"microgrids.{microgrid.name}.devices.{device.name}.profile",
                    f"reaches {peak_kw:g} kW, {peak_kw / supply_kw:.0f} times what the connection "
                    f"and all devices could bring ({supply_kw:g} kW)",
                    "give kW, not W, or raise import_limit_kw",
                )


def _supply_kw(device: DeviceConfig) -> float:
    """Give the most that a device could ever bring. [kW]"""
    if isinstance(device, BatteryConfig):
        return device.power_kw
    if isinstance(device, DieselConfig):
        return device.power_max_kw
    if isinstance(device, EvConfig):
        return device.vehicles * device.discharge_kw
    return 0.0 if isinstance(device, LoadConfig | FlexibleConfig) else device.rating_kw


def _shared_faults(scenario: Scenario) -> Iterator[Fault]:
    """Refuse two devices that are the same element of the network: its power would count twice."""
    for element, owners in taken_elements(scenario).items():
        for microgrid, device in owners[1:]:
            where = f"microgrids.{microgrid}.devices.{device}.profile"
            what = f"{element!r} is {owners[0][0]}'s {owners[0][1]} already"
            yield Fault(where, what, "give another element, or a profile")


def _arbitrage_faults(
    scenario: Scenario,
    buying: FloatArray,
    selling: FloatArray,
    charge: FloatArray,
    first_step: int,
) -> Iterator[Fault]:
    """Refuse selling above buying where nothing but the default connection would limit it.

    Prices count as known before anything that is not announced, and after each such event began.
    """
    unlimited = _unlimited(scenario)
    timeline = Timeline.of(scenario) if scenario.events else Timeline()
    for at in (first_step - 1, *timeline.surprises()):
        sell_per_kwh, buy_per_kwh = (
            timeline.price_per_kwh(name, price, first_step=first_step, at=at)
            for name, price in (("export", selling), ("import", buying))
        )
        buy_per_kwh = buy_per_kwh + charge
        above = sell_per_kwh > buy_per_kwh
        if not above.any() or not unlimited:
            continue
        worst = int(np.argmax(sell_per_kwh - buy_per_kwh))
        yield Fault(
            "tariff.export_per_kwh",
            f"selling ({sell_per_kwh[worst]:g}) pays more than buying (import_per_kwh with "
            f"network charge, {buy_per_kwh[worst]:g}) in {int(above.sum())} steps"
            f"{' while events last' if at >= first_step else ''}",
            "lower it, or give connection import_limit_kw and export_limit_kw of "
            + ", ".join(unlimited),
        )
        return


def _spread_price_faults(
    scenario: Scenario, buying: FloatArray, selling: FloatArray, charge: FloatArray
) -> Iterator[Fault]:
    """Refuse uncertain prices of which a high one would make selling pay more than buying."""
    told = scenario.uncertainty
    if told is None or told.price is None or not _unlimited(scenario):
        return
    highest = 1.0 + _HIGH_PRICE_SD * told.price.sd
    above = int((highest * selling > highest * buying + charge).sum())
    if above:
        yield Fault(
            "uncertainty.price",
            f"multiplies prices, but not network charges: at {highest:g} times the price, selling "
            f"pays more than buying in {above} steps",
            "lower export_per_kwh, leave prices certain, or give connection limits of "
            + ", ".join(_unlimited(scenario)),
        )


def _unlimited(scenario: Scenario) -> list[str]:
    """Give the microgrids whose connection is as large as their devices need it."""
    return [
        microgrid.name
        for microgrid in scenario.microgrids
        if microgrid.connection.import_limit_kw is None
        or microgrid.connection.export_limit_kw is None
    ]

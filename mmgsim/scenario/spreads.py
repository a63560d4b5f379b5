"""How the series of a scenario are spread: what `uncertainty:` says, together with the series."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from types import MappingProxyType

import numpy as np

from mmgsim.contracts import FloatArray, frozen
from mmgsim.errors import Fault
from mmgsim.profiles import (
    Label,
    SeriesError,
    TimeIndex,
    WindSource,
    make_wind_speed,
    read_residuals,
    wind_power_pu,
)
from mmgsim.scenario.schema import LoadConfig, PvConfig, Scenario, WindConfig
from mmgsim.scenario.uncertainty_schema import (
    BetaConfig,
    NormalConfig,
    ResidualsConfig,
    UncertaintyConfig,
    WeibullConfig,
)
from mmgsim.uncertainty import (
    BetaSpread,
    NormalSpread,
    Residuals,
    ResidualSpread,
    Spread,
    WeibullSpread,
)

__all__ = ["Spreads", "read_spreads", "told_spreads", "weibull_faults"]

_Device = LoadConfig | PvConfig | WindConfig
_DEVICE_KINDS = ("load", "pv", "wind")


@dataclass(frozen=True, slots=True)
class Spreads:
    """How uncertain series are spread, over the steps of `Inputs`.

    Parameters
    ----------
    device_kw : mapping
        By (microgrid, device); certain series have none. [kW]
    price : Spread or None
        Of the factor of all energy prices; None where they are certain. [-]
    background : Spread or None
        Of the factor of the background load; None where it is certain. [-]
    """

    device_kw: Mapping[tuple[str, str], Spread] = field(
        default_factory=lambda: MappingProxyType({})
    )
    price: Spread | None = None
    background: Spread | None = None


def read_spreads(
    scenario: Scenario,
    folder: Path | None,
    *,
    index: TimeIndex,
    device_kw: Mapping[tuple[str, str], FloatArray],
) -> tuple[Spreads, list[Fault]]:
    """Give how all series are spread, and every fault of that.

    Parameters
    ----------
    scenario : Scenario
        Says how.
    folder : Path or None
        Where its CSV files are.
    index : TimeIndex
        The steps of the series.
    device_kw : mapping of arrays
        The series. [kW]
    """
    told = scenario.uncertainty
    if told is None:
        return Spreads(), []
    past, faults = _read_files(told, folder)
    faults += weibull_faults(scenario)
    if faults:
        return Spreads(), faults
    found = {
        key: _spread(device, device_kw[key], key, _Told(scenario, told, index, past))
        for key, device in _devices(scenario)
        if told.of_kind(device.kind) is not None
    }
    price, background = (
        None if how is None else NormalSpread(np.ones(index.steps), how.sd)
        for how in (told.price, told.background)
    )
    return Spreads(MappingProxyType(found), price, background), faults


def weibull_faults(scenario: Scenario) -> Iterator[Fault]:
    """Refuse Weibull speeds of turbines whose wind nobody knows, only their power."""
    told = scenario.uncertainty
    if told is None or not isinstance(told.wind, WeibullConfig):
        return
    for (microgrid, name), device in _devices(scenario):
        if isinstance(device, WindConfig) and not isinstance(device.profile, WindSource):
            yield Fault(
                "uncertainty.wind.kind",
                f"'weibull' needs wind speeds, but {microgrid}.{name} has power "
                f"(source: {device.profile.source})",
                "use kind: normal or residuals, or a profile with source: wind",
            )


def told_spreads(told: UncertaintyConfig) -> Iterator[tuple[str, Label, str]]:
    """Say where something is spread, how far that may be trusted, and how."""
    for kind in _DEVICE_KINDS:
        how = told.of_kind(kind)
        if how is not None:
            label = how.label if isinstance(how, ResidualsConfig) else Label.SYNTHETIC
            yield f"uncertainty.{kind}", label, _words(how)
    for name, shared in (("price", told.price), ("background", told.background)):
        if shared is not None:
            what = f"normal, sd {shared.sd:g} of the {name}, lag1 {shared.lag1:g}"
            yield f"uncertainty.{name}", Label.SYNTHETIC, what
    true = "the series themselves" if told.future is None else f"future {told.future}"
    yield "uncertainty.future", Label.SYNTHETIC, f"{true} came true"


def _words(how: NormalConfig | BetaConfig | WeibullConfig | ResidualsConfig) -> str:
    ties = f"lag1 {how.lag1:g}, between sites {how.between_sites:g}"
    match how:
        case BetaConfig():
            return f"beta, mean {how.mean:g} and sd {how.sd:g} of a clear sky, {ties}"
        case WeibullConfig():
            return f"weibull speeds, sd {how.sd:g} of the mean, {ties}"
        case ResidualsConfig():
            return f"residuals of column {how.column} of {how.file}, {how.unit}, {ties}"
    return f"normal, sd {how.sd:g} of the series, {ties}"


def _devices(scenario: Scenario) -> Iterator[tuple[tuple[str, str], _Device]]:
    """Give every device that has a series."""
    for microgrid in scenario.microgrids:
        for device in microgrid.devices:
            if isinstance(device, LoadConfig | PvConfig | WindConfig):
                yield (microgrid.name, device.name), device


_Past = Mapping[str, Mapping[int, FloatArray]]


@dataclass(frozen=True, slots=True)
class _Told:
    """What all spreads of a scenario are made from; residuals by kind of device."""

    scenario: Scenario
    how: UncertaintyConfig
    index: TimeIndex
    past: _Past


def _read_files(told: UncertaintyConfig, folder: Path | None) -> tuple[_Past, list[Fault]]:
    """Read the residuals of every kind of device that has some."""
    past: dict[str, Mapping[int, FloatArray]] = {}
    faults: list[Fault] = []
    for kind in _DEVICE_KINDS:
        how = told.of_kind(kind)
        if not isinstance(how, ResidualsConfig):
            continue
        try:
            past[kind] = read_residuals(
                how.file, how.column, hour_column=how.hour_column, folder=folder
            )
        except SeriesError as error:
            faults += _of_file(f"uncertainty.{kind}", error)
    return past, faults


def _of_file(where: str, error: SeriesError) -> Iterable[Fault]:
    for fault in error.faults:
        prefix = "" if fault.where == error.source else f"{error.source}: "
        yield Fault(f"{where}.file", f"{prefix}{replace(fault, cure='')}", fault.cure)


def _spread(device: _Device, series_kw: FloatArray, key: tuple[str, str], told: _Told) -> Spread:
    how = told.how.of_kind(device.kind)
    cap_kw = np.inf if isinstance(device, LoadConfig) else device.rating_kw
    if isinstance(how, WeibullConfig) and isinstance(device, WindConfig):
        return _weibull(device, how, key, told)
    if isinstance(how, BetaConfig):
        return BetaSpread(series_kw, how.mean, how.sd, cap_kw)
    if isinstance(how, ResidualsConfig):
        by_group = told.past[device.kind]
        hours = np.asarray(told.index.local().hour, dtype=np.intp)
        group = hours if how.hour_column is not None else np.zeros_like(hours)
        is_dark = isinstance(device, PvConfig) & (series_kw <= 0.0)
        unit_kw = series_kw if how.unit == "relative" else np.where(is_dark, 0.0, 1.0)
        return ResidualSpread(series_kw, Residuals(by_group, group), frozen(unit_kw), cap_kw)
    if isinstance(how, NormalConfig):
        return NormalSpread(series_kw, how.sd, cap_kw)
    raise ValueError(f"{key} is certain")


def _weibull(
    device: WindConfig, how: WeibullConfig, key: tuple[str, str], told: _Told
) -> WeibullSpread:
    source = device.profile
    if not isinstance(source, WindSource):
        raise TypeError(f"{key} has no wind")
    speed_m_s = make_wind_speed(source, told.index, seed=told.scenario.seed, name=".".join(key))
    return WeibullSpread(
        speed_m_s=frozen(speed_m_s),
        sd=how.sd,
        power_pu=partial(wind_power_pu, source),
        rating_kw=device.rating_kw,
        cut_out_m_s=source.cut_out_m_s,
    )

"""SimBench: grids with ratings and a year of profiles, read through the package at run time.

S. Meinecke et al., "SimBench: A Benchmark Dataset of Electric Power Systems to Compare Innovative
Solutions Based on Power Flow Analysis", Energies 13(12), 2020, doi:10.3390/en13123290. The data are
under the Open Database License 1.0: nothing of them is part of this project. A copy of what was
read is kept in the user's own cache.

Values are those of 2016 in quarter hours. The package's `time` strings are the German wall clock,
with an hour left out in March and one twice in October; the rows are equally long, so a row is an
instant, and the year begins at midnight of Central European Time. A shop opens at its hour on the
wall clock all year, the sun culminates at its own. Nothing is moved to another year: its weekdays
and its weather belong to the days of 2016.
"""

from __future__ import annotations

import importlib
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta, timezone
from functools import lru_cache
from importlib.util import find_spec
from typing import Any

import numpy as np

from mmgsim.contracts import FloatArray, frozen
from mmgsim.errors import Fault, near_miss
from mmgsim.profiles.cache import cached_object
from mmgsim.profiles.calendar_years import BASE_H, assemble
from mmgsim.profiles.index import TimeIndex
from mmgsim.profiles.series import Label, Series, SeriesError, Unit
from mmgsim.profiles.sources import SimbenchSource

__all__ = [
    "SIMBENCH_INSTALL",
    "ProfileTable",
    "has_simbench",
    "make_simbench",
    "simbench_background",
    "simbench_code_faults",
    "simbench_net",
    "simbench_profiles",
]

SIMBENCH_INSTALL = "pip install simbench"
YEAR = 2016
_LICENCE = "ODbL 1.0"
_ZONE = timezone(timedelta(hours=1))
_KW_PER_MW = 1e3
_LIBRARIES = ("simbench", "pandapower", "pandas", "numpy")
_ROUNDING = 1e-3
"""Some wind profiles are negative by up to 1e-5 of the rating; that is nothing."""


@dataclass(frozen=True, slots=True, eq=False)
class ProfileTable:
    """The profiles of a net.

    Parameters
    ----------
    names : tuple of str
        As in the package: ``G0-A_pload`` and ``G0-A_qload`` of loads, ``WP4`` of generators.
    values : (quarter hours, profiles) array
        Over the year, multiples of an element's nominal power.
    """

    names: tuple[str, ...]
    values: FloatArray


def has_simbench() -> bool:
    """Tell whether the package is installed."""
    return find_spec("simbench") is not None


@lru_cache(maxsize=8)
def simbench_code_faults(code: str) -> tuple[Fault, ...]:
    """Say what is wrong with a code, if anything; the package must be installed."""
    known = _codes()
    if code in known:
        return ()
    cure = near_miss(code, [name for name in known if name.startswith(code[:4])] or known)
    return (Fault("simbench", f"SimBench has no grid {code!r}", cure),)


def simbench_net(code: str) -> Any:
    """Give the net of a code, with its ratings, switches and transformers; without profiles.

    Its tables load, sgen and storage name in the column `profile` what each element follows.
    """
    return _kept(code, "net")


def simbench_profiles(code: str) -> ProfileTable:
    """Give the profiles of a net."""
    return ProfileTable(*_kept(code, "profiles"))


def simbench_background(code: str, index: TimeIndex) -> FloatArray:
    """Give all profiles of a net over the steps of a run.

    Returns
    -------
    (steps, profiles) array
        In the order of `ProfileTable.names`.

    Raises
    ------
    SeriesError
        If the run leaves the year.
    """
    table = simbench_profiles(code)
    columns = [_over(index, table.values[:, k], code) for k in range(len(table.names))]
    return frozen(np.stack(columns, axis=1))


def make_simbench(source: SimbenchSource, index: TimeIndex) -> Series:
    """Make the series of an element of a net, or that of one of its profiles.

    Parameters
    ----------
    source : SimbenchSource
        With its code.
    index : TimeIndex
        The steps wanted.

    Returns
    -------
    Series
        Of an element or with `annual_kwh` in kW; else as the profile is, a share of the power of
        whoever follows it.

    Raises
    ------
    SeriesError
        If there is no such grid, element or profile, or the run leaves the year.
    """
    code = source.code or ""
    if source.element is not None:
        shape, nominal_kw = _of_element(code, source.element)
    else:
        shape, nominal_kw = _of_profile(code, str(source.profile)), 1.0
        if source.annual_kwh is not None:
            nominal_kw = source.annual_kwh / (float(shape.sum()) * BASE_H)
    in_kw = source.element is not None or source.annual_kwh is not None
    what = source.element or f"profile {source.profile}"
    return Series(
        values=_over(index, _without_rounding(shape), code) * nominal_kw,
        unit=Unit.KW if in_kw else Unit.PER_UNIT,
        label=Label.BENCHMARK,
        description=f"SimBench {code} ({_LICENCE}), {what}",
    )


# ------------------------------------------------------------------------------------- one series
def _of_element(code: str, name: str) -> tuple[FloatArray, float]:
    """Give the profile of a load or generator, and its nominal power. [kW]"""
    net = simbench_net(code)
    for table, ending in (("load", "_pload"), ("sgen", "")):
        found = net[table][net[table].name == name]
        if len(found):
            element = found.iloc[0]
            profile = _of_profile(code, f"{element.profile}{ending}")
            return profile, float(element.p_mw * element.scaling) * _KW_PER_MW
    if (net.storage.name == name).any():
        what = f"{name!r} is a storage: its series is what it charges and discharges"
        raise SeriesError(code, [Fault(code, what, "write a battery of its size instead")])
    known = [*net.load.name, *net.sgen.name]
    raise SeriesError(code, [Fault(code, f"has no element {name!r}", near_miss(name, known))])


def _of_profile(code: str, name: str) -> FloatArray:
    table = simbench_profiles(code)
    if name not in table.names:
        cure = near_miss(name, table.names)
        raise SeriesError(code, [Fault(code, f"has no profile {name!r}", cure)])
    return table.values[:, table.names.index(name)]


def _without_rounding(shape: FloatArray) -> FloatArray:
    return np.where((shape < 0.0) & (shape > -_ROUNDING), 0.0, shape)


def _over(index: TimeIndex, year: FloatArray, code: str) -> FloatArray:
    """Cut the steps of a run out of the year.

    Raises
    ------
    SeriesError
        If they are not all in it.
    """
    first = index.start.astimezone(_ZONE).year
    last = (index.end - timedelta(minutes=1)).astimezone(_ZONE).year
    if (first, last) != (YEAR, YEAR):
        what = (
            f"SimBench has the year {YEAR} (Central European Time) alone, the run needs "
            f"{index.start:%Y-%m-%dT%H:%MZ} to {index.end:%Y-%m-%dT%H:%MZ} (days and horizon)"
        )
        raise SeriesError(code, [Fault(code, what, f"start in {YEAR}, days before its end")])
    return assemble(index, _ZONE, lambda _: year)


# -------------------------------------------------------------------------------------- the package
@lru_cache(maxsize=4)
def _kept(code: str, part: str) -> Any:
    """Read a net, or its profiles: the package takes seconds, the cache and a process do not."""
    return cached_object(
        lambda: _made(code)[part],
        generator=f"simbench.{part}",
        parameters={"code": code},
        libraries=_LIBRARIES,
    )


@lru_cache(maxsize=1)
def _made(code: str) -> dict[str, Any]:
    with _quietly():
        net = _package().get_simbench_net(code)
    names: list[str] = []
    columns: list[FloatArray] = []
    # Loads and generators may share a profile's name, but loads' end in _pload and _qload.
    for table in ("load", "renewables", "powerplants", "storage"):
        frame = net.profiles.get(table)
        for name in [] if frame is None or frame.empty else frame.columns:
            if name != "time" and str(name) not in names:
                names.append(str(name))
                columns.append(frame[name].to_numpy(dtype=np.float64))
    del net["profiles"]
    return {"net": net, "profiles": (tuple(names), np.stack(columns, axis=1))}


@lru_cache(maxsize=1)
def _codes() -> tuple[str, ...]:
    with _quietly():
        return tuple(str(code) for code in _package().collect_all_simbench_codes())


def _package() -> Any:
    """Import the package when it is needed: it is optional, and takes seconds."""
    return importlib.import_module("simbench")


@contextmanager
def _quietly() -> Iterator[None]:
    """Keep the package, and pandapower at its work, from warnings that are not the user's."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)

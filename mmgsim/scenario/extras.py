"""What of a scenario comes from SimBench, and whether the optional package can give it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mmgsim.errors import Fault
from mmgsim.profiles import SIMBENCH_INSTALL, SimbenchSource, has_simbench, simbench_code_faults
from mmgsim.scenario.schema import Scenario

__all__ = ["extra_faults", "needs_simbench", "taken_elements", "with_code"]

_NETWORK = "network.simbench"


def needs_simbench(scenario: Scenario) -> bool:
    """Tell whether the grid or a series is SimBench's."""
    return any(True for _ in _codes(scenario))


def extra_faults(scenario: Scenario) -> list[Fault]:
    """Say once that the package is missing; otherwise name the codes that it does not know."""
    named = list(_codes(scenario))
    if named and not has_simbench():
        what = "SimBench is read through the package simbench, which is not installed"
        return [Fault(named[0][0], what, f"{SIMBENCH_INSTALL} (90 MB), or another scenario")]
    found: list[Fault] = []
    for where, code in named:
        if code is None:
            what = "names no SimBench grid, and the network is none"
            found.append(Fault(where, what, "add code, such as 1-MV-rural--0-sw"))
        elif where == _NETWORK or code != _network_code(scenario):
            found += [Fault(where, f.what, f.cure) for f in simbench_code_faults(code)]
    return found


def with_code(source: SimbenchSource, scenario: Scenario) -> SimbenchSource:
    """Give a source with its code, which is the network's if it has none of its own."""
    if source.code is not None:
        return source
    return source.model_copy(update={"code": _network_code(scenario)})


def taken_elements(scenario: Scenario) -> dict[str, list[tuple[str, str]]]:
    """Give the elements of the network that are devices: by name, the microgrids and devices."""
    taken: dict[str, list[tuple[str, str]]] = {}
    for microgrid in scenario.microgrids:
        for device in microgrid.devices:
            source = getattr(device, "profile", None)
            if not isinstance(source, SimbenchSource) or source.element is None:
                continue
            if with_code(source, scenario).code == _network_code(scenario):
                taken.setdefault(source.element, []).append((microgrid.name, device.name))
    return taken


def _network_code(scenario: Scenario) -> str | None:
    return None if scenario.network is None else scenario.network.simbench


def _codes(scenario: Scenario) -> Iterator[tuple[str, str | None]]:
    """Give every place that is SimBench's, with its code."""
    code = _network_code(scenario)
    if code is not None:
        yield _NETWORK, code
    for where, source in _sources(scenario):
        if isinstance(source, SimbenchSource):
            yield where, with_code(source, scenario).code


def _sources(scenario: Scenario) -> Iterator[tuple[str, Any]]:
    tariff = scenario.tariff
    for key in ("import_per_kwh", "export_per_kwh", "upstream_per_kwh"):
        yield f"tariff.{key}", getattr(tariff, key)
    if scenario.network is not None:
        yield "network.background.profile", scenario.network.background.profile
    for microgrid in scenario.microgrids:
        for device in microgrid.devices:
            where = f"microgrids.{microgrid.name}.devices.{device.name}.profile"
            yield where, getattr(device, "profile", None)

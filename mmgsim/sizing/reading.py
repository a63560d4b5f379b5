"""From a scenario to a sizing case, or every reason why it is none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from types import MappingProxyType
from typing import Any

import numpy as np

from mmgsim.contracts import FloatArray, frozen
from mmgsim.coordination import PeerToPeer
from mmgsim.engine import MultiMicrogridModel, load_variant
from mmgsim.errors import Fault
from mmgsim.scenario import (
    BatteryConfig,
    BatterySizingConfig,
    Inputs,
    LoadConfig,
    LoadedScenario,
    MicrogridConfig,
    PvConfig,
    Scenario,
    SizingConfig,
    WindConfig,
)
from mmgsim.sizing.case import KINDS, SizingCase, Stores
from mmgsim.sizing.costs import Technology

__all__ = ["sizing_case", "yearly_scenario"]

_SIZED = (LoadConfig, PvConfig, WindConfig, BatteryConfig)
_GENERATORS = (WindConfig, PvConfig)
_PEERS = "peer-to-peer"

# The rule knows no events, no futures and no forecasts; the coordination is read for its terms.
_PLAIN: Mapping[str, Any] = MappingProxyType(
    {"events": [], "uncertainty": "none", "forecast": {"kind": "perfect"}}
)


def sizing_case(loaded: LoadedScenario) -> SizingCase:
    """Give the case that a scenario describes under `sizing`.

    Series are those of the days named there; events and uncertainty are left out. Peers trade on
    the terms of the coordination `peer-to-peer` if the scenario has that one, else at the midpoint
    of the alternatives at the grid, nearest along the feeder first.

    Raises
    ------
    ScenarioError
        Naming everything that cannot be sized, or every fault of the year's series.
    """
    faults = list(_faults(loaded.scenario))
    if faults or loaded.scenario.sizing is None:
        raise loaded.refusal(faults)
    model = MultiMicrogridModel(yearly_scenario(loaded))
    case = _case(model, loaded.scenario.sizing)
    if not case.load_kw.any():
        what, cure = "nobody has any load on these days", "give somebody one, or other days"
        raise loaded.refusal([Fault("microgrids", what, cure)])
    return case


def yearly_scenario(loaded: LoadedScenario) -> LoadedScenario:
    """Give the scenario over the days that sizes are judged by.

    Raises
    ------
    ScenarioError
        If it has no `sizing`, or naming every fault of that year.
    """
    sizing = loaded.scenario.sizing
    if sizing is None:
        raise loaded.refusal(_faults(loaded.scenario))
    start = sizing.start or date(loaded.scenario.start.year, 1, 1)
    return load_variant(loaded, {**_PLAIN, "start": start.isoformat(), "days": sizing.days})


# --------------------------------------------------------------------------------------- faults
def _faults(scenario: Scenario) -> Iterator[Fault]:
    """Give everything that keeps a scenario from being sized."""
    if scenario.sizing is None:
        cure = "add sizing: {discount_rate: 0.08, pv: {...}}, see docs/scenario.md"
        yield Fault("sizing", "is left out, so there is nothing to size", cure)
        return
    owned = {device.kind for m in scenario.microgrids for device in m.devices}
    for kind in KINDS:
        if getattr(scenario.sizing, kind) is not None and kind not in owned:
            cure = f"give one to each microgrid that may have it, of any size, or leave out {kind}"
            yield Fault(f"sizing.{kind}", "no microgrid has such a device", cure)
    sized = [kind for kind in KINDS if getattr(scenario.sizing, kind) is not None]
    for microgrid in scenario.microgrids:
        yield from _device_faults(microgrid, sized)


def _device_faults(microgrid: MicrogridConfig, sized: Sequence[str]) -> Iterator[Fault]:
    batteries = [d for d in microgrid.devices if isinstance(d, BatteryConfig)]
    for device in microgrid.devices:
        where = f"microgrids.{microgrid.name}.devices.{device.name}"
        if not isinstance(device, _SIZED):
            what = f"the yearly rule knows load, wind, pv and battery, no {device.kind}"
            yield Fault(where, what, "leave it out of the scenario that is sized")
        elif device.kind in sized and getattr(getattr(device, "profile", None), "element", None):
            what = "is an element of the SimBench grid, whose power does not grow with its rating"
            yield Fault(f"{where}.profile", what, "name a profile of SimBench, not an element")
        elif isinstance(device, BatteryConfig) and _ability(device) != _ability(batteries[0]):
            what = (
                f"differs from {batteries[0].name} in more than its size, and they are sized as one"
            )
            yield Fault(where, what, "give both the same power per energy, levels and so on")


def _ability(battery: BatteryConfig) -> tuple[float | None, ...]:
    """Give what a kWh of a battery can do."""
    ratio = round(battery.power_kw / battery.energy_kwh, 9)
    return (
        ratio,
        battery.efficiency,
        battery.level_min,
        battery.level_start,
        battery.wear_per_kwh,
    )


# --------------------------------------------------------------------------------------- numbers
def _case(model: MultiMicrogridModel, sizing: SizingConfig) -> SizingCase:
    scenario, inputs = model.scenario, model.inputs
    run = slice(inputs.lead_steps, inputs.lead_steps + inputs.run_steps)
    names = tuple(microgrid.name for microgrid in scenario.microgrids)
    buy = (inputs.import_per_kwh + inputs.network_charge_per_kwh)[run]
    sell, local = inputs.export_per_kwh[run], inputs.local_charge_per_kwh[run]
    chosen = scenario.coordination
    peers = PeerToPeer(**chosen.options()) if chosen.kind == _PEERS else PeerToPeer()
    price, may_sell, distance_km = peers.terms(names, sell, buy - local, model.market.distance_km)
    present = np.array([_present(microgrid) for microgrid in scenario.microgrids])
    low, high = _limits(sizing, present)
    limits = [microgrid.connection for microgrid in scenario.microgrids]
    return SizingCase(
        names=names,
        step_h=scenario.step_h,
        load_kw=frozen(_loads(scenario, inputs)[:, run]),
        yield_pu=frozen(_yields(scenario, inputs)[:, :, run]),
        buy_per_kwh=frozen(buy),
        sell_per_kwh=frozen(sell),
        peer_per_kwh=frozen(price),
        local_charge_per_kwh=frozen(local),
        may_sell=may_sell,
        unserved_per_kwh=frozen(_unserved(scenario, inputs, run)),
        import_limit_kw=frozen([_limit(one.import_limit_kw) for one in limits]),
        export_limit_kw=frozen([_limit(one.export_limit_kw) for one in limits]),
        stores=_stores(scenario),
        distance_km=distance_km,
        technologies=(
            _technology(sizing.wind),
            _technology(sizing.pv),
            _technology(sizing.battery),
        ),
        present=frozen(present),
        low=frozen(low),
        high=frozen(high),
        discount_rate=sizing.discount_rate,
        currency=scenario.currency,
    )


def _limit(given: float | None) -> float:
    return np.inf if given is None else given


def _of_kind(microgrid: MicrogridConfig, kind: type[Any]) -> list[Any]:
    return [device for device in microgrid.devices if isinstance(device, kind)]


def _present(microgrid: MicrogridConfig) -> list[float]:
    """Give the sizes of a microgrid. [kW], [kW], [kWh]"""
    rated = [sum(d.rating_kw for d in _of_kind(microgrid, kind)) for kind in _GENERATORS]
    return [*rated, sum(d.energy_kwh for d in _of_kind(microgrid, BatteryConfig))]


def _limits(sizing: SizingConfig, present: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Give least and largest sizes: as they are where a kind is not sized or not there."""
    low, high = present.copy(), present.copy()
    for at, kind in enumerate(KINDS):
        terms = getattr(sizing, kind)
        if terms is not None:
            unit = "kwh" if isinstance(terms, BatterySizingConfig) else "kw"
            owned = present[:, at] > 0.0
            low[owned, at], high[owned, at] = (
                getattr(terms, f"{side}_{unit}") for side in ("min", "max")
            )
    return low, high


def _technology(terms: Any) -> Technology | None:
    if terms is None:
        return None
    unit = "kwh" if isinstance(terms, BatterySizingConfig) else "kw"
    return Technology(
        investment_per_unit=getattr(terms, f"investment_per_{unit}"),
        operation_per_unit_year=getattr(terms, f"operation_per_{unit}_year"),
        life_years=terms.life_years,
    )


def _loads(scenario: Scenario, inputs: Inputs) -> FloatArray:
    """Give the demand of every microgrid: (microgrids, steps of inputs). [kW]"""
    return _summed(scenario, inputs, LoadConfig)


def _yields(scenario: Scenario, inputs: Inputs) -> FloatArray:
    """Give available power per kW: (microgrids, 2, steps of inputs); 0 where there is no device."""
    both = np.stack([_summed(scenario, inputs, kind) for kind in _GENERATORS], axis=1)
    rated = np.array([_present(microgrid)[:2] for microgrid in scenario.microgrids])
    per_kw: FloatArray = np.zeros_like(both)
    np.divide(both, rated[:, :, None], out=per_kw, where=rated[:, :, None] > 0.0)
    return per_kw


def _summed(scenario: Scenario, inputs: Inputs, kind: type[Any]) -> FloatArray:
    total = np.zeros((len(scenario.microgrids), inputs.index.steps))
    for row, microgrid in enumerate(scenario.microgrids):
        for device in _of_kind(microgrid, kind):
            total[row] += inputs.device_kw[microgrid.name, device.name]
    return total


def _unserved(scenario: Scenario, inputs: Inputs, run: slice) -> FloatArray:
    """Give the value of lost load, of several loads the mean by energy. [currency/kWh]"""
    found = np.zeros(len(scenario.microgrids))
    for row, microgrid in enumerate(scenario.microgrids):
        loads: Sequence[LoadConfig] = _of_kind(microgrid, LoadConfig)
        energy = [inputs.device_kw[microgrid.name, load.name][run].sum() for load in loads]
        value = [
            load.shed_price_per_kwh
            + load.critical_share * (load.critical_per_kwh - load.shed_price_per_kwh)
            for load in loads
        ]
        if sum(energy) > 0.0:
            found[row] = np.average(value, weights=energy)
    return found


def _stores(scenario: Scenario) -> Stores:
    """Give what a kWh of battery can do; where there is none, what another's can."""
    owned = [_of_kind(microgrid, BatteryConfig) for microgrid in scenario.microgrids]
    some = next((batteries[0] for batteries in owned if batteries), None)
    rows = [
        _ability_of(batteries[0] if batteries else some, scenario.gate.end_of_window.level)
        for batteries in owned
    ]
    columns = np.array(rows).T
    return Stores(*(frozen(column) for column in columns))


def _ability_of(battery: BatteryConfig | None, level: float) -> list[float]:
    if battery is None:
        return [1.0, 1.0, 0.0, 0.0, 0.0, 0.0]
    start = level if battery.level_start is None else battery.level_start
    ratio = battery.power_kw / battery.energy_kwh
    both_ways = [battery.efficiency, battery.efficiency]
    return [*both_ways, ratio, battery.level_min, start, battery.wear_per_kwh]

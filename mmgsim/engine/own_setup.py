"""What the DNO itself owns, and where it is connected."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from mmgsim.contracts import Battery, CarriedState, Device, Diesel, Member
from mmgsim.engine.device_setup import (
    dearest_public_price,
    device_of,
    first_state,
    miss_price_of,
    with_miss_price,
)
from mmgsim.errors import Fault, ScenarioError, near_miss
from mmgsim.network import Feeder, FeederLimits, read_tree
from mmgsim.scenario import (
    EndOfWindowConfig,
    Inputs,
    Kind,
    LineOutageConfig,
    LoadedScenario,
    NetworkConfig,
    OwnBatteryConfig,
    Scenario,
    find_class,
)

__all__ = [
    "OWN",
    "SHED",
    "OwnSetup",
    "build_own_devices",
    "grant_doubts",
    "own_connections",
    "own_faults",
    "tree_faults",
]

OWN = "dno."
"""What names of the DNO's own connections begin with; no microgrid's has a dot."""
SHED = f"{OWN}shed."
"""Those at which demand is left unserved; the number of the bus follows."""


@dataclass(frozen=True, slots=True, eq=False)
class OwnSetup:
    """What the DNO's own devices start with.

    Parameters
    ----------
    devices : tuple of Device
        What it owns.
    buses : mapping of int
        Where each stands, by its name.
    state : CarriedState
        What they carry into the first step.
    rules : mapping
        What the end of a window asks of each battery, by its name.
    miss_price_per_kwh : float
        What missing a storage level costs where nothing else is possible. [currency/kWh]
    shed_price_per_kwh : float or None
        Value of background demand that may be left unserved; None where none may.
    """

    devices: tuple[Device, ...]
    buses: Mapping[str, int]
    state: CarriedState
    rules: Mapping[str, EndOfWindowConfig]
    miss_price_per_kwh: float
    shed_price_per_kwh: float | None


def build_own_devices(loaded: LoadedScenario, inputs: Inputs) -> OwnSetup:
    """Give what the DNO's own devices start with; none without a network."""
    network, rule = loaded.scenario.network, loaded.scenario.gate.end_of_window
    configs = () if network is None else network.devices
    rules = {
        config.name: config.end_of_window(rule)
        for config in configs
        if isinstance(config, OwnBatteryConfig)
    }
    devices = tuple(device_of(config) for config in configs)
    states = [first_state([config], rules.get(config.name, rule)) for config in configs]
    miss_price = miss_price_of(devices, dearest_public_price(loaded.scenario, inputs))
    return OwnSetup(
        devices=with_miss_price(devices, miss_price),
        buses=MappingProxyType({config.name: config.bus for config in configs}),
        state=CarriedState(
            MappingProxyType({k: v for state in states for k, v in state.energy_kwh.items()}),
            MappingProxyType({k: v for state in states for k, v in state.diesel.items()}),
        ),
        rules=MappingProxyType(rules),
        miss_price_per_kwh=miss_price,
        shed_price_per_kwh=None if network is None else network.background.shed_price_per_kwh,
    )


def own_connections(net: Any, network: NetworkConfig) -> Iterator[Member]:
    """Give where the DNO's own devices are connected, then its loads where they may be unserved.

    Demand that is not served is power that enters at its bus, at the power factor of its loads.
    """
    for config in network.devices:
        device = device_of(config)
        draws_kw = device.power_kw if isinstance(device, Battery) else 0.0
        sends_kw = device.power_max_kw if isinstance(device, Diesel) else draws_kw
        yield Member(f"{OWN}{config.name}", draws_kw, sends_kw, bus=config.bus)
    if network.background.shed_price_per_kwh is None:
        return
    loads = net.load[net.load.in_service]
    at_bus = loads.assign(p=loads.p_mw * loads.scaling).groupby("bus").p.sum()
    for bus, load_mw in at_bus[at_bus > 0.0].items():
        yield Member(f"{SHED}{bus}", 0.0, 1e3 * float(load_mw), bus=int(bus))


def own_faults(
    scenario: Scenario, folder: Path | None, network: NetworkConfig, net: Any
) -> Iterator[Fault]:
    """Give devices of the DNO without a bus, and a feeder on which it cannot grant requests."""
    buses = set(net.bus.index)
    for config in network.devices:
        if config.bus not in buses:
            cure = near_miss(str(config.bus), map(str, buses))
            where = f"network.devices.{config.name}.bus"
            yield Fault(where, f"the feeder has no bus {config.bus}", cure)
    if _asks_dno(scenario, folder):
        obstacles = [fault.what for fault in tree_faults(net)]
        if obstacles:
            what = f"the DNO cannot grant requests on this feeder: {'; '.join(obstacles)}"
            yield Fault("network", what, "give a feeder without loops, or another coordination")


def grant_doubts(scenario: Scenario, folder: Path | None) -> Iterator[Fault]:
    """Doubt outages where the DNO grants requests: its plan knows one feeder a window."""
    for position, event in enumerate(scenario.events):
        if isinstance(event, LineOutageConfig) and _asks_dno(scenario, folder):
            what = (
                "the DNO plans a window on the lines in service at its gate: one that goes out "
                "later in it counts as there, and at a gate while buses are without supply nothing "
                "is granted and a stand-in clears"
            )
            cure = "use another coordination, or keep to grants of gates without the outage"
            yield Fault(f"events.{position}.line", what, cure)


def tree_faults(net: Any) -> tuple[Fault, ...]:
    """Give every reason why a net is no tree to optimise on."""
    try:
        read_tree(Feeder(net, members=(), limits=FeederLimits()))
    except ScenarioError as error:
        return error.faults
    return ()


def _asks_dno(scenario: Scenario, folder: Path | None) -> bool:
    """Tell whether the coordination asks the DNO; what cannot be found is said elsewhere."""
    try:
        chosen = find_class(Kind.MECHANISM, scenario.coordination.kind, folder)
    except (Exception, SystemExit):  # noqa: BLE001  a user's file may do anything
        return False
    return bool(getattr(chosen, "asks_dno", ()))

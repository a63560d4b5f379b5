"""From a scenario to what each agent starts with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from mmgsim.contracts import (
    Battery,
    CarriedState,
    Device,
    Diesel,
    FloatArray,
    Load,
    Market,
    Mechanism,
    Member,
    Operator,
    Realised,
    Renewable,
    Session,
    SessionStore,
    Strategy,
    Window,
)
from mmgsim.engine.device_setup import (
    dearest_public_price,
    devices_of,
    first_state,
    miss_price_of,
    with_miss_price,
)
from mmgsim.engine.futures import Futures
from mmgsim.engine.happening import line_faults
from mmgsim.engine.outlook import SeenOutlook
from mmgsim.engine.own_setup import own_connections, own_faults
from mmgsim.engine.tie_setup import close_ac_ties, tie_net_faults
from mmgsim.errors import Fault, ScenarioError
from mmgsim.network import (
    Background,
    Feeder,
    FeederLimits,
    apply_ratings,
    feeder_faults,
    read_net,
)
from mmgsim.profiles import (
    ForecastConfig,
    ForecastKind,
    ForecastTarget,
    forecast_kw,
    simbench_profiles,
    stream,
)
from mmgsim.scenario import (
    Inputs,
    Kind,
    LoadConfig,
    LoadedScenario,
    MicrogridConfig,
    NetworkConfig,
    Scenario,
    extra_faults,
    find_maker,
    taken_elements,
)

__all__ = [
    "Meters",
    "MicrogridSetup",
    "build_feeder",
    "build_microgrids",
    "market_maker",
    "network_faults",
    "operator_maker",
]


_RARE_SCORE = 5.0
"""A normal number is above it once in three million steps."""


class Meters:
    """What a microgrid measures and what it expects: its own series and nobody else's.

    Parameters
    ----------
    name : str
        Of the microgrid.
    truth_kw : mapping of arrays
        Demand or available power by device name as it comes true, in the positions of `Inputs`.
        [kW]
    targets : mapping
        What is forecast, by device name.
    config : ForecastConfig
        How.
    futures : Futures
        What else might come true.
    """

    def __init__(
        self,
        name: str,
        truth_kw: Mapping[str, FloatArray],
        targets: Mapping[str, ForecastTarget],
        *,
        config: ForecastConfig,
        futures: Futures,
    ) -> None:
        self._name = name
        self._truth_kw = truth_kw
        self._targets = targets
        self._futures = futures
        self._config = config
        self._lead = futures.lead_steps
        self._seed = futures.seed

    def meet(self, futures: Futures, true_kw: Mapping[tuple[str, str], FloatArray]) -> None:
        """Measure what another future brings, in the positions of `Inputs`. [kW]"""
        self._futures = futures
        self._truth_kw = {name: true_kw[self._name, name] for name in self._truth_kw}

    def realised(self, step: int) -> Realised:
        """Read the meters of a step."""
        at = self._lead + step
        measured_kw = {name: float(kw[at]) for name, kw in self._truth_kw.items()}
        return Realised(step=step, kw=MappingProxyType(measured_kw))

    def forecast_kw(self, window: Window) -> Mapping[str, FloatArray]:
        """Expect the steps of a window. [kW]"""
        found = {
            device: forecast_kw(
                self._config,
                truth_kw,
                position=self._lead + window.first_step,
                steps=window.steps,
                target=self._targets[device],
                rng=stream(self._seed, "forecast", self._name, device, str(window.first_step)),
            )
            for device, truth_kw in self._truth_kw.items()
        }
        if self._config.kind == "expected":
            ahead = self._futures.ahead(self._name, window)
            found |= {device: one.expected() for device, one in ahead.items()}
        return MappingProxyType(found)

    def outlook(self, window: Window, expected_kw: Mapping[str, FloatArray]) -> SeenOutlook | None:
        """Tell what may become of a window, where anything is uncertain.

        Parameters
        ----------
        window : Window
            The steps ahead.
        expected_kw : mapping of (steps,) arrays
            What is forecast for it. [kW]
        """
        if not self._futures.is_uncertain:
            return None
        return self._futures.outlook(self._name, window, expected_kw)


@dataclass(frozen=True, slots=True, eq=False)
class MicrogridSetup:
    """What a microgrid starts with.

    Parameters
    ----------
    member : Member
        Its connection point.
    devices : tuple of Device
        What it owns.
    state : CarriedState
        What the devices carry into the first step.
    meters : Meters
        Its own series.
    make_strategy : callable
        Gives how it decides, as new, in a tuple of one.
    miss_price_per_kwh : float
        What missing a storage level costs it where nothing else is possible. [currency/kWh]
    sessions : mapping
        Of its vehicles and flexible loads by device name, in steps of the run.
    """

    member: Member
    devices: tuple[Device, ...]
    state: CarriedState
    meters: Meters
    make_strategy: Callable[[], tuple[Strategy]]
    miss_price_per_kwh: float
    sessions: Mapping[str, tuple[Session, ...]]


def build_microgrids(
    loaded: LoadedScenario, inputs: Inputs, futures: Futures | None = None
) -> list[MicrogridSetup]:
    """Give what every microgrid starts with, in the order of the scenario.

    `futures` are those of the scenario, made as new if left out.
    """
    futures = Futures(loaded.scenario, inputs) if futures is None else futures
    dearest = dearest_public_price(loaded.scenario, inputs)
    true_kw = futures.true_kw()
    return [
        _microgrid(
            config,
            loaded,
            inputs,
            Meters(
                config.name,
                {device: kw for (owner, device), kw in true_kw.items() if owner == config.name},
                {
                    device.name: _target(device, loaded.scenario.step_h)
                    for described in config.devices
                    for device in devices_of(described)
                },
                config=loaded.scenario.forecast,
                futures=futures,
            ),
            dearest_public=dearest,
        )
        for config in loaded.scenario.microgrids
    ]


def _microgrid(
    config: MicrogridConfig,
    loaded: LoadedScenario,
    inputs: Inputs,
    meters: Meters,
    *,
    dearest_public: float,
) -> MicrogridSetup:
    scenario = loaded.scenario
    devices = tuple(one for device in config.devices for one in devices_of(device))
    miss_price = miss_price_of(devices, dearest_public)
    devices = with_miss_price(devices, miss_price)
    return MicrogridSetup(
        member=_member(config, devices, _largest_loads_kw(config, scenario, inputs)),
        devices=devices,
        state=first_state(config.devices, scenario.gate.end_of_window),
        meters=meters,
        miss_price_per_kwh=miss_price,
        make_strategy=_strategy_maker(config, loaded.folder),
        sessions={
            device.name: inputs.sessions[config.name, device.name]
            for device in devices
            if isinstance(device, SessionStore)
        },
    )


def _strategy_maker(config: MicrogridConfig, folder: Path | None) -> Callable[[], tuple[Strategy]]:
    role = config.strategy
    return partial(_alone, find_maker(Kind.STRATEGY, role.kind, role.options, folder))


def _alone(make: Callable[[], Any]) -> tuple[Any]:
    return (make(),)


def _target(device: Device, step_h: float) -> ForecastTarget:
    if isinstance(device, Renewable):
        return ForecastTarget(ForecastKind(device.kind.value), step_h, device.rating_kw)
    return ForecastTarget(ForecastKind.LOAD, step_h)


def _largest_loads_kw(
    config: MicrogridConfig, scenario: Scenario, inputs: Inputs
) -> Mapping[str, float]:
    """Give what every load is at most, as far as anybody can tell before the run. [kW]

    Forecasts may exceed what the series ever reaches; half as much again covers that. The same for
    all futures, as it says what the connection can carry.
    """
    is_drawn = scenario.uncertainty is not None and scenario.uncertainty.future is not None
    found: dict[str, float] = {}
    for device in config.devices:
        key = (config.name, device.name)
        if isinstance(device, LoadConfig):
            found[device.name] = 1.5 * float(inputs.device_kw[key].max())
            spread = inputs.spreads.device_kw.get(key)
            if is_drawn and spread is not None:
                everywhere = slice(0, inputs.index.steps)
                rare_kw = spread.values(np.full(inputs.index.steps, _RARE_SCORE), everywhere)
                found[device.name] = max(found[device.name], float(rare_kw.max()))
    return found


def _member(
    config: MicrogridConfig, devices: tuple[Device, ...], largest_kw: Mapping[str, float]
) -> Member:
    """Give the connection point; by default it carries all that the devices could do at once."""
    draw_kw = deliver_kw = 0.0
    for device in devices:
        if isinstance(device, Battery):
            draw_kw += device.power_kw
            deliver_kw += device.power_kw
        elif isinstance(device, Load):
            draw_kw += largest_kw[device.name]
        elif isinstance(device, Diesel):
            deliver_kw += device.power_max_kw
        elif isinstance(device, SessionStore):
            draw_kw += device.charge_kw
            deliver_kw += device.discharge_kw
        else:
            deliver_kw += device.rating_kw
    connection = config.connection
    return Member(
        name=config.name,
        import_limit_kw=draw_kw
        if connection.import_limit_kw is None
        else connection.import_limit_kw,
        export_limit_kw=(
            deliver_kw if connection.export_limit_kw is None else connection.export_limit_kw
        ),
        power_factor=config.power_factor,
        bus=config.bus,
        lcoe_per_kwh=config.lcoe_per_kwh,
    )


def build_feeder(loaded: LoadedScenario, members: tuple[Member, ...]) -> Feeder | None:
    """Give the feeder with its ratings and background, or None without a network.

    What the DNO itself sends or leaves unserved passes connections of its own, after those of the
    microgrids: `own_connections`.

    Raises
    ------
    ScenarioError
        Naming every fault of the net, its ratings and the members' buses.
    """
    network = loaded.scenario.network
    if network is None:
        return None
    try:
        net = _rated(_net(network, loaded.folder), network, loaded.folder)
        further = [*tie_net_faults(loaded.scenario, net)]
        if not further:
            close_ac_ties(net, loaded.scenario)
        further += [
            *line_faults(net, loaded.scenario.events),
            *own_faults(loaded.scenario, loaded.folder, network, net),
        ]
        if further:
            raise ScenarioError("network", further)
        return Feeder(
            net,
            members=(*members, *own_connections(net, network)),
            limits=FeederLimits(network.v_min_pu, network.v_max_pu),
            background=_background(loaded.scenario, network),
        )
    except ScenarioError as error:
        faults = network_faults(loaded.scenario, loaded.folder) or error.faults
        raise loaded.refusal(faults) from error


def _background(scenario: Scenario, network: NetworkConfig) -> Background:
    """Give how the loads of the net are taken over; of a SimBench grid, all that is no device."""
    config, code = network.background, network.simbench
    if code is None:
        return Background(config.scale, config.power_factor)
    return Background(
        config.scale,
        config.power_factor,
        profiles=simbench_profiles(code).names,
        without=frozenset(taken_elements(scenario)),
    )


def _net(network: NetworkConfig, folder: Path | None) -> Any:
    file = (folder or Path()) / network.file if network.file else None
    return read_net(case=network.case, file=file, simbench=network.simbench)


def _rated(net: Any, network: NetworkConfig, folder: Path | None) -> Any:
    if network.ratings is None:
        return net
    file = network.ratings_file
    profile = network.ratings if file is None else (folder or Path()) / file
    return apply_ratings(net, profile, network.case)


def network_faults(scenario: Scenario, folder: Path | None) -> list[Fault]:
    """Give every fault of the net, its ratings and the microgrids' buses, without building it."""
    network = scenario.network
    if network is None or not _names_one_net(network):
        return []
    if network.simbench is not None and extra_faults(scenario):
        return []  # said where the series are read
    try:
        net = _net(network, folder)
    except ScenarioError as error:
        return list(error.faults)
    # A microgrid without any bus, or two of one name, is a fault of the scenario alone.
    members = {
        microgrid.name: Member(microgrid.name, 0.0, 0.0, bus=microgrid.bus)
        for microgrid in scenario.microgrids
        if microgrid.bus is not None
    }
    tied = list(tie_net_faults(scenario, net))
    if not tied:
        close_ac_ties(net, scenario)
    found = [*feeder_faults(net, tuple(members.values())), *tied]
    found += own_faults(scenario, folder, network, net)
    try:
        net = _rated(net, network, folder)
    except ScenarioError as error:
        found += [
            fault if fault.where == "network.ratings" else Fault("network.ratings", str(fault))
            for fault in error.faults
        ]
    return [*found, *line_faults(net, scenario.events)]


def _names_one_net(network: NetworkConfig) -> bool:
    given = (network.case, network.file, network.simbench)
    return sum(name is not None for name in given) == 1


def operator_maker(loaded: LoadedScenario) -> Callable[[], tuple[Operator]]:
    """Give what makes the DNO's way to decide, in a tuple of one; the class stays the same."""
    role = loaded.scenario.operator
    return partial(_alone, find_maker(Kind.OPERATOR, role.kind, role.options, loaded.folder))


def market_maker(loaded: LoadedScenario) -> Callable[[], tuple[Market, Mechanism]]:
    """Give what makes the market, and the scenario's mechanism that it has in its hands."""
    coordination, role = loaded.scenario.coordination, loaded.scenario.market
    make_mechanism = find_maker(
        Kind.MECHANISM, coordination.kind, coordination.options(), loaded.folder
    )
    make_market = find_maker(Kind.MARKET, role.kind, role.options, loaded.folder)

    def make() -> tuple[Market, Mechanism]:
        mechanism = make_mechanism()
        return make_market({"coordination": mechanism}), mechanism

    return make

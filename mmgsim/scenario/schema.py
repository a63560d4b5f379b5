"""The keys of a scenario file, with their units. Frozen; an unknown key is refused.

What a key means stands in its description, from which the JSON schema for editors is made.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ConfigDict, Field

from mmgsim.contracts import Objective
from mmgsim.profiles import LARGEST, ForecastConfig, ProfileSource
from mmgsim.scenario.communication_schema import CommunicationConfig
from mmgsim.scenario.event_schema import EventConfig
from mmgsim.scenario.fields import (
    Clock,
    Config,
    Day,
    Minutes,
    Name,
    NonNegative,
    Number,
    Positive,
    Share,
    Text,
    Timezone,
    Voltage,
)
from mmgsim.scenario.session_schema import EvConfig, FlexibleConfig
from mmgsim.scenario.sizing_schema import Sizing
from mmgsim.scenario.tie_schema import TieConfig
from mmgsim.scenario.uncertainty_schema import Uncertainty

__all__ = [
    "BackgroundConfig",
    "BatteryConfig",
    "ConnectionConfig",
    "CoordinationConfig",
    "DeviceConfig",
    "DieselConfig",
    "EndOfWindowConfig",
    "GateConfig",
    "LoadConfig",
    "MicrogridConfig",
    "NetworkChargeConfig",
    "NetworkConfig",
    "OwnBatteryConfig",
    "OwnDeviceConfig",
    "OwnDieselConfig",
    "PvConfig",
    "RepairConfig",
    "RepresentativeDayConfig",
    "RoleConfig",
    "Scenario",
    "SettlementConfig",
    "TariffConfig",
    "WindConfig",
]


def _kind_alone(given: Any) -> Any:
    """Let a name stand for a choice without further keys."""
    return {"kind": given} if isinstance(given, str) else given


# -------------------------------------------------------------------------------------- devices
class LoadConfig(Config):
    """Demand that is served, or shed at a price; its critical part is shed last."""

    name: Name
    """Unique within the microgrid."""
    kind: Literal["load"]
    """A load."""
    profile: ProfileSource
    """Demand. [kW]"""
    shed_price_per_kwh: NonNegative = 10.0
    """Value of lost load. [currency/kWh]"""
    critical_share: Share = 0.0
    """Part of the demand that is critical, at all times."""
    critical_shed_price_per_kwh: NonNegative | None = None
    """Value of lost load of the critical part; ten times shed_price_per_kwh if left out.
    [currency/kWh]"""

    @property
    def critical_per_kwh(self) -> float:
        """Value of lost load of the critical part. [currency/kWh]"""
        given = self.critical_shed_price_per_kwh
        return 10.0 * self.shed_price_per_kwh if given is None else given


class _RenewableConfig(Config):
    name: Name
    """Unique within the microgrid."""
    rating_kw: Positive
    """Installed power. [kW]"""
    profile: ProfileSource
    """Available power; generators give it per kW of rating, a CSV file in kW."""


class PvConfig(_RenewableConfig):
    """Photovoltaic plant; what is not used is spilled."""

    kind: Literal["pv"]
    """A PV plant."""


class WindConfig(_RenewableConfig):
    """Wind turbine; what is not used is spilled."""

    kind: Literal["wind"]
    """A wind turbine."""


class BatteryConfig(Config):
    """Storage with a power limit, an efficiency each way and a price of wear."""

    name: Name
    """Unique within the microgrid."""
    kind: Literal["battery"]
    """A battery."""
    energy_kwh: Positive
    """Usable capacity. [kWh]"""
    power_kw: Positive
    """Limit of charge and of discharge, at the terminals. [kW]"""
    efficiency: Annotated[Number, Field(gt=0, le=1)] = 0.95
    """One way, in (0, 1]."""
    level_min: Share = 0.0
    """Least stored energy as a share of energy_kwh."""
    level_start: Share | None = None
    """Stored energy at the start as a share of energy_kwh; the end-of-window level if left out."""
    wear_per_kwh: NonNegative = 0.0
    """Price of wear per kWh discharged. [currency/kWh]"""


class DieselConfig(Config):
    """Generator that is off, or on between two limits; its fuel cost is quadratic in its power."""

    name: Name
    """Unique within the microgrid."""
    kind: Literal["diesel"]
    """A diesel unit."""
    power_min_kw: Positive
    """Least power while it is on; it is on exactly where it generates. [kW]"""
    power_max_kw: Positive
    """Most power. [kW]"""
    cost_per_kwh: NonNegative
    """Fuel cost proportional to the energy. [currency/kWh]"""
    cost_per_kwh_kw: NonNegative = 0.0
    """What each kW of output adds to the price of a kWh. [currency/(kW^2 h)]"""
    cost_per_h: NonNegative = 0.0
    """No-load cost while it is on. [currency/h]"""
    start_up_cost: NonNegative = 0.0
    """Of each start. [currency]"""
    ramp_kw_per_h: Positive | None = None
    """Most change of power while it is on; no limit if left out. [kW/h]"""
    power_start_kw: NonNegative = 0.0
    """Power before the first step; 0 is off. [kW]"""


DeviceConfig = Annotated[
    LoadConfig | PvConfig | WindConfig | BatteryConfig | DieselConfig | EvConfig | FlexibleConfig,
    Field(discriminator="kind"),
]
"""Whatever a microgrid may own, by its `kind`."""


class RoleConfig(Config):
    """A role filled by a registered name or by your own class, with its options."""

    kind: str = "standard"
    """Registered name, `package.module:Class` or `path/to/file.py:Class`."""
    options: dict[str, Any] = Field(default_factory=dict)
    """Keyword arguments of the class."""


Role = Annotated[RoleConfig, BeforeValidator(_kind_alone, json_schema_input_type=RoleConfig | str)]


class ConnectionConfig(Config):
    """What the connection to the feeder can carry."""

    import_limit_kw: Positive | None = None
    """Into the microgrid; by default what all devices together could draw. [kW]"""
    export_limit_kw: Positive | None = None
    """Out of the microgrid; by default what all devices together could deliver. [kW]"""


class MicrogridConfig(Config):
    """One microgrid: where it is connected, how it decides, what it owns."""

    name: Name
    """Unique within the scenario."""
    bus: Annotated[int, Field(ge=0, le=LARGEST)] | None = None
    """Bus of the feeder (index of the pandapower net); needed with a network."""
    strategy: Role = RoleConfig(kind="cost-minimiser")
    """How it decides."""
    power_factor: Annotated[Number, Field(gt=0, le=1)] = 1.0
    """Of the exchange at the connection point."""
    connection: ConnectionConfig = ConnectionConfig()
    """Limits of the connection."""
    lcoe_per_kwh: NonNegative | None = None
    """Levelised cost of its own generation, which `bilevel` pays who sells; the export price of the
    step if left out. [currency/kWh]"""
    devices: tuple[DeviceConfig, ...]
    """What it owns."""


# -------------------------------------------------------------------------------------- network
class OwnBatteryConfig(BatteryConfig):
    """Storage of the DNO itself."""

    bus: Annotated[int, Field(ge=0, le=LARGEST)]
    """Bus of the feeder (index of the pandapower net)."""
    level_end: Share | None = None
    """Level due at the clock times of gate.end_of_window, for `cyclic`; its level if left out."""

    def end_of_window(self, rule: EndOfWindowConfig) -> EndOfWindowConfig:
        """Give what the end of a window asks of this battery."""
        if self.level_end is None:
            return rule
        return rule.model_copy(update={"level": self.level_end})


class OwnDieselConfig(DieselConfig):
    """Diesel unit of the DNO itself."""

    bus: Annotated[int, Field(ge=0, le=LARGEST)]
    """Bus of the feeder (index of the pandapower net)."""


OwnDeviceConfig = Annotated[OwnBatteryConfig | OwnDieselConfig, Field(discriminator="kind")]
"""Whatever a DNO may own, by its `kind`."""


def _as_tuple(given: Any) -> Any:
    # `Network` has a validator of its own: what is in it is no longer taken as JSON.
    return tuple(given) if isinstance(given, list) else given


OwnDevices = Annotated[tuple[OwnDeviceConfig, ...], BeforeValidator(_as_tuple)]


class BackgroundConfig(Config):
    """Customers on the feeder that are not microgrids: the loads of the case."""

    scale: NonNegative = 1.0
    """Share of the case's nominal loads at the peak of the profile."""
    profile: ProfileSource | None = None
    """Shape over time, per unit of its peak; constant if left out."""
    power_factor: Annotated[Number, Field(gt=0, le=1)] | None = None
    """Replaces the case's own reactive loads."""
    shed_price_per_kwh: NonNegative | None = None
    """Value of background load that a DNO which grants requests may leave unserved where nothing
    else keeps its limits; it leaves none if this is left out. [currency/kWh]"""


class NetworkConfig(Config):
    """The feeder."""

    case: str | None = None
    """Name of a network in `pandapower.networks`, such as case33bw."""
    file: str | None = None
    """A pandapower JSON file in the scenario's folder."""
    simbench: Annotated[str, Field(min_length=1)] | None = None
    """Code of a SimBench grid, such as 1-MV-rural--0-sw; needs the package simbench. Its loads,
    generators and storages follow their own profiles, those of devices aside."""
    background: BackgroundConfig = BackgroundConfig()
    """Customers that are not microgrids."""
    ratings: str | None = None
    """Named rating profile (data/ratings.csv) or a CSV file of the scenario; the net's own if
    left out."""
    v_min_pu: Voltage = 0.95
    """Lower voltage limit, 1 is the nominal voltage. [pu]"""
    v_max_pu: Voltage = 1.05
    """Upper voltage limit, 1 is the nominal voltage. [pu]"""
    devices: OwnDevices = ()
    """What the DNO itself owns; it runs where the coordination asks the DNO for grants, and stands
    still elsewhere."""

    @property
    def ratings_file(self) -> str | None:
        """The CSV file of the ratings, where they are no named profile."""
        is_file = self.ratings is not None and self.ratings.lower().endswith(".csv")
        return self.ratings if is_file else None


def _network(given: Any) -> Any:
    return None if given == "none" else given


Network = Annotated[
    NetworkConfig | None,
    BeforeValidator(_network, json_schema_input_type=NetworkConfig | Literal["none"] | None),
]


# ---------------------------------------------------------------------------------------- money
class NetworkChargeConfig(Config):
    """What the DNO charges for the use of its network."""

    fixed_per_day: NonNegative = 0.0
    """Per microgrid. [currency/day]"""
    off_peak_per_kwh: NonNegative = 0.0
    """On imported energy outside peak hours. [currency/kWh]"""
    on_peak_per_kwh: NonNegative = 0.0
    """On imported energy in peak hours. [currency/kWh]"""
    on_peak: str | None = None
    """Peak hours, local time, like `Mon-Fri 08:00-22:00`."""
    local_share: Share = 1.0
    """Part of the charge that is due on locally bought energy."""


class TariffConfig(Config):
    """Prices of energy."""

    import_per_kwh: ProfileSource
    """Price of energy bought from the grid, without network charge. [currency/kWh]"""
    export_per_kwh: ProfileSource
    """Price of energy sold to the grid. [currency/kWh]"""
    upstream_per_kwh: ProfileSource | None = None
    """What the grid charges the DNO; the import price if left out. [currency/kWh]"""
    supplier: Literal["grid", "dno"] = "grid"
    """Who sells what microgrids import and buys what they export. The DNO then pays the grid, at
    the upstream price, for what of it passes the substation."""
    network_charge: NetworkChargeConfig = NetworkChargeConfig()
    """On top of the import price."""


class SettlementConfig(Config):
    """How money is divided."""

    local_price: Literal["marginal", "midpoint"] = "marginal"
    """Price of local trades: the dual of the local balance, or midway between the alternatives."""
    surplus: Literal["kept", "dno", "rebated"] = "kept"
    """What becomes of money that buyers of local trades pay and sellers do not get, as where prices
    differ from bus to bus: kept by the market, for the DNO, or back to those who trade, by kWh."""
    loss_share: Literal["none", "aumann-shapley"] = "none"
    """How the losses that the microgrids cause are divided among them."""
    imbalance_per_kwh: NonNegative = 0.0
    """On the distance between planned and realised exchange. [currency/kWh]"""


# ------------------------------------------------------------------------------------- planning
class EndOfWindowConfig(Config):
    """What keeps storage from being drained at the end of what is planned."""

    kind: Literal["cyclic", "value", "free"] = "cyclic"
    """A level at fixed clock times, a price on the energy left over, or nothing."""
    at: Clock = "00:00"
    """Local clock time of the level, for `cyclic`."""
    level: Share = 0.5
    """Share of a battery's energy_kwh, for `cyclic`; also the level at the start."""
    value_per_kwh: NonNegative = 0.0
    """Worth of a kWh left over, for `value`. [currency/kWh]"""


class GateConfig(Config):
    """When a window is planned and how far it reaches."""

    every: Minutes = 60
    """Time between gates; 1h is rolling, 1d is day-ahead. [min]"""
    horizon: Minutes = 1440
    """Length of the window. [min]"""
    on_event: Literal["replan", "hold"] = "replan"
    """Where an event begins that was not announced: plan a window at once, or hold the last plan
    until the next gate."""
    end_of_window: EndOfWindowConfig = EndOfWindowConfig()
    """What storage owes at its end."""


class CoordinationConfig(Config):
    """Which mechanism clears a gate. Further keys are the mechanism's own options."""

    model_config = ConfigDict(extra="allow", frozen=True, use_attribute_docstrings=True)

    kind: str = "central"
    """Registered name or reference."""

    def options(self) -> dict[str, Any]:
        """Give the mechanism's own options."""
        return dict(self.model_extra or {})


Coordination = Annotated[
    CoordinationConfig,
    BeforeValidator(_kind_alone, json_schema_input_type=CoordinationConfig | str),
]
Forecast = Annotated[
    ForecastConfig, BeforeValidator(_kind_alone, json_schema_input_type=ForecastConfig | str)
]


class RepairConfig(Config):
    """What happens when a plan breaks a limit of the network."""

    rounds: Annotated[int, Field(ge=0, le=1000)] = 0
    """How often the DNO may tighten envelopes and have the window planned again; 0 checks no
    plan before it is executed."""


class FaultsConfig(Config):
    """What happens when a strategy, operator, market or coordination of your own fails."""

    on_fault: Literal["contain", "stop"] = "contain"
    """`contain`: a stand-in takes its place until the next gate, and the fault is written down;
    `stop`: the run ends."""
    time_limit_s: Annotated[Number, Field(gt=0)] = 60.0
    """How long it may take for one answer; what comes with mmgsim is not timed."""


class RepresentativeDayConfig(Config):
    """One day of a yearly study, and how many days of the year it stands for."""

    name: Name
    """Unique within the year, such as summer; part of the name of its result folder."""
    day: Day
    """Local day that is simulated, from midnight to midnight."""
    weight: Positive
    """How many days of the year it stands for. [days]"""


class Scenario(Config):
    """One problem: devices, network, tariffs and uncertainty; the coordination is one key of it."""

    name: Name
    """Of the scenario; part of the name of the result folder."""
    description: Text = ""
    """One line for `mmgsim list`."""
    timezone: Timezone
    """IANA time zone in which days, tariffs and targets are meant."""
    start: Day
    """First local day."""
    days: Annotated[int, Field(ge=1, le=36525)]
    """How many local days are simulated."""
    step: Minutes = 60
    """Length of one step; a divisor of an hour. [min]"""
    year: tuple[RepresentativeDayConfig, ...] = ()
    """Days that together stand for a year: what `mmgsim year` runs, and nothing else does."""
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0
    """Root of all random streams."""
    currency: Text = "AUD"
    """Name of the currency; a label only."""
    objective: Objective = Objective.MEMBERS
    """Whose cost coordinations make small."""
    gate: GateConfig = GateConfig()
    """When and how far is planned."""
    coordination: Coordination = CoordinationConfig()
    """How microgrids are brought together."""
    network: Network = None
    """The feeder, or `none`."""
    repair: RepairConfig = RepairConfig()
    """Repair of plans that break limits."""
    faults: FaultsConfig = FaultsConfig()
    """Plug-ins that raise, hang, or promise what cannot be."""
    operator: Role = RoleConfig()
    """How the DNO decides."""
    market: Role = RoleConfig()
    """How the market decides."""
    tariff: TariffConfig
    """Prices."""
    settlement: SettlementConfig = SettlementConfig()
    """Division of money."""
    forecast: Forecast
    """What microgrids expect."""
    uncertainty: Uncertainty = None
    """What is uncertain, and which of its possible courses comes true; nothing by default."""
    sizing: Sizing = None
    """What `mmgsim size` finds the sizes of, and what units cost; nothing else reads it."""
    microgrids: tuple[MicrogridConfig, ...]
    """Who trades."""
    ties: tuple[TieConfig, ...] = ()
    """Tie lines between microgrids."""
    events: tuple[EventConfig, ...] = ()
    """What happens on the way: outages, islanding, other ratings, other prices."""
    communication: CommunicationConfig = CommunicationConfig()
    """Messages that get lost or take time, microgrids that are away; perfect if left out."""

    @property
    def step_h(self) -> float:
        """Length of one step. [h]"""
        return self.step / 60

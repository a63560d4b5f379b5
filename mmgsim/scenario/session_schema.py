"""The keys of vehicles and flexible loads: devices with sessions."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from mmgsim.profiles import Label
from mmgsim.scenario.fields import (
    Clock,
    Config,
    Moment,
    Name,
    NonNegative,
    Number,
    Positive,
    Share,
)

__all__ = [
    "CsvSessions",
    "DailySessions",
    "EvConfig",
    "FlexibleConfig",
    "ListedSession",
    "ListedSessions",
    "SampledSessions",
    "SessionSource",
]


class SampledSessions(Config):
    """Drawn for every vehicle and day.

    30 % come, and go, in the hour of the clock time, 20 % each in the hours before and after it,
    10 % two and 5 % three hours off. Overnight where the departure is the earlier clock time.
    """

    source: Literal["sampled"] = "sampled"
    """Selects this source."""
    arrival: Clock = "17:00"
    """Beginning of the hour in which most arrive, local time."""
    departure: Clock = "06:00"
    """Beginning of the hour in which most leave, local time."""
    level_arrival_min: Share = 0.2
    """Least energy on arrival as a share of energy_kwh; uniform up to the most."""
    level_arrival_max: Share = 0.6
    """Most energy on arrival as a share of energy_kwh."""


class DailySessions(Config):
    """The same every day; overnight where the departure is not after the arrival."""

    source: Literal["daily"]
    """Selects this source."""
    arrival: Clock
    """Local time of plugging in."""
    departure: Clock
    """Local time of leaving."""
    level_arrival: Share = 0.4
    """Energy on arrival as a share of energy_kwh."""


class ListedSession(Config):
    """One stay of one vehicle."""

    vehicle: Annotated[int, Field(ge=1)] = 1
    """Its number in the fleet."""
    arrival: Moment
    """Local time of plugging in."""
    departure: Moment
    """Local time of leaving."""
    energy_arrival_kwh: NonNegative
    """Stored energy on arrival. [kWh]"""
    energy_wanted_kwh: NonNegative | None = None
    """Stored energy wanted on departure; level_wanted if left out. [kWh]"""


def _as_tuple(given: Any) -> Any:
    # Chosen by `source`: what is in it is no longer taken as JSON.
    return tuple(given) if isinstance(given, list) else given


class ListedSessions(Config):
    """Stays that the scenario lists one by one."""

    source: Literal["listed"]
    """Selects this source."""
    stays: Annotated[tuple[ListedSession, ...], BeforeValidator(_as_tuple)]
    """All of them; those of one vehicle do not overlap."""


class CsvSessions(Config):
    """Stays from a CSV file.

    Its columns are vehicle (its number from 1), arrival, departure (ISO 8601, local time without
    an offset), energy_arrival_kwh and energy_wanted_kwh.
    """

    source: Literal["csv"]
    """Selects this source."""
    file: str
    """CSV file, relative to the scenario's folder."""
    label: Label = Label.REAL
    """How far it may be trusted: real, benchmark or synthetic."""


SessionSource = Annotated[
    SampledSessions | DailySessions | ListedSessions | CsvSessions, Field(discriminator="source")
]


class EvConfig(Config):
    """Electric vehicles, which leave with the energy they want as far as that can be reached.

    A stay counts in whole steps. The defaults are assumptions: a car of 40 kWh, a charger of 7 kW.
    """

    name: Name
    """Unique within the microgrid; of several vehicles, `name-1`, `name-2` and so on."""
    kind: Literal["ev"]
    """A fleet of vehicles."""
    vehicles: Annotated[int, Field(ge=1, le=1000)] = 1
    """How many, all alike, each at a charger of its own."""
    energy_kwh: Positive = 40.0
    """Capacity of each. [kWh]"""
    charge_kw: Positive = 7.0
    """Limit of charge of each, at the terminals. [kW]"""
    discharge_kw: NonNegative = 0.0
    """Limit of discharge of each (V2G), at the terminals; 0 for none. [kW]"""
    efficiency: Annotated[Number, Field(gt=0, le=1)] = 0.95
    """One way, in (0, 1]."""
    level_min: Share = 0.2
    """What is never discharged, as a share of energy_kwh."""
    level_max: Share = 0.95
    """What is never charged beyond, as a share of energy_kwh."""
    level_wanted: Share = 0.85
    """Energy wanted on departure as a share of energy_kwh, where sessions say nothing else."""
    wear_per_kwh: NonNegative = 0.0
    """Price of degradation per kWh discharged. [currency/kWh]"""
    sessions: SessionSource = SampledSessions()
    """When they are plugged in, and with which energy they come."""
    unreachable: Literal["refuse", "price"] = "refuse"
    """What cannot be charged in time at charge_kw: a fault of the scenario, or what missing costs
    in the run."""
    missing_price_per_kwh: NonNegative = 10.0
    """What each kWh costs that lacks on departure. [currency/kWh]"""

    def device_names(self) -> tuple[str, ...]:
        """Give the name of each vehicle."""
        if self.vehicles == 1:
            return (self.name,)
        return tuple(f"{self.name}-{number}" for number in range(1, self.vehicles + 1))


class FlexibleConfig(Config):
    """Load whose time may be chosen: an energy to be served within a daily window."""

    name: Name
    """Unique within the microgrid."""
    kind: Literal["flexible"]
    """A flexible load."""
    energy_kwh: Positive
    """To be served in each window. [kWh]"""
    power_kw: Positive
    """Most power. [kW]"""
    start: Clock
    """Local time at which the daily window begins."""
    end: Clock
    """Local time at which it ends; on the next day where that is not after its beginning."""
    shed_price_per_kwh: NonNegative = 10.0
    """Value of energy that is not served in time. [currency/kWh]"""

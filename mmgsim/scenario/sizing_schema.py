"""The keys of sizing: what a unit of a technology costs, how many there may be, and what counts."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from mmgsim.scenario.fields import Config, Day, NonNegative, Number, Positive, Share

__all__ = ["BatterySizingConfig", "GeneratorSizingConfig", "Sizing", "SizingConfig"]


class GeneratorSizingConfig(Config):
    """What a kW costs, and how many each microgrid that has the device may have."""

    investment_per_kw: NonNegative
    """To buy and build it. [currency/kW]"""
    operation_per_kw_year: NonNegative = 0.0
    """Operation and maintenance. [currency/(kW year)]"""
    life_years: Positive
    """How long it lasts. [years]"""
    min_kw: NonNegative = 0.0
    """Least size. [kW]"""
    max_kw: Positive
    """Largest size. [kW]"""

    @model_validator(mode="after")
    def _check_limits(self) -> Self:
        if self.min_kw > self.max_kw:
            raise ValueError(f"min_kw = {self.min_kw:g} is above max_kw = {self.max_kw:g}")
        return self


class BatterySizingConfig(Config):
    """What a kWh costs, and how many each microgrid that has a battery may have.

    The power of a battery grows with its energy, in the ratio that the device has.
    """

    investment_per_kwh: NonNegative
    """To buy and build it. [currency/kWh]"""
    operation_per_kwh_year: NonNegative = 0.0
    """Operation and maintenance. [currency/(kWh year)]"""
    life_years: Positive
    """How long it lasts. [years]"""
    min_kwh: NonNegative = 0.0
    """Least size. [kWh]"""
    max_kwh: Positive
    """Largest size. [kWh]"""

    @model_validator(mode="after")
    def _check_limits(self) -> Self:
        if self.min_kwh > self.max_kwh:
            raise ValueError(f"min_kwh = {self.min_kwh:g} is above max_kwh = {self.max_kwh:g}")
        return self


class SizingConfig(Config):
    """What `mmgsim size` finds the sizes of, and what they are judged by."""

    start: Day | None = None
    """First local day of the series that sizes are judged by; 1 January of the year in which the
    scenario starts, if left out."""
    days: Annotated[int, Field(ge=1, le=366)] = 365
    """How many days of it."""
    discount_rate: Annotated[Number, Field(ge=0, le=1)]
    """Per year, as a fraction."""
    wind: GeneratorSizingConfig | None = None
    """Wind turbines; as large as they are if left out."""
    pv: GeneratorSizingConfig | None = None
    """PV plants; as large as they are if left out."""
    battery: BatterySizingConfig | None = None
    """Batteries; as large as they are if left out."""
    lcoe_weight: Share = 0.5
    """Weight of levelised cost in the weighted objective; the reliability index has the rest."""
    lcoe_base_per_kwh: Positive | None = None
    """What the levelised cost is divided by before it is weighted; the mean price of a kWh from the
    grid if left out. [currency/kWh]"""
    reliability_base: Positive | None = None
    """What the reliability index is divided by; the bill of a year without any device if left out.
    [currency/year]"""
    energy: Literal["own-use", "with-peers", "generated", "load"] = "own-use"
    """The energy that levelised cost is per kWh of: what own devices serve of the own load; with
    what peers get; all that is available; or the load."""
    least_own_share: Share = 0.2
    """Part of the load of all that own devices have to serve, so that levelised cost has a
    meaning; no size below it is taken."""
    is_export_counted: bool = False
    """Whether income from the grid lowers the annual cost; paper 004 counts none."""
    carbon_kg_per_kwh: NonNegative = 0.0
    """Carbon of a kWh from the grid, for a column of the tables. [kg/kWh]"""

    @model_validator(mode="after")
    def _check_sized(self) -> Self:
        if self.wind is None and self.pv is None and self.battery is None:
            raise ValueError("names nothing to be sized: add wind, pv or battery")
        return self


def _none(given: Any) -> Any:
    return None if given == "none" else given


Sizing = Annotated[
    SizingConfig | None,
    BeforeValidator(_none, json_schema_input_type=SizingConfig | Literal["none"] | None),
]
"""What is sized, or `none`."""

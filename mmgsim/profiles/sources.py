"""What a scenario may write under `profile:` and wherever a price or a limit varies in time."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from mmgsim.profiles.series import LARGEST, Label
from mmgsim.profiles.sites import Site, find_site

__all__ = [
    "AnySource",
    "ConstantSource",
    "CsvSource",
    "DemandlibSource",
    "PriceSource",
    "ProfileSource",
    "PvlibSource",
    "SimbenchSource",
    "Tmy3Source",
    "WindSource",
]


class _Source(BaseModel):
    """Settings shared by all sources: frozen, unknown keys refused, finite numbers only."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class PvlibSource(_Source):
    """Photovoltaic output from pvlib's clear sky and a synthetic cloud model, per unit of kWp."""

    source: Literal["pvlib"] = Field(description="Selects this source.")
    site: str | None = Field(
        default=None, description="Name of a site in data/sites.yaml; otherwise give coordinates."
    )
    latitude: float | None = Field(
        default=None, ge=-90.0, le=90.0, description="Latitude, north positive. [deg]"
    )
    longitude: float | None = Field(
        default=None, ge=-180.0, le=180.0, description="Longitude, east positive. [deg]"
    )
    altitude_m: float | None = Field(
        default=None,
        ge=-500.0,
        le=9000.0,
        description="Height above sea level, default 0 with coordinates. [m]",
    )
    tilt_deg: float | None = Field(
        default=None, ge=0.0, le=90.0, description="Tilt from the horizontal, default |lat|. [deg]"
    )
    azimuth_deg: float | None = Field(
        default=None,
        ge=0.0,
        lt=360.0,
        description="Where the panel looks, 0 north and 90 east; default the equator. [deg]",
    )
    losses: float = Field(
        default=0.14, ge=0.0, lt=1.0, description="Soiling, wiring, mismatch and so on. [fraction]"
    )
    clear_sky_summer: float | None = Field(
        default=None,
        gt=0.15,
        lt=1.0,
        description="Mean clear-sky index in mid-summer, default the site's (else 0.70). [-]",
    )
    clear_sky_winter: float | None = Field(
        default=None,
        gt=0.15,
        lt=1.0,
        description="Mean clear-sky index in mid-winter, default the site's (else 0.60). [-]",
    )

    @model_validator(mode="after")
    def _check_place(self) -> Self:
        coordinates = (self.latitude, self.longitude)
        if self.site is not None:
            if coordinates != (None, None) or self.altitude_m is not None:
                raise ValueError("give either a site or latitude, longitude and altitude_m")
            find_site(self.site)
        elif None in coordinates:
            raise ValueError("give a site, or both latitude and longitude")
        return self

    def place(self) -> Site:
        """Give the site with its climate, as this source sets it."""
        if self.site is not None:
            known = find_site(self.site).model_dump()
        else:
            known = {"latitude": self.latitude, "longitude": self.longitude}
            known |= {"altitude_m": self.altitude_m} if self.altitude_m is not None else {}
        own = {"clear_sky_summer": self.clear_sky_summer, "clear_sky_winter": self.clear_sky_winter}
        return Site.model_validate(known | {key: v for key, v in own.items() if v is not None})

    def weather_name(self) -> str:
        """Give the name under which all panels at one place share their clouds."""
        return self.site if self.site is not None else f"{self.latitude},{self.longitude}"


class WindSource(_Source):
    """Wind power from a Weibull speed with memory, a daily and a yearly course, per unit."""

    source: Literal["wind"] = Field(description="Selects this source.")
    mean_speed_m_s: float = Field(
        gt=0.0, le=25.0, description="Yearly mean speed at hub height. [m/s]"
    )
    weibull_k: float = Field(default=2.0, ge=1.0, le=6.0, description="Weibull shape. [-]")
    lag1: float = Field(
        default=0.88, ge=0.0, lt=1.0, description="Correlation of neighbouring hours. [-]"
    )
    diurnal: float = Field(
        default=0.25,
        ge=0.0,
        lt=2.0,
        description="Peak-to-trough swing of the mean day, as a share of the mean. [fraction]",
    )
    season_amplitude: float = Field(
        default=0.10, ge=0.0, lt=1.0, description="Amplitude of the yearly course. [fraction]"
    )
    windiest_month: int = Field(
        default=1, ge=1, le=12, description="Month about which the yearly course peaks. [1..12]"
    )
    site: str | None = Field(
        default=None,
        description="Turbines with the same site share their wind; default the device's own name.",
    )
    cut_in_m_s: float = Field(
        default=3.0, ge=0.0, le=100.0, description="Speed of first output. [m/s]"
    )
    rated_m_s: float = Field(
        default=12.0, gt=0.0, le=100.0, description="Speed of full output. [m/s]"
    )
    cut_out_m_s: float = Field(
        default=25.0, gt=0.0, le=100.0, description="Speed of the stop. [m/s]"
    )
    curve: Literal["cubic", "linear"] = Field(
        default="cubic", description="Power between cut-in and rated speed: cubic or linear."
    )

    @model_validator(mode="after")
    def _check_speeds(self) -> Self:
        if not self.cut_in_m_s < self.rated_m_s < self.cut_out_m_s:
            raise ValueError("cut_in_m_s < rated_m_s < cut_out_m_s must hold")
        return self


class DemandlibSource(_Source):
    """A BDEW standard load profile from demandlib, on the scenario's local clock."""

    source: Literal["demandlib"] = Field(description="Selects this source.")
    type: Literal["h0", "g0", "g1", "g2", "g3", "g4", "g5", "g6", "l0", "l1", "l2"] = Field(
        description="h0 households, g0..g6 trades, l0..l2 farms."
    )
    annual_kwh: float | None = Field(
        default=None,
        gt=0.0,
        le=LARGEST,
        description="Energy of each calendar year; without it, per unit of yearly peak. [kWh]",
    )
    hemisphere: Literal["north", "south"] = Field(
        default="north", description="south takes the profile of 26 weeks later."
    )
    variation: float = Field(
        default=0.0,
        ge=0.0,
        le=1.0,
        description="Relative standard deviation of a day-to-day factor, mean 1. [fraction]",
    )


class PriceSource(_Source):
    """A synthetic wholesale price of Western Australian shape, in currency per kWh."""

    source: Literal["price"] = Field(description="Selects this source.")
    mean_per_kwh: float = Field(
        default=0.055,
        gt=0.0,
        le=LARGEST,
        description="Mean of each year, before the margin. [currency/kWh]",
    )
    sd_per_kwh: float | None = Field(
        default=None,
        ge=0.0,
        le=LARGEST,
        description="Standard deviation of each year, before the floor; default the model's own, "
        "about 0.55 of the mean. [currency/kWh]",
    )
    floor_per_kwh: float = Field(
        default=0.0,
        ge=-LARGEST,
        le=LARGEST,
        description="Lowest price before the margin; may be negative. [currency/kWh]",
    )
    margin_per_kwh: float = Field(
        default=0.0,
        ge=-LARGEST,
        le=LARGEST,
        description="Added to every value, after the floor. [currency/kWh]",
    )
    market: str = Field(
        default="wholesale", description="Prices of one market share their random numbers."
    )

    @model_validator(mode="after")
    def _check_floor(self) -> Self:
        if self.floor_per_kwh >= self.mean_per_kwh:
            raise ValueError("floor_per_kwh must lie below mean_per_kwh")
        return self


class CsvSource(_Source):
    """A column of a CSV file; stamps are the starts of equal intervals."""

    source: Literal["csv"] = Field(description="Selects this source.")
    file: str = Field(min_length=1, description="File, relative to the scenario's folder.")
    column: str = Field(min_length=1, description="Name of the column with the values.")
    time_column: str = Field(default="time", description="Name of the column with the stamps.")
    timezone: str | None = Field(
        default=None,
        description="Zone of stamps without an offset, default the scenario's. [IANA name]",
    )
    scale: float = Field(
        default=1.0, ge=-LARGEST, le=LARGEST, description="Every value is multiplied by it. [-]"
    )
    label: Label = Field(
        default=Label.REAL, description="real, benchmark or synthetic: what the file is."
    )


class ConstantSource(_Source):
    """One number for all steps; a bare number in the file means the same."""

    source: Literal["constant"] = Field(description="Selects this source.")
    value: float = Field(
        ge=-LARGEST,
        le=LARGEST,
        description="The number. [as the place in the scenario calls for]",
    )
    label: Label = Field(
        default=Label.SYNTHETIC, description="real for a contracted figure; assumed otherwise."
    )


class SimbenchSource(_Source):
    """The series of an element of a SimBench grid, or of one of its profiles, over 2016."""

    source: Literal["simbench"] = Field(description="Selects this source.")
    code: str | None = Field(
        default=None, min_length=1, description="SimBench code, default that of the network."
    )
    element: str | None = Field(
        default=None,
        min_length=1,
        description="Name of a load or sgen of the grid, in kW; it leaves the background.",
    )
    profile: str | None = Field(
        default=None,
        min_length=1,
        description="Name of a profile of the grid, such as G0-A_pload or PV3, per unit.",
    )
    annual_kwh: float | None = Field(
        default=None,
        gt=0.0,
        le=LARGEST,
        description="Energy of the year 2016, to which a profile is scaled. [kWh]",
    )

    @model_validator(mode="after")
    def _check_choice(self) -> Self:
        if (self.element is None) == (self.profile is None):
            raise ValueError("give either an element or a profile")
        if self.element is not None and self.annual_kwh is not None:
            raise ValueError("an element has its own power; leave out annual_kwh")
        return self

    @property
    def longitude(self) -> float:
        """Of the middle of Germany, whose clock and weather the series have. [deg]"""
        return 10.0


class Tmy3Source(_Source):
    """Photovoltaic output from a typical meteorological year that ships with pvlib, per kWp."""

    source: Literal["tmy3"] = Field(description="Selects this source.")
    station: Literal["greensboro", "sand-point"] = Field(
        description="Greensboro, North Carolina, or Sand Point, Alaska."
    )
    tilt_deg: float | None = Field(
        default=None, ge=0.0, le=90.0, description="Tilt from the horizontal, default |lat|. [deg]"
    )
    azimuth_deg: float = Field(
        default=180.0,
        ge=0.0,
        lt=360.0,
        description="Where the panel looks, 0 north and 90 east. [deg]",
    )
    losses: float = Field(
        default=0.14, ge=0.0, lt=1.0, description="Soiling, wiring, mismatch and so on. [fraction]"
    )

    @property
    def longitude(self) -> float:
        """Of the station, east positive. [deg]"""
        return {"greensboro": -79.95, "sand-point": -160.5}[self.station]


def _wrap_number(given: Any) -> Any:
    if isinstance(given, int | float) and not isinstance(given, bool):
        if not math.isfinite(given):
            raise ValueError(f"{given} is not a finite number")
        return {"source": "constant", "value": given}
    return given


AnySource = (
    PvlibSource
    | Tmy3Source
    | WindSource
    | DemandlibSource
    | SimbenchSource
    | PriceSource
    | CsvSource
    | ConstantSource
)

_Tagged = Annotated[AnySource, Field(discriminator="source")]

ProfileSource = Annotated[
    _Tagged, BeforeValidator(_wrap_number, json_schema_input_type=_Tagged | float)
]
"""Any source; a bare number stands for a constant."""

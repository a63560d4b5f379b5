"""Places with what the weather model needs to know of them."""

from __future__ import annotations

from functools import lru_cache

import yaml
from pydantic import BaseModel, ConfigDict, Field

from mmgsim.errors import near_miss
from mmgsim.profiles.bundled import bundled_path

__all__ = ["Site", "find_site", "read_sites"]


class Site(BaseModel):
    """A place on Earth and the few numbers of its climate."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    latitude: float = Field(ge=-90.0, le=90.0, description="Latitude, north positive. [deg]")
    longitude: float = Field(ge=-180.0, le=180.0, description="Longitude, east positive. [deg]")
    altitude_m: float = Field(default=0.0, description="Height above sea level. [m]")
    clear_sky_summer: float = Field(
        default=0.70, gt=0.15, lt=1.0, description="Mean clear-sky index, mid-summer. [-]"
    )
    clear_sky_winter: float = Field(
        default=0.60, gt=0.15, lt=1.0, description="Mean clear-sky index, mid-winter. [-]"
    )
    temperature_mean_c: float = Field(default=15.0, description="Yearly mean air temp. [deg C]")
    temperature_season_c: float = Field(
        default=8.0, ge=0.0, description="Half the summer-winter swing of the air temp. [K]"
    )
    temperature_day_c: float = Field(
        default=5.0, ge=0.0, description="Half the day-night swing of the air temp. [K]"
    )
    status: str = Field(default="assumed", description="How the climate numbers were obtained.")
    source: str = Field(default="", description="Where the reference figures come from.")


@lru_cache(maxsize=1)
def read_sites() -> dict[str, Site]:
    """Read the sites that come with the package, by name."""
    text = (bundled_path("data") / "sites.yaml").read_text(encoding="utf-8")
    return {name: Site.model_validate(entry) for name, entry in yaml.safe_load(text).items()}


def find_site(name: str) -> Site:
    """Give the site called `name`.

    Raises
    ------
    ValueError
        If there is none, with the nearest match (a scenario check turns it into a fault).
    """
    sites = read_sites()
    if name not in sites:
        hint = near_miss(name, sites)
        raise ValueError(f"no site {name!r}; {hint}; or give latitude and longitude")
    return sites[name]

"""The keys of what is uncertain in a scenario, and how it is spread."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from mmgsim.profiles import Label
from mmgsim.scenario.fields import Config, Number, Share

__all__ = [
    "BetaConfig",
    "KindConfig",
    "NormalConfig",
    "ResidualsConfig",
    "SharedConfig",
    "Uncertainty",
    "UncertaintyConfig",
    "WeibullConfig",
]

_Sd = Annotated[Number, Field(ge=0, le=1)]


class _Remembering(Config):
    lag1: Annotated[Number, Field(ge=0, le=0.99)] = 0.9
    """Correlation of what is an hour apart, in normal scores."""


class SharedConfig(_Remembering):
    """Normal about the series, the same for all: one factor in each step."""

    sd: _Sd
    """Standard deviation as a share of the series."""


class _AtSites(_Remembering):
    between_sites: Share = 0.5
    """Correlation of any two devices of the kind at the same time, in normal scores."""


class NormalConfig(_AtSites):
    """Normal about the series, cut at zero and at the rating."""

    kind: Literal["normal"]
    """Selects this distribution."""
    sd: _Sd
    """Standard deviation as a share of the series."""


class BetaConfig(_AtSites):
    """Sun as a Beta distributed share of the most that is possible; the series is the mean."""

    kind: Literal["beta"]
    """Selects this distribution."""
    mean: Annotated[Number, Field(gt=0, lt=1)] = 0.65
    """Mean share, so that the series over it is the most that is possible."""
    sd: Annotated[Number, Field(gt=0, lt=0.5)] = 0.2
    """Standard deviation of the share."""

    @model_validator(mode="after")
    def _check_moments(self) -> Self:
        most = (self.mean * (1.0 - self.mean)) ** 0.5
        if self.sd >= most:
            raise ValueError(
                f"sd = {self.sd:g} is too large: a share with a mean of {self.mean:g} has a "
                f"standard deviation below {most:.3g}"
            )
        return self


class WeibullConfig(_AtSites):
    """Weibull distributed wind speed in each step; the mean is the speed of the source `wind`."""

    kind: Literal["weibull"]
    """Selects this distribution."""
    sd: Annotated[Number, Field(ge=0.01, le=2)] = 0.3
    """Standard deviation of the speed as a share of its mean."""


class ResidualsConfig(_AtSites):
    """Differences of the past, each as likely as any other, from a CSV file."""

    kind: Literal["residuals"]
    """Selects this distribution."""
    file: Annotated[str, Field(min_length=1)]
    """File, relative to the scenario's folder; a row for each difference, in any order."""
    column: Annotated[str, Field(min_length=1)]
    """Name of the column with what came less what was expected."""
    unit: Literal["relative", "kw"] = "relative"
    """Shares of what was expected, or kW."""
    hour_column: Annotated[str, Field(min_length=1)] | None = None
    """Name of a column with the local hour of the day, 0 to 23, of each row; hours then have
    differences of their own."""
    label: Label = Label.REAL
    """real, benchmark or synthetic: what the file is."""


KindConfig = NormalConfig | BetaConfig | WeibullConfig | ResidualsConfig
"""Any distribution of the series of a kind of device."""

_Load = Annotated[NormalConfig | ResidualsConfig, Field(discriminator="kind")]
_Pv = Annotated[BetaConfig | NormalConfig | ResidualsConfig, Field(discriminator="kind")]
_Wind = Annotated[WeibullConfig | NormalConfig | ResidualsConfig, Field(discriminator="kind")]


def _none(given: Any) -> Any:
    return None if given == "none" else given


_Future = Annotated[int, Field(ge=1, le=2**31)]


class UncertaintyConfig(Config):
    """What is uncertain, as one model: what comes true, forecasts and samples are drawn of it."""

    future: Annotated[
        _Future | None,
        BeforeValidator(_none, json_schema_input_type=_Future | Literal["none"] | None),
    ] = None
    """Number of the future that comes true, from 1; with `none` the series themselves do."""
    load: _Load | None = None
    """Demand of microgrids; certain if left out."""
    pv: _Pv | None = None
    """Available sun; certain if left out."""
    wind: _Wind | None = None
    """Available wind; certain if left out."""
    price: SharedConfig | None = None
    """Energy prices: import, export and upstream, all times one factor; certain if left out."""
    background: SharedConfig | None = None
    """Background load of the network, all of it times one factor; the DNO plans with the series
    and meets what comes true. Certain if left out."""

    @property
    def is_uncertain(self) -> bool:
        """Whether anything is said to be."""
        spread = (self.load, self.pv, self.wind, self.price, self.background)
        return any(how is not None for how in spread)

    def of_kind(self, kind: str) -> KindConfig | None:
        """Give how the series of a kind of device are spread: `load`, `pv` or `wind`."""
        found: KindConfig | None = getattr(self, kind)
        return found


Uncertainty = Annotated[
    UncertaintyConfig | None,
    BeforeValidator(_none, json_schema_input_type=UncertaintyConfig | Literal["none"] | None),
]
"""What is uncertain, or `none`."""

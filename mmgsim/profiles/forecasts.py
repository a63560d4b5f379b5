"""What an agent believes of its load, sun and wind over the steps ahead."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from mmgsim.contracts import FloatArray, frozen
from mmgsim.profiles.streams import autoregressive

__all__ = [
    "ExpectedForecast",
    "ForecastConfig",
    "ForecastKind",
    "ForecastTarget",
    "NoiseForecast",
    "PerfectForecast",
    "PersistenceForecast",
    "forecast_kw",
]

_HOURS_PER_DAY = 24.0


class _Forecast(BaseModel):
    """Settings shared by all forecasts: frozen, unknown keys refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class PerfectForecast(_Forecast):
    """The truth."""

    kind: Literal["perfect"] = Field(default="perfect", description="Selects this forecast.")


class PersistenceForecast(_Forecast):
    """The same clock time of the last day that is fully known."""

    kind: Literal["persistence"] = Field(description="Selects this forecast.")


class NoiseForecast(_Forecast):
    """The truth times one plus an error with memory along the window."""

    kind: Literal["noise"] = Field(description="Selects this forecast.")
    load_sd: float = Field(
        default=0.05, ge=0.0, le=1.0, description="Relative sd of the load's error. [fraction]"
    )
    pv_sd: float = Field(
        default=0.10, ge=0.0, le=1.0, description="Relative sd of the PV error. [fraction]"
    )
    wind_sd: float = Field(
        default=0.15, ge=0.0, le=1.0, description="Relative sd of the wind error. [fraction]"
    )
    lag1: float = Field(
        default=0.8, ge=0.0, lt=1.0, description="Correlation of the errors of next leads. [-]"
    )


class ExpectedForecast(_Forecast):
    """The mean of what `uncertainty` says may come, given all that was seen; else the truth."""

    kind: Literal["expected"] = Field(description="Selects this forecast.")


AnyForecast = PerfectForecast | PersistenceForecast | NoiseForecast | ExpectedForecast

ForecastConfig = Annotated[AnyForecast, Field(discriminator="kind")]
"""Any forecast, as a scenario writes it under `forecast:`."""


class ForecastKind(StrEnum):
    """What is forecast; decides the size of the error and whether a cap holds."""

    LOAD = "load"
    PV = "pv"
    WIND = "wind"


@dataclass(frozen=True, slots=True)
class ForecastTarget:
    """What is forecast.

    Parameters
    ----------
    kind : ForecastKind
        Load, pv or wind.
    step_h : float
        Length of one step. [h]
    cap_kw : float
        Rating that a pv or wind forecast does not exceed; without effect on loads. [kW]
    """

    kind: ForecastKind
    step_h: float
    cap_kw: float = np.inf

    @property
    def steps_per_day(self) -> int:
        """Steps in 24 hours."""
        return round(_HOURS_PER_DAY / self.step_h)


def forecast_kw(
    config: AnyForecast,
    truth_kw: FloatArray,
    *,
    position: int,
    steps: int,
    target: ForecastTarget,
    rng: np.random.Generator,
) -> FloatArray:
    """Forecast the steps ahead of one gate.

    Parameters
    ----------
    config : PerfectForecast, PersistenceForecast, NoiseForecast or ExpectedForecast
        How. What is expected of an uncertain series is not to be read off it: the mean of its
        possible courses is taken by who knows them; of a certain one it is the truth.
    truth_kw : (n,) array
        What will really be. It starts some steps before the run (`lead_in`), so that persistence
        has a past: position = lead_in + step of the run. [kW]
    position : int
        Index in `truth_kw` of the first step to forecast. Persistence reads only what lies before
        it, and needs 24 hours there.
    steps : int
        How many steps to forecast.
    target : ForecastTarget
        Kind, step length and cap.
    rng : numpy.random.Generator
        Stream of this gate and this device; only noise draws, exactly `steps` numbers, so
        that a longer window begins like a shorter one.

    Returns
    -------
    (steps,) array
        Forecast, read-only. [kW]

    Raises
    ------
    ValueError
        If `truth_kw` does not hold the steps asked for, or the day before them.
    """
    if position < 0 or steps < 1 or position + steps > len(truth_kw):
        raise ValueError(
            f"steps {position}..{position + steps - 1} are outside the series of {len(truth_kw)}"
        )
    ahead_kw = truth_kw[position : position + steps]
    if isinstance(config, PersistenceForecast):
        return _persist(truth_kw, position=position, steps=steps, per_day=target.steps_per_day)
    if isinstance(config, NoiseForecast):
        return _disturb(config, ahead_kw, target=target, rng=rng)
    return frozen(ahead_kw)


def _persist(truth_kw: FloatArray, *, position: int, steps: int, per_day: int) -> FloatArray:
    if position < per_day:
        raise ValueError(
            f"persistence at position {position} needs the {per_day} steps before it; "
            "let truth_kw start at least 24 h before the run"
        )
    return frozen(truth_kw[position - per_day + np.arange(steps) % per_day])


def _disturb(
    config: NoiseForecast, ahead_kw: FloatArray, *, target: ForecastTarget, rng: np.random.Generator
) -> FloatArray:
    deviations = {
        ForecastKind.LOAD: config.load_sd,
        ForecastKind.PV: config.pv_sd,
        ForecastKind.WIND: config.wind_sd,
    }
    error = deviations[target.kind] * autoregressive(
        rng.standard_normal(len(ahead_kw)), config.lag1
    )
    cap_kw = np.inf if target.kind is ForecastKind.LOAD else target.cap_kw
    return frozen(np.clip(ahead_kw * (1.0 + error), 0.0, cap_kw))

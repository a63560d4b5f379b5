"""Times on the scenario's clock: in words, and where they are drawn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

__all__ = [
    "local_time",
    "stamps",
    "stepped",
    "told_spans",
    "told_times",
    "twice_told",
    "widths_ms",
]


def local_time(times: pd.Series, timezone: str) -> pd.Series:
    """Give UTC stamps on the scenario's clock, with its zone: what it shows may come twice."""
    local: pd.Series = times.dt.tz_convert(timezone)
    return local


def stepped(times: pd.Series, values: Sequence[float] | pd.Series, hours: float) -> tuple[Any, Any]:
    """Give x and y of a line of shape ``hv`` whose last value holds to the end of its step.

    Parameters
    ----------
    times : Series
        Starts of the steps.
    values : sequence of float
        Means over the steps.
    hours : float
        Length of a step. [h]
    """
    numbers = np.asarray(values, dtype=np.float32)
    end = times.iloc[-1:] + pd.Timedelta(hours=hours)
    return stamps(pd.concat([times, end])), np.append(numbers, numbers[-1:])


def stamps(times: pd.Series) -> Any:
    """Give where times are drawn, as short texts, which take less room in a page than numbers."""
    texts = _drawn(times).dt.strftime("%Y-%m-%dT%H:%M:%S")
    return texts.str.removesuffix(":00").to_numpy(dtype=object)


def widths_ms(times: pd.Series, hours: float) -> Any:
    """Give how wide steps are drawn, as plotly counts time: one number, or an array. [ms]

    Parameters
    ----------
    times : Series
        Starts of the steps.
    hours : float
        Length of a step. [h]
    """
    ends = _drawn(times + pd.Timedelta(hours=hours))
    widths = (ends - _drawn(times)).dt.total_seconds().to_numpy() * 1000.0
    return float(widths[0]) if (widths == widths[:1]).all() and len(widths) else widths


def _drawn(times: pd.Series) -> pd.Series:
    """Give times as naive stamps, which plotly draws as they are, each instant at its own place.

    What a clock that is put back shows twice is drawn twice as fast: steps would lie, and bars
    stand, on each other otherwise.
    """
    shown: pd.Series = times.dt.tz_localize(None)
    first, last = _instants(times)
    overlap = last - first
    if not overlap.any():
        return shown
    past = (shown - shown.dt.floor(overlap.max())).where(overlap > pd.Timedelta(0), times - times)
    drawn: pd.Series = shown + (times - first - past) / 2
    return drawn


def _instants(times: pd.Series) -> tuple[pd.Series, pd.Series]:
    """Give when the clock shows first what it shows at these times, and when for the last time."""
    shown = times.dt.tz_localize(None)
    first: pd.Series = shown.dt.tz_localize(times.dt.tz, ambiguous=np.full(len(shown), True))
    last: pd.Series = shown.dt.tz_localize(times.dt.tz, ambiguous=np.full(len(shown), False))
    return first, last


def told_times(times: pd.Series, form: str = "%a %d %b %H:%M") -> list[str]:
    """Give times in words, such as ``Sun 31 Oct 02:00``, with the zone's name where it is needed.

    It is where the clock shows them twice: ``Sun 31 Oct 02:00 CEST`` and an hour later ``CET``.
    """
    first, last = _instants(times)
    return [
        f"{time:{form} %Z}" if is_twice else f"{time:{form}}"
        for time, is_twice in zip(times, first != last, strict=True)
    ]


def told_spans(times: pd.Series, hours: float, form: str = "%d %b %H:%M") -> list[str]:
    """Give steps in words, those in a row together: ``14 Jun 12:00 to 15:00``.

    Parameters
    ----------
    times : Series
        Starts of steps on the scenario's clock, in order.
    hours : float
        Length of a step. [h]
    form : str
        How times are written.
    """
    if times.empty:
        return []
    step = pd.Timedelta(hours=hours)
    run = times.diff().ne(step).cumsum()
    groups = times.groupby(run.to_numpy())
    first, end = groups.first(), groups.last() + step
    ends = [
        f"{stop:%H:%M}" if start.date() == (stop - step).date() else told
        for start, stop, told in zip(first, end, told_times(end, form), strict=True)
    ]
    return [f"{start} to {stop}" for start, stop in zip(told_times(first, form), ends, strict=True)]


def twice_told(times: pd.Series) -> str:
    """Say at an axis of time that a clock that is put back shows something twice, if it does."""
    first, last = _instants(times)
    has_any = bool((first != last).any())
    return "; what the clock shows twice is drawn at half its width" if has_any else ""

"""What the values of a scenario's keys may be, and the base of all its parts."""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
)

from mmgsim.profiles import LARGEST, zone_faults

__all__ = [
    "Clock",
    "Config",
    "Day",
    "Minutes",
    "Moment",
    "Name",
    "NonNegative",
    "Number",
    "Positive",
    "Share",
    "Text",
    "Timezone",
    "Voltage",
]

_DURATION = re.compile(r"^\s*(\d+)\s*(min|h|d)\s*$")
_MOMENT = re.compile(r"^(\d{4}-\d{2}-\d{2})[ T](\d{2}:\d{2})(:00)?$")
_MINUTES = {"min": 1, "h": 60, "d": 1440}
_LONGEST_MIN = 366 * 1440
_YEARS = range(1900, 2151)


def parse_duration_min(text: Any) -> int:
    """Give the minutes of a duration such as ``15min``, ``1h`` or ``1d``."""
    match = _DURATION.match(text) if isinstance(text, str) else None
    if match is None or int(match[1]) == 0:
        raise ValueError(f"{text!r} is not a duration; write it like 15min, 1h or 1d")
    minutes = int(match[1]) * _MINUTES[match[2]]
    if minutes > _LONGEST_MIN:
        raise ValueError(f"{text!r} is longer than a year")
    return minutes


def _check_timezone(name: str) -> str:
    for fault in zone_faults(name):
        raise ValueError(f"{fault.what}; {fault.cure}")
    return name


def _check_clock(text: Any) -> Any:
    if not isinstance(text, str) or not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", text):
        raise ValueError(f'{text!r} is not a clock time; write it like "00:00"')
    return text


def _check_moment(text: Any) -> Any:
    if isinstance(text, datetime):
        return text
    match = _MOMENT.match(text) if isinstance(text, str) else None
    if match is None:
        raise ValueError(f"{text!r} is not a moment; write local time like 2021-01-31 12:00")
    try:
        moment = datetime.fromisoformat(f"{match[1]} {match[2]}")
    except ValueError as error:
        raise ValueError(f"{text!r} is not a moment: {error}") from error
    if moment.year not in _YEARS:
        raise ValueError(f"{text!r} is not between the years {_YEARS[0]} and {_YEARS[-1]}")
    return moment


def _check_day(text: Any) -> Any:
    is_day = isinstance(text, str) and re.fullmatch(r"\d{4}-\d{2}-\d{2}", text)
    if not is_day and not isinstance(text, date):
        raise ValueError(f"{text!r} is not a day; write it like 2021-01-31, without a time")
    try:
        day = date.fromisoformat(text) if isinstance(text, str) else text
    except ValueError as error:
        raise ValueError(f"{text!r} is not a day: {error}") from error
    if isinstance(day, date) and day.year not in _YEARS:
        raise ValueError(f"{text!r} is not between the years {_YEARS[0]} and {_YEARS[-1]}")
    return day


Number = Annotated[float, Field(allow_inf_nan=False, le=LARGEST)]
Positive = Annotated[Number, Field(gt=0)]
NonNegative = Annotated[Number, Field(ge=0)]
Share = Annotated[Number, Field(ge=0, le=1)]
Minutes = Annotated[
    int,
    BeforeValidator(
        parse_duration_min,
        json_schema_input_type=Annotated[str, Field(pattern=r"^\s*[0-9]+\s*(min|h|d)\s*$")],
    ),
    PlainSerializer(lambda minutes: f"{minutes}min", return_type=str),
]
Clock = Annotated[str, BeforeValidator(_check_clock)]
Moment = Annotated[
    datetime,
    BeforeValidator(
        _check_moment,
        json_schema_input_type=Annotated[str, Field(pattern=_MOMENT.pattern)],
    ),
    PlainSerializer(lambda moment: f"{moment:%Y-%m-%d %H:%M}", return_type=str),
]
"""A moment on the local clock; of one that comes twice, the first."""
Day = Annotated[date, BeforeValidator(_check_day, json_schema_input_type=date)]
Voltage = Annotated[Number, Field(gt=0, lt=2)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_-]*$", max_length=64)]
Text = Annotated[str, Field(max_length=1000)]
Timezone = Annotated[str, AfterValidator(_check_timezone)]


class Config(BaseModel):
    """Base of all parts of a scenario."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

"""The keys of a tie line between two microgrids."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from mmgsim.profiles import LARGEST
from mmgsim.scenario.fields import Config, Name, NonNegative, Number, Positive, Text

__all__ = ["TieConfig"]


def _mode(given: Any) -> Any:
    if given == "dc":
        raise ValueError(
            "'dc' is not modelled: use private, which the feeder sees as the same pair of powers, "
            "less at one end and more at the other"
        )
    return given


def _two(names: tuple[str, ...]) -> tuple[str, ...]:
    if len(names) != 2:
        raise ValueError(f"a line has two ends, not {len(names)}")
    return names


Mode = Annotated[
    Literal["private", "ac"],
    BeforeValidator(_mode, json_schema_input_type=Literal["private", "ac"]),
]


class TieConfig(Config):
    """A line between two microgrids.

    A private one stands beside the feeder, and what it carries is decided by a coordination that
    plans for all: `central`, or `hierarchical` with `controller: aggregated`. An ac one is part of
    the feeder, and physics decides.
    """

    name: Name
    """Unique among ties."""
    between: Annotated[tuple[Name, ...], AfterValidator(_two)]
    """Names of the two microgrids."""
    mode: Mode = "private"
    """`private`: beside the feeder, controlled; `ac`: a closed line of the feeder."""
    limit_kw: Positive | None = None
    """The most that either end sends; needed for `private`. For `ac` it is the rating, as current
    at nominal voltage; the line's own if left out. [kW]"""
    loss_share: Annotated[Number, Field(ge=0, lt=1)] = 0.0
    """Part of what is sent that is lost on the way; for `private`."""
    r_ohm: NonNegative | None = None
    """Resistance of the whole line, for `ac`. [ohm]"""
    x_ohm: Positive | None = None
    """Reactance of the whole line, for `ac`. [ohm]"""
    std_type: Text | None = None
    """A line type of pandapower, for `ac`, with length_km."""
    length_km: Positive | None = None
    """Length of a line of that type. [km]"""
    close_line: Annotated[int, Field(ge=0, le=LARGEST)] | None = None
    """An open line of the net that is closed, for `ac`: its index, such as 32 to 36 in case33bw."""

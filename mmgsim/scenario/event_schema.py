"""The keys of what happens in a scenario: outages, islanding, ratings, prices."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from mmgsim.profiles import LARGEST
from mmgsim.scenario.fields import Config, Moment, Name, NonNegative, Number, Positive, Text

__all__ = [
    "EventConfig",
    "IslandingConfig",
    "LineEventConfig",
    "LineOutageConfig",
    "PriceShockConfig",
    "RatingConfig",
]


def _check_line(given: Any) -> Any:
    is_index = isinstance(given, int) and not isinstance(given, bool) and 0 <= given <= LARGEST
    if not is_index and not isinstance(given, str):
        raise ValueError("is neither the index nor the name of a line")
    return given


Index = Annotated[int, Field(ge=0, le=LARGEST)]
Line = Annotated[Index | Text, BeforeValidator(_check_line, json_schema_input_type=Index | Text)]


class _EventConfig(Config):
    start: Moment
    """Begin of the first step, local time like `2021-01-31 12:00`; of a time that comes twice, the
    first."""
    end: Moment
    """End of the last step, local time."""
    announced: bool = False
    """True where everybody plans with it beforehand; otherwise nobody does before it begins. From
    then on its end is known."""


class LineEventConfig(_EventConfig):
    """What happens to a line of the feeder."""

    line: Line
    """Index of the line in the pandapower net, its name, or the name of an ac tie."""


class LineOutageConfig(LineEventConfig):
    """A line is out; what it alone joins to the upstream grid is an island and serves itself."""

    kind: Literal["line-outage"]
    """An outage of a line."""


class IslandingConfig(_EventConfig):
    """The connection of one microgrid is open: it exchanges nothing there and serves itself.

    Private tie lines stay: through them it still sends and receives.
    """

    kind: Literal["islanding"]
    """Islanding of a microgrid."""
    microgrid: Name
    """Which one."""


class RatingConfig(LineEventConfig):
    """A line may carry more or less than usual, as with the weather."""

    kind: Literal["rating"]
    """A rating of a line for some time."""
    factor: Positive
    """What its rating is multiplied with."""


class PriceShockConfig(_EventConfig):
    """A price of energy is `factor` times what the tariff says, plus `add_per_kwh`."""

    kind: Literal["price-shock"]
    """A price for some time."""
    price: Literal["import", "export", "upstream"]
    """Which one; a shock of the import price is one of the upstream price too where that is left
    out in the tariff."""
    factor: NonNegative = 1.0
    """What the price is multiplied with."""
    add_per_kwh: Number = 0.0
    """What is added then. [currency/kWh]"""


EventConfig = Annotated[
    LineOutageConfig | IslandingConfig | RatingConfig | PriceShockConfig,
    Field(discriminator="kind"),
]
"""Whatever may happen, by its `kind`."""

"""What may become of the steps ahead, as one microgrid knows it now."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from mmgsim.contracts.window import FloatArray

__all__ = ["Outlook"]


class Outlook(Protocol):
    """The possible courses of a window, given all that was seen until now.

    Forecasts are their means. What comes true is one of them: whoever plans with an outlook plans
    with the truth about what it does not know, and not with somebody's idea of it.
    """

    def samples_kw(self, count: int) -> Mapping[str, FloatArray]:
        """Draw equally likely courses of demand and available power, by device. [kW]

        (count, steps) arrays, the same at every call of one gate. Sample k of one microgrid and
        sample k of another belong to the same weather and the same prices.
        """
        ...

    def quantile_kw(self, share: float) -> Mapping[str, FloatArray]:
        """Give what is not exceeded with probability `share`, each step by itself. [kW]

        (steps,) arrays by device; equal to the forecast where nothing is uncertain.
        """
        ...

    def price_factors(self, count: int) -> FloatArray:
        """Draw by what energy prices of the tariff will turn out to have to be multiplied.

        (count, steps) array of samples that belong to those of `samples_kw`; ones where prices are
        certain.
        """
        ...

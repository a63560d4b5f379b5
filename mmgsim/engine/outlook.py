"""What one microgrid knows of the steps ahead, as its strategy sees it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from mmgsim.contracts import FloatArray, frozen
from mmgsim.profiles import stream
from mmgsim.uncertainty import Ahead, joined

__all__ = ["SeenOutlook", "Shocks"]


@dataclass(frozen=True, slots=True)
class Shocks:
    """The normal numbers from which samples of the steps ahead are drawn, at one moment.

    Parameters
    ----------
    seed : int
        Of the scenario.
    number : int
        Of the first step ahead, counted from long ago: every moment has its own.
    """

    seed: int
    number: int

    def drawn(self, *names: str, count: int, steps: int) -> FloatArray:
        """Give those of a kind of device, or of one device of it; fewer are the first of more."""
        of_names = stream(self.seed, "outlook", str(self.number), *names)
        return of_names.standard_normal((count, steps))


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class SeenOutlook:
    """The `Outlook` of a microgrid: what may come, given all that it has seen in this run.

    It holds nothing of what comes true from now on.

    Parameters
    ----------
    microgrid : str
        Whose outlook it is.
    steps : int
        How many steps are ahead.
    forecast_kw : mapping of (steps,) arrays
        By device name: what is given where nothing is uncertain. [kW]
    ahead : mapping of Ahead
        What is known of each uncertain device. [kW]
    between : mapping
        Kind of each uncertain device, and the correlation between devices of that kind.
    shocks : Shocks
        Of this moment, the same for all microgrids.
    price : Ahead or None
        What is known of the factor of prices; None where they are certain.
    published : (steps,) array
        The factors that published prices hold.
    """

    microgrid: str
    steps: int
    forecast_kw: Mapping[str, FloatArray]
    ahead: Mapping[str, Ahead]
    between: Mapping[str, tuple[str, float]]
    shocks: Shocks
    price: Ahead | None
    published: FloatArray

    def samples_kw(self, count: int) -> Mapping[str, FloatArray]:
        """Draw equally likely courses of demand and available power, by device. [kW]"""
        shape: dict[str, int] = {"count": count, "steps": self.steps}
        found: dict[str, FloatArray] = {}
        for name, forecast_kw in self.forecast_kw.items():
            if name not in self.ahead:
                found[name] = frozen(np.broadcast_to(forecast_kw, (count, self.steps)))
                continue
            kind, between = self.between[name]
            common = self.shocks.drawn(kind, **shape)
            own = self.shocks.drawn(kind, self.microgrid, name, **shape)
            found[name] = self.ahead[name].samples(joined(common, own, between))
        return MappingProxyType(found)

    def quantile_kw(self, share: float) -> Mapping[str, FloatArray]:
        """Give what is not exceeded with probability `share`, each step by itself. [kW]"""
        if not 0.0 < share < 1.0:
            raise ValueError(f"a probability is between 0 and 1, not {share:g}")
        found = {
            name: self.ahead[name].quantile(share) if name in self.ahead else forecast_kw
            for name, forecast_kw in self.forecast_kw.items()
        }
        return MappingProxyType(found)

    def price_factors(self, count: int) -> FloatArray:
        """Draw by what energy prices of the tariff will turn out to have to be multiplied.

        As if shocks that add to a price were multiplied too.
        """
        if self.price is None:
            return frozen(np.ones((count, self.steps)))
        shocks = self.shocks.drawn("price", count=count, steps=self.steps)
        sampled, is_free = self.price.samples(shocks), self.published <= 0.0
        return frozen(np.where(is_free, 1.0, sampled / np.where(is_free, 1.0, self.published)))

    def expected_kw(self) -> Mapping[str, FloatArray]:
        """Give the mean of every step, by the name of each uncertain device. [kW]"""
        return {name: ahead.expected() for name, ahead in self.ahead.items()}

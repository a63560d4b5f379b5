"""What one microgrid knows of the steps ahead, as its strategy sees it."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np

from mmgsim.contracts import FloatArray, Window, frozen
from mmgsim.engine.futures import Futures
from mmgsim.uncertainty import joined

__all__ = ["SeenOutlook"]


class SeenOutlook:
    """The `Outlook` of a microgrid: what may come, given all that it has seen in this run.

    Parameters
    ----------
    futures : Futures
        Of the scenario.
    microgrid : str
        Whose outlook it is.
    window : Window
        The steps ahead.
    forecast_kw : mapping of (steps,) arrays
        By device name: what is given where nothing is uncertain. [kW]
    """

    def __init__(
        self,
        futures: Futures,
        microgrid: str,
        window: Window,
        forecast_kw: Mapping[str, FloatArray],
    ) -> None:
        self._futures, self._microgrid, self._window = futures, microgrid, window
        self._forecast_kw = forecast_kw
        self._ahead = futures.ahead(microgrid, window)
        self._shocks = futures.shocks(window)

    def samples_kw(self, count: int) -> Mapping[str, FloatArray]:
        """Draw equally likely courses of demand and available power, by device. [kW]"""
        steps, found = self._window.steps, {}
        for name, forecast_kw in self._forecast_kw.items():
            if name not in self._ahead:
                found[name] = frozen(np.broadcast_to(forecast_kw, (count, steps)))
                continue
            kind, between = self._futures.between(self._microgrid, name)
            common = self._shocks.common(kind, count, steps)
            own = self._shocks.own(kind, (self._microgrid, name), count, steps)
            found[name] = self._ahead[name].samples(joined(common, own, between))
        return MappingProxyType(found)

    def quantile_kw(self, share: float) -> Mapping[str, FloatArray]:
        """Give what is not exceeded with probability `share`, each step by itself. [kW]"""
        if not 0.0 < share < 1.0:
            raise ValueError(f"a probability is between 0 and 1, not {share:g}")
        found = {
            name: self._ahead[name].quantile(share) if name in self._ahead else forecast_kw
            for name, forecast_kw in self._forecast_kw.items()
        }
        return MappingProxyType(found)

    def price_factors(self, count: int) -> FloatArray:
        """Draw by what energy prices of the tariff will turn out to have to be multiplied."""
        ahead = self._futures.price_ahead(self._window)
        if ahead is None:
            return frozen(np.ones((count, self._window.steps)))
        shocks = self._shocks.common("price", count, self._window.steps)
        published = self._futures.published_factors(self._window)
        sampled, is_free = ahead.samples(shocks), published <= 0.0
        return frozen(np.where(is_free, 1.0, sampled / np.where(is_free, 1.0, published)))

    def expected_kw(self) -> Mapping[str, FloatArray]:
        """Give the mean of every step, by the name of each uncertain device. [kW]"""
        return {name: ahead.expected() for name, ahead in self._ahead.items()}

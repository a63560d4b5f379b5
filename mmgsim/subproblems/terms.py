"""What a microgrid plans with: what it declares, and on which terms it may exchange power."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from mmgsim.contracts import Disclose, Disclosure, FloatArray, View
from mmgsim.subproblems.connection import PublicPrices, exchange_limits, public_prices

__all__ = ["MicrogridInputs", "Terms", "disclosure_of"]


def disclosure_of(view: View, asked: Disclose | None = None) -> Disclosure:
    """Give what a microgrid declares when it tells the truth.

    Parameters
    ----------
    view : View
        Of the microgrid.
    asked : Disclose or None
        Which samples and bounds of what is uncertain to show too; none if left out. A microgrid
        that knows of nothing uncertain has none to show.
    """
    told = Disclosure(
        window=view.window,
        devices=view.devices,
        state=view.state,
        forecast_kw=view.forecast_kw,
        storage=view.storage,
        sessions=view.sessions,
    )
    outlook = view.outlook
    if asked is None or outlook is None:
        return told
    if asked.samples is not None:
        told = replace(told, samples_kw=outlook.samples_kw(asked.samples))
    if asked.within is not None:
        beyond = (1.0 - asked.within) / 2.0
        low_kw, high_kw = outlook.quantile_kw(beyond), outlook.quantile_kw(1.0 - beyond)
        told = replace(told, low_kw=low_kw, high_kw=high_kw)
    return told


@dataclass(frozen=True, slots=True, eq=False)
class Terms:
    """On which terms a microgrid may exchange power in a window.

    Parameters
    ----------
    prices : PublicPrices
        What exchange costs.
    low_kw, high_kw : (steps,) array
        Limits of the exchange. [kW]
    trade_kw : (steps,) array
        Firm trades: sold minus bought. [kW]
    is_award : bool
        True where a mechanism has fixed the exchange, so that nothing is left to choose.
    tie_kw : (steps,) array or None
        What leaves through tie lines beside the exchange, firm; None where nothing does. [kW]
    """

    prices: PublicPrices
    low_kw: FloatArray
    high_kw: FloatArray
    trade_kw: FloatArray
    is_award: bool = False
    tie_kw: FloatArray | None = None

    @classmethod
    def of(
        cls,
        view: View,
        *,
        trade_kw: FloatArray | None = None,
        exchange_kw: FloatArray | None = None,
        tie_kw: FloatArray | None = None,
    ) -> Terms:
        """Give the published terms: tariff and envelope, with an award if there is one."""
        low_kw, high_kw = exchange_limits(view.envelope, exchange_kw)
        no_trade = np.zeros(view.window.steps)
        return cls(
            prices=public_prices(view.tariff),
            low_kw=low_kw,
            high_kw=high_kw,
            trade_kw=no_trade if trade_kw is None else trade_kw,
            is_award=exchange_kw is not None,
            tie_kw=tie_kw,
        )

    def behind_ties(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Give limits and trades of all that leaves, through ties and at the connection. [kW]

        What leaves through ties is firm, so it moves the limits of the sum, and the part of the
        sum that is not traded at the grid.
        """
        if self.tie_kw is None:
            return self.low_kw, self.high_kw, self.trade_kw
        return self.low_kw + self.tie_kw, self.high_kw + self.tie_kw, self.trade_kw + self.tie_kw

    def within(self, low_kw: FloatArray, high_kw: FloatArray) -> Terms:
        """Give the same terms with the exchange inside further limits."""
        return replace(
            self,
            low_kw=np.maximum(self.low_kw, low_kw),
            high_kw=np.minimum(self.high_kw, high_kw),
        )

    @classmethod
    def at_price(cls, view: View, price_per_kwh: FloatArray) -> Terms:
        """Give one price for what leaves and what enters, inside the published envelope."""
        low_kw, high_kw = exchange_limits(view.envelope)
        zero = np.zeros(view.window.steps)
        return cls(
            prices=PublicPrices(price_per_kwh, price_per_kwh, zero),
            low_kw=low_kw,
            high_kw=high_kw,
            trade_kw=zero,
        )


@dataclass(frozen=True, slots=True, eq=False)
class MicrogridInputs:
    """Everything that changes between two solves of a microgrid's problem."""

    declared: Disclosure
    terms: Terms

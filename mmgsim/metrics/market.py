"""The numbers of one run: concentration, markup, volatility, self-sufficiency, peaks, disclosure.

.. [1] A. P. Lerner, "The concept of monopoly and the measurement of monopoly power", Review of
   Economic Studies 1(3), 1934.
.. [2] O. C. Herfindahl, "Concentration in the steel industry", Columbia University, 1950.
.. [3] D. Encaoua, A. Jacquemin, "Degree of monopoly, indices of concentration and threat of entry",
   International Economic Review 21(1), 1980.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import pandas as pd

from mmgsim.plots import RunTables

__all__ = ["METRICS", "Metric", "metrics_of"]

NAN = float("nan")

LEAST_PER_KWH = 1e-6
"""Below this a mean price is 0 but for the rounding of a solver. [currency/kWh]"""


@dataclass(frozen=True, slots=True)
class Metric:
    """What a number of a run is.

    Parameters
    ----------
    label : str
        In a table.
    meaning : str
        What it says, and how it is counted.
    digits : int
        Written after the point.
    """

    label: str
    meaning: str
    digits: int = 3


METRICS: Mapping[str, Metric] = MappingProxyType(
    {
        "hhi_sellers": Metric(
            "concentration of sellers, HHI",
            "sum of the squared shares of what is sold locally: 1 for one seller",
        ),
        "hhi_buyers": Metric(
            "concentration of buyers, HHI",
            "sum of the squared shares of what is bought locally: 1 for one buyer",
        ),
        "lerner_index": Metric(
            "Lerner index of sellers",
            "part of what sellers are paid locally that is above what the grid would have paid; "
            "none where they are paid nothing, or would have had to pay the grid",
        ),
        "local_price_mean": Metric(
            "mean local price [currency/kWh]", "of what is bought locally, by volume", 4
        ),
        "local_price_volatility": Metric(
            "volatility of the local price [currency/kWh]",
            "standard deviation from step to step of the price of what is bought locally",
            4,
        ),
        "self_sufficiency": Metric(
            "self-sufficiency", "part of the served demand of microgrids that is not imported"
        ),
        "self_consumption": Metric(
            "self-consumption", "part of the generation of microgrids that is not exported"
        ),
        "substation_peak_kw": Metric(
            "peak at the substation [kW]", "largest power from the upstream grid in a step", 1
        ),
        "substation_ramp_kw_per_h": Metric(
            "ramp at the substation [kW/h]", "largest change from one step to the next", 1
        ),
        "bytes_per_microgrid": Metric(
            "bytes disclosed by a microgrid, mean", "of what each one sent", 0
        ),
        "bytes_of_most_open": Metric(
            "bytes disclosed by the most open one", "by the microgrid that sent most", 0
        ),
    }
)
"""Every number of a run by its name, in the order in which they are shown."""


def metrics_of(run: RunTables) -> pd.Series:
    """Give the numbers of `METRICS` of a run, NaN where there is nothing to count.

    Parameters
    ----------
    run : RunTables
        A run.
    """
    found = {**_trading(run), **_energy(run), **_substation(run), **_said(run)}
    return pd.Series({name: found[name] for name in METRICS}, name=str(run.folder.name))


def _names(run: RunTables) -> list[str]:
    return [str(microgrid["name"]) for microgrid in run.scenario["microgrids"]]


def _trading(run: RunTables) -> dict[str, float]:
    """Give what local trades say of power in the market."""
    trades, names = run.table("trades"), _names(run)
    sold, bought = trades[trades.seller.isin(names)], trades[trades.buyer.isin(names)]
    return {
        "hhi_sellers": _concentration(sold.groupby("seller").kw.sum()),
        "hhi_buyers": _concentration(bought.groupby("buyer").kw.sum()),
        "lerner_index": _lerner(sold, run.table("prices")),
        "local_price_mean": _mean(bought.price_per_kwh, bought.kw),
        "local_price_volatility": _volatility(bought),
    }


def _concentration(kw: pd.Series) -> float:
    """Give Herfindahl's index of shares [2]_."""
    total = kw.sum()
    return float(((kw / total) ** 2).sum()) if total > 0.0 else NAN


def _lerner(sold: pd.DataFrame, prices: pd.DataFrame) -> float:
    """Give Lerner's index [1]_ of all sales, with what the grid would have paid as marginal cost.

    (price - cost) / price of each sale, weighed by the money that it brings, as in the mean of an
    industry [3]_: sum of kW (price - cost) over sum of kW price. Unlike a mean by volume it needs
    no price to be above 0. From 0 to 1 where nobody sells below cost.
    """
    floor = prices.set_index(["time", "microgrid"]).export_price
    keys = pd.MultiIndex.from_frame(sold[["time", "seller"]])
    kw = sold.kw.to_numpy()
    paid = float(kw @ sold.price_per_kwh.to_numpy())
    elsewhere = float(kw @ floor.reindex(keys).to_numpy())
    # Of sales that are given away, and of a cost below 0, no part of a price is a markup.
    if paid <= LEAST_PER_KWH * float(kw.sum()) or elsewhere < 0.0:
        return NAN
    return (paid - elsewhere) / paid


def _mean(values: pd.Series, weights: pd.Series) -> float:
    total = float(weights.sum())
    return float((values * weights).sum() / total) if total > 0.0 else NAN


def _volatility(bought: pd.DataFrame) -> float:
    """Give the spread of the price of each step; NaN with fewer than two steps of trade."""
    kw = bought.groupby("time").kw.sum()
    price = (bought.price_per_kwh * bought.kw).groupby(bought.time).sum() / kw
    price = price[kw > 0.0]
    return float(price.std(ddof=0)) if len(price) > 1 else NAN


def _energy(run: RunTables) -> dict[str, float]:
    """Give how far the microgrids together live on their own."""
    d = run.table("dispatch")
    served = float((d.load_kw - d.shed_kw).sum())
    generated = float((d.pv_kw + d.wind_kw + d.diesel_kw).sum())
    return {
        "self_sufficiency": 1.0 - float(d.import_kw.sum()) / served if served > 0.0 else NAN,
        "self_consumption": 1.0 - float(d.export_kw.sum()) / generated if generated > 0.0 else NAN,
    }


def _substation(run: RunTables) -> dict[str, float]:
    drawn_kw, step_h = run.table("steps").substation_kw, float(run.manifest["step_h"])
    ramps = drawn_kw.diff().abs() / step_h
    return {
        "substation_peak_kw": float(drawn_kw.max()),
        "substation_ramp_kw_per_h": float(ramps.max()),
    }


def _said(run: RunTables) -> dict[str, float]:
    """Give what microgrids disclosed; NaN for a run that was written before that was kept."""
    if not (run.folder / "disclosed.parquet").is_dir():
        return {"bytes_per_microgrid": NAN, "bytes_of_most_open": NAN}
    sent = run.table("disclosed").groupby("agent")["bytes"].sum()
    sent = sent.reindex(_names(run), fill_value=0)
    return {
        "bytes_per_microgrid": float(sent.mean()),
        "bytes_of_most_open": float(sent.max()),
    }

"""Who trades with whom, where microgrids trade with each other and not through a pool."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pandas as pd

from mmgsim.plots import RunTables

__all__ = ["centrality", "pair_trades", "traded_kwh"]

_PAIR_COLUMNS = ("seller", "buyer", "kwh", "price_per_kwh", "charge_per_kwh", "charge")


def traded_kwh(run: RunTables) -> pd.DataFrame:
    """Give the energy from each seller (rows) to each buyer (columns) over a run. [kWh]

    Empty where trades are pooled: who sells to whom is then nobody's knowledge.
    """
    between = _between_microgrids(run)
    if between.empty:
        return pd.DataFrame(dtype=float)
    names = _names(run)
    kwh = between.kw * float(run.manifest["step_h"])
    sums = kwh.groupby([between.seller, between.buyer]).sum().unstack(fill_value=0)
    return sums.reindex(index=names, columns=names, fill_value=0.0)


def pair_trades(run: RunTables) -> pd.DataFrame:
    """Give what each pair traded over a run, one row a seller and buyer, the most energy first.

    `kwh`; `price_per_kwh` from buyer to seller and `charge_per_kwh` for the network, both means by
    energy; `charge`: what the buyer paid the DNO, below zero where it was paid. Empty where trades
    are pooled.
    """
    between = _between_microgrids(run)
    if between.empty:
        return pd.DataFrame(columns=list(_PAIR_COLUMNS))
    kwh = between.kw * float(run.manifest["step_h"])
    money = pd.DataFrame(
        {
            "kwh": kwh,
            "paid": kwh * between.price_per_kwh,
            "charge": kwh * between.charge_per_kwh,
        }
    )
    sums = money.groupby([between.seller, between.buyer]).sum()
    sums = sums[sums.kwh > 0.0].reset_index()
    sums["price_per_kwh"] = sums.paid / sums.kwh
    sums["charge_per_kwh"] = sums.charge / sums.kwh
    # Pairs of the same energy stay in the order of their names.
    ordered = sums.sort_values("kwh", ascending=False, kind="stable", ignore_index=True)
    return ordered[list(_PAIR_COLUMNS)]


def centrality(run: RunTables) -> pd.DataFrame:
    """Give how central each microgrid is in the network of trades, one row a microgrid.

    `partners`: with how many it trades; `sold_kwh` and `bought_kwh`: its strength out and in;
    `betweenness`: the share of shortest ways between others that lead through it, a way being the
    shorter the more is traded; `pagerank`: where energy ends up that goes on from buyer to buyer.
    Empty where trades are pooled.
    """
    kwh = traded_kwh(run)
    if kwh.empty:
        return pd.DataFrame(
            columns=["partners", "sold_kwh", "bought_kwh", "betweenness", "pagerank"]
        )
    graph = nx.from_pandas_adjacency(kwh, create_using=nx.DiGraph)
    both = kwh.to_numpy() + kwh.to_numpy().T
    near = np.divide(1.0, both, out=np.zeros_like(both), where=both > 0.0)
    ways = nx.from_pandas_adjacency(pd.DataFrame(near, index=kwh.index, columns=kwh.columns))
    return pd.DataFrame(
        {
            "partners": (both > 0.0).sum(axis=1),
            "sold_kwh": kwh.sum(axis=1),
            "bought_kwh": kwh.sum(axis=0),
            "betweenness": pd.Series(nx.betweenness_centrality(ways, weight="weight")),
            "pagerank": pd.Series(nx.pagerank(graph, weight="weight")),
        },
        index=kwh.index,
    ).rename_axis("microgrid")


def _names(run: RunTables) -> list[str]:
    return [str(microgrid["name"]) for microgrid in run.scenario["microgrids"]]


def _between_microgrids(run: RunTables) -> pd.DataFrame:
    """Give the trades that have a microgrid at both ends."""
    names, trades = _names(run), run.table("trades")
    return trades[trades.seller.isin(names) & trades.buyer.isin(names)]

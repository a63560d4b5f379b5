"""Who trades with whom, where microgrids trade with each other and not through a pool."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pandas as pd

from mmgsim.plots import RunTables

__all__ = ["centrality", "traded_kwh"]


def traded_kwh(run: RunTables) -> pd.DataFrame:
    """Give the energy from each seller (rows) to each buyer (columns) over a run. [kWh]

    Empty where trades are pooled: who sells to whom is then nobody's knowledge.
    """
    names = [str(microgrid["name"]) for microgrid in run.scenario["microgrids"]]
    trades = run.table("trades")
    between = trades[trades.seller.isin(names) & trades.buyer.isin(names)]
    if between.empty:
        return pd.DataFrame(dtype=float)
    kwh = between.kw * float(run.manifest["step_h"])
    sums = kwh.groupby([between.seller, between.buyer]).sum().unstack(fill_value=0)
    return sums.reindex(index=names, columns=names, fill_value=0.0)


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

"""Tables of the report about pairs: who sold to whom, and who is in the middle of it."""

from __future__ import annotations

from mmgsim.metrics import centrality, pair_trades
from mmgsim.plots import plain
from mmgsim.report.page import table
from mmgsim.tables import Results

__all__ = ["pairs", "pairs_told", "traders", "traders_told"]

_MOST_PAIRS = 30
_TRADER = (0, 1, 1, 3, 3)  # digits of what is told of a trader


def pairs(results: Results) -> str:
    """Give what each pair traded, at which price, and what the network charged it for that."""
    found = pair_trades(results)
    if found.empty:
        return ""
    rows = [
        (
            str(seller),
            str(buyer),
            plain(kwh, 1),
            plain(price_per_kwh, 4),
            plain(charge_per_kwh, 4),
            plain(charge, 2),
        )
        for seller, buyer, kwh, price_per_kwh, charge_per_kwh, charge in found.head(
            _MOST_PAIRS
        ).itertuples(index=False)
    ]
    unit = results.plot.view.currency
    head = (
        "seller",
        "buyer",
        "energy [kWh]",
        f"mean price [{unit}/kWh]",
        f"mean network charge [{unit}/kWh]",
        f"paid to the DNO [{unit}]",
    )
    return table(head, rows, numbers=range(2, len(head)))


def pairs_told(results: Results) -> str:
    """Say how the table of pairs is read, and how much of it is left out."""
    found = pair_trades(results)
    if found.empty:
        return ""
    text = (
        "What each pair traded over the run, the most energy first. The buyer pays the seller the "
        "price, and the DNO the network charge on top of it; means are by energy."
    )
    left = found[_MOST_PAIRS:]
    if left.empty:
        return text
    return (
        f"{text} The first {_MOST_PAIRS} of {len(found)} pairs are here; the others traded "
        f"{plain(left.kwh.sum(), 1)} of {plain(found.kwh.sum(), 1)} kWh. "
        "mmgsim.metrics.pair_trades(results) in Python gives all."
    )


def traders(results: Results) -> str:
    """Give how central every microgrid is where microgrids trade with each other."""
    found = centrality(results)
    rows = [
        (str(name), *(plain(value, digits) for value, digits in zip(row, _TRADER, strict=True)))
        for name, row in zip(found.index, found.to_numpy(), strict=True)
    ]
    head = (
        "microgrid",
        "trades with",
        "sold [kWh]",
        "bought [kWh]",
        "betweenness",
        "PageRank",
    )
    return table(head, rows, numbers=range(1, len(head))) if rows else ""


def traders_told(results: Results) -> str:
    """Say what betweenness and PageRank are, where there are any: pooled trades have none."""
    if pair_trades(results).empty:
        return ""
    return (
        "Who is in the middle of the trades: betweenness is the share of shortest ways between "
        "others that lead through a microgrid, the shorter the more is traded; PageRank says where "
        "energy ends up that goes on from buyer to buyer."
    )

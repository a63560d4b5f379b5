"""Rows of the tables about what the DNO planned, granted and priced."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from mmgsim.contracts import GrantQuery, Grants
from mmgsim.subproblems import BusPrices, LimitPrice

__all__ = ["bus_price_rows", "grant_row", "limit_price_rows", "request_rows"]

NAN = float("nan")


def bus_price_rows(now: Any, prices: BusPrices | None) -> list[tuple[Any, ...]]:
    """Give the rows of `dlmp` of a step."""
    if prices is None:
        return []
    parts = ("price", "energy", "loss", "congestion", "voltage", "residual")
    columns = (prices.buses, *(getattr(prices, part).tolist() for part in parts))
    return [(now, *row) for row in zip(*columns, strict=True)]


def limit_price_rows(now: Any, prices: Sequence[LimitPrice]) -> list[tuple[Any, ...]]:
    """Give the rows of `limit_prices` of a step."""
    return [(now, str(one.limit), one.element, one.index, one.price_per_h) for one in prices]


def grant_row(query: GrantQuery, grants: Grants, step_h: float) -> tuple[Any, ...]:
    """Give a row of `grants`, without its gate and round."""
    asked_kwh, given_kwh = (
        step_h * sum(float((one.lack_kw + one.surplus_kw).sum()) for one in requests.values())
        for requests in (query.requests, grants.grants)
    )
    refused_kw = grants.refused_kw
    refused_kwh = asked_kwh - given_kwh if refused_kw is None else step_h * float(refused_kw.sum())
    cost, shed_kw = grants.cost, grants.background_shed_kw
    parts = (NAN,) * 6
    if cost is not None:
        parts = (
            cost.operations,
            cost.upstream,
            cost.trade,
            cost.shed,
            cost.penalty,
            cost.objective,
        )
    return (
        asked_kwh,
        refused_kwh,
        NAN if shed_kw is None else step_h * float(shed_kw.sum()),
        *parts,
        sum(status != "exact" for status in grants.status),
        " ".join(grants.binding),
    )


def request_rows(
    now: Any, number: int, query: GrantQuery, grants: Grants
) -> Iterator[tuple[Any, ...]]:
    """Give the rows of `requests` of one question of a gate: each step of each microgrid."""
    for name, asked in query.requests.items():
        given = grants.grants[name]
        columns = (asked.lack_kw, asked.surplus_kw, given.lack_kw, given.surplus_kw)
        for at, row in enumerate(zip(*(column.tolist() for column in columns), strict=True)):
            yield (now, number, name, at, *row)

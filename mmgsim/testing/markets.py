"""Holding a market against its contract, in steps of a few microgrids without Mesa."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from mmgsim.contracts import Market, MarketView, Mechanism
from mmgsim.coordination import Isolated
from mmgsim.engine import packed
from mmgsim.settlement import ledger_faults
from mmgsim.testing.mechanisms import mechanism_faults
from mmgsim.testing.samples import sample_executed, sample_market
from mmgsim.testing.wording import content, in_world, raise_if_any

__all__ = ["check_market", "market_faults"]


def check_market(make: Callable[..., Market], *, seeds: int = 4) -> None:
    """Hold a market against its contract in several random markets of two to five microgrids.

    Checked: `mechanism` gives one that keeps its own contract (`check_mechanism`); the ledger of a
    step is between known parties, in finite numbers, and holds what microgrids imported, exported,
    traded and burnt; the same step gives the same ledger, from two new ones, from one asked twice,
    and after `reset`, where it has that; views stay as they were. Prices and charges are its own.

    Parameters
    ----------
    make : callable
        Gives a new market, from a mechanism as its argument `coordination`; usually its class.
    seeds : int
        How many markets.

    Raises
    ------
    ContractError
        Naming every broken promise.
    """
    faults = [fault for seed in range(seeds) for fault in market_faults(make, seed)]
    raise_if_any(make, faults, "market_faults(make, N), with sample_executed(N)")


def market_faults(make: Callable[..., Market], seed: int = 0) -> list[str]:
    """Give every broken promise of a market in one random market."""
    market = make(coordination=Isolated())
    if not isinstance(market, Market):
        return ["is no Market: it needs `mechanism` and `settle`"]
    view, _ = sample_market(seed)
    faults = list(in_world(seed, "mechanism", partial(_choice_faults, market, view)))
    if not faults:
        faults += mechanism_faults(partial(_chosen, make, view), seed)
    settled = list(in_world(seed, "settle", partial(_ledger_faults, market, seed)))
    if not settled:
        settled += in_world(seed, "sameness", partial(_sameness_faults, make, market, seed))
    return faults + settled


def _choice_faults(market: Market, view: MarketView) -> Iterator[str]:
    before = packed(view)
    mechanism = market.mechanism(view)
    if not isinstance(mechanism, Mechanism):
        yield f"gives {type(mechanism).__name__}, not Mechanism; `coordination` is one"
    if packed(view) != before:
        yield "it changes its view"


def _chosen(make: Callable[..., Market], view: MarketView) -> Mechanism:
    """Give what a new market clears a gate by."""
    return make(coordination=Isolated()).mechanism(view)


def _ledger_faults(market: Market, seed: int) -> Iterator[str]:
    """Tell what is wrong with the ledger of any step."""
    for view, executed in sample_executed(seed):
        before = packed((view, executed))
        faults = ledger_faults(list(market.settle(view, executed)), executed)
        yield from faults
        if packed((view, executed)) != before:
            yield "it changes its view, or the step; give new lines instead"
            return
        if faults:  # other steps would only say it again
            return


def _sameness_faults(make: Callable[..., Market], used: Market, seed: int) -> Iterator[str]:
    """Tell where the same step gives another ledger."""
    new = _ledgers(make(coordination=Isolated()), seed)
    said = {
        "two new ones": _ledgers(make(coordination=Isolated()), seed),
        "one asked twice": _ledgers(used, seed),
    }
    reset: Any = getattr(used, "reset", None)
    if reset is not None:
        reset()
        said["one after reset()"] = _ledgers(used, seed)
    for who, ledgers in said.items():
        if ledgers != new:
            yield (
                f"{who}: another ledger of the same step; "
                "draw nothing at random, and keep nothing from step to step"
            )


def _ledgers(market: Market, seed: int) -> list[str]:
    """Give what a market books in one world."""
    return [content(list(market.settle(view, done))) for view, done in sample_executed(seed)]

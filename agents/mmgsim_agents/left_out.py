"""Gates at which not everybody takes part: the view of the others, and the clearing of all."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

import numpy as np

from mmgsim.contracts import Clearing, MarketView, Plan, frozen
from mmgsim.coordination.pool import plan_costs, pool_clearing
from mmgsim.coordination.ties import ties_among

__all__ = ["among", "with_left_out"]


def among(view: MarketView, names: Collection[str]) -> MarketView:
    """Give the view of a market in which only some microgrids take part."""
    rows = [row for row, member in enumerate(view.members) if member.name in names]
    apart_km = view.distance_km
    return replace(
        view,
        distance_km=None if apart_km is None else frozen(apart_km[np.ix_(rows, rows)]),
        members=tuple(member for member in view.members if member.name in names),
        envelopes={name: envelope for name, envelope in view.envelopes.items() if name in names},
        ties=ties_among(view.ties, names),
    )


def with_left_out(
    view: MarketView,
    clearing: Clearing | None,
    alone: Mapping[str, Plan],
    flags: tuple[str, ...],
) -> Clearing:
    """Give the clearing of all: what some agreed on, and the plans of those who were left out.

    Nothing is proven any more where somebody is left out: all together might have cost less.

    Parameters
    ----------
    view : MarketView
        Of everybody.
    clearing : Clearing or None
        Of those who took part; None where nobody did.
    alone : mapping
        Plans of the others, who trade nothing, by name.
    flags : tuple of str
        What is to be said of it.
    """
    nothing = dict.fromkeys(alone, np.zeros(view.window.steps))
    if clearing is None:
        return replace(pool_clearing(view, alone, nothing, None, lower=None), flags=flags)
    if not alone:
        return clearing
    cost, gross = plan_costs(view, alone, nothing)
    plans = {**clearing.plans, **alone}
    return replace(
        clearing,
        plans={member.name: plans[member.name] for member in view.members},
        upper=clearing.upper + cost,
        lower=None,
        gross_cost=clearing.gross_cost + gross,
        flags=(*clearing.flags, *flags),
    )

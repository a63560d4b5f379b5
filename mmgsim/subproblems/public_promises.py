"""Holding the market and the DNO to their word: what they publish and clear, and cannot be."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import fields
from typing import Any

import numpy as np

from mmgsim.contracts import (
    Clearing,
    Envelope,
    FloatArray,
    GrantQuery,
    Grants,
    MarketView,
    Member,
    Party,
    Plan,
    Round,
    Tariff,
    TieFlow,
    TieLine,
    Trade,
    Window,
    net_tie_kw,
)
from mmgsim.subproblems.promises import TOLERANCE, is_finite

__all__ = ["clearing_faults", "envelope_faults", "grant_faults", "tariff_faults"]


def clearing_faults(
    clearing: Any,
    view: MarketView,
    awarded: Mapping[str, tuple[Trade, ...]],
    planned: Mapping[str, Plan],
) -> list[str]:
    """Tell everything about a clearing that does not hold together.

    Parameters
    ----------
    clearing : Any
        What the mechanism gives.
    view : MarketView
        Of the gate.
    awarded : mapping
        Trades by name of microgrid, as it was told them last.
    planned : mapping
        Plans by name of microgrid, as it replied them last.
    """
    if not isinstance(clearing, Clearing):
        return [f"gives {type(clearing).__name__}, not Clearing"]
    if clearing.window != view.window:
        return ["the clearing is of another window than the gate"]
    names, steps = [member.name for member in view.members], view.window.steps
    faults = [f"no plan of {name}" for name in names if name not in clearing.plans]
    faults += [
        f"the plan of {name} is not the last one that it gave; pass plans on as they are"
        for name, plan in clearing.plans.items()
        if name not in planned or not _is_same(plan, planned[name])
    ]
    parties = {*names, Party.MARKET}
    faults += [fault for trade in clearing.trades for fault in _trade_faults(trade, parties, steps)]
    if not faults:
        faults += _balance_faults(clearing.trades, names, view.tariff, awarded)
    faults += _transfer_faults(clearing.transfers, names, steps)
    faults += _tie_faults(clearing.ties, view.ties, planned, steps)
    faults += [
        f"the price of {name} is not {steps} numbers, NaN where it trades nothing"
        for name, price in clearing.prices_per_kwh.items()
        if not _is_price(price, _sold_kw(clearing.trades, name, steps))
    ]
    bounds = (clearing.upper, 0.0 if clearing.lower is None else clearing.lower)
    if not np.isfinite([*bounds, clearing.gross_cost, clearing.residual_kw]).all():
        faults.append("upper, lower, gross_cost and residual_kw are not all finite")
    if not all(isinstance(one, Round) for one in clearing.rounds):
        faults.append("rounds are not all of class Round")
    return faults


def _transfer_faults(
    transfers: Mapping[str, FloatArray], names: Collection[str], steps: int
) -> Iterator[str]:
    """Tell where members pay the market something else than they are paid, or strangers do."""
    for name, amount in transfers.items():
        if name not in names:
            yield f"a transfer of {name!r}, who is no member"
        elif not is_finite(amount, steps):
            yield f"the transfer of {name} is not {steps} finite numbers"
            return
    kept = np.abs(sum(transfers.values(), np.zeros(steps)))
    size = sum(map(np.abs, transfers.values()), np.zeros(steps))
    if (kept > TOLERANCE * (1.0 + size)).any():
        yield f"transfers leave the market with up to {kept.max():g} in a step, not with 0"


def _tie_faults(
    flows: Sequence[TieFlow],
    ties: Sequence[TieLine],
    planned: Mapping[str, Plan],
    steps: int,
) -> Iterator[str]:
    """Tell where flows are not those of a line there is, or its two ends plan different ones."""
    lines = {(tie.name, *ends): tie for tie in ties for ends in (tie.between, tie.between[::-1])}
    for flow in flows:
        what = f"tie {flow.tie} from {flow.sender} to {flow.receiver}"
        tie = lines.get((flow.tie, flow.sender, flow.receiver))
        numbers = (flow.sent_kw, flow.received_kw, flow.price_per_kwh)
        if tie is None:
            yield f"{what}: there is no such line"
            return
        if not all(is_finite(values, steps) for values in numbers):
            yield f"{what} does not have {steps} finite numbers"
            return
        if flow.sent_kw.min() < -TOLERANCE:
            yield f"{what} is negative: {flow.sent_kw.min():g} kW"
        off_kw = np.abs(flow.received_kw - (1.0 - tie.loss_share) * flow.sent_kw).max()
        if off_kw > TOLERANCE:
            yield f"{what} loses {off_kw:g} kW more or less than its share of {tie.loss_share:g}"
    yield from _overloaded_ties(flows, ties, steps)
    for name, plan in planned.items():
        held_kw = np.zeros(steps) if plan.tie_kw is None else plan.tie_kw
        off_kw = np.abs(held_kw - net_tie_kw(flows, name, steps)).max()
        if off_kw > TOLERANCE:
            yield f"the tie flows of {name} are off those that it was awarded by {off_kw:g} kW"


def _overloaded_ties(
    flows: Sequence[TieFlow], ties: Sequence[TieLine], steps: int
) -> Iterator[str]:
    """Tell where a line carries more than it can, or power both ways at once."""
    for tie in ties:
        forth_kw, back_kw = (
            sum((f.sent_kw for f in flows if (f.tie, f.sender) == (tie.name, end)), np.zeros(steps))
            for end in tie.between
        )
        most_kw = float(np.maximum(forth_kw, back_kw).max())
        if most_kw > tie.limit_kw + TOLERANCE:
            yield f"tie {tie.name} carries {most_kw:g} kW, its limit is {tie.limit_kw:g}"
        if np.minimum(forth_kw, back_kw).max() > TOLERANCE:
            yield f"tie {tie.name} carries power both ways in the same step"


def _is_price(price: Any, traded_kw: FloatArray) -> bool:
    if np.shape(price) != traded_kw.shape or np.isinf(price).any():
        return False
    return not np.isnan(np.asarray(price)[traded_kw != 0.0]).any()


def _is_same(plan: Plan, other: Plan) -> bool:
    return plan.private_cost == other.private_cost and bool(
        np.array_equal(plan.exchange_kw, other.exchange_kw)
    )


def _balance_faults(
    trades: Sequence[Trade],
    names: Sequence[str],
    tariff: Tariff,
    awarded: Mapping[str, tuple[Trade, ...]],
) -> Iterator[str]:
    """Tell where trades do not add up, or are not those that microgrids were told."""
    steps = len(tariff.local_charge_per_kwh)
    off_kw = np.abs(_sold_kw(trades, Party.MARKET, steps)).max()
    if off_kw > TOLERANCE:
        yield f"what the market buys and sells differs by {off_kw:g} kW"
    for name in names:
        told = awarded.get(name, ())
        off_kw = np.abs(_sold_kw(told, name, steps) - _sold_kw(trades, name, steps)).max()
        off_per_h = np.abs(_earned_per_h(told, name, steps) - _earned_per_h(trades, name, steps))
        owed_per_h = np.abs(_owed_per_h(told, name, tariff) - _owed_per_h(trades, name, tariff))
        if max(off_kw, off_per_h.max(), owed_per_h.max()) > TOLERANCE:
            yield f"the trades of {name} are not those that it was awarded"
    kept_per_h = _earned_per_h(trades, Party.MARKET, steps)
    if kept_per_h.min() < -TOLERANCE * (1.0 + np.abs(kept_per_h).max()):
        yield (
            f"the market pays sellers up to {-kept_per_h.min():g} an hour more than buyers pay it; "
            "it has no money of its own"
        )


def _sold_kw(trades: Sequence[Trade], name: str, steps: int) -> FloatArray:
    """Give what a party sells minus what it buys. [kW]"""
    sold_kw = np.zeros(steps)
    for trade in trades:
        sold_kw += (trade.seller == name) * trade.kw - (trade.buyer == name) * trade.kw
    return sold_kw


def _earned_per_h(trades: Sequence[Trade], name: str, steps: int) -> FloatArray:
    """Give what a party is paid for its trades minus what it pays. [currency/h]"""
    earned = np.zeros(steps)
    for trade in trades:
        sign = float(trade.seller == name) - float(trade.buyer == name)
        earned += sign * trade.kw * trade.price_per_kwh
    return earned


def _owed_per_h(trades: Sequence[Trade], name: str, tariff: Tariff) -> FloatArray:
    """Give what a party owes the DNO on what it buys. [currency/h]"""
    owed = np.zeros_like(tariff.local_charge_per_kwh)
    for trade in trades:
        owed += (trade.buyer == name) * trade.kw * trade.charged_per_kwh(tariff)
    return owed


def _trade_faults(trade: Trade, parties: Collection[str], steps: int) -> Iterator[str]:
    what = f"the trade from {trade.seller} to {trade.buyer}"
    # What a pool keeps for losses goes to the DNO, which sells nothing itself.
    if trade.seller not in parties or trade.buyer not in {*parties, Party.DNO}:
        yield f"{what} is not between microgrids of the scenario"
    charge = () if trade.charge_per_kwh is None else (trade.charge_per_kwh,)
    for values in (trade.kw, trade.price_per_kwh, *charge):
        if not is_finite(values, steps):
            yield f"{what} does not have {steps} finite numbers"
            return
    if trade.kw.min() < -TOLERANCE:
        yield f"{what} is negative: {trade.kw.min():g} kW"


def tariff_faults(tariff: Any, window: Window) -> list[str]:
    """Tell everything that is wrong with the tariff of a DNO."""
    if not isinstance(tariff, Tariff):
        return [f"publishes {type(tariff).__name__}, not Tariff"]
    series = [f.name for f in fields(tariff) if f.name.endswith("_per_kwh")]
    series.remove("imbalance_per_kwh")
    faults = [
        f"{name} is not {window.steps} finite numbers"
        for name in series
        if not is_finite(getattr(tariff, name), window.steps)
    ]
    if not np.isfinite([tariff.imbalance_per_kwh, tariff.fixed_per_day]).all():
        faults.append("imbalance_per_kwh and fixed_per_day are not both finite")
    if tariff.window != window:
        faults.append("the tariff is not over the window of the view")
    return faults


def envelope_faults(envelopes: Any, members: Collection[Member], window: Window) -> list[str]:
    """Tell everything that is wrong with the envelopes of a DNO."""
    if not isinstance(envelopes, Mapping):
        kind = type(envelopes).__name__
        return [f"gives {kind}, not envelopes by name of microgrid; a review may give ACCEPTED"]
    by_name = {member.name: member for member in members}
    faults = [f"no envelope for {name}" for name in by_name if name not in envelopes]
    for name, envelope in envelopes.items():
        if name not in by_name:
            faults.append(f"an envelope for {name!r}, who is no member")
        elif not isinstance(envelope, Envelope):
            faults.append(f"gives {type(envelope).__name__} for {name}, not Envelope")
        else:
            faults += _limit_faults(envelope, by_name[name], window)
    return faults


def _limit_faults(envelope: Envelope, member: Member, window: Window) -> Iterator[str]:
    """Tell where an envelope is not around zero, or is beyond what the connection carries."""
    steps = window.steps
    if envelope.window != window:
        yield f"the envelope of {member.name} is not over the window of the view"
    for side in ("import_limit_kw", "export_limit_kw"):
        what, limit_kw = f"{side} of {member.name}", np.asarray(getattr(envelope, side))
        if not is_finite(limit_kw, steps):
            yield f"{what} is not {steps} finite numbers"
            continue
        carried_kw = getattr(member, side)
        if limit_kw.min() < 0.0:
            yield f"{what} is negative: {limit_kw.min():g} kW; an envelope holds zero exchange"
        if limit_kw.max() > carried_kw + TOLERANCE:
            yield f"{what} is {limit_kw.max():g} kW; its connection carries {carried_kw:g}"


def grant_faults(grants: Any, query: GrantQuery) -> Iterator[str]:
    """Tell where a DNO's answer to requests is no grant, or more than was asked for."""
    if not isinstance(grants, Grants):
        yield f"answers a GrantQuery by {type(grants).__name__}, not Grants"
        return
    for name in query.requests:
        if name not in grants.grants:
            yield f"no grant for {name}"
    known = [name for name in query.requests if name in grants.grants]
    for side in ("lack_kw", "surplus_kw"):
        asked_kw = {name: np.asarray(getattr(query.requests[name], side)) for name in known}
        given_kw = {name: np.asarray(getattr(grants.grants[name], side)) for name in known}
        unclear = [name for name in known if not is_finite(given_kw[name], query.window.steps)]
        yield from (f"the granted {side} of {name} is not over the window" for name in unclear)
        if unclear:
            continue
        if query.ties:  # what one requests may pass the connection of another
            most_kw = sum(asked_kw.values(), np.zeros(query.window.steps))
            asked_kw = dict.fromkeys(known, most_kw)
            if (sum(given_kw.values(), 0.0 * most_kw) > most_kw + TOLERANCE).any():
                yield f"the granted {side} of all together is more than was asked for"
        for name in known:
            if (given_kw[name] < 0.0).any() or (given_kw[name] > asked_kw[name] + TOLERANCE).any():
                yield f"the granted {side} of {name} is not between nothing and what was asked for"
    yield from _own_plan_faults(grants, query.window.steps)


def _own_plan_faults(grants: Grants, steps: int) -> Iterator[str]:
    """Tell what is no plan in what a DNO is to do itself."""
    for name, entry in (grants.schedule or {}).items():
        if not (is_finite(entry.out_kw, steps) and is_finite(entry.in_kw, steps)):
            yield f"the schedule of {name} is not {steps} finite numbers"
    shed_kw = grants.background_shed_kw
    if shed_kw is not None and (
        np.shape(shed_kw)[1:] != (steps,)
        or not np.isfinite(shed_kw).all()
        or np.min(shed_kw, initial=0.0) < -TOLERANCE
    ):
        yield f"the background not served is not {steps} finite numbers from 0 a bus"

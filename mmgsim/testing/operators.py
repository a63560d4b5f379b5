"""Holding a DNO against its contract, on random feeders given as linearised limits."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from types import MappingProxyType
from typing import Any

from mmgsim.contracts import (
    Accepted,
    GrantQuery,
    Operator,
    OperatorView,
    Plan,
    Request,
    frozen,
)
from mmgsim.engine import packed
from mmgsim.errors import ContractError
from mmgsim.subproblems import envelope_faults, grant_faults, tariff_faults
from mmgsim.testing.samples import reviewed_view, sample_operator_view, sample_plans
from mmgsim.testing.wording import content, in_world, raise_if_any

__all__ = ["check_operator", "operator_faults"]

# Larger than the rounding of a solver, smaller than anything that matters. [kW]
TOLERANCE = 1e-6

_SIDES = ("import_limit_kw", "export_limit_kw")


def check_operator(make: Callable[[], Operator], *, seeds: int = 5) -> None:
    """Hold a DNO against its contract on several random feeders, one of them without a network.

    Checked: `publish` gives a tariff and one envelope for every member, over the window, around
    zero, and within what the connection carries; `review` accepts, or shrinks what binds now; what
    is granted, where it grants, is between nothing and what was asked for; the same view gives the
    same answer, from two new ones, from one asked twice, and after `reset`, where it has that;
    views stay as they were.

    Parameters
    ----------
    make : callable
        Gives a new operator; usually its class.
    seeds : int
        How many feeders.

    Raises
    ------
    ContractError
        Naming every broken promise.
    """
    faults = [fault for seed in range(seeds) for fault in operator_faults(make, seed)]
    raise_if_any(make, faults, "operator_faults(make, N), with sample_operator_view(N)")


def operator_faults(make: Callable[[], Operator], seed: int = 0) -> list[str]:
    """Give every broken promise of a DNO on one random feeder."""
    operator = make()
    if not isinstance(operator, Operator):
        return ["is no Operator: it needs `reviews`, `publish`, `answer` and `review`"]
    if not isinstance(operator.reviews, bool):
        return [f"`reviews` is {operator.reviews!r}; give True, or False if it accepts every plan"]
    view = sample_operator_view(seed)
    before = packed(view)
    faults = list(in_world(seed, "publish", partial(_publish_faults, operator, view)))
    if not faults:  # a review is of what was published
        faults += in_world(seed, "review", partial(_review_faults, operator, view, seed))
        faults += in_world(seed, "grants", partial(_grant_faults, operator, view))
        faults += in_world(seed, "sameness", partial(_sameness_faults, make, operator, seed))
    if packed(view) != before:
        faults.append(f"world {seed}: it changes its view; give new envelopes instead")
    return faults


def _publish_faults(operator: Operator, view: OperatorView) -> Iterator[str]:
    published = operator.publish(view)
    if not isinstance(published, tuple) or len(published) != 2:
        yield f"gives {type(published).__name__}, not a tariff and envelopes"
        return
    tariff, envelopes = published
    yield from tariff_faults(tariff, view.window)
    yield from envelope_faults(envelopes, view.members, view.window)


def _review_faults(operator: Operator, view: OperatorView, seed: int) -> Iterator[str]:
    """Tell where a review does anything but accept, or shrink what binds now."""
    _, envelopes = operator.publish(view)
    bound = replace(view, envelopes=MappingProxyType(dict(envelopes)))
    for name, plans in _plans(bound, seed):
        reviewed = reviewed_view(bound, plans)
        before = packed(reviewed)
        verdict = operator.review(reviewed, MappingProxyType(plans))
        faults = list(_verdict_faults(operator, reviewed, verdict))
        if packed(reviewed) != before:
            faults.append("it changes its view; give new envelopes instead")
        yield from (f"{name}: {fault}" for fault in faults)
        if faults:  # other plans would only say it again
            return


def _grant_faults(operator: Operator, view: OperatorView) -> Iterator[str]:
    """Tell where a DNO that grants gives more than was asked for, or less than nothing."""
    _, envelopes = operator.publish(view)
    requests = {
        name: Request(lack_kw=envelope.import_limit_kw, surplus_kw=envelope.export_limit_kw)
        for name, envelope in envelopes.items()
    }
    bound = replace(view, envelopes=MappingProxyType(dict(envelopes)))
    query = GrantQuery(to="dno", window=view.window, requests=requests)
    try:
        reply = operator.answer(bound, query)
    except ContractError:  # that is how an operator says that it answers no such question
        return
    yield from grant_faults(reply, query)


def _plans(view: OperatorView, seed: int) -> Iterator[tuple[str, dict[str, Plan]]]:
    """Give plans that stand still, that do anything, and that use everything."""
    anything = sample_plans(view, seed)
    limits = view.envelopes
    for name, kw_by_name in (
        ("nobody exchanges", {n: 0.0 * plan.exchange_kw for n, plan in anything.items()}),
        ("everybody exchanges something", {n: p.exchange_kw for n, p in anything.items()}),
        ("everybody imports all it may", {n: -limits[n].import_limit_kw for n in anything}),
        ("everybody exports all it may", {n: limits[n].export_limit_kw for n in anything}),
    ):
        yield (
            name,
            {n: replace(p, exchange_kw=frozen(kw_by_name[n])) for n, p in anything.items()},
        )


def _verdict_faults(operator: Operator, view: OperatorView, verdict: Any) -> Iterator[str]:
    if isinstance(verdict, Accepted):
        return
    faults = envelope_faults(verdict, view.members, view.window)
    yield from faults
    if faults:
        return
    for name, envelope in verdict.items():
        for side in _SIDES:
            change_kw = getattr(envelope, side) - getattr(view.envelopes[name], side)
            if change_kw.max() > TOLERANCE:
                yield (
                    f"widens {side} of {name} by {change_kw.max():g} kW; "
                    "envelopes only shrink within a gate"
                )
            if change_kw.min() < -TOLERANCE and not operator.reviews:
                yield f"shrinks {side} of {name}, but `reviews` is False; set it True"


def _sameness_faults(make: Callable[[], Operator], used: Operator, seed: int) -> Iterator[str]:
    """Tell where the same view gives another answer."""
    new = _answers(make(), seed)
    answers = {"two new ones": _answers(make(), seed), "one asked twice": _answers(used, seed)}
    reset = getattr(used, "reset", None)
    if reset is not None:
        reset()
        answers["one after reset()"] = _answers(used, seed)
    for who, said in answers.items():
        for what, answer in said.items():
            if answer != new[what]:
                yield (
                    f"{who}: {what} gives another answer to the same view; "
                    "draw nothing at random, and keep nothing but what the view would give again"
                )


def _answers(operator: Operator, seed: int) -> dict[str, str]:
    """Give what an operator says to one world."""
    view = sample_operator_view(seed)
    tariff, envelopes = operator.publish(view)
    bound = replace(view, envelopes=MappingProxyType(dict(envelopes)))
    plans = sample_plans(bound, seed)
    verdict = operator.review(reviewed_view(bound, plans), MappingProxyType(plans))
    said = "accepted" if isinstance(verdict, Accepted) else content(verdict)
    return {"publish": content((tariff, dict(envelopes))), "review": said}

"""A day of the DNO on case33bw: three microgrids with offers in blocks, and a storage of its own.

All numbers are made up here, chosen so that the ratings of both cases bind.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache

import numpy as np
import pandapower as pp
import pandapower.networks as nw

from mmgsim.contracts import Battery, CarriedState, Disclosure, Member, StorageRule, Window, frozen
from mmgsim.network import Feeder, FeederLimits, read_tree
from mmgsim.subproblems import BlockOffer, NetworkProblem, NetworkWindow, OfferPoint, OwnSite
from mmgsim.subproblems.devices import Horizon

BUSES = (17, 24, 32)
NAMES = ("M17", "M24", "M32")
RATINGS = {
    "A": {(0, 1): 150.0, (5, 25): 35.0, (11, 12): 35.0},
    "B": {(0, 1): 110.0, (5, 25): 25.0, (11, 12): 25.0, (5, 6): 35.0},
    "open": {},
}
BESS = Battery("bess", 1000.0, 100.0, 400.0, efficiency=0.95, wear_per_kwh=0.005)
SHED_PER_KWH = 1.5
"""1500 per MWh."""


@cache
def _case33_once():
    return nw.case33bw()


def net_with(ratings):
    """Give case33bw with these ratings [A] by ends of the line; the others have none."""
    net = copy.deepcopy(_case33_once())
    for (start, end), ampere in ratings.items():
        chosen = (net.line.from_bus == start) & (net.line.to_bus == end)
        net.line.loc[chosen, "max_i_ka"] = ampere / 1e3
    return net


def feeder_of(ratings, *, limits=(0.95, 1.05), buses=BUSES):
    members = tuple(Member(f"M{bus}", 1e4, 1e4, 1.0, bus) for bus in buses)
    return Feeder(net_with(ratings), members=members, limits=FeederLimits(*limits))


@dataclass(frozen=True)
class Day:
    """Series of a day, (steps,) arrays."""

    share: np.ndarray
    price_per_kwh: np.ndarray
    sun: np.ndarray


def day(steps=24):
    hour = np.arange(steps) % 24
    noon, evening = np.exp(-(((hour - 13) / 3.0) ** 2)), np.exp(-(((hour - 20) / 2.5) ** 2))
    return Day(
        share=0.55 + 0.25 * noon + 0.45 * evening,
        price_per_kwh=0.10 + 0.012 * np.sin(hour * 0.7) + 0.06 * evening,
        sun=np.clip(np.sin((hour - 6.0) / 12.0 * np.pi), 0.0, None),
    )


def offer(name, of):
    """Sun for nothing and two dear blocks to send out, one block to draw."""
    scale = {"M17": 1.0, "M24": 1.4, "M32": 1.2}[name]
    shift = {"M17": 0.0, "M24": 0.013, "M32": -0.006}[name]
    ones = np.ones(len(of.share))
    return BlockOffer(
        export_kw=np.stack([1500.0 * scale * of.sun, 250.0 * scale * ones, 300.0 * scale * ones]),
        export_per_kwh=np.stack([0.0 * ones, (0.085 + shift) * ones, (0.15 + shift) * ones]),
        import_kw=np.stack([150.0 * scale * of.share]),
        import_per_kwh=np.stack([(0.125 + shift) * ones]),
        must_take_kw=0.0 * ones,
        q_min_kvar=-400.0 * ones,
        q_max_kvar=400.0 * ones,
    )


def storage_rule(steps):
    low, high = np.full(steps, 100.0), np.full(steps, 1000.0)
    low[-1] = high[-1] = 500.0
    return StorageRule(frozen(low), frozen(high))


def declared(steps, step_h=1.0, devices=(BESS,), **state):
    return Disclosure(
        window=Window(0, steps, step_h, datetime(2021, 6, 1, tzinfo=UTC)),
        devices=devices,
        state=CarriedState({"bess": 500.0}, **state),
        forecast_kw={},
        storage={"bess": storage_rule(steps)},
    )


def window_of(tree, of, *, offers=None, own=True, **changes):
    demand_kw, demand_kvar = tree.background_kw(of.share)
    given = NetworkWindow(
        step=0,
        demand_kw=demand_kw,
        demand_kvar=demand_kvar,
        buy_per_kwh=of.price_per_kwh,
        sell_per_kwh=0.97 * of.price_per_kwh,
        offers={name: offer(name, of) for name in NAMES} if offers is None else offers,
        own={"storage": declared(len(of.share))} if own else {},
        shed_price_per_kwh=SHED_PER_KWH,
    )
    return replace(given, **changes)


def problem_of(tree, steps=24, *, own=True, **options):
    points = [OfferPoint(f"M{bus}", bus, 3, 1) for bus in BUSES]
    sites = [OwnSite("storage", 32, (BESS,))] if own else []
    return NetworkProblem(tree, Horizon(steps, 1.0), points, sites, **options)


def only(**changes):
    """Give an offer of nothing, with changes, over one step."""
    empty, zero = np.zeros((0, 1)), np.zeros(1)
    nothing = BlockOffer(
        export_kw=empty,
        export_per_kwh=empty,
        import_kw=empty,
        import_per_kwh=empty,
        must_take_kw=zero,
        q_min_kvar=zero,
        q_max_kvar=zero,
    )
    return replace(nothing, **changes)


def solve_one(bus, one, *, share, limits, ratings=None, buy=0.1, spill_per_kwh=0.0, **options):
    """Solve one hour with one offer, import and export at one price."""
    tree = read_tree(feeder_of(ratings or {}, limits=limits))
    point = OfferPoint("M", bus, len(one.export_kw), len(one.import_kw), **options)
    demand_kw, demand_kvar = tree.background_kw(np.array([share]))
    return NetworkProblem(tree, Horizon(1, 1.0), [point]).solve(
        NetworkWindow(
            step=0,
            demand_kw=demand_kw,
            demand_kvar=demand_kvar,
            buy_per_kwh=np.array([buy]),
            sell_per_kwh=np.array([buy]),
            offers={"M": one},
            spill_price_per_kwh=spill_per_kwh,
        )
    )


@dataclass(frozen=True)
class Confirmed:
    """What pandapower says of a plan; steps are first, then buses or branches as in the plan."""

    vm_pu: np.ndarray
    loading: np.ndarray
    slack_kw: np.ndarray


def confirm(feeder, plan):
    """Solve every step of a plan with pandapower itself, one load a bus and nothing else on it."""
    net, buses = copy.deepcopy(feeder.net), read_tree(feeder).buses
    for table in ("load", "sgen", "storage"):
        net[table] = net[table].iloc[:0]
    for bus in buses:
        pp.create_load(net, bus, 0.0)
    exact = {"tolerance_mva": 1e-10, "lightsim2grid": False, "numba": False}
    start = {"init": "dc" if len(net.trafo) else "flat", "calculate_voltage_angles": True}
    found = []
    for p_kw, q_kvar in zip(plan.drawn_kw.T, plan.drawn_kvar.T, strict=True):
        net.load["p_mw"], net.load["q_mvar"] = p_kw / 1e3, q_kvar / 1e3
        pp.runpp(net, **start, **exact)
        percent = [net.res_line.loading_percent.fillna(0.0), net.res_trafo.loading_percent]
        drawn_kw = 1e3 * net.res_ext_grid.p_mw.sum()
        found.append((net.res_bus.vm_pu[list(buses)], np.concatenate(percent) / 100.0, drawn_kw))
    return Confirmed(*(np.stack(part) for part in zip(*found, strict=True)))

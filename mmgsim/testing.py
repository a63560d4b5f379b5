"""Conformance checks for your own strategy: the executable form of its contract.

Examples
--------
>>> from mmgsim.testing import check_strategy
>>> from mmgsim_agents.strategies.cost_minimiser import CostMinimiser
>>> check_strategy(CostMinimiser)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

import numpy as np

from mmgsim.contracts import (
    Award,
    Battery,
    CarriedState,
    Device,
    Diesel,
    DieselState,
    Disclose,
    Disclosure,
    Envelope,
    Grant,
    Load,
    Message,
    Offer,
    OrderQuery,
    Orders,
    Plan,
    PriceQuery,
    Realised,
    Renewable,
    RenewableKind,
    Request,
    RequestQuery,
    Strategy,
    Tariff,
    Trade,
    View,
    Window,
    frozen,
)
from mmgsim.errors import ContractError
from mmgsim.profiles import stream
from mmgsim.scenario import EndOfWindowConfig
from mmgsim.subproblems import dispatch_faults, offer_faults, plan_faults, storage_rules

__all__ = ["check_strategy", "sample_view", "strategy_faults"]

TOLERANCE = 1e-6
_STEPS = 24
_WORLDS_PER_DIESEL = 4


# ------------------------------------------------------------------------------ sample worlds
def sample_view(seed: int = 0, *, steps: int = _STEPS) -> View:
    """Give the view of a random microgrid: a load, often sun, wind and batteries.

    Every fourth one, beginning with the third, has a diesel unit: its problem is a MILP.

    Parameters
    ----------
    seed : int
        The same seed gives the same view.
    steps : int
        Length of the window.
    """
    rng = stream(seed, "testing")
    window = Window(0, steps, 1.0, datetime(2021, 1, 11, tzinfo=UTC))
    # A stream of its own: the other devices of a seed are the same with and without diesel.
    has_diesel = seed % _WORLDS_PER_DIESEL == _WORLDS_PER_DIESEL // 2
    diesel, diesel_state = (
        _sample_diesel(stream(seed, "testing", "diesel")) if has_diesel else ((), {})
    )
    devices = (*_sample_devices(rng), *diesel)
    energy_kwh = {
        d.name: float(rng.uniform(d.energy_min_kwh, d.energy_kwh))
        for d in devices
        if isinstance(d, Battery)
    }
    state = CarriedState(MappingProxyType(energy_kwh), MappingProxyType(diesel_state))
    forecast_kw = {
        d.name: _sample_forecast(d, rng, steps) for d in devices if isinstance(d, Load | Renewable)
    }
    buy = rng.uniform(0.1, 0.4, steps)
    tariff = Tariff(
        window=window,
        import_per_kwh=frozen(buy),
        export_per_kwh=frozen(buy * rng.uniform(0.1, 0.9)),
        network_charge_per_kwh=frozen(np.full(steps, 0.1)),
        local_charge_per_kwh=frozen(np.full(steps, 0.05)),
        upstream_per_kwh=frozen(buy * 0.7),
        imbalance_per_kwh=0.02,
        fixed_per_day=1.0,
    )
    rule = EndOfWindowConfig(level=0.5)
    return View(
        name="MG1",
        window=window,
        devices=devices,
        state=state,
        forecast_kw=MappingProxyType(forecast_kw),
        storage=storage_rules(rule, devices, state, window, (steps - 1,)),
        tariff=tariff,
        envelope=Envelope(
            microgrid="MG1",
            window=window,
            import_limit_kw=frozen(rng.uniform(20.0, 100.0, steps)),
            export_limit_kw=frozen(rng.uniform(0.0, 60.0, steps)),
        ),
        power_factor=0.95,
        rng=stream(seed, "testing", "strategy"),
    )


def _sample_devices(rng: np.random.Generator) -> Iterator[Device]:
    yield Load("shop", float(rng.uniform(2.0, 10.0)))
    if rng.random() < 0.8:
        yield Renewable("roof", RenewableKind.PV, 60.0)
    if rng.random() < 0.4:
        yield Renewable("turbine", RenewableKind.WIND, 40.0)
    for number in range(int(rng.integers(0, 3))):
        energy_kwh = float(rng.uniform(1.0, 80.0))
        yield Battery(
            name=f"bess-{number}",
            energy_kwh=energy_kwh,
            energy_min_kwh=0.1 * energy_kwh,
            power_kw=0.5 * energy_kwh,
            efficiency=float(rng.uniform(0.85, 1.0)),
            wear_per_kwh=float(rng.uniform(0.0, 0.03)),
        )


def _sample_diesel(
    rng: np.random.Generator,
) -> tuple[tuple[Diesel, ...], dict[str, DieselState]]:
    """Give a diesel unit and its state."""
    power_max_kw = float(rng.uniform(20.0, 60.0))
    unit = Diesel(
        name="genset",
        power_min_kw=0.3 * power_max_kw,
        power_max_kw=power_max_kw,
        cost_per_kwh=float(rng.uniform(0.2, 0.35)),
        cost_per_kwh_kw=float(rng.uniform(2e-4, 1e-3)),
        cost_per_h=float(rng.uniform(0.0, 2.0)),
        start_up_cost=float(rng.uniform(0.0, 10.0)),
        ramp_kw_per_h=float(rng.choice([0.2, 0.5, np.inf])) * power_max_kw,
    )
    start_kw = float(rng.uniform(unit.power_min_kw, power_max_kw))
    is_on = bool(rng.random() < 0.5)
    return (unit,), {unit.name: DieselState(is_on, start_kw * is_on)}


def _sample_forecast(device: Device, rng: np.random.Generator, steps: int) -> Any:
    most_kw = device.rating_kw if isinstance(device, Renewable) else 50.0
    return frozen(rng.uniform(0.0, most_kw, steps))


# ------------------------------------------------------------------------------------ checks
@dataclass(frozen=True, slots=True)
class _Case:
    """A strategy in one sample world."""

    strategy: Strategy
    view: View

    def ask(self, message: Message) -> Any:
        return self.strategy.answer(self.view, replace(message, to=self.view.name))


def check_strategy(make: Callable[[], Strategy], *, seeds: int = 5) -> None:
    """Hold a strategy against its contract in several random worlds.

    Checked: it answers each kind of message with the right kind, shape and finite numbers; plans
    meet the envelope, the devices and the levels at the end of the window, and balance; awards are
    followed; dispatch is possible with what really happened; two new strategies give the same
    answer to the same view. A view cannot be changed: its arrays and mappings are read-only.

    Parameters
    ----------
    make : callable
        Gives a new strategy; usually its class.
    seeds : int
        How many worlds.

    Raises
    ------
    ContractError
        Naming every broken promise.
    """
    faults = [fault for seed in range(seeds) for fault in strategy_faults(make, seed)]
    if faults:
        raise ContractError(getattr(make, "__name__", "strategy"), dict.fromkeys(faults))


def strategy_faults(make: Callable[[], Strategy], seed: int = 0) -> list[str]:
    """Give every broken promise of a strategy in one random world."""
    strategy = make()
    case = _Case(strategy, sample_view(seed))
    if not isinstance(strategy, Strategy):
        return ["is no Strategy: it needs `answers`, `answer` and `dispatch`"]
    faults = list(_memory_faults(make, seed))
    for kind, check in _CHECKS.items():
        if kind in strategy.answers:
            faults += [f"world {seed}, {kind.__name__}: {fault}" for fault in check(case)]
    faults += [f"world {seed}, dispatch: {fault}" for fault in _dispatch_faults(case)]
    return faults


def _memory_faults(make: Callable[[], Strategy], seed: int) -> Iterator[str]:
    """Tell whether two new strategies answer the same view differently."""
    first, second = make(), make()
    if Award not in first.answers:
        return
    views = [sample_view(seed) for _ in range(2)]
    award = Award(window=views[0].window, to=views[0].name)
    plans = [s.answer(v, award) for s, v in zip((first, second), views, strict=True)]
    if all(isinstance(plan, Plan) for plan in plans):
        one, other = (np.asarray(getattr(plan, "exchange_kw", ())) for plan in plans)
        if not np.array_equal(one, other, equal_nan=True):
            yield f"world {seed}: the same view gives two different plans"


def _check_award(case: _Case) -> Iterator[str]:
    view = case.view
    first = case.ask(Award(window=view.window))
    yield from plan_faults(first, view)
    if isinstance(first, Plan):
        half_kw = frozen(first.exchange_kw * 0.5)
        trade = Trade(view.name, "market", frozen(np.full(view.window.steps, 1.0)), half_kw)
        followed = case.ask(
            Award(window=view.window, trades=(trade,), exchange_kw=first.exchange_kw)
        )
        yield from plan_faults(followed, view)
        if isinstance(followed, Plan):
            apart_kw = np.abs(followed.exchange_kw - first.exchange_kw).max()
            if apart_kw > TOLERANCE:
                yield f"an awarded exchange that it had planned itself is missed by {apart_kw:g} kW"


def _check_disclose(case: _Case) -> Iterator[str]:
    reply = case.ask(Disclose(window=case.view.window))
    if not isinstance(reply, Disclosure):
        yield f"gives {type(reply).__name__}, not Disclosure"
        return
    for device in reply.devices:
        if isinstance(device, Battery):
            if device.name not in reply.state.energy_kwh or device.name not in reply.storage:
                yield f"declares battery {device.name} without its energy and levels"
        elif isinstance(device, Diesel):
            if device.name not in reply.state.diesel:
                yield f"declares diesel {device.name} without its state"
        elif np.shape(reply.forecast_kw.get(device.name, 0.0)) != (case.view.window.steps,):
            yield f"declares {device.name} without a forecast over the window"


def _check_price_query(case: _Case) -> Iterator[str]:
    view = case.view
    prices = frozen([view.tariff.buy_per_kwh, view.tariff.export_per_kwh])
    for in_parts in (False, True):
        query = PriceQuery(
            window=view.window, prices_per_kwh=prices, in_parts=in_parts, alone=True, again=True
        )
        reply = case.ask(query)
        if not isinstance(reply, Offer):
            yield f"gives {type(reply).__name__}, not Offer"
            return
        faults = list(offer_faults(reply, query))
        yield from faults
        if faults:
            return
        exchange_kw = reply.exchange_kw.sum(1)
        if reply.hourly_kw is not None:
            exchange_kw = exchange_kw + reply.hourly_kw
        # In parts the market keeps the envelope, but for the offer without local trade.
        first = len(prices) if in_parts else 0
        over_kw = np.maximum(
            exchange_kw - view.envelope.export_limit_kw,
            -view.envelope.import_limit_kw - exchange_kw,
        )[first : len(prices) + 1].max()
        if over_kw > TOLERANCE:
            yield f"an offer leaves the envelope by {over_kw:g} kW"


def _check_request(case: _Case) -> Iterator[str]:
    reply = case.ask(RequestQuery(window=case.view.window))
    if not isinstance(reply, Request):
        yield f"gives {type(reply).__name__}, not Request"
        return
    if reply.lack_kw.min() < 0.0 or reply.surplus_kw.min() < 0.0:
        yield "lack and surplus are not both >= 0"
    if np.minimum(reply.lack_kw, reply.surplus_kw).max() > TOLERANCE:
        yield "lacks and has left over in the same step"
    grant = Grant(window=case.view.window, lack_kw=reply.lack_kw, surplus_kw=reply.surplus_kw)
    if Grant in case.strategy.answers:
        yield from plan_faults(case.ask(grant), case.view)


def _check_orders(case: _Case) -> Iterator[str]:
    reply = case.ask(OrderQuery(window=case.view.window, offsets=(0, 1)))
    if not isinstance(reply, Orders):
        yield f"gives {type(reply).__name__}, not Orders"
        return
    for order in reply.orders:
        if order.offset not in (0, 1) or order.kw <= 0.0 or not np.isfinite(order.price_per_kwh):
            yield f"{order} is for a step that was not asked, empty, or without a price"


def _dispatch_faults(case: _Case) -> Iterator[str]:
    view = case.view
    if Award in case.strategy.answers:
        plan = case.ask(Award(window=view.window))
        view = replace(view, plan=plan if isinstance(plan, Plan) else None)
    for factor in (1.0, 0.0, 1.3):
        realised = Realised(0, {n: factor * float(kw[0]) for n, kw in view.forecast_kw.items()})
        dispatch = case.strategy.dispatch(view, realised)
        yield from dispatch_faults(view, realised, dispatch)


_CHECKS: dict[type[Message], Callable[[_Case], Iterator[str]]] = {
    Award: _check_award,
    Disclose: _check_disclose,
    OrderQuery: _check_orders,
    PriceQuery: _check_price_query,
    RequestQuery: _check_request,
}

"""Random small worlds in which plug-ins are held against their contracts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

import numpy as np

from mmgsim.contracts import (
    Battery,
    CarriedState,
    Device,
    Diesel,
    DieselState,
    Envelope,
    Executed,
    FloatArray,
    Item,
    LinearisedStep,
    Load,
    MarketView,
    Member,
    MemberStep,
    Objective,
    OperationCost,
    OperatorView,
    Plan,
    Renewable,
    RenewableKind,
    Session,
    SessionKind,
    SessionStore,
    Tariff,
    View,
    Window,
    frozen,
)
from mmgsim.coordination.pool import local_price, match_pool, pool_trades
from mmgsim.profiles import stream
from mmgsim.scenario import EndOfWindowConfig
from mmgsim.subproblems import session_rules, storage_rules

__all__ = [
    "END_OF_WINDOW",
    "reviewed_view",
    "sample_executed",
    "sample_market",
    "sample_operator_view",
    "sample_plans",
    "sample_view",
]

END_OF_WINDOW = EndOfWindowConfig(level=0.5)
"""Storage is half full at the end of every sample window."""

_STEPS = 24
_WORLDS_PER_DIESEL = 4
_WORLDS_PER_VEHICLE = 8
_MISS_PRICE_PER_KWH = 1e3

# Markets are cleared, and feeders cut, several times a world: shorter windows show as much.
_MARKET_STEPS = 12
_FEEDER_STEPS = 6


def sample_view(seed: int = 0, *, steps: int = _STEPS) -> View:
    """Give the view of a random microgrid: a load, often sun, wind and batteries.

    Every fourth one, beginning with the third, has a diesel unit: its problem is a MILP. Every
    eighth one, beginning with the fifth, has a vehicle and a flexible load.

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
    has_vehicle = seed % _WORLDS_PER_VEHICLE == _WORLDS_PER_VEHICLE // 2
    stays = _sample_stays(stream(seed, "testing", "stays"), steps) if has_vehicle else {}
    devices = (*_sample_devices(rng), *diesel, *stays)
    energy_kwh = {
        d.name: float(rng.uniform(d.energy_min_kwh, d.energy_kwh))
        for d in devices
        if isinstance(d, Battery)
    }
    held_kwh = {store.name: sessions[0].arrives_kwh for store, sessions in stays.items()}
    state = CarriedState(
        MappingProxyType(energy_kwh), MappingProxyType(diesel_state), MappingProxyType(held_kwh)
    )
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
    return View(
        name="MG1",
        window=window,
        devices=devices,
        state=state,
        forecast_kw=MappingProxyType(forecast_kw),
        storage=storage_rules(END_OF_WINDOW, devices, state, window, (steps - 1,)),
        tariff=tariff,
        envelope=Envelope(
            microgrid="MG1",
            window=window,
            import_limit_kw=frozen(rng.uniform(20.0, 100.0, steps)),
            export_limit_kw=frozen(rng.uniform(0.0, 60.0, steps)),
        ),
        power_factor=0.95,
        rng=stream(seed, "testing", "strategy"),
        sessions=session_rules(
            devices,
            {store.name: sessions for store, sessions in stays.items()},
            state,
            window,
            miss_price_per_kwh=_MISS_PRICE_PER_KWH,
        ),
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


def _sample_stays(rng: np.random.Generator, steps: int) -> dict[SessionStore, tuple[Session, ...]]:
    """Give a vehicle that is there and comes again, a load that may move, and their sessions."""
    car = SessionStore(
        name="car",
        kind=SessionKind.VEHICLE,
        energy_kwh=38.0,
        charge_kw=7.0,
        energy_min_kwh=8.0,
        discharge_kw=float(rng.choice([0.0, 5.0])),
        efficiency=float(rng.uniform(0.85, 1.0)),
        wear_per_kwh=float(rng.uniform(0.0, 0.03)),
    )
    pump = SessionStore("pump", SessionKind.LOAD, 9.0, 3.0, missing_per_kwh=2.0)
    leaves, comes = max(steps // 3, 1), max(steps // 2, 1)
    return {
        car: (
            Session(-2, leaves, float(rng.uniform(8.0, 30.0)), float(rng.uniform(20.0, 38.0))),
            Session(comes, steps + 3, float(rng.uniform(5.0, 20.0)), 34.0),
        ),
        pump: (Session(-1, comes, 3.0, 9.0),),
    }


def _sample_forecast(device: Device, rng: np.random.Generator, steps: int) -> Any:
    most_kw = device.rating_kw if isinstance(device, Renewable) else 50.0
    return frozen(rng.uniform(0.0, most_kw, steps))


# ------------------------------------------------------------------------------------ several
def _members(seed: int) -> tuple[Member, ...]:
    """Give two to five connection points. [kW]"""
    rng = stream(seed, "testing", "members")
    return tuple(
        Member(
            name=f"MG{number}",
            import_limit_kw=float(rng.uniform(100.0, 150.0)),
            export_limit_kw=float(rng.uniform(60.0, 120.0)),
            power_factor=0.95,
        )
        for number in range(1, 3 + seed % 4)
    )


def sample_market(seed: int = 0) -> tuple[MarketView, dict[str, View]]:
    """Give a random market of two to five microgrids, and the view of each of them.

    In every fourth world, beginning with the third, one microgrid has a diesel unit. Objective and
    price rule change from world to world.

    Parameters
    ----------
    seed : int
        The same seed gives the same market.
    """
    members = _members(seed)
    tariff = sample_view(2 * seed + 1, steps=_MARKET_STEPS).tariff
    views: dict[str, View] = {}
    for position, member in enumerate(members):
        # Samples of odd numbers have no diesel unit.
        has_diesel = seed % _WORLDS_PER_DIESEL == _WORLDS_PER_DIESEL // 2 and position == 0
        number = seed if has_diesel else 20 * seed + 2 * position + 1
        view = sample_view(number, steps=_MARKET_STEPS)
        envelope = replace(view.envelope, microgrid=member.name)
        views[member.name] = replace(view, name=member.name, tariff=tariff, envelope=envelope)
    market = MarketView(
        window=tariff.window,
        members=members,
        tariff=tariff,
        envelopes=MappingProxyType({name: view.envelope for name, view in views.items()}),
        objective=Objective.SYSTEM if seed % 3 == 1 else Objective.MEMBERS,
        local_price="midpoint" if seed % 2 else "marginal",
    )
    return market, views


def sample_executed(seed: int = 0) -> list[tuple[MarketView, Executed]]:
    """Give executed steps of a random market, and what it knows in each.

    The first one begins a day, with local trade; in the second everybody imports, without trade;
    in the third one microgrid does not do what it planned.

    Parameters
    ----------
    seed : int
        The same seed gives the same steps.
    """
    gate, _ = sample_market(seed)
    rng = stream(seed, "testing", "executed")
    names = [member.name for member in gate.members]
    alternating = np.where(np.arange(len(names)) % 2, -1.0, 1.0)
    steps = []
    for number, side in enumerate((alternating, -np.ones(len(names)), -alternating)):
        window = replace(gate.window, first_step=number, steps=1, start=gate.window.times()[number])
        view = replace(gate, window=window, tariff=replace(gate.tariff.now(), window=window))
        exchange_kw = dict(zip(names, side * rng.uniform(5.0, 50.0, len(names)), strict=True))
        planned_kw = exchange_kw | ({names[0]: 0.0} if number == 2 else {})
        steps.append((view, _executed(view, exchange_kw, planned_kw, rng)))
    return steps


def _executed(
    view: MarketView,
    exchange_kw: Mapping[str, float],
    planned_kw: Mapping[str, float],
    rng: np.random.Generator,
) -> Executed:
    """Give a step with these exchanges, whose local trade was matched from the planned ones."""
    trade_kw = match_pool({n: np.array([kw]) for n, kw in planned_kw.items()}, view.tariff)
    members = []
    for name, kw in exchange_kw.items():
        grid_kw = kw - float(trade_kw[name][0])
        wear_kwh, fuel_kwh = rng.uniform(0.0, 10.0, 2).tolist()
        costs = (
            OperationCost(Item.FUEL, fuel_kwh, 0.3 * fuel_kwh),
            OperationCost(Item.START_UP, 0.0, 5.0),
            OperationCost(Item.WEAR, wear_kwh, 0.02 * wear_kwh),
        )
        members.append(
            MemberStep(
                name=name,
                import_kw=max(-grid_kw, 0.0),
                export_kw=max(grid_kw, 0.0),
                exchange_kw=kw,
                planned_exchange_kw=planned_kw[name],
                operations=costs,
            )
        )
    return Executed(
        window=view.window,
        tariff=view.tariff,
        members=tuple(members),
        trades=pool_trades(trade_kw, local_price("midpoint", view.tariff, np.zeros(1))),
        loss_kw=2.0,
        loss_share_kw=MappingProxyType({n: float(rng.uniform(-0.1, 0.5)) for n in exchange_kw}),
        is_new_day=view.window.first_step == 0,
    )


# ------------------------------------------------------------------------------------ the DNO
def sample_operator_view(seed: int = 0) -> OperatorView:
    """Give what a DNO knows of a random feeder before it publishes.

    Worlds 0, 4, 8 and so on have no network. In the others, loads along a line: exports raise
    voltages and imports lower them; one step has no power flow.

    Parameters
    ----------
    seed : int
        The same seed gives the same view.
    """
    members = _members(seed)
    tariff = sample_view(2 * seed + 1, steps=_FEEDER_STEPS).tariff
    steps: tuple[LinearisedStep | None, ...] = ()
    if seed % 4:
        rng = stream(seed, "testing", "feeder")
        steps = tuple(_sample_point(rng, len(members)) for _ in range(tariff.window.steps))
        dead = int(rng.integers(0, len(steps)))
        steps = (*steps[:dead], None, *steps[dead + 1 :])
    return OperatorView(
        window=tariff.window,
        members=members,
        tariff=tariff,
        network=steps,
        background=steps,
        envelopes=MappingProxyType({}),
    )


def sample_plans(view: OperatorView, seed: int = 0) -> dict[str, Plan]:
    """Give public plans anywhere within the envelopes of a DNO's view."""
    rng = stream(seed, "testing", "plans")
    plans = {}
    for member in view.members:
        envelope = view.envelopes[member.name]
        share = rng.uniform(-1.0, 1.0, view.window.steps)
        side_kw = np.where(share < 0.0, envelope.import_limit_kw, envelope.export_limit_kw)
        plans[member.name] = Plan(
            window=view.window,
            exchange_kw=frozen(share * side_kw),
            q_kvar=frozen(0.33 * share * side_kw),
            private_cost=0.0,
        )
    return plans


def reviewed_view(view: OperatorView, plans: Mapping[str, Plan]) -> OperatorView:
    """Give what a DNO knows when it reviews plans: the network around them, and what they break."""
    plan_kw = np.stack([plans[member.name].exchange_kw for member in view.members], axis=1)
    points = tuple(
        None if point is None else _moved_to(point, frozen(kw))
        for point, kw in zip(view.background, plan_kw, strict=False)
    )
    broken = tuple(
        ("not_converged",) if point is None else tuple(_broken(point)) for point in points
    )
    return replace(view, network=points, violations=broken)


def _moved_to(point: LinearisedStep, exchange_kw: FloatArray) -> LinearisedStep:
    moved_kw = exchange_kw - point.exchange_kw
    return replace(
        point,
        exchange_kw=exchange_kw,
        voltage_pu=frozen(point.voltage_pu + point.voltage_per_kw @ moved_kw),
        current_ka=frozen(point.current_ka + point.current_per_kw @ moved_kw),
    )


def _broken(point: LinearisedStep) -> Iterator[str]:
    if point.voltage_pu.min() < point.voltage_min_pu:
        yield "undervoltage"
    if point.voltage_pu.max() > point.voltage_max_pu:
        yield "overvoltage"
    if (np.abs(point.current_ka) > point.current_max_ka).any():
        yield "line_overload"


def _sample_point(rng: np.random.Generator, members: int) -> LinearisedStep:
    """Give a line with a microgrid at each of its buses, linearised around the background."""
    order = np.arange(1, members + 1)
    # The resistance that two microgrids share is that of the way up to the first of them.
    shared = np.minimum.outer(order, order) / members
    volt_per_kw = 4e-4 * shared * float(rng.uniform(0.5, 1.5))
    # What flows through a branch comes from all behind it.
    behind = (order[:, None] <= order[None, :]).astype(np.float64)
    return LinearisedStep(
        exchange_kw=frozen(np.zeros(members)),
        voltage_pu=frozen(1.0 - 0.04 * order / members * float(rng.uniform(0.2, 1.0))),
        voltage_per_kw=frozen(volt_per_kw),
        voltage_min_pu=0.95,
        voltage_max_pu=1.05,
        current_ka=frozen(np.full(members, 0.02)),
        current_per_kw=frozen(-1e-3 * behind),
        current_max_ka=frozen(rng.uniform(0.1, 0.3, members)),
        loss_kw=2.0,
        loss_per_kw=frozen(-0.02 * order / members),
    )

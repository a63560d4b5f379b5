"""Microgrids with vehicles and flexible loads whose sessions are written by hand or drawn."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np

from mmgsim.contracts import (
    CarriedState,
    Device,
    Disclosure,
    Envelope,
    Plan,
    Session,
    SessionKind,
    SessionStore,
    View,
    Window,
    frozen,
)
from mmgsim.subproblems import (
    MicrogridInputs,
    MicrogridPlan,
    MicrogridProblem,
    PublicPrices,
    Terms,
    disclosure_of,
    session_rules,
)
from mmgsim.testing import sample_view

MISS_PRICE = 1e3
START = datetime(2021, 1, 11, tzinfo=UTC)


def vehicle(name: str = "car", **keys: Any) -> SessionStore:
    """Give a vehicle of 40 kWh and 7 kW that only charges, without losses."""
    return SessionStore(name, SessionKind.VEHICLE, **{"energy_kwh": 40.0, "charge_kw": 7.0, **keys})


def flexible(name: str = "pump", *, energy_kwh: float = 12.0, power_kw: float = 4.0, **keys: Any):
    """Give a flexible load that is left unserved at 10 per kWh."""
    return SessionStore(name, SessionKind.LOAD, energy_kwh, power_kw, **keys)


def window(steps: int, *, first: int = 0, step_h: float = 1.0) -> Window:
    """Give a window of the run."""
    return Window(first, steps, step_h, START)


def disclosed(
    devices: tuple[Device, ...],
    sessions: dict[str, tuple[Session, ...]],
    over: Window,
    *,
    now_kwh: dict[str, float] | None = None,
    **more: Any,
) -> Disclosure:
    """Give what a microgrid of these devices declares; `now_kwh` is what stores hold now."""
    stores = [device.name for device in devices if isinstance(device, SessionStore)]
    state = CarriedState(
        more.pop("energy_kwh", {}), session_kwh=dict.fromkeys(stores, 0.0) | (now_kwh or {})
    )
    return Disclosure(
        window=over,
        devices=devices,
        state=state,
        forecast_kw={name: frozen(kw) for name, kw in more.pop("forecast", {}).items()},
        storage=more.pop("storage", {}),
        sessions=session_rules(devices, sessions, state, over, miss_price_per_kwh=MISS_PRICE),
    )


def solved(
    declared: Disclosure, buy: Any, sell: Any = None, *, low: Any = -1e3, high: Any = 1e3
) -> MicrogridPlan:
    """Give the cheapest plan at prices of import and export, inside limits of the exchange."""
    buy = np.broadcast_to(np.asarray(buy, dtype=float), declared.window.steps).copy()
    zero = np.zeros_like(buy)
    prices = PublicPrices(buy, buy if sell is None else zero + sell, zero)
    terms = Terms(prices, zero + low, zero + high, zero)
    problem = MicrogridProblem("MG", declared.devices, declared.window)
    return problem.solve(MicrogridInputs(declared, terms), declared.window.first_step)


def seen(declared: Disclosure, *, low: float = -1e3, high: float = 1e3, **more: Any) -> View:
    """Give what the strategy of such a microgrid sees, inside limits of the exchange."""
    ones = np.ones(declared.window.steps)
    sample = sample_view(1, steps=declared.window.steps)
    return replace(
        sample,
        name="MG",
        window=declared.window,
        devices=declared.devices,
        state=declared.state,
        forecast_kw=declared.forecast_kw,
        storage=declared.storage,
        sessions=declared.sessions,
        tariff=replace(sample.tariff, window=declared.window),
        envelope=Envelope(
            microgrid="MG",
            window=declared.window,
            import_limit_kw=frozen(-low * ones),
            export_limit_kw=frozen(high * ones),
        ),
        **more,
    )


def planned(view: View) -> View:
    """Give the same view after its owner has planned the window."""
    problem = MicrogridProblem(view.name, view.devices, view.window)
    own = problem.solve(MicrogridInputs(disclosure_of(view), Terms.of(view)), 0)
    plan = Plan(
        window=view.window,
        exchange_kw=own.exchange_kw,
        q_kvar=frozen(own.exchange_kw * view.kvar_per_kw),
        private_cost=own.private_cost,
        schedule=own.schedule,
        flags=own.flags,
    )
    return replace(view, plan=plan)

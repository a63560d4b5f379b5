"""Small worlds, built by hand, in which the right answer is known."""

from datetime import UTC, datetime
from types import SimpleNamespace

import numpy as np
import pytest

from mmgsim.contracts import (
    Battery,
    CarriedState,
    Diesel,
    DieselState,
    Disclosure,
    Envelope,
    Load,
    Renewable,
    RenewableKind,
    StorageRule,
    Window,
    frozen,
)
from mmgsim.subproblems import MicrogridInputs, MicrogridProblem, PublicPrices, Terms


def window(steps, step_h=1.0):
    return Window(0, steps, step_h, datetime(2021, 1, 11, tzinfo=UTC))


def battery(name="bess", energy=10.0, power=5.0, efficiency=0.9, wear=0.0, lowest=0.0):
    return Battery(name, energy, lowest, power, efficiency, wear)


def load(price=10.0, name="shop"):
    return Load(name, price)


def sun(name="roof", rating=1e3):
    return Renewable(name, RenewableKind.PV, rating)


def genset(name="genset", least=20.0, most=100.0, cost=0.3, **costs):
    return Diesel(name, least, most, cost, **costs)


def ran_at(power_kw, name="genset"):
    return {name: DieselState(power_kw > 0.0, power_kw)}


def rule(device, steps, levels=None, value=0.0):
    low = np.full(steps, device.energy_min_kwh)
    high = np.full(steps, device.energy_kwh)
    for step, level in (levels or {}).items():
        low[step] = high[step] = level
    return StorageRule(frozen(low), frozen(high), value)


def declare(*devices, forecast=None, start=None, rules=None, diesel=None):
    known = [*(forecast or {}).values(), *(rule.low_kwh for rule in (rules or {}).values())]
    return Disclosure(
        window=window(len(known[0]) if known else 1),
        devices=devices,
        state=CarriedState(start or {}, diesel or {}),
        forecast_kw={name: frozen(kw) for name, kw in (forecast or {}).items()},
        storage=rules or {},
    )


def terms(buy, sell=None, *, low=-1e3, high=1e3, trade=0.0, local=0.0):
    buy = np.asarray(buy, dtype=float)
    zero = np.zeros_like(buy)
    sell = buy if sell is None else zero + sell
    prices = PublicPrices(buy, sell, zero + local)
    return Terms(prices, zero + low, zero + high, zero + trade)


def solve(declared, on_terms, *, step_h=1.0):
    steps = len(on_terms.low_kw)
    problem = MicrogridProblem("MG", declared.devices, window(steps, step_h))
    return problem.solve(MicrogridInputs(declared, on_terms), 0)


def envelope(name, steps, low=-1e3, high=1e3):
    ones = np.ones(steps)
    return Envelope(
        microgrid=name,
        window=window(steps),
        import_limit_kw=frozen(-low * ones),
        export_limit_kw=frozen(high * ones),
    )


@pytest.fixture(scope="session")
def toy():
    """Give the helpers of this module; test modules cannot import each other."""
    return SimpleNamespace(
        window=window,
        battery=battery,
        load=load,
        sun=sun,
        genset=genset,
        ran_at=ran_at,
        rule=rule,
        declare=declare,
        terms=terms,
        solve=solve,
        envelope=envelope,
    )

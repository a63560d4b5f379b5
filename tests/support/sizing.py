"""Sizing cases made by hand: random years of a few days, prices of paper 004."""

from dataclasses import replace

import numpy as np

from mmgsim.sizing import Bases, SizingCase, Stores, Technology, Terms, bases_of

BUY, SELL, PEER, UNSERVED = 0.28, 0.10, 0.15, 0.42
TECHNOLOGIES = (Technology(770, 20, 20), Technology(1890, 20, 20), Technology(100, 1, 10))


def alike(members, *, efficiency=0.95, power=0.5, floor=0.2, start=0.2, wear=0.0):
    """Give batteries of which a kWh can do the same everywhere."""
    values = (efficiency, efficiency, power, floor, start, wear)
    return Stores(*(np.full(members, value) for value in values))


def random_case(seed, *, members=3, steps=200, step_h=1.0, **changes):
    """Give a case with flat prices and without limits; `changes` replace its fields."""
    rng = np.random.default_rng(seed)
    hour = np.arange(steps) * step_h % 24.0
    sun = np.maximum(np.sin((hour - 6.0) / 12.0 * np.pi), 0.0) * rng.uniform(0.3, 1.0, (members, 1))
    wind = np.clip(rng.normal(0.35, 0.35, (members, steps)), 0.0, 1.0)
    far = rng.uniform(1.0, 9.0, (members, members))
    case = SizingCase(
        names=tuple(f"M{k}" for k in range(members)),
        step_h=step_h,
        load_kw=rng.uniform(100.0, 500.0, (members, steps)),
        yield_pu=np.stack([wind, sun * rng.uniform(0.5, 1.0, (members, steps))], axis=1),
        buy_per_kwh=np.full(steps, BUY),
        sell_per_kwh=np.full(steps, SELL),
        peer_per_kwh=np.full((members, steps), PEER),
        local_charge_per_kwh=np.zeros(steps),
        may_sell=np.ones((members, steps), dtype=bool),
        unserved_per_kwh=np.full(members, UNSERVED),
        import_limit_kw=np.full(members, np.inf),
        export_limit_kw=np.full(members, np.inf),
        stores=alike(members),
        distance_km=far + far.T,
        technologies=TECHNOLOGIES,
        present=np.full((members, 3), 100.0),
        low=np.zeros((members, 3)),
        high=np.tile([1500.0, 1000.0, 2000.0], (members, 1)),
        discount_rate=0.12,
        currency="USD",
    )
    return replace(case, **changes)


def limited(case, seed=0):
    """Give the same case with connections that bind."""
    rng = np.random.default_rng(seed)
    return replace(
        case,
        import_limit_kw=rng.uniform(50.0, 300.0, case.members),
        export_limit_kw=rng.uniform(50.0, 300.0, case.members),
    )


def random_sizes(case, count, seed=0):
    """Draw sizes between the limits: (candidates, microgrids, 3)."""
    shares = np.random.default_rng(seed).random((count, *case.low.shape))
    return case.low + shares * (case.high - case.low)


def terms_of(case, **terms):
    """Give terms with the bases of the case, and nobody who has to serve any share."""
    return Terms(**{"bases": bases_of(case), "least_own_share": 0.0, **terms})


def twice(bases):
    return Bases(2.0 * bases.lcoe_per_kwh, 2.0 * bases.reliability)

"""Properties 3 and 20 of paper 004: both engines give what a loop in plain Python gives."""

from dataclasses import replace

import numpy as np
import pytest

from mmgsim.sizing import QUANTITIES, Sharing, Stores, YearSimulator, by_step, has_numba
from mmgsim.sizing.rule import rule_inputs
from tests.support.sizing import alike, limited, random_case, random_sizes

ENGINES = [
    "numpy",
    pytest.param("numba", marks=pytest.mark.skipif(not has_numba(), reason="needs numba")),
]


def varied(seed, kind):
    """Give a case with other prices every hour, limits, hours without sales, and unlike peers."""
    rng = np.random.default_rng(seed)
    case = limited(random_case(seed, members=4, step_h=rng.choice([0.25, 1.0])), seed)
    return replace(
        case,
        buy_per_kwh=rng.uniform(0.2, 0.4, case.steps),
        sell_per_kwh=rng.uniform(0.0, 0.1, case.steps),
        peer_per_kwh=rng.uniform(0.1, 0.2, case.load_kw.shape),
        local_charge_per_kwh=rng.uniform(0.0, 0.02, case.steps),
        may_sell=rng.random(case.load_kw.shape) < 0.8,
        distance_km=distances(kind, rng),
    )


def distances(kind, rng):
    if kind == "equal":
        return np.ones((4, 4))
    far = np.add.outer(np.arange(4.0), np.arange(4.0) ** 2)
    far = np.minimum(far, far.T) + 1.0
    if kind == "some equal":
        far[:2, 2:] = far[2:, :2] = 7.0
    if kind == "some infinite":
        far[0, 1:] = far[1:, 0] = np.inf
    return far


def reference(case, sizes, *, is_pool, trades):
    """Give the totals of one candidate: the rule of the paper hour by hour, member by member."""
    groups = [range(case.members)] if is_pool else [[k] for k in range(case.members)]
    into, out_of, power, floor, start, _ = (getattr(case.stores, n) for n in Stores.__slots__)
    kwh = [sum(sizes[k, 2] for k in group) for group in groups]
    energy = [start[g[0]] * size for g, size in zip(groups, kwh, strict=True)]
    total = [dict.fromkeys(QUANTITIES, 0.0) for _ in groups]
    h = case.step_h
    for t in range(case.steps):
        over, lack = {}, {}
        for m, group in enumerate(groups):
            g = group[0]
            made = sum(float(case.yield_pu[k, :, t] @ sizes[k, :2]) for k in group)
            load = sum(case.load_kw[k, t] for k in group)
            net = made - load
            charge = max(0.0, min(net, power[g] * kwh[m], (kwh[m] - energy[m]) / into[g] / h))
            held = (energy[m] - floor[g] * kwh[m]) * out_of[g] / h
            discharge = max(0.0, min(-net, power[g] * kwh[m], held))
            energy[m] += h * (into[g] * charge - discharge / out_of[g])
            rest = net - charge + discharge
            over[m], lack[m] = max(rest, 0.0), max(-rest, 0.0)
            flows = {"generated": made, "charged": charge, "discharged": discharge}
            add(total[m], h, {**flows, "own_use": load - lack[m]})
        for (s, b), kw in (matched(case, t, dict(over), dict(lack)) if trades else {}).items():
            over[s] -= kw
            lack[b] -= kw
            price = case.peer_per_kwh[s, t]
            add(total[s], h, {"sold": kw, "peer_income": kw * price})
            charge = kw * case.local_charge_per_kwh[t]
            add(total[b], h, {"bought": kw, "peer_payments": kw * price, "local_charges": charge})
        for m, group in enumerate(groups):
            buy = min(lack[m], sum(case.import_limit_kw[k] for k in group))
            sell = min(over[m], sum(case.export_limit_kw[k] for k in group))
            money = {"purchases": buy * case.buy_per_kwh[t], "sales": sell * case.sell_per_kwh[t]}
            lost = {"unserved": lack[m] - buy, "spilled": over[m] - sell}
            add(total[m], h, {"imported": buy, "exported": sell, **lost, **money})
    for m, left in enumerate(energy):
        total[m]["left_kwh"] = left
    return np.array([[row[name] for name in QUANTITIES] for row in total])


def add(row, hours, flows):
    for name, kw in flows.items():
        row[name if name in row else f"{name}_kwh"] += hours * kw


def matched(case, t, over, lack):
    """Give what pairs trade: nearest first, at one distance in proportion until nothing is left."""
    found = {}
    km = {
        (s, b): round(float(case.distance_km[s, b]), 6)
        for s in over
        for b in over
        if s != b and case.may_sell[s, t] and np.isfinite(case.distance_km[s, b])
    }
    for near in sorted(set(km.values())):
        pairs = [pair for pair, far in km.items() if far == near]
        while pairs := [(s, b) for s, b in pairs if over[s] > 1e-9 and lack[b] > 1e-9]:
            wanted = {s: sum(lack[b] for x, b in pairs if x == s) for s, _ in pairs}
            offered = {b: sum(over[s] for s, x in pairs if x == b) for _, b in pairs}
            part = {(s, b): over[s] * lack[b] / max(wanted[s], offered[b]) for s, b in pairs}
            for (s, b), kw in part.items():
                found[s, b] = found.get((s, b), 0.0) + kw
                over[s] -= kw
                lack[b] -= kw
    return found


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("sharing", Sharing)
@pytest.mark.parametrize("kind", ["unequal", "equal", "some equal", "some infinite"])
def test_both_engines_give_what_plain_python_gives(engine, sharing, kind):
    case = varied(len(kind), kind)
    sizes = random_sizes(case, 11, seed=1)
    sizes[0], sizes[1, :, 2] = 0.0, 0.0
    found = YearSimulator(case, sharing, engine=engine).totals(sizes).values
    terms = {"is_pool": sharing is Sharing.POOL, "trades": sharing is Sharing.PEERS}
    wanted = np.stack([reference(case, one, **terms) for one in sizes[:4]])
    np.testing.assert_allclose(found[:4], wanted, rtol=1e-9, atol=1e-5)
    if sharing is Sharing.PEERS:
        assert found[:, :, QUANTITIES.index("bought_kwh")].any()


@pytest.mark.skipif(not has_numba(), reason="needs numba")
@pytest.mark.parametrize("sharing", Sharing)
@pytest.mark.parametrize("seed", range(3))
def test_both_engines_agree_to_rounding_whatever_is_beside_a_candidate(sharing, seed):
    kind = ("unequal", "some equal", "some infinite")[seed]
    case = varied(seed, kind)
    sizes = random_sizes(case, 19, seed)
    plain = YearSimulator(case, sharing, engine="numpy").totals(sizes).values
    compiled = YearSimulator(case, sharing, engine="numba", workers=1).totals(sizes).values
    np.testing.assert_allclose(compiled, plain, rtol=1e-9, atol=1e-9 * np.abs(plain).max())
    alone = YearSimulator(case, sharing, engine="numba", workers=3)
    assert np.array_equal(alone.totals(sizes).values, compiled)
    assert np.array_equal(alone.totals(sizes[17:18]).values, compiled[17:18])


# ------------------------------------------------------------------------------------------ 20
@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("sharing", Sharing)
def test_a_year_is_its_parts_one_after_the_other(engine, sharing):
    # What one part leaves in the batteries is where the next begins, so with sizes of its own.
    case = random_case(3, steps=120, stores=alike(3, start=0.6))
    sizes = random_sizes(case, 1, seed=4)
    sizes[0, :, 2] = 700.0  # alike, so that a pool is begun in the same way
    whole = YearSimulator(case, sharing, engine=engine).totals(sizes).values
    summed = np.zeros_like(whole)
    level = case.stores.level_start
    for first, last in ((0, 31), (31, 32), (32, 120)):
        part = replace(case.between(first, last), stores=replace(case.stores, level_start=level))
        found = YearSimulator(part, sharing, engine=engine).totals(sizes).values
        summed += found
        left_kwh = found[0, :, QUANTITIES.index("left_kwh")]
        level = np.broadcast_to(left_kwh / (2100.0 / len(left_kwh)), 3)
    at = [k for k, name in enumerate(QUANTITIES) if name != "left_kwh"]
    np.testing.assert_allclose(summed[:, :, at], whole[:, :, at], rtol=1e-9, atol=1e-7)


@pytest.mark.parametrize("sharing", Sharing)
def test_nothing_of_a_step_hangs_on_what_comes_later(sharing):
    case = varied(8, "some equal")
    sizes = random_sizes(case, 3)
    whole = by_step(rule_inputs(case, sharing), sizes)
    begin = by_step(rule_inputs(case.between(0, 90), sharing), sizes)
    for name, flow in begin.items():
        assert np.array_equal(flow, whole[name][:90]), name


@pytest.mark.slow
@pytest.mark.skipif(not has_numba(), reason="needs numba")
def test_both_engines_agree_over_a_whole_year():
    case = random_case(1, steps=8760)
    sizes = random_sizes(case, 5)
    for sharing in Sharing:
        plain, compiled = (
            YearSimulator(case, sharing, engine=engine).totals(sizes).values
            for engine in ("numpy", "numba")
        )
        np.testing.assert_allclose(compiled, plain, rtol=1e-9, atol=1e-9 * np.abs(plain).max())

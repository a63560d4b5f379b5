"""Where (20) leaves open who saves how much, bills hang on no position, name or solver's vertex."""

from dataclasses import replace

import numpy as np
import pytest

from mmgsim.coordination import Isolated, Pool
from tests.support import p001
from tests.support.gates import clear

# Bills are sums of some hundred numbers that a solver holds to 1e-7, at prices below one.
ROUNDING = 1e-5


def microgrids(seed, *, has_storage=True, steps=12):
    rng = np.random.default_rng(seed)
    prices = p001.random_prices(rng, steps)
    return p001.random_members(rng, 4, prices, has_storage=has_storage), prices


def twin(member, name):
    return replace(member, name=name, envelope=replace(member.envelope, microgrid=name))


def paid(members, prices, *, steps_to_gate=None):
    world = p001.world(members)
    world.view = replace(world.view, steps_to_gate=steps_to_gate)
    clearing = clear(world, Pool(ir="paper"))
    assert not clearing.flags
    return p001.bills(clearing, prices), clearing


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("position", [0, 1])
def test_twins_pay_the_same(seed, position):
    members, prices = microgrids(seed)
    found, _ = paid([*members, twin(members[position], "twin")], prices)
    assert found["twin"] == pytest.approx(found[members[position].name], abs=ROUNDING)


@pytest.mark.parametrize("seed", range(4))
def test_order_and_names_change_no_bill(seed):
    members, prices = microgrids(seed)
    first, _ = paid(members, prices)
    names = {"M0": "Zed", "M1": "M0", "M2": "A", "M3": "M2"}
    again, _ = paid([twin(members[k], names[members[k].name]) for k in (3, 1, 0, 2)], prices)
    for name, bill in first.items():
        assert again[names[name]] == pytest.approx(bill, abs=ROUNDING)


@pytest.mark.parametrize("seed", range(4))
def test_order_and_names_change_no_bill_up_to_the_next_gate(seed):
    """Only the first hours of a window are executed before everything is planned anew."""
    members, prices = microgrids(seed)
    _, first = paid(members, prices, steps_to_gate=4)
    _, again = paid([members[k] for k in (3, 1, 0, 2)], prices, steps_to_gate=4)
    for name in first.plans:
        costs = [_cost_of_hours(one, name, prices, 4) for one in (first, again)]
        assert costs[0] == pytest.approx(costs[1], abs=ROUNDING)


def _cost_of_hours(clearing, name, prices, hours):
    traded_kw = sum(
        (t.kw * (1.0 if t.seller == name else -1.0))
        for t in clearing.trades
        if name in (t.seller, t.buyer)
    )
    grid_kw = clearing.plans[name].exchange_kw - traded_kw
    cost = prices.buy_per_kwh * np.maximum(-grid_kw, 0.0)
    cost = cost - prices.export_per_kwh * np.maximum(grid_kw, 0.0)
    cost = cost + prices.local_charge_per_kwh * np.maximum(-traded_kw, 0.0)
    return float(np.sum(cost[:hours]))


@pytest.mark.parametrize("seed", range(4))
def test_an_even_split_costs_no_more_and_nobody_more_than_alone(seed):
    members, prices = microgrids(seed, has_storage=False)
    found, _ = paid(members, prices)
    alone = p001.bills(clear(p001.world(members), Isolated()), prices)
    assert all(found[name] <= alone[name] + ROUNDING for name in alone)


def test_two_who_can_pay_in_kind_save_the_same():
    """A has 5 kWh over at noon and lacks 5 in the evening; B the reverse: each saves 5 (0.2)."""
    prices = p001.tariff(np.full(4, 0.2), np.full(4, 0.1))
    early = np.array([5.0, 5.0, 0.0, 0.0])
    members = [
        p001.member("A", prices, load_kw=5.0 - early, sun_kw=early),
        p001.member("B", prices, load_kw=early, sun_kw=5.0 - early),
    ]
    found, _ = paid(members, prices)
    assert found["A"] == pytest.approx(0.0, abs=ROUNDING)
    assert found["B"] == pytest.approx(0.0, abs=ROUNDING)

"""The auction in a run: the clock of its trades, orders that are none, sameness."""

import numpy as np
import pandas as pd
import pytest

import mmgsim
from mmgsim.contracts import OrderQuery
from mmgsim.engine import MessageBus

BAD = """
import numpy as np
from mmgsim.contracts import Order, Orders, Side
from mmgsim_agents.strategies import CostMinimiser


class BuysFromItself(CostMinimiser):
    def order(self, view, query):
        at = query.offsets[0]
        return Orders(orders=(Order(at, Side.SELL, 1.0, 0.1), Order(at, Side.BUY, 1.0, 0.2)))


class NotANumber(CostMinimiser):
    def order(self, view, query):
        return Orders(orders=(Order(query.offsets[0], Side.SELL, np.nan, 0.1),))


class OrdersForNextWeek(CostMinimiser):
    def order(self, view, query):
        return Orders(orders=(Order(168, Side.SELL, 1.0, 0.1),))
"""


def run(steps, **options):
    model = mmgsim.build("duo", **{"coordination": "auction", **options})
    for _ in range(steps):
        model.step()
    return model


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("BuysFromItself", "bids 0.2 and asks 0.1"),
        ("NotANumber", "orders nan kW"),
        ("OrdersForNextWeek", "position 168, which is not traded"),
    ],
)
def test_who_orders_nonsense_falls_back_and_the_others_trade_on(tmp_path, name, fault):
    (tmp_path / "bad.py").write_text(BAD)
    model = run(12, overrides={"microgrids.MG1.strategy": f"{tmp_path / 'bad.py'}:{name}"})
    faults = model.table("faults")
    assert set(faults.agent) == {"MG1"}
    assert faults.message.str.contains(fault, regex=False).all()
    # At noon the stand-in has sun to sell, and the other one buys it.
    assert model.table("dispatch").sold_kw.iloc[-2:].max() > 0.0


def test_without_storage_an_auction_saves_the_margin_on_all_that_can_be_matched():
    # The saving without storage of paper 001, with a local charge: by hand, hour by hour.
    series = {"source": "csv", "file": "series.csv", "label": "synthetic"}
    devices = [
        {"name": "homes", "kind": "load", "profile": {**series, "column": "homes_kw"}},
        {"name": "roof", "kind": "pv", "rating_kw": 60, "profile": {**series, "column": "roof_kw"}},
    ]
    overrides = {"microgrids.MG1.devices": devices}
    alone, traded = (
        run(24, coordination=kind, overrides=overrides) for kind in ("isolated", "auction")
    )
    kw = alone.table("dispatch").pivot(index="time", columns="microgrid", values="exchange_kw")
    surplus_kw, lack_kw = kw.clip(lower=0.0).sum(axis=1), (-kw).clip(lower=0.0).sum(axis=1)
    matched_kw = np.minimum(surplus_kw, lack_kw).to_numpy()
    prices = alone.table("prices")
    energy = prices[prices.microgrid == "MG1"].import_price.to_numpy()
    # A Monday, on peak from 8 to 22; a buyer saves the charge but for its local half.
    hours = np.arange(24)
    charge = np.where((hours >= 8) & (hours < 22), 0.27, 0.12)
    saving = float(np.sum(matched_kw * (energy + 0.5 * charge - 0.05)))
    assert saving > 1.0
    assert _cost(alone) - _cost(traded) == pytest.approx(saving, rel=1e-9)


def _cost(model):
    """Give what both microgrids pay in all, to whomever but each other. [currency]"""
    lines = model.table("ledger")
    names = {"MG1", "MG2"}
    paid = lines[lines.payer.isin(names)].amount.sum()
    return paid - lines[lines.payee.isin(names)].amount.sum()


def test_orders_are_asked_for_the_steps_until_the_next_gate_and_the_end_of_the_run():
    asked = {}

    class Listens(MessageBus):
        def exchange(self, sender, questions):
            queries = [one for one in questions if isinstance(one, OrderQuery)]
            asked.update({one.window.first_step: one.offsets for one in queries})
            return super().exchange(sender, questions)

    run(24, overrides={"gate.every": "5h"}, bus=Listens())
    assert asked == {step: tuple(range(min(5, 24 - step))) for step in (0, 5, 10, 15, 20)}


def test_a_gate_that_a_surprise_will_open_is_known_to_nobody():
    shock = {"kind": "price-shock", "start": "2021-01-11 03:00", "end": "2021-01-11 04:00"}
    shock |= {"price": "import", "factor": 2.0, "announced": False}
    model = mmgsim.build("duo", overrides={"gate.every": "6h", "events": [shock]})
    seen = {}
    for step in range(6):
        model.step()
        seen[step] = model.clock.is_gate, model.clock.steps_to_gate
    assert seen[0] == (True, 6)
    assert seen[2] == (False, 4)
    assert seen[3] == (True, 3)


@pytest.mark.parametrize(
    "strategy", ["truthful", "zero-intelligence", "markup", "withholder", "learner"]
)
def test_two_runs_of_the_same_seed_trade_the_same(strategy):
    one, other = (run(12, strategy=strategy).table("trades") for _ in range(2))
    assert len(one) > 0
    pd.testing.assert_frame_equal(one, other)


def test_another_seed_draws_other_prices():
    one, other = (
        run(12, strategy="zero-intelligence", overrides={"seed": seed}).table("prices")
        for seed in (1, 2)
    )
    assert not np.array_equal(one.local_price, other.local_price, equal_nan=True)

"""Every mechanism that comes with mmgsim keeps its contract, and the suite catches those that
do not."""

from dataclasses import replace
from functools import partial
from itertools import count

import numpy as np
import pytest

from mmgsim.contracts import Award, OrderQuery, Plan, Trade, frozen
from mmgsim.coordination import Auction, Bilateral, Bilevel, Hierarchical, Isolated
from mmgsim.coordination.pool import plan_costs
from mmgsim.errors import ContractError
from mmgsim.scenario import BUILT_IN, Kind, find_class
from mmgsim.testing import check_mechanism, mechanism_faults, sample_market
from tests.support.bilevel import PATIENCE_S
from tests.support.toys import AuctionToy, HierarchicalToy, PriceToy


@pytest.mark.slow
@pytest.mark.parametrize("name", BUILT_IN[Kind.MECHANISM])
def test_registered_mechanism_keeps_its_contract(name):
    check_mechanism(find_class(Kind.MECHANISM, name))


@pytest.mark.slow
@pytest.mark.parametrize("variant", ["kkt", "paper"])
def test_every_variant_of_the_bilevel_coordination_keeps_its_contract(variant):
    make = partial(Bilevel, variant=variant, time_limit_s=PATIENCE_S)
    # Markets in which the leader comes to an end soon.
    for seed in (0, 2, 3):
        assert mechanism_faults(make, seed) == []


@pytest.mark.parametrize("split", ["equal", "nucleolus"])
def test_an_aggregated_controller_keeps_its_contract(split):
    check_mechanism(partial(Hierarchical, controller="aggregated", split=split), seeds=2)


@pytest.mark.parametrize("pricing", ["pay-as-clear", "pay-as-bid"])
def test_an_auction_of_several_rounds_keeps_its_contract(pricing):
    assert mechanism_faults(partial(Auction, pricing, rounds=3), 1) == []


def test_pairs_with_charges_of_their_own_keep_the_contract():
    km = {f"MG{k}": {f"MG{n}": float(n) for n in range(k + 1, 9)} for k in range(1, 8)}
    make = partial(Bilateral, charges={"per_km": 0.005}, distances=km, trades="window", rounds=2)
    assert mechanism_faults(make, 1) == []


def test_sample_markets_have_two_to_five_members_one_of_them_with_diesel():
    markets = [sample_market(seed) for seed in range(4)]
    assert [len(view.members) for view, _ in markets] == [2, 3, 4, 5]
    assert [sum(bool(v.state.diesel) for v in views.values()) for _, views in markets] == [
        0,
        0,
        1,
        0,
    ]


# ---------------------------------------------------------------------------------- faulty ones
class AsksWhatItDoesNotSay(Isolated):
    asks = frozenset({Award})

    def ask(self):
        window = self._view.window
        return [OrderQuery(to=m.name, window=window, offsets=(0,)) for m in self._view.members]


class WritesToStrangers(Isolated):
    def ask(self):
        return [replace(super().ask()[0], to="MG11")]


class NeverEnds(Isolated):
    def tell(self, replies):
        return None


class ForgetsSomebody(Isolated):
    def tell(self, replies):
        clearing = super().tell(replies)
        return replace(clearing, plans=dict(list(clearing.plans.items())[1:]))


class TradesBehindTheirBacks(Isolated):
    def tell(self, replies):
        one = frozen(np.ones(self._view.window.steps))
        trades = (Trade("MG1", "market", one, one), Trade("market", "MG2", one, one))
        return replace(super().tell(replies), trades=trades)


class DoesNotBalance(Isolated):
    def ask(self):
        one = frozen(np.ones(self._view.window.steps))
        self.trades = (Trade("MG1", "market", one, one),)
        return [replace(super().ask()[0], trades=self.trades), *super().ask()[1:]]

    def tell(self, replies):
        return replace(super().tell(replies), trades=self.trades)


class CountsCostTwice(Isolated):
    def tell(self, replies):
        clearing = super().tell(replies)
        return replace(clearing, upper=2.0 * clearing.upper)


class ProvesTooMuch(Isolated):
    """Takes the cost without trade for a bound, which trading beats."""

    def tell(self, replies):
        clearing = super().tell(replies)
        return replace(clearing, lower=clearing.upper)


class BoundAboveCost(Isolated):
    def tell(self, replies):
        clearing = super().tell(replies)
        return replace(clearing, lower=clearing.upper + 0.01 * clearing.gross_cost)


class ImprovesPlans(Isolated):
    def tell(self, replies):
        plans = [replace(p, exchange_kw=frozen(0.9 * p.exchange_kw)) for p in replies]
        assert all(isinstance(plan, Plan) for plan in plans)
        return super().tell(plans)


class RemembersAFunction(Isolated):
    def tell(self, replies):
        return replace(super().tell(replies), memory={"rule": lambda kw: kw})


class WritesIntoItsMemory(Isolated):
    def start(self, view, memory):
        super().start(view, memory)
        self.memory = memory

    def tell(self, replies):
        self.memory.setdefault("gates", []).append(self._view.window.first_step)
        return replace(super().tell(replies), memory=self.memory)


class _Trading(Isolated):
    """Fixes a small trade at once; what it sells depends on `share`."""

    share = 0.0

    def ask(self):
        kw, price = self.share * np.ones(self._view.window.steps), self._view.tariff.buy_per_kwh
        names = [member.name for member in self._view.members]
        self.trades = (
            Trade(names[0], "market", frozen(kw), price),
            Trade("market", names[1], frozen(kw), price),
        )
        return [
            replace(award, trades=tuple(t for t in self.trades if award.to in (t.seller, t.buyer)))
            for award in super().ask()
        ]

    def tell(self, replies):
        clearing = super().tell(replies)
        trade_kw = {name: np.zeros(self._view.window.steps) for name in clearing.plans}
        for trade in self.trades:
            for party, sign in ((trade.seller, 1.0), (trade.buyer, -1.0)):
                if party in trade_kw:
                    trade_kw[party] += sign * trade.kw
        upper, gross = plan_costs(self._view, clearing.plans, trade_kw)
        return replace(clearing, trades=self.trades, upper=upper, gross_cost=gross)


class KeepsFromGateToGate(_Trading):
    def start(self, view, memory):
        super().start(view, memory)
        self.share = self.share + 1.0


class DiffersFromInstanceToInstance(_Trading):
    numbers = count()

    def __init__(self):
        self.share = float(next(self.numbers))


class ResetsHalf(_Trading):
    gates = 0

    def start(self, view, memory):
        super().start(view, memory)
        self.share = 0.0 if self.gates < 2 else 1.0
        self.gates += 1

    def reset(self):
        pass


class PaysBelowTheAsk(AuctionToy):
    def _cross(self, offset, orders):
        super()._cross(offset, orders)
        self.price[offset] *= 0.1


class ChargesAboveTheBid(AuctionToy):
    def _cross(self, offset, orders):
        super()._cross(offset, orders)
        self.price[offset] *= 10.0


class IgnoresMeritOrder(AuctionToy):
    """Begins with the dearest ask and the lowest bid."""

    def _cross(self, offset, orders):
        price = super()._cross
        price(offset, {n: [replace(o, price_per_kwh=1.0) for o in orders[n]] for n in orders})
        if self.price[offset]:
            every = [o.price_per_kwh for own in orders.values() for o in own if o.offset == offset]
            self.price[offset] = sum(every) / len(every)


class RationsNobody(AuctionToy):
    def _cross(self, offset, orders):
        super()._cross(offset, orders)
        for trade_kw in self.trade_kw.values():
            trade_kw[offset] *= 1.5


class Trips(Isolated):
    def tell(self, replies):
        return {}["nothing"]


@pytest.mark.parametrize(
    ("mechanism", "fault"),
    [
        (AsksWhatItDoesNotSay, "asks OrderQuery, which is not in its `asks`; add it"),
        (WritesToStrangers, "asks Award of 'MG11', who is no member; did you mean 'MG1'"),
        (NeverEnds, "does not clear after 300 exchanges"),
        (ForgetsSomebody, "no plan of MG1"),
        (TradesBehindTheirBacks, "the trades of MG1 are not those that it was awarded"),
        (DoesNotBalance, "what the market buys and sells differs by 1 kW"),
        (CountsCostTwice, "but its plans cost"),
        (ProvesTooMuch, "a lower bound holds for all plans"),
        (BoundAboveCost, "above upper"),
        (ImprovesPlans, "the plan of MG1 is not the last one that it gave"),
        (RemembersAFunction, "the memory of a plug-in cannot be written"),
        (WritesIntoItsMemory, "changes the memory that it is given"),
        (KeepsFromGateToGate, "what start\\(\\) is to know of the last gate goes into"),
        (DiffersFromInstanceToInstance, "two new ones clear the same gate differently"),
        (ResetsHalf, "after reset\\(\\) it clears a gate otherwise than a new one"),
        (Trips, "KeyError: 'nothing' \\(test_mechanisms.py:"),
    ],
)
def test_broken_promise_is_named_with_its_world(mechanism, fault):
    with pytest.raises(ContractError, match=f"world 0, [a-z ]+: .*{fault}") as caught:
        check_mechanism(mechanism, seeds=1)
    assert mechanism.__name__ in str(caught.value)
    assert "mechanism_faults(make, N), with sample_market(N)" in str(caught.value)


def test_what_is_no_mechanism_is_told_so():
    assert mechanism_faults(object) == [
        "is no Mechanism: it needs `asks`, `start`, `ask` and `tell`"
    ]


def test_a_fixed_trade_that_is_the_same_at_every_gate_is_no_fault():
    check_mechanism(_Trading, seeds=1)


@pytest.mark.parametrize(
    ("auction", "fault"),
    [
        (PaysBelowTheAsk, r"MG\d sells .* kW and gets .* per kWh, but asked"),
        (ChargesAboveTheBid, r"MG\d buys .* kW and pays .* per kWh, but bid"),
        (IgnoresMeritOrder, r"per kWh, but (asked|bid)"),
        (RationsNobody, r"MG\d (sells|buys) .* kW, but ordered .* kW on that side"),
    ],
)
def test_auction_that_does_not_keep_to_its_orders_is_told_so(auction, fault):
    with pytest.raises(ContractError, match=fault):
        check_mechanism(auction)


def test_members_of_a_market_order_at_prices_of_their_own():
    asked = []

    class Listens(AuctionToy):
        def _book(self, offset, orders, side):
            book = super()._book(offset, orders, side)
            asked.append(len({price for price, *_ in book}))
            return book

    check_mechanism(Listens)
    assert max(asked) > 2


@pytest.mark.parametrize("toy", [PriceToy, AuctionToy, HierarchicalToy])
def test_a_small_mechanism_of_every_family_keeps_its_contract(toy):
    check_mechanism(toy, seeds=1)

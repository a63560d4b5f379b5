"""Gates of the auction: by hand, nobody at a loss, money, rounds, and orders that are none."""

from dataclasses import replace

import numpy as np
import pytest

from mmgsim.contracts import (
    Award,
    Executed,
    MemberStep,
    Order,
    OrderQuery,
    Orders,
    Party,
    Side,
    Trade,
)
from mmgsim.coordination import Auction, Central, Isolated
from mmgsim.errors import ContractError
from mmgsim.settlement import account, settle
from mmgsim.subproblems import clearing_faults, public_cost, public_prices, split_exchange
from mmgsim_agents.strategies import CostMinimiser, Markup, Withholder, ZeroIntelligence
from tests.support.gates import clear, make_world
from tests.support.pencil import pencil_tariff, pencil_view, pencil_world

# Import at 0.30 with the network charge, export at 0.05, 0.04 of charge on local energy.
TARIFF = pencil_tariff([0.2], [0.05], charge=0.1, local=0.04)


class Says(CostMinimiser):
    """Orders what it is told to."""

    def __init__(self, *orders):
        super().__init__()
        self.orders = orders

    def order(self, view, query):
        return Orders(orders=self.orders)


def duo(surplus_kw, lack_kw, **options):
    views = [
        pencil_view("A", TARIFF, sun_kw=[surplus_kw]),
        pencil_view("B", TARIFF, load_kw=[lack_kw]),
    ]
    return pencil_world(views, **options)


def bills(world, clearing):
    """Give what everybody pays in all: operations, grid, local charge and trades. [currency]"""
    window, prices = world.view.window, public_prices(world.view.tariff)
    totals = {}
    for name, plan in clearing.plans.items():
        trade_kw, paid = np.zeros(window.steps), 0.0
        for trade in clearing.trades:
            sign = (trade.buyer == name) - (trade.seller == name)
            trade_kw -= sign * trade.kw
            paid += sign * window.step_h * float(trade.kw @ trade.price_per_kwh)
        beyond = public_cost(plan.exchange_kw, trade_kw, prices, window.step_h)
        totals[name] = plan.private_cost + beyond + paid
    return totals


# -------------------------------------------------------------------------------------- by hand
@pytest.mark.parametrize(
    ("surplus_kw", "lack_kw", "price", "bill_a", "bill_b"),
    [
        # More to sell than to buy: who is left with a rest asks 0.05 for it.
        (10.0, 6.0, 0.05, -(6 * 0.05 + 4 * 0.05), 6 * (0.05 + 0.04)),
        # More to buy: the rest bids 0.26, that is 0.30 at the grid less the local charge.
        (4.0, 6.0, 0.26, -4 * 0.26, 4 * (0.26 + 0.04) + 2 * 0.3),
        # As much on either side: the middle of 0.05 and 0.26.
        (6.0, 6.0, 0.155, -6 * 0.155, 6 * (0.155 + 0.04)),
    ],
)
def test_one_step_of_two_microgrids_by_hand(surplus_kw, lack_kw, price, bill_a, bill_b):
    world = duo(surplus_kw, lack_kw)
    clearing = clear(world, Auction())
    assert clearing.prices_per_kwh["A"] == pytest.approx([price])
    assert bills(world, clearing) == pytest.approx({"A": bill_a, "B": bill_b})


def test_pay_as_bid_leaves_the_market_what_lies_between_bid_and_ask():
    clearing = clear(duo(10.0, 6.0), Auction(pricing="pay-as-bid"))
    paid = {(t.seller, t.buyer): float(t.kw[0] * t.price_per_kwh[0]) for t in clearing.trades}
    assert paid == pytest.approx({("A", "market"): 6 * 0.05, ("market", "B"): 6 * 0.26})
    assert clearing.prices_per_kwh["B"] == pytest.approx([0.26])


@pytest.mark.parametrize("pricing", ["pay-as-clear", "pay-as-bid"])
@pytest.mark.parametrize("surplus", ["kept", "dno", "rebated"])
def test_money_of_an_auction_balances_under_every_rule_of_surplus(pricing, surplus):
    world = duo(10.0, 6.0)
    clearing = clear(world, Auction(pricing=pricing))
    members = []
    for name, plan in clearing.plans.items():
        trade_kw = 6.0 if name == "A" else -6.0
        import_kw, export_kw, _ = split_exchange(plan.exchange_kw, np.array([trade_kw]))
        exchange_kw = float(plan.exchange_kw[0])
        members.append(
            MemberStep(name, float(import_kw[0]), float(export_kw[0]), exchange_kw, exchange_kw)
        )
    lines = settle(
        Executed(
            window=world.view.window,
            tariff=TARIFF,
            members=tuple(members),
            trades=clearing.trades,
            loss_kw=0.0,
            loss_share_kw={},
            is_new_day=False,
        ),
        surplus=surplus,
    )
    parties = {party for line in lines for party in (line.payer, line.payee)}
    assert sum(account(lines, party) for party in parties) == pytest.approx(0.0, abs=1e-12)
    spread = 6.0 * 0.21 if pricing == "pay-as-bid" else 0.0
    kept = spread if surplus == "kept" else 0.0
    assert account(lines, Party.MARKET) == pytest.approx(-kept, abs=1e-12)
    if surplus == "rebated":
        # Each traded 6 of the 12 kWh.
        owed = bills(world, clearing)
        for name in "AB":
            assert account(lines, name) == pytest.approx(owed[name] - spread / 2.0)


def test_an_energy_that_is_worth_less_than_the_local_charge_is_not_traded():
    tariff = pencil_tariff([0.2], [0.05], charge=0.0, local=0.16)
    views = [pencil_view("A", tariff, sun_kw=[5.0]), pencil_view("B", tariff, load_kw=[5.0])]
    assert clear(pencil_world(views), Auction()).trades == ()


# ------------------------------------------------------------------------------- nobody at a loss
@pytest.mark.parametrize("pricing", ["pay-as-clear", "pay-as-bid"])
@pytest.mark.parametrize("seed", range(4))
def test_where_one_step_is_traded_nobody_pays_more_than_alone(seed, pricing):
    world = make_world(4, seed)
    world.view = replace(world.view, steps_to_gate=1)
    alone, traded = (bills(world, clear(world, m)) for m in (Isolated(), Auction(pricing)))
    # Each step of an order may be off by 1e-7 of the cost of a window, and there are few.
    gross = clear(world, Isolated()).gross_cost
    for name, bill in traded.items():
        assert bill <= alone[name] + 1e-6 * gross


@pytest.mark.parametrize("seed", range(4))
def test_no_gate_is_cheaper_than_central_or_dearer_than_alone(seed):
    world = make_world(4, seed)
    world.view = replace(world.view, steps_to_gate=1)
    alone, traded, best = (clear(world, m) for m in (Isolated(), Auction(), Central()))
    slack = 1e-6 * best.gross_cost
    assert best.lower - slack <= traded.upper <= alone.upper + slack
    assert traded.lower is None


@pytest.mark.parametrize("trades", ["gate", "window"])
@pytest.mark.parametrize("pricing", ["pay-as-clear", "pay-as-bid"])
def test_what_is_cleared_holds_together(trades, pricing):
    world = make_world(3, 2)
    world.view = replace(world.view, steps_to_gate=3)
    clearing = clear(world, Auction(pricing, trades))
    awarded = {m.to: m.trades for m in world.said if isinstance(m, Award)}
    plans = dict(clearing.plans)
    assert list(clearing_faults(clearing, world.view, awarded, plans)) == []
    assert clearing.trades
    assert clearing.residual_kw < 1e-9


# ----------------------------------------------------------------------------- what is asked for
def test_the_steps_until_the_next_gate_are_traded():
    tariff = pencil_tariff([0.2] * 4, [0.05] * 4)
    views = [
        pencil_view("A", tariff, sun_kw=[5.0] * 4),
        pencil_view("B", tariff, load_kw=[5.0] * 4),
    ]
    for trades, steps in (("gate", 2), ("window", 4)):
        world = pencil_world(views, steps_to_gate=2)
        clearing = clear(world, Auction(trades=trades))
        assert {m.offsets for m in world.said if isinstance(m, OrderQuery)} == {tuple(range(steps))}
        sold_kw = next(t.kw for t in clearing.trades if t.seller == "A")
        assert sold_kw == pytest.approx([5.0] * steps + [0.0] * (4 - steps))


def test_the_next_gate_is_told_the_last_prices_of_the_steps_that_it_still_has():
    tariff = pencil_tariff([0.2] * 3, [0.1] * 3)
    views = [
        pencil_view("A", tariff, sun_kw=[5.0, 5.0, 0.0]),
        pencil_view("B", tariff, load_kw=[5.0, 4.0, 4.0]),
    ]
    world = pencil_world(views)
    memory = clear(world, Auction()).memory
    later = replace(tariff.window, first_step=1)
    world.view = replace(world.view, window=later)
    auction = Auction()
    auction.start(world.view, memory)
    # At 0.15 in the middle, at 0.1 where there was more to sell, and then nothing for sale.
    told = auction.ask()[0].last_prices_per_kwh
    assert told == pytest.approx([0.1, np.nan, np.nan], nan_ok=True)


def test_further_rounds_come_on_top_of_what_is_firm():
    # B first wants half of what it lacks, then all of it.
    class Halfhearted(CostMinimiser):
        def order(self, view, query):
            orders = super().order(view, query).orders
            share = 0.5 if query.firm_kw is None else 1.0
            return Orders(orders=tuple(replace(o, kw=share * o.kw) for o in orders))

    for rounds, traded_kw in ((1, 3.0), (2, 6.0), (9, 6.0)):
        world = duo(10.0, 6.0, strategies={"B": Halfhearted()})
        clearing = clear(world, Auction(rounds=rounds))
        bought_kw = sum(t.kw[0] for t in clearing.trades if t.buyer == "B")
        assert bought_kw == pytest.approx(traded_kw)
        # The last round fills nothing, and there is one more for the plans.
        assert len(clearing.rounds) == min(rounds, 3) + 1


def test_who_has_sold_in_a_step_does_not_buy_there_in_a_later_round():
    class Late(Says):
        asked = 0

        def order(self, view, query):
            self.asked += 1
            return super().order(view, query) if self.asked > 1 else Orders(orders=())

    strategies = {
        "A": Says(Order(0, Side.SELL, 2.0, 0.1), Order(0, Side.BUY, 2.0, 0.09)),
        "B": Says(Order(0, Side.BUY, 2.0, 0.2)),
        "C": Late(Order(0, Side.SELL, 9.0, 0.06)),
    }
    views = [pencil_view(name, TARIFF, sun_kw=[9.0], load_kw=[9.0]) for name in "ABC"]
    clearing = clear(pencil_world(views, strategies=strategies), Auction(rounds=2))
    traded = [(t.seller, t.buyer, float(t.kw[0])) for t in clearing.trades]
    # First A to B; then C to B, and not to A, whose bid would be served too.
    assert traded == [
        *(("A", "market", 2.0), ("market", "B", 2.0)),
        *(("market", "B", 2.0), ("C", "market", 2.0)),
    ]


# ------------------------------------------------------------------------------- orders too large
def test_who_sold_what_it_does_not_have_buys_it_from_the_grid():
    strategies = {"A": Says(Order(0, Side.SELL, 9.0, 0.1)), "B": Says(Order(0, Side.BUY, 9.0, 0.2))}
    world = duo(4.0, 6.0, strategies=strategies)
    clearing = clear(world, Auction())
    # A sold 9 and has 4: it lets out 4 and pays the grid for 5; B bought 9, needs 6 and sells 3.
    assert clearing.plans["A"].exchange_kw == pytest.approx([4.0])
    assert clearing.plans["B"].exchange_kw == pytest.approx([-6.0])
    price = 0.15
    owed = {"A": 5 * 0.3 - 9 * price, "B": 9 * (price + 0.04) - 3 * 0.05}
    assert bills(world, clearing) == pytest.approx(owed)


def test_trades_beyond_the_envelope_leave_the_plan_inside_it():
    views = [
        pencil_view("A", TARIFF, sun_kw=[10.0], limit_kw=3.0),
        pencil_view("B", TARIFF, load_kw=[10.0]),
    ]
    strategies = {"A": Says(Order(0, Side.SELL, 8.0, 0.1)), "B": Says(Order(0, Side.BUY, 8.0, 0.2))}
    clearing = clear(pencil_world(views, strategies=strategies), Auction())
    # Three of the eight kW fit through the connection; the grid delivers the other five.
    assert clearing.plans["A"].exchange_kw == pytest.approx([3.0])
    assert clearing.plans["A"].flags == ()
    assert clear(pencil_world(views), Auction()).trades[0].kw == pytest.approx([3.0])


@pytest.mark.parametrize(
    ("orders", "fault"),
    [
        ([Order(0, Side.SELL, np.nan, 0.1)], "orders nan kW at 0.1"),
        ([Order(0, Side.SELL, 1.0, np.inf)], "orders 1.0 kW at inf"),
        ([Order(0, Side.SELL, -1.0, 0.1)], "orders -1.0 kW at 0.1"),
        ([Order(7, Side.SELL, 1.0, 0.1)], "position 7, which is not traded"),
        ([Order(0, "short", 1.0, 0.1)], "on the side 'short'"),
        (["1 kW"], "orders str, not Order"),
        (
            [Order(0, Side.SELL, 1.0, 0.1), Order(0, Side.BUY, 1.0, 0.2)],
            "bids 0.2 and asks 0.1 at position 0: it would buy from itself",
        ),
    ],
)
def test_what_is_no_order_is_refused_naming_whose_it_is(orders, fault):
    world = duo(4.0, 6.0, strategies={"B": Says(*orders)})
    with pytest.raises(ContractError, match="B") as caught:
        clear(world, Auction())
    assert fault in str(caught.value)


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        ({"pricing": "pay-as-you-go"}, "pay-as-clear, pay-as-bid"),
        ({"trades": "day"}, "gate, window"),
        ({"rounds": 0}, "at least 1"),
    ],
)
def test_options_that_mean_nothing_are_refused(options, fault):
    with pytest.raises(ValueError, match=fault):
        Auction(**options)


# ------------------------------------------------------------------------------- market power
def test_withholding_makes_what_is_left_dearer():
    clearing = clear(duo(8.0, 6.0, strategies={"A": Withholder(share=0.5)}), Auction())
    # Four kW for six: the price goes from the seller's 0.05 to the buyer's 0.26.
    assert clearing.prices_per_kwh["B"] == pytest.approx([0.26])


def test_a_markup_that_nobody_else_undercuts_is_paid():
    clearing = clear(duo(8.0, 6.0, strategies={"A": Markup(share=1.0)}), Auction())
    assert clearing.prices_per_kwh["B"] == pytest.approx([0.1])


def test_the_same_market_clears_the_same_twice():
    def traded():
        world = duo(5.0, 6.0, strategies={name: ZeroIntelligence() for name in "AB"})
        return clear(world, Auction(rounds=3)).trades

    one, other = traded(), traded()
    assert len(one) == len(other) > 0
    for trade, again in zip(one, other, strict=True):
        assert isinstance(trade, Trade)
        assert (trade.seller, trade.buyer) == (again.seller, again.buyer)
        assert np.array_equal(trade.kw, again.kw)
        assert np.array_equal(trade.price_per_kwh, again.price_per_kwh)

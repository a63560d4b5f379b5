"""Gates of the bilateral coordination: by hand, charges, nobody at a loss, rounds, strategies."""

from dataclasses import replace

import numpy as np
import pytest

from mmgsim.contracts import (
    Award,
    Executed,
    Item,
    MemberStep,
    NetworkQuery,
    NetworkRows,
    Objective,
    Order,
    OrderQuery,
    Orders,
    Party,
    RequestQuery,
    Side,
    frozen,
)
from mmgsim.coordination import Auction, Bilateral, Central, Isolated
from mmgsim.errors import ContractError
from mmgsim.settlement import account, settle
from mmgsim.subproblems import clearing_faults, public_cost, public_prices, split_exchange
from mmgsim_agents.strategies import CostMinimiser, Markup, Withholder, ZeroIntelligence
from tests.support.gates import clear, make_world
from tests.support.pencil import pencil_tariff, pencil_view, pencil_world

# Import at 0.30 with the network charge, export at 0.05, 0.04 of charge on local energy; losses at
# 0.2. So a kWh is asked at 0.05 or more, and bid at 0.26 or less.
TARIFF = pencil_tariff([0.2], [0.05], charge=0.1, local=0.04)


class Says(CostMinimiser):
    """Orders what it is told to."""

    def __init__(self, *orders):
        super().__init__()
        self.orders = orders

    def order(self, view, query):
        return Orders(orders=self.orders)


class Network:
    """A DNO that says what a kW more from each microgrid loses."""

    name = role = "dno"

    def __init__(self, loss_per_kw, knows=None):
        self.loss_per_kw, self.knows, self.asked = loss_per_kw, knows, []

    def may_answer_in_thread(self, message):
        return False

    def receive(self, message):
        assert isinstance(message, NetworkQuery)
        self.asked.append(message.exchange_kw)
        steps, members = message.window.steps, len(message.exchange_kw)
        return NetworkRows(
            window=message.window,
            members=self.knows or tuple(message.exchange_kw),
            offset=(),
            limit_kind=(),
            element=(),
            coefficient=frozen(np.zeros((0, members))),
            limit=frozen([]),
            share_per_kw=frozen([]),
            loss_kw=frozen(np.ones(steps)),
            loss_per_kw=frozen(np.tile(self.loss_per_kw, (steps, 1))),
        )


def market(net_kw, *, km=None, network=None, strategies=None, tariff=TARIFF):
    """Give a market of one step of microgrids with this generation less demand."""
    views = [
        pencil_view(name, tariff, sun_kw=[max(kw, 0.0)], load_kw=[max(-kw, 0.0)])
        for name, kw in net_kw.items()
    ]
    world = pencil_world(views, strategies=strategies)
    world.view = replace(world.view, distance_km=None if km is None else frozen(km))
    if network is not None:
        world.bus.register(network)
        world.view = replace(world.view, has_network=True)
    return world


def traded(clearing):
    return {
        (trade.seller, trade.buyer): (float(trade.kw[0]), float(trade.price_per_kwh[0]))
        for trade in clearing.trades
    }


def bills(world, clearing):
    """Give what everybody pays in all: operations, grid, trades and their charges. [currency]"""
    window, tariff = world.view.window, world.view.tariff
    prices, nothing = public_prices(tariff), np.zeros(window.steps)
    totals = {}
    for name, plan in clearing.plans.items():
        trade_kw, paid = nothing.copy(), 0.0
        for trade in clearing.trades:
            sign = (trade.seller == name) * 1.0 - (trade.buyer == name)
            trade_kw += sign * trade.kw
            paid -= sign * window.step_h * float(trade.kw @ trade.price_per_kwh)
            if trade.buyer == name:
                charge = trade.charge_per_kwh
                charge = tariff.local_charge_per_kwh if charge is None else charge
                paid += window.step_h * float(trade.kw @ charge)
        at_grid = public_cost(plan.exchange_kw - trade_kw, nothing, prices, window.step_h)
        totals[name] = plan.private_cost + at_grid + paid
    return totals


def executed(world, clearing, at=0):
    """Give the first step as it was planned."""
    members = []
    for name, plan in clearing.plans.items():
        trade_kw = sum(
            (t.kw * ((t.seller == name) * 1.0 - (t.buyer == name)) for t in clearing.trades),
            np.zeros(world.view.window.steps),
        )
        import_kw, export_kw, _ = split_exchange(plan.exchange_kw, trade_kw)
        kw = float(plan.exchange_kw[at])
        members.append(MemberStep(name, float(import_kw[at]), float(export_kw[at]), kw, kw))
    return Executed(
        window=replace(world.view.window, steps=1),
        tariff=world.view.tariff.now(),
        members=tuple(members),
        trades=tuple(t.at(at) for t in clearing.trades if t.kw[at] > 0.0),
        loss_kw=0.0,
        loss_share_kw={},
        is_new_day=False,
    )


# -------------------------------------------------------------------------------------- by hand
@pytest.mark.parametrize(
    ("split", "price"), [(0.5, 0.155), (0.0, 0.05), (1.0, 0.26), (0.25, 0.1025)]
)
def test_a_pair_divides_what_lies_between_ask_and_bid(split, price):
    world = market({"A": 10.0, "B": -6.0})
    clearing = clear(world, Bilateral(split=split))
    assert traded(clearing) == {("A", "B"): (6.0, pytest.approx(price))}
    owed = {"A": -6 * price - 4 * 0.05, "B": 6 * (price + 0.04)}
    assert bills(world, clearing) == pytest.approx(owed)
    assert clearing.prices_per_kwh["B"] == pytest.approx([price])
    assert clearing.lower is None


@pytest.mark.parametrize("net_kw", [{"A": 10.0, "B": -6.0}, {"A": 4.0, "B": -6.0}])
def test_two_microgrids_at_one_gate_cost_what_the_joint_optimum_does(net_kw):
    world = market(net_kw)
    best, found = clear(world, Central()), clear(world, Bilateral())
    assert found.upper == pytest.approx(best.upper, abs=1e-6 * best.gross_cost)
    # By hand: what is traded costs the local charge, the rest goes to the grid.
    kw = min(net_kw["A"], -net_kw["B"])
    due = 0.04 * kw + 0.3 * (-net_kw["B"] - kw) - 0.05 * (net_kw["A"] - kw)
    assert found.upper == pytest.approx(due)


def test_pairs_of_one_step_gain_as_much_as_an_auction_does():
    net_kw = {"A": 10.0, "B": -6.0, "C": 2.0, "D": -9.0, "E": 1.0}
    one, other = (clear(market(net_kw), kind) for kind in (Bilateral(), Auction()))
    assert one.upper == pytest.approx(other.upper)


def test_the_nearest_of_equal_partners_is_served_first():
    km = [[0.0, 2.0, 1.0], [2.0, 0.0, 3.0], [1.0, 3.0, 0.0]]
    clearing = clear(market({"A": 5.0, "B": -4.0, "C": -4.0}, km=km), Bilateral())
    assert {pair: kw for pair, (kw, _) in traded(clearing).items()} == {
        ("A", "B"): 1.0,
        ("A", "C"): 4.0,
    }


# -------------------------------------------------------------------------------------- charges
def test_a_far_pair_whose_charge_is_above_its_gain_does_not_trade_while_a_near_one_does():
    # 0.21 to gain: two kilometres at 0.1 leave 0.01, three leave less than nothing.
    km = [[0.0, 2.0, 3.0], [2.0, 0.0, 5.0], [3.0, 5.0, 0.0]]
    world = market({"A": 9.0, "near": -4.0, "far": -4.0}, km=km)
    clearing = clear(world, Bilateral(charges={"per_km": 0.1}))
    assert traded(clearing) == {("A", "near"): (4.0, pytest.approx(0.055))}
    (trade,) = clearing.trades
    assert trade.charge_per_kwh == pytest.approx([0.04 + 0.2])
    assert set(traded(clear(world, Bilateral()))) == {("A", "near"), ("A", "far")}


def test_a_pair_pays_for_the_losses_that_its_trade_causes_around_what_all_do_alone():
    network = Network([0.1, -0.05, 0.2])
    world = market({"A": 9.0, "B": -4.0, "C": -7.0}, network=network)
    clearing = clear(world, Bilateral(charges="losses"))
    # To B a kWh loses 0.15, to C it saves 0.1; the pair with C gains more and comes first.
    charges = {(t.seller, t.buyer): t.charge_per_kwh[0] for t in clearing.trades}
    assert charges == pytest.approx({("A", "B"): 0.04 + 0.2 * 0.15, ("A", "C"): 0.04 - 0.2 * 0.1})
    prices = {pair: price for pair, (_, price) in traded(clearing).items()}
    assert prices == pytest.approx({("A", "C"): 0.05 + 0.115, ("A", "B"): 0.05 + 0.09})
    assert {pair: kw for pair, (kw, _) in traded(clearing).items()} == {
        ("A", "B"): 2.0,
        ("A", "C"): 7.0,
    }
    # Once a gate, about everybody without trade.
    (asked,) = network.asked
    assert {name: kw.tolist() for name, kw in asked.items()} == {
        "A": [9.0],
        "B": [-4.0],
        "C": [-7.0],
    }


@pytest.mark.parametrize("slope", [0.0, 0.15, -0.5])
def test_money_balances_and_the_dno_gets_or_pays_just_the_charges(slope):
    world = market({"A": 9.0, "B": -4.0}, network=Network([slope, 0.0]))
    clearing = clear(world, Bilateral(charges="losses"))
    lines = settle(executed(world, clearing))
    charge = 0.04 + 0.2 * slope
    booked = [(x.payer, x.payee, x.kwh, x.amount) for x in lines if x.item == Item.LOCAL_CHARGE]
    assert booked == [("B", "dno", 4.0, pytest.approx(4.0 * charge))]
    assert account(lines, str(Party.DNO)) == pytest.approx(-4.0 * charge)
    owed = bills(world, clearing)
    assert {name: account(lines, name) for name in "AB"} == pytest.approx(owed)
    # What all pay together is the cost of the gate: a charge below nothing makes it smaller.
    assert sum(owed.values()) == pytest.approx(clearing.upper)


def test_where_there_is_no_network_nobody_is_asked_and_losses_cost_nothing():
    world = market({"A": 9.0, "B": -4.0})
    clearing = clear(world, Bilateral(charges="losses"))
    assert clearing.trades[0].charge_per_kwh is None
    assert not [m for m in world.said if isinstance(m, RequestQuery | NetworkQuery)]


def test_a_step_without_a_power_flow_has_the_local_charge():
    world = market({"A": 9.0, "B": -4.0}, network=Network([np.nan, np.nan]))
    assert clear(world, Bilateral(charges="losses")).trades[0].charge_per_kwh is None


def test_an_answer_about_others_is_refused_in_the_name_of_the_dno():
    world = market({"A": 9.0, "B": -4.0}, network=Network([0.0, 0.0], knows=("A", "C")))
    with pytest.raises(ContractError, match="DNO"):
        clear(world, Bilateral(charges="losses"))


def test_under_system_charges_are_transfers_and_no_cost_of_the_gate():
    world = market({"A": 9.0, "B": -4.0}, network=Network([0.15, 0.0]))
    world.view = replace(world.view, objective=Objective.SYSTEM)
    clearing = clear(world, Bilateral(charges="losses"))
    assert clearing.trades
    assert clearing.upper == pytest.approx(0.2 * (4.0 - 9.0))


# ------------------------------------------------------------------------------------- fairness
def random_market(seed, **options):
    rng = np.random.default_rng(seed)
    members = int(rng.integers(2, 6))
    net_kw = {f"M{k}": float(rng.integers(-9, 10)) for k in range(members)}
    km = rng.uniform(0.0, 4.0, (members, members))
    return market(net_kw, km=km + km.T, network=Network(rng.uniform(-0.3, 0.3, members)), **options)


@pytest.mark.parametrize("charges", ["local", "losses", {"per_km": 0.03}])
@pytest.mark.parametrize("seed", range(8))
def test_who_orders_at_its_costs_pays_no_more_than_with_the_grid_alone(seed, charges):
    world = random_market(seed)
    alone = bills(world, clear(world, Isolated()))
    clearing = clear(world, Bilateral(charges=charges))
    paid = bills(world, clearing)
    assert all(paid[name] <= alone[name] + 1e-9 for name in alone)
    plans = clearing.plans
    assert (
        clearing_faults(
            clearing,
            world.view,
            {m.to: m.trades for m in world.said if isinstance(m, Award)},
            plans,
        )
        == []
    )


@pytest.mark.parametrize("seed", range(6))
def test_with_storage_too_nobody_pays_more_where_one_step_is_traded(seed):
    tariff = pencil_tariff([0.2, 0.4, 0.1], [0.05] * 3, charge=0.1, local=0.04)
    rng = np.random.default_rng(seed)
    views = [
        pencil_view(
            name,
            tariff,
            sun_kw=rng.uniform(0.0, 9.0, 3),
            load_kw=rng.uniform(0.0, 9.0, 3),
            battery=(5.0, 2.0, 0.9),
        )
        for name in "ABC"
    ]
    world = pencil_world(views, steps_to_gate=1)
    alone = bills(world, clear(world, Isolated()))
    paid = bills(world, clear(world, Bilateral(charges={"per_km": 0.0}, rounds=5)))
    assert all(paid[name] <= alone[name] + 1e-6 for name in alone)


def test_with_diesel_a_gate_costs_no_less_than_what_no_plan_can():
    world = make_world(3, diesel=True)
    world.view = replace(world.view, steps_to_gate=1)
    best, found = clear(world, Central()), clear(world, Bilateral())
    assert found.upper >= best.lower - 1e-6 * best.gross_cost


def test_the_order_of_the_members_changes_nothing():
    net_kw = {"A": 10.0, "B": -6.0, "C": 2.0, "D": -9.0}
    first = traded(clear(market(net_kw), Bilateral()))
    other = traded(clear(market(dict(reversed(net_kw.items()))), Bilateral()))
    assert set(first) == set(other)
    for pair, values in first.items():
        assert other[pair] == pytest.approx(values)


# --------------------------------------------------------------------------------------- rounds
@pytest.mark.parametrize(("rounds", "traded_kw"), [(1, 3.0), (2, 6.0), (9, 6.0)])
def test_further_rounds_come_on_top_of_what_is_firm_and_end_when_nobody_gains(rounds, traded_kw):
    # B first wants half of what it lacks, then all of it.
    class Halfhearted(CostMinimiser):
        def order(self, view, query):
            orders = super().order(view, query).orders
            share = 0.5 if query.firm_kw is None else 1.0
            return Orders(orders=tuple(replace(o, kw=share * o.kw) for o in orders))

    world = market({"A": 10.0, "B": -6.0}, strategies={"B": Halfhearted()})
    clearing = clear(world, Bilateral(rounds=rounds))
    assert traded(clearing) == {("A", "B"): (pytest.approx(traded_kw), pytest.approx(0.155))}
    # The last round agrees on nothing, and there is one more for the plans.
    assert len(clearing.rounds) == min(rounds, 3) + 1


def test_a_pair_that_agrees_twice_has_one_trade_at_the_mean_price():
    class Rises(CostMinimiser):
        asked = 0

        def order(self, view, query):
            self.asked += 1
            price = 0.1 * self.asked
            return Orders(orders=(Order(0, Side.BUY, self.asked, price),))

    strategies = {"A": Says(Order(0, Side.SELL, 9.0, 0.06)), "B": Rises()}
    clearing = clear(market({"A": 9.0, "B": -9.0}, strategies=strategies), Bilateral(rounds=2))
    # 1 kW at 0.08 and 2 kW at 0.13.
    assert traded(clearing) == {("A", "B"): (3.0, pytest.approx((0.08 + 2 * 0.13) / 3))}


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
    clearing = clear(
        market({"A": 2.0, "B": -4.0, "C": 9.0}, strategies=strategies), Bilateral(rounds=2)
    )
    assert {pair: kw for pair, (kw, _) in traded(clearing).items()} == {
        ("A", "B"): 2.0,
        ("C", "B"): 2.0,
    }


@pytest.mark.parametrize(("trades", "offsets"), [("gate", (0, 1)), ("window", (0, 1, 2, 3))])
def test_orders_are_asked_for_the_traded_steps(trades, offsets):
    tariff = pencil_tariff([0.2] * 4, [0.05] * 4, local=0.04)
    views = [
        pencil_view("A", tariff, sun_kw=[5.0] * 4),
        pencil_view("B", tariff, load_kw=[4.0] * 4),
    ]
    world = pencil_world(views, steps_to_gate=2)
    clearing = clear(world, Bilateral(trades=trades))
    asked = {m.offsets for m in world.said if isinstance(m, OrderQuery)}
    assert asked == {offsets}
    (trade,) = clearing.trades
    assert trade.kw.tolist() == [4.0 if k in offsets else 0.0 for k in range(4)]


# ----------------------------------------------------------------------------------- strategies
@pytest.mark.parametrize(("rounds", "traded_kw"), [(1, 4.0), (2, 6.0)])
def test_who_withholds_half_in_every_round_withholds_less_the_more_there_are(rounds, traded_kw):
    world = market({"A": 8.0, "B": -6.0}, strategies={"A": Withholder(share=0.5)})
    assert traded(clear(world, Bilateral(rounds=rounds)))["A", "B"][0] == pytest.approx(traded_kw)


def test_a_markup_moves_the_price_that_a_pair_agrees_on():
    world = market({"A": 8.0, "B": -6.0}, strategies={"A": Markup(share=1.0)})
    # Asked 0.1 in place of 0.05: the middle to 0.26 is dearer by half of that.
    assert traded(clear(world, Bilateral()))["A", "B"] == (6.0, pytest.approx(0.18))


def test_the_same_market_clears_the_same_twice():
    def once():
        world = market({"A": 5.0, "B": -6.0}, strategies={n: ZeroIntelligence() for n in "AB"})
        return traded(clear(world, Bilateral()))

    assert once() == once() != {}


@pytest.mark.parametrize(
    ("orders", "fault"),
    [
        ([Order(0, Side.SELL, np.nan, 0.1)], "orders nan kW at 0.1"),
        ([Order(7, Side.SELL, 1.0, 0.1)], "position 7, which is not traded"),
    ],
)
def test_what_is_no_order_is_refused_naming_whose_it_is(orders, fault):
    world = market({"A": 4.0, "B": -6.0}, strategies={"B": Says(*orders)})
    with pytest.raises(ContractError, match="B") as caught:
        clear(world, Bilateral())
    assert fault in str(caught.value)


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        ({"charges": "tariff"}, "local, losses or"),
        ({"charges": {"per_km": -0.1}}, "a number of at least 0"),
        ({"charges": {"per_mile": 0.1}}, "per_km: price"),
        ({"charges": {"per_km": True}}, "a number of at least 0"),
        ({"split": 1.5}, "from 0 to 1"),
        ({"trades": "day"}, "gate, window"),
        ({"rounds": 0}, "at least 1"),
        ({"distances": "map"}, "feeder"),
    ],
)
def test_options_that_mean_nothing_are_refused(options, fault):
    with pytest.raises(ValueError, match=fault):
        Bilateral(**options)

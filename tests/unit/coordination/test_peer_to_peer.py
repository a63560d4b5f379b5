"""Peer-to-peer: who sells what to whom at which price, where nobody trades, and what is refused."""

from dataclasses import replace

import numpy as np
import pytest

import mmgsim
from mmgsim.contracts import Award, Realised, RequestQuery
from mmgsim.coordination import Isolated, PeerToPeer
from mmgsim.errors import ScenarioError
from mmgsim.scenario import load_scenario
from mmgsim.subproblems import clearing_faults
from mmgsim_agents.strategies import CostMinimiser, SelfConsumer
from tests.support.gates import clear
from tests.support.peers import BUY, PEER, SELL, grid_kw, paid, peers, small_battery, traded

KM = [[0.0, 9.0, 21.0], [9.0, 0.0, 30.0], [21.0, 30.0, 0.0]]
KM_BY_PAIR = {"A": {"B": 9.0, "C": 21.0}, "B": {"C": 30.0}}
# Noise of a solver behind a request of tens of kW. [kW]
NOISE_KW = 1e-6


def at(price=PEER, **options):
    return PeerToPeer(price_per_kwh=price, **options)


# ------------------------------------------------------------------------------------- by hand
def test_an_hour_of_three_towns_by_hand():
    # A has 100 kW left over, B lacks 30 kW 9 km away, C lacks 90 kW 21 km away.
    world = peers({"A": [100.0], "B": [-30.0], "C": [-90.0]}, distance_km=KM)
    clearing = clear(world, at())
    assert traded(clearing).keys() == {("A", "B"), ("A", "C")}
    assert traded(clearing)["A", "B"] == pytest.approx([30.0], abs=NOISE_KW)
    assert traded(clearing)["A", "C"] == pytest.approx([70.0], abs=NOISE_KW)
    assert grid_kw(clearing, "C") == pytest.approx([-20.0], abs=NOISE_KW)
    expected = {"A": -100 * 0.15, "B": 30 * 0.15, "C": 70 * 0.15 + 20 * 0.28}
    for name, bill in expected.items():
        assert paid(world, clearing, name) == pytest.approx([bill], abs=NOISE_KW)
    # Nothing but what C buys at the grid leaves the three of them.
    assert clearing.upper == pytest.approx(20 * 0.28, abs=NOISE_KW)


def test_every_step_is_matched_on_its_own():
    world = peers({"A": [50.0, -10.0], "B": [-20.0, 40.0]})
    found = traded(clear(world, at()))
    assert found["A", "B"] == pytest.approx([20.0, 0.0], abs=NOISE_KW)
    assert found["B", "A"] == pytest.approx([0.0, 10.0], abs=NOISE_KW)


def test_a_battery_is_filled_before_anything_is_sold_and_emptied_before_anything_is_bought():
    battery = small_battery(energy_kwh=30.0, efficiency=1.0)  # between 6 and 30 kWh
    world = peers({"A": [40.0, -30.0], "B": [-40.0, 30.0]}, batteries={"A": battery})
    found = traded(clear(world, at()))
    assert found["A", "B"] == pytest.approx([40.0 - 24.0, 0.0], abs=NOISE_KW)
    assert found["B", "A"] == pytest.approx([0.0, 30.0 - 24.0], abs=NOISE_KW)


def test_without_a_network_all_peers_are_equally_near():
    found = traded(clear(peers({"A": [30.0], "B": [-20.0], "C": [-40.0]}), at()))
    assert found["A", "B"] == pytest.approx([10.0], abs=NOISE_KW)
    assert found["A", "C"] == pytest.approx([20.0], abs=NOISE_KW)


def test_distances_of_the_scenario_count_more_than_those_of_the_feeder():
    world = peers({"A": [30.0], "B": [-20.0], "C": [-40.0]}, distance_km=KM)
    by_pair = {"C": {"A": 1.0}, "A": {"B": 2.0}, "B": {"C": 0.5}}
    found = traded(clear(world, at(distances=by_pair)))
    assert found.keys() == {("A", "C")}
    equal = traded(clear(world, at(distances="equal")))
    assert equal["A", "B"] == pytest.approx([10.0], abs=NOISE_KW)


def test_an_infinite_distance_is_a_pair_that_does_not_trade():
    world = peers({"A": [30.0], "B": [-20.0], "C": [-40.0]})
    by_pair = {"A": {"B": float("inf"), "C": 3}, "B": {"C": 5}}
    found = traded(clear(world, at(distances=by_pair)))
    assert found.keys() == {("A", "C")}
    assert found["A", "C"] == pytest.approx([30.0], abs=NOISE_KW)


# --------------------------------------------------------------------------------------- prices
def test_by_default_both_gain_the_same():
    world = peers({"A": [30.0], "B": [-20.0]}, local=0.04)
    clearing = clear(world, PeerToPeer())
    alone = clear(world, Isolated())
    gains = [(paid(world, alone, n) - paid(world, clearing, n))[0] for n in ("A", "B")]
    assert gains == pytest.approx([20 * (BUY - 0.04 - SELL) / 2] * 2, abs=NOISE_KW)


def test_every_seller_may_have_a_price_of_its_own():
    world = peers({"A": [30.0, 0.0], "B": [-20.0, 5.0], "C": [-40.0, -5.0]})
    clearing = clear(world, at({"A": 0.12, "B": 0.2, "C": 0.25}))
    prices = {trade.seller: set(trade.price_per_kwh) for trade in clearing.trades}
    assert prices == {"A": {0.12}, "B": {0.2}}


def test_buyers_owe_the_local_charge_on_top_and_nobody_trades_where_that_is_dearer():
    charge = [0.0, BUY - PEER, BUY - PEER + 0.001]
    world = peers({"A": [30.0] * 3, "B": [-20.0] * 3}, local=charge)
    found = traded(clear(world, at()))["A", "B"]
    assert found == pytest.approx([20.0, 20.0, 0.0], abs=NOISE_KW)


def test_nobody_sells_where_the_grid_pays_more():
    world = peers({"A": [30.0] * 3, "B": [-20.0] * 3}, sell=[0.14, 0.15, 0.16])
    found = traded(clear(world, at()))["A", "B"]
    assert found == pytest.approx([20.0, 20.0, 0.0], abs=NOISE_KW)


def test_of_two_sellers_the_one_with_a_fair_price_sells_though_the_other_is_nearer():
    world = peers({"A": [30.0], "B": [-20.0], "C": [40.0]}, distance_km=KM)
    found = traded(clear(world, at({"A": 0.30, "B": 0.2, "C": 0.2})))
    assert found.keys() == {("C", "B")}


def test_where_the_grid_pays_what_it_takes_there_is_nothing_to_gain_and_nothing_is_traded():
    world = peers({"A": [30.0], "B": [-20.0]}, buy=PEER, sell=PEER)
    assert clear(world, at()).trades == ()


# ------------------------------------------------------------------ what it costs, and premises
def random_peers(seed, *, members=3, steps=24, **terms):
    rng = np.random.default_rng(seed)
    names = [f"M{k}" for k in range(members)]
    batteries = {name: small_battery(rng.uniform(5.0, 60.0)) for name in names[::2]}
    return peers(
        {name: rng.uniform(-50.0, 50.0, steps) for name in names}, batteries=batteries, **terms
    )


def bill(world, clearing, name):
    return float(paid(world, clearing, name).sum())


@pytest.mark.parametrize("strategy", [SelfConsumer, CostMinimiser])
@pytest.mark.parametrize("seed", range(4))
def test_at_one_gate_nobody_pays_more_than_at_the_grid_alone(seed, strategy):
    world = random_peers(seed, local=0.05)
    for agent in world.agents.values():
        agent.strategy = strategy()
    alone, together = clear(world, Isolated()), clear(world, at())
    assert together.trades
    for name in world.agents:
        slack = 24 * NOISE_KW
        assert bill(world, together, name) <= bill(world, alone, name) + slack
    assert together.upper <= alone.upper + 3 * slack


def test_at_a_price_outside_of_what_the_grid_takes_and_pays_somebody_would_lose():
    # The paper's other price: grid energy at 0.12, so that 0.15 to a peer is dearer.
    world = peers({"A": [30.0], "B": [-20.0]}, buy=0.12)
    alone, together = clear(world, Isolated()), clear(world, at())
    as_printed = 20 * PEER
    assert as_printed > bill(world, alone, "B") == pytest.approx(20 * 0.12, abs=NOISE_KW)
    assert together.trades == ()
    assert bill(world, together, "B") == bill(world, alone, "B")


def test_a_buyer_whose_forecast_was_wrong_pays_more_than_at_the_grid_alone():
    world = peers({"A": [30.0], "B": [-20.0]})
    clearing = clear(world, at())
    buyer = world.agents["B"]
    award = Award(to="B", window=buyer.view.window, trades=clearing.trades)
    plan = buyer.strategy.answer(buyer.view, award)
    view = replace(buyer.view, plan=plan, trades=clearing.trades)
    dispatch = buyer.strategy.dispatch(view, Realised(0, {"load": 0.0, "sun": 0.0}))
    assert sum(one.net_kw for one in dispatch.operations.values()) == 0.0
    # 20 kW are paid for and sold on to the grid; alone it would have paid nothing.
    assert 20 * PEER - 20 * SELL > 0.0


class RestsOnceItTrades(SelfConsumer):
    """Lets its battery rest as soon as it has bought anything."""

    def plan(self, view, terms):
        if terms.trade_kw.any():
            least_kwh = view.devices[-1].energy_min_kwh
            view = replace(view, state=replace(view.state, energy_kwh={"battery": least_kwh}))
        return super().plan(view, terms)


def test_who_plans_otherwise_once_it_has_trades_may_pay_more_than_alone():
    battery = small_battery(energy_kwh=30.0, efficiency=1.0)
    world = peers({"A": [-30.0], "B": [8.0]}, batteries={"A": battery})
    agent = world.agents["A"]
    agent.view = replace(agent.view, state=replace(agent.view.state, energy_kwh={"battery": 30.0}))
    agent.strategy = RestsOnceItTrades()
    # On its own 24 kW come from the battery and 6 from the grid.
    assert bill(world, clear(world, Isolated()), "A") == pytest.approx(6 * BUY, abs=NOISE_KW)
    together = clear(world, at())
    assert bill(world, together, "A") == pytest.approx(6 * PEER + 24 * BUY, abs=NOISE_KW)


# ---------------------------------------------------------------------------------- what is said
def test_it_asks_for_requests_and_awards_and_keeps_nothing():
    world = random_peers(0)
    clearing = clear(world, at())
    assert PeerToPeer.asks == {RequestQuery, Award}
    assert clearing.memory == {}
    assert clearing.lower is None
    assert len(world.said) == 4 * len(world.agents)


def test_the_clearing_holds_together():
    world = random_peers(1, members=5)
    clearing = clear(world, at())
    names = list(world.agents)
    awarded = {n: tuple(t for t in clearing.trades if n in (t.seller, t.buyer)) for n in names}
    assert clearing_faults(clearing, world.view, awarded, clearing.plans) == []


# ------------------------------------------------------------------------------ faults and doubts
@pytest.mark.parametrize(
    ("options", "what"),
    [
        ({"price_per_kwh": -0.1}, "price_per_kwh is a number of at least 0, 'midpoint', or such"),
        ({"price_per_kwh": "marginal"}, "not 'marginal'"),
        ({"price_per_kwh": True}, "not True"),
        ({"price_per_kwh": {"A": float("nan")}}, "price_per_kwh is"),
        ({"distances": "roads"}, "distances is 'feeder', 'equal' or kilometres by pair"),
        ({"distances": {"A": 3.0}}, "A: 3.0 is not kilometres by name"),
        ({"distances": {"A": {"A": 3.0}}}, "A to itself"),
        ({"distances": {"A": {"B": -3.0}}}, "A to B: -3.0 is no number of at least 0"),
        ({"distances": {"A": {"B": 3.0}, "B": {"A": 4.0}}}, "B to A: both 3 and 4"),
    ],
)
def test_terms_that_are_none_are_refused(options, what):
    with pytest.raises(ValueError, match=r"^(price_per_kwh|distances)") as caught:
        PeerToPeer(**options)
    assert what in str(caught.value)


def test_all_wrong_distances_are_named_at_once():
    with pytest.raises(ValueError, match=r"distances: A to B: .*; C to itself"):
        PeerToPeer(distances={"A": {"B": "far"}, "C": {"C": 1.0}})


def faults_of(coordination):
    with pytest.raises(ScenarioError) as caught:
        load_scenario("duo", {"coordination": {"kind": "peer-to-peer", **coordination}})
    return [(fault.where, fault.what) for fault in caught.value.faults]


def test_names_that_are_no_microgrids_and_pairs_that_lack_are_faults_of_the_scenario():
    assert faults_of({"price_per_kwh": {"MG1": 0.1, "MG3": 0.1}}) == [
        ("coordination.price_per_kwh", "'MG3' is no microgrid"),
        ("coordination.price_per_kwh", "says no price of MG2"),
    ]
    assert faults_of({"distances": {"MG1": {"MG3": 1.0}}}) == [
        ("coordination.distances", "'MG3' is no microgrid"),
        ("coordination.distances", "says no distance between MG1 and MG2"),
    ]


def doubts_of(price, **tariff):
    overrides = {f"tariff.{key}": value for key, value in tariff.items()}
    overrides |= {"days": 2, "coordination": {"kind": "peer-to-peer", "price_per_kwh": price}}
    warnings = mmgsim.build("duo", overrides=overrides).warnings
    return [fault for fault in warnings if fault.where.startswith("coordination")]


def test_a_price_that_somebody_would_lose_by_is_doubted_with_its_hours():
    # In duo half of the charge of 0.12, at peak 0.27, is local; export earns 0.05.
    (doubt,) = doubts_of(0.17, import_per_kwh=0.08)
    assert doubt.where == "coordination.price_per_kwh"
    assert "in 20 of 48 steps (hours 0-7, 22-23)" in doubt.what


def test_a_doubted_price_of_one_seller_is_named():
    doubts = doubts_of({"MG1": 0.01, "MG2": 0.1})
    assert [doubt.where for doubt in doubts] == ["coordination.price_per_kwh.MG1"]


def test_prices_between_what_the_grid_pays_and_takes_are_not_doubted():
    assert doubts_of(0.1) == doubts_of("midpoint") == []

"""Options of the bi-level coordination, what it says of itself, and individual rationality."""

from dataclasses import replace

import numpy as np
import pytest

import mmgsim
from mmgsim.contracts import LimitKind, Objective, frozen
from mmgsim.coordination import Bilevel, Isolated
from mmgsim.coordination.leading import Leading
from mmgsim.coordination.pair_trades import bills, shared_out, sold_in_proportion
from mmgsim.errors import ScenarioError
from mmgsim.scenario import load_scenario
from mmgsim.subproblems import NetworkLimits
from mmgsim.testing import sample_market
from tests.support.bilevel import PATIENCE_S, Small, clear, followers_of, small_market


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        ({"variant": "mpec"}, "variant is one of best-response, kkt, paper, not 'mpec'"),
        ({"trade_price": "free"}, "trade_price is one of lcoe, lcoe-or-export, not 'free'"),
        ({"damping": 1.0}, "damping is a share between 0 and 1, not 1"),
        ({"max_rounds": 0}, "max_rounds is at least 1, not 0"),
        ({"tolerance": 0.0}, "tolerance is above 0, not 0"),
        ({"time_limit_s": float("nan")}, "time_limit_s is above 0, not nan"),
    ],
)
def test_an_option_out_of_range_is_refused(options, fault):
    with pytest.raises(ValueError, match=fault):
        Bilevel(**options)


def test_diesel_units_are_refused_beforehand_where_microgrids_have_to_be_lps():
    unit = {
        "name": "genset",
        "kind": "diesel",
        "power_min_kw": 5.0,
        "power_max_kw": 20.0,
        "cost_per_kwh": 0.3,
    }
    devices = load_scenario("duo").scenario.model_dump(mode="json")["microgrids"][0]["devices"]
    overrides = {
        "coordination": {"kind": "bilevel", "variant": "kkt"},
        "microgrids.MG1.devices": [*devices, unit],
    }
    with pytest.raises(ScenarioError) as refused:
        load_scenario("duo", overrides=overrides)
    (fault,) = refused.value.faults
    assert fault.where == "coordination.variant"
    assert "diesel units are on or off: MG1.genset" in fault.what
    assert fault.cure == "use 'best-response'"
    overrides["coordination"]["variant"] = "best-response"
    load_scenario("duo", overrides=overrides)


def test_a_levelised_cost_below_zero_is_refused():
    with pytest.raises(ScenarioError, match="lcoe_per_kwh"):
        load_scenario("duo", overrides={"microgrids.MG1.lcoe_per_kwh": -0.1})


def test_best_responses_take_over_where_a_microgrid_is_no_lp():
    view, members = sample_market(2)  # one of them with diesel
    clearing = clear(Small(view, members), Bilevel(variant="kkt", time_limit_s=PATIENCE_S))
    assert clearing.flags == ("leader_left",)
    assert clearing.lower is not None


def test_out_of_time_the_best_at_hand_is_taken_and_said_to_be_unproven():
    small = small_market(2, members=3, steps=8, objective=Objective.SYSTEM)
    clearing = clear(small, Bilevel(variant="kkt", time_limit_s=1e-3))
    assert "leader_unproven" in clearing.flags
    alone = clear(small, Isolated())
    assert clearing.upper <= alone.upper + 1e-6 * alone.gross_cost


@pytest.mark.parametrize("objective", Objective)
@pytest.mark.parametrize("variant", ["best-response", "kkt"])
@pytest.mark.parametrize("seed", range(4))
def test_with_rationality_nobody_pays_more_than_without_trade(seed, variant, objective):
    small = small_market(seed, steps=2, objective=objective)
    # Cheap sellers would lose: their levelised cost is often below what the grid pays.
    mechanism = Bilevel(
        variant=variant,
        trade_price="lcoe",
        individually_rational=True,
        time_limit_s=PATIENCE_S,
    )
    clearing, alone = clear(small, mechanism), clear(small, Isolated())
    nothing = np.zeros((2, 2, 2))
    before = bills(small.view, alone.plans, nothing, nothing[0])
    traded_kw = nothing.copy()
    price = np.full((2, 2), 0.06)
    for trade in clearing.trades:
        seller, buyer = (small.names.index(name) for name in (trade.seller, trade.buyer))
        traded_kw[seller, buyer] += trade.kw
        assert trade.price_per_kwh == pytest.approx(0.06)
    after = bills(small.view, clearing.plans, traded_kw, price)
    assert (after <= before + 1e-6 * alone.gross_cost).all()


def test_without_rationality_a_cheap_seller_may_lose():
    lost = []
    for seed in range(4):
        small = small_market(seed, steps=2)
        members = tuple(replace(one, lcoe_per_kwh=0.0) for one in small.view.members)
        small = replace(small, view=replace(small.view, members=members))
        clearing = clear(small, Bilevel(variant="kkt", time_limit_s=PATIENCE_S, trade_price="lcoe"))
        alone = clear(small, Isolated())
        nothing, price = np.zeros((2, 2, 2)), np.zeros((2, 2))
        traded_kw = nothing.copy()
        for trade in clearing.trades:
            traded_kw[small.names.index(trade.seller), small.names.index(trade.buyer)] += trade.kw
        lost += [
            *bills(small.view, clearing.plans, traded_kw, price)
            - bills(small.view, alone.plans, nothing, price)
        ]
    assert max(lost) > 1e-3


def test_local_prices_are_those_of_the_own_trades_and_missing_without_any():
    small = small_market(0, steps=3)
    clearing = clear(small, Bilevel(variant="kkt", time_limit_s=PATIENCE_S))
    assert clearing.trades
    for name in small.names:
        own = [t for t in clearing.trades if name in (t.seller, t.buyer)]
        kw = sum(t.kw for t in own)
        paid = sum(t.kw * t.price_per_kwh for t in own)
        price = clearing.prices_per_kwh[name]
        assert np.isnan(price[kw == 0.0]).all()
        assert price[kw > 0.0] == pytest.approx((paid / np.where(kw > 0, kw, 1))[kw > 0.0])


def test_sellers_and_buyers_share_in_proportion():
    sellable = np.array([[6.0], [3.0], [0.0]])
    wanted = np.array([[0.0], [0.0], [4.5]])
    traded = shared_out(sellable, wanted)
    assert traded[:, 2, 0] == pytest.approx([3.0, 1.5, 0.0])
    again = sold_in_proportion(np.array([[3.0], [1.5], [-4.5]]))
    assert again == pytest.approx(traded)
    assert not shared_out(sellable, 0.0 * wanted).any()


def test_a_kwh_that_is_dearer_with_the_charge_than_at_the_grid_is_not_matched():
    small = small_market(0, steps=3)
    tariff = replace(
        small.view.tariff, local_charge_per_kwh=frozen(2.0 * small.view.tariff.buy_per_kwh)
    )
    members = {name: replace(view, tariff=tariff) for name, view in small.members.items()}
    dear = replace(small, view=replace(small.view, tariff=tariff), members=members)
    for variant in ("best-response", "kkt"):
        assert clear(dear, Bilevel(variant=variant, time_limit_s=PATIENCE_S)).trades == ()


def test_trades_that_break_rows_are_not_awarded_however_cheap():
    small = small_market(0, steps=3)
    followers = followers_of(small)
    price = np.full((2, 3), 0.06)
    free = Leading(small.view, followers, price)
    free.solve()
    assert free.traded_kw.any()
    alone_kw = np.stack([one.alone.exchange_kw for one in followers])
    # As far as everybody goes alone, and no further.
    limits = NetworkLimits(
        loss_per_kwh=np.zeros(3),
        offset=np.array([0, 1, 2, 0, 1, 2]),
        key=((LimitKind.CURRENT, 0),) * 6,
        coefficient=np.repeat(np.eye(2), 3, axis=0),
        limit=alone_kw.ravel() + 1e-3,
        share_per_kw=np.ones(6),
    )
    bound = Leading(small.view, followers, price, limits=limits)
    bound.solve()
    for one, name in enumerate(("M0", "M1")):
        assert (bound.expected_kw[name] <= alone_kw[one] + 2e-3).all()


def test_rows_of_the_network_are_for_the_variant_that_can_keep_them():
    with pytest.raises(ValueError, match="for the variant kkt"):
        Bilevel(network="rows")


def test_the_dno_is_asked_about_the_responses_that_are_expected():
    options = {"kind": "bilevel", "variant": "kkt", "network": "rows"}
    overrides = {"coordination": options, "repair.rounds": 0}
    overrides |= {"gate.horizon": "6h", "gate.end_of_window.kind": "free"}
    model = mmgsim.build("wa9-tight", overrides=overrides)
    model.step()
    said = model.table("messages").set_index("kind")["count"]
    assert said["NetworkQuery"] == said["NetworkRows"] >= 1
    assert "stand_in" not in " ".join(model.table("steps")["flags"])


def test_of_responses_that_are_as_good_for_a_microgrid_the_leaders_is_awarded():
    """MG1 of `duo` earns the same by hour or storage; upstream prices make one of them cheaper."""
    costs = {}
    for is_rational in (False, True):
        model = mmgsim.build(
            "duo",
            coordination={
                "kind": "bilevel",
                "variant": "kkt",
                "time_limit_s": PATIENCE_S,
                "individually_rational": is_rational,
            },
            overrides={
                "gate.every": "1d",
                "objective": "system",
                "microgrids.MG1.lcoe_per_kwh": 0.08,
                "microgrids.MG2.lcoe_per_kwh": 0.08,
            },
        )
        model.step()
        gate = model.table("gates").iloc[0]
        assert model.table("steps")["flags"][0] == ""
        costs[is_rational], slack = gate.upper, 1e-6 * gate.gross
    # What the leader may do with a further rule costs no less.
    assert costs[False] <= costs[True] + slack
    assert costs[False] == pytest.approx(14.68, abs=5e-3)

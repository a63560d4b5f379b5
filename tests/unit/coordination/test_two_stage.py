"""Trades and storage for all scenarios, against what one planner for one forecast does."""

from dataclasses import replace

import numpy as np
import pytest

from mmgsim.contracts import Disclose, Objective, Party
from mmgsim.coordination import Central, TwoStage
from mmgsim.testing import sample_market
from mmgsim_agents.strategies import CostMinimiser
from tests.support.outlook import DrawnOutlook


def uncertain_market(seed, spread=0.3):
    market, views = sample_market(seed)
    return replace(market, objective=Objective.MEMBERS), {
        name: replace(view, outlook=None if spread is None else DrawnOutlook(view, spread, n))
        for n, (name, view) in enumerate(views.items())
    }


def clear(mechanism, market, views):
    """Run a gate; give the clearing, and how many samples were asked for."""
    strategies = {name: CostMinimiser() for name in views}
    mechanism.start(market, {})
    asked = []
    while True:
        replies = []
        for message in mechanism.ask():
            if isinstance(message, Disclose):
                asked.append(message.samples)
            reply = strategies[message.to].answer(views[message.to], message)
            replies.append(replace(reply, sender=message.to, to="market"))
        clearing = mechanism.tell(replies)
        if clearing is not None:
            return clearing, asked


@pytest.mark.parametrize("seed", [0, 1, 3])
def test_scenarios_are_planned_for_in_the_order_of_the_readings(seed):
    market, views = uncertain_market(seed)
    clearing, asked = clear(TwoStage(4, 30), market, views)
    value, rounding = clearing.planning, 1e-5 * clearing.gross_cost
    assert asked == [30] * len(views)
    assert value.courses == 4
    assert value.mean_cost <= value.wait_and_see_cost + rounding
    assert value.wait_and_see_cost <= value.two_stage_cost + rounding
    assert value.two_stage_cost <= value.mean_plan_cost + rounding


@pytest.mark.parametrize("seed", [0, 1])
def test_no_plans_cost_less_at_the_forecast_than_the_bound(seed):
    market, views = uncertain_market(seed)
    clearing, _ = clear(TwoStage(4, 30), market, views)
    central, _ = clear(Central(), market, views)
    assert clearing.lower == pytest.approx(central.lower, abs=1e-6 * central.gross_cost)
    assert clearing.upper >= central.upper - 1e-6 * central.gross_cost
    assert clearing.residual_kw <= 1e-9


@pytest.mark.parametrize("spread", [0.0, None])
def test_where_nothing_is_uncertain_it_is_central(spread):
    market, views = uncertain_market(1, spread)
    clearing, _ = clear(TwoStage(4, 30), market, views)
    central, _ = clear(Central(), market, views)
    rounding = 1e-6 * central.gross_cost
    assert clearing.upper == pytest.approx(central.upper, abs=rounding)
    costs = clearing.planning.numbers()[1:5]
    assert costs == pytest.approx([central.upper] * 4, abs=rounding)
    assert clearing.planning.of_stochastic_solution == pytest.approx(0.0, abs=rounding)
    assert ("no_outlook" in clearing.flags) == (spread is None)


def test_the_reading_mean_awards_the_plans_for_the_mean():
    """Both readings tell the same values; only what is awarded differs."""
    market, views = uncertain_market(3)
    two_stage, _ = clear(TwoStage(4, 30), market, views)
    mean, _ = clear(TwoStage(4, 30, reading="mean"), market, views)
    assert mean.planning.numbers() == pytest.approx(two_stage.planning.numbers(), rel=1e-9)
    apart_kw = [
        np.abs(mean.plans[name].exchange_kw - two_stage.plans[name].exchange_kw).max()
        for name in views
    ]
    assert max(apart_kw) > 1e-3


def test_trades_are_the_same_whatever_comes_and_paid_between_the_alternatives():
    market, views = uncertain_market(0)
    clearing, _ = clear(TwoStage(4, 30), market, views)
    assert clearing.trades
    tariff = market.tariff
    for trade in clearing.trades:
        assert Party.MARKET in (trade.seller, trade.buyer)
        traded = trade.kw > 1e-6
        low = tariff.export_per_kwh[traded] - 1e-9
        high = tariff.buy_per_kwh[traded] + 1e-9
        assert ((low <= trade.price_per_kwh[traded]) & (trade.price_per_kwh[traded] <= high)).all()


def test_who_shows_no_samples_is_taken_at_its_forecast():
    market, views = uncertain_market(1)
    first = next(iter(views))
    views[first] = replace(views[first], outlook=None)
    clearing, _ = clear(TwoStage(4, 30), market, views)
    assert clearing.planning.courses == 4
    assert clearing.planning.of_perfect_information > 0.0


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"scenarios": 0}, "scenarios"),
        ({"scenarios": 5, "samples": 4}, "samples"),
        ({"reading": "ws"}, "reading"),
        ({"cvar_level": 1.0}, "level"),
    ],
)
def test_options_that_mean_nothing_are_refused(options, word):
    with pytest.raises(ValueError, match=word):
        TwoStage(**options)


def test_being_made_as_new_changes_nothing():
    market, views = uncertain_market(1)
    mechanism = TwoStage(4, 30)
    first, _ = clear(mechanism, market, views)
    mechanism.reset()
    again, _ = clear(mechanism, market, views)
    assert first.upper == again.upper
    assert first.planning == again.planning

"""Price coordination: near the joint optimum, certified, balanced, and nobody looks inside."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import sparse
from scipy.optimize import linprog

from mmgsim.contracts import Award, Objective, Offer, Plan, PriceQuery, frozen
from mmgsim.coordination import Central, Isolated, Prices
from mmgsim.subproblems import JointProblem, plan_faults, public_cost, public_prices

TOLERANCE = 1e-6  # of gross cost, for comparisons with the joint optimum


@pytest.mark.parametrize("offers", ["device", "agent"])
@pytest.mark.parametrize("seed", range(6))
def test_bounds_enclose_the_joint_optimum_within_the_tolerance(gates, seed, offers):
    world = gates.make_world(2 + seed, seed)
    best = gates.clear(world, Central())
    found = gates.clear(world, Prices(tolerance=1e-4, offers=offers))
    slack = TOLERANCE * best.gross_cost
    assert found.lower <= best.upper + slack
    assert found.upper >= best.lower - slack
    assert found.upper - found.lower <= 1e-4 * found.gross_cost + slack
    for turn, later in zip(found.rounds, found.rounds[1:], strict=False):
        assert later.lower >= turn.lower


@pytest.mark.parametrize("offers", ["device", "agent"])
@pytest.mark.parametrize("seed", range(6))
def test_most_of_the_gain_of_trading_is_captured(gates, seed, offers):
    world = gates.make_world(5, seed)
    alone, best = (gates.clear(world, kind()).upper for kind in (Isolated, Central))
    found = gates.clear(world, Prices(tolerance=1.0, offers=offers))  # only the gain rule stops it
    assert alone - best > 0.0
    assert (alone - found.upper) / (alone - best) > 0.97


@pytest.mark.parametrize("seed", range(6))
def test_plans_balance_and_stay_in_their_envelopes(gates, seed):
    world = gates.make_world(4, seed)
    found = gates.clear(world, Prices())
    assert found.residual_kw < 1e-9
    sold_kw = sum(t.kw for t in found.trades if t.buyer == "market")
    bought_kw = sum(t.kw for t in found.trades if t.seller == "market")
    assert sold_kw == pytest.approx(bought_kw, abs=1e-9)
    for name, plan in found.plans.items():
        envelope = world.agents[name].view.envelope
        assert (plan.exchange_kw >= -envelope.import_limit_kw - 1e-6).all()
        assert (plan.exchange_kw <= envelope.export_limit_kw + 1e-6).all()


def test_binding_envelopes_bind_in_prices_too(gates):
    world = gates.make_world(4, 3)
    narrow = {
        name: replace(one, export_limit_kw=frozen(0.2 * one.export_limit_kw))
        for name, one in world.view.envelopes.items()
    }
    world.view = replace(world.view, envelopes=narrow)
    for name, agent in world.agents.items():
        agent.view = replace(agent.view, envelope=narrow[name])
    best = gates.clear(world, Central())
    found = gates.clear(world, Prices(tolerance=1e-4))
    assert abs(found.upper - best.upper) < 2e-4 * best.gross_cost
    assert found.lower <= best.upper + TOLERANCE * best.gross_cost


# ------------------------------------------------------------- the certificate, from the log
def recomputed_bounds(world, members_said):
    """Give both bounds from what was said: offers and their prices, awards and plans.

    The public part of the lower one is an LP of its own here, for scipy.
    """
    view = world.view
    prices, step_h = public_prices(view.tariff, view.objective), view.window.step_h
    names = [member.name for member in view.members]
    queries = {
        n: [m for m in members_said if isinstance(m, PriceQuery) and m.to == n] for n in names
    }
    offers = {n: [m for m in members_said if isinstance(m, Offer) and m.sender == n] for n in names}
    lower = -np.inf
    for turn in range(len(queries[names[0]])):
        at_once = np.stack([queries[n][turn].prices_per_kwh for n in names], axis=1)
        for k, price in enumerate(at_once):
            bound = sum(offers[n][turn].lower_bound[k] for n in names)
            lower = max(lower, bound + public_lp(view, prices, price, names) * step_h)
    awards = {m.to: m for m in members_said if isinstance(m, Award)}
    plans = {m.sender: m for m in members_said if isinstance(m, Plan)}
    upper = sum(
        plan.private_cost + public_cost(plan.exchange_kw, awards[n].trade_kw(), prices, step_h)
        for n, plan in plans.items()
    )
    return upper, lower


def public_lp(view, prices, price, names):
    """Solve all steps at once: lack and surplus of everybody, then import, export, traded."""
    members, steps = len(names), view.window.steps
    limits = [view.envelopes[n].import_limit_kw for n in names]
    limits += [view.envelopes[n].export_limit_kw for n in names]
    cost = np.concatenate([-price, price, [prices.buy_per_kwh, -prices.sell_per_kwh]])
    cost = np.concatenate([cost, [prices.local_per_kwh]])
    lacked = [1.0] * members + [0.0] * members + [-1.0, 0.0, -1.0]
    given = [0.0] * members + [1.0] * members + [0.0, -1.0, -1.0]
    balance = sparse.kron(np.array([lacked, given]), sparse.eye_array(steps))
    highest = np.concatenate([*limits, np.full(3 * steps, np.inf)])
    bounds = np.stack([np.zeros_like(highest), highest], axis=1)
    return linprog(cost.ravel(), A_eq=balance, b_eq=np.zeros(2 * steps), bounds=bounds).fun


@pytest.mark.parametrize("offers", ["device", "agent"])
def test_both_bounds_can_be_recomputed_from_what_was_said(gates, offers):
    world = gates.make_world(3, 1)
    found = gates.clear(world, Prices(offers=offers))
    upper, lower = recomputed_bounds(world, world.said)
    assert upper == pytest.approx(found.upper, abs=1e-9)
    assert lower == pytest.approx(found.lower, abs=1e-6)


# ------------------------------------------------------------------------------ what is shown
def test_nobody_builds_the_joint_model_or_looks_into_another_microgrid(gates, monkeypatch):
    world = gates.make_world(3, 2)

    def refuse(*_, **__):
        raise AssertionError("the joint model is not to be built")

    monkeypatch.setattr(JointProblem, "__init__", refuse)
    speaking = []

    class Guarded(tuple):
        """Devices that only their owner may look at, while it is asked."""

        def __iter__(self):
            assert speaking == [self.owner], f"{self.owner} was looked into"
            return super().__iter__()

    for name, agent in world.agents.items():
        guarded = Guarded(agent.view.devices)
        guarded.owner = name
        agent.view = replace(agent.view, devices=guarded)
        answer = agent.strategy.answer

        def asked(view, message, answer=answer, name=name):
            speaking.append(name)
            try:
                return answer(view, message)
            finally:
                speaking.pop()

        agent.strategy.answer = asked
    found = gates.clear(world, Prices())
    assert found.upper - found.lower <= 1e-3 * found.gross_cost
    with pytest.raises(AssertionError, match="looked into"):
        list(world.agents["M0"].view.devices)
    with pytest.raises(AssertionError, match="joint"):
        JointProblem({}, world.view.window)


def test_offers_as_a_whole_show_one_block_and_no_hours(gates):
    world = gates.make_world(3, 2)
    for offers, is_whole in (("agent", True), ("device", False)):
        gates.clear(world, Prices(offers=offers))
        said = [m for m in world.said if isinstance(m, Offer)]
        assert all(m.hourly_kw is None for m in said) == is_whole
        assert not is_whole or all(m.exchange_kw.shape[1] == 1 for m in said)


# ------------------------------------------------------------------------- units on or off
@pytest.mark.parametrize("offers", ["device", "agent"])
@pytest.mark.parametrize("seed", range(3))
def test_units_on_or_off_end_feasible_between_valid_bounds(gates, seed, offers):
    world = gates.make_world(3, seed, diesel=True)
    best = gates.clear(world, Central())
    found = gates.clear(world, Prices(offers=offers))
    # What the tangents of the fuel cost lack is inside the gap that central states.
    slack = TOLERANCE * best.gross_cost
    assert found.lower <= best.upper + slack
    assert found.upper >= best.lower - slack
    # How near they come is a matter of size: see tests/oracle/test_prices.py. Nobody loses:
    assert found.upper <= gates.clear(world, Isolated()).upper + slack
    for name, plan in found.plans.items():
        assert not list(plan_faults(plan, world.agents[name].view))
    assert found.residual_kw < 1e-9


@pytest.mark.parametrize("share", [0.3, 0.05])
@pytest.mark.parametrize("seed", range(2))
def test_units_on_or_off_trade_behind_narrow_connections_too(gates, seed, share):
    world = gates.make_world(3, seed, diesel=True)
    narrow = {
        name: replace(one, export_limit_kw=frozen(share * one.export_limit_kw))
        for name, one in world.view.envelopes.items()
    }
    world.view = replace(world.view, envelopes=narrow)
    for name, agent in world.agents.items():
        agent.view = replace(agent.view, envelope=narrow[name])
    alone, best = (gates.clear(world, kind()).upper for kind in (Isolated, Central))
    found = gates.clear(world, Prices())
    assert alone - best > 0.0
    assert (alone - found.upper) / (alone - best) > 0.95


def test_the_bounds_with_units_on_or_off_can_be_recomputed_too(gates):
    world = gates.make_world(3, 1, diesel=True)
    found = gates.clear(world, Prices())
    free = [m for m in world.said if getattr(m, "held", None) is None]
    asked = sum(isinstance(message, PriceQuery) for message in free)
    offered = [m for m in world.said if isinstance(m, Offer)][:asked]
    rest = [m for m in free if not isinstance(m, Offer)]
    upper, lower = recomputed_bounds(world, [*rest, *offered])
    assert upper == pytest.approx(found.upper, abs=1e-9)
    assert lower == pytest.approx(found.lower, abs=1e-6)


def test_offers_with_decisions_held_are_answers_of_an_lp_near_those_decisions(gates):
    world = gates.make_world(1, 0, diesel=True)
    agent = world.agents["M0"]
    price = world.view.tariff.buy_per_kwh
    window = world.view.window

    def ask(prices, held=None):
        return agent.receive(
            PriceQuery(
                window=window,
                prices_per_kwh=frozen(prices),
                in_parts=True,
                alone=held is None,
                held=held,
            )
        )

    free = ask([price, 0.5 * price])
    assert any(free.indivisible)
    held = ask([price, 0.5 * price], tuple(0 if one else -1 for one in free.indivisible))
    assert not any(held.indivisible)
    assert held.lower_bound[0] == pytest.approx(free.lower_bound[0], rel=1e-3)
    assert held.lower_bound[1] >= free.lower_bound[1] - 1e-3


# ------------------------------------------------------------------------------- going on
def test_a_gate_that_begins_at_the_last_prices_takes_fewer_rounds(gates):
    world = gates.make_world(6, 4)
    cold = gates.clear(world, Prices())
    warm = gates.clear(world, Prices(), cold.memory)
    assert len(warm.rounds) < len(cold.rounds)
    assert warm.upper - warm.lower <= 1e-3 * warm.gross_cost


def test_too_few_rounds_leave_a_valid_certificate(gates):
    world = gates.make_world(5, 2)
    best = gates.clear(world, Central())
    found = gates.clear(world, Prices(tolerance=1e-9, max_rounds=1))
    assert len(found.rounds) == 2  # one round of offers, one of awards
    assert found.lower <= best.upper + TOLERANCE * best.gross_cost
    assert found.upper >= best.lower - TOLERANCE * best.gross_cost


def test_the_cost_of_the_system_is_made_small_where_it_is_asked_for(gates):
    world = gates.make_world(4, 5, objective=Objective.SYSTEM)
    best = gates.clear(world, Central())
    found = gates.clear(world, Prices(tolerance=1e-4))
    assert abs(found.upper - best.upper) < 2e-4 * best.gross_cost
    assert found.lower <= best.upper + TOLERANCE * best.gross_cost


def test_threads_change_nothing(gates):
    worlds = [gates.make_world(3, 1, workers=n, diesel=True) for n in (1, 2)]
    one, two = (gates.clear(world, Prices()) for world in worlds)
    assert all(agent.strategy.answers_in_threads for agent in worlds[1].agents.values())
    assert (one.upper, one.lower, one.rounds) == (two.upper, two.lower, two.rounds)
    for name, plan in one.plans.items():
        assert np.array_equal(plan.exchange_kw, two.plans[name].exchange_kw)


@pytest.mark.parametrize(
    "options", [{"tolerance": 0.0}, {"max_rounds": 0}, {"offers": "nothing"}, {"tolerance": -1.0}]
)
def test_options_out_of_range_are_refused(options):
    with pytest.raises(ValueError, match=next(iter(options))):
        Prices(**options)

"""ADMM: near the joint optimum, balanced, certified, and flagged where it is less than that."""

from dataclasses import replace

import numpy as np
import pytest

import mmgsim
from mmgsim.contracts import Award, Objective, frozen
from mmgsim.coordination import Admm, Central, Isolated
from mmgsim.coordination.pool import match_pool
from mmgsim.subproblems import plan_faults
from mmgsim_agents.strategies import SelfConsumer

TOLERANCE = 1e-6  # of gross cost, for comparisons with the joint optimum


def check_against_central(world, gates, found, *, tolerance=1e-3):
    best = gates.clear(world, Central())
    slack = TOLERANCE * best.gross_cost
    assert found.lower <= best.upper + slack
    assert found.upper >= best.lower - slack
    assert found.upper - found.lower <= tolerance * found.gross_cost + slack
    return best


@pytest.mark.parametrize("seed", range(20))
def test_bounds_enclose_the_joint_optimum_and_nearly_all_of_the_gain_is_captured(gates, seed):
    world = gates.make_world(3 if seed % 5 == 0 else 2, seed)
    found = gates.clear(world, Admm())
    best = check_against_central(world, gates, found)
    alone = gates.clear(world, Isolated()).upper
    assert alone - found.upper >= 0.97 * (alone - best.upper) - TOLERANCE * best.gross_cost
    assert found.flags == ()
    assert found.residual_kw <= 1e-9
    for name, plan in found.plans.items():
        assert not list(plan_faults(plan, world.agents[name].view))


def test_first_gates_of_nine_microgrids_are_certified_and_nearly_the_joint_optimum():
    gates = {}
    for kind, steps in {"admm": 3, "central": 1, "isolated": 1}.items():
        model = mmgsim.build("wa9", coordination=kind, overrides={"network": "none"})
        for _ in range(steps):
            model.step()
        assert not model.table("steps")["flags"].any()
        gates[kind] = model.table("gates")
    assert (gates["admm"].gap <= 1e-3).all()
    # From the same state; later ones begin where each coordination has led to.
    found, best, alone = (table.iloc[0] for table in gates.values())
    slack = TOLERANCE * best.gross
    assert found.lower <= best.upper + slack
    assert found.upper >= best.upper - slack
    assert alone.upper - found.upper >= 0.97 * (alone.upper - best.upper)


def test_residuals_alone_end_near_the_optimum_too(gates):
    world = gates.make_world(2, 0)
    found = gates.clear(world, Admm(tolerance=1e-9))
    check_against_central(world, gates, found, tolerance=1e-4)
    assert found.rounds[-2].residual_kw <= 2 * 1e-3  # at most 1e-3 kWh each, in steps of an hour


def test_envelopes_bind(gates):
    world = gates.make_world(3, 3)
    narrow = {
        name: replace(one, export_limit_kw=frozen(0.2 * one.export_limit_kw))
        for name, one in world.view.envelopes.items()
    }
    world.view = replace(world.view, envelopes=narrow)
    for name, agent in world.agents.items():
        agent.view = replace(agent.view, envelope=narrow[name])
    found = gates.clear(world, Admm())
    check_against_central(world, gates, found)
    for name, plan in found.plans.items():
        assert (plan.exchange_kw <= narrow[name].export_limit_kw + 1e-6).all()


def test_the_cost_of_the_system_is_made_small_where_it_is_asked_for(gates):
    world = gates.make_world(3, 1, objective=Objective.SYSTEM)
    found = gates.clear(world, Admm())
    best = check_against_central(world, gates, found)
    # Buying and selling cost the same: what is best for each at that price is best for all.
    assert abs(found.upper - best.upper) <= TOLERANCE * best.gross_cost


def test_units_on_or_off_are_relaxed_flagged_and_between_valid_bounds(gates):
    world = gates.make_world(2, 1, diesel=True)
    best, alone = gates.clear(world, Central()), gates.clear(world, Isolated())
    found = gates.clear(world, Admm())
    slack = TOLERANCE * best.gross_cost
    assert "integers_relaxed" in found.flags
    assert found.lower <= best.upper + slack
    assert best.lower - slack <= found.upper <= alone.upper + slack
    assert found.residual_kw <= 1e-9
    for name, plan in found.plans.items():
        assert not list(plan_faults(plan, world.agents[name].view))


# ------------------------------------------------------------------------------- rounds
def test_a_gate_that_begins_at_the_last_prices_and_points_takes_fewer_rounds(gates):
    world = gates.make_world(3, 2)
    cold = gates.clear(world, Admm())
    warm = gates.clear(world, Admm(), cold.memory)
    assert len(warm.rounds) < len(cold.rounds)
    check_against_central(world, gates, warm)


@pytest.mark.parametrize("factor", [0.1, 10.0])
def test_a_penalty_that_is_ten_times_off_is_repaired(gates, factor):
    world = gates.make_world(3, 0)
    natural = gates.clear(world, Admm(max_rounds=1, adapts=False)).memory["penalty"]
    found = gates.clear(world, Admm(penalty=factor * natural))
    check_against_central(world, gates, found)
    assert found.flags == ()
    moved = found.memory["penalty"] / natural
    assert abs(np.log(moved)) < abs(np.log(factor))


def test_too_few_rounds_are_flagged_balanced_and_certified(gates):
    world = gates.make_world(3, 1)
    best, alone = gates.clear(world, Central()), gates.clear(world, Isolated())
    found = gates.clear(world, Admm(tolerance=1e-9, max_rounds=2))
    slack = TOLERANCE * best.gross_cost
    assert found.flags == ("out_of_rounds",)
    assert len(found.rounds) == 3  # two near points, one of awards
    assert found.lower <= best.upper + slack
    assert best.lower - slack <= found.upper <= alone.upper + slack
    assert found.residual_kw <= 1e-9


def test_a_gap_that_both_sides_leave_when_they_agree_is_flagged(gates):
    world = gates.make_world(3, 1)
    easy = Admm(tolerance=1e-5, primal_tolerance_kwh=1e2, dual_tolerance_per_kwh=1e2)
    found = gates.clear(world, easy)
    assert found.upper - found.lower > 1e-4 * found.gross_cost
    assert len(found.rounds) == 2  # one near points, one of awards
    assert found.flags == ("gap_left",)


def test_a_gap_of_plans_that_are_other_than_their_offers_is_flagged(gates):
    world = gates.make_world(3, 1)
    for agent in world.agents.values():
        agent.strategy = SelfConsumer()
    found = gates.clear(world, Admm())
    assert found.upper - found.lower > 2e-3 * found.gross_cost
    assert found.flags == ("gap_left",)


def test_trade_that_comes_out_dearer_than_none_is_taken_back(gates, monkeypatch):
    # Who has more than enough has to buy, who lacks has to sell, as much as would be right.
    wrong = []

    def match_the_wrong_way(exchange_kw, tariff):
        wrong.append({name: -kw for name, kw in match_pool(exchange_kw, tariff).items()})
        return wrong[-1]

    monkeypatch.setattr("mmgsim.coordination.admm.match_pool", match_the_wrong_way)
    world = gates.make_world(2, 1)
    alone = gates.clear(world, Isolated())
    found = gates.clear(world, Admm())
    assert any(kw.any() for kw in wrong[0].values())
    assert found.trades == ()
    assert found.upper == pytest.approx(alone.upper, abs=TOLERANCE * alone.gross_cost)
    assert sum(isinstance(message, Award) for message in world.said) == 2 * 2


def test_a_hurried_gate_awards_what_would_be_left_over_anyway(gates):
    world = gates.make_world(3, 1)
    mechanism = Admm()
    mechanism.start(world.view, {})
    mechanism.tell(world.bus.exchange("market", mechanism.ask()))
    mechanism.hurry()  # nobody was asked near any point so far
    awards = mechanism.ask()
    assert all(isinstance(message, Award) for message in awards)
    found = mechanism.tell(world.bus.exchange("market", awards))
    best, alone = gates.clear(world, Central()), gates.clear(world, Isolated())
    slack = TOLERANCE * best.gross_cost
    assert found.flags == ("out_of_rounds",)
    assert found.trades
    assert found.lower <= best.upper + slack
    assert best.lower - slack <= found.upper <= alone.upper + slack


def test_the_same_gate_is_cleared_the_same(gates):
    one, two = (gates.clear(gates.make_world(3, 0), Admm()) for _ in range(2))
    assert (one.upper, one.lower, one.rounds) == (two.upper, two.lower, two.rounds)


@pytest.mark.parametrize(
    "options",
    [
        {"tolerance": 0.0},
        {"tolerance": 1.5},
        {"primal_tolerance_kwh": 0.0},
        {"dual_tolerance_per_kwh": -1.0},
        {"max_rounds": 0},
        {"penalty": 0.0},
    ],
)
def test_options_out_of_range_are_refused(options):
    with pytest.raises(ValueError, match=next(iter(options))):
        Admm(**options)


@pytest.mark.parametrize("value", [np.inf, np.nan])
@pytest.mark.parametrize(
    "option", ["tolerance", "primal_tolerance_kwh", "dual_tolerance_per_kwh", "penalty"]
)
def test_options_without_end_are_refused_with_a_cure(option, value):
    with pytest.raises(ValueError, match=rf"{option} is finite and above 0, .*leave it out"):
        Admm(**{option: value})

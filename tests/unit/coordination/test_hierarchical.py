"""Requests, grants and plans within them; and how an aggregated controller's saving is divided."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from mmgsim.contracts import (
    Award,
    Grant,
    GrantQuery,
    Grants,
    Objective,
    Request,
    RequestQuery,
    Security,
)
from mmgsim.coordination import Central, Hierarchical, Isolated
from mmgsim.subproblems import clearing_faults, public_cost, public_prices, reply_faults
from tests.support.gates import clear, make_world

RULES = ["equal", "shapley", "nucleolus"]


class Dno:
    """A DNO that grants a part of everything, with ties at any connection; keeps what is asked."""

    name = role = "dno"

    def __init__(self, part):
        self.part, self.asked = part, []

    def may_answer_in_thread(self, message):
        return False

    def receive(self, message):
        assert isinstance(message, GrantQuery)
        self.asked.append(message)
        asked = message.requests
        if message.ties:
            total = Request(
                lack_kw=sum(r.lack_kw for r in asked.values()),
                surplus_kw=sum(r.surplus_kw for r in asked.values()),
            )
            asked = dict.fromkeys(asked, total)
        return Grants(
            grants={
                name: Request(lack_kw=self.part * r.lack_kw, surplus_kw=self.part * r.surplus_kw)
                for name, r in asked.items()
            }
        )


def world_with(part=1.0, members=3, **options):
    world = make_world(members, **options)
    world.dno = Dno(part)
    world.bus.register(world.dno)
    return world


def member_costs(world, clearing):
    """What every member pays by its plan, trades and transfers. [currency]"""
    window, tariff = world.view.window, world.view.tariff
    costs = {}
    for name, plan in clearing.plans.items():
        trade_kw, paid = np.zeros(window.steps), 0.0
        for trade in clearing.trades:
            sign = (trade.seller == name) - float(trade.buyer == name)
            trade_kw = trade_kw + sign * trade.kw
            paid -= sign * window.step_h * float(trade.kw @ trade.price_per_kwh)
        costs[name] = (
            plan.private_cost
            + public_cost(plan.exchange_kw, trade_kw, public_prices(tariff), window.step_h)
            + paid
            + float(clearing.transfers.get(name, np.zeros(1)).sum())
        )
    return costs


# ---------------------------------------------------------------------------- each on its own
def test_what_is_granted_whole_is_planned_as_without_a_dno():
    world = world_with()
    alone, granted = clear(world, Isolated()), clear(world, Hierarchical())
    assert granted.upper == pytest.approx(alone.upper, abs=1e-6 * alone.gross_cost)
    assert granted.trades == ()
    assert granted.lower is None


def test_plans_stay_within_grants_and_cost_no_less():
    world = world_with(0.5)
    alone, granted = clear(world, Isolated()), clear(world, Hierarchical())
    for name, request in world.dno.asked[0].requests.items():
        exchange_kw = granted.plans[name].exchange_kw
        assert (exchange_kw <= 0.5 * request.surplus_kw + 1e-6).all()
        assert (exchange_kw >= -0.5 * request.lack_kw - 1e-6).all()
        assert np.minimum(request.lack_kw, request.surplus_kw).max() == 0.0
    assert granted.upper > alone.upper


@pytest.mark.parametrize("security", list(Security))
def test_the_dno_is_told_which_limits_count(security):
    world = world_with()
    clear(world, Hierarchical(security=str(security)))
    assert [one.security for one in world.dno.asked] == [security]


def test_a_second_pass_requests_what_was_planned_and_ends_when_grants_are_settled():
    world = world_with()
    clear(world, Hierarchical(rounds=10))
    assert len(world.dno.asked) == 1  # everything was granted: nothing moves


def test_requests_shrink_from_pass_to_pass():
    world = world_with(0.5)
    cleared = clear(world, Hierarchical(rounds=4))
    assert len(world.dno.asked) == 4
    for before, after in zip(world.dno.asked, world.dno.asked[1:], strict=False):
        for name, request in after.requests.items():
            assert (request.lack_kw <= 0.5 * before.requests[name].lack_kw + 1e-6).all()
            assert (request.surplus_kw <= 0.5 * before.requests[name].surplus_kw + 1e-6).all()
    moved_kw = [one.residual_kw for one in cleared.rounds[:-1]]
    assert moved_kw == sorted(moved_kw, reverse=True)
    assert cleared.rounds[0].upper <= cleared.rounds[-1].upper


# -------------------------------------------------------------------------------- aggregated
def test_a_joint_plan_that_is_granted_whole_is_the_central_one():
    world = world_with()
    best, joint = clear(world, Central()), clear(world, Hierarchical(controller="aggregated"))
    assert joint.upper == pytest.approx(best.upper, abs=2e-6 * best.gross_cost)
    assert joint.lower == pytest.approx(best.lower, abs=2e-6 * best.gross_cost)
    assert world.dno.asked[0].pooled


def test_a_joint_plan_costs_at_most_what_the_plans_alone_do_together():
    world = world_with()
    alone = clear(world, Isolated())
    joint = clear(world, Hierarchical(controller="aggregated"))
    assert joint.upper <= alone.upper + 1e-6 * alone.gross_cost


@pytest.mark.parametrize("rule", RULES)
def test_transfers_cancel_and_leave_everybody_no_worse_than_alone(rule):
    world = world_with()
    joint = clear(world, Hierarchical(controller="aggregated", split=rule))
    alone = member_costs(world, clear(world, Isolated()))
    assert np.abs(sum(joint.transfers.values())).max() < 1e-9
    for name, cost in member_costs(world, joint).items():
        assert cost <= alone[name] + 1e-6 * joint.gross_cost


def beyond_grants_kw(world, clearing, part):
    """The most by which an exchange is more than the part of its request that was granted."""
    return max(
        float(np.maximum(-kw - part * request.lack_kw, kw - part * request.surplus_kw).max())
        for name, request in world.dno.asked[0].requests.items()
        for kw in [clearing.plans[name].exchange_kw]
    )


@pytest.mark.parametrize("part", [0.6, 0.0])
@pytest.mark.parametrize("seed", range(6))
def test_a_joint_plan_keeps_to_its_grants_even_where_that_means_shedding(seed, part):
    world = world_with(part, seed=seed)
    joint = clear(world, Hierarchical(controller="aggregated"))
    assert beyond_grants_kw(world, joint, part) <= 1e-6


def test_a_microgrid_that_plans_beyond_its_grant_breaks_its_promise():
    world = world_with()
    clear(world, Hierarchical(controller="aggregated"))
    agent = world.agents["M0"]
    window, no_limit = world.view.window, np.full(world.view.window.steps, 1e3)
    grant = Grant(window=window, lack_kw=no_limit, surplus_kw=no_limit)
    plan = agent.strategy.answer(agent.view, grant)
    lack_kw = np.maximum(-plan.exchange_kw, 0.0)
    half = {"lack_kw": lack_kw / 2, "surplus_kw": np.maximum(plan.exchange_kw, 0.0)}
    for asked in (
        Grant(window=window, **half),
        Award(window=window, granted=Request(**half)),
    ):
        told = list(reply_faults(plan, agent.view, asked))
        assert told == [f"the exchange is {lack_kw.max() / 2:g} kW beyond what was granted"]
    whole = Grant(window=window, lack_kw=lack_kw, surplus_kw=half["surplus_kw"])
    assert list(reply_faults(plan, agent.view, whole)) == []


def test_by_equal_shares_everybody_saves_the_same():
    world = world_with()
    joint = clear(world, Hierarchical(controller="aggregated"))
    alone, costs = member_costs(world, clear(world, Isolated())), member_costs(world, joint)
    saved = np.array([alone[name] - costs[name] for name in costs])
    assert saved.sum() > 1e-3
    np.testing.assert_allclose(saved, saved.mean(), atol=1e-5 * joint.gross_cost)


def test_what_grants_cost_the_joint_plan_is_borne_equally():
    """The saving of step 1, less an equal part of what step 3 costs more."""
    whole, half = world_with(), world_with(0.5)
    joint, cut = (
        clear(world, Hierarchical(controller="aggregated", split="shapley"))
        for world in (whole, half)
    )
    assert cut.upper > joint.upper
    before, after = member_costs(whole, joint), member_costs(half, cut)
    more = np.array([after[name] - before[name] for name in before])
    np.testing.assert_allclose(more, (cut.upper - joint.upper) / 3, atol=1e-5 * joint.gross_cost)


def test_proportional_shares_are_refused_where_somebody_earns():
    """The seed is of a microgrid whose sun pays more than its load costs."""
    seeds = [seed for seed in range(8) if _has_an_earner(seed)]
    world = world_with(seed=seeds[0])
    with pytest.raises(ValueError, match="negative; use equal, shapley or nucleolus"):
        clear(world, Hierarchical(controller="aggregated", split="proportional"))


def _has_an_earner(seed):
    world = make_world(3, seed)
    return min(member_costs(world, clear(world, Isolated())).values()) < 0.0


def test_nothing_is_divided_where_plans_are_made_for_the_system():
    world = world_with(objective=Objective.SYSTEM)
    assert clear(world, Hierarchical(controller="aggregated")).transfers == {}


def test_transfers_that_do_not_cancel_break_a_promise():
    world = world_with()
    joint = clear(world, Hierarchical(controller="aggregated"))
    awarded = {
        name: tuple(t for t in joint.trades if name in (t.seller, t.buyer)) for name in joint.plans
    }
    assert clearing_faults(joint, world.view, awarded, joint.plans) == []
    ones = np.ones(world.view.window.steps)
    for transfers, fault in (
        ({"M0": ones}, "transfers leave the market with up to 1 in a step"),
        ({"M9": ones}, "a transfer of 'M9', who is no member"),
        ({"M0": ones[1:]}, "the transfer of M0 is not"),
    ):
        spoilt = replace(joint, transfers=transfers)
        assert fault in clearing_faults(spoilt, world.view, awarded, joint.plans)[0]


# ------------------------------------------------------------------------------------ options
@pytest.mark.parametrize(
    ("options", "fault"),
    [
        ({"security": "n-1"}, "security is one of none, limits"),
        ({"controller": "all"}, "controller is one of each, aggregated"),
        ({"split": "fair"}, "split is one of equal, shapley, nucleolus, proportional"),
        ({"rounds": 0}, "rounds is at least 1"),
    ],
)
def test_unknown_options_are_refused(options, fault):
    with pytest.raises(ValueError, match=fault):
        Hierarchical(**options)


@pytest.mark.parametrize("split", ["shapley", "nucleolus"])
def test_coalitions_of_many_members_are_a_fault_of_the_scenario(split):
    many, few = (SimpleNamespace(microgrids=range(count)) for count in (11, 10))
    rule = Hierarchical(controller="aggregated", split=split)
    assert list(rule.scenario_faults(few)) == []
    what = f"{split} looks at all coalitions of 11 microgrids"
    cure = "use another rule, or at most 10 of them"
    assert list(rule.scenario_faults(many)) == [("split", what, cure)]
    assert list(Hierarchical(controller="aggregated").scenario_faults(many)) == []
    assert list(Hierarchical(split=split).scenario_faults(many)) == []


def test_each_asks_for_requests_and_shows_no_devices():
    assert RequestQuery in Hierarchical().asks
    assert Hierarchical().asks_dno == {GrantQuery}

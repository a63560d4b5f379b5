"""The mechanism: certificate, directions that stay, bills below those alone, options."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from mmgsim.contracts import Disclosure
from mmgsim.coordination import AdaptiveRobust, Central, Isolated
from mmgsim.plots.flags import MEANINGS, meaning
from tests.support import p001
from tests.support.gates import clear

STEPS = 6


def some_members(seed=0, count=3):
    rng = np.random.default_rng([2, seed])
    return p001.random_members(rng, count, p001.random_prices(rng, STEPS))


def test_without_anything_uncertain_it_is_the_joint_optimum():
    members = some_members()
    robust, central = (
        clear(p001.world(members), one) for one in (AdaptiveRobust(guarantee="none"), Central())
    )
    assert robust.upper == pytest.approx(central.upper, rel=1e-3)
    assert robust.upper >= robust.lower - 1e-9
    assert robust.lower == pytest.approx(central.lower, rel=1e-6)


@pytest.mark.parametrize("topology", ["pool", "links"])
def test_rounds_are_about_the_worst_and_the_last_one_is_about_the_plans(topology):
    mechanism = AdaptiveRobust(deviation=0.5, budget=1, topology=topology)
    clearing = clear(p001.world(some_members(1, count=2)), mechanism)
    *worst, last = clearing.rounds
    assert worst
    assert all(one.lower <= one.upper + 1e-9 for one in worst)
    assert (last.upper, last.lower) == (clearing.upper, clearing.lower)
    # Less sun costs more: what is planned for at worst is not what is expected.
    assert worst[-1].upper > clearing.upper
    assert clearing.lower <= clearing.upper
    assert clearing.residual_kw < 1e-6


def test_links_are_traded_from_microgrid_to_microgrid():
    clearing = clear(p001.world(some_members(1)), AdaptiveRobust(topology="links"))
    assert clearing.trades
    assert all("market" not in (one.seller, one.buyer) for one in clearing.trades)


def test_nobody_pays_more_than_alone_where_nothing_is_uncertain():
    members = some_members(2)
    prices = members[0].tariff
    alone = p001.bills(clear(p001.world(members), Isolated()), prices)
    clearing = clear(p001.world(members), AdaptiveRobust())
    paid = p001.bills(clearing, prices)
    assert sum(paid.values()) == pytest.approx(clearing.upper)
    assert all(paid[name] <= alone[name] + 1e-2 for name in paid)
    assert np.abs(sum(clearing.transfers.values())).max() < 1e-9


def later(world, steps=1):
    """Give the same world some steps later, as if its series went on as they are."""
    window = replace(world.view.window, first_step=world.view.window.first_step + steps)
    tariff = replace(world.view.tariff, window=window)
    envelopes = {n: replace(e, window=window) for n, e in world.view.envelopes.items()}
    world.view = replace(world.view, window=window, tariff=tariff, envelopes=envelopes)
    for name, agent in world.agents.items():
        agent.view = replace(agent.view, window=window, tariff=tariff, envelope=envelopes[name])
    return world


def test_what_was_decided_stays_until_its_day_is_over():
    members = some_members(1)
    shut = clear(p001.world(members), AdaptiveRobust(link_charge=1e3))
    assert not shut.trades
    free = AdaptiveRobust(guarantee="none")
    held = clear(later(p001.world(members)), free, shut.memory)
    traded = sum((one.kw for one in held.trades), np.zeros(STEPS))
    # Five of the six steps were decided on; the last one is new.
    assert traded[:-1] == pytest.approx(np.zeros(STEPS - 1))
    assert len(held.rounds) == 1  # nothing was decided, so there was no worst to look for
    again = clear(later(p001.world(members), STEPS), free, shut.memory)
    assert sum(one.kw.sum() for one in again.trades) > 1.0
    assert len(again.rounds) > 1


def test_a_later_gate_without_time_keeps_what_was_decided_and_says_so():
    members = some_members(1, count=2)
    options = {"deviation": 0.5, "budget": 1}
    first = clear(p001.world(members), AdaptiveRobust(**options))
    hurried = AdaptiveRobust(**options, time_limit_s=1e-9)
    held = clear(later(p001.world(members)), hurried, first.memory)
    assert {"robust_fallback", *(f"alone_unproven:{one.name}" for one in members)} <= set(
        held.flags
    )
    assert held.memory == first.memory
    traded = sum((one.kw for one in held.trades), np.zeros(STEPS))
    assert traded[-1] == 0.0  # nobody had decided on the last step
    assert held.residual_kw < 1e-6


def test_a_search_that_ends_early_says_so():
    mechanism = AdaptiveRobust(
        deviation=0.5, budget=1, grid_charge=1.0, tolerance=1e-9, max_rounds=1, guarantee="none"
    )
    clearing = clear(p001.world(some_members(3, count=2)), mechanism)
    assert "robust_out_of_rounds" in clearing.flags


def test_a_plan_of_ones_own_that_ends_early_is_said_of_its_microgrid():
    members = some_members(3, count=2)
    options = {"deviation": 0.5, "budget": 1, "grid_charge": 1.0}
    hasty = clear(p001.world(members), AdaptiveRobust(**options, tolerance=1e-9, max_rounds=1))
    assert {f"alone_unproven:{one.name}" for one in members} & set(hasty.flags)
    assert meaning("alone_unproven:M0") == MEANINGS["alone_unproven"]
    patient = clear(p001.world(members), AdaptiveRobust(**options))
    assert not [flag for flag in patient.flags if flag.startswith("alone_unproven")]


def test_all_wrong_options_are_named_at_once():
    with pytest.raises(ValueError, match="topology is one of pool, links") as caught:
        AdaptiveRobust(topology="ring", budget=-1, within=1.0, deviation=2.0, guarantee="all")
    for fault in ("guarantee", "within", "deviation", "budget"):
        assert fault in str(caught.value)


def test_a_price_of_lost_load_below_that_of_a_load_is_refused():
    load = SimpleNamespace(shed_price_per_kwh=3.0)
    scenario = SimpleNamespace(microgrids=[SimpleNamespace(devices=[load])])
    faults = list(AdaptiveRobust(lost_load_per_kwh=2.0).scenario_faults(scenario))
    assert [fault[0] for fault in faults] == ["lost_load_per_kwh"]
    assert list(AdaptiveRobust(lost_load_per_kwh=3.0).scenario_faults(scenario)) == []


def test_nothing_uncertain_is_said_beforehand_and_at_the_gate():
    scenario = SimpleNamespace(forecast=SimpleNamespace(kind="perfect"))
    doubts = list(AdaptiveRobust().scenario_doubts(scenario, None))
    assert [doubt[0] for doubt in doubts] == ["budget"]
    assert list(AdaptiveRobust(deviation=0.1).scenario_doubts(scenario, None)) == []
    flagged = clear(p001.world(some_members(count=2)), AdaptiveRobust(guarantee="none"))
    assert flagged.flags == ("nothing_uncertain",)


def test_bounds_that_microgrids_state_are_what_may_happen():
    class Stating(AdaptiveRobust):
        """Fills the bounds that strategies may state."""

        def tell(self, replies):
            told = [
                replace(one, low_kw={"sun": 0.5 * one.forecast_kw["sun"]})
                if isinstance(one, Disclosure)
                else one
                for one in replies
            ]
            return super().tell(told)

    members = some_members(1, count=2)
    stated, shared = (
        clear(p001.world(members), one)
        for one in (Stating(budget=1), AdaptiveRobust(budget=1, deviation=0.5))
    )
    assert stated.flags == shared.flags
    assert stated.rounds[-2].upper == pytest.approx(shared.rounds[-2].upper)


def test_one_that_was_reset_clears_as_a_new_one():
    members = some_members(4, count=2)
    options = {"deviation": 0.3, "budget": 1, "guarantee": "none"}
    used = AdaptiveRobust(**options)
    clear(p001.world(some_members(5, count=2)), used)
    used.reset()
    again, new = (clear(p001.world(members), one) for one in (used, AdaptiveRobust(**options)))
    assert again.upper == new.upper
    assert again.memory == new.memory

"""The critical part of a load: shed last, in plans, in projections, in dispatch, in money."""

import itertools
from dataclasses import replace

import numpy as np
import pytest

from mmgsim.contracts import Dispatch, Load, Operation, Realised
from mmgsim.settlement import shed_critical_kw, shed_kw, shed_value
from mmgsim.subproblems import MicrogridInputs, MicrogridProblem, hold_plan
from mmgsim.testing import sample_view

CLINIC = Load("clinic", 10.0, critical_share=0.5, critical_shed_price_per_kwh=100.0)
STEPS = 4


def alone(toy, clinic=CLINIC, energy=10.0):
    """A clinic of 5 kW for 4 h with a battery without losses, and nothing from outside."""
    bess = toy.battery(energy=energy, power=5.0, efficiency=1.0)
    return bess, toy.declare(
        clinic,
        bess,
        forecast={"clinic": np.full(STEPS, 5.0)},
        start={"bess": energy},
        rules={"bess": toy.rule(bess, STEPS)},
    )


def test_energy_is_kept_for_critical_load_ahead(toy):
    """10 kWh are the critical 2.5 kW for all 4 h: nothing else is served, in no hour."""
    _, declared = alone(toy)
    plan = toy.solve(declared, toy.terms(np.full(STEPS, 0.3), low=0.0, high=0.0))
    assert plan.schedule["clinic"].in_kw == pytest.approx(np.full(STEPS, 2.5))
    # 10 kWh of the rest are shed at 10.
    assert plan.private_cost == pytest.approx(100.0)


def test_without_a_critical_part_it_does_not_matter_when_load_is_shed(toy):
    _, declared = alone(toy, Load("clinic", 10.0))
    plan = toy.solve(declared, toy.terms(np.full(STEPS, 0.3), low=0.0, high=0.0))
    assert plan.private_cost == pytest.approx(100.0)


def test_what_is_left_after_critical_load_serves_the_rest(toy):
    _, declared = alone(toy, energy=13.0)
    plan = toy.solve(declared, toy.terms(np.full(STEPS, 0.3), low=0.0, high=0.0))
    assert plan.schedule["clinic"].in_kw.sum() == pytest.approx(13.0)
    assert plan.schedule["clinic"].in_kw.min() >= 2.5 - 1e-6
    assert plan.private_cost == pytest.approx(70.0)


def test_who_follows_a_wanted_operation_keeps_energy_for_critical_load_too(toy):
    """To discharge at once is wanted; it would leave the clinic in the dark after two hours."""
    _, declared = alone(toy)
    problem = MicrogridProblem("MG", declared.devices, toy.window(STEPS), wanted=True)
    on_terms = toy.terms(np.full(STEPS, 0.3), low=0.0, high=0.0)
    wanted_kw = {"bess": np.array([5.0, 5.0, 0.0, 0.0])}
    plan = problem.project(MicrogridInputs(declared, on_terms), 0, wanted_kw)
    assert plan.schedule["clinic"].in_kw == pytest.approx(np.full(STEPS, 2.5))


def dispatched(toy, supply_kw, devices, demand_kw):
    """What the loads get where only so much may be imported."""
    envelope = toy.envelope("MG1", 1, -supply_kw, 0.0)
    view = replace(sample_view(steps=1), devices=devices, envelope=envelope, plan=None)
    dispatch = hold_plan(view, Realised(0, demand_kw))
    return {load.name: dispatch.operations[load.name].in_kw for load in devices}


@pytest.mark.parametrize("supply_kw", [0.0, 1.0, 2.5, 4.0, 6.5, 9.0, 12.0])
def test_dispatch_serves_what_is_worth_most(toy, supply_kw):
    """Against trying every way to divide the supply among the parts, in halves of a kW."""
    shop = Load("shop", 20.0, critical_share=0.25, critical_shed_price_per_kwh=50.0)
    demand_kw = {"clinic": 5.0, "shop": 4.0}
    served_kw = dispatched(toy, supply_kw, (CLINIC, shop), demand_kw)
    assert sum(served_kw.values()) == pytest.approx(min(supply_kw, 9.0))

    def value(clinic_kw, shop_kw):
        return CLINIC.shed_value_per_h(5.0, clinic_kw) + shop.shed_value_per_h(4.0, shop_kw)

    halves = itertools.product(np.arange(0.0, 5.1, 0.5), np.arange(0.0, 4.1, 0.5))
    least = min(value(*way) for way in halves if sum(way) <= supply_kw)
    assert value(served_kw["clinic"], served_kw["shop"]) == pytest.approx(least)


def test_the_value_of_what_is_shed_counts_the_critical_part_at_its_price():
    """Of 5 kW, 2.5 critical, 1 is served: 2.5 kW at 10 and 1.5 kW at 100, for half an hour."""
    realised, dispatch = Realised(0, {"clinic": 5.0}), Dispatch({"clinic": Operation(in_kw=1.0)})
    assert shed_kw((CLINIC,), realised, dispatch) == pytest.approx(4.0)
    assert shed_critical_kw((CLINIC,), realised, dispatch) == pytest.approx(1.5)
    value = shed_value((CLINIC,), realised, dispatch, step_h=0.5)
    assert value == pytest.approx(0.5 * (25.0 + 150.0))


def test_where_nothing_is_critical_the_critical_price_has_no_effect():
    shop = Load("shop", 10.0, critical_shed_price_per_kwh=1e6)
    assert shop.shed_value_per_h(5.0, 1.0) == 40.0
    assert shop.shed_critical_kw(5.0, 1.0) == 0.0
    assert shop.dearest_per_kwh == 10.0

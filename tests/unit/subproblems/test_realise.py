from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmgsim.contracts import (
    Battery,
    CarriedState,
    DeviceSchedule,
    Dispatch,
    Load,
    Operation,
    Plan,
    Realised,
    frozen,
)
from mmgsim.subproblems import (
    MicrogridInputs,
    MicrogridProblem,
    Terms,
    disclosure_of,
    dispatch_faults,
    hold_plan,
)
from mmgsim.testing import sample_view

SEEDS = 12


def with_plan(seed, steps=4):
    view = sample_view(seed, steps=steps)
    problem = MicrogridProblem(view.name, view.devices, view.window)
    own = problem.solve(MicrogridInputs(disclosure_of(view), Terms.of(view)), 0)
    plan = Plan(
        window=view.window,
        exchange_kw=own.exchange_kw,
        q_kvar=frozen(0.0 * own.exchange_kw),
        private_cost=own.private_cost,
        schedule=own.schedule,
    )
    return replace(view, plan=plan)


@pytest.fixture(scope="module")
def views():
    return [with_plan(seed) for seed in range(SEEDS)]


def exchange_kw(dispatch):
    return sum(operation.net_kw for operation in dispatch.operations.values())


FACTORS = st.lists(st.floats(0.0, 3.0), min_size=8, max_size=8)
LIMITS = st.floats(0.0, 60.0)


@settings(max_examples=150, deadline=None)
@given(seed=st.integers(0, SEEDS - 1), factors=FACTORS, imports=LIMITS, exports=LIMITS)
def test_dispatch_is_possible_and_inside_the_envelope(views, seed, factors, imports, exports):
    view = views[seed]
    tight = replace(
        view.envelope,
        import_limit_kw=frozen(np.full(4, imports)),
        export_limit_kw=frozen(np.full(4, exports)),
    )
    view = replace(view, envelope=tight)
    pairs = zip(view.forecast_kw.items(), factors, strict=False)
    realised = Realised(0, {name: float(kw[0]) * factor for (name, kw), factor in pairs})
    dispatch = hold_plan(view, realised)
    assert dispatch_faults(view, realised, dispatch) == []
    # Everything can be shed, spilled or stopped, so nothing is ever left over.
    assert dispatch.flags == ()
    assert -imports - 1e-6 <= exchange_kw(dispatch) <= exports + 1e-6


@pytest.mark.parametrize("seed", range(SEEDS))
def test_a_forecast_that_comes_true_reproduces_the_plan(views, seed):
    view = views[seed]
    realised = Realised(0, {name: float(kw[0]) for name, kw in view.forecast_kw.items()})
    dispatch = hold_plan(view, realised)
    for name, schedule in view.plan.schedule.items():
        assert dispatch.operations[name].net_kw == pytest.approx(schedule.at(0).net_kw, abs=1e-6)


@pytest.mark.parametrize("seed", range(SEEDS))
def test_state_after_a_dispatch_is_inside_the_battery(views, seed):
    view = views[seed]
    realised = Realised(0, {name: 0.2 * float(kw[0]) for name, kw in view.forecast_kw.items()})
    dispatch = hold_plan(view, realised)
    for device in view.devices:
        if isinstance(device, Battery):
            operation = dispatch.operations[device.name]
            after = view.state.energy_kwh[device.name] + (
                device.efficiency * operation.in_kw - operation.out_kw / device.efficiency
            )
            assert device.energy_min_kwh - 1e-6 <= after <= device.energy_kwh + 1e-6


def by_hand(toy, devices, planned, *, start=None, imports=10.0, exports=10.0, expected=None):
    """Give a view whose plan of one step is written by hand: out and in by device, in kW."""
    window = toy.window(1)
    schedule = {
        name: DeviceSchedule(
            out_kw=frozen([out]),
            in_kw=frozen([into]),
            expected_kw=None if name not in (expected or {}) else frozen([expected[name]]),
        )
        for name, (out, into) in planned.items()
    }
    one = frozen([0.0])
    return replace(
        sample_view(steps=1),
        window=window,
        devices=devices,
        state=CarriedState(start or {}),
        envelope=toy.envelope("MG1", 1, -imports, exports),
        plan=Plan(window=window, exchange_kw=one, q_kvar=one, private_cost=0.0, schedule=schedule),
    )


def test_without_a_plan_the_difference_is_imported(toy):
    view = replace(by_hand(toy, (toy.load(),), {}), plan=None)
    assert exchange_kw(hold_plan(view, Realised(0, {"shop": 4.0}))) == pytest.approx(-4.0)


def test_battery_holds_its_plan_inside_the_envelope(toy):
    view = by_hand(
        toy,
        (toy.load(), toy.battery()),
        {"shop": (0.0, 4.0), "bess": (2.0, 0.0)},
        start={"bess": 5.0},
        expected={"shop": 4.0},
    )
    dispatch = hold_plan(view, Realised(0, {"shop": 9.0}))
    assert dispatch.operations["bess"] == Operation(out_kw=2.0)
    assert exchange_kw(dispatch) == pytest.approx(-7.0)


def test_planned_discharge_stops_at_the_least_energy(toy):
    view = by_hand(toy, (toy.battery(efficiency=0.9),), {"bess": (5.0, 0.0)}, start={"bess": 1.0})
    assert hold_plan(view, Realised(0, {})).operations["bess"].out_kw == pytest.approx(0.9)


def test_planned_charge_stops_at_the_most_energy(toy):
    view = by_hand(toy, (toy.battery(efficiency=0.9),), {"bess": (0.0, 5.0)}, start={"bess": 9.1})
    assert hold_plan(view, Realised(0, {})).operations["bess"].in_kw == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("sunshine", "charged", "spilled"), [(12.0, 2.0, 0.0), (15.0, 5.0, 0.0), (18.0, 5.0, 3.0)]
)
def test_surplus_beyond_the_envelope_is_stored_then_spilled(toy, sunshine, charged, spilled):
    view = by_hand(
        toy,
        (toy.sun(), toy.battery(efficiency=1.0)),
        {"roof": (10.0, 0.0), "bess": (0.0, 0.0)},
        start={"bess": 5.0},
        expected={"roof": 10.0},
    )
    dispatch = hold_plan(view, Realised(0, {"roof": sunshine}))
    assert dispatch.operations["bess"].in_kw == pytest.approx(charged)
    assert dispatch.operations["roof"].out_kw == pytest.approx(sunshine - spilled)


def test_surplus_stops_a_discharge_before_it_charges(toy):
    view = by_hand(
        toy,
        (toy.sun(), toy.battery(efficiency=1.0)),
        {"roof": (8.0, 0.0), "bess": (2.0, 0.0)},
        start={"bess": 5.0},
        expected={"roof": 8.0},
    )
    dispatch = hold_plan(view, Realised(0, {"roof": 11.0}))
    assert dispatch.operations["bess"] == Operation(out_kw=0.0, in_kw=pytest.approx(1.0))


def test_lack_beyond_the_envelope_sheds_the_cheapest_load_first(toy):
    devices = (
        toy.load(9.0, "clinic"),
        toy.load(2.0, "laundry"),
        toy.load(5.0, "office"),
        toy.battery(efficiency=1.0),
    )
    loads = [device.name for device in devices if isinstance(device, Load)]
    view = by_hand(
        toy,
        devices,
        {**dict.fromkeys(loads, (0.0, 3.0)), "bess": (0.0, 0.0)},
        start={"bess": 1.0},
        imports=3.0,
        expected=dict.fromkeys(loads, 3.0),
    )
    dispatch = hold_plan(view, Realised(0, dict.fromkeys(loads, 3.0)))
    assert dispatch.operations["bess"].out_kw == pytest.approx(1.0)
    served = {name: dispatch.operations[name].in_kw for name in loads}
    assert served == pytest.approx({"clinic": 3.0, "laundry": 0.0, "office": 1.0})


def test_load_is_not_shed_while_sun_is_spilled(toy):
    view = by_hand(
        toy,
        (toy.load(), toy.sun()),
        {"shop": (0.0, 2.0), "roof": (7.0, 0.0)},
        imports=1.0,
        exports=5.0,
        expected={"shop": 2.0, "roof": 10.0},
    )
    dispatch = hold_plan(view, Realised(0, {"shop": 10.0, "roof": 10.0}))
    assert dispatch.operations["shop"].in_kw == pytest.approx(10.0)
    assert dispatch.operations["roof"].out_kw == pytest.approx(9.0)


def test_sun_is_not_spilled_while_load_is_shed(toy):
    view = by_hand(
        toy,
        (toy.load(), toy.sun()),
        {"shop": (0.0, 6.0), "roof": (1.0, 0.0)},
        imports=5.0,
        exports=0.0,
        expected={"shop": 10.0, "roof": 1.0},
    )
    dispatch = hold_plan(view, Realised(0, {"shop": 10.0, "roof": 9.0}))
    assert dispatch.operations["shop"].in_kw == pytest.approx(9.0)
    assert dispatch.operations["roof"].out_kw == pytest.approx(9.0)


def test_surplus_serves_the_dearest_load_first(toy):
    loads = ("laundry", "clinic")
    view = by_hand(
        toy,
        (toy.load(2.0, "laundry"), toy.load(9.0, "clinic"), toy.sun()),
        {**dict.fromkeys(loads, (0.0, 0.0)), "roof": (0.0, 0.0)},
        exports=0.0,
        expected={**dict.fromkeys(loads, 3.0), "roof": 0.0},
    )
    dispatch = hold_plan(view, Realised(0, {**dict.fromkeys(loads, 3.0), "roof": 4.0}))
    assert dispatch.operations["clinic"].in_kw == pytest.approx(3.0)
    assert dispatch.operations["laundry"].in_kw == pytest.approx(1.0)


@pytest.mark.parametrize(("demand", "served"), [(50.0, 30.0), (35.0, 30.0), (20.0, 20.0)])
def test_planned_shedding_shrinks_with_the_demand(toy, demand, served):
    view = by_hand(toy, (toy.load(),), {"shop": (0.0, 30.0)}, imports=30.0, expected={"shop": 50.0})
    dispatch = hold_plan(view, Realised(0, {"shop": demand}))
    assert dispatch.operations["shop"].in_kw == pytest.approx(served)


@pytest.mark.parametrize(("sunshine", "used"), [(60.0, 40.0), (45.0, 40.0), (30.0, 30.0)])
def test_planned_spill_shrinks_with_the_sun(toy, sunshine, used):
    view = by_hand(toy, (toy.sun(),), {"roof": (40.0, 0.0)}, exports=40.0, expected={"roof": 60.0})
    dispatch = hold_plan(view, Realised(0, {"roof": sunshine}))
    assert dispatch.operations["roof"].out_kw == pytest.approx(used)


@pytest.mark.parametrize(
    ("operation", "part"),
    [
        (Operation(out_kw=6.0), "out_kw = 6"),
        (Operation(in_kw=-1.0), "in_kw = -1"),
        (Operation(out_kw=float("nan")), "out_kw = nan"),
        (Operation(out_kw=1.0, in_kw=1.0), "same step"),
    ],
)
def test_impossible_operation_of_a_battery_is_named(toy, operation, part):
    view = by_hand(toy, (toy.battery(),), {}, start={"bess": 5.0})
    faults = dispatch_faults(view, Realised(0, {}), Dispatch(operations={"bess": operation}))
    assert len(faults) == 1
    assert part in faults[0]


def test_missing_operation_is_named(toy):
    view = by_hand(toy, (toy.battery(),), {}, start={"bess": 5.0})
    assert "bess" in dispatch_faults(view, Realised(0, {}), Dispatch(operations={}))[0]

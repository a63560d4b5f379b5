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
    plan_faults,
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
    # Everything can be shed, spilled or stopped, a hot diesel unit by losing its load, so that
    # nothing is ever left over.
    assert set(dispatch.flags) <= {"ramp_missed"}
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


def by_hand(
    toy, devices, planned, *, start=None, imports=10.0, exports=10.0, expected=None, ran_at=0.0
):
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
        state=CarriedState(start or {}, toy.ran_at(ran_at)),
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


# -------------------------------------------------------------------------------------- diesel
def hold(toy, *devices, planned, realised=None, **world):
    """Hold a plan by hand, and make sure that it was possible; give net powers and flags."""
    realised = Realised(0, realised or {})
    view = by_hand(toy, devices, planned, **world)
    dispatch = hold_plan(view, realised)
    assert dispatch_faults(view, realised, dispatch) == []
    low, high = -view.envelope.import_limit_kw[0], view.envelope.export_limit_kw[0]
    assert low - 1e-6 <= exchange_kw(dispatch) <= high + 1e-6
    return {name: op.net_kw for name, op in dispatch.operations.items()}, dispatch.flags


@pytest.mark.parametrize(
    ("planned", "ran_at", "ramp", "held"),
    [
        (60.0, 60.0, 10.0, 60.0),
        (60.0, 40.0, 10.0, 50.0),  # was lower than the plan had it
        (60.0, 90.0, 10.0, 80.0),  # was higher
        (60.0, 0.0, 30.0, 30.0),  # was off
        (60.0, 0.0, 10.0, 20.0),  # starts at its least power whatever its ramp
        (0.0, 20.0, 10.0, 0.0),
        (0.0, 20.0 + 1e-7, 10.0, 0.0),  # a solver's rounding does not keep it on
        (0.0, 70.0, 10.0, 60.0),  # still too high to stop
        (0.0, 0.0, 10.0, 0.0),
        (60.0, 0.0, np.inf, 60.0),
        (0.0, 100.0, np.inf, 0.0),
    ],
)
def test_diesel_holds_its_plan_within_its_ramp(toy, planned, ran_at, ramp, held):
    kw, flags = hold(
        toy,
        toy.genset(ramp_kw_per_h=ramp),
        planned={"genset": (planned, 0.0)},
        ran_at=ran_at,
        exports=200.0,
    )
    assert kw == pytest.approx({"genset": held})
    assert flags == ()


def test_diesel_without_a_plan_is_off(toy):
    view = replace(by_hand(toy, (toy.genset(),), {}), plan=None)
    assert hold_plan(view, Realised(0, {})).operations["genset"] == Operation()


def test_surplus_is_stored_then_diesel_comes_down_before_sun_is_spilled(toy):
    def powers(sunshine):
        kw, flags = hold(
            toy,
            toy.sun(),
            toy.battery(efficiency=1.0),
            toy.genset(ramp_kw_per_h=30.0),
            planned={"roof": (10.0, 0.0), "bess": (0.0, 0.0), "genset": (60.0, 0.0)},
            start={"bess": 5.0},
            expected={"roof": 10.0},
            realised={"roof": sunshine},
            ran_at=60.0,
            exports=70.0,
        )
        assert flags == ()
        return kw["bess"], kw["genset"], kw["roof"]

    assert powers(13.0) == pytest.approx((-3.0, 60.0, 13.0))
    assert powers(25.0) == pytest.approx((-5.0, 50.0, 25.0))
    assert powers(45.0) == pytest.approx((-5.0, 30.0, 45.0))
    assert powers(55.0) == pytest.approx((-5.0, 30.0, 45.0))


def test_running_diesel_never_goes_below_its_least_power_while_sun_can_be_spilled(toy):
    kw, flags = hold(
        toy,
        toy.sun(),
        toy.genset(),
        planned={"roof": (10.0, 0.0), "genset": (60.0, 0.0)},
        expected={"roof": 10.0},
        realised={"roof": 30.0},
        ran_at=60.0,
        exports=25.0,
    )
    assert kw == pytest.approx({"roof": 5.0, "genset": 20.0})
    assert flags == ()


def test_lack_is_met_by_unspilled_sun_then_diesel_before_load_is_shed(toy):
    def powers(demand):
        kw, _ = hold(
            toy,
            toy.load(),
            toy.sun(),
            toy.genset(ramp_kw_per_h=30.0),
            planned={"shop": (0.0, 50.0), "roof": (5.0, 0.0), "genset": (40.0, 0.0)},
            expected={"shop": 50.0, "roof": 8.0},
            realised={"shop": demand, "roof": 8.0},
            ran_at=40.0,
            imports=5.0,
        )
        return -kw["shop"], kw["roof"], kw["genset"]

    assert powers(52.0) == pytest.approx((52.0, 7.0, 40.0))
    assert powers(70.0) == pytest.approx((70.0, 8.0, 57.0))
    assert powers(90.0) == pytest.approx((83.0, 8.0, 70.0))


def test_diesel_that_is_planned_to_be_off_does_not_start(toy):
    kw, _ = hold(
        toy,
        toy.load(),
        toy.genset(),
        planned={"shop": (0.0, 5.0), "genset": (0.0, 0.0)},
        expected={"shop": 5.0},
        realised={"shop": 50.0},
        imports=5.0,
    )
    assert kw == pytest.approx({"shop": -5.0, "genset": 0.0})


def test_cheapest_diesel_goes_up_first_and_the_dearest_down(toy):
    units = (toy.genset("dear", cost=0.5), toy.genset("cheap", cost=0.2))
    planned = {"shop": (0.0, 100.0), "dear": (50.0, 0.0), "cheap": (50.0, 0.0)}

    def powers(demand):
        view = by_hand(
            toy, (toy.load(), *units), planned, imports=0.0, exports=0.0, expected={"shop": 100.0}
        )
        state = CarriedState({}, {**toy.ran_at(50.0, "dear"), **toy.ran_at(50.0, "cheap")})
        dispatch = hold_plan(replace(view, state=state), Realised(0, {"shop": demand}))
        return [dispatch.operations[name].out_kw for name in ("dear", "cheap")]

    assert powers(120.0) == pytest.approx([50.0, 70.0])
    assert powers(80.0) == pytest.approx([30.0, 50.0])


@pytest.mark.parametrize(
    ("demand", "exports", "power"),
    [(30.0, 0.0, 30.0), (10.0, 0.0, 0.0), (10.0, 5.0, 0.0), (10.0, 25.0, 35.0)],
)
def test_hot_diesel_loses_its_load_where_the_envelope_leaves_nothing_else(
    toy, demand, exports, power
):
    """It falls faster than its ramp as far as needed, and off where its least power is too much."""
    kw, flags = hold(
        toy,
        toy.load(),
        toy.genset(ramp_kw_per_h=10.0),
        planned={"shop": (0.0, 90.0), "genset": (90.0, 0.0)},
        expected={"shop": 90.0},
        realised={"shop": demand},
        ran_at=90.0,
        imports=2.0,
        exports=exports,
    )
    assert flags == ("ramp_missed",)
    assert kw["genset"] == pytest.approx(power)
    assert kw["shop"] == pytest.approx(-demand if power else -2.0)


def test_sun_is_used_again_once_the_diesel_had_to_go_off(toy):
    kw, flags = hold(
        toy,
        toy.load(),
        toy.sun(),
        toy.genset(),
        planned={"shop": (0.0, 30.0), "roof": (5.0, 0.0), "genset": (25.0, 0.0)},
        expected={"shop": 30.0, "roof": 5.0},
        realised={"shop": 15.0, "roof": 5.0},
        ran_at=25.0,
        imports=20.0,
        exports=0.0,
    )
    # Without a ramp nothing is missed: it stops, and 10 kW are imported.
    assert flags == ()
    assert kw == pytest.approx({"shop": -15.0, "roof": 5.0, "genset": 0.0})


@pytest.mark.parametrize(
    ("operation", "flags", "part"),
    [
        (Operation(out_kw=10.0), (), "possible 0 or 50..70"),
        (Operation(out_kw=10.0), ("ramp_missed",), "possible 0 or 20..70"),
        (Operation(out_kw=40.0), (), "out_kw = 40"),
        (Operation(out_kw=71.0), ("ramp_missed",), "out_kw = 71"),
        (Operation(out_kw=-1.0), (), "out_kw = -1"),
        (Operation(out_kw=float("nan")), (), "out_kw = nan"),
        (Operation(out_kw=60.0, in_kw=1.0), (), "in_kw = 1"),
        (Operation(), (), "stops from 60 kW, possible from 20"),
        (Operation(), ("ramp_missed",), None),
        (Operation(out_kw=40.0), ("ramp_missed",), None),
        (Operation(out_kw=55.0), (), None),
    ],
)
def test_impossible_operation_of_a_diesel_is_named(toy, operation, flags, part):
    view = by_hand(toy, (toy.genset(ramp_kw_per_h=10.0),), {}, exports=100.0, ran_at=60.0)
    dispatch = Dispatch(operations={"genset": operation}, flags=flags)
    faults = dispatch_faults(view, Realised(0, {}), dispatch)
    assert len(faults) == (part is not None)
    assert part is None or part in faults[0]


@pytest.mark.parametrize(
    ("powers", "part"),
    [
        ([50.0, 40.0], None),
        ([70.0, 85.0], "out_kw = 85, possible 0 or 60..80, at position 1"),
        ([10.0, 20.0], "out_kw = 10"),
        ([55.0, 0.0], "stops from 55 kW, possible from 20, at position 1"),
        ([50.0, 105.0], "out_kw = 105"),
    ],
)
def test_plan_that_a_diesel_cannot_keep_is_named(toy, powers, part):
    unit = toy.genset(ramp_kw_per_h=10.0)
    out, zero = frozen(powers), frozen([0.0, 0.0])
    view = replace(
        by_hand(toy, (unit,), {}, ran_at=60.0),
        window=toy.window(2),
        envelope=toy.envelope("MG1", 2),
    )
    plan = Plan(
        window=view.window,
        exchange_kw=out,
        q_kvar=zero,
        private_cost=0.0,
        schedule={"genset": DeviceSchedule(out_kw=out, in_kw=zero)},
    )
    faults = list(plan_faults(plan, view))
    assert len(faults) == (part is not None)
    assert part is None or part in faults[0]
    # What is flagged as missed may fall, but not climb, faster than the ramp.
    missed = list(plan_faults(replace(plan, flags=("missed",)), view))
    assert bool(missed) == (part is not None and "stops" not in part)


@pytest.mark.parametrize(
    ("load_kw", "drawn_kw", "fault"),
    [
        (4.0, 4.0, "leaves the envelope by 3 kW, where storage, spill and shedding can keep"),
        (4.0, 1.0, None),  # the rest is shed
    ],
)
def test_a_dispatch_keeps_its_envelope_where_it_can(toy, load_kw, drawn_kw, fault):
    view = by_hand(toy, (toy.load(),), {}, imports=1.0)
    realised = Realised(0, {"shop": load_kw})
    dispatch = Dispatch(operations={"shop": Operation(in_kw=drawn_kw)})
    faults = dispatch_faults(view, realised, dispatch)
    assert len(faults) == (fault is not None)
    assert all(fault in one for one in faults)


@pytest.mark.parametrize(
    ("out_kw", "in_kw", "expected_kw", "fault"),
    [
        ([1.0], [3.0], [3.0], "shop generates 1 kW"),
        ([-1.0], [-1.0], [3.0], "out_kw of shop is not 1 finite numbers from 0"),
        ([0.0], [0.0, 0.0], [3.0], "in_kw of shop is not 1 finite"),
        ([0.0], [0.0], [np.nan], "expected_kw of shop is not 1 finite"),
    ],
)
def test_a_schedule_that_no_device_can_hold_is_named(toy, out_kw, in_kw, expected_kw, fault):
    view = replace(by_hand(toy, (toy.load(),), {}), forecast_kw={"shop": frozen([3.0])})
    entry = DeviceSchedule(frozen(out_kw), frozen(in_kw), frozen(expected_kw))
    plan = replace(view.plan, schedule={"shop": entry})
    plan = replace(plan, exchange_kw=frozen([out_kw[0] - in_kw[0]]))
    assert any(fault in one for one in plan_faults(plan, view))


def test_a_plan_of_another_window_is_refused(toy):
    view = by_hand(toy, (toy.load(),), {"shop": (0.0, 0.0)})
    other = replace(view.plan, window=replace(view.window, first_step=1))
    assert "another window" in next(plan_faults(other, view))

"""What a store with sessions can do in a step, by hand."""

import pickle
from types import MappingProxyType

import numpy as np
import pytest

from mmgsim.contracts import CarriedState, Operation, Session
from tests.support.sessions import disclosed, flexible, vehicle, window

CAR = vehicle(efficiency=0.9, discharge_kw=5.0, energy_min_kwh=8.0)


def rule_of(device, session, *, steps=8, first=0, now_kwh=0.0):
    over = window(steps, first=first)
    told = disclosed((device,), {device.name: (session,)}, over, now_kwh={device.name: now_kwh})
    return told.sessions[device.name]


def test_a_session_is_there_from_its_first_step_to_the_one_before_its_stop():
    rule = rule_of(CAR, Session(2, 5, 10.0, 20.0))
    assert rule.is_plugged.tolist() == [0, 0, 1, 1, 1, 0, 0, 0]
    assert rule.is_leaving.tolist() == [0, 0, 0, 0, 1, 0, 0, 0]
    assert rule.arrives_kwh.tolist() == [0, 0, 10.0, 0, 0, 0, 0, 0]
    assert rule.wanted_kwh.tolist() == [0, 0, 0, 0, 20.0, 0, 0, 0]


def test_the_least_energy_leaves_what_is_wanted_in_reach_at_full_power():
    rule = rule_of(CAR, Session(2, 5, 10.0, 20.0))
    # 7 kW store 6.3 kWh an hour: 20 - 2 * 6.3 = 7.4 is below the floor of 8 kWh.
    assert rule.least_kwh[2:5] == pytest.approx([8.0, 13.7, 20.0])


def test_what_is_out_of_reach_becomes_what_can_be_reached():
    rule = rule_of(CAR, Session(0, 2, 10.0, 30.0))
    assert rule.least_kwh[:2] == pytest.approx([16.3, 22.6])
    assert rule.wanted_kwh[1] == 30.0
    assert Session(0, 2, 10.0, 30.0).short_kwh(6.3) == pytest.approx(7.4)


def test_a_session_that_is_on_begins_with_what_the_store_holds_now():
    rule = rule_of(CAR, Session(2, 12, 10.0, 30.0), first=4, now_kwh=15.0)
    assert rule.arrives_kwh[0] == 15.0
    assert rule.is_plugged.tolist() == [1.0] * 8
    assert rule.wanted_kwh[7] == 30.0


def test_at_the_end_of_a_window_the_rest_can_still_be_charged():
    rule = rule_of(CAR, Session(0, 12, 10.0, 36.0), steps=8)
    # Four steps at 6.3 kWh are left.
    assert rule.due_kwh()[-1] == pytest.approx(36.0 - 4 * 6.3)
    assert not rule.is_leaving.any()


def test_nobody_is_discharged_below_what_it_came_with_where_that_is_little():
    assert rule_of(CAR, Session(0, 4, 3.0, 3.0)).floor_kwh[0] == 3.0
    assert rule_of(CAR, Session(0, 4, 30.0, 30.0)).floor_kwh[0] == 8.0


def test_limits_of_a_step_keep_what_is_wanted_in_reach():
    # In two steps 12.6 kWh can be stored, so 20 kWh now are 7.4 more than needed for 25.2.
    rule = rule_of(CAR, Session(0, 3, 20.0, 25.2))
    least_kw, spare_kw, most_kw = CAR.limits_kw(rule)
    assert least_kw == -7.0
    assert spare_kw == most_kw == 5.0  # limited by its power
    slow = rule_of(CAR, Session(0, 3, 14.6, 25.2))
    assert CAR.limits_kw(slow) == pytest.approx((-7.0, 2.0 * 0.9, 2.0 * 0.9))
    late = rule_of(CAR, Session(0, 3, 9.0, 25.2))
    assert CAR.limits_kw(late) == pytest.approx((-7.0, -3.6 / 0.9, 0.0))


def test_a_store_that_is_away_can_do_nothing():
    rule = rule_of(CAR, Session(2, 5, 10.0, 20.0))
    assert CAR.limits_kw(rule) == (0.0, 0.0, 0.0)
    assert CAR.energy_after(rule, Operation()) == 0.0


def test_a_full_store_takes_no_more_than_its_room():
    rule = rule_of(CAR, Session(0, 4, 39.1, 30.0))
    assert CAR.limits_kw(rule)[0] == pytest.approx(-1.0)


def test_energy_path_follows_the_operation_and_starts_anew_with_a_session():
    sessions = (Session(0, 2, 10.0, 10.0), Session(2, 4, 5.0, 5.0))
    told = disclosed((CAR,), {"car": sessions}, window(4))
    rule = told.sessions["car"]
    path = CAR.stored_kwh(rule, np.array([1.0, 0.0, 2.0, 0.0]), np.array([0.0, 0.9, 0.0, 0.0]))
    assert path == pytest.approx([10.9, 9.9, 6.8, 6.8])


def test_missing_energy_counts_where_a_session_ends_and_only_there():
    rule = rule_of(CAR, Session(0, 2, 10.0, 20.0))
    assert rule.missing_kwh(np.array([11.0, 12.0] + [0.0] * 6)).tolist() == [0, 8.0] + [0] * 6
    assert rule.missing_kwh(11.0).tolist() == [0.0]


def test_a_carried_state_moves_vehicles_with_the_step_and_pickles():
    over = window(4)
    devices = (CAR, flexible())
    sessions = {"car": (Session(0, 3, 10.0, 20.0),), "pump": (Session(1, 4, 0.0, 12.0),)}
    told = disclosed(devices, sessions, over)
    operations = {"car": Operation(in_kw=5.0), "pump": Operation()}
    after = told.state.after(devices, operations, 1.0, told.sessions)
    assert after.session_kwh == pytest.approx({"car": 14.5, "pump": 0.0})
    plain = CarriedState({}, {}, dict(after.session_kwh))
    assert pickle.loads(pickle.dumps(plain)) == plain
    assert isinstance(after.session_kwh, MappingProxyType)

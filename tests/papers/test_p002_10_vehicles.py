"""Property 10: vehicles under every sun, at the size that the specification asks for."""

import numpy as np
import pytest

from mmgsim.contracts import SessionStore
from mmgsim.reproduce.paper_002 import Study

pytestmark = pytest.mark.slow

WITHOUT_CHARGES = {"coordination.grid_charge": 0.0, "coordination.link_charge": 0.0}


@pytest.fixture(scope="module")
def study():
    return Study(np.inf, WITHOUT_CHARGES)


def test_three_microgrids_with_vehicles_are_proven_over_a_day(study):
    optimum = study.together.optimum
    assert len(study.declared) == 3
    assert study.together.problem.unknowns.budget.tolist() == [4.0] * 3
    assert optimum.gap <= 1e-3
    assert not optimum.flags


def values(unit, name):
    return np.array([float(entry() if callable(entry) else entry) for entry in part(unit, name)])


def part(unit, name):
    return [one.value if hasattr(one, "value") else one for one in getattr(unit, name).values()]


def test_vehicles_keep_their_energy_and_leave_with_what_they_want_under_every_sun(study):
    plan = study.together
    suns = [plan.problem.forecast, *(turn.unknown for turn in plan.optimum.rounds), study.suns[0]]
    for sun in suns:
        plan.problem.operate(plan.optimum.first, sun)
        for name, declared in study.declared.items():
            for device in declared.devices:
                if isinstance(device, SessionStore):
                    unit = plan.problem.model.member[name].own.device[device.name]
                    assert_kept(unit, device, declared.sessions[device.name])


def assert_kept(unit, device, rule):
    charge_kw, give_kw = values(unit, "in_kw"), values(unit, "out_kw")
    held_kwh, left_kwh = values(unit, "kept_kwh"), values(unit, "left_kwh")
    floor_kwh = rule.floor_kwh
    away = rule.is_plugged == 0
    assert (charge_kw[away] <= 1e-9).all()
    assert (give_kw[away] <= 1e-9).all()
    before = np.concatenate([[0.0], held_kwh[:-1]])
    came = np.maximum(rule.arrives_kwh - floor_kwh, 0.0)
    flow = device.efficiency * charge_kw - give_kw / device.efficiency
    assert held_kwh + left_kwh == pytest.approx(before + came + flow, abs=1e-6)
    assert (held_kwh + left_kwh <= device.energy_kwh - floor_kwh + 1e-6).all()
    assert (floor_kwh + held_kwh + left_kwh >= rule.due_kwh() - 1e-6).all()

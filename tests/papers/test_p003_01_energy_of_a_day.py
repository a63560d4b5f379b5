"""Properties 1 and 3, on the executed day of case 2: energy, storage, diesel units; its time."""

import numpy as np
import pytest

from tests.support import p003


@pytest.fixture(scope="module")
def model():
    return p003.day(2)


def test_energy_of_the_day_balances_in_the_ac_power_flow(model):
    """Upstream + diesel + sun + discharge = load - shed + charge + losses, to 1e-4 MWh."""
    steps, dispatch = model.table("steps"), model.table("dispatch")
    rows = model.table("devices")
    own = sum(p003.device(rows, name, "power_kw") for name in ("genset", "ess")).sum()
    sources = dispatch[["pv_kw", "wind_kw", "diesel_kw", "discharge_kw"]].sum().sum()
    uses = dispatch[["load_kw", "charge_kw"]].sum().sum() - dispatch.shed_kw.sum()
    drawn = steps.background_kw.sum() - steps.unserved_kwh.sum() + steps.loss_kw.sum()
    assert steps.substation_kw.sum() + own + sources == pytest.approx(uses + drawn, abs=0.1)


def test_every_step_keeps_its_limits(model):
    steps = model.table("steps")
    assert (steps.status == "ok").all()
    assert steps.vm_min_pu.min() >= 0.93 - 1e-6
    assert steps.vm_max_pu.max() <= 1.05 + 1e-6
    assert steps.loading_max_percent.max() <= 100.0 + 1e-4


def test_the_relaxation_is_exact_all_day(model):
    assert (model.table("grants").inexact_steps == 0).all()


def test_without_limits_the_same_day_breaks_them():
    assert (p003.day(1).table("steps").status == "violations").any()


@pytest.mark.parametrize(
    ("owner", "start_kwh", "end_kwh", "size_kwh", "power_kw", "efficiency"),
    [
        ("MG1", 200.0, 500.0, 1000.0, 500.0, 0.98),
        ("MG2", 200.0, 500.0, 1000.0, 500.0, 0.98),
        ("MG3", 200.0, 500.0, 1000.0, 500.0, 0.98),
        ("dno", 1200.0, 1000.0, 3000.0, 750.0, 0.99),
    ],
)
def test_storage_is_that_of_table_2(
    model, owner, start_kwh, end_kwh, size_kwh, power_kw, efficiency
):
    rows = model.table("devices")
    energy, charge, discharge = (
        p003.device(rows, "ess", quantity, owner)
        for quantity in ("energy_kwh", "charge_kw", "discharge_kw")
    )
    due = start_kwh + np.cumsum(efficiency * charge - discharge / efficiency)
    np.testing.assert_allclose(energy, due, atol=1e-6)
    assert energy[-1] == pytest.approx(end_kwh, abs=1e-6)
    assert energy.min() >= -1e-6
    assert energy.max() <= size_kwh + 1e-6
    assert max(charge.max(), discharge.max()) <= power_kw + 1e-6
    assert np.minimum(charge, discharge).max() <= 1e-6


@pytest.mark.parametrize(
    ("owner", "most_kw", "ramp_kw", "before_kw", "a1", "a2"),
    [
        ("MG1", 1600.0, 1300.0, 1000.0, 18e-6, 0.090),
        ("MG2", 2000.0, 1200.0, 1300.0, 15e-6, 0.085),
        ("dno", 3000.0, 1200.0, 2100.0, 12e-6, 0.075),
    ],
)
def test_diesel_units_are_those_of_table_1(model, owner, most_kw, ramp_kw, before_kw, a1, a2):
    """Within limits and ramps, MW an hour as they are; fuel is the true quadratic."""
    power = p003.device(model.table("devices"), "genset", "power_kw", owner)
    assert power.max() <= most_kw + 1e-6
    assert np.abs(np.diff(power, prepend=before_kw)).max() <= ramp_kw + 1e-6
    lines = model.table("ledger")
    fuel = lines[(lines.payer == owner) & (lines["item"] == "fuel")].amount.sum()
    assert fuel == pytest.approx(float((power * (a2 + a1 * power)).sum()), abs=1e-6)


@pytest.mark.parametrize("case", [1, 2, 3])
def test_the_three_steps_of_a_day_take_less_than_the_paper_says(case):
    """22 + 12 + 24 s there; the gate is these steps, with building the problems."""
    timings = p003.day(case).table("timings")
    assert timings.gate_s.sum() < 22.0 + 12.0 + 24.0

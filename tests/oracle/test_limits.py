"""Limits are limits: no price, however high, buys a plan beyond them."""

import numpy as np
import pytest
import yaml

import mmgsim
from tests.oracle.lp import central, isolated, read_case

TOLERANCE = 1e-6
ORACLES = {"central": central, "isolated": isolated}


def write(folder, devices, connection, **end):
    """Write one microgrid that buys at 0.30 and sells at 0.05."""
    scenario = {
        "name": "limits",
        "timezone": "UTC",
        "start": "2021-01-11",
        "days": 1,
        "gate": {"end_of_window": {"kind": "cyclic", **end}},
        "network": "none",
        "tariff": {"import_per_kwh": 0.3, "export_per_kwh": 0.05},
        "forecast": {"kind": "perfect"},
        "microgrids": [{"name": "A", "connection": connection, "devices": devices}],
    }
    folder.mkdir()
    (folder / "scenario.yaml").write_text(yaml.safe_dump(scenario), encoding="utf-8")
    return folder


def load(kw, shed_price):
    return {"name": "l", "kind": "load", "profile": kw, "shed_price_per_kwh": shed_price}


def first_gate(folder, coordination):
    model = mmgsim.build(folder, coordination=coordination)
    model.step()
    return model, model.table("gates").iloc[0]


@pytest.mark.parametrize("coordination", ORACLES)
@pytest.mark.parametrize("shed_price", [10.0, 900.0, 5000.0])
def test_dear_load_is_shed_where_the_connection_ends(tmp_path, coordination, shed_price):
    # 8 kW behind a connection of 5 kW: 3 kW are shed at any price. Prices of thousands are plain
    # values of lost load in won or yen.
    folder = write(tmp_path / "dear", [load(8.0, shed_price)], {"import_limit_kw": 5.0})
    answer = ORACLES[coordination](read_case(folder))
    assert answer.cost == pytest.approx(24 * (5.0 * 0.3 + 3.0 * shed_price))
    model, gate = first_gate(folder, coordination)
    assert np.all(model.microgrids["A"].plan.exchange_kw >= -5.0 - 1e-6)
    assert abs(gate.upper - answer.cost) < TOLERANCE * answer.gross


@pytest.mark.parametrize("coordination", ORACLES)
def test_a_level_behind_a_narrow_connection_breaks_neither_limit_nor_certificate(
    tmp_path, coordination
):
    # A full battery cannot come down to a fifth by 06:00 through 0.2 kW: the level is missed,
    # and said to be missed; the connection is not.
    battery = {"name": "b", "kind": "battery", "energy_kwh": 40, "power_kw": 20, "level_start": 1.0}
    devices = [load(0.5, 3.0), battery]
    folder = write(tmp_path / "full", devices, {"export_limit_kw": 0.2}, at="06:00", level=0.2)
    with pytest.raises(RuntimeError, match="Infeasible"):
        ORACLES[coordination](read_case(folder))
    model, gate = first_gate(folder, coordination)
    plan = model.microgrids["A"].plan
    assert np.all(plan.exchange_kw <= 0.2 + 1e-6)
    assert "missed" in plan.flags
    if coordination == "central":
        assert gate.upper >= gate.lower - TOLERANCE * gate.gross

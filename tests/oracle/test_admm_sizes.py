"""ADMM from households to power stations: the same community, in other sizes."""

import numpy as np
import pandas as pd
import pytest
import yaml

import mmgsim
from tests.oracle.draws import draw_scenario
from tests.oracle.lp import central, read_case

SIZES_KW = (1e1, 1e4, 1e6)
SCALED = ("rating_kw", "power_kw", "energy_kwh", "import_limit_kw", "export_limit_kw")
TOLERANCE = 1e-6  # of gross cost
GAP = 1e-3  # at which a gate ends by default


def make_sized(folder, seed, size_kw):
    """Write a drawn scenario in which the largest load or unit is of this size."""
    draw_scenario(seed, folder, step=60, members=4, rule="free", zone=1)
    series = pd.read_csv(folder / "series.csv", float_precision="round_trip")
    scenario = yaml.safe_load((folder / "scenario.yaml").read_text(encoding="utf-8"))
    powers = [name for name in series if name.startswith("M")]
    factor = size_kw / float(series[powers].to_numpy().max())
    series[powers] *= factor
    series.to_csv(folder / "series.csv", index=False)
    for microgrid in scenario["microgrids"]:
        for keys in (*microgrid["devices"], microgrid.get("connection", {})):
            keys |= {key: factor * keys[key] for key in SCALED if key in keys}
    scenario["faults"] = {"on_fault": "stop"}
    (folder / "scenario.yaml").write_text(yaml.safe_dump(scenario), encoding="utf-8")
    return folder


@pytest.mark.parametrize("seed", [1, 2])
def test_a_community_of_any_size_is_cleared_alike(tmp_path, seed):
    per_kw = []
    for size_kw in SIZES_KW:
        folder = make_sized(tmp_path / f"{size_kw:g}", seed, size_kw)
        best = central(read_case(folder))
        model = mmgsim.build(folder, coordination="admm")
        model.step()
        gate = model.table("gates").iloc[0]
        slack = TOLERANCE * best.gross
        assert best.cost - slack <= gate.upper <= best.cost + GAP * best.gross + slack
        assert gate.lower <= best.cost + slack
        assert gate.gap <= 1.001 * GAP + TOLERANCE  # over the gross cost of the plans
        assert set(model.table("steps")["flags"]) <= {"", "shed"}  # what is lost may be cheap
        per_kw.append(np.array([gate.upper, best.gross]) / size_kw)
    costs, gross = np.transpose(per_kw)
    assert np.ptp(costs) <= (GAP + TOLERANCE) * gross.max()

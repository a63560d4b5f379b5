"""A rolling run with perfect forecasts against one window over the whole run.

With a level at every local midnight, each gate sees the next midnight and what lies behind it
cannot change what is best before it: all gates together must find the optimum of the whole run.
"""

import csv
import logging
import shutil
from datetime import datetime, timedelta

import pytest
import yaml

import mmgsim
from mmgsim.scenario import load_scenario
from tests.oracle.draws import draw_scenario
from tests.oracle.lp import central, isolated, read_case

log = logging.getLogger(__name__)
TOLERANCE = 1e-6
"""Of gross cost; never to be loosened."""
ORACLES = {"central": central, "isolated": isolated}


def copy_duo(folder, *, days):
    """Copy duo for more days: its series again and again, one day with less of everything."""
    shutil.copytree(load_scenario("duo").folder, folder)
    scenario = yaml.safe_load((folder / "scenario.yaml").read_text(encoding="utf-8"))
    scenario["days"] = days
    (folder / "scenario.yaml").write_text(yaml.safe_dump(scenario), encoding="utf-8")
    with (folder / "series.csv").open(encoding="utf-8", newline="") as text:
        header, *rows = list(csv.reader(text))
    begin = datetime.fromisoformat(rows[0][0])
    lines = [",".join(header)]
    last = datetime.fromisoformat(str(scenario["start"])) + timedelta(days=days + 1)
    for hour in range((last - begin) // timedelta(hours=1)):
        share = 0.7 if hour // 24 == 2 else 1.0
        values = [repr(share * float(value)) for value in rows[hour % len(rows)][1:]]
        lines.append(",".join([f"{begin + timedelta(hours=hour):%Y-%m-%d %H:%M}", *values]))
    (folder / "series.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def check_rolling(folder, coordination):
    model = mmgsim.build(folder, coordination=coordination)
    while not model.clock.is_finished:
        model.step()
    totals, case = model.recorder.totals, read_case(folder)
    assert totals.gates == case.run_steps
    solve = ORACLES[coordination]
    whole = solve(case, steps=case.run_steps)
    once = solve(case, steps=case.run_steps, only_last=True)
    apart = (totals.objective_cost - whole.cost) / whole.gross
    log.info("%s: relative difference %.3g", coordination, apart)
    log.info(
        "%s: rolling %.6f, levels at the end only %.6f, %.3g of gross cost less",
        coordination,
        totals.objective_cost,
        once.cost,
        (totals.objective_cost - once.cost) / once.gross,
    )
    assert abs(apart) < TOLERANCE
    assert once.cost <= whole.cost + TOLERANCE * whole.gross


@pytest.mark.parametrize("coordination", ORACLES)
def test_rolling_duo_equals_one_long_window(tmp_path, coordination):
    check_rolling(copy_duo(tmp_path / "duo", days=3), coordination)


@pytest.mark.parametrize("coordination", ORACLES)
@pytest.mark.parametrize(("seed", "zone"), [(203, 0), (206, 2), (205, 3)])
def test_rolling_random_scenarios_equal_one_long_window(tmp_path, seed, zone, coordination):
    fixed = {"days": 2, "step": 60, "members": 2, "rule": "cyclic", "at": "00:00", "zone": zone}
    check_rolling(draw_scenario(seed, tmp_path / "drawn", **fixed), coordination)

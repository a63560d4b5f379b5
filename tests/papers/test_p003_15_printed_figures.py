"""Properties 15 and 16: what the paper prints, and that the scenario is made from it."""

import csv
from pathlib import Path

import numpy as np
import pytest
import yaml

from tests.support import p003

FOLDER = Path(__file__).parent
DATA = p003.ROOT / "data"
SCENARIO = p003.ROOT / "scenarios/ieee33mmg"


def rows(name, folder=FOLDER):
    with (folder / name).open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def results():
    return {row["name"]: float(row["value"]) for row in rows("paper_003_results.csv", DATA)}


@pytest.fixture(scope="module")
def scenario():
    return yaml.safe_load((SCENARIO / "scenario.yaml").read_text(encoding="utf-8"))


def owners(scenario):
    of = {mg["name"]: mg["devices"] for mg in scenario["microgrids"]}
    return {**of, "DN": scenario["network"]["devices"]}


# ------------------------------------------------------------------------------- the paper alone
def test_the_costs_of_the_microgrids_add_up(results):
    parts = [results[f"mg{k}_cost"] for k in (1, 2, 3)]
    assert sum(parts) == pytest.approx(3619.1)
    assert results["mg_total_case1_2"] - results["mg_total_case3"] == pytest.approx(45.0)
    assert 45.0 / results["mg_total_case1_2"] == pytest.approx(0.0124, abs=1e-4)


def test_the_percentages_of_the_dno_follow_from_its_costs(results):
    one, two, three = (results[f"dn_case{k}"] for k in (1, 2, 3))
    assert two / one - 1.0 == pytest.approx(0.339, abs=5e-4)
    assert 1.0 - three / two == pytest.approx(0.0647, abs=5e-4)
    assert one < three < two


def test_nobody_of_table_3_lacks_and_has_power_left():
    for row in rows("paper_003_requests.csv", DATA):
        for k in (1, 2, 3):
            short, left = row[f"mg{k}_shortage_mw"], row[f"mg{k}_surplus_mw"]
            assert not float(short or 0.0) * float(left or 0.0)


def test_the_legible_hours_of_table_3_have_these_sums():
    legible = rows("paper_003_requests.csv", DATA)[:19]
    surplus = [sum(float(row[f"mg{k}_surplus_mw"]) for row in legible) for k in (1, 2, 3)]
    shortage = [sum(float(row[f"mg{k}_shortage_mw"]) for row in legible) for k in (1, 2, 3)]
    assert surplus == pytest.approx([6.332, 19.245, 7.774])
    assert shortage == pytest.approx([1.145, 0.907, 1.315])


def test_the_cost_of_the_seller_lies_where_the_axis_of_prices_puts_it():
    """MG3 owns no diesel: its 20 legible hours cost between -1050 and -625 at any price shown.

    Hour 22 is left out: its 0.128 may be MG2's surplus as well as MG3's shortage.
    """
    legible = [
        row
        for row in rows("paper_003_requests.csv", DATA)
        if int(row["hour"]) not in (19, 20, 21, 22)
    ]
    short = sum(float(row["mg3_shortage_mw"]) for row in legible)
    left = sum(float(row["mg3_surplus_mw"]) for row in legible)
    low, high = 115.0 * short - 160.0 * left, 160.0 * short - 115.0 * left
    assert low == pytest.approx(-1050.0, abs=1.0)
    assert high == pytest.approx(-625.0, abs=1.0)
    cost = p003.day(1).recorder.totals.cost_by_microgrid["MG3"]
    assert low < cost < high


# ------------------------------------------------------------------------------ the scenario
@pytest.mark.parametrize("row", rows("p003_diesel.csv"), ids=lambda row: row["unit"])
def test_diesel_units_are_typed_from_table_1(scenario, row):
    (unit,) = (d for d in owners(scenario)[row["unit"]] if d["kind"] == "diesel")
    assert unit["cost_per_kwh_kw"] == pytest.approx(float(row["a1_usd_mw2h"]) * 1e-6)
    assert unit["cost_per_kwh"] == pytest.approx(float(row["a2_usd_mwh"]) * 1e-3)
    assert unit["start_up_cost"] == float(row["startup_usd"])
    assert unit["ramp_kw_per_h"] == 1e3 * float(row["ramp_mw_h"])
    assert unit["power_max_kw"] == 1e3 * float(row["pmax_mw"])


@pytest.mark.parametrize("row", rows("p003_ess.csv"), ids=lambda row: row["unit"])
def test_storage_is_typed_from_table_2(scenario, row):
    (unit,) = (d for d in owners(scenario)[row["unit"]] if d["kind"] == "battery")
    level_end = unit.get("level_end", scenario["gate"]["end_of_window"]["level"])
    size = float(row["capacity_mwh"])
    assert unit["energy_kwh"] == 1e3 * size
    assert unit["power_kw"] == float(row["converter_kw"])
    assert unit["efficiency"] == float(row["converter_eff_pct"]) / 100.0
    assert unit["level_start"] * size == pytest.approx(float(row["e_init_mwh"]))
    assert level_end * size == pytest.approx(float(row["e_final_mwh"]))


def test_the_series_are_those_that_the_readme_describes(scenario):
    """Prices, residual load and background, twice the same day."""
    with (SCENARIO / "series.csv").open(encoding="utf-8") as file:
        series = list(csv.DictReader(file))
    found = {
        key: np.array([float(row[key]) for row in series]) for key in series[0] if key != "time"
    }
    residual, share = p003.residual_load(), p003.background_share()
    due = {"upstream_per_kwh": p003.price()[2], "background": share / share.max()}
    for spread in (2, 5, 10, 20):
        due[f"buy_{spread}_per_kwh"], due[f"sell_{spread}_per_kwh"], _ = p003.price(spread / 1e3)
    for k in range(3):
        due[f"mg{k + 1}_load_kw"] = np.maximum(residual[k], 0.0)
        due[f"mg{k + 1}_sun_kw"] = np.maximum(-residual[k], 0.0)
    due = {key: values for key, values in due.items() if values.any()}
    assert set(found) == set(due)
    for key, values in due.items():
        np.testing.assert_allclose(found[key], np.tile(values, 2), atol=1e-3, err_msg=key)
    assert scenario["network"]["background"]["scale"] == pytest.approx(share.max(), abs=1e-6)


def test_step_one_of_the_substitute_is_near_the_printed_costs(results):
    """A calibration of prices and loads to these very numbers, so that this validates nothing."""
    costs = p003.day(1).recorder.totals.cost_by_microgrid
    for k in (1, 2, 3):
        assert abs(costs[f"MG{k}"] - results[f"mg{k}_cost"]) < 170.0

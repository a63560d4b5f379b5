"""Days chosen out of a calendar year by the ways in which scenarios are reduced."""

import importlib
import json
from datetime import date

import numpy as np
import pandas as pd
import pytest

import mmgsim
from mmgsim.errors import InputError
from mmgsim.scenario import load_scenario, read_inputs
from mmgsim.uncertainty import backward_reduction
from mmgsim.year import Reduction, choose_year, daily_features, moment_errors, reduce_days
from tests.unit.year.conftest import TEXT

BOTH = ["--coordination", "isolated,central"]
NEEDS = "needs the extra: pip install 'mmgsim[kmedoids]'"
METHODS = list(Reduction)


def available(method):
    if method is Reduction.MEDOIDS:
        pytest.importorskip("tsam", reason=NEEDS)


@pytest.fixture(autouse=True)
def without_pages(monkeypatch):
    running = importlib.import_module("mmgsim.run")
    comparing = importlib.import_module("mmgsim.compare.comparison")
    monkeypatch.setattr(running, "write_report", lambda results: None)
    monkeypatch.setattr(comparing, "write_comparison_page", lambda *given: None)


# --------------------------------------------------------------------------------- features
def features_of(devices, days=2):
    loaded = load_scenario(
        "duo",
        {"microgrids.MG1.devices": devices, "microgrids.MG2.devices": [HOMES], "days": days},
    )
    return daily_features(loaded.scenario, read_inputs(loaded.scenario, loaded.folder))


HOMES = {"name": "homes", "kind": "load", "profile": 1.0}


def test_a_flexible_load_is_demand_of_the_days_of_its_window():
    """22:00 to 02:00, 8 kWh: half of each window before midnight, half after it.

    The run begins in the window of the evening before: all of that is still to be served.
    """
    pump = {"name": "pump", "kind": "flexible", "energy_kwh": 8.0, "power_kw": 4.0}
    table = features_of([HOMES, {**pump, "start": "22:00", "end": "02:00"}])
    assert table.net_load_kwh.tolist() == pytest.approx([48.0 + 8.0 + 4.0, 48.0 + 4.0 + 4.0])


def test_vehicles_are_demand_of_what_they_lack_at_the_terminals():
    cars = {
        "name": "cars",
        "kind": "ev",
        "vehicles": 2,
        "energy_kwh": 40.0,
        "efficiency": 0.8,
        "level_wanted": 0.9,
        "sessions": {
            "source": "daily",
            "arrival": "20:00",
            "departure": "08:00",
            "level_arrival": 0.3,
        },
    }
    table = features_of([HOMES, cars])
    each_kwh = (0.9 - 0.3) * 40.0 / 0.8
    # A third of each stay is before midnight; the run begins in the first one.
    first_kwh, later_kwh = (1.0 + 1.0 / 3.0) * each_kwh, each_kwh
    assert table.net_load_kwh.tolist() == pytest.approx([48 + 2 * first_kwh, 48 + 2 * later_kwh])


def test_a_vehicle_that_comes_with_more_than_it_wants_is_no_source():
    full = {
        "name": "car",
        "kind": "ev",
        "level_wanted": 0.5,
        "sessions": {
            "source": "daily",
            "arrival": "08:00",
            "departure": "12:00",
            "level_arrival": 0.9,
        },
    }
    assert features_of([HOMES, full]).net_load_kwh.tolist() == pytest.approx([48.0, 48.0])


def test_wind_and_sun_are_taken_off_and_told_per_rating():
    roof = {"name": "roof", "kind": "pv", "rating_kw": 4.0, "profile": 3.0}
    mills = [
        {"name": "mill", "kind": "wind", "rating_kw": 10.0, "profile": 0.5},
        {"name": "old", "kind": "wind", "rating_kw": 10.0, "profile": 0.25},
    ]
    table = features_of([HOMES, roof, *mills])
    assert list(table) == [
        "net_load_kwh",
        "pv_yield_kwh_per_kw",
        "wind_yield_kwh_per_kw",
        "price_per_kwh",
    ]
    assert table.net_load_kwh.iloc[0] == pytest.approx(24 * (2.0 - 3.0 - 0.75))
    assert table.pv_yield_kwh_per_kw.iloc[0] == pytest.approx(24 * 3.0 / 4.0)
    assert table.wind_yield_kwh_per_kw.iloc[0] == pytest.approx(24 * 0.75 / 20.0)
    assert list(features_of([HOMES])) == ["net_load_kwh", "price_per_kwh"]


# --------------------------------------------------------------------------------- choosing
@pytest.mark.parametrize("method", METHODS)
def test_features_count_by_how_much_they_vary_not_by_their_unit(method):
    available(method)
    rng = np.random.default_rng(8)
    table = pd.DataFrame({"kwh": rng.normal(1000.0, 300.0, 20), "price": rng.normal(0.1, 0.02, 20)})
    scaled = table.assign(kwh=table.kwh / 1e6, price=table.price * 1e6)
    found, other = reduce_days(table, 4, method), reduce_days(scaled, 4, method)
    assert found.kept.tolist() == other.kept.tolist()


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    """Write two microgrids whose load, sun and price are in a file of 2021 and two days more."""
    folder = tmp_path_factory.mktemp("pair")
    (folder / "scenario.yaml").write_text(TEXT)
    write_series(folder / "load.csv", 2021)
    return folder / "scenario.yaml"


def write_series(file, year):
    rng = np.random.default_rng(9)
    times = pd.date_range(f"{year}-01-01", f"{year + 1}-01-03", freq="h", inclusive="left")
    names = ("kw", "sun", "price")
    columns = {name: np.repeat(rng.uniform(1.0, 4.0, len(times) // 24), 24) for name in names}
    stamps = times.strftime("%Y-%m-%dT%H:%M")
    pd.DataFrame({"time": stamps, **columns}).to_csv(file, index=False)


def of_file(column):
    return {"source": "csv", "file": "load.csv", "column": column}


VARYING = {
    "microgrids.MG2.devices": [
        {"name": "roof", "kind": "pv", "rating_kw": 5, "profile": of_file("sun")}
    ],
    "tariff.upstream_per_kwh": of_file("price"),
}


@pytest.fixture(scope="module")
def table(pair):
    loaded = load_scenario(pair, {**VARYING, "start": "2021-01-01", "days": 365})
    return daily_features(loaded.scenario, read_inputs(loaded.scenario, loaded.folder))


def test_weights_are_whole_days_that_sum_to_those_of_the_year(pair, table):
    found = choose_year(pair, "backward:6", overrides={**VARYING, "start": "2021-06-03"})
    weights = {day.day: day.weight for day in found.days}
    assert sum(weights.values()) == 365
    assert all(weight == round(weight) >= 1 for weight in weights.values())
    assert list(weights) == sorted(weights)
    selection = reduce_days(table, 6, Reduction.BACKWARD)
    assert list(weights) == list(table.index[selection.kept])
    pd.testing.assert_series_equal(found.mean_errors, moment_errors(table, weights))


def test_a_leap_year_has_a_day_more(tmp_path):
    (tmp_path / "scenario.yaml").write_text(TEXT)
    write_series(tmp_path / "load.csv", 2024)
    pair = tmp_path / "scenario.yaml"
    found = choose_year(pair, "forward:2", overrides={"start": "2024-02-29"})
    assert sum(day.weight for day in found.days) == 366


def test_medoids_of_a_year_are_nearer_than_what_is_greedy(table):
    """Every sixth of 365 days: more than can be tried out one choice after the other."""
    available(Reduction.MEDOIDS)
    table = table[::6]
    found = {method: reduce_days(table, 5, method).distance for method in METHODS}
    assert found[Reduction.MEDOIDS] <= min(found.values()) * (1.0 + 1e-6)


def test_backward_is_backward_reduction_of_standardised_features(table):
    points = (table / table.std(ddof=0)).to_numpy()
    expected = backward_reduction(points, 3)
    found = reduce_days(table, 3, Reduction.BACKWARD)
    assert found.kept.tolist() == expected.kept.tolist()


@pytest.mark.parametrize(
    ("choice", "fault"),
    [
        ("k-medoid:5", "did you mean 'k-medoids'.*METHOD:DAYS, such as k-medoids:5"),
        ("seasons", "known: backward, forward, k-medoids"),
        ("forward", "'': is no number of days"),
        ("forward:0", "'0': is no number of days"),
        ("forward:x", "'x': is no number of days"),
        ("forward:366", "is more than a year; up to 365"),
    ],
)
def test_what_is_no_choice_is_refused(choice, fault):
    with pytest.raises(InputError, match=fault):
        choose_year("duo", choice)


def test_days_that_are_set_and_chosen_are_refused():
    with pytest.raises(InputError, match=r"year\.summer\.weight.*leave it away"):
        choose_year("wa9", "forward:2", overrides={"year.summer.weight": 3})


# ---------------------------------------------------------------------------------- a study
def test_chosen_days_are_run_and_their_errors_told(mmgsim, pair, tmp_path):
    options = ["--choose", "forward:2", "--out", "o"]
    code, printed, messages = mmgsim("year", pair, *BOTH, *options)
    assert (code, messages) == (0, "")
    assert "pair, a year of 2 days" in printed
    content = json.loads((tmp_path / "o/year.json").read_text())
    assert sum(day["weight"] for day in content["days"]) == 365
    (note,) = [note for note in content["notes"] if note.startswith("Days were chosen")]
    assert note.startswith("Days were chosen by forward out of the 365 of 2021; ")
    assert "net_load_kwh" in note
    for day in content["days"]:
        assert (tmp_path / "o" / day["name"] / "central" / "manifest.json").is_file()


def test_chosen_days_go_on_where_they_stopped(pair, tmp_path):
    given = {"choose": "forward:2", "out": tmp_path / "o"}
    first = mmgsim.year(pair, "isolated", **given)
    again = mmgsim.year(pair, "isolated", **given, resume=True)
    pd.testing.assert_frame_equal(first.table, again.table)
    assert first.chosen.days == again.chosen.days
    assert all(isinstance(day.day, date) for day in first.days)


def test_a_wrong_choice_is_one_message(mmgsim, tmp_path):
    code, printed, messages = mmgsim("year", "duo", *BOTH, "--choose", "medoids:3", "--out", "o")
    assert (code, printed) == (2, "")
    assert "'medoids': is no way to choose days; did you mean 'k-medoids'?" in messages
    assert not (tmp_path / "o").exists()

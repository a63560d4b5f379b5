"""`mmgsim.size`: what is written, gone on with, and refused."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import yaml

import mmgsim
from mmgsim.division import EXACT_MEMBERS
from mmgsim.errors import ResultsError, ScenarioError, SubproblemError, YearEndedEarlyError
from mmgsim.scenario import load_scenario
from mmgsim.sizing import (
    Sharing,
    YearSimulator,
    appraise,
    check_in_runs,
    sizing_case,
    with_sizes,
    write_scenario,
    yearly_scenario,
)

SHORT = {"sizing.days": 14, "network": "none", "coordination.distances": "equal"}


def found(folder, **options):
    options = {"method": "swarm", "overrides": SHORT, **options}
    return mmgsim.size("towns3", out=folder, **options)


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    return found(tmp_path_factory.mktemp("size") / "study", further=["sensitivity"])


def test_the_folder_has_tables_a_page_and_a_scenario(study):
    names = {path.name for path in study.folder.iterdir()}
    tables = {"sizes", "costs", "rounds", "months", "sensitivity"}
    assert {f"{name}.{kind}" for name in tables for kind in ("csv", "parquet")} <= names
    assert {"size.json", "size.html", "sized"} <= names
    told = json.loads((study.folder / "size.json").read_text("utf-8"))
    assert told["cost"] == study.cost
    assert told["sizes"]["Laverton_wind_kw"] == study.sizing.found.iloc[0]


def test_the_written_scenario_has_the_sizes_and_is_worth_the_same(study):
    sized = load_scenario(study.folder / "sized")
    case = sizing_case(sized)
    owned = study.sizing.found.to_numpy() > 1e-6
    present = case.present[study.problem.case.present > 0.0]
    np.testing.assert_allclose(present[owned], study.sizing.found[owned], rtol=1e-12)
    simulator = YearSimulator(case, study.problem.simulator.sharing)
    again = appraise(simulator, case.present[None], study.problem.terms)
    assert again.weighted[0] == pytest.approx(study.cost, rel=1e-9)


def test_what_was_found_is_better_than_what_was_there(study):
    costs = study.costs[study.costs.sharing == "peers"].set_index("sizes")
    assert costs.weighted["found"] == study.cost <= costs.weighted["present"]
    assert study.rounds.best.is_monotonic_decreasing


def test_no_sizes_are_below_the_bound(study):
    assert study.bound <= study.costs.annual_cost.min() * (1.0 + 1e-9)
    assert study.gap >= -1e-9
    # A pool may be cheaper than what bounds those who are alone: it is said whose bound it is.
    assert "USD/year with peers, whatever" in " ".join(study.sized().all_notes)


def test_months_add_up_to_the_year(study):
    simulator, months = study.problem.simulator, study.flows
    totals = simulator.totals(study.sizes[None])
    for name in ("imported_kwh", "own_use_kwh", "bought_kwh", "generated_kwh"):
        assert months[name].sum() == pytest.approx(totals.of(name).sum(), rel=1e-9)
    served = months[["own_use_kwh", "bought_kwh", "imported_kwh", "unserved_kwh"]].sum().sum()
    assert served == pytest.approx(months.load_kwh.sum(), rel=1e-9)


def test_dearer_energy_and_dearer_money_never_make_it_cheaper(study):
    table = study.sensitivity
    assert (table.found_anew <= table.kept + 1e-12).all()
    for _, own in table.groupby("what"):
        assert own.sort_values("value").kept.is_monotonic_increasing
        # A search is no proof: what it misses is far below what changes.
        assert (np.diff(own.sort_values("value").found_anew) >= -1e-4).all()


class EndedError(Exception):
    """Stands for a process that is killed."""


def test_a_search_that_was_ended_goes_on_to_the_same_end(study, tmp_path, monkeypatch):
    monkeypatch.setattr("mmgsim.sizing.running._KEEP_EVERY_S", 0.0)

    def ends(what, done, total):
        if done == 7:
            raise EndedError

    with pytest.raises(EndedError):
        found(tmp_path / "a", progress=ends)
    again = found(tmp_path / "a", resume=True)
    assert again.cost == study.cost
    pd.testing.assert_frame_equal(again.rounds, study.rounds)
    np.testing.assert_array_equal(again.sizes, study.sizes)


def test_threads_change_nothing(study, tmp_path):
    assert found(tmp_path / "a", workers=1).cost == study.cost


def test_another_search_is_not_gone_on_with(study):
    with pytest.raises(ScenarioError) as caught:
        found(study.folder, resume=True, search_seed=2, objective="lcoe")
    assert {fault.where for fault in caught.value.faults} == {"seed", "objective"}


def test_a_folder_with_something_in_it_is_refused(study):
    with pytest.raises(ScenarioError, match="not empty"):
        found(study.folder)


def test_every_wrong_name_is_told_and_nothing_written(tmp_path):
    with pytest.raises(ScenarioError) as caught:
        found(tmp_path / "a", method="sworm", sharing="peer", further=["fronts"])
    cures = " ".join(fault.cure for fault in caught.value.faults)
    assert len(caught.value.faults) == 3
    assert all(name in cures for name in ("swarm", "peers", "front"))
    assert not (tmp_path / "a").exists()


@pytest.mark.parametrize(
    ("options", "where"),
    [
        ({"method": "exact"}, "method"),
        ({"method": "exact", "sharing": "grid"}, "method"),
        ({"overrides": {**SHORT, "sizing": "none"}}, "sizing"),
        ({"overrides": {**SHORT, "sizing.least_own_share": 1.0}}, "sizing.least_own_share"),
        (
            {"overrides": {**SHORT, "microgrids.Laverton.devices.battery.efficiency": 0.9}},
            "sharing",
        ),
    ],
)
def test_what_cannot_be_sized_is_told(tmp_path, options, where):
    if where == "sharing":
        options = {**options, "sharing": "pool"}
    with pytest.raises(ScenarioError) as caught:
        found(tmp_path / "a", **options)
    assert [fault.where for fault in caught.value.faults] == [where]


def test_the_exact_method_is_at_its_bound_where_the_rule_is_optimal(tmp_path):
    own = found(tmp_path / "a", method="exact", sharing="grid", objective="annual-cost")
    assert own.cost == pytest.approx(own.bound, rel=1e-5)


def scenario_of(tmp_path, microgrids, **more):
    """Write a scenario of a day with a constant price and give its folder."""
    content = {
        "name": "small",
        "timezone": "UTC",
        "start": "2021-03-01",
        "days": 1,
        "currency": "EUR",
        "tariff": {"import_per_kwh": 0.3, "export_per_kwh": 0.1},
        "forecast": {"kind": "perfect"},
        "microgrids": microgrids,
        "sizing": {
            "start": "2021-03-01",
            "days": 2,
            "discount_rate": 0.05,
            "pv": {"investment_per_kw": 900, "life_years": 20, "max_kw": 100},
        },
        **more,
    }
    tmp_path.mkdir(exist_ok=True)
    (tmp_path / "scenario.yaml").write_text(yaml.safe_dump(content), "utf-8")
    return tmp_path


LOAD = {"name": "shop", "kind": "load", "profile": 10.0}
PV = {"name": "roof", "kind": "pv", "rating_kw": 20.0, "profile": 4.0}


def test_a_series_in_kw_grows_with_its_plant_and_one_without_size_is_left_out(tmp_path):
    store = {"name": "store", "kind": "battery", "energy_kwh": 8.0, "power_kw": 2.0}
    folder = scenario_of(tmp_path, [{"name": "A", "devices": [LOAD, PV, store]}])
    loaded = load_scenario(folder)
    case = sizing_case(loaded)
    assert case.yield_pu[0, 1] == pytest.approx(0.2)
    grown = with_sizes(loaded, case, np.array([[0.0, 50.0, 0.0]])).scenario
    shop, roof = grown.microgrids[0].devices
    assert (shop.profile.value, roof.rating_kw, roof.profile.value) == (10.0, 50.0, 10.0)


def test_devices_that_the_rule_does_not_know_are_named(tmp_path):
    unit = {
        "name": "unit",
        "kind": "diesel",
        "power_min_kw": 1,
        "power_max_kw": 5,
        "cost_per_kwh": 0.4,
    }
    two = [
        {"name": f"s{k}", "kind": "battery", "energy_kwh": 8.0, "power_kw": 2.0 * k} for k in (1, 2)
    ]
    folder = scenario_of(tmp_path, [{"name": "A", "devices": [LOAD, unit, *two]}])
    with pytest.raises(ScenarioError) as caught:
        sizing_case(load_scenario(folder))
    wheres = {fault.where for fault in caught.value.faults}
    assert wheres == {
        "sizing.pv",
        "microgrids.A.devices.unit",
        "microgrids.A.devices.s2",
    }


def test_the_command_says_what_was_found(mmgsim, tmp_path):
    folder = scenario_of(tmp_path / "small", [{"name": "A", "devices": [LOAD, PV]}])
    call = ("size", folder, "--sharing", "grid", "--method", "swarm", "--out", "out")
    code, printed, _ = mmgsim(*call, "--json")
    told = json.loads(printed)
    # A kW of it serves 4.8 kWh a day, worth 525 a year, and costs 72: as much as the load takes.
    assert code == 0
    assert told["sizes"]["A_pv_kw"] == pytest.approx(50.0, rel=1e-3)
    code, _, message = mmgsim(*call)
    assert code == 2
    assert "not empty" in message


def test_days_of_the_full_simulator_have_the_bills_of_the_rule(study, tmp_path):
    loaded = with_sizes(
        yearly_scenario(load_scenario("towns3", SHORT)), study.problem.case, study.sizes
    )
    simulator = study.problem.simulator
    check = check_in_runs(loaded, simulator, study.sizes, folder=tmp_path / "check", days=2)
    assert check.days.weight.sum() == SHORT["sizing.days"]
    # The plans behind the runs come from a solver that keeps rows to 1e-7 kW.
    assert check.largest_difference == pytest.approx(0.0, abs=1e-3)
    assert abs(check.error) < 1e-6
    both = check.year_by_rule + check.days_leave_out * (check.capital + check.year_by_rule)
    assert check.year_by_runs == pytest.approx(both, rel=1e-6)


def test_that_nobody_has_a_load_is_told(tmp_path):
    folder = scenario_of(tmp_path, [{"name": "A", "devices": [PV]}])
    with pytest.raises(ScenarioError) as caught:
        sizing_case(load_scenario(folder))
    assert [fault.where for fault in caught.value.faults] == ["microgrids"]


DEAR = {
    "start": "2021-03-01",
    "days": 2,
    "discount_rate": 0.05,
    "pv": {"investment_per_kw": 90000, "life_years": 20, "max_kw": 100},
}


def test_where_nothing_is_worth_its_price_there_is_no_levelised_cost(tmp_path):
    one = [{"name": "A", "devices": [LOAD, PV]}]
    folder = scenario_of(tmp_path / "s", one, sizing={**DEAR, "least_own_share": 0.0})
    study = mmgsim.size(
        folder, sharing="grid", objective="annual-cost", method="swarm", out=tmp_path / "out"
    )
    told = json.loads((study.folder / "size.json").read_text("utf-8"))
    assert study.sizes[0, 1] == 0.0
    assert told["by_sharing"]["grid"]["lcoe_per_kwh"] is None


def test_sizes_of_the_linear_program_that_miss_the_least_own_share_are_told(tmp_path):
    folder = scenario_of(tmp_path / "s", [{"name": "A", "devices": [LOAD, PV]}], sizing=DEAR)
    options = {"sharing": "grid", "objective": "annual-cost", "method": "exact"}
    with pytest.raises(ScenarioError, match="linear program") as caught:
        mmgsim.size(folder, out=tmp_path / "out", **options)
    assert [fault.where for fault in caught.value.faults] == ["sizing.least_own_share"]


def test_a_bound_that_is_no_cost_has_no_gap(study):
    assert replace(study, bound=-1.0).gap is None
    assert replace(study, bound=0.0).gap is None


def test_days_of_23_hours_are_checked_as_such_and_a_second_time(tmp_path):
    # Clocks are put forward on the second day; the bill is 0.3 * 10 kW * hours.
    zone = {"timezone": "Europe/Berlin", "start": "2021-03-27"}
    sizing = {**DEAR, "start": "2021-03-27", "days": 3}
    one = [{"name": "A", "devices": [LOAD, PV]}]
    loaded = load_scenario(scenario_of(tmp_path / "s", one, sizing=sizing, **zone))
    simulator = YearSimulator(sizing_case(loaded), Sharing.GRID, engine="numpy")
    nothing = np.zeros((1, 3))
    sized = with_sizes(yearly_scenario(loaded), simulator.case, nothing)
    for _ in range(2):
        check = check_in_runs(sized, simulator, nothing, folder=tmp_path / "check")
        assert check.days.weight.tolist() == [1.0, 1.0, 1.0]
        assert check.days.rule.tolist() == pytest.approx([72.0, 69.0, 72.0])
        assert check.days.run.tolist() == pytest.approx([72.0, 69.0, 72.0])
        assert check.days_leave_out == pytest.approx(0.0, abs=1e-12)


def small(tmp_path):
    folder = scenario_of(tmp_path / "small", [{"name": "A", "devices": [LOAD, PV]}])
    return (folder, "--sharing", "grid", "--method", "swarm", "--out", "out")


def test_what_was_found_is_kept_when_what_else_was_asked_for_is_interrupted(
    mmgsim, tmp_path, monkeypatch
):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("mmgsim.sizing.running.sensitivity_table", interrupted)
    code, _, message = mmgsim("size", *small(tmp_path), "--with", "sensitivity")
    assert code == 3
    assert "--out out --resume" in message
    told = json.loads((tmp_path / "out" / "size.json").read_text("utf-8"))
    assert told["sizes"]["A_pv_kw"] == pytest.approx(50.0, rel=1e-3)
    assert (tmp_path / "out" / "sized" / "scenario.yaml").is_file()


def test_a_check_whose_runs_fail_ends_early_and_says_why(mmgsim, tmp_path, monkeypatch):
    def fails(*_, folder, **__):
        raise YearEndedEarlyError(
            folder, {"day1, isolated": SubproblemError("A", 0, "stuck")}, None
        )

    monkeypatch.setattr("mmgsim.sizing.running.check_in_runs", fails)
    code, _, message = mmgsim("size", *small(tmp_path), "--with", "check")
    assert code == 3
    assert "day1, isolated" in message
    assert "stuck" in message
    assert "sizes are in out" in message


def test_a_state_that_is_not_this_search_s_is_damaged(study, tmp_path):
    shutil.copytree(study.folder, tmp_path / "a")
    with np.load(tmp_path / "a" / "search.npz") as kept:
        state = dict(kept)
    for lacking in ("bests", "at", "generator"):
        without = {name: value for name, value in state.items() if name != lacking}
        np.savez(tmp_path / "a" / "search.npz", **without)
        with pytest.raises(ResultsError, match=r"search\.npz is damaged"):
            found(tmp_path / "a", resume=True)


def test_more_players_than_there_are_groups_for_are_refused_before_the_search(tmp_path):
    many = [{"name": f"M{k}", "devices": [LOAD, PV]} for k in range(EXACT_MEMBERS + 1)]
    folder = scenario_of(tmp_path / "s", many)
    with pytest.raises(ScenarioError, match=f"up to {EXACT_MEMBERS}"):
        mmgsim.size(folder, further=["games"], out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_microgrid_of_which_nothing_is_left_can_be_read(tmp_path):
    two = [{"name": "A", "devices": [LOAD, PV]}, {"name": "B", "devices": [PV]}]
    loaded = load_scenario(scenario_of(tmp_path / "s", two))
    write_scenario(tmp_path / "sized", with_sizes(loaded, sizing_case(loaded), np.zeros((2, 3))))
    case = sizing_case(load_scenario(tmp_path / "sized"))
    assert case.present[:, 1].tolist() == pytest.approx([0.0, 1e-3])


def test_sizes_are_written_where_the_linear_program_does_not_end(monkeypatch, tmp_path):
    def ends(*_, **__):
        raise SubproblemError("the year", 0, "no time left")

    monkeypatch.setattr("mmgsim.sizing.running.least_annual_cost", ends)
    made = found(tmp_path / "a")
    assert made.bound is None
    assert made.gap is None
    assert "no time left" in made.notes[0]
    assert json.loads((tmp_path / "a" / "size.json").read_text("utf-8"))["cost"] == made.cost

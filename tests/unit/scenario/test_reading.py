import json
import shutil
from pathlib import Path

import pytest

from mmgsim.errors import Fault, ScenarioError
from mmgsim.scenario import (
    bundled_scenarios,
    load_scenario,
    resolved_yaml,
    scenario_schema,
    yaml_lines,
)


def test_bundled_name_folder_and_file_give_the_same_scenario():
    folder = bundled_scenarios()["duo"]
    by_name = load_scenario("duo")
    assert by_name == load_scenario(folder) == load_scenario(folder / "scenario.yaml")


def test_a_bundled_name_comes_before_a_folder_of_that_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shutil.copytree(bundled_scenarios()["tmy-greensboro"], "duo")
    assert load_scenario("duo").scenario.name == "duo"
    for folder in ("./duo", "duo/", Path("duo"), "duo/scenario.yaml"):
        assert load_scenario(folder).scenario.name == "tmy-greensboro"


@pytest.mark.parametrize("name", sorted(bundled_scenarios()))
def test_resolved_yaml_of_bundled_scenarios_reads_back_equal(name, tmp_path):
    loaded = load_scenario(name)
    file = tmp_path / "resolved.yaml"
    file.write_text(resolved_yaml(loaded.scenario), encoding="utf-8")
    (tmp_path / "series.csv").write_text("")
    assert load_scenario(file).scenario == loaded.scenario


@pytest.mark.parametrize("name", sorted(bundled_scenarios()))
def test_with_and_without_libyaml_a_file_is_the_same_line_by_line(name, monkeypatch):
    file = bundled_scenarios()[name] / "scenario.yaml"
    loaded = load_scenario(file)
    assert loaded.lines
    monkeypatch.setattr(yaml_lines, "_Loader", yaml_lines._TellingLoader)
    assert load_scenario(file) == loaded


def test_resolved_yaml_keeps_texts_that_look_like_numbers(scenarios, tmp_path):
    words = ["1e5", "NO", "12:30", "007", "null", "2021-01-11", "true"]
    (tmp_path / "own.py").write_text(
        "from mmgsim_agents.strategies import SelfConsumer\n"
        "class Own(SelfConsumer):\n"
        "    def __init__(self, words):\n"
        "        super().__init__()\n"
    )
    role = {"kind": "own.py:Own", "options": {"words": words}}
    loaded = load_scenario(scenarios.write(), {"microgrids.MG1.strategy": role})
    scenarios.file.write_text(resolved_yaml(loaded.scenario), encoding="utf-8")
    assert load_scenario(scenarios.file).scenario == loaded.scenario
    assert loaded.scenario.microgrids[0].strategy.options["words"] == words


def test_unknown_source_names_the_nearest_bundled_scenario():
    with pytest.raises(ScenarioError, match="did you mean 'duo'"):
        load_scenario("duoo")


def test_folder_without_scenario_says_so(tmp_path):
    with pytest.raises(ScenarioError, match=r"folder without a scenario\.yaml"):
        load_scenario(tmp_path)


def test_yaml_syntax_error_names_its_line(scenarios):
    fault = scenarios.fault(("days: 1", "days: [1"))
    assert fault.where == "YAML"
    assert fault.line == 5


def test_bracket_that_is_never_closed_is_named_where_it_opens(scenarios):
    fault = scenarios.fault(("{kind: isolated}", "{kind: isolated"))
    assert fault.line == 7
    assert "(opened in line 6)" in fault.what
    scenarios.file.write_text("name: tiny\ndays: [1\n\n\n")
    with pytest.raises(ScenarioError, match=r"line 5.*\(opened in line 2\)"):
        load_scenario(scenarios.file)


def test_tab_is_named_as_the_cause(scenarios):
    fault = scenarios.fault(("  import_per_kwh", "\timport_per_kwh"))
    assert (fault.line, fault.cure) == (8, "indent with spaces, not with tabs")


@pytest.mark.parametrize("text", ["", "3", "- a\n- b", "just words"])
def test_file_that_is_no_mapping_holds_no_scenario(text, scenarios):
    scenarios.file.write_text(text)
    with pytest.raises(ScenarioError, match="holds no scenario"):
        load_scenario(scenarios.file)


@pytest.mark.parametrize(
    "text", ["a: &x [*x]", "a: &x {b: *x}", "a: 1\n---\nb: 2", "a: !!python/name:os.system x"]
)
def test_odd_yaml_is_one_scenario_error(text, scenarios):
    scenarios.file.write_text(text)
    with pytest.raises(ScenarioError):
        load_scenario(scenarios.file)


def test_file_in_another_encoding_says_so(scenarios):
    scenarios.file.write_bytes("name: Straße".encode("latin-1"))
    with pytest.raises(ScenarioError, match="save it as UTF-8"):
        load_scenario(scenarios.file)


def test_byte_order_mark_is_no_fault(scenarios):
    scenarios.write()
    scenarios.file.write_bytes(b"\xef\xbb\xbf" + scenarios.file.read_bytes())
    assert load_scenario(scenarios.file).scenario.name == "tiny"


def test_anchors_and_merge_keys_work(scenarios):
    changes = (
        ("- {name: roof,", "- &roof {name: roof,"),
        ("- {name: bess,", "- *roof\n      - {name: bess,"),
    )
    names = [device.name for device in scenarios.load(*changes).scenario.microgrids[1].devices]
    assert names == ["shop", "roof", "bess"]


def test_repeated_key_names_both_lines(scenarios):
    fault = scenarios.fault(("days: 1", "days: 1\nseed: 4"))
    assert (fault.where, fault.line) == ("seed", 6)
    assert "first in line 5" in fault.what


def test_unknown_key_names_near_miss_of_the_same_part_and_line(scenarios):
    fault = scenarios.fault(("energy_kwh: 10", "energy_kwh: 10, efficency: 0.9"))
    assert fault.where == "microgrids.MG2.devices.bess.efficency"
    assert fault.line == 21
    assert fault.what == "unknown key"
    assert fault.cure.startswith("did you mean 'efficiency'? known: ")
    assert "timezone" not in fault.cure


def test_power_in_mw_is_refused_with_the_key_in_kw(scenarios):
    faults = scenarios.faults(("rating_kw: 4.0", "rating_mw: 0.004"))
    assert [fault.what for fault in faults] == ["is missing", "unknown key"]
    assert "did you mean 'rating_kw'?" in faults[1].cure


def test_missing_keys_are_named_with_what_they_are_for(scenarios):
    faults = scenarios.faults(("timezone: Europe/Berlin\n", ""), (", power_kw: 5", ""))
    assert [fault.where for fault in faults] == ["timezone", "microgrids.MG2.devices.bess.power_kw"]
    assert all(fault.what == "is missing" for fault in faults)
    assert faults[0].cure.startswith("give timezone: IANA time zone in which")
    assert faults[1].cure.startswith("give power_kw: limit of charge")


def test_what_a_key_is_for_reads_as_what_to_give(scenarios):
    fault = scenarios.fault(("start: 2021-01-11", "start: 2021-06-31"))
    assert str(fault).endswith(
        "is not a day: day is out of range for month; give start: first local day"
    )


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ("days: 1", "days: 0", "must be at least 1, given 0"),
        ("days: 1", "days: true", "must be a whole number, given true"),
        ("days: 1", "days: 1.5", "must be a whole number, given 1.5"),
        ("days: 1", 'days: "1"', "must be a whole number, given '1'"),
        ("days: 1", "days:", "must be a whole number, given nothing"),
        ("seed: 3", "seed: -1", "must be at least 0, given -1"),
        ("rating_kw: 4.0", "rating_kw: true", "must be a number, given true"),
        ("rating_kw: 4.0", "rating_kw: 4 kW", "must be a number, given '4 kW'"),
        ("rating_kw: 4.0", "rating_kw: .nan", "must be a finite number, given nan"),
        ("rating_kw: 4.0", "rating_kw: .inf", "must be a finite number, given inf"),
        ("rating_kw: 4.0", "rating_kw: -4", "must be above 0, given -4"),
        ("energy_kwh: 10", "energy_kwh: 10, efficiency: 1.2", "must be at most 1, given 1.2"),
        ("energy_kwh: 10", "energy_kwh: 10, efficiency: 0", "must be above 0, given 0"),
        ("profile: 3.0", "profile: .nan", "nan is not a finite number"),
        ("profile: 3.0", "profile: true", "must be a number or a source of a series, given true"),
        ("profile: 3.0", "profile: {source: csvv}", "'csvv' is unknown"),
        ("kind: battery", "kind: batery", "'batery' is unknown"),
        ("kind: isolated", "kind: 5", "must be text, given 5"),
        ("kind: perfect", "kind: prefect", "'prefect' is unknown"),
        ("name: MG1", "name: 5", "must be text, given 5"),
        ("name: MG1", "name: MG 1", "'MG 1' is not a name"),
        ("Europe/Berlin", "Europe/Berln", "did you mean 'Europe/Berlin'?"),
        ("start: 2021-01-11", "start: 2021-01-11 05:00:00", "write it like 2021-01-31, without"),
        ("start: 2021-01-11", "start: 2021-02-30", "'2021-02-30' is not a day"),
        ("start: 2021-01-11", "start: 0021-02-03", "is not between the years"),
        ("seed: 3", "step: 60", "60 is not a duration; write it like 15min"),
        ("seed: 3", "gate: {every: 999999h}", "is longer than a year"),
        ("seed: 3", "gate: {end_of_window: {at: 24:00}}", "'24:00' is not a clock time"),
        ("seed: 3", "gate: 5", "must hold keys of its own, given 5"),
    ],
)
def test_wrong_value_is_named(old, new, what, scenarios):
    assert what in scenarios.fault((old, new)).what


@pytest.mark.parametrize(
    ("new", "what"),
    [
        ("{source: demandlib, type: h0, annual_kwh: true}", "must be a number, given true"),
        ("{source: demandlib, type: h9, annual_kwh: 5}", "'h9' is unknown"),
        ("{source: pvlib, site: pert}", "did you mean 'perth'?"),
        ("{source: pvlib}", "give a site, or both latitude and longitude"),
        ("{file: x.csv}", "is missing"),
    ],
)
def test_fault_inside_a_source_is_placed_without_tags(new, what, scenarios):
    fault = scenarios.fault(("profile: 3.0", f"profile: {new}"))
    assert fault.where.startswith("microgrids.MG1.devices.homes.profile")
    assert ".load" not in fault.where
    assert ".pvlib" not in fault.where
    assert what in fault.what


@pytest.mark.parametrize(
    ("old", "new", "where", "cure"),
    [
        ("power_kw: 5", "power_kw: 5, efficiency: 95", "efficiency", "95 % is written 0.95"),
        ("power_kw: 5", "power_kw: 5, efficiency: 0,95", "95", "with a point, not with a comma"),
        ("name: MG1", "name: MG1\n    power_factor: 0,98", "power_factor", "with a point"),
        ("power_kw: 5", "power_kw: 5, level_min: 10", "level_min", "10 % is written 0.1"),
        ("name: MG1", "name: MG1\n    power_factor: 98", "power_factor", "98 % is written 0.98"),
        ("seed: 3", "network: {case: case33bw, v_min_pu: 12.0}", "v_min_pu", "1 is the nominal"),
        ("seed: 3", "step: 60", "step", "divisor of an hour"),
        ("Berlin", "Berlln", "timezone", "IANA"),
    ],
)
def test_value_in_another_unit_says_how_to_write_it(old, new, where, cure, scenarios):
    fault = next(f for f in scenarios.faults((old, new)) if f.where.endswith(where))
    assert cure in fault.cure


def test_number_with_unit_is_told_to_lose_it(scenarios):
    fault = scenarios.fault(("rating_kw: 4.0", "rating_kw: 4 kW"))
    assert fault.cure == "write the number alone; its unit is part of the key"


def test_list_where_keys_are_meant_and_the_reverse(scenarios):
    text = "name: x\ntimezone: UTC\nstart: 2021-01-01\ndays: 1\nforecast: perfect\n"
    scenarios.file.write_text(text + "tariff: [1]\nmicrogrids: {a: 1}\n")
    with pytest.raises(ScenarioError) as caught:
        load_scenario(scenarios.file)
    assert [fault.what for fault in caught.value.faults] == [
        "must hold keys of its own, given [1]",
        "must be a list, given {'a': 1}",
    ]


def test_faults_of_every_kind_come_in_one_message_in_file_order(scenarios):
    faults = scenarios.faults(
        ("days: 1", "days: 0"),
        ("seed: 3", "seed: 3\nseed: 4"),
        ("import_per_kwh: 0.30", "import_per_kwh: {source: csv, file: no.csv, column: a}"),
        ("strategy: self-consumer", "strategy: self-consumr"),
        ("profile: 1.0", "profile: 9.0"),
        ("energy_kwh: 10", "energy_kw: 10"),
    )
    places = [(fault.where, fault.line) for fault in faults]
    assert places == [
        ("days", 4),
        ("seed", 6),
        ("tariff.import_per_kwh", 9),
        ("microgrids.MG1.strategy", 14),
        ("microgrids.MG1.devices.roof.profile", 17),
        ("microgrids.MG2.devices.bess.energy_kwh", 22),
        ("microgrids.MG2.devices.bess.energy_kw", 22),
    ]


@pytest.mark.parametrize(
    ("old", "new", "where"),
    [
        ("Berlin", "Berln", "timezone"),
        ("timezone: Europe/Berlin\n", "", "timezone"),
        ("start: 2021-01-11", "start: 2021-06-31", "start"),
        ("seed: 3", "seed: 3\nstep: 2", "step"),
        ("seed: 3", "seed: 3\nstep: 7min\ngate: {every: 7min, horizon: 14min}", "step"),
        ("seed: 3", "seed: 3\ngate: {evry: 15min}", "gate.evry"),
        ("seed: 3", "seed: 3\nsed: 4", "sed"),
        ("seed: 3", "seed: 3\nfaults: {on_fault: go}", "faults.on_fault"),
    ],
)
def test_wrong_times_hide_nothing_that_holds_at_any_time(old, new, where, scenarios):
    rows = "2021-03-28T01:30,1\n2021-03-28T02:30,2\n"  # clocks are put forward in Berlin
    (scenarios.folder / "own.csv").write_text(f"time,kw\n{rows}")
    profile = "{source: csv, file: own.csv, column: kW}"
    changes = [("{kind: isolated}", "{kind: price}"), ("profile: 2.0", f"profile: {profile}")]
    faults = scenarios.faults((old, new), *changes, ("profile: 1.0", "profile: 9.0"))
    roof, shop = "microgrids.MG1.devices.roof.profile", "microgrids.MG2.devices.shop.profile"
    assert {fault.where for fault in faults} == {where, "coordination", roof, shop}
    assert len(faults) == 4


def test_a_wrong_device_hides_no_fault_beside_it(scenarios):
    faults = scenarios.faults(
        ("kind: pv", "kind: PV"),
        ("power_kw: 5", "power_kw: 0"),
        ("kind: isolated", "kind: price"),
        ("profile: 3.0", "profile: -3.0"),
        ("profile: 2.0", "profile: 2000.0"),
        ("name: MG2", "name: MG2\n    connection: {import_limit_kw: 1}"),
    )
    assert [fault.where.removeprefix("microgrids.") for fault in faults] == [
        "coordination",
        "MG1.devices.homes.profile",
        "MG1.devices.roof.kind",
        "MG2.devices.bess.power_kw",
    ]


def test_wrong_times_make_no_faults_of_times_and_levels(scenarios):
    gate = "gate: {every: 15min, horizn: 1d, end_of_window: {level: 0.7}}"
    own = "step: 15min\n" + gate
    fault = scenarios.fault(("seed: 3", own), ("power_kw: 5", "power_kw: 5, level_min: 0.6"))
    assert fault.where == "gate.horizn"
    fault = scenarios.fault(("seed: 3", "step: 15\ngate: {every: 15min}"))
    assert fault.where == "step"


def test_further_checks_join_the_message_only_when_there_are_faults(scenarios):
    def further(scenario, folder):
        return [Fault("microgrids.MG2.bus", "the feeder has no bus 77")]

    load_scenario(scenarios.write(), further=further)
    with pytest.raises(ScenarioError) as caught:
        load_scenario(scenarios.write(("self-consumer", "nobody")), further=further)
    assert [fault.where for fault in caught.value.faults] == [
        "microgrids.MG1.strategy",
        "microgrids.MG2.bus",
    ]
    assert caught.value.faults[1].line == 17


def test_fault_in_one_part_makes_no_faults_in_others(scenarios):
    fault = scenarios.fault(("export_per_kwh: 0.05", "export_per_kwh: 0.05\n  network_charg: {}"))
    assert fault.where == "tariff.network_charg"


def test_short_forms_stand_for_a_kind_alone(scenarios):
    changes = ("{kind: isolated}", "isolated"), ("{kind: perfect}", "perfect")
    assert scenarios.load(*changes).scenario == scenarios.load().scenario


def test_words_of_yaml_1_1_are_plain_words(scenarios):
    loaded = scenarios.load(("name: tiny", "name: NO"), ("profile: 2.0", "profile: 2e0"))
    assert loaded.scenario.name == "NO"
    assert loaded.scenario.microgrids[1].devices[0].profile.value == 2.0


def test_json_schema_describes_keys_as_a_file_writes_them():
    schema = scenario_schema()
    json.dumps(schema)
    every = schema["$defs"]["GateConfig"]["properties"]["every"]
    assert (every["type"], every["default"]) == ("string", "60min")
    assert schema["properties"]["start"]["format"] == "date"
    assert schema["additionalProperties"] is False
    assert schema["$defs"]["BatteryConfig"]["properties"]["efficiency"]["maximum"] == 1
    assert all("description" in part for part in schema["properties"].values())

from types import MappingProxyType

import pytest

from mmgsim.scenario import load_scenario, parse_override, parse_strategy


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("days=3", ("days", 3)),
        ("gate.every=1d", ("gate.every", "1d")),
        ("coordination={kind: central}", ("coordination", {"kind": "central"})),
        ("start=2021-02-01", ("start", "2021-02-01")),
        ("a.b=x=y", ("a.b", "x=y")),
        ("description=", ("description", None)),
    ],
)
def test_override_is_path_and_yaml(text, expected):
    assert parse_override(text) == expected


@pytest.mark.parametrize("text", ["days", "=3", "a..b=3", ".a=3", "days=[1"])
def test_bad_override_text_is_refused(text):
    with pytest.raises(ValueError, match="is not"):
        parse_override(text)


KEEPER = {"kind": "keeper.py:Keeper", "options": {"least": 0.4}}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("self-consumer", (None, "self-consumer")),
        ("MG1=self-consumer", ("MG1", "self-consumer")),
        ('{kind: "keeper.py:Keeper", options: {least: 0.4}}', (None, KEEPER)),
        ('MG1={kind: "keeper.py:Keeper", options: {least: 0.4}}', ("MG1", KEEPER)),
        ("{kind: a=b}", (None, {"kind": "a=b"})),
    ],
)
def test_strategy_is_a_name_or_a_kind_with_options(text, expected):
    assert parse_strategy(text) == expected


@pytest.mark.parametrize("text", ["MG1={kind:", "{options: {least: 1}}", "{kind: 3}"])
def test_strategy_between_braces_that_is_no_kind_is_refused(text):
    with pytest.raises(ValueError, match=r"is not like \{kind: NAME"):
        parse_strategy(text)


def test_kind_with_options_replaces_the_whole_choice(scenarios):
    file = scenarios.write(("{kind: isolated}", "{kind: prices, max_rounds: 7}"))
    chosen = MappingProxyType({"kind": "prices", "offers": "agent"})
    coordination = load_scenario(file, {"coordination.kind": chosen}).scenario.coordination
    assert (coordination.kind, coordination.options()) == ("prices", {"offers": "agent"})


def test_list_items_go_by_name_and_by_position(scenarios):
    file = scenarios.write()
    by_name = load_scenario(file, {"microgrids.MG1.devices.roof.rating_kw": 7})
    by_position = load_scenario(file, {"microgrids.0.devices.1.rating_kw": 7})
    assert by_name.scenario == by_position.scenario
    assert by_name.scenario.microgrids[0].devices[1].rating_kw == 7.0


def test_nested_parts_are_created(scenarios):
    loaded = load_scenario(scenarios.write(), {"gate.end_of_window.level": 0.25})
    assert loaded.scenario.gate.end_of_window.level == 0.25


def test_network_none_can_be_opened(scenarios):
    opened = {"network.case": "case33bw"}
    faults = scenarios.faults(("seed: 3", "network: none"), overrides=opened)
    assert {fault.where for fault in faults} == {"microgrids.MG1.bus", "microgrids.MG2.bus"}


def test_short_form_keeps_its_kind_when_options_are_added(scenarios):
    loaded = load_scenario(scenarios.write(), {"microgrids.MG1.strategy.options": {}})
    assert loaded.scenario.microgrids[0].strategy.kind == "self-consumer"


def test_new_kind_drops_the_options_of_the_former(scenarios):
    file = scenarios.write(("{kind: perfect}", "{kind: noise, load_sd: 0.2}"))
    loaded = load_scenario(file, {"forecast.kind": "persistence"})
    assert loaded.scenario.forecast.kind == "persistence"
    assert load_scenario(file, {"forecast.kind": "noise"}).scenario.forecast.load_sd == 0.2


@pytest.mark.parametrize(
    ("path", "what"),
    [
        ("microgrids.MG3.bus", "microgrids has no 'MG3'; did you mean"),
        ("microgrids.7.bus", "microgrids has no '7'"),
        ("days.x", "'days' is a plain value (1) without keys"),
    ],
)
def test_bad_path_is_named(path, what, scenarios):
    fault = scenarios.fault(overrides={path: 3})
    assert fault.where == path
    assert what in fault.what


def test_all_bad_paths_come_at_once_with_the_faults_of_the_file(scenarios):
    overrides = {"microgrids.MG3.bus": 3, "days.x": 3}
    faults = scenarios.faults(("seed: 3", "seed: -1"), overrides=overrides)
    assert {fault.where for fault in faults} == {*overrides, "seed"}


def test_fault_of_an_override_names_no_line_of_the_file(scenarios):
    assert scenarios.fault(overrides={"days": 0}).line is None
    assert scenarios.fault(overrides={"microgrids.0.devices.1.rating_kw": -1}).line is None


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("days", 0, "days (from --days, --set or overrides): must be"),
        ("coordination.kind", "centrl", "coordination (from --coordination, --set or overrides):"),
        ("microgrids.MG1.strategy", "slf", "MG1.strategy (from --strategy, --set or overrides):"),
        ("microgrids.MG3.bus", 3, "microgrids.MG3.bus (from --set or overrides): cannot be set"),
        ("operator.options.least_share", 2, "least_share (from --set or overrides): least_share"),
    ],
)
def test_fault_of_an_override_says_where_it_comes_from(path, value, said, scenarios):
    text = str(
        scenarios.fault(("seed: 3", "seed: 3\noperator: {kind: standard}"), overrides={path: value})
    )
    assert said in text
    assert "(line" not in text


def test_unknown_key_of_an_override_has_a_near_miss(scenarios):
    assert "did you mean 'days'?" in scenarios.fault(overrides={"dyas": 3}).cure


def test_overrides_change_neither_a_loaded_scenario_nor_their_own_values(scenarios):
    loaded = scenarios.load()
    option = {"kind": "noise"}
    changed = load_scenario(loaded, {"forecast": option, "forecast.load_sd": 0.3})
    assert loaded.scenario.forecast.kind == "perfect"
    assert changed.scenario.forecast.load_sd == 0.3
    assert option == {"kind": "noise"}

"""Every key of a scenario spoiled in every way: legal by the schema, or one clear refusal."""

import copy
import subprocess
import sys
from math import inf, nan
from pathlib import Path

import pytest

from mmgsim import cli
from mmgsim.errors import ScenarioError
from mmgsim.profiles import has_simbench, use_cache_dir
from mmgsim.scenario import bundled_scenarios, load_scenario, parse_yaml
from mmgsim.scenario.yaml_lines import Document, dump_yaml
from tests.support.mutations import (
    FOLDER,
    SCHEMA,
    STAYS_CSV,
    VALUES,
    Spoil,
    admits,
    check,
    documents,
    key_part,
    mutations,
    outcome,
    place,
    spoiled,
)

SAMPLE = mutations()[::70]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with the series of duo, in which nothing but the scenario may be written."""
    path = tmp_path_factory.mktemp("mutations")
    (path / "stays.csv").write_text(STAYS_CSV)
    (path / "series.csv").write_bytes((FOLDER / "series.csv").read_bytes())
    use_cache_dir(tmp_path_factory.mktemp("cache"))
    yield path
    use_cache_dir(None)
    assert {file.name for file in path.iterdir()} <= {
        "series.csv",
        "stays.csv",
        "scenario.yaml",
    }


def refusal(mutation, folder):
    return outcome(mutation, folder / "scenario.yaml")


def fault_at(error, where):
    items = (where, f"{where}.0")  # what is wrong with the first item of a list is said of it
    found = [fault for fault in error.faults if fault.where in items]
    assert found, f"{where} is not named in:\n{error}"
    return found[0]


def line_of(text, number):
    return text.splitlines()[number - 1]


@pytest.mark.parametrize("name", documents())
def test_documents_are_sound_before_they_are_spoiled(name, folder):
    (folder / "scenario.yaml").write_text(dump_yaml(documents()[name]))
    assert check(folder / "scenario.yaml") is None


def test_every_part_of_the_schema_is_spoiled():
    parts = {name for name, part in SCHEMA["$defs"].items() if part.get("properties")}
    parts -= set() if has_simbench() else {"SimbenchSource"}
    assert {key_part(mutation)["title"] for mutation in mutations()} == {"Scenario", *parts}


def of(*spoils):
    chosen = [mutation for mutation in mutations() if mutation.spoil in spoils]
    return pytest.mark.parametrize("mutation", chosen, ids=map(str, chosen))


@of(*VALUES)
def test_a_value_is_admitted_by_the_schema_or_refused_with_key_line_value_and_cure(
    mutation, folder
):
    error = refusal(mutation, folder)
    why = admits(key_part(mutation)["properties"][mutation.key], VALUES[mutation.spoil])
    if error is None:
        assert why
        return
    text, content = spoiled(mutation)
    where = place(mutation, content)
    shown = repr(VALUES[mutation.spoil])[:40].lower()
    if why:  # legal alone, but not with other keys, files or names
        near = where.split(".")[-2:]
        related = [f for f in error.faults if any(part in str(f) for part in near)]
        around = [f for f in error.faults if where.startswith(f.where) and shown in f.what.lower()]
        assert related or around, error
        fault = (related or around)[0]
    else:
        fault = fault_at(error, where)
        line = line_of(text, fault.line)
        assert f"{mutation.key}:" in line or line.strip() == "- 1"
        assert shown in fault.what.lower() or mutation.spoil is Spoil.LIST, fault
    assert fault.cure, fault


@of(Spoil.MISSING)
def test_a_key_is_optional_by_the_schema_or_missed_with_what_it_is_for(mutation, folder):
    error = refusal(mutation, folder)
    if mutation.key not in key_part(mutation).get("required", ()):
        named = error is None or any(mutation.key in str(fault) for fault in error.faults)
        assert named, error
        return
    fault = fault_at(error, place(mutation, spoiled(mutation)[1]))
    assert fault.what == "is missing"
    assert fault.cure


@of(Spoil.RENAMED)
def test_a_misspelt_key_has_its_line_and_near_miss(mutation, folder):
    error, (text, content) = refusal(mutation, folder), spoiled(mutation)
    where = place(mutation, content)
    near = [fault for fault in error.faults if f"did you mean '{mutation.key}'" in fault.cure]
    assert near, error
    is_tag = "const" in key_part(mutation)["properties"][mutation.key]
    # A part that cannot be told from others is named by the key that tells it.
    assert near[0].where == (where[:-1] if is_tag else where)
    assert near[0].line is not None
    assert is_tag or f"{mutation.key}" in line_of(text, near[0].line)


@of(Spoil.TWICE)
def test_a_key_that_is_given_twice_names_both_lines(mutation, folder):
    error, text = refusal(mutation, folder), spoiled(mutation)[0]
    twice = [fault for fault in error.faults if "is given twice, first in line" in fault.what]
    assert len(twice) == 1
    assert twice[0].where.endswith(mutation.key)
    assert line_of(text, twice[0].line).strip().startswith(f"{mutation.key}:")
    assert twice[0].cure == "keep one"


@of(Spoil.SAME_NAME)
def test_a_name_that_is_used_twice_is_named(mutation, folder):
    error = refusal(mutation, folder)
    assert any("is used twice" in fault.what and fault.cure for fault in error.faults)


# ------------------------------------------------------------------------- all faults at once
def leaves(content, path=()):
    items = content.items() if isinstance(content, dict) else enumerate(content)
    for key, value in items:
        if isinstance(value, dict | list):
            yield from leaves(value, (*path, key))
        elif key not in ("kind", "source", "name"):  # by which parts are told from each other
            yield (*path, key)


@pytest.mark.parametrize("value", [[1], nan, inf], ids=str)
@pytest.mark.parametrize("name", bundled_scenarios())
def test_all_keys_of_a_bundled_scenario_are_named_at_once(name, value, tmp_path):
    content = parse_yaml((bundled_scenarios()[name] / "scenario.yaml").read_text())
    changed = copy.deepcopy(content)
    places = list(leaves(content))
    for path in places:
        inside = changed
        for step in path[:-1]:
            inside = inside[step]
        inside[path[-1]] = value
    file = tmp_path / "scenario.yaml"
    file.write_text(dump_yaml(changed))
    with pytest.raises(ScenarioError) as caught:
        load_scenario(file)
    named = {fault.where for fault in caught.value.faults}
    # Of classes, not of the schema.
    options = {"tolerance", "max_rounds", "least_share", "refusal_per_kwh"}
    options |= {"security", "controller", "price_per_kwh"}
    options |= {"budget", "deviation", "grid_charge", "link_charge", "time_limit_s"}
    wanted = {Document(changed).where(path) for path in places if path[-1] not in options}
    assert wanted <= named


# ------------------------------------------------------------------------- the command itself
@pytest.mark.parametrize("mutation", SAMPLE, ids=map(str, SAMPLE))
def test_check_ends_with_one_message(mutation, folder, monkeypatch, capsys):
    error = refusal(mutation, folder)
    monkeypatch.setattr("sys.argv", ["mmgsim", "check", str(folder / "scenario.yaml")])
    monkeypatch.chdir(folder)
    with pytest.raises(SystemExit) as caught:
        cli.main()
    printed = capsys.readouterr()
    assert "Traceback" not in printed.err
    if error is None:
        assert not caught.value.code
    else:
        assert caught.value.code == 2
        assert not printed.out
        assert all(fault.what in printed.err for fault in error.faults)


def test_the_installed_command_refuses_a_spoiled_scenario(folder):
    mutation = next(m for m in mutations() if m.key == "efficiency" and m.spoil is Spoil.HUGE)
    refusal(mutation, folder)
    command = [sys.executable, "-m", "mmgsim", "check", str(folder / "scenario.yaml")]
    done = subprocess.run(command, capture_output=True, text=True, cwd=Path(folder), check=False)
    assert done.returncode == 2
    assert "devices.own.efficiency (line" in done.stderr
    assert "must be at most 1, given 1000000000000000" in done.stderr

"""Sweep files: all faults at once, with line and cure."""

from pathlib import Path

import pytest

from mmgsim.errors import ScenarioError
from mmgsim.scenario import parse_yaml
from mmgsim.sweep import load_sweep, sweep, sweep_page
from mmgsim.sweep.described import SWEEP_EXAMPLE
from tests.unit.year.conftest import write_pair

BAD = """\
scenario: duo
dayz: 3
grid:
  coordination: [isolated, centrl]
  gate.evry: [1d]
  communication.loss_probability: [0, 1.5]
  seed: [1, 1]
sample:
  count: 0
  keys: {tariff.export_per_kwh: {uniform: [0.2, 0.1]}}
seeds: 3
"""


def faults_of(given):
    with pytest.raises(ScenarioError) as caught:
        load_sweep(given)
    return caught.value.faults


def test_all_faults_are_named_at_once_with_their_lines_and_nothing_is_written(tmp_path):
    file = tmp_path / "bad.yaml"
    file.write_text(BAD)
    with pytest.raises(ScenarioError) as caught:
        sweep(file, out=tmp_path / "o")
    assert [(fault.where, fault.line) for fault in caught.value.faults] == [
        ("dayz", 2),
        ("grid.coordination.1", 4),
        ("grid.gate.evry.0", 5),
        ("grid.communication.loss_probability.1", 6),
        ("grid.seed.1", 7),
        ("sample.count", 9),
        ("sample.keys.tariff.export_per_kwh.uniform", 10),
        ("seeds", 11),
    ]
    assert "did you mean 'days'?" in str(caught.value)
    assert "did you mean 'every'?" in str(caught.value)
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize(
    ("more", "where", "what"),
    [
        ({}, "sweep", "has nothing to go through"),
        ({"seeds": 0}, "seeds", "must be at least 1, given 0"),
        ({"grid": {"seed": []}}, "grid.seed", "has no value"),
        ({"grid": {"a..b": [1]}}, "grid.a..b", "'a..b' is no path"),
        ({"seeds": 2, "set": {"seed": 1}}, "seeds", "is set under set.seed already"),
        ({"seeds": 50_001, "grid": {"days": [1, 2]}}, "sweep", "has 100,002 runs, more than"),
        ({"grid": {"days": [1, 1.0]}}, "grid.days.1", "1.0 is there twice"),
        (
            {"grid": {"coordination": ["isolated", {"kind": "isolated"}]}},
            "grid.coordination.1",
            "makes the same scenario as grid.coordination.0",
        ),
        ({"grid": {"days": [1, 0]}}, "grid.days.1", "must be at least 1, given 0"),
        ({"days": 1, "grid": {"days": [1]}}, "grid.days", "is set under days already"),
        ({"grid": {"microgrids.MG9.bus": [1]}}, "grid.microgrids.MG9.bus.0", "no 'MG9'"),
        ({"grid": {"strategy": ["shy"]}}, "grid.strategy.0", "no strategy 'shy'"),
        ({"set": {"step": "7min"}, "seeds": 2}, "set.step", "7 min does not divide an hour"),
    ],
)
def test_what_cannot_be_swept_is_refused_at_its_place(more, where, what):
    faults = faults_of({"scenario": "duo", **more})
    assert [fault.where for fault in faults] == [where]
    assert what in str(faults[0])


@pytest.mark.parametrize(
    ("draw", "what"),
    [
        ({}, "has nothing to draw from"),
        ({"uniform": [0, 1], "integers": [0, 1]}, "has uniform and integers"),
        ({"log_uniform": [0, 1]}, "which has no logarithm"),
        ({"choice": []}, "has no value"),
        ({"uniform": [0]}, "sample.keys.tariff.export_per_kwh.uniform.1: is missing"),
        ({"uniform": [0, 1, 2]}, "must have at most 2 items, given [0, 1, 2]"),
        ({"normal": [0, 1]}, "unknown key"),
    ],
)
def test_a_draw_that_is_none_is_refused(draw, what):
    keys = {"tariff.export_per_kwh": draw}
    faults = faults_of({"scenario": "duo", "sample": {"count": 2, "keys": keys}})
    assert any(what in str(fault) for fault in faults)


def test_a_range_that_leaves_what_the_scenario_takes_is_refused_once():
    keys = {"microgrids.MG2.devices.roof.rating_kw": {"uniform": [1, 6]}}
    (fault,) = faults_of({"scenario": "duo", "sample": {"count": 9, "keys": keys}})
    assert fault.where == "sample.keys.microgrids.MG2.devices.roof.rating_kw"
    assert "above rating_kw" in fault.what


def test_a_scenario_is_found_beside_its_sweep_file(tmp_path, monkeypatch):
    pair = write_pair(tmp_path / "pair")
    (tmp_path / "s.yaml").write_text("scenario: pair\nseeds: 2\n")
    monkeypatch.chdir("/")
    loaded = load_sweep(tmp_path / "s.yaml")
    assert Path(loaded.source) == pair.parent
    assert [dict(run.values) for run in loaded.runs] == [{"seed": 1}, {"seed": 2}]


def test_no_scenario_and_no_file_are_one_message(tmp_path):
    (fault,) = faults_of(tmp_path / "none.yaml")
    assert "is no file" in fault.what
    (fault,) = faults_of({"scenario": "duoo", "seeds": 2})
    assert "did you mean 'duo'?" in str(fault)


def test_the_page_names_every_key_and_its_example_can_be_run():
    page = sweep_page()
    for key in ("scenario", "set", "grid", "seeds", "keep_runs", "count", "log_uniform"):
        assert f"| `{key}` |" in page
    assert len(load_sweep(parse_yaml(SWEEP_EXAMPLE)).runs) == 3 * 2 * 5 * 3


def test_the_page_in_docs_is_what_the_schema_says():
    written = Path(__file__).parents[3] / "docs/sweep.md"
    assert written.read_text(encoding="utf-8") == sweep_page()

"""`mmgsim sweep`, as a user meets it."""

import json

import pytest

from mmgsim import cli
from tests.unit.year.conftest import write_pair

TEXT = """\
scenario: pair
grid: {coordination: [isolated, central]}
seeds: 3
"""
MACHINE = ["wall_s", "gate_s", "solver_s", "power_flow_s"]
PATIENCE_S = 120.0


@pytest.fixture
def file(tmp_path):
    write_pair(tmp_path / "pair")
    (tmp_path / "s.yaml").write_text(TEXT)
    return tmp_path / "s.yaml"


def test_sweep_prints_means_and_where_the_page_is(mmgsim, file, tmp_path):
    code, printed, messages = mmgsim("sweep", file, "--out", "o")
    assert (code, messages) == (0, "")
    for part in ("pair, 1 day, 6 of 6 runs", "isolated", "central"):
        assert part in printed
    assert "±" not in printed  # seeds change nothing here
    assert printed.rstrip().endswith("sweep: o/sweep.html")
    page = (tmp_path / "o/sweep.html").read_text()
    for part in ("Means over the seeds", "objective_cost [AUD]", "Keys and outcomes"):
        assert part in page
    assert "<script src=" not in page  # opens offline


def test_sweep_prints_intervals_where_seeds_change_something(mmgsim, file):
    file.write_text(f"{TEXT}set: {{forecast: noise}}\n")
    code, printed, _ = mmgsim("sweep", file, "--out", "o")
    assert code == 0
    assert "±" in printed


def test_sweep_in_json_prints_what_it_writes_alone(mmgsim, file, tmp_path):
    code, printed, messages = mmgsim("sweep", file, "--out", "o", "--json")
    assert (code, messages) == (0, "")
    content = json.loads(printed)
    assert content.pop("sweep") == "o"
    assert content == json.loads((tmp_path / "o/sweep.json").read_text())
    assert (content["asked_for"], content["complete"], content["failed"]) == (6, 6, {})


def test_sweep_is_quiet_and_goes_on_only_where_it_is_told(mmgsim, file):
    options = [file, "--quiet", "--out", "o"]
    assert mmgsim("sweep", *options) == (0, "", "")
    assert mmgsim("sweep", *options)[0] == cli.WRONG_INPUT
    assert mmgsim("sweep", *options, "--resume") == (0, "", "")
    code, _, messages = mmgsim("sweep", file, "--resume")
    assert code == cli.WRONG_INPUT
    assert "say which sweep, with --out DIR" in messages


def test_a_failed_run_is_told_and_the_code_says_so(mmgsim, file, tmp_path):
    (tmp_path / "pair/own.py").write_text(
        "from mmgsim.coordination import Isolated\n\n"
        "class Fails(Isolated):\n"
        "    def start(self, view, memory):\n"
        "        raise RuntimeError('on purpose')\n"
    )
    file.write_text(
        "scenario: pair\nset: {faults.on_fault: stop}\n"
        "grid: {coordination: [isolated, 'own.py:Fails']}\n"
    )
    code, printed, messages = mmgsim("sweep", file, "--out", "o")
    assert code == cli.ENDED_EARLY
    assert messages.startswith("run 2: RuntimeError: on purpose")
    assert "the sweep ended early; 1 run failed: 2; what there is, is in o" in messages
    assert "sweep: o/sweep.html" in printed

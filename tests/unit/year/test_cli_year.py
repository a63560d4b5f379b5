"""`mmgsim year` and the days in `mmgsim check`, as a user meets them."""

import importlib
import json

import pytest

from mmgsim import cli
from tests.unit.year.conftest import write_pair

BOTH = ["--coordination", "isolated,central"]


@pytest.fixture(autouse=True)
def without_pages(monkeypatch):
    running = importlib.import_module("mmgsim.run")
    comparing = importlib.import_module("mmgsim.compare.comparison")
    monkeypatch.setattr(running, "write_report", lambda results: None)
    monkeypatch.setattr(comparing, "write_comparison_page", lambda *given: None)


def test_year_prints_costs_savings_and_where_the_page_is(mmgsim, pair, tmp_path):
    code, printed, messages = mmgsim("year", pair, *BOTH, "--out", "o")
    assert (code, messages) == (0, "")
    for part in ("pair, a year of 2 days", "Saving against isolated", "97.20", "19.20", "(all)"):
        assert part in printed
    assert printed.rstrip().endswith("year: o/year.html")
    left = sorted(path.name for path in (tmp_path / "o").iterdir())
    assert left == ["busy", "days.csv", "quiet", "year.csv", "year.html", "year.json"]


def test_year_in_json_prints_what_it_writes_alone(mmgsim, pair, tmp_path):
    code, printed, messages = mmgsim("year", pair, *BOTH, "--out", "o", "--json")
    assert (code, messages) == (0, "")
    content = json.loads(printed)
    assert content.pop("study") == "o"
    assert content == json.loads((tmp_path / "o/year.json").read_text())


def test_year_takes_overrides_and_goes_on_only_where_it_is_told(mmgsim, pair):
    options = [*BOTH, "--set", "year.busy.weight=0.5", "--quiet", "--out", "o"]
    assert mmgsim("year", pair, *options) == (0, "", "")
    assert mmgsim("year", pair, *options)[0] == 2
    assert mmgsim("year", pair, *options, "--resume") == (0, "", "")
    code, _, messages = mmgsim("year", pair, *BOTH, "--resume")
    assert code == 2
    assert "say which study, with --out DIR" in messages


def test_year_of_a_scenario_without_days_is_one_message(mmgsim, tmp_path):
    code, printed, messages = mmgsim("year", "duo", *BOTH, "--out", "o")
    assert (code, printed) == (2, "")
    assert "names no day that stands for others; name days and weights, like" in messages
    assert not (tmp_path / "o").exists()


def test_year_keeps_and_prints_what_finished(mmgsim, pair, tmp_path):
    (pair.parent / "own.py").write_text(
        "from mmgsim.coordination import Isolated\n\n"
        "class Fails(Isolated):\n"
        "    def start(self, view, memory):\n"
        "        raise RuntimeError('no more')\n"
    )
    kinds = ["--coordination", "isolated,own.py:Fails", "--set", "faults.on_fault=stop"]
    code, printed, messages = mmgsim("year", pair, *kinds, "--out", "o", "--json")
    assert code == cli.ENDED_EARLY
    assert {row["run"] for row in json.loads(printed)["year"]} == {"isolated"}
    assert "quiet, own.py:Fails: " in messages
    assert "to run only what lacks: the same again with --out o --resume" in messages


def test_check_counts_the_days_and_names_those_without_series(mmgsim, tmp_path):
    code, printed, messages = mmgsim("check", write_pair(tmp_path / "long"))
    assert code == 0
    assert "2 microgrids, 2 representative days." in printed
    assert "5 days together" in messages
    code, printed, messages = mmgsim("check", write_pair(tmp_path / "short", days=2))
    assert (code, printed) == (2, "")
    assert "year.busy.day (line 7): microgrids.MG1.devices.homes.profile: load.csv" in messages

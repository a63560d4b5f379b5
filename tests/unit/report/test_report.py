"""The report of a run: offline, complete, honest about its input."""

import re

import pytest

import mmgsim
from mmgsim.report import summary_rows, write_report


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    return mmgsim.run("duo", out=tmp_path_factory.mktemp("runs") / "duo")


def test_report_needs_no_network(results):
    page = (results.folder / "report.html").read_text()
    own = re.sub(r"<script.*?</script>", "", page, flags=re.DOTALL)
    assert "src=" not in own
    assert "<link" not in own
    assert "cdn.plot.ly/plotly" not in own


def test_report_names_every_input_and_its_label(results):
    page = (results.folder / "report.html").read_text()
    for entry in results.manifest["inputs"]:
        assert entry["where"] in page
    assert "synthetic" in page


def test_report_can_be_drawn_anew(results):
    path = results.folder / "report.html"
    path.unlink()
    assert write_report(results) == path
    assert path.stat().st_size > 100_000


def test_numbers_carry_units_and_no_minus_zero(results):
    rows = dict(summary_rows({**results.summary, "energy_left_value": -1e-15}))
    assert rows["value of energy left in storage"] == "0.00 AUD"
    assert rows["traded locally"].endswith(" kWh")


def test_a_gap_of_rounding_is_no_minus_zero(results):
    rows = dict(summary_rows({**results.summary, "gap_max": -1e-12}))
    assert rows["largest gap of a gate"] == "0.0000 %"


def test_steps_that_did_not_deliver_are_counted_only_where_there_are_any(results):
    name = "steps whose energy was not all delivered"
    assert name not in dict(summary_rows(results.summary))
    statuses = {"ok": 20, "unsupplied": 3, "not_converged": 1}
    rows = dict(summary_rows({**results.summary, "steps_by_status": statuses}))
    assert rows[name] == "4"


def test_report_says_what_the_costs_are(results):
    page = (results.folder / "report.html").read_text()
    assert "without loss share, imbalance and fixed charge" in page


def test_an_early_end_keeps_what_was_simulated(tmp_path):
    def stop(model):
        if model.clock.step == 30:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        mmgsim.run("duo", overrides={"days": 2}, out=tmp_path / "run", progress=stop)
    kept = mmgsim.Results(tmp_path / "run")
    assert kept.manifest["status"] == "interrupted"
    assert len(kept.dispatch) == 2 * 31
    assert kept.summary["steps"] == 31


def test_a_run_never_writes_into_somebody_elses_folder(tmp_path):
    (tmp_path / "precious.txt").write_text("mine")
    with pytest.raises(mmgsim.ScenarioError, match="not empty"):
        mmgsim.run("duo", out=tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["precious.txt"]

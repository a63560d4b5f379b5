"""The report of a run: offline, complete, honest about its input."""

import re
import shutil

import pytest

import mmgsim
from mmgsim.errors import ResultsError
from mmgsim.report import summary_rows, write_report
from mmgsim.report.sections import SECTIONS

FETCHED = re.compile(r"""(?:src|href)=(?!["']?\#)|@import|url\(|https?:""")
"""What a browser would load; links within the page begin with #."""


@pytest.fixture
def results(duo):
    return duo


@pytest.fixture
def copied(duo, tmp_path):
    """A folder that may be damaged."""
    return shutil.copytree(duo.folder, tmp_path / "copied")


def own(run):
    """Give the page without plotly's code and the figures."""
    page = (run.folder / "report.html").read_text()
    return re.sub(r"<script.*?</script>", "", page, flags=re.DOTALL)


def test_report_needs_no_network(any_run):
    page = (any_run.folder / "report.html").read_text()
    assert not FETCHED.search(own(any_run))
    assert "<link" not in own(any_run)
    assert "<script src" not in page
    assert page.count("plotly.js v") == 1  # plotly's own code is in it once


def test_figures_cannot_fetch_or_send_anything(any_run):
    page = (any_run.folder / "report.html").read_text()
    calls = [part for part in page.split("Plotly.newPlot(")[1:] if part.lstrip().startswith('"fig')]
    assert len(calls) == page.count('id="figure-')
    for call in calls:
        own = call.split("</script>")[0]
        assert '"showSendToCloud": false' in own
        assert "http" not in own.replace('"plotlyServerURL": ""', "")
        for kind in ("map", "geo", "image"):  # kinds of traces that load tiles, shapes or pictures
            assert f'"type":"{kind}' not in own


def test_every_kind_of_run_has_every_section(any_run):
    page = own(any_run)
    for section in SECTIONS:
        assert f'id="{section.key}"' in page
    assert ("has no network" in page) == (not len(any_run.buses))
    assert ("Nothing was traded" in page) == (not len(any_run.trades))


def test_report_names_every_input_and_its_label(results):
    for entry in results.manifest["inputs"]:
        assert entry["where"] in own(results)
    assert "synthetic" in own(results)


def test_report_is_drawn_from_the_folder_alone_and_always_the_same(copied):
    before = (copied / "report.html").read_text()
    (copied / "report.html").unlink()
    assert write_report(mmgsim.Results(copied)) == copied / "report.html"
    assert (copied / "report.html").read_text() == before


def test_report_can_be_written_elsewhere(copied, tmp_path):
    (copied / "report.html").unlink()
    path = write_report(mmgsim.Results(copied), tmp_path / "pages/duo.html")
    assert path.is_file()
    assert not (copied / "report.html").exists()


def test_all_that_is_damaged_is_told_at_once(copied):
    shutil.rmtree(copied / "prices.parquet")
    (copied / "trades.parquet" / "part-00000.parquet").write_bytes(b"rubbish")
    (copied / "scenario.yaml").unlink()
    with pytest.raises(ResultsError) as caught:
        write_report(mmgsim.Results(copied))
    told = str(caught.value)
    assert "incomplete or damaged" in told
    assert all(name in told for name in ("prices.parquet", "trades.parquet", "scenario.yaml"))


@pytest.mark.parametrize("name", ["manifest.json", "summary.json"])
@pytest.mark.parametrize("content", ["{", "[]"])
def test_a_damaged_file_is_told(copied, name, content):
    (copied / name).write_text(content)
    with pytest.raises(ResultsError, match=f"{name} is damaged"):
        write_report(mmgsim.Results(copied))


def test_a_folder_without_a_summary_is_told(copied):
    (copied / "summary.json").unlink()
    with pytest.raises(ResultsError, match=r"no summary\.json: it is incomplete"):
        write_report(mmgsim.Results(copied))


def test_an_early_end_is_told_on_the_page(early):
    assert "This run was interrupted" in own(early)
    assert "all 30" in own(early)


def test_a_run_that_failed_in_its_first_step_has_a_page_without_pictures(tmp_path):
    (tmp_path / "own.py").write_text(FAILS)
    with pytest.raises(mmgsim.MmgsimError):
        mmgsim.run(
            "duo",
            strategy=f"{tmp_path / 'own.py'}:Fails",
            overrides={"faults.on_fault": "stop"},
            out=tmp_path / "run",
        )
    page = (tmp_path / "run" / "report.html").read_text()
    assert "This run failed" in page
    assert "No step was simulated" in page
    assert "plotly" not in page


FAILS = """\
from mmgsim_agents.strategies.cost_minimiser import CostMinimiser

class Fails(CostMinimiser):
    def dispatch(self, view, realised):
        raise RuntimeError("no more")
"""


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
    assert "without loss share, imbalance and fixed charge" in own(results)


def test_an_early_end_keeps_what_was_simulated(early):
    assert early.manifest["status"] == "interrupted"
    assert len(early.dispatch) == 2 * 30
    assert early.summary["steps"] == 30


def test_a_run_never_writes_into_somebody_elses_folder(tmp_path):
    (tmp_path / "precious.txt").write_text("mine")
    with pytest.raises(mmgsim.ScenarioError, match="not empty"):
        mmgsim.run("duo", out=tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["precious.txt"]

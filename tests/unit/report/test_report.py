"""The report of a run: offline, complete, honest about its input."""

import re
import shutil
from types import SimpleNamespace

import pytest

import mmgsim
from mmgsim.errors import ResultsError
from mmgsim.report import gates_without_bound, summary_rows, write_report
from mmgsim.report.deciders import deciders
from mmgsim.report.sections import SECTIONS
from mmgsim.report.tiles import tiles
from mmgsim.report.traders import pairs_told

pytestmark = pytest.mark.pages

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
    assert "30 steps" in own(early)


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
from mmgsim_agents.strategies import CostMinimiser

class Fails(CostMinimiser):
    def dispatch(self, view, realised):
        raise RuntimeError("no more")
"""


def changed(results, **values):
    """Give a run whose summary says something else."""
    summary = {**results.summary, **values}
    return SimpleNamespace(
        summary=summary, table=results.table, plot=results.plot, scenario=results.scenario
    )


def test_numbers_carry_units_and_no_minus_zero(results):
    rows = dict(summary_rows(changed(results, energy_left_value=-1e-15)))
    assert rows["value of energy left in storage"] == "0.00 AUD"
    assert rows["traded locally"].endswith(" kWh")


def test_a_gap_of_rounding_is_no_minus_zero(results):
    rows = dict(summary_rows(changed(results, gap_max=-1e-12)))
    assert rows["largest gap of a gate"] == "0.0000 %"


def test_gates_of_which_nothing_is_proven_are_told_beside_the_largest_gap(results):
    some = changed(results, gap_max=0.000991, gates_without_bound=3)
    assert dict(summary_rows(some))["largest gap of a gate"] == "0.0991 %, 3 of 24 gates not proven"
    assert "<b>0.0991 %, 3 of 24 gates not proven</b>" in tiles(some)
    none = changed(results, gap_max=None, gates_without_bound=24)
    assert dict(summary_rows(none))["largest gap of a gate"] == "not proven"


def test_results_of_older_runs_count_their_gates_without_a_bound_in_the_table(results):
    older = changed(results)
    del older.summary["gates_without_bound"]
    assert gates_without_bound(older) == 0
    gates = results.table("gates").assign(lower=[float("nan")] * 2 + [0.0] * 22)
    older.table = lambda name: gates
    assert gates_without_bound(older) == 2


def test_a_line_is_told_only_where_it_is_not_perfect(results):
    name = "messages of the market that got lost"
    assert name not in dict(summary_rows(results))
    lossy = changed(results, lost_messages=1200, left_out=3, line_rounds=88)
    lossy.scenario = {"communication": {"loss_probability": 0.2}}
    rows = dict(summary_rows(lossy))
    assert rows[name] == "1,200"
    assert rows["microgrids left out, over all gates"] == "3"
    assert rows["rounds of the market's line, waiting included"] == "88"


def test_steps_that_did_not_deliver_are_counted_only_where_there_are_any(results):
    name = "steps whose energy was not all delivered"
    assert name not in dict(summary_rows(results))
    statuses = {"ok": 20, "unsupplied": 3, "not_converged": 1}
    rows = dict(summary_rows(changed(results, steps_by_status=statuses)))
    assert rows[name] == "4"


def test_events_are_told_and_runs_without_any_have_no_table_of_them(results, eventful):
    page = own(eventful)
    for told in ("islanding", "price shock, times 3 +0.01 per kWh", "2021-01-11 03:00"):
        assert told in page
    assert "Events are shaded." in page
    assert "announced" not in own(results)
    assert "Events are shaded." not in own(results)


def test_critical_demand_that_is_not_served_has_a_tile(results):
    shown = tiles(changed(results, shed_critical_kwh=2.4))
    assert "<b>2.4 kWh</b><span>critical demand not served</span>" in shown
    assert "critical demand" not in tiles(results)


def test_a_run_without_faults_has_no_table_of_them(results):
    assert "what went wrong" not in own(results)


FAIL = """\
from mmgsim.coordination import Isolated
from mmgsim_agents.operators.standard import StandardOperator
from mmgsim_agents.strategies.cost_minimiser import CostMinimiser

class Strategy(CostMinimiser):
    def answer(self, view, message):
        raise RuntimeError("no answer")

class Operator(StandardOperator):
    def publish(self, view):
        raise RuntimeError("no tariff")

class Mechanism(Isolated):
    def start(self, view, memory):
        if view.window.first_step == 5:
            raise RuntimeError("no start")
        super().start(view, memory)
"""


def test_report_says_in_whose_place_a_stand_in_decided(tmp_path):
    (tmp_path / "own.py").write_text(FAIL)
    results = mmgsim.run(
        "duo",
        strategy=f"{tmp_path / 'own.py'}:Strategy",
        coordination=f"{tmp_path / 'own.py'}:Mechanism",
        overrides={"operator.kind": f"{tmp_path / 'own.py'}:Operator"},
        out=tmp_path / "run",
    )
    assert "<b>24 of 24 steps</b><span>a stand-in decided: MG1, MG2, the DNO<" in own(results)
    assert "<b>1 of 24 steps</b><span>a stand-in decided: the market<" in own(results)
    assert "power flow ok" not in own(results)
    rows = dict(summary_rows(results))
    assert rows["steps with a stand-in: MG1, MG2, the DNO"] == "24 of 24"


def test_tiles_say_where_and_when_the_feeder_was_loaded_most(on_feeder):
    lines = on_feeder.lines
    most = lines.loc[lines.loading_percent.idxmax()]
    ends = next(
        e
        for e in on_feeder.plot.network.layout.edges
        if (e.kind, e.index) == ("line", most["line"])
    )
    when = f"{most['time'].tz_convert('Australia/Perth'):%d %b %H:%M}"
    assert f"highest loading: line {ends.from_bus}-{ends.to_bus}, {when}" in own(on_feeder)
    assert "<b>all 3 steps</b><span>power flow ok<" in own(on_feeder)


def test_tiles_name_the_transformer_where_it_is_loaded_most(on_feeder):
    run = changed(on_feeder)
    steps = on_feeder.steps.assign(loading_max_percent=[50.0, 120.0, 70.0])
    run.table = {"steps": steps, "buses": on_feeder.buses}.__getitem__
    run.plot = SimpleNamespace(
        view=SimpleNamespace(frame={"steps": steps, "lines": on_feeder.lines}.__getitem__)
    )
    assert '<div class="tile bad"><b>120 %</b><span>highest loading: a transformer, ' in tiles(run)


def test_tiles_say_what_was_repaired_and_spilled_where_anything_was(on_feeder):
    run = changed(on_feeder, steps_repaired=2, spilled_kwh=464.2)
    assert "<b>2 of 3 steps</b><span>repaired" in tiles(run)
    assert "<b>464 kWh</b><span>renewable energy spilled<" in tiles(run)
    assert "repaired" not in tiles(on_feeder)
    assert "spilled" not in tiles(on_feeder)


def test_ok_is_said_of_the_power_flow_and_only_where_there_is_one(results, on_feeder):
    assert dict(summary_rows(on_feeder))["steps by their power flow"] == "3 ok"
    assert dict(summary_rows(results))["steps, without a feeder"] == "24"


def test_pooled_trades_have_no_words_about_pairs(results):
    assert len(results.trades)
    assert "betweenness" not in own(results)
    assert "mean network charge" not in own(results)


def test_pairs_have_their_charge_and_add_up_to_the_ledger(in_pairs):
    assert "betweenness" in own(in_pairs)
    (table,) = (part for part in own(in_pairs).split("<table>") if "mean network charge" in part)
    cells = re.findall(r"<tr>(.*?)</tr>", table)[1:]
    paid = sum(float(re.findall(r">([^<>]*)</td>", row)[-1]) for row in cells)
    ledger = in_pairs.ledger
    booked = ledger.loc[ledger["item"] == "local_charge", "amount"].sum()
    assert booked > 0.0
    # Each cell is rounded to a cent.
    assert abs(paid - booked) <= 0.005 * len(cells) + 1e-9


def test_of_many_pairs_the_page_says_how_many_are_left_out(in_pairs, monkeypatch):
    monkeypatch.setattr("mmgsim.report.traders._MOST_PAIRS", 0)
    assert "The first 0 of " in pairs_told(in_pairs)


def test_report_says_who_decided(results):
    told = "Coordination: central; strategy of all microgrids: cost-minimiser; market: standard;"
    assert told in own(results)


def test_who_decides_is_told_with_options_and_those_who_decide_alike_together():
    own_class = {"kind": "own.py:Mine", "options": {"share": 0.5, "levels": [1, 2]}}
    plain = {"kind": "cost-minimiser", "options": {}}
    strategies = {"A": own_class, "B": plain, "C": own_class}
    scenario = {
        "coordination": {"kind": "prices", "max_rounds": 60},
        "microgrids": [{"name": name, "strategy": role} for name, role in strategies.items()],
        "market": {"kind": "standard", "options": {}},
        "operator": {"kind": "standard", "options": {"least_share": 1.0}},
    }
    assert deciders(scenario) == [
        ("coordination", "prices (max_rounds 60)"),
        ("strategy of A, C", "own.py:Mine (share 0.5, levels [1, 2])"),
        ("strategy of B", "cost-minimiser"),
        ("market", "standard"),
        ("operator", "standard (least_share 1.0)"),
    ]


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

"""Days on which clocks are put back or forward: what is shown is what the tables in UTC hold."""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

import mmgsim
from mmgsim.errors import ResultsError
from mmgsim.plots import flags_table, gains_table
from mmgsim.plots.clock import stamps
from mmgsim.plots.storage import stored_percent
from mmgsim.view import ReplaySource
from mmgsim.view.sheet import draw_sheet

pytestmark = pytest.mark.pages

DUO = Path(__file__).parents[3] / "scenarios" / "duo"
FEEDER = {
    "case": "case33bw",
    "background": {"scale": 0.2, "profile": {"source": "constant", "value": 1.0}},
    "v_min_pu": 0.9,
    "v_max_pu": 1.05,
}
BACK, FORWARD = "2021-10-31", "2021-03-28"


def write_scenario(folder, day):
    """Write duo in Berlin, on a feeder, with series that are different in every hour."""
    shutil.copytree(DUO, folder)
    content = yaml.safe_load((folder / "scenario.yaml").read_text())
    content |= {"timezone": "Europe/Berlin", "start": day, "network": FEEDER}
    content["gate"] = {"every": "1h", "horizon": "25h"}
    for at, microgrid in enumerate(content["microgrids"]):
        microgrid["bus"] = 5 + 12 * at
    (folder / "scenario.yaml").write_text(yaml.safe_dump(content))
    times = pd.date_range(pd.Timestamp(day) - pd.Timedelta("3D"), periods=24 * 6, freq="h")
    hour = np.arange(len(times))
    series = pd.DataFrame(
        {
            "time": times.strftime("%Y-%m-%dT%H:%MZ"),
            "import_per_kwh": 0.10 + 0.02 * (hour % 5),
            "homes_kw": 4.0 + hour % 7,
            "roof_kw": 12.0 + hour % 11,
            "shop_kw": 14.0 + hour % 3,
            "shop_roof_kw": 0.0,
        }
    )
    series.to_csv(folder / "series.csv", index=False)
    return folder


@pytest.fixture(scope="session")
def back(folder):
    return mmgsim.run(write_scenario(folder / "scenario-back", BACK), out=folder / "back")


@pytest.fixture(scope="session")
def forward(folder):
    return mmgsim.run(write_scenario(folder / "scenario-forward", FORWARD), out=folder / "forward")


@pytest.fixture(params=["back", "forward"])
def turned(request):
    return request.getfixturevalue(request.param)


def traces(figure, name):
    return [trace for trace in figure.data if trace.name == name]


def test_such_days_have_a_report(turned):
    assert len(turned.steps) == {BACK: 25, FORWARD: 23}[turned.plot.view.days[0]]
    assert (turned.folder / "report.html").is_file()


def test_gains_are_those_of_the_tables(turned):
    rows = turned.dispatch.merge(turned.prices, on=["time", "microgrid"])
    assert len(rows) == len(turned.dispatch)
    buy = rows.import_price + rows.network_charge
    gain = rows.bought_kw * (buy - rows.local_price - rows.local_charge)
    gain += rows.sold_kw * (rows.local_price - rows.export_price)
    shown = gains_table(turned.plot.view)
    assert shown["gain_from_trade"].to_dict() == pytest.approx(
        gain.groupby(rows.microgrid).sum().to_dict()
    )
    assert shown["demand_at_tariff"].to_dict() == pytest.approx(
        (rows.load_kw * buy).groupby(rows.microgrid).sum().to_dict()
    )


def test_every_step_is_drawn_once_and_after_the_one_before(turned):
    totals = turned.dispatch.groupby("time").sum(numeric_only=True)
    figure = turned.plot.energy()
    (pv,), (served,) = traces(figure, "PV"), traces(figure, "demand served")
    assert np.asarray(pv.y) == pytest.approx(totals.pv_kw.to_numpy(), abs=1e-3)
    assert np.asarray(served.y)[:-1] == pytest.approx(totals.load_kw.to_numpy(), abs=1e-3)
    starts = pd.to_datetime(pd.Series(pv.x), format="ISO8601")
    ends = starts + pd.to_timedelta(np.broadcast_to(pv.width, len(starts)), unit="ms")
    assert ends[:-1].tolist() == starts[1:].tolist()
    assert ends.iloc[-1] - starts.iloc[0] == pd.Timedelta("1D")


def test_a_day_holds_every_step(turned):
    own = turned.dispatch[turned.dispatch.microgrid == "MG2"]
    for figure in (turned.plot.day("MG2"), turned.plot.days()):
        served = traces(figure, "demand served")[-1]
        assert np.asarray(served.y)[:-1] == pytest.approx(own.load_kw.to_numpy(), abs=1e-3)


def test_the_feeder_and_what_is_stored_have_every_step(turned):
    lowest = turned.plot.network.vm_pu.min(axis=1)
    assert lowest.to_numpy() == pytest.approx(turned.steps.vm_min_pu.to_numpy())
    own = turned.dispatch[turned.dispatch.microgrid == "MG1"]
    stored = stored_percent(turned.plot.view)["MG1"]
    assert stored.to_numpy() == pytest.approx(own.soc_kwh.to_numpy() / 40.0 * 100.0)


def test_a_gate_is_found_by_what_the_clock_shows(turned):
    gate = turned.gates.time.iloc[5]
    own = turned.rounds[turned.rounds.time == gate]
    for name in (gate, f"{gate.tz_convert('Europe/Berlin'):%Y-%m-%d %H:%M}"):
        _, upper = turned.plot.bounds(name).data
        assert upper.y == pytest.approx(own.upper.to_numpy(), nan_ok=True)


def test_a_gate_that_the_clock_shows_twice_needs_its_offset(back):
    with pytest.raises(ResultsError, match=r"two gates at .* 02:00:00\+02:00 and .*\+01:00"):
        back.plot.bounds("2021-10-31 02:00")
    rounds = back.rounds[back.rounds.time == pd.Timestamp("2021-10-31 01:00Z")]
    figure = back.plot.bounds("2021-10-31 02:00+01:00")
    assert figure.data[1].y == pytest.approx(rounds.upper.to_numpy(), nan_ok=True)
    assert "02:00 CET" in figure.layout.title.text


def test_flags_are_counted_in_every_step(back, monkeypatch):
    steps = back.steps.assign(flags="undervoltage")
    run = mmgsim.Results(back.folder)
    tables = {"steps": steps, "dispatch": back.dispatch}
    monkeypatch.setattr(run, "table", lambda name: tables[name].copy())
    (times,) = flags_table(run.plot.view).times
    assert len(times) == 25
    (trace,) = run.plot.flags().data
    assert len(set(trace.x)) == 25


def test_what_the_clock_shows_twice_is_drawn_at_half_its_width(back, forward):
    assert "shows twice" in back.plot.energy().layout.xaxis.title.text
    assert "shows twice" not in forward.plot.energy().layout.xaxis.title.text


@pytest.mark.parametrize(
    ("zone", "first", "shown"),
    [
        ("Europe/Berlin", "2021-10-31 00:00", "02:00 02:15 02:30 02:45 03:00"),
        ("Australia/Lord_Howe", "2021-04-03 14:30", "01:30 01:45 02:00 02:30 03:00"),
        ("America/Santiago", "2021-04-04 02:00", "23:00 23:15 23:30 23:45 00:00"),
        ("Europe/Dublin", "2021-10-31 00:00", "01:00 01:15 01:30 01:45 02:00"),
        ("Europe/Berlin", "2021-03-28 00:30", "01:30 03:00 03:30 04:00 04:30"),
    ],
)
def test_times_are_drawn_in_their_order(zone, first, shown):
    times = pd.Series(pd.date_range(f"{first}Z", periods=5, freq="30min").tz_convert(zone))
    assert [stamp.partition("T")[2] for stamp in stamps(times)] == shown.split()


def test_lines_of_a_comparison_are_drawn_in_their_order(back, tmp_path):
    other = shutil.copytree(back.folder, tmp_path / "other")
    for line in mmgsim.compare_runs([back, other]).figure("rounds").data:
        assert list(line.x) == sorted(set(line.x))
        assert len(line.x) == 26


def test_a_run_is_watched_on_such_a_day(back):
    source = ReplaySource(back)
    source.go_to(4)
    sheet = draw_sheet(source.snapshot())
    assert sheet.now == "Sun 31 Oct 2021 02:00 CET"
    bars = json.loads(sheet.figures["messages"])["data"]
    assert len(set(bars[0]["x"])) == 4

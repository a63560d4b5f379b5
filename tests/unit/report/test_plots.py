"""The pictures of a run: what they show is what the tables hold."""

import math
from collections import defaultdict

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest

import mmgsim
from mmgsim.errors import NothingToDrawError, ResultsError
from mmgsim.plots import Plots, bills_by_item, gains_table
from mmgsim.plots.dlmp import dlmp_figure
from mmgsim.plots.energy import SINKS, SOURCES, with_tie_ways
from mmgsim.plots.flags import MEANINGS, flag_events, flags_table, meaning
from mmgsim.plots.repair import repaired_steps
from mmgsim.plots.style import COSTS, POWERS, microgrid_colours
from mmgsim.plots.view import RunView

pytestmark = pytest.mark.pages

FIGURES = [
    "bills",
    "gains",
    "money",
    "prices",
    "flows",
    "trades",
    "energy",
    "exchange",
    "day",
    "days",
    "feeder",
    "tightest",
    "limits",
    "dlmp",
    "limit_prices",
    "ties",
    "outlook",
    "outlooks",
    "granted",
    "repair",
    "convergence",
    "bounds",
    "bounds_of_chosen_gates",
    "flags",
]
SANKEYS = {"money", "flows", "trades"}
OUTLOOKS, BOUNDS = {"outlook", "outlooks"}, {"bounds", "bounds_of_chosen_gates"}
UNUSUAL = {"ties", "granted", *OUTLOOKS}
LACKING = {
    "duo": {"feeder", "tightest", "limits", "limit_prices", "repair", "dlmp", "flags", *UNUSUAL},
    "early": {"feeder", "tightest", "limits", "limit_prices", "repair", "dlmp", "flags", *UNUSUAL},
    "on_feeder": {
        "trades",
        "flags",
        "repair",
        "dlmp",
        "limit_prices",
        *UNUSUAL - OUTLOOKS,
    },  # nobody sells yet
    "priced": {"flags", "repair", *UNUSUAL},
    "repaired": {"dlmp", "limit_prices", *UNUSUAL},
    "tied": {
        *("feeder", "tightest", "limits", "limit_prices", "repair", "dlmp", "flags", "granted"),
        *OUTLOOKS,
    },
    "unsure": {
        *("feeder", "tightest", "limits", "limit_prices", "repair", "dlmp", "flags", "trades"),
        *("ties", "granted", *BOUNDS),
    },
    "asking": {
        *OUTLOOKS,
        "trades",
        "repair",
        "dlmp",
        "limit_prices",
        "ties",
        "bounds_of_chosen_gates",
        "bounds",
    },
    "alone": {
        *UNUSUAL,
        "limit_prices",
        "feeder",
        "tightest",
        "limits",
        "repair",
        "dlmp",
        "flags",
        "trades",
        "bounds",
        "bounds_of_chosen_gates",
    },
}


@pytest.fixture(params=list(LACKING))
def run_and_lacking(request):
    return request.getfixturevalue(request.param), LACKING[request.param]


def streams(figure):
    """Give what flows from where to where, by the labels of the nodes."""
    link, names = figure.data[0].link, figure.data[0].node.customdata
    return [
        (names[source], names[target], value, what)
        for source, target, value, what in zip(
            link.source, link.target, link.value, link.customdata, strict=True
        )
    ]


# --------------------------------------------------------------------------------- all of them
def test_every_method_is_looked_at_here():
    public = {name for name in vars(Plots) if not name.startswith("_")}
    assert public - {"network"} == set(FIGURES)


def test_every_figure_says_what_it_is_and_its_axes_have_units(run_and_lacking):
    run, lacking = run_and_lacking
    for name in set(FIGURES) - lacking:
        figure = getattr(run.plot, name)()
        assert isinstance(figure, go.Figure)
        assert figure.layout.title.text, name
        if name in SANKEYS:
            assert "[" in figure.layout.title.text
        elif name != "feeder":  # a map has no axes; its bars and legend have units
            for axis in figure.select_yaxes():
                assert axis.title.text, name
            assert any(axis.title.text for axis in figure.select_xaxes()), name


def test_what_a_run_does_not_have_is_said(run_and_lacking):
    run, lacking = run_and_lacking
    for name in lacking:
        with pytest.raises(NothingToDrawError) as caught:
            getattr(run.plot, name)()
        assert str(caught.value).endswith(".")


def test_times_are_on_the_scenarios_clock(duo):
    x = duo.plot.energy().data[0].x
    assert x[0] == "2021-01-11T00:00"


def test_every_quantity_has_one_colour_and_no_two_microgrids_the_same():
    colours = microgrid_colours([f"MG{number}" for number in range(9)])
    assert len(set(colours.values())) == 9
    looks = [look for look in POWERS.values() if not look.hatch]
    assert len({look.colour for look in looks}) == len(looks)
    assert COSTS["import"].colour == POWERS["import_kw"].colour


# -------------------------------------------------------------------------------------- energy
def test_energy_flows_are_those_of_the_dispatch(any_run):
    shown = defaultdict(float)
    for source, target, kwh, _ in streams(any_run.plot.flows()):
        shown[source] += kwh
        shown[target] += kwh
    dispatch, step_h = with_tie_ways(any_run.dispatch), any_run.manifest["step_h"]
    for column in (*SOURCES, *SINKS):
        assert shown[POWERS[column].label] == pytest.approx(
            dispatch[column].sum() * step_h, abs=1e-4
        )
    served_kwh = (dispatch.load_kw - dispatch.shed_kw).sum() * step_h
    assert shown["demand served"] == pytest.approx(served_kwh, abs=1e-4)


def test_what_comes_into_a_microgrid_goes_out_of_it(any_run):
    net = defaultdict(float)
    for source, target, kwh, _ in streams(any_run.plot.flows()):
        net[source] -= kwh
        net[target] += kwh
    for name in any_run.dispatch.microgrid.unique():
        assert net[name] == pytest.approx(0.0, abs=1e-4)


def test_trades_are_those_of_the_table(duo):
    sold = defaultdict(float)
    for source, _, kwh, _ in streams(duo.plot.trades()):
        sold[source] += kwh
    trades = duo.trades
    for name, kwh in trades[trades.seller != "market"].groupby("seller").kw.sum().items():
        assert sold[f"{name} sells"] == pytest.approx(kwh * duo.manifest["step_h"])
    assert sold["local market"] == pytest.approx(duo.summary["traded_kwh"])


def test_bars_of_supply_add_up_to_demand_and_surplus(duo):
    figure = duo.plot.energy()
    bars = sum(np.asarray(trace.y, dtype=float) for trace in figure.data if trace.type == "bar")
    served = np.asarray(figure.data[-1].y, dtype=float)[:-1]
    assert bars == pytest.approx(served, abs=1e-3)


# --------------------------------------------------------------------------------------- money
def test_money_flows_are_those_of_the_ledger(any_run):
    shown, paid = defaultdict(float), defaultdict(float)
    parties = {"grid": "grid", "DNO": "dno", "local market": "market"}
    parties["operation of devices"] = "operations"
    for source, target, amount, _ in streams(any_run.plot.money()):
        assert amount > 0.0
        shown[parties.get(source, source.split()[0])] += amount
        shown[parties.get(target, target.split()[0])] -= amount
    for line in any_run.ledger.itertuples():
        paid[line.payer] += line.amount
        paid[line.payee] -= line.amount
    for party, amount in paid.items():
        # streams of less than half a cent are left out
        assert shown[party] == pytest.approx(amount, abs=0.05)


def test_bills_are_the_costs_of_the_summary(any_run):
    bills = bills_by_item(any_run.plot.view).sum(axis=1)
    for name, cost in any_run.summary["cost_by_microgrid"].items():
        assert bills[name] == pytest.approx(cost, abs=1e-6)


def test_nobody_gains_from_trade_where_there_is_none(alone):
    assert gains_table(alone.plot.view)["gain_from_trade"].abs().max() < 1e-9


def test_gain_from_trade_is_what_the_exchange_would_have_cost_more(duo):
    rows = duo.dispatch.merge(duo.prices, on=["time", "microgrid"])
    buy = rows.import_price + rows.network_charge
    gain = rows.bought_kw * (buy - rows.local_price - rows.local_charge)
    gain += rows.sold_kw * (rows.local_price - rows.export_price)
    by_name = gain.groupby(rows.microgrid).sum() * duo.manifest["step_h"]
    assert gains_table(duo.plot.view)["gain_from_trade"].to_dict() == pytest.approx(
        by_name.to_dict()
    )


# ----------------------------------------------------------------------------------------- day
def test_a_day_is_drawn_for_the_one_who_was_asked_for(early):
    figure = early.plot.day("MG2", "2021-01-12")
    assert figure.layout.title.text == "<b>MG2 on Tue 12 Jan 2021</b>"
    load = [trace for trace in figure.data if trace.name == "demand served"]
    dispatch = early.dispatch
    own = dispatch[(dispatch.microgrid == "MG2")].iloc[24:]
    assert np.asarray(load[0].y)[:-1] == pytest.approx(own.load_kw.to_numpy(), abs=1e-3)


@pytest.mark.parametrize(
    ("microgrid", "day", "told"),
    [
        ("MG3", None, "there is no microgrid 'MG3'; did you mean"),
        ("MG1", "2021-02-01", "the run has no 2021-02-01; it has 2021-01-11 to 2021-01-12"),
        ("MG1", "someday", "'someday' is no day; give it like '2021-01-11'"),
    ],
)
def test_an_unknown_microgrid_or_day_is_told_with_those_there_are(early, microgrid, day, told):
    with pytest.raises(ResultsError, match=told):
        early.plot.day(microgrid, day)


def test_events_are_shaded_on_their_day(eventful, early):
    shapes = eventful.plot.day("MG1").layout.shapes
    assert {(shape.x0, shape.x1) for shape in shapes} == {("2021-01-11 00:00", "2021-01-11 03:00")}
    assert not early.plot.day("MG1").layout.shapes


def test_the_choice_shows_one_microgrid_at_a_time(early):
    figure = early.plot.days()
    names, days = figure.layout.updatemenus
    assert [button.label for button in names.buttons] == ["MG1", "MG2"]
    assert [button.label for button in days.buttons][-1] == "all days"
    shown = [button.args[0]["visible"] for button in names.buttons]
    assert [bool(trace.visible) for trace in figure.data] == shown[0]
    assert [sum(pair) for pair in zip(*shown, strict=True)] == [1] * len(figure.data)


def test_a_plan_and_what_came_of_it_are_both_drawn(duo):
    names = {trace.name for trace in duo.plot.day("MG1").data}
    assert {"PV available", "PV planned", "PV", "storage planned", "storage"} <= names
    assert "storage available" not in names


def test_who_has_no_battery_is_said_to_have_none(duo):
    assert [trace.name for trace in duo.plot.days().data if trace.xaxis == "x4"] == [
        "all batteries",
        "no battery",
    ]


# -------------------------------------------------------------------------------------- feeder
def test_the_map_has_a_frame_for_every_step_and_begins_at_the_tightest(on_feeder):
    figure = on_feeder.plot.feeder()
    assert len(figure.frames) == len(on_feeder.steps)
    assert figure.layout.sliders[0].active == on_feeder.plot.network.tightest_step
    voltages = on_feeder.buses.groupby("time").vm_pu.min()
    lowest = [min(frame.data[7].marker.color) for frame in figure.frames]
    assert lowest == pytest.approx(voltages.tolist(), abs=1e-6)


def test_every_line_of_the_map_is_in_one_class_of_loading(on_feeder):
    lines = len(on_feeder.plot.network.loading_percent.columns)
    for frame in on_feeder.plot.feeder().frames:
        strokes = sum(np.isnan(np.asarray(trace.x, dtype=float)).sum() for trace in frame.data[:6])
        nowhere = sum(trace.x[0] is None for trace in frame.data[:6])
        in_service = sum(edge.kind == "line" for edge in on_feeder.plot.network.layout.edges)
        assert strokes - nowhere == in_service <= lines


def test_tightest_are_the_extremes_of_the_tables(on_feeder):
    figure = on_feeder.plot.tightest()
    buses, lines = (trace for trace in figure.data if trace.type == "bar")
    assert min(buses.base) == pytest.approx(on_feeder.buses.vm_pu.min())
    assert lines.y[0] == pytest.approx(on_feeder.lines.loading_percent.max())


# ---------------------------------------------------------------------------- gates and flags
def test_bounds_of_a_gate_are_those_of_its_rounds(duo):
    lower, upper = duo.plot.bounds("2021-01-11 08:00").data
    own = duo.rounds[duo.rounds.time == pd.Timestamp("2021-01-11 00:00", tz="UTC")]
    assert lower.y == pytest.approx(own.lower.to_numpy(), nan_ok=True, abs=1e-5)
    assert upper.y == pytest.approx(own.upper.to_numpy(), nan_ok=True, abs=1e-5)


@pytest.mark.parametrize("gate", ["2021-01-11 08:30", "soon"])
def test_an_unknown_gate_is_told(duo, gate):
    with pytest.raises(ResultsError, match=r"there is no gate at .*; they are from 2021-01-11"):
        duo.plot.bounds(gate)


def test_a_run_without_bounds_says_so(alone):
    with pytest.raises(NothingToDrawError, match="proven a bound"):
        alone.plot.bounds()
    assert "certified gap" not in str(alone.plot.convergence().layout.annotations)


class Flagged:
    """A run whose tables are its own except for flags and statuses."""

    def __init__(self, run, dispatch_flags, step_flags, status):
        self._run = run
        self._changed = {"dispatch": {"flags": dispatch_flags}}
        self._changed["steps"] = {"flags": step_flags, "status": status}

    def __getattr__(self, name):
        return getattr(self._run, name)

    def table(self, name):
        frame = self._run.table(name)
        for column, value in self._changed.get(name, {}).items():
            frame.loc[frame.index[0], column] = value
        return frame


def test_a_flag_of_a_microgrid_is_not_the_feeders_too(duo):
    run = Flagged(duo, "missed shed", "missed shed undervoltage relaxed:0.9", "not_converged")
    events = flag_events(Plots(run).view)
    assert set(zip(events.who, events.flag, strict=True)) == {
        ("MG1", "missed"),
        ("MG1", "shed"),
        ("feeder", "undervoltage"),
        ("feeder", "relaxed:0.9"),
        ("feeder", "not_converged"),
    }
    assert sum(len(trace.x) for trace in Plots(run).flags().data) == 5
    table = flags_table(Plots(run).view).set_index("flag")
    assert table.who["shed"] == "MG1"
    assert table.meaning["not_converged"] == MEANINGS["not_converged"]


def test_flags_with_a_number_or_a_name_have_a_meaning_and_others_say_whose_they_are():
    assert meaning("unsupplied:MG1") == MEANINGS["unsupplied"]
    assert "class of the scenario" in meaning("own_flag")


# ---------------------------------------------------------------------------------- long runs
def test_long_runs_are_drawn_in_blocks_that_keep_the_energy(duo, monkeypatch):
    monkeypatch.setattr("mmgsim.plots.view._MOST_POINTS", 10)
    long_run = mmgsim.Results(duo.folder)
    figure = long_run.plot.energy()
    assert "means over 3 h" in figure.layout.title.text
    pv = next(trace for trace in figure.data if trace.name == "PV")
    assert len(pv.y) == 8
    assert math.isclose(3.0 * sum(pv.y), duo.dispatch.pv_kw.sum(), rel_tol=1e-5)


def test_maps_of_long_runs_hold_even_steps_and_the_tightest(on_feeder, monkeypatch):
    monkeypatch.setattr("mmgsim.plots.feeder_view._MOST_FRAMES", 2)
    feeder = mmgsim.Results(on_feeder.folder).plot.network
    assert len(feeder.moments()) <= 2
    assert feeder.tightest_step in feeder.moments()


# ----------------------------------------------------------------------------- prices at every bus
def test_the_map_of_prices_shows_the_table(priced):
    figure, table = priced.plot.dlmp(), priced.table("dlmp")
    price = next(trace for trace in figure.data)
    wide = table.pivot_table(index="bus", columns="time", values="price")
    assert [label.split()[0] for label in price.y] == [str(bus) for bus in wide.index]
    np.testing.assert_allclose(np.array(price.z), wide.to_numpy(), rtol=1e-6)


def test_parts_that_are_nothing_are_left_out(priced):
    titles = [note.text for note in priced.plot.dlmp().layout.annotations]
    assert titles == ["price", "currents at their limits"]  # no losses under `members`


def test_a_step_without_prices_hides_no_part(priced, monkeypatch):
    table = priced.table("dlmp")
    later = table[table.time != table.time.iloc[0]].copy()
    view = RunView(priced)
    monkeypatch.setattr(priced, "table", {"dlmp": later, "steps": priced.steps}.get)
    titles = [note.text for note in dlmp_figure(view).layout.annotations]
    assert titles == ["price", "currents at their limits"]


# ------------------------------------------------------------------------ before and after repair
def test_first_plans_are_those_of_the_steps_that_are_flagged(repaired):
    steps, first = repaired.steps, repaired.first_plans
    planned = steps["flags"].str.split().map(lambda flags: "plan_violation" in flags)
    assert planned.any()
    assert set(first.time) == set(steps.time[planned])
    sizes = first.groupby(["time", "quantity"]).size().unstack()
    assert (sizes.vm_pu == repaired.buses.bus.nunique()).all()
    assert (sizes.loading_percent == repaired.lines.line.nunique()).all()


def test_before_and_after_repair_is_what_the_tables_say(repaired):
    figure = repaired.plot.repair()
    marks = {(trace.name, trace.meta): np.array(trace.y) for trace in figure.data if trace.name}
    first, lines, buses = repaired.first_plans, repaired.lines, repaired.buses
    source = next(iter(repaired.plot.network.layout.sources))
    by_plan = {
        quantity: rows[(quantity == "loading_percent") | (rows["index"] != source)]
        .groupby("time")
        .value.agg(["min", "max"])
        for quantity, rows in first.groupby("quantity")
    }
    times = by_plan["vm_pu"].index
    loading = lines.groupby("time").loading_percent.max()[times]
    voltage = buses[buses.bus != source].groupby("time").vm_pu.agg(["min", "max"]).loc[times]
    shown = {
        ("by the first plan", "highest loading"): by_plan["loading_percent"]["max"],
        ("by the first plan", "lowest voltage"): by_plan["vm_pu"]["min"],
        ("by the first plan", "highest voltage"): by_plan["vm_pu"]["max"],
        ("as executed", "highest loading"): loading,
        ("as executed", "lowest voltage"): voltage["min"],
        ("as executed", "highest voltage"): voltage["max"],
    }
    assert set(marks) == set(shown)
    for key, expected in shown.items():
        np.testing.assert_array_equal(marks[key], expected.to_numpy())


def test_a_repaired_step_is_drawn_from_beyond_a_limit_to_within(repaired):
    table = repaired_steps(repaired.plot.network)
    assert (table.groupby("time").beyond.max() > 0.0).all()
    low_pu, high_pu = repaired.plot.network.limits_pu
    worst = table.pivot_table(index="time", columns="extreme", values="executed")
    assert (worst["highest loading"] <= 100.0 + 1e-4).all()
    assert worst["lowest voltage"].min() >= low_pu - 1e-6
    assert worst["highest voltage"].max() <= high_pu + 1e-6


def test_of_many_repaired_steps_the_worst_are_drawn(repaired, monkeypatch):
    monkeypatch.setattr("mmgsim.plots.repair._MOST_STEPS", 1)
    figure = repaired.plot.repair()
    by_plan = next(trace for trace in figure.data if trace.name == "by the first plan")
    worst = repaired.first_plans.query("quantity == 'loading_percent'").value.max()
    assert list(by_plan.y) == [worst]
    assert "the 1 worst of" in figure.layout.title.text


def test_runs_that_repair_nothing_say_why(duo, on_feeder, priced):
    for run, reason in ((duo, "no network"), (on_feeder, "repair.rounds"), (priced, "against")):
        with pytest.raises(NothingToDrawError, match=reason):
            run.plot.repair()

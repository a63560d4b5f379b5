"""Pictures and tables of requests, limits with a price, ties, and who keeps a surplus."""

import re
import shutil

import numpy as np
import pandas as pd
import pytest
import yaml

import mmgsim
from mmgsim.errors import NothingToDrawError
from mmgsim.plots import FeederView, limit_prices_table, requests_table, told_spans
from mmgsim.plots.limits import tightest_figure, tightest_lines
from mmgsim.plots.ties import tie_flows
from mmgsim.report.asked import dno_plans, priced_limits, refusals
from mmgsim.report.numbers import summary_rows

pytestmark = pytest.mark.pages


def changed(run, folder, **keys):
    """Give a copy of a run whose scenario says something else."""
    copy = shutil.copytree(run.folder, folder / "changed")
    scenario = yaml.safe_load((copy / "scenario.yaml").read_text())
    (copy / "scenario.yaml").write_text(yaml.safe_dump({**scenario, **keys}))
    return mmgsim.Results(copy)


def cells(html):
    return [re.findall(r"<td[^>]*>(.*?)</td>", row) for row in html.split("<tr>")[2:]]


# ------------------------------------------------------------------------------- asked and granted
def test_what_is_refused_step_by_step_is_what_the_dno_refused_in_all(asking):
    table, (refused_kwh,) = requests_table(asking.plot.view), asking.grants.refused_kwh
    assert refused_kwh > 1.0
    left_kw = 1e-3 * 2 * len(table)  # differences below a watt count as granted
    assert table.refused_kw.sum() == pytest.approx(refused_kwh, abs=left_kw)


def test_nobody_exchanges_more_than_is_granted(asking):
    table = requests_table(asking.plot.view).merge(
        asking.dispatch.assign(time=asking.plot.view.frame("dispatch")["time"]),
        on=["time", "microgrid"],
    )
    assert len(table) == len(asking.dispatch)
    assert (table.exchange_kw <= np.maximum(table.granted_kw, 0.0) + 1e-3).all()
    assert (table.exchange_kw >= np.minimum(table.granted_kw, 0.0) - 1e-3).all()


def test_the_report_says_who_was_refused_when_and_what_the_plan_cost(asking):
    table = requests_table(asking.plot.view)
    rows = {row[0]: row[1:] for row in cells(refusals(asking))}
    for name, (*_, when) in rows.items():
        times = table.time[(table.microgrid == name) & (table.refused_kw > 0.0)]
        assert when.replace("\u00a0", " ") == (", ".join(told_spans(times, 1.0)) or "never")
    ((_, *parts),), grants = cells(dno_plans(asking)), asking.grants.iloc[0]
    own, upstream, trade, shed, penalty, objective = (float(x.replace(",", "")) for x in parts[:6])
    assert own + upstream - trade + shed + penalty == pytest.approx(objective, abs=0.03)
    assert objective == pytest.approx(grants.objective, abs=0.005)
    assert parts[-1].replace("\u00a0to\u00a0", "-").split(", ") == grants.binding.split()


def test_plans_that_the_dno_made_are_not_said_to_be_unseen(asking, priced, tmp_path):
    with pytest.raises(NothingToDrawError, match="DNO planned an AC flow"):
        asking.plot.repair()
    with pytest.raises(NothingToDrawError, match="asked the DNO"):
        changed(priced, tmp_path, repair={"rounds": 0}).plot.repair()


@pytest.mark.parametrize("of_run", ["asking", "priced"])
def test_what_an_earlier_version_did_not_record_is_not_said_to_be_nothing(
    of_run, request, tmp_path
):
    run = changed(request.getfixturevalue(of_run), tmp_path)
    name, table = {"asking": ("granted", "requests"), "priced": ("limit_prices",) * 2}[of_run]
    shutil.rmtree(run.folder / f"{table}.parquet")
    with pytest.raises(NothingToDrawError, match="version of mmgsim"):
        getattr(run.plot, name)()


# ------------------------------------------------------------------------------ limits with a price
def test_a_line_with_a_price_is_full(priced):
    lines = priced.table("limit_prices").query("element == 'line'")
    both = lines.merge(priced.lines, left_on=["time", "index"], right_on=["time", "line"])
    assert len(both) == len(lines) > 0
    assert (both.loading_percent > 99.0).all()


def test_limits_are_valued_by_their_prices_and_told_with_hours(priced):
    table, prices = limit_prices_table(priced.plot.network), priced.table("limit_prices")
    assert table.per_percent.sum() == pytest.approx(0.01 * prices.price_per_h.sum())
    shown = cells(priced_limits(priced))
    assert [row[0] for row in shown] == table["name"].tolist()
    heat = priced.plot.limit_prices().data[0]
    assert np.nansum(np.array(heat.z, float)) == pytest.approx(prices.price_per_h.sum(), rel=1e-6)


def test_the_tightest_lines_name_the_hours_in_which_they_were_full(priced):
    lines = tightest_lines(priced.plot.network)
    loading = priced.plot.network.loading_percent
    full = [bool((loading[line] >= 99.9).any()) for line in lines.index]
    assert any(full)
    assert [bool(when) for when in lines["when"]] == full


def test_a_feeder_without_ratings_has_no_tightest_lines(on_feeder):
    feeder = FeederView(on_feeder.plot.view, on_feeder.plot.network.layout)
    feeder.loading_percent = 0.0 * on_feeder.plot.network.loading_percent
    bars = [trace for trace in tightest_figure(feeder).data if trace.type == "bar"]
    assert [len(bar.x) > 0 for bar in bars] == [True, False]


def test_prices_of_buses_name_the_microgrids_at_them(priced):
    axis = priced.plot.dlmp().layout.yaxis
    assert {label.split()[1] for label in axis.tickvals} == {f"(MG{n})" for n in range(1, 10)}


# -------------------------------------------------------------------- local money
def test_what_sellers_get_is_their_mean_by_what_they_sold(priced, tmp_path):
    run, prices = changed(priced, tmp_path), priced.prices
    seller = priced.dispatch.groupby("microgrid").sold_kw.sum().idxmax()
    prices["local_price"] *= np.where(prices.microgrid == seller, 0.5, 1.0)
    run._frames["prices"] = prices
    figure = run.plot.prices()
    (line,) = (t for t in figure.data if str(t.name).startswith("local: what sellers get"))
    assert "by kWh" in line.name
    rows = run.dispatch.merge(run.prices, on=["time", "microgrid"])
    worth = (rows.sold_kw * rows.local_price).groupby(rows.time).sum()
    sold_kw = rows.groupby("time").sold_kw.sum()
    traded = (sold_kw > 1e-3).to_numpy()
    drawn = np.asarray(line.y, float)[:-1]
    np.testing.assert_allclose(drawn[traded], (worth / sold_kw)[traded], rtol=1e-5)
    plain = rows.groupby("time").local_price.mean()
    assert np.abs(drawn - plain).max() > 1e-2  # most is sold where it is cheap


def test_the_lowest_and_highest_local_price_name_who_has_them(priced):
    (low,) = (t for t in priced.plot.prices().data if "lowest local" in str(t.hovertemplate))
    prices = priced.prices
    for names, (_, own) in zip(low.customdata, prices.groupby("time"), strict=False):
        least = own[own.local_price <= own.local_price.min() + 1e-6]
        assert names == ", ".join(least.microgrid)


@pytest.mark.parametrize("rule", ["kept", "dno", "rebated"])
def test_a_surplus_is_told_with_who_has_it(rule, priced, tmp_path):
    kept, run = 72.72, changed(priced, tmp_path)
    run.summary["market_kept"] = kept if rule == "kept" else 0.0
    if rule != "kept":
        payee = {"dno": ["dno"], "rebated": ["MG1", "MG2"]}[rule]
        line = {"payer": "market", "item": "surplus", "kwh": 0.0, "amount": kept / len(payee)}
        lines = [{**line, "time": priced.ledger["time"][0], "payee": who} for who in payee]
        run._frames["ledger"] = pd.concat([priced.ledger, pd.DataFrame(lines)])
    who = {"kept": "kept by the market", "dno": "to the DNO", "rebated": "rebated"}[rule]
    ((told, amount),) = (row for row in summary_rows(run) if "surplus" in row[0])
    assert who in told
    assert amount == f"{kept:.2f} AUD"
    link, names = (sankey := run.plot.money().data[0]).link, sankey.node.customdata
    surplus = {
        names[target]: value
        for target, value, what in zip(link.target, link.value, link.customdata, strict=True)
        if what == "surplus of the market"
    }
    ends = {"kept": {"kept by the market"}, "dno": {"DNO gets"}}
    assert set(surplus) == ends.get(rule, {"MG1 gets", "MG2 gets"})
    assert sum(surplus.values()) == pytest.approx(kept)


# -------------------------------------------------------------------- ties
def test_what_passed_a_private_tie_is_drawn_with_its_direction(tied):
    flows, sent = tie_flows(tied.plot.view)["T1"], tied.table("ties")
    assert len(sent) > 0
    signed = sent.sent_kw.where(sent.sender == "MG1", -sent.sent_kw)
    assert flows.sum() == pytest.approx(signed.sum())
    assert flows.abs().max() == pytest.approx(sent.sent_kw.max())
    drawn = np.asarray(tied.plot.ties().data[0].y, float)[:-1]
    np.testing.assert_allclose(drawn, flows, rtol=1e-6)


def test_the_money_of_ties_stands_in_the_legend_in_its_own_colour(tied):
    figure = tied.plot.money()
    colours = {trace.name: trace.marker.color for trace in figure.data[1:]}
    assert "energy through tie lines" in colours
    assert len(set(colours.values())) == len(colours)
    link = figure.data[0].link
    for what, colour in zip(link.customdata, link.color, strict=True):
        assert colours[what] == colour


@pytest.mark.parametrize(("ends", "sign"), [(("MG1", "MG4"), 1.0), (("MG4", "MG1"), -1.0)])
def test_an_ac_tie_carries_what_the_power_flow_says_from_its_first_end(
    ends, sign, on_feeder, tmp_path
):
    """A line that is there stands for one that a tie closed."""
    bus_of = {"MG1": 16, "MG4": 17}
    microgrids = [
        {**m, "bus": bus_of.get(m["name"], m["bus"])} for m in on_feeder.scenario["microgrids"]
    ]
    tie = {"name": "T2", "between": list(ends), "mode": "ac", "limit_kw": None, "close_line": 16}
    run = changed(on_feeder, tmp_path, microgrids=microgrids, ties=[tie])
    lines = run.lines[run.lines.line == 16].p_from_kw
    np.testing.assert_allclose(tie_flows(run.plot.view)["T2"], sign * lines)
    (drawn,) = (trace for trace in run.plot.feeder().data if trace.name == "tie line")
    assert "<b>T2</b>" in drawn.text
    places = run.plot.network.layout.places
    assert (drawn.x[0], drawn.y[0]) == pytest.approx(places[bus_of[ends[0]]])
    assert (drawn.x[-1], drawn.y[-1]) == pytest.approx(places[bus_of[ends[1]]])


# -------------------------------------------------------------------- spans
def test_steps_in_a_row_are_told_together():
    times = pd.Series(
        pd.to_datetime(
            ["2021-06-14 12:00", "2021-06-14 13:00", "2021-06-14 23:00", "2021-06-15 00:00"]
        )
    ).dt.tz_localize("Etc/UTC")
    told = ["14 Jun 12:00 to 14:00", "14 Jun 23:00 to 15 Jun 01:00"]
    assert told_spans(times, 1.0) == told
    assert told_spans(times.iloc[:0], 1.0) == []

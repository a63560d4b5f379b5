"""Numbers of a run against tables that were counted by hand, and against runs."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import mmgsim
from mmgsim.metrics import METRICS, centrality, metrics_of, pair_trades, traded_kwh

pytestmark = pytest.mark.pages

TIMES = pd.date_range("2021-01-11", periods=2, freq="30min", tz="UTC")


class Tables:
    """A run of three microgrids and two steps of half an hour."""

    def __init__(self, trades):
        self.folder = Path("by-hand")
        self.manifest = {"step_h": 0.5}
        self.scenario = {"microgrids": [{"name": name} for name in "ABC"]}
        self._trades = trades

    def table(self, name):
        return self._trades if name == "trades" else TABLES[name]


def rows(columns, *given):
    return pd.DataFrame([dict(zip(columns.split(), row, strict=True)) for row in given])


TABLES = {
    "prices": rows(
        "time microgrid export_price", *((t, name, 0.05) for t in TIMES for name in "ABC")
    ),
    "dispatch": rows(
        "load_kw shed_kw pv_kw wind_kw diesel_kw import_kw export_kw",
        (10.0, 2.0, 3.0, 1.0, 0.0, 4.0, 1.0),
        (12.0, 0.0, 2.0, 0.0, 4.0, 6.0, 4.0),
    ),
    "steps": rows("substation_kw", (40.0,), (-10.0,)),
}
POOLED = rows(
    "time seller buyer kw price_per_kwh",
    (TIMES[0], "A", "market", 6.0, 0.10),
    (TIMES[0], "B", "market", 2.0, 0.10),
    (TIMES[0], "market", "C", 8.0, 0.10),
    (TIMES[1], "A", "market", 2.0, 0.20),
    (TIMES[1], "market", "B", 1.0, 0.20),
    (TIMES[1], "market", "dno", 1.0, 0.20),
)
BILATERAL = rows(
    "time seller buyer kw price_per_kwh",
    (TIMES[0], "A", "B", 6.0, 0.10),
    (TIMES[1], "B", "C", 4.0, 0.20),
)


def test_power_in_the_market_by_hand():
    found = metrics_of(Tables(POOLED))
    assert list(found.index) == list(METRICS)
    assert found.hhi_sellers == pytest.approx(0.8**2 + 0.2**2)
    assert found.hhi_buyers == pytest.approx((8 / 9) ** 2 + (1 / 9) ** 2)
    # 8 kW at 0.10 and 2 kW at 0.20 bring 1.2; from the grid 10 kW would have had 0.5.
    assert found.lerner_index == pytest.approx((1.2 - 0.5) / 1.2)
    assert found.local_price_mean == pytest.approx((8 * 0.10 + 1 * 0.20) / 9)
    assert found.local_price_volatility == pytest.approx(0.05)


def lerner(*sales, floor=0.05):
    """Give the index of sales of kW at a price, each by A in an hour of its own."""
    trades = rows(
        "time seller buyer kw price_per_kwh",
        *((time, "A", "B", *sale) for time, sale in zip(TIMES, sales, strict=False)),
    )
    tables = Tables(trades)
    prices = TABLES["prices"].assign(export_price=floor)
    tables.table = lambda name: prices if name == "prices" else Tables.table(tables, name)
    return metrics_of(tables).lerner_index


def test_the_lerner_index_counts_sales_at_and_below_zero():
    assert lerner((2.0, 0.20), (2.0, 0.0)) == pytest.approx((0.4 - 0.2) / 0.4)
    assert lerner((4.0, 0.20), (2.0, -0.05)) == pytest.approx((0.7 - 0.3) / 0.7)
    assert lerner((2.0, 0.20), (2.0, 0.0), floor=0.0) == 1.0


@pytest.mark.parametrize("price", [1e-17, 0.0, -0.02])
def test_there_is_no_lerner_index_of_what_is_given_away(price):
    assert np.isnan(lerner((2.0, price), floor=-0.05))
    assert np.isnan(lerner((2.0, price), floor=0.0))


def test_there_is_no_lerner_index_where_the_grid_would_have_to_be_paid():
    assert np.isnan(lerner((2.0, 0.20), floor=-0.05))


def test_energy_and_substation_by_hand():
    found = metrics_of(Tables(POOLED))
    assert found.self_sufficiency == pytest.approx(1 - 10 / 20)
    assert found.self_consumption == pytest.approx(1 - 5 / 10)
    assert (found.substation_peak_kw, found.substation_ramp_kw_per_h) == (40.0, 100.0)


def test_without_trade_the_market_has_no_numbers():
    found = metrics_of(Tables(POOLED.iloc[:0]))
    assert found[["hhi_sellers", "hhi_buyers", "lerner_index", "local_price_mean"]].isna().all()
    assert traded_kwh(Tables(POOLED)).empty  # pooled: who sells to whom is not known
    assert centrality(Tables(POOLED)).empty


def test_the_trade_network_by_hand():
    kwh = traded_kwh(Tables(BILATERAL))
    assert kwh.loc["A", "B"] == 3.0
    assert kwh.loc["B", "C"] == 2.0
    assert kwh.to_numpy().sum() == 5.0
    found = centrality(Tables(BILATERAL))
    assert found.partners.tolist() == [1, 2, 1]
    assert found.sold_kwh.tolist() == [3.0, 2.0, 0.0]
    assert found.bought_kwh.tolist() == [0.0, 3.0, 2.0]
    assert found.betweenness.tolist() == [0.0, 1.0, 0.0]
    assert found.pagerank.idxmax() == "C"
    assert found.pagerank.sum() == pytest.approx(1.0)


@pytest.fixture(scope="module")
def duo(tmp_path_factory):
    folder = tmp_path_factory.mktemp("compare") / "duo"
    return mmgsim.compare("duo", "isolated,central,prices", out=folder)


def test_a_run_knows_who_disclosed_how_much(duo):
    for run in duo.runs.values():
        by_role = run.messages.groupby("sender")[["count", "bytes"]].sum()
        own = run.disclosed.groupby("agent")[["count", "bytes"]].sum()
        assert own.loc[["MG1", "MG2"]].sum().tolist() == by_role.loc["microgrid"].tolist()
        assert own.loc["market"].tolist() == by_role.loc["market"].tolist()
        assert run.metrics.bytes_per_microgrid == own.loc[["MG1", "MG2"], "bytes"].mean()


def test_a_comparison_says_what_decentralisation_costs_and_how_savings_are_spread(duo):
    table, bills = duo.table, duo.by_microgrid
    cost = table.objective_cost
    expected = (cost.isolated - cost.central) / abs(cost.central)
    assert table.price_of_decentralisation["isolated"] == pytest.approx(expected)
    assert table.price_of_decentralisation["central"] == 0.0
    saved = bills["isolated"] - bills["central"]
    difference = abs(saved["MG1"] - saved["MG2"]) / saved.sum() / 2
    assert table.gini_of_savings["central"] == pytest.approx(difference)
    assert np.isnan(table.gini_of_savings["isolated"])


def test_report_and_comparison_page_show_them(duo):
    page = (duo.folder / "compare.html").read_text()
    report = (duo.runs["central"].folder / "report.html").read_text()
    for label in (METRICS["hhi_sellers"].label, METRICS["substation_peak_kw"].label):
        assert label in page
        assert label in report
    assert "Jain" in page


def test_trades_of_pairs_by_hand():
    charged = rows(
        "time seller buyer kw price_per_kwh charge_per_kwh",
        (TIMES[0], "B", "C", 2.0, 0.20, 0.01),
        (TIMES[0], "A", "B", 6.0, 0.10, 0.04),
        (TIMES[1], "A", "B", 2.0, 0.30, -0.04),
        (TIMES[1], "A", "C", 0.0, 0.30, 0.04),
    )
    found = pair_trades(Tables(charged))
    assert found[["seller", "buyer"]].to_numpy().tolist() == [["A", "B"], ["B", "C"]]
    assert found.kwh.tolist() == pytest.approx([4.0, 1.0])
    assert found.price_per_kwh.tolist() == pytest.approx([(0.3 + 0.3) / 4.0, 0.20])
    assert found.charge_per_kwh.tolist() == pytest.approx([(0.12 - 0.04) / 4.0, 0.01])
    assert found.charge.tolist() == pytest.approx([0.08, 0.01])


def test_pooled_trades_have_no_pairs():
    assert pair_trades(Tables(POOLED)).empty

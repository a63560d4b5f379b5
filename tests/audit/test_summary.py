"""Summary and trades, from the written tables alone: every total is added up again."""

from collections import Counter

import numpy as np
import pandas as pd
import pytest

OBJECTIVE_FREE = {"loss_share", "imbalance", "fixed_charge", "surplus"}
KWH = 1e-9


def near(found, due, tolerance, what):
    worst = float(np.max(np.abs(np.asarray(found, float) - np.asarray(due, float)), initial=0.0))
    assert worst <= tolerance, f"{what}: off by {worst:g}"  # also fails on NaN
    return worst


def bills(run, without=frozenset()):
    """Net payments of every microgrid over the run."""
    lines = run.table("ledger")
    lines = lines[~lines["item"].isin(without)]
    names = list(run.microgrids())
    paid = lines.groupby("payer").amount.sum().reindex(names).fillna(0.0)
    return paid - lines.groupby("payee").amount.sum().reindex(names).fillna(0.0)


def value_of_shed_load(run):
    """By microgrid, from its devices."""
    value = pd.Series(0.0, index=list(run.microgrids()))
    for mg, name, config in run.devices("load"):
        asked_kw, served_kw = (
            run.device(mg, name, "available_kw"),
            -run.device(mg, name, "power_kw"),
        )
        critical_kw = (config["critical_share"] * asked_kw - served_kw).clip(lower=0.0)
        rest_kw = asked_kw - served_kw - critical_kw
        critical_per_kwh = config["critical_shed_price_per_kwh"]
        if critical_per_kwh is None:
            critical_per_kwh = 10.0 * config["shed_price_per_kwh"]
        value[mg] += rest_kw.sum() * run.step_h * config["shed_price_per_kwh"]
        value[mg] += critical_kw.sum() * run.step_h * critical_per_kwh
    for mg, name, config in run.stores("ev", "flexible"):
        is_car = config["kind"] == "ev"
        price = config["missing_price_per_kwh" if is_car else "shed_price_per_kwh"]
        value[mg] += run.device(mg, name, "missing_kwh").sum() * price
    return value


def check_members_cost(run):
    cost = bills(run) + value_of_shed_load(run)
    near(run.summary["members_cost"], cost.sum(), 1e-8, "members_cost")
    found = pd.Series(run.summary["cost_by_microgrid"])[cost.index]
    return near(found, cost, 1e-8, "cost_by_microgrid")


def check_objective_cost(run):
    assert run.summary["objective"] == "members"
    due = bills(run, OBJECTIVE_FREE).sum() + value_of_shed_load(run).sum()
    due -= earned_between(run)  # what buyers paid and sellers did not get cancels out
    return near(run.summary["objective_cost"], due, 1e-8, "objective_cost")


def earned_between(run):
    """Give what the market earns between buyers and sellers."""
    trades = run.table("ledger").query("item == 'local_trade'")
    got, paid = trades[trades.payee == "market"], trades[trades.payer == "market"]
    return got.amount.sum() - paid.amount.sum()


def check_market_kept(run):
    lines = run.table("ledger")
    kept = lines.amount[lines.payee == "market"].sum() - lines.amount[lines.payer == "market"].sum()
    return near(run.summary["market_kept"], kept, 1e-8, "market_kept")


def check_system_cost(run):
    steps, lines = run.table("steps").set_index("time"), run.table("ledger")
    grid_kw = run.by_member("dispatch", "import_kw") - run.by_member("dispatch", "export_kw")
    upstream = (grid_kw.sum(axis=1) + steps.loss_kw) * run.step_h * steps.upstream_price
    operations = lines[lines.payee == "operations"].amount.sum()
    due = upstream.sum() + operations + value_of_shed_load(run).sum()
    return near(run.summary["system_cost"], due, 1e-8, "system_cost")


def check_summary_energy(run):
    d, steps = run.table("dispatch"), run.table("steps")
    due = {
        "imported_kwh": d.import_kw,
        "exported_kwh": d.export_kw,
        "traded_kwh": d.sold_kw,
        "spilled_kwh": d.spilled_kw,
        "shed_kwh": d.shed_kw,
        "shed_critical_kwh": d.shed_critical_kw,
        "imbalance_kwh": d.imbalance_kw.abs(),
        "losses_kwh": steps.loss_kw,
        "substation_kwh": steps.substation_kw,
    }
    for key, power in due.items():
        near(run.summary[key], power.sum() * run.step_h, 1e-7, key)
    near(run.summary["unserved_kwh"], steps.unserved_kwh.sum(), 1e-9, "unserved_kwh")


def check_summary_energy_left(run):
    left = 0.0
    level = run.scenario["gate"]["end_of_window"]["level"]
    for mg, name, config in run.devices("battery"):
        start = level if config["level_start"] is None else config["level_start"]
        stored = run.device(mg, name, "energy_kwh").iloc[-1]
        left += (stored - start * config["energy_kwh"]) * config["efficiency"]
    near(run.summary["energy_left_kwh"], left, 1e-9, "energy_left_kwh")
    value = left * run.table("steps").upstream_price.mean()
    near(run.summary["energy_left_value"], value, 1e-9, "energy_left_value")


def check_summary_counts(run):
    gates, sent, summary = run.table("gates"), run.table("messages"), run.summary
    assert run.table("steps").time.tolist() == run.times.tolist()
    assert summary["steps"] == len(run.times)
    assert summary["gates"] == len(gates)
    assert summary["gates_without_bound"] == gates.lower.isna().sum()
    assert summary["rounds_total"] == gates.rounds.sum() == len(run.table("rounds"))
    assert summary["messages_total"] == sent["count"].sum()
    assert summary["bytes_total"] == sent.bytes.sum()
    assert summary["line_rounds"] == gates.line_rounds.sum()
    assert summary["lost_messages"] == gates.lost_messages.sum()
    assert summary["steps_by_status"] == dict(Counter(run.table("steps").status))


def check_summary_gap(run):
    gap = run.table("gates").gap
    if gap.isna().all():
        assert run.summary["gap_max"] is None
    else:
        near(run.summary["gap_max"], gap.max(), 1e-12, "gap_max")


def check_shed_value(run):
    due = value_of_shed_load(run).sum()
    near(run.table("steps").shed_value.sum(), due, 1e-9, "shed_value")


def energy(run, column):
    return run.by_member("dispatch", column) * run.step_h


def check_trades_are_dispatched(run):
    trades, sold = run.table("trades"), energy(run, "sold_kw")
    for side, column in (("seller", "sold_kw"), ("buyer", "bought_kw")):
        kwh = trades.assign(kwh=trades.kw * run.step_h)
        kwh = kwh.pivot_table(index="time", columns=side, values="kwh", aggfunc="sum")
        kwh = kwh.reindex(index=sold.index, columns=sold.columns).astype(float).fillna(0.0)
        near(kwh, energy(run, column), KWH, column)


def check_sold_is_bought(run):
    total = [energy(run, c).sum(axis=1) for c in ("sold_kw", "bought_kw")]
    return near(*total, KWH, "sold and bought")


def check_local_price(run):
    """Both sides are at least as well off as with the grid, and that is the mean of the trades."""
    prices = run.table("prices").set_index(["time", "microgrid"])
    trades = run.table("trades")
    for side in ("seller", "buyer"):
        mine = trades[trades[side].isin(run.microgrids())]
        rows = prices.loc[pd.MultiIndex.from_frame(mine[["time", side]])]
        paid = mine.price_per_kwh.to_numpy()
        own = mine.assign(paid_per_h=mine.kw * mine.price_per_kwh).groupby(["time", side])
        told = rows.local_price.to_numpy()
        # Of trades at one price it is that price, to the last digit.
        low, high = (own.price_per_kwh.transform(one).to_numpy() for one in ("min", "max"))
        assert ((told >= low) & (told <= high)).all()
        mean = own.paid_per_h.transform("sum") / own.kw.transform("sum")
        near(told, mean, 1e-12, f"price of the {side}")
        assert (paid >= rows.export_price - 1e-9).all()
        # A pooled sale has no charge of its own.
        of_pair = mine.buyer.isin(run.microgrids()).to_numpy()
        charge = np.where(of_pair, mine.charge_per_kwh, rows.local_charge)
        most = rows.import_price + rows.network_charge - charge
        assert (paid <= most + 1e-9).all()


CHECKS = [
    check_members_cost,
    check_objective_cost,
    check_system_cost,
    check_market_kept,
    check_summary_energy,
    check_summary_energy_left,
    check_summary_counts,
    check_summary_gap,
    check_shed_value,
    check_trades_are_dispatched,
    check_sold_is_bought,
    check_local_price,
]


@pytest.mark.parametrize("check", CHECKS, ids=lambda c: c.__name__.removeprefix("check_"))
def test_summary(run, check):
    check(run)


@pytest.mark.parametrize("name", ["central", "noise", "quarter", "feeder", "wa9", "peers"])
def test_there_is_trade_to_audit(get_run, name):
    assert get_run(name).table("trades").kw.sum() > 1.0


def test_isolated_has_no_trades(get_run):
    assert get_run("isolated").table("trades").empty


@pytest.mark.parametrize(
    ("what", "change", "check"),
    [
        ("ledger", lambda t: t.assign(amount=t.amount + 1e-6), check_members_cost),
        ("ledger", lambda t: t.assign(amount=t.amount * 1.001), check_objective_cost),
        ("steps", lambda t: t.assign(upstream_price=t.upstream_price + 1e-3), check_system_cost),
        ("dispatch", lambda t: t.assign(import_kw=t.import_kw + 1e-3), check_summary_energy),
        ("messages", lambda t: t.iloc[:-1], check_summary_counts),
        ("trades", lambda t: t.assign(kw=t.kw + 1e-6), check_trades_are_dispatched),
        ("trades", lambda t: t.assign(price_per_kwh=t.price_per_kwh + 1e-6), check_local_price),
    ],
)
def test_tampering_with_totals_is_found(central, tampered, what, change, check):
    check(central)
    with pytest.raises(AssertionError):
        check(tampered(central, what, change))

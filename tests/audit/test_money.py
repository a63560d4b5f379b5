"""Money, from the written tables alone: the ledger against dispatch, prices and summary."""

from collections import Counter

import numpy as np
import pandas as pd
import pytest

MONEY = 1e-9
KWH = 1e-9
DAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
DNO_ITEMS = {"network_charge", "fixed_charge", "local_charge", "loss_share"}


def near(found, due, tolerance, what):
    worst = float(np.max(np.abs(np.asarray(found, float) - np.asarray(due, float)), initial=0.0))
    assert worst <= tolerance, f"{what}: off by {worst:g}"  # also fails on NaN
    return worst


def booked(run, item, value, party="payer"):
    """Sum the lines of an item to a frame of time by microgrid; no line is zero."""
    like = run.by_member("dispatch", "load_kw")
    lines = run.table("ledger")
    lines = lines[(lines["item"] == item) & lines[party].isin(like.columns)]
    frame = lines.pivot_table(index="time", columns=party, values=value, aggfunc="sum")
    return frame.reindex(index=like.index, columns=like.columns).fillna(0.0)


def dispatched(run, column):
    return run.by_member("dispatch", column) * run.step_h


def priced(run, item, kwh, price, party="payer"):
    near(booked(run, item, "kwh", party), kwh, KWH, f"{item} kWh")
    return near(booked(run, item, "amount", party), kwh * price, MONEY, f"{item} amount")


def check_import(run):
    price = run.by_member("prices", "import_price")
    return priced(run, "import", dispatched(run, "import_kw"), price)


def check_export(run):
    price = run.by_member("prices", "export_price")
    return priced(run, "export", dispatched(run, "export_kw"), price, "payee")


def check_network_charge(run):
    price = run.by_member("prices", "network_charge")
    return priced(run, "network_charge", dispatched(run, "import_kw"), price)


def check_local_trade_of_buyers(run):
    price = run.by_member("prices", "local_price").fillna(0.0)
    return priced(run, "local_trade", dispatched(run, "bought_kw"), price)


def check_local_trade_of_sellers(run):
    price = run.by_member("prices", "local_price").fillna(0.0)
    return priced(run, "local_trade", dispatched(run, "sold_kw"), price, "payee")


def check_local_charge(run):
    price = run.by_member("prices", "local_charge")
    return priced(run, "local_charge", dispatched(run, "bought_kw"), price)


def check_local_charge_of_every_trade(run):
    """Each buyer owes what was agreed with the pair, trade by trade."""
    trades = run.table("trades")
    bought = trades[trades.buyer.isin(run.microgrids())]
    kwh = bought.kw * run.step_h
    due = bought.assign(kwh=kwh, amount=kwh * bought.charge_per_kwh)
    due = due[due.charge_per_kwh != 0.0]
    for value, tolerance in (("kwh", KWH), ("amount", MONEY)):
        like = run.by_member("dispatch", "load_kw")
        frame = due.pivot_table(index="time", columns="buyer", values=value, aggfunc="sum")
        frame = frame.reindex(index=like.index, columns=like.columns).fillna(0.0)
        near(booked(run, "local_charge", value), frame, tolerance, f"local charge {value} by trade")


def check_charge_of_every_trade(run):
    """The tariff's, and on top of it what the rule of the scenario says, where that is a length."""
    trades = run.table("trades")
    trades = trades[trades.buyer.isin(run.microgrids())]
    charge = run.scenario["tariff"]["network_charge"]
    rule = run.scenario["coordination"].get("charges", "local")
    if rule == "losses":
        assert trades.charge_per_kwh.nunique() > 10
        return
    prices = run.table("prices").set_index(["time", "microgrid"])
    of_buyer = prices.loc[pd.MultiIndex.from_frame(trades[["time", "buyer"]])]
    due = of_buyer.network_charge.to_numpy() * charge["local_share"]
    if rule != "local":
        ((one, others),) = run.scenario["coordination"]["distances"].items()
        ((other, km),) = others.items()
        assert {one, other} == set(trades.seller) | set(trades.buyer)
        due = due + rule["per_km"] * km
    near(trades.charge_per_kwh, due, 1e-15, "charge of a trade")


def check_imbalance(run):
    due = dispatched(run, "imbalance_kw").abs()
    return priced(run, "imbalance", due, run.scenario["settlement"]["imbalance_per_kwh"])


def check_wear(run):
    kwh = 0.0 * run.by_member("dispatch", "load_kw")
    amount = kwh.copy()
    for mg, name, config in run.stores("battery", "ev"):
        discharged = run.device(mg, name, "discharge_kw") * run.step_h
        kwh[mg] += discharged * (config["wear_per_kwh"] > 0.0)
        amount[mg] += discharged * config["wear_per_kwh"]
    near(booked(run, "wear", "kwh"), kwh, KWH, "wear kWh")
    return near(booked(run, "wear", "amount"), amount, MONEY, "wear amount")


def check_fuel(run):
    """The true quadratic cost of what was generated, and the no-load cost of hours on."""
    kwh = 0.0 * run.by_member("dispatch", "load_kw")
    amount = kwh.copy()
    for mg, name, config in run.devices("diesel"):
        power, on = (run.device(mg, name, q) for q in ("power_kw", "on"))
        kwh[mg] += power * run.step_h
        price = config["cost_per_kwh"] + config["cost_per_kwh_kw"] * power
        amount[mg] += (power * price + on * config["cost_per_h"]) * run.step_h
    near(booked(run, "fuel", "kwh"), kwh, KWH, "fuel kWh")
    return near(booked(run, "fuel", "amount"), amount, MONEY, "fuel amount")


def check_start_up(run):
    amount = 0.0 * run.by_member("dispatch", "load_kw")
    for mg, name, config in run.devices("diesel"):
        on = run.device(mg, name, "on")
        starts = on.diff().fillna(on - (config["power_start_kw"] > 0)) > 0
        amount[mg] += starts * config["start_up_cost"]
    near(booked(run, "start_up", "kwh"), 0.0, 0.0, "start_up kWh")
    return near(booked(run, "start_up", "amount"), amount, MONEY, "start_up amount")


def check_fixed_charge(run):
    due = run.scenario["tariff"]["network_charge"]["fixed_per_day"]
    amount = booked(run, "fixed_charge", "amount")
    by_day = amount.groupby(run.local(amount.index).date).sum()
    assert len(by_day) == run.scenario["days"]
    near(by_day, due, MONEY, "fixed charge by local day")
    lines = run.table("ledger")
    often = Counter(lines[lines["item"] == "fixed_charge"].payer)
    assert set(often.values()) <= {run.scenario["days"]}


def check_network_charge_by_the_clock(run):
    charge = run.scenario["tariff"]["network_charge"]
    days, hours = charge["on_peak"].split()
    (first, last), (begin, end) = days.split("-"), hours.split("-")
    for mg, prices in run.table("prices").groupby("microgrid"):
        local = run.local(prices.time)
        clock, day = local.strftime("%H:%M"), local.dayofweek
        on_peak = (day >= DAYS.index(first)) & (day <= DAYS.index(last))
        on_peak &= (clock >= begin) & (clock < end)
        assert 0 < on_peak.sum() < len(on_peak)
        due = np.where(on_peak, charge["on_peak_per_kwh"], charge["off_peak_per_kwh"])
        near(prices.network_charge, due, 0.0, f"network charge of {mg}")
        # Who buys at charges of the pairs' own shows their mean.
        own = run.scenario["coordination"].get("charges", "local") != "local"
        bought = run.by_member("dispatch", "bought_kw")[mg].to_numpy() > 0.0
        told = np.where(own & bought, due * charge["local_share"], prices.local_charge)
        near(told, due * charge["local_share"], 1e-15, f"local charge of {mg}")


def check_parties(run):
    """Every line is about a known item, and runs between the parties that it names."""
    names, lines = set(run.microgrids()), run.table("ledger")
    ends = {"import": "grid", "imbalance": "grid", "local_trade": "market"}
    ends |= dict.fromkeys(("fuel", "start_up", "wear"), "operations")
    ends |= dict.fromkeys(DNO_ITEMS, "dno")
    for line in lines.itertuples():
        pair = {line.payer, line.payee}
        if line.item == "losses":
            assert (line.payer, line.payee) == ("dno", "grid")
        elif line.item == "export":
            assert line.payer == "grid"
            assert line.payee in names
        elif line.item == "surplus":
            assert line.payer == "market"
            assert line.payee in names | {"dno"}
        elif line.item in ("local_trade", "tie") and pair <= names:
            assert len(pair) == 2  # from microgrid to microgrid, without a market between them
        else:
            assert ends[line.item] in pair
            assert len(pair & names) == 1
            assert line.item == "local_trade" or line.payer in names
    assert np.isfinite(lines[["kwh", "amount"]].to_numpy()).all()


def net(run, party):
    """What a party got minus what it paid, by step."""
    lines = run.table("ledger")
    signs = (lines.payee == party).astype(float) - (lines.payer == party)
    return (signs * lines.amount).groupby(lines.time).sum().reindex(run.times).fillna(0.0)


def check_market_keeps_nothing(run):
    return near(net(run, "market"), 0.0, MONEY, "account of the market")


def check_dno_account(run):
    """What it got is the charges on what was dispatched, and loss shares, less the losses."""
    prices = {c: run.by_member("prices", c) for c in ("network_charge", "local_charge")}
    due = (dispatched(run, "import_kw") * prices["network_charge"]).sum(axis=1)
    due += (dispatched(run, "bought_kw") * prices["local_charge"]).sum(axis=1)
    due += booked(run, "fixed_charge", "amount").sum(axis=1)
    upstream = run.steps_series("upstream_price")
    lost = run.steps_series("loss_kw") * run.step_h
    due += (booked(run, "loss_share", "kwh").sum(axis=1) - lost) * upstream
    return near(net(run, "dno"), due, MONEY, "account of the DNO")


def check_losses(run):
    lines = run.table("ledger").query("item == 'losses'").groupby("time")[["kwh", "amount"]].sum()
    lines = lines.reindex(run.times).fillna(0.0)
    lost = run.steps_series("loss_kw") * run.step_h
    near(lines.kwh, lost, KWH, "losses kWh")
    return near(lines.amount, lost * run.steps_series("upstream_price"), MONEY, "losses amount")


def check_loss_share_price(run):
    price = run.steps_series("upstream_price")
    due = booked(run, "loss_share", "kwh").mul(price, axis=0)
    return near(booked(run, "loss_share", "amount"), due, MONEY, "loss share amount")


CHECKS = [
    check_import,
    check_export,
    check_network_charge,
    check_local_trade_of_buyers,
    check_local_trade_of_sellers,
    check_local_charge,
    check_local_charge_of_every_trade,
    check_charge_of_every_trade,
    check_imbalance,
    check_wear,
    check_fuel,
    check_start_up,
    check_fixed_charge,
    check_network_charge_by_the_clock,
    check_parties,
    check_market_keeps_nothing,
    check_dno_account,
    check_losses,
    check_loss_share_price,
]


@pytest.mark.parametrize("check", CHECKS, ids=lambda c: c.__name__.removeprefix("check_"))
def test_money(run, check):
    check(run)


def raise_line(item, column, by):
    def change(lines):
        lines.loc[lines.index[lines["item"] == item][-1], column] += by
        return lines

    return change


@pytest.mark.parametrize("check", [check_fuel, check_start_up, check_import, check_imbalance])
def test_money_of_diesel_that_is_surprised(get_run, check):
    check(get_run("diesel-noise"))


@pytest.mark.parametrize(
    ("check", "change"),
    [
        (check_import, raise_line("import", "kwh", 1e-6)),
        (check_network_charge, raise_line("network_charge", "amount", 1e-6)),
        (check_local_trade_of_sellers, raise_line("local_trade", "amount", 1e-6)),
        (check_market_keeps_nothing, raise_line("local_trade", "amount", 1e-6)),
        (check_local_charge_of_every_trade, raise_line("local_charge", "amount", 1e-6)),
        (check_imbalance, raise_line("imbalance", "kwh", 1e-6)),
        (check_wear, raise_line("wear", "kwh", 1e-6)),
        (check_fuel, raise_line("fuel", "amount", 1e-6)),
        (check_start_up, raise_line("start_up", "amount", 1e-6)),
        (check_losses, raise_line("losses", "amount", 1e-6)),
        (check_loss_share_price, raise_line("loss_share", "kwh", 1e-6)),
        (check_dno_account, raise_line("loss_share", "amount", 1e-6)),
        (check_fixed_charge, lambda lines: lines[lines["item"] != "fixed_charge"]),
        (check_parties, lambda lines: lines.replace({"payee": {"dno": "grid"}})),
    ],
    ids=lambda x: x.__name__.removeprefix("check_"),
)
def test_tampering_with_the_ledger_is_found(get_run, tampered, check, change):
    # With perfect forecasts there is no imbalance to tamper with.
    runs = {check_imbalance: "noise", check_fuel: "diesel", check_start_up: "diesel"}
    run = get_run(runs.get(check, "wa9"))
    check(run)
    with pytest.raises(AssertionError):
        check(tampered(run, "ledger", change))


def test_tampering_with_peak_hours_is_found(central, tampered):
    with pytest.raises(AssertionError):
        check_network_charge_by_the_clock(
            tampered(central, "scenario.yaml", lambda text: text.replace("22:00", "21:00"))
        )

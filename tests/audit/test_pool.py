"""A pool that keeps a part for losses, from the written tables alone."""

import numpy as np
import pytest

LOSS_FACTOR = 0.1
KWH, MONEY = 1e-9, 1e-9


@pytest.fixture
def pool(get_run):
    return get_run("pool")


def near(found, due, tolerance):
    assert np.max(np.abs(np.asarray(found, float) - np.asarray(due, float))) <= tolerance


def by_step(run, rows, column):
    """Sum a column of a table by step: (steps,) array."""
    sums = rows.groupby("time")[column].sum().to_dict()
    return np.array([sums.get(time, 0.0) for time in run.times])


def kept_kwh(run):
    trades = run.table("trades")
    return by_step(run, trades[trades.buyer == "dno"], "kw") * run.step_h


def dispatched_kwh(run, column):
    return by_step(run, run.table("dispatch"), column) * run.step_h


def net_import_kwh(run):
    return dispatched_kwh(run, "import_kw") - dispatched_kwh(run, "export_kw")


def net(run, party):
    lines = run.table("ledger")
    got, paid = (lines[lines[end] == party] for end in ("payee", "payer"))
    return by_step(run, got, "amount") - by_step(run, paid, "amount")


def test_what_is_kept_is_its_share_of_what_is_sold(pool):
    sold, bought = (dispatched_kwh(pool, column) for column in ("sold_kw", "bought_kw"))
    assert kept_kwh(pool).sum() > 1.0
    near(kept_kwh(pool), LOSS_FACTOR * sold, KWH)
    near(sold, bought + kept_kwh(pool), KWH)


def test_the_substation_brings_what_is_imported_and_lost_less_what_is_kept(pool):
    steps = pool.table("steps")
    others = (steps.loss_kw + steps.background_kw).to_numpy() * pool.step_h
    due = net_import_kwh(pool) + others - kept_kwh(pool)
    near(steps.substation_kw * pool.step_h, due, KWH)


def test_the_market_keeps_no_money(pool):
    near(net(pool, "market"), 0.0, MONEY)


def test_the_dno_buys_losses_less_what_is_kept(pool):
    lines, steps = pool.table("ledger"), pool.table("steps")
    bought = by_step(pool, lines[lines["item"].isin(["losses", "upstream"])], "amount")
    lost = steps.loss_kw.to_numpy() * pool.step_h
    near(bought, (lost - kept_kwh(pool)) * steps.upstream_price.to_numpy(), MONEY)
    local = lines[(lines["item"] == "local_trade") & (lines.payer == "dno")]
    assert local.kwh.sum() == pytest.approx(kept_kwh(pool).sum())
    assert not local.amount.any()


def test_the_cost_of_the_system_counts_what_is_kept(pool):
    steps, lines = pool.table("steps"), pool.table("ledger")
    lost = steps.loss_kw.to_numpy() * pool.step_h
    drawn = net_import_kwh(pool) + lost - kept_kwh(pool)
    operations = lines[lines.payee == "operations"].amount.sum()
    due = float(drawn @ steps.upstream_price.to_numpy()) + operations + steps.shed_value.sum()
    assert pool.summary["system_cost"] == pytest.approx(due, abs=1e-8)


def test_transfers_add_up_to_zero_in_every_step(pool):
    lines = pool.table("ledger")
    shares = lines[lines["item"] == "saving_share"]
    assert len(shares)
    near(by_step(pool, shares, "amount"), 0.0, MONEY)

"""Tie lines, from the written tables alone: conservation on each line, both ends, and money."""

import numpy as np
import pytest

KW = 1e-9
MONEY = 1e-9


@pytest.fixture
def tied(get_run):
    return get_run("ties")


def check_lines(run):
    """Each line keeps its limit, loses its share, and carries power one way at a time."""
    (line,) = run.scenario["ties"]
    flows = run.table("ties")
    assert len(flows)
    assert set(flows.tie) == {line["name"]}
    assert set(flows.sender) | set(flows.receiver) <= set(line["between"])
    assert flows.sent_kw.max() <= line["limit_kw"] + 1e-6
    off_kw = (flows.received_kw - (1.0 - line["loss_share"]) * flows.sent_kw).abs()
    assert off_kw.max() <= KW
    assert (
        flows.groupby("time").sent_kw.apply(lambda kw: kw.nsmallest(len(kw) - 1).sum()).max() < 1e-6
    )


def check_ends(run):
    """What a microgrid dispatches is what its lines carry: firm, whatever its forecast missed."""
    net_kw = run.by_member("dispatch", "tie_kw")
    for name in net_kw:
        flows = run.table("ties")
        sent = flows[flows.sender == name].groupby("time").sent_kw.sum()
        received = flows[flows.receiver == name].groupby("time").received_kw.sum()
        due = sent.reindex(net_kw.index, fill_value=0) - received.reindex(
            net_kw.index, fill_value=0
        )
        assert np.abs(net_kw[name] - due).max() <= KW, name


def check_money(run):
    """The receiver pays the sender the local price for what arrives, and nobody else anything."""
    lines = run.table("ledger").query("item == 'tie'").set_index(["time", "payer", "payee"])
    flows = run.table("ties").set_index(["time", "receiver", "sender"])
    prices = run.by_member("prices", "local_price")
    assert len(lines) == len(flows[flows.received_kw * run.step_h > 1e-9])
    for (time, payer, payee), line in lines.iterrows():
        kwh = flows.received_kw[time, payer, payee] * run.step_h
        assert line.kwh == pytest.approx(kwh, abs=MONEY)
        assert line.amount == pytest.approx(kwh * prices[payer][time], abs=MONEY)


CHECKS = [check_lines, check_ends, check_money]


@pytest.mark.parametrize("check", CHECKS, ids=lambda c: c.__name__.removeprefix("check_"))
def test_ties(tied, check):
    check(tied)


def test_forecasts_were_wrong_where_ties_stayed_firm(tied):
    assert tied.table("dispatch").imbalance_kw.abs().max() > 0.1


def raise_last(column, by):
    def change(table):
        table.loc[table.index[-1], column] += by
        return table

    return change


@pytest.mark.parametrize(
    ("check", "what", "change"),
    [
        (check_lines, "ties", raise_last("received_kw", 1e-6)),
        (check_ends, "ties", raise_last("sent_kw", 1e-6)),
        (check_ends, "dispatch", raise_last("tie_kw", 1e-6)),
        (check_money, "ledger", lambda t: t.assign(amount=t.amount + 1e-6)),
    ],
)
def test_tampering_with_ties_is_found(tied, tampered, check, what, change):
    with pytest.raises(AssertionError):
        check(tampered(tied, what, change))

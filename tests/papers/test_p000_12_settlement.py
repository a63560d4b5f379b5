"""Paper 000, property 12: bills, the DNO's account, and transfers that cancel, in a run."""

import numpy as np
import pytest

import mmgsim

NAMES = ["MG1", "MG2"]


@pytest.fixture(scope="module", params=["best-response", "kkt"])
def run(request, tmp_path_factory):
    overrides = {
        "coordination": {
            "kind": "bilevel",
            "variant": request.param,
            "trade_price": "lcoe",
            "time_limit_s": 3600.0,
        },
        "microgrids.MG1.lcoe_per_kwh": 0.06,
        "microgrids.MG2.lcoe_per_kwh": 0.09,
    }
    folder = tmp_path_factory.mktemp("bilevel") / "run"
    return mmgsim.run("duo", overrides=overrides, out=folder)


def net(ledger, party, items=None):
    """Give what a party pays minus what it gets."""
    lines = ledger if items is None else ledger[ledger["item"].isin(items)]
    paid = lines.loc[lines["payer"] == party, "amount"].sum()
    return float(paid - lines.loc[lines["payee"] == party, "amount"].sum())


def test_bills_and_the_account_of_the_dno_are_upstream_cost_and_operations(run):
    ledger = run.ledger
    bills = sum(net(ledger, name) for name in NAMES)
    outside = net(ledger, "grid") + net(ledger, "operations")
    assert bills + net(ledger, "dno") == pytest.approx(-outside, abs=1e-9)
    assert net(ledger, "market") == 0.0


def test_levelised_costs_of_trades_cancel_between_the_microgrids(run):
    trades = run.ledger[run.ledger["item"] == "local_trade"]
    assert len(trades)
    assert set(trades["payer"]) | set(trades["payee"]) == set(NAMES)
    assert sum(net(run.ledger, name, ["local_trade"]) for name in NAMES) == pytest.approx(0.0)


def test_every_trade_is_paid_at_the_levelised_cost_of_who_sells(run):
    trades = run.ledger[run.ledger["item"] == "local_trade"]
    stated = trades["payee"].map({"MG1": 0.06, "MG2": 0.09})
    assert np.allclose(trades["amount"], stated * trades["kwh"])
    assert np.allclose(
        run.trades["price_per_kwh"], run.trades["seller"].map({"MG1": 0.06, "MG2": 0.09})
    )


def test_buyers_pay_the_dno_for_what_they_buy(run):
    charges = run.ledger[run.ledger["item"] == "local_charge"]
    trades = run.ledger[run.ledger["item"] == "local_trade"]
    assert charges["kwh"].sum() == pytest.approx(trades["kwh"].sum())
    assert set(charges["payer"]) == set(trades["payer"])


def test_energy_balances_with_bilateral_trades(run):
    d = run.dispatch
    into = d[
        [
            "pv_kw",
            "wind_kw",
            "diesel_kw",
            "discharge_kw",
            "ev_discharge_kw",
            "import_kw",
            "bought_kw",
        ]
    ].sum(axis=1)
    out = (
        d["load_kw"]
        - d["shed_kw"]
        + d[["charge_kw", "ev_charge_kw", "export_kw", "sold_kw"]].sum(axis=1)
    )
    assert np.allclose(into, out, atol=1e-6)
    by_time = d.groupby("time")[["sold_kw", "bought_kw"]].sum()
    assert np.allclose(by_time["sold_kw"], by_time["bought_kw"])

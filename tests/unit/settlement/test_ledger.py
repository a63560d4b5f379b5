"""Every line of the money table, by hand."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from mmgsim.contracts import (
    Executed,
    Item,
    LedgerLine,
    MemberStep,
    OperationCost,
    Tariff,
    Trade,
    Window,
    frozen,
)
from mmgsim.settlement import account, bill, ledger_faults, settle

WINDOW = Window(0, 1, 0.5, datetime(2021, 1, 1, tzinfo=UTC))
TARIFF = Tariff(
    window=WINDOW,
    import_per_kwh=frozen([0.10]),
    export_per_kwh=frozen([0.05]),
    network_charge_per_kwh=frozen([0.20]),
    local_charge_per_kwh=frozen([0.08]),
    upstream_per_kwh=frozen([0.06]),
    imbalance_per_kwh=0.5,
    fixed_per_day=3.0,
)


@pytest.fixture
def executed():
    buyer = MemberStep("A", 10.0, 0.0, -14.0, -13.0, (OperationCost(Item.WEAR, 2.0, 0.02),))
    seller = MemberStep("B", 0.0, 6.0, 10.0, 10.0)
    trades = (
        Trade("B", "market", frozen([4.0]), frozen([0.12])),
        Trade("market", "A", frozen([4.0]), frozen([0.12])),
    )
    return Executed(
        window=WINDOW,
        tariff=TARIFF,
        members=(buyer, seller),
        trades=trades,
        loss_kw=3.0,
        loss_share_kw={"A": 1.0, "B": -0.4},
        is_new_day=True,
    )


@pytest.fixture
def lines(executed):
    return settle(executed)


@pytest.mark.parametrize(
    ("item", "payer", "payee", "kwh", "amount"),
    [
        (Item.IMPORT, "A", "grid", 5.0, 0.5),
        (Item.EXPORT, "grid", "B", 3.0, 0.15),
        (Item.NETWORK_CHARGE, "A", "dno", 5.0, 1.0),
        (Item.IMBALANCE, "A", "grid", 0.5, 0.25),
        (Item.WEAR, "A", "operations", 2.0, 0.02),
        (Item.LOCAL_TRADE, "market", "B", 2.0, 0.24),
        (Item.LOCAL_TRADE, "A", "market", 2.0, 0.24),
        (Item.LOCAL_CHARGE, "A", "dno", 2.0, 0.16),
        (Item.LOSSES, "dno", "grid", 1.5, 0.09),
        (Item.LOSS_SHARE, "A", "dno", 0.5, 0.03),
        (Item.LOSS_SHARE, "B", "dno", -0.2, -0.012),
        (Item.FIXED_CHARGE, "A", "dno", 0.0, 3.0),
        (Item.FIXED_CHARGE, "B", "dno", 0.0, 3.0),
    ],
)
def test_line_is_booked(lines, item, payer, payee, kwh, amount):
    found = [x for x in lines if (x.item, x.payer, x.payee) == (item, payer, payee)]
    assert len(found) == 1
    assert found[0].kwh == pytest.approx(kwh)
    assert found[0].amount == pytest.approx(amount)


def test_nothing_else_is_booked(lines):
    assert len(lines) == 13


def test_the_market_keeps_nothing(lines):
    assert account(lines, "market") == pytest.approx(0.0)


def test_all_accounts_together_are_zero(lines):
    parties = {line.payer for line in lines} | {line.payee for line in lines}
    assert sum(account(lines, party) for party in parties) == pytest.approx(0.0)


def test_a_bill_holds_the_own_lines_only(lines):
    assert all("B" in (line.payer, line.payee) for line in bill(lines, "B"))


# ------------------------------------------------------------------------------ what has to be in
@pytest.mark.parametrize(
    ("item", "fault"),
    [
        (Item.IMPORT, "import of A: kwh of its lines is 0, 5 happened"),
        (Item.EXPORT, "export of B: kwh of its lines is 0, 3 happened"),
        (Item.LOCAL_TRADE, "local_trade of B: kwh of its lines is 0, 2 happened"),
        (Item.WEAR, "wear of A: amount of its lines is 0, 0.02 happened"),
    ],
)
def test_a_ledger_that_leaves_out_what_happened_is_faulty(lines, executed, item, fault):
    faults = ledger_faults([line for line in lines if line.item != item], executed)
    assert any(one.startswith(fault) for one in faults)


def test_what_did_not_happen_is_faulty(lines, executed):
    twice = [*lines, LedgerLine("B", "grid", Item.IMPORT, 1.0, 0.1)]
    assert len(ledger_faults(twice, executed)) == 1


def test_prices_charges_and_further_items_are_the_markets_own(lines, executed):
    free = [
        replace(line, amount=2.0 * line.amount) if line.item == Item.IMPORT else line
        for line in lines
        if line.item not in (Item.NETWORK_CHARGE, Item.IMBALANCE, Item.LOSS_SHARE)
    ]
    free.append(LedgerLine("A", "market", "fee", 9.0, 0.9))
    assert ledger_faults(lines, executed) == ledger_faults(free, executed) == []


def test_energy_may_be_bought_by_way_of_the_market(lines, executed):
    retail = [replace(line, payee="market") if line.item == Item.IMPORT else line for line in lines]
    retail.append(LedgerLine("market", "grid", Item.IMPORT, 5.0, 0.4))
    assert ledger_faults(retail, executed) == []


# ------------------------------------------------------------------------- surplus of the market
def with_spread(executed):
    """Buyers pay 0.12 and sellers get 0.09: the market has 0.03 a kWh left of 2 kWh."""
    sold, bought = executed.trades
    return replace(executed, trades=(replace(sold, price_per_kwh=frozen([0.09])), bought))


def surplus_lines(executed, rule):
    return [line for line in settle(executed, surplus=rule) if line.item == Item.SURPLUS]


def test_surplus_is_kept_where_nothing_else_is_said(executed):
    lines = settle(with_spread(executed))
    assert account(lines, "market") == pytest.approx(-0.06)
    assert surplus_lines(with_spread(executed), "kept") == []


def test_surplus_goes_to_the_dno(executed):
    (line,) = surplus_lines(with_spread(executed), "dno")
    assert (line.payer, line.payee) == ("market", "dno")
    assert line.amount == pytest.approx(0.06)


def test_surplus_goes_back_to_those_who_trade_by_kwh(executed):
    lines = surplus_lines(with_spread(executed), "rebated")
    assert {line.payee: line.amount for line in lines} == pytest.approx({"A": 0.03, "B": 0.03})


def test_who_trades_beside_the_pool_gets_nothing_back(executed):
    apart = with_spread(executed)
    beside = replace(apart.trades[0], seller="B", buyer="A", kw=frozen([100.0]))
    lines = surplus_lines(replace(apart, trades=(*apart.trades, beside)), "rebated")
    assert {line.payee: line.amount for line in lines} == pytest.approx({"A": 0.03, "B": 0.03})
    many = replace(apart.trades[0], seller="C", buyer="D")
    lines = surplus_lines(replace(apart, trades=(*apart.trades, many)), "rebated")
    assert {line.payee for line in lines} == {"A", "B"}


def test_another_rule_is_refused(executed):
    with pytest.raises(ValueError, match="upstream"):
        settle(executed, surplus="upstream")


@pytest.mark.parametrize("rule", ["dno", "rebated"])
def test_nothing_is_left_with_the_market_then(executed, rule):
    assert account(settle(with_spread(executed), surplus=rule), "market") == pytest.approx(0.0)


@pytest.mark.parametrize("rule", ["kept", "dno", "rebated"])
def test_one_price_leaves_no_surplus(executed, rule):
    assert surplus_lines(executed, rule) == []


def test_the_saving_is_divided_through_the_market(executed):
    found = settle(replace(executed, transfers={"A": 1.5, "B": -1.5}))
    shares = [line for line in found if line.item == Item.SAVING_SHARE]
    assert shares == [
        LedgerLine("A", "market", "saving_share", 0.0, 1.5),
        LedgerLine("B", "market", "saving_share", 0.0, -1.5),
    ]
    assert account(shares, "market") == 0.0


# ------------------------------------------------------------------------- charges of a pair
@pytest.mark.parametrize(("charge", "due"), [(None, 0.08), (0.03, 0.03), (-0.02, -0.02)])
def test_a_buyer_owes_the_charge_of_its_trade_or_is_paid_it(executed, charge, due):
    own = None if charge is None else frozen([charge])
    trade = Trade("B", "A", frozen([4.0]), frozen([0.12]), own)
    lines = settle(replace(executed, trades=(trade,)))
    booked = [x for x in lines if x.item == Item.LOCAL_CHARGE]
    assert [(x.payer, x.payee, x.kwh) for x in booked] == [("A", "dno", 2.0)]
    assert booked[0].amount == pytest.approx(2.0 * due)
    parties = {name for line in lines for name in (line.payer, line.payee)}
    assert sum(account(lines, name) for name in parties) == pytest.approx(0.0)


def test_a_trade_without_a_charge_has_no_line_of_it(executed):
    trade = Trade("B", "A", frozen([4.0]), frozen([0.12]), frozen([0.0]))
    lines = settle(replace(executed, trades=(trade,)))
    assert not [x for x in lines if x.item == Item.LOCAL_CHARGE]


def test_neither_market_nor_dno_owes_a_charge_on_what_it_buys():
    for buyer in ("market", "dno"):
        trade = Trade("B", buyer, frozen([4.0]), frozen([0.12]), frozen([0.5]))
        assert trade.charged_per_kwh(TARIFF).tolist() == [0.0]


def test_one_step_of_a_trade_is_a_trade_of_one_step():
    trade = Trade("B", "A", frozen([4.0, 5.0]), frozen([0.1, 0.2]), frozen([0.3, 0.4]))
    one = trade.at(1)
    assert (one.kw, one.price_per_kwh, one.charge_per_kwh) == ([5.0], [0.2], [0.4])
    assert replace(trade, charge_per_kwh=None).at(1).charge_per_kwh is None

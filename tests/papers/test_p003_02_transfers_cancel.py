"""Property 2: what microgrids pay the DNO is what it is paid. The printed (22) books it wrongly."""

import numpy as np
import pytest

from mmgsim.settlement import account
from mmgsim.subproblems import Granting
from tests.support import p003

HOURS = np.array([0, 12])
"""All three lack at midnight, all three have power left at noon."""


@pytest.fixture(scope="module")
def granted():
    tree = p003.tree()
    known = p003.view(tree, HOURS)
    return known, Granting().grant(known, p003.query(known, HOURS))


def paid_by_microgrids(known, grants):
    """The trade terms of (21), summed over the microgrids. [currency]"""
    return sum(
        float(known.tariff.import_per_kwh @ one.lack_kw)
        - float(known.tariff.export_per_kwh @ one.surplus_kw)
        for one in grants.grants.values()
    )


def trade_of_the_dno(known, grants, sign_of_surplus):
    """The trade terms of (22): minus what is bought from it, and surplus with a sign."""
    return sum(
        -float(known.tariff.import_per_kwh @ one.lack_kw)
        + sign_of_surplus * float(known.tariff.export_per_kwh @ one.surplus_kw)
        for one in grants.grants.values()
    )


def test_trade_cancels_between_microgrids_and_dno(granted):
    known, grants = granted
    paid = paid_by_microgrids(known, grants)
    assert abs(paid) > 1.0
    assert paid + trade_of_the_dno(known, grants, 1.0) == pytest.approx(0.0, abs=1e-9)
    assert grants.cost.trade == pytest.approx(paid)


def test_the_printed_sign_does_not_cancel(granted):
    """(22) as printed takes payments for surplus as revenue of whoever makes them."""
    known, grants = granted
    left = paid_by_microgrids(known, grants) + trade_of_the_dno(known, grants, -1.0)
    surplus = sum(
        float(known.tariff.export_per_kwh @ one.surplus_kw) for one in grants.grants.values()
    )
    assert left == pytest.approx(-2.0 * surplus)
    assert abs(left) > 100.0


@pytest.mark.parametrize("case", [2, 3])
def test_the_ledger_of_the_day_books_what_the_dno_planned_to_trade(case):
    """In case 3 step 3 may use less than was granted, at the spread of two per MWh or none."""
    model = p003.day(case)
    lines = model.table("ledger")
    mine = lines[lines["item"].isin(["import", "export"])]
    earned = mine[mine.payee == "dno"].amount.sum() - mine[mine.payer == "dno"].amount.sum()
    members = {"MG1", "MG2", "MG3"}
    paid = mine[mine.payer.isin(members)].amount.sum() - mine[mine.payee.isin(members)].amount.sum()
    assert earned == pytest.approx(paid)
    planned = float(model.table("grants").trade.iloc[-1])
    used_kwh = np.abs(model.table("dispatch").exchange_kw).sum()
    given = model.table("grants").iloc[-1]
    granted_kwh = given.requested_kwh - given.refused_kwh
    assert abs(earned - planned) <= 0.16 * abs(granted_kwh - used_kwh) + 1e-3


def test_all_accounts_of_the_day_add_up_to_nothing():
    lines = p003.day(3).market.lines
    parties = {line.payer for line in lines} | {line.payee for line in lines}
    assert sum(account(lines, party) for party in parties) == pytest.approx(0.0, abs=1e-9)
    assert account(lines, "market") == pytest.approx(0.0, abs=1e-9)

"""Every market that comes with mmgsim keeps its contract, and the suite catches those that do
not."""

from dataclasses import replace
from itertools import count

import numpy as np
import pytest

from mmgsim.contracts import Item, LedgerLine
from mmgsim.coordination import Isolated
from mmgsim.errors import ContractError
from mmgsim.scenario import BUILT_IN, Kind, find_class
from mmgsim.testing import check_market, market_faults, sample_executed
from mmgsim_agents.markets.standard import StandardMarket


@pytest.mark.parametrize("name", BUILT_IN[Kind.MARKET])
def test_registered_market_keeps_its_contract(name):
    check_market(find_class(Kind.MARKET, name))


def test_sample_steps_have_trade_a_new_day_and_energy_off_plan():
    done = [executed for _, executed in sample_executed(1)]
    assert [bool(step.trades) for step in done] == [True, False, True]
    assert [step.is_new_day for step in done] == [True, False, False]
    off_plan = [any(m.exchange_kw != m.planned_exchange_kw for m in s.members) for s in done]
    assert off_plan == [False, False, True]


# ---------------------------------------------------------------------------------- faulty ones
class BooksNothing(StandardMarket):
    def settle(self, view, executed):
        return []


class ForgetsTrade(StandardMarket):
    def settle(self, view, executed):
        lines = super().settle(view, executed)
        return [line for line in lines if line.item != Item.LOCAL_TRADE]


class ForgetsStartUps(StandardMarket):
    def settle(self, view, executed):
        lines = super().settle(view, executed)
        return [line for line in lines if line.item != Item.START_UP]


class BooksForStrangers(StandardMarket):
    def settle(self, view, executed):
        return [*super().settle(view, executed), LedgerLine("MG9", "grid", "fee", 1.0, 1.0)]


class BooksNan(StandardMarket):
    def settle(self, view, executed):
        return [replace(line, amount=np.nan) for line in super().settle(view, executed)]


class Dearer(StandardMarket):
    """Charges more every time."""

    def __init__(self, coordination):
        super().__init__(coordination)
        self.asked = count()

    def settle(self, view, executed):
        fee = 0.1 * next(self.asked)
        return [*super().settle(view, executed), LedgerLine("MG1", "market", "fee", 0.0, fee)]


class HasNoMechanism(StandardMarket):
    def mechanism(self, view):
        return None


class NeverClears(Isolated):
    def tell(self, replies):
        return None


class ChoosesBadly(StandardMarket):
    def mechanism(self, view):
        return NeverClears()


class Trips(StandardMarket):
    def settle(self, view, executed):
        return {}["nothing"]


@pytest.mark.parametrize(
    ("market", "fault"),
    [
        (BooksNothing, "world 0, settle: import of MG2: kwh of its lines is 0"),
        (ForgetsTrade, "world 0, settle: local_trade of MG1: kwh of its lines is 0"),
        (ForgetsStartUps, "world 0, settle: start_up of MG1: amount of its lines is 0, 5 happened"),
        (BooksForStrangers, "world 0, settle: fee names MG9, who are no party"),
        (BooksNan, "world 0, settle: .* is not finite"),
        (Dearer, "world 0, sameness: one asked twice: another ledger of the same step"),
        (HasNoMechanism, "world 0, mechanism: gives NoneType, not Mechanism"),
        (ChoosesBadly, "world 0, gate: does not clear after"),
        (Trips, "world 0, settle: it failed .*KeyError: 'nothing' \\(test_markets.py:"),
    ],
)
def test_broken_promise_is_named_with_its_world(market, fault):
    with pytest.raises(ContractError, match=fault):
        check_market(market, seeds=1)


def test_what_is_no_market_is_told_so():
    assert market_faults(lambda coordination: coordination) == [
        "is no Market: it needs `mechanism` and `settle`"
    ]


def test_a_market_with_prices_of_its_own_keeps_its_contract():
    class Flat(StandardMarket):
        """Charges a flat price on imports, no charges, and a fee."""

        def settle(self, view, executed):
            lines = [
                replace(line, amount=0.3 * line.kwh) if line.item == Item.IMPORT else line
                for line in super().settle(view, executed)
                if line.item not in (Item.NETWORK_CHARGE, Item.FIXED_CHARGE)
            ]
            return [*lines, LedgerLine("MG1", "market", "fee", 0.0, 1.0)]

    check_market(Flat, seeds=2)

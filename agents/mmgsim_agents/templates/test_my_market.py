"""MyMarket keeps its contract, and does what it is for."""

from __future__ import annotations

from pathlib import Path

import pytest

import mmgsim
from mmgsim.scenario import Kind, find_class
from mmgsim.testing import check_market

# Found as a scenario finds it, from whatever folder the tests are started.
REFERENCE = f"{Path(__file__).parent / 'my_market.py'}:MyMarket"
MyMarket = find_class(Kind.MARKET, REFERENCE)


def test_it_keeps_its_contract() -> None:
    check_market(MyMarket)


# Change this one with the market: say what it is for, and what must hold then.
def test_it_books_its_fee_on_what_was_bought(tmp_path: Path) -> None:
    market = {"kind": REFERENCE, "options": {"fee_per_kwh": 0.02}}
    results = mmgsim.run("duo", overrides={"market": market}, out=tmp_path / "run", report=False)
    assert results.summary["faults_contained"] == 0
    fees = results.ledger[results.ledger["item"] == "market_fee"]
    assert fees.amount.sum() == pytest.approx(0.02 * results.dispatch.bought_kw.sum())
    assert fees.amount.sum() > 0.0

"""MyMarket does what it is for."""

from __future__ import annotations

from pathlib import Path

import pytest

import mmgsim

REFERENCE = f"{Path(__file__).parent / 'my_market.py'}:MyMarket"


# Change this one with the market: say what it is for, and what must hold then.
def test_it_books_its_fee_on_what_was_bought(tmp_path: Path) -> None:
    market = {"kind": REFERENCE, "options": {"fee_per_kwh": 0.02}}
    results = mmgsim.run("duo", overrides={"market": market}, out=tmp_path / "run")
    assert results.summary["faults_contained"] == 0
    fees = results.ledger[results.ledger["item"] == "market_fee"]
    assert fees.amount.sum() == pytest.approx(0.02 * results.dispatch.bought_kw.sum())
    assert fees.amount.sum() > 0.0

"""MyStrategy keeps its contract, and does what it is for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mmgsim.contracts import View
from mmgsim.scenario import Kind, find_class
from mmgsim.subproblems import Terms
from mmgsim.testing import check_strategy, sample_view

# Found as a scenario finds it, from whatever folder the tests are started.
MyStrategy = find_class(Kind.STRATEGY, f"{Path(__file__).parent / 'my_strategy.py'}:MyStrategy")


def test_it_keeps_its_contract() -> None:
    check_strategy(MyStrategy)


# Change this one with the strategy: say what it is for, and what must hold then.
@pytest.mark.parametrize("seed", range(3))
def test_it_imports_no_more_than_at_the_true_prices(seed: int) -> None:
    view = sample_view(seed)
    assert imported_kw(0.1, view) <= imported_kw(0.0, view) + 1e-3


def imported_kw(margin_per_kwh: float, view: View) -> float:
    plan = MyStrategy(margin_per_kwh).plan(view, Terms.of(view))
    return float(np.maximum(-plan.exchange_kw, 0.0).sum())

"""MyMechanism keeps its contract, and does what it is for."""

from __future__ import annotations

from pathlib import Path

import mmgsim
from mmgsim.scenario import Kind, find_class
from mmgsim.testing import check_mechanism

# Found as a scenario finds it, from whatever folder the tests are started.
REFERENCE = f"{Path(__file__).parent / 'my_mechanism.py'}:MyMechanism"
MyMechanism = find_class(Kind.MECHANISM, REFERENCE)


def test_it_keeps_its_contract() -> None:
    check_mechanism(MyMechanism)


# Change this one with the mechanism: say what it is for, and what must hold then.
def test_trading_costs_the_members_less_than_the_grid_alone(tmp_path: Path) -> None:
    alone = mmgsim.run("duo", coordination="isolated", out=tmp_path / "alone", report=False)
    pooled = mmgsim.run("duo", coordination=REFERENCE, out=tmp_path / "pooled", report=False)
    assert pooled.summary["faults_contained"] == 0
    assert pooled.trades.kw.sum() > 0.0
    assert pooled.summary["objective_cost"] < alone.summary["objective_cost"]

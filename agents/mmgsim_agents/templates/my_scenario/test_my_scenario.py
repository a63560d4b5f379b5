"""The scenario my_scenario has no faults, and runs."""

from __future__ import annotations

from pathlib import Path

import mmgsim

HERE = Path(__file__).parent


def test_it_has_no_faults_and_no_warnings() -> None:
    assert not mmgsim.build(HERE).warnings


# Change this one with the scenario: say what has to come out of a day.
def test_a_day_is_simulated_without_shedding_load(tmp_path: Path) -> None:
    results = mmgsim.run(HERE, overrides={"days": 1}, out=tmp_path / "run", report=False)
    assert results.manifest["status"] == "complete"
    assert results.summary["faults_contained"] == 0
    assert results.dispatch.shed_kw.sum() < 1e-6

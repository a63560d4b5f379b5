"""Strategies that learn, in a run: what is told to whom, and what a checkpoint keeps."""

import numpy as np
import pandas as pd
import pytest

import mmgsim
from mmgsim.errors import RunEndedEarlyError

QUICK = {"gate.horizon": "1h", "gate.end_of_window": {"kind": "free"}, "days": 2}


class StopError(Exception):
    """Stands for whatever may end a run."""


def stop_in_second_day(model):
    if model.clock.step == 30:
        raise StopError


@pytest.mark.parametrize("strategy", ["learner", "imitator"])
def test_a_run_that_was_stopped_goes_on_with_what_was_learnt(tmp_path, strategy):
    options = {"coordination": "auction", "strategy": strategy, "overrides": QUICK, "report": False}
    whole = mmgsim.run("duo", out=tmp_path / "whole", **options)
    with pytest.raises(RunEndedEarlyError):
        mmgsim.run("duo", out=tmp_path / "again", progress=stop_in_second_day, **options)
    again = mmgsim.run("duo", out=tmp_path / "again", resume=True, **options)
    assert len(whole.trades) > 0
    for name in ("trades", "prices", "ledger", "dispatch"):
        pd.testing.assert_frame_equal(whole.table(name), again.table(name))
    assert len(whole.faults) == 0


def counts(model):
    return model.table("messages").groupby("kind")["count"].sum()


def short_run(strategies, **options):
    """Run a morning and a noon of duo."""
    chosen = {f"microgrids.{name}.strategy": one for name, one in strategies.items()}
    model = mmgsim.build("duo", overrides={**QUICK, **chosen}, **options)
    for _ in range(12):
        model.step()
    return model


def test_bulletins_go_to_those_who_read_them_and_cost_the_others_nothing():
    quiet = short_run({}, coordination="auction")
    one = short_run({"MG2": "imitator"}, coordination="auction")
    assert "Bulletin" not in counts(quiet)
    assert counts(one)["Bulletin"] == 12
    assert counts(one)["Statement"] == counts(quiet)["Statement"]


def test_a_market_without_trades_has_empty_bulletins():
    model = short_run({"MG1": "imitator", "MG2": "imitator"}, coordination="isolated")
    assert counts(model)["Bulletin"] == 24
    assert len(model.table("faults")) == 0


BAD = """
from mmgsim_agents.strategies import CostMinimiser


class CannotSayWhatItReads(CostMinimiser):
    @property
    def reads(self):
        return {}["reads"]
"""


def test_who_fails_at_telling_what_it_reads_gets_no_bulletin_and_the_run_goes_on(tmp_path):
    (tmp_path / "bad.py").write_text(BAD)
    bad = f"{tmp_path / 'bad.py'}:CannotSayWhatItReads"
    model = short_run({"MG1": bad, "MG2": "imitator"}, coordination="auction")
    assert counts(model)["Bulletin"] == 12
    faults = model.table("faults")
    assert set(faults.agent) == {"MG1"}
    assert faults.message.str.contains("telling what it reads").all()


@pytest.mark.parametrize("mechanism", ["central", "prices", "pool"])
@pytest.mark.parametrize("strategy", ["learner", "imitator"])
def test_where_nobody_asks_for_orders_it_changes_nothing(mechanism, strategy):
    plain, other = (
        short_run({"MG1": one, "MG2": one}, coordination=mechanism)
        for one in ("truthful", strategy)
    )
    assert np.array_equal(plain.table("dispatch").exchange_kw, other.table("dispatch").exchange_kw)

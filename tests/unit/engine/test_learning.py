"""Strategies that learn, in a run: what is told to whom, and what a checkpoint keeps."""

import numpy as np
import pandas as pd
import pytest
import yaml

import mmgsim
from mmgsim.contracts import frozen
from mmgsim.coordination import RepeatedDay
from mmgsim.errors import RunEndedEarlyError

QUICK = {"gate.horizon": "1h", "gate.end_of_window": {"kind": "free"}, "days": 2}


class StopError(Exception):
    """Stands for whatever may end a run."""


def stop_in_second_day(model):
    if model.clock.step == 30:
        raise StopError


def test_a_run_that_was_stopped_goes_on_with_what_was_learnt_and_copied(tmp_path):
    strategies = {"microgrids.MG1.strategy": "learner", "microgrids.MG2.strategy": "imitator"}
    overrides = {**QUICK, **strategies, "coordination.pricing": "pay-as-bid"}
    options = {"coordination": "auction", "overrides": overrides, "report": False}
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


FAULTY = """
from mmgsim.coordination import Auction
from mmgsim_agents.strategies import Learner


class FailsAtTen(Learner):
    def dispatch(self, view, realised):
        if realised.step == 10:
            raise KeyError("nothing")
        return super().dispatch(view, realised)


class AuctionThatFailsAtTen(Auction):
    def tell(self, replies):
        clearing = super().tell(replies)
        if clearing is not None and self._view.window.first_step == 10:
            raise KeyError("nothing")
        return clearing
"""

AWAY = {"microgrid": "MG1", "start": "2021-01-11 10:00", "end": "2021-01-11 11:00"}


def remembered(strategy, coordination, **overrides):
    """Give what a learner remembers after each of the first hours of duo."""
    chosen = {**QUICK, "microgrids.MG1.strategy": strategy, **overrides}
    model = mmgsim.build("duo", coordination=coordination, overrides=chosen)
    memories = []
    for _ in range(13):
        model.step()
        memories.append(model.microgrids["MG1"].carried()["memory"])
    return memories


@pytest.mark.parametrize("missing", ["own line", "market"])
def test_where_its_orders_were_not_wanted_nothing_is_drawn_or_learnt(tmp_path, missing):
    (tmp_path / "faulty.py").write_text(FAULTY)
    if missing == "own line":
        memories = remembered("learner", "auction", **{"communication.away": [AWAY]})
    else:
        memories = remembered("learner", f"{tmp_path / 'faulty.py'}:AuctionThatFailsAtTen")
    assert [memory["choice"] < 0 for memory in memories] == [hour == 10 for hour in range(13)]
    ten, eleven, twelve = (memory["propensities"] for memory in memories[10:])
    assert np.array_equal(ten, eleven)
    assert not np.array_equal(eleven, twelve)


def test_after_a_fault_of_its_own_it_learns_nothing_of_what_it_missed(tmp_path):
    (tmp_path / "faulty.py").write_text(FAULTY)
    memories = remembered(f"{tmp_path / 'faulty.py'}:FailsAtTen", "auction")
    nine, ten, eleven, twelve = (memory["propensities"] for memory in memories[9:])
    assert np.array_equal(nine, ten)  # the stand-in dispatched, and learns nothing
    assert np.array_equal(nine, eleven)
    assert not np.array_equal(eleven, twelve)


@pytest.mark.parametrize("mechanism", ["central", "prices", "pool"])
@pytest.mark.parametrize("strategy", ["learner", "imitator"])
def test_where_nobody_asks_for_orders_it_changes_nothing(mechanism, strategy):
    plain, other = (
        short_run({"MG1": one, "MG2": one}, coordination=mechanism)
        for one in ("truthful", strategy)
    )
    assert np.array_equal(plain.table("dispatch").exchange_kw, other.table("dispatch").exchange_kw)


def sunny_hour(markup):
    """Give a scenario of the induced book: a seller with a fixed markup, two more, three buyers."""
    names_kw = {"own": 3.0, "seller-0": 1.0, "seller-1": 1.0}
    sellers = [
        {
            "name": name,
            "devices": [{"name": "roof", "kind": "pv", "rating_kw": kw, "profile": kw}],
        }
        for name, kw in names_kw.items()
    ]
    sellers[0]["strategy"] = {"kind": "learner", "options": {"markups": [markup]}}
    buyers = [
        {"name": f"buyer-{k}", "devices": [{"name": "load", "kind": "load", "profile": 1.0}]}
        for k in range(3)
    ]
    return {
        "name": "sunny-hour",
        "timezone": "UTC",
        "start": "2021-01-04",
        "days": 1,
        "coordination": {"kind": "auction"},
        "network": "none",
        "gate": {"every": "1h", "horizon": "1h", "end_of_window": {"kind": "free"}},
        "tariff": {"import_per_kwh": 0.30, "export_per_kwh": 0.05},
        "forecast": {"kind": "perfect"},
        "microgrids": [*sellers, *buyers],
    }


@pytest.mark.parametrize("markup", [0.0, 0.25, 1.0])
def test_a_markup_earns_in_a_run_what_the_study_says(tmp_path, markup):
    (tmp_path / "scenario.yaml").write_text(yaml.safe_dump(sunny_hour(markup)))
    model = mmgsim.build(tmp_path)
    model.step()
    ledger = model.table("ledger")
    sales = ledger[(ledger.payee == "own") & (ledger.item == "local_trade")]
    found = float((sales.amount - 0.05 * sales.kwh).sum())
    day = RepeatedDay(0.05, 3.0, frozen([0.05] * 2), frozen([0.3] * 3), frozen([1.0]), 0.3)
    assert found == pytest.approx(day.profit(markup, 0), abs=1e-6)
    # Two others cannot serve three buyers.
    assert day.residual_supply < 1.0
    assert (found > 0.01) == (markup > 0.0)

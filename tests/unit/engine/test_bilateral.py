"""The bilateral coordination in a run: money of the pairs, strategies, faults, silence, islands."""

import numpy as np
import pandas as pd
import pytest

import mmgsim
from mmgsim.errors import ScenarioError

KM = {"distances": {"MG1": {"MG2": 4.0}}}
FEEDER = {
    "network": {"case": "case33bw", "background": {"scale": 0.4}, "ratings": "wa9"},
    "microgrids.MG1.bus": 17,
    "microgrids.MG2.bus": 32,
}


def run(steps, scenario="duo", strategy=None, overrides=None, **options):
    coordination = {"kind": "bilateral", **options}
    strategies = {} if strategy is None else {"strategy": strategy}
    model = mmgsim.build(
        scenario, coordination=coordination, overrides=overrides or {}, **strategies
    )
    for _ in range(steps):
        model.step()
    return model


def charged(model):
    """Give what is booked for charges, and what the trades say is owed. [currency]"""
    lines, trades = model.table("ledger"), model.table("trades")
    assert len(trades) > 0
    assert {*trades.seller, *trades.buyer} <= {"MG1", "MG2"}
    booked = lines[lines["item"] == "local_charge"].amount.sum()
    return booked, (trades.kw * trades.charge_per_kwh).sum()


@pytest.mark.parametrize("charges", ["local", {"per_km": 0.01}])
def test_a_charge_by_length_is_owed_on_top_of_the_local_one(charges):
    model = run(12, charges=charges, **KM)
    booked, due = charged(model)
    assert booked == pytest.approx(due, rel=1e-12)
    # Half of 0.27 at peak and of 0.12 else is local; four kilometres cost 0.04.
    extra = 0.0 if charges == "local" else 0.04
    told = set(model.table("trades").charge_per_kwh.round(12))
    assert told <= {round(0.135 + extra, 12), round(0.06 + extra, 12)}


def test_losses_are_charged_by_what_the_dno_says_once_a_gate():
    model = run(12, charges="losses", overrides=FEEDER)
    booked, due = charged(model)
    assert booked == pytest.approx(due, rel=1e-12)
    assert not np.isin(model.table("trades").charge_per_kwh, (0.135, 0.06)).any()
    sent = model.table("messages")
    assert sent[sent.kind == "NetworkQuery"]["count"].sum() == 12


@pytest.mark.parametrize("strategy", ["truthful", "zero-intelligence", "markup", "withholder"])
def test_two_runs_of_the_same_seed_trade_the_same(strategy):
    one, other = (run(12, strategy=strategy).table("trades") for _ in range(2))
    assert len(one) > 0
    pd.testing.assert_frame_equal(one, other)


def test_a_line_that_loses_messages_leaves_a_microgrid_out_and_everybody_else_balanced():
    talk = {"communication": {"loss_probability": 0.1, "repeats": 1}}
    model = run(16, charges="losses", overrides={**FEEDER, **talk})
    assert model.table("steps")["flags"].str.contains("left_out").any()
    booked, due = charged(model)
    assert booked == pytest.approx(due, rel=1e-12)


def test_who_is_islanded_trades_nothing():
    noon = {"start": "2021-01-11 09:00", "end": "2021-01-11 12:00"}
    island = {"kind": "islanding", "microgrid": "MG1", "announced": True, **noon}
    model = run(13, overrides={"events": [island]})
    hours = model.table("trades").time.dt.tz_convert("Australia/Perth").dt.hour
    usual = run(13).table("trades").time.dt.tz_convert("Australia/Perth").dt.hour
    assert usual.isin(range(9, 12)).any()
    assert not hours.isin(range(9, 12)).any()
    assert (hours == 12).any()


def test_options_that_have_no_effect_are_doubted_at_their_key():
    def doubts(**options):
        warnings = mmgsim.build("duo", coordination={"kind": "bilateral", **options}).warnings
        return [(fault.where, fault.what) for fault in warnings]

    (loss,) = doubts(charges="losses")
    assert loss == ("coordination.charges", "'losses' is the same as 'local' without a network")
    ((where, what),) = doubts(charges={"per_km": 0.1})
    assert where == "coordination.charges"
    assert "no effect where all distances are alike" in what
    assert doubts(charges={"per_km": 0.1}, **KM) == doubts() == []


def test_what_does_not_fit_the_scenario_is_told_at_once_with_place():
    with pytest.raises(ScenarioError) as caught:
        mmgsim.build("duo", coordination={"kind": "bilateral", "distances": {"MG1": {"MG3": 1.0}}})
    assert {(fault.where, fault.what) for fault in caught.value.faults} == {
        ("coordination.distances", "'MG3' is no microgrid"),
        ("coordination.distances", "says no distance between MG1 and MG2"),
    }

"""A line that loses and delays: who stays silent is left out, and everything else holds."""

import numpy as np
import pytest

import mmgsim
from mmgsim.contracts import PriceQuery, Request, RequestQuery, frozen
from mmgsim.coordination import Admm, Prices
from mmgsim.engine import Line, MessageBus, OutOfTimeError, Quality, SilenceError
from mmgsim.errors import ScenarioError
from mmgsim.run import summarise
from mmgsim.testing import sample_view

WINDOW = sample_view(1).window
BAD = {"loss_probability": 0.2, "delay_rounds": 2}
NOON = {"start": "2021-01-11 11:00", "end": "2021-01-11 15:00"}
# A gate at every third hour of one day; MG1 sells to MG2 in some of them.
DUO = {"gate.every": "3h", "days": 1}


class Listener:
    role = "microgrid"

    def __init__(self, name):
        self.name = self.who = name
        self.asked = 0

    def may_answer_in_thread(self, message):
        return False

    def receive(self, message):
        self.asked += 1
        return Request(lack_kw=frozen([float(self.asked)]), surplus_kw=frozen([0.0]))


class Drawn:
    """Numbers that say in turn whether a message gets lost."""

    def __init__(self, *lost):
        self.numbers = [0.0 if one else 0.9 for one in lost]

    def random(self):
        return self.numbers.pop(0)


def line(listeners, *, draws=None, away=(), **quality):
    bus = MessageBus(keeps_payloads=True)
    for listener in (*listeners, Listener("market")):
        bus.register(listener)
    made = Line(bus, "market", Quality(**{"loss_probability": 0.5, **quality}))
    made.open_gate(draws or (lambda _: Drawn(*[False] * 9)), away)
    return made, bus


def ask(talk, *names):
    return talk.exchange([RequestQuery(to=name, window=WINDOW) for name in names])


def run(scenario="duo", *, coordination="central", talk=None, **overrides):
    given = {f"communication.{key}": value for key, value in (talk or {}).items()}
    model = mmgsim.build(scenario, coordination=coordination, overrides={**overrides, **given})
    while not model.clock.is_finished:
        model.step()
    return model


# ------------------------------------------------------------------------------------ the line
def test_who_is_asked_again_gives_the_same_reply_and_decides_nothing_twice():
    first, second = Listener("M1"), Listener("M2")
    lost = {"M1": Drawn(False, True, True, False, False), "M2": Drawn(False, False)}
    talk, bus = line([first, second], draws=lost.get)
    replies = ask(talk, "M1", "M2")
    assert [reply.sender for reply in replies] == ["M1", "M2"]
    assert (first.asked, second.asked) == (1, 1)
    assert replies[0].lack_kw[0] == 1.0
    # Sent: three questions to M1 and two replies of it; one of each with M2.
    assert (talk.rounds, talk.lost, bus.traffic.messages) == (3, 2, 7)
    assert len(bus.take_payloads()) == 4  # what was said, each thing once


def test_who_is_away_stays_silent_and_the_time_of_all_repeats_passes():
    talk, bus = line([Listener("M1"), Listener("M2")], away=["M2"], delay_rounds=2, repeats=3)
    with pytest.raises(SilenceError) as silence:
        ask(talk, "M1", "M2")
    assert silence.value.names == ("M2",)
    assert (talk.rounds, talk.lost, bus.traffic.messages) == (12, 4, 6)


def test_a_reply_after_the_deadline_comes_too_late():
    talk, _ = line([Listener("M1")], loss_probability=0.0, delay_rounds=3, deadline_rounds=7)
    assert len(ask(talk, "M1")) == 1
    with pytest.raises(OutOfTimeError):
        ask(talk, "M1")


def test_it_is_late_once_another_two_exchanges_might_not_fit():
    talk, _ = line([Listener("M1")], delay_rounds=1, repeats=1, deadline_rounds=10)
    seen = [talk.is_late]
    for _ in range(2):
        ask(talk, "M1")
        seen.append(talk.is_late)
    assert seen == [False, False, True]


# -------------------------------------------------------------------------------- in a run
def test_a_perfect_line_changes_nothing_and_takes_a_round_for_each_exchange():
    gates = run(**DUO).table("gates")
    assert gates.line_rounds.tolist() == gates.rounds.tolist()
    assert gates.lost_messages.sum() == 0


@pytest.mark.parametrize(
    "kind", ["isolated", "central", "prices", "bilateral", "bilevel", "peer-to-peer", "admm"]
)
def test_trades_balance_and_nobody_is_better_off_with_a_bad_line(kind):
    good, bad = (run(coordination=kind, talk=talk, **DUO) for talk in (None, {**BAD, "repeats": 1}))
    trades = bad.table("trades")
    sold = trades[trades.seller != "market"].groupby("time").kw.sum()
    bought = trades[trades.buyer != "market"].groupby("time").kw.sum()
    assert sold.to_numpy() == pytest.approx(bought.to_numpy(), abs=1e-9)
    assert bad.table("ledger").amount.notna().all()
    assert bad.table("gates").lost_messages.sum() > 0
    assert bad.table("steps")["flags"].str.contains("left_out").any()
    slack = 1e-6 * good.table("gates").gross.sum()
    if kind == "central":  # the optimum of all: any other plans of a gate cost more
        assert bad.table("gates").upper[0] >= good.table("gates").upper[0] - slack


def test_who_is_away_plans_for_itself_and_trades_again_afterwards():
    gone = [{"microgrid": "MG2", **NOON}]
    whole = run(**{**DUO, "gate.every": "1h"})
    model = run(talk={"away": gone}, **{**DUO, "gate.every": "1h"})
    hours = model.table("trades").time.dt.tz_convert("Australia/Perth").dt.hour
    usual = whole.table("trades").time.dt.tz_convert("Australia/Perth").dt.hour
    away = range(11, 15)
    assert usual.isin(away).any()
    assert not hours.isin(away).any()
    assert (hours >= 15).any()
    steps = model.table("steps")
    flagged = steps.time.dt.tz_convert("Australia/Perth").dt.hour.isin(away)
    assert steps["flags"].str.contains("left_out:MG2").equals(flagged)
    # Nothing is proven of all while one of them is left out.
    assert model.table("gates").lower.isna().tolist() == flagged.tolist()
    summary = summarise(model, wall_s=0.0)
    assert summary["gates_without_bound"] == summary["left_out"] == len(away)
    assert summary["lost_messages"] == model.table("gates").lost_messages.sum() > 0
    assert summary["line_rounds"] == model.table("gates").line_rounds.sum() > summary["gates"]


def test_everybody_is_left_out_of_a_gate_whose_time_is_over():
    talk = {"delay_rounds": 1, "repeats": 0, "deadline_rounds": 4}
    # Requests, grants and plans take more than a question and an award.
    model = run(coordination="bilateral", talk=talk, **{"gate.every": "12h", "days": 1})
    assert model.table("steps")["flags"].str.contains("out_of_time").all()
    assert summarise(model, wall_s=0.0)["left_out"] == 2 * 2


def test_pairs_trade_on_at_the_local_charge_where_the_dno_cannot_be_asked_about_all():
    gone = [{"microgrid": "MG3", "start": "2021-01-11 10:00", "end": "2021-01-11 14:00"}]
    model = run(
        "wa9",
        coordination={"kind": "bilateral", "charges": "losses"},
        talk={"away": gone},
        **{"gate.every": "12h", "start": "2021-01-11", "days": 1},
    )
    steps, trades = model.table("steps"), model.table("trades")
    away = steps[steps["flags"].str.contains("local_charges")]
    assert away["flags"].str.contains("left_out:MG3").all()
    assert not steps["flags"].str.contains("left_out:MG1").any()
    traded = trades[trades.time.isin(away.time)]
    assert len(traded)
    assert "MG3" not in {*traded.seller, *traded.buyer}
    assert (traded.groupby("time")["charge_per_kwh"].nunique(dropna=False) == 1).all()


def test_with_everybody_away_the_day_is_that_of_nobody_trading():
    gone = [
        {"microgrid": name, "start": "2021-01-11 00:00", "end": "2021-01-12 00:00"}
        for name in ("MG1", "MG2")
    ]
    alone, away = run(coordination="isolated", **DUO), run(talk={"away": gone}, **DUO)
    columns = ["import_kw", "export_kw", "exchange_kw", "soc_kwh"]
    np.testing.assert_array_equal(alone.table("dispatch")[columns], away.table("dispatch")[columns])
    assert away.table("gates").upper.tolist() == alone.table("gates").upper.tolist()


@pytest.mark.parametrize("kind", ["prices", "admm"])
def test_with_a_deadline_what_there_is_gets_awarded_and_stays_certified(kind):
    slow = {"delay_rounds": 2, "repeats": 0, "deadline_rounds": 15}
    free, hurried = (
        run("wa9", coordination=kind, talk=talk, **{"gate.every": "1d", "days": 1})
        for talk in ({}, slow)
    )
    at_once, late = free.table("gates").iloc[0], hurried.table("gates").iloc[0]
    assert late.rounds < at_once.rounds
    assert late.line_rounds <= 15
    assert late.lower <= at_once.upper <= late.upper + 1e-6 * late.gross
    assert late.upper > at_once.upper
    assert "out_of_time" not in hurried.table("steps")["flags"][0]


@pytest.mark.parametrize("kind", [Prices, Admm])
def test_hurry_before_any_offer_still_asks_for_some(kind):
    model = mmgsim.build("duo", coordination="prices")
    model.step()
    mechanism = kind()
    mechanism.start(model.market.view(model.clock.window()), {})
    mechanism.hurry()
    assert all(isinstance(question, PriceQuery) for question in mechanism.ask())


def test_where_the_network_is_asked_nobody_trades_without_everybody():
    gone = [{"microgrid": "MG4", **NOON}]
    model = run(
        "wa9-tight",
        coordination={"kind": "central", "network": "rows"},
        talk={"away": gone},
        **{"days": 1, "gate.every": "6h"},
    )
    trades, steps = model.table("trades"), model.table("steps")
    flagged = steps[steps["flags"].str.contains("left_out:MG1")]
    assert len(flagged) == 6  # the gate at noon
    assert not trades.time.isin(flagged.time).any()
    assert not trades.empty


def test_luck_hangs_on_seed_step_and_who_is_talked_with_alone():
    talk = {**BAD, "repeats": 1}
    one, same = (run(talk=talk, **DUO).table("gates") for _ in range(2))
    assert one.lost_messages.tolist() == same.lost_messages.tolist()
    other = run(talk=talk, seed=99, **DUO).table("gates")
    assert one.lost_messages.tolist() != other.lost_messages.tolist()


def test_a_run_made_longer_loses_the_same_messages(tmp_path):
    talk = {f"communication.{key}": value for key, value in {**BAD, "repeats": 1}.items()}

    def results(days, out, **more):
        given = {"gate.every": "6h", **talk, "days": days}
        return mmgsim.run("duo", coordination="prices", overrides=given, out=out, **more)

    whole = results(2, tmp_path / "whole")
    results(1, tmp_path / "part")
    part = results(2, tmp_path / "part", resume=True)
    for table in ("gates", "dispatch", "ledger", "messages"):
        assert getattr(whole, table).equals(getattr(part, table)), table


# ------------------------------------------------------------------------------ bad input
def test_all_faults_of_the_communication_are_told_at_once():
    talk = {
        "loss_probability": 0.2,
        "delay_rounds": 2,
        "deadline_rounds": 20,
        "away": [
            {"microgrid": "MG3", **NOON},
            {"microgrid": "MG1", "start": NOON["end"], "end": NOON["start"]},
        ],
    }
    with pytest.raises(ScenarioError) as refused:
        mmgsim.build("duo", overrides={"communication": talk})
    text = str(refused.value)
    assert "may take 36" in text
    assert "there is no microgrid 'MG3'" in text
    assert "is not after the start" in text

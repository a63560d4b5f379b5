"""Plug-ins that raise, hang, give nonsense, oversell, change what they see, or flood the others."""

import numpy as np
import pytest

import mmgsim
from mmgsim.engine.containment import PATIENCE, Seat
from mmgsim.errors import PlugInError

PLUG_INS = '''
import time
from dataclasses import replace

import numpy as np
from mmgsim.contracts import Dispatch, Offer, Plan
from mmgsim.coordination import Central, Isolated, Prices
from mmgsim_agents.markets.standard import StandardMarket
from mmgsim_agents.operators.standard import StandardOperator
from mmgsim_agents.strategies import CostMinimiser


class Raises(CostMinimiser):
    def answer(self, view, message):
        if view.window.first_step % 7 == 3:
            raise KeyError("nothing")
        return super().answer(view, message)


class RaisesLater(CostMinimiser):
    """In the middle of a gate, after it has made offers."""

    def answer(self, view, message):
        if view.window.first_step == 3 and getattr(message, "alone", True) is False:
            raise KeyError("nothing")
        return super().answer(view, message)


class RaisesInDispatch(CostMinimiser):
    def dispatch(self, view, realised):
        return {}["nothing"] if realised.step == 2 else super().dispatch(view, realised)


class Hangs(CostMinimiser):
    def answer(self, view, message):
        while view.window.first_step >= 3:
            try:
                time.sleep(0.01)
            except Exception:
                pass
        return super().answer(view, message)


class NotANumber(CostMinimiser):
    def answer(self, view, message):
        reply = super().answer(view, message)
        if isinstance(reply, Plan):
            return replace(reply, exchange_kw=reply.exchange_kw * np.nan)
        if isinstance(reply, Offer):
            return replace(reply, private_cost=reply.private_cost * np.nan)
        return reply


class Oversells(CostMinimiser):
    """Promises all that its connection carries, without saying from what."""

    def answer(self, view, message):
        reply = super().answer(view, message)
        if not isinstance(reply, Plan):
            return reply
        return replace(reply, exchange_kw=view.envelope.export_limit_kw + 0.0, schedule=None)


class Overuses(CostMinimiser):
    def dispatch(self, view, realised):
        done = super().dispatch(view, realised)
        return replace(done, operations={
            name: replace(one, out_kw=one.out_kw + 1e3) for name, one in done.operations.items()
        })


class SaysNothing(CostMinimiser):
    def answer(self, view, message):
        return None

    def dispatch(self, view, realised):
        return None


class Mutates(CostMinimiser):
    def answer(self, view, message):
        for values in (view.tariff.import_per_kwh, view.envelope.import_limit_kw):
            values.flags.writeable = True
            values[:] = 99.0
        return super().answer(view, message)


class MutatesQuietly(CostMinimiser):
    def dispatch(self, view, realised):
        attempts = (
            lambda: setattr(view.tariff.import_per_kwh.flags, "writeable", True),
            lambda: view.forecast_kw.__setitem__("roof", 0.0),
            lambda: realised.kw.__setitem__("roof", 1e9),
            lambda: setattr(view, "plan", None),
            lambda: view.memory.__setitem__("mine", 3),
        )
        for attempt in attempts:
            try:
                attempt()
            except (ValueError, TypeError, AttributeError):
                continue
        return super().dispatch(view, realised)


class Floods(CostMinimiser):
    def answer(self, view, message):
        reply = super().answer(view, message)
        if not isinstance(reply, Offer):
            return reply
        return replace(reply, exchange_kw=np.zeros((1000, 1000, 24)))


class AsksForEver(Isolated):
    def tell(self, replies):
        return None


class AsksNobody(Isolated):
    def ask(self):
        return [replace(one, to="nobody") for one in super().ask()]


class AwardsOtherTrades(Central):
    def tell(self, replies):
        clearing = super().tell(replies)
        return clearing if clearing is None else replace(clearing, trades=())


class RaisesAtTheEnd(Prices):
    def tell(self, replies):
        if self._view.window.first_step % 6 == 5:
            raise RuntimeError("late")
        return super().tell(replies)


class PricesWithoutNumber(Central):
    def tell(self, replies):
        clearing = super().tell(replies)
        return clearing if clearing is None else replace(clearing, upper=float("nan"))


class BooksWrong(StandardMarket):
    def settle(self, view, executed):
        lines = super().settle(view, executed)
        return [replace(line, amount=float("nan")) for line in lines]


class BooksNothing(StandardMarket):
    def settle(self, view, executed):
        return []


class BooksOneByOne(StandardMarket):
    def settle(self, view, executed):
        yield from super().settle(view, executed)


class PublishesNothing(StandardOperator):
    def publish(self, view):
        return None


class PublishesNaN(StandardOperator):
    def publish(self, view):
        tariff, envelopes = super().publish(view)
        return replace(tariff, import_per_kwh=tariff.import_per_kwh * np.nan), envelopes


class PublishesForStrangers(StandardOperator):
    def publish(self, view):
        tariff, envelopes = super().publish(view)
        return tariff, {**envelopes, "MG9": envelopes["MG1"]}


class PublishesTooMuch(StandardOperator):
    def publish(self, view):
        tariff, envelopes = super().publish(view)
        return tariff, {
            name: replace(envelope, import_limit_kw=100.0 * envelope.import_limit_kw)
            for name, envelope in envelopes.items()
        }


class PublishesAList(StandardOperator):
    def publish(self, view):
        tariff, envelopes = super().publish(view)
        return tariff, list(envelopes.values())


class PublishesNumbers(StandardOperator):
    def publish(self, view):
        tariff, envelopes = super().publish(view)
        return tariff, dict.fromkeys(envelopes, 20.0)


class PublishesForAnotherDay(StandardOperator):
    def publish(self, view):
        tariff, envelopes = super().publish(view)
        later = replace(view.window, first_step=view.window.first_step + 24)
        return replace(tariff, window=later), envelopes
'''

WRONG_KINDS = '''
import sys
from collections import defaultdict
from dataclasses import replace

import numpy as np
from mmgsim.contracts import Disclosure, Dispatch, Offer, Operation, Party, Plan, Trade
from mmgsim.coordination import Central, Isolated
from mmgsim.errors import ContractError
from mmgsim_agents.markets.standard import StandardMarket
from mmgsim_agents.strategies.cost_minimiser import CostMinimiser

AT = 3


class Untold(Exception):
    def __str__(self):
        return self.args[0]


class Unreadable(Exception):
    def __init__(self, one, two):
        super().__init__("written, but not to be read again")


def answering(change, kind):
    class Answers(CostMinimiser):
        def answer(self, view, message):
            reply = super().answer(view, message)
            is_now = isinstance(reply, kind) and view.window.first_step == AT
            return change(reply, view) if is_now else reply

    return Answers


def dispatching(change):
    class Dispatches(CostMinimiser):
        def dispatch(self, view, realised):
            if realised.step != AT:
                return super().dispatch(view, realised)
            return change(lambda: super(Dispatches, self).dispatch(view, realised), view)

    return Dispatches


def scheduling(**changes):
    def change(plan, view):
        entries = {name: replace(entry, **{
            key: make(entry) for key, make in changes.items() if getattr(entry, key) is not None
        }) for name, entry in plan.schedule.items()}
        return replace(plan, schedule=entries)

    return answering(change, Plan)


def raising(error):
    def change(own, view):
        raise error

    return dispatching(change)


def spoiling(own, view):
    view.memory["mine"] = lambda: None
    return own()


def earlier(plan, view):
    return replace(plan, window=replace(view.window, first_step=AT - 1))


AnswersDict = answering(lambda plan, view: {"plan": plan}, Plan)
CostsNothing = answering(lambda plan, view: replace(plan, private_cost=None), Plan)
FlagsNothing = answering(lambda plan, view: replace(plan, flags=None), Plan)
PlansEarlier = answering(earlier, Plan)
Disbelieves = scheduling(expected_kw=lambda entry: entry.expected_kw * np.nan)
GoesBelow = scheduling(out_kw=lambda e: e.out_kw - 1.0, in_kw=lambda e: e.in_kw - 1.0)


def unknown(told, view):
    return replace(told, forecast_kw={k: kw * np.nan for k, kw in told.forecast_kw.items()})


DisclosesNaN = answering(unknown, Disclosure)
OffersNothing = answering(lambda offer, view: replace(offer, indivisible=None), Offer)
OperatesNothing = dispatching(lambda own, view: replace(own(), operations=None))
RemembersNothing = dispatching(lambda own, view: replace(own(), memory=None))
RemembersCode = dispatching(spoiling)
RemembersUnreadable = dispatching(lambda own, view: replace(own(), memory={"x": Unreadable(1, 2)}))
DispatchesNoFlags = dispatching(lambda own, view: replace(own(), flags=None))
Exits = raising(SystemExit(0))
RaisesUntold = raising(Untold(7))
BlamesOthers = raising(ContractError("somebody", ["did it"]))


class Asks(Isolated):
    def ask(self):
        questions = super().ask()
        return self.change(questions) if self._view.window.first_step == AT else questions


class AsksNothing(Asks):
    change = staticmethod(lambda questions: None)


class AsksText(Asks):
    change = staticmethod(lambda questions: ["your plan?"])


class AsksItself(Asks):
    change = staticmethod(lambda questions: [replace(questions[0], to="market")])


class AsksTheDno(Asks):
    change = staticmethod(lambda questions: [replace(questions[0], to="dno")])


class Clears(Central):
    def tell(self, replies):
        clearing = super().tell(replies)
        is_now = clearing is not None and self._view.window.first_step == AT
        return self.change(clearing) if is_now else clearing


class ClearsEarlier(Clears):
    def change(self, clearing):
        return replace(clearing, window=replace(clearing.window, first_step=AT - 1))


class ClearsOtherPlans(Clears):
    def change(self, clearing):
        plans = clearing.plans.items()
        nan = {name: replace(one, exchange_kw=one.exchange_kw * np.nan) for name, one in plans}
        return replace(clearing, plans=nan)


class RoundsNothing(Clears):
    def change(self, clearing):
        return replace(clearing, rounds=None)


class ResidualText(Clears):
    def change(self, clearing):
        return replace(clearing, residual_kw="none")


class ClearsOtherPrices(Clears):
    def change(self, clearing):
        trades = [replace(one, price_per_kwh=2.0 * one.price_per_kwh) for one in clearing.trades]
        return replace(clearing, trades=tuple(trades))


class PrintsMoney(Central):
    """Pays sellers ten times what buyers pay."""

    def _dear(self, trades):
        return tuple(
            replace(one, price_per_kwh=one.price_per_kwh * (1 + 9 * (one.buyer == Party.MARKET)))
            for one in trades
        )

    def ask(self):
        return [
            replace(one, trades=self._dear(one.trades)) if hasattr(one, "trades") else one
            for one in super().ask()
        ]

    def tell(self, replies):
        clearing = super().tell(replies)
        return clearing and replace(clearing, trades=self._dear(clearing.trades))


class BooksOnce(StandardMarket):
    """Gives its lines one by one, as any iterable may."""

    def settle(self, view, executed):
        yield from super().settle(view, executed)
'''

STEPS = 12


@pytest.fixture(scope="module")
def plug_ins(tmp_path_factory):
    file = tmp_path_factory.mktemp("plug-ins") / "hostile.py"
    file.write_text(PLUG_INS)
    return file


@pytest.fixture(scope="module")
def wrong(tmp_path_factory):
    file = tmp_path_factory.mktemp("wrong") / "wrong.py"
    file.write_text(WRONG_KINDS)
    return file


def simulated(**overrides):
    model = mmgsim.build("duo", overrides={"days": 1, **overrides})
    for _ in range(STEPS):
        model.step()
    return model


def flags(table):
    return table["flags"].str.split().map(set)


def check_books(model):
    """Energy balances at every microgrid; dispatch, trades and ledger tell the same of each."""
    d = model.table("dispatch")
    inflow = d.pv_kw + d.wind_kw + d.diesel_kw + d.discharge_kw + d.import_kw + d.bought_kw
    outflow = d.load_kw - d.shed_kw + d.charge_kw + d.export_kw + d.sold_kw
    assert (inflow - outflow).abs().max() < 1e-6
    trades, ledger = model.table("trades"), model.table("ledger")
    assert np.isfinite(ledger.amount).all()
    parties = {"grid", "dno", "market", "operations", *(agent.name for agent in model.microgrids)}
    assert {*ledger.payer, *ledger.payee} <= parties
    local = ledger[ledger.item == "local_trade"]
    for side, payer_side in (("buyer", "payer"), ("seller", "payee")):
        column = {"buyer": "bought_kw", "seller": "sold_kw"}[side]
        acted = d.set_index(["time", "microgrid"])[column]
        traded = trades.groupby(["time", side]).kw.sum().reindex(acted.index, fill_value=0.0)
        booked = local.groupby(["time", payer_side]).kwh.sum().reindex(acted.index, fill_value=0.0)
        assert np.allclose(acted, traded, rtol=0.0, atol=1e-9)
        assert np.allclose(acted, booked, rtol=0.0, atol=1e-9)  # steps of one hour
    market = local.amount.where(local.payer == "market", -local.amount)
    assert market.sum() == pytest.approx(0.0, abs=1e-9)
    imported = ledger[ledger.item == "import"].groupby(["time", "payer"]).kwh.sum()
    drawn = d.set_index(["time", "microgrid"]).import_kw
    assert np.allclose(drawn, imported.reindex(drawn.index, fill_value=0.0), rtol=0.0, atol=1e-9)


# ------------------------------------------------------------------------------------ strategies
@pytest.fixture(scope="module", params=["isolated", "central", "prices"])
def kind(request):
    return request.param


STRATEGIES = [
    ("Raises", "KeyError: 'nothing' (hostile.py:"),
    ("RaisesInDispatch", "failed dispatching"),
    ("NotANumber", "finite"),
    ("Oversells", "more than all devices can do together"),
    ("Overuses", "possible 0.."),
    ("SaysNothing", "does not reply"),
    ("Mutates", "WRITEABLE"),
]


@pytest.mark.parametrize(("name", "said"), STRATEGIES)
def test_a_strategy_that_fails_is_replaced_until_the_next_gate(plug_ins, kind, name, said):
    model = simulated(
        **{"coordination.kind": kind, "microgrids.MG1.strategy": f"{plug_ins}:{name}"}
    )
    faults, dispatch = model.table("faults"), model.table("dispatch")
    assert len(faults)
    assert set(faults.agent) == {"MG1"}
    assert faults.message.str.contains(said, regex=False).any()
    faulty = flags(dispatch).map(lambda one: "fault" in one)
    assert set(dispatch.time[faulty]) == set(faults.time)
    assert set(dispatch.microgrid[faulty]) == {"MG1"}
    assert set(model.table("steps").time[flags(model.table("steps")).map(lambda x: "fault" in x)])
    check_books(model)


@pytest.mark.parametrize(
    ("name", "coordination", "said"),
    [
        ("AnswersDict", "central", "which is no message"),
        ("CostsNothing", "isolated", "TypeError"),
        ("FlagsNothing", "isolated", "flags are texts"),
        ("PlansEarlier", "central", "another window"),
        ("Disbelieves", "isolated", "expected_kw of homes is not 24 finite numbers"),
        ("GoesBelow", "isolated", "finite numbers from 0"),
        ("DisclosesNaN", "central", "the forecast of homes is not 24 finite numbers"),
        ("OffersNothing", "prices", "TypeError"),
        ("OperatesNothing", "isolated", "TypeError"),
        ("RemembersNothing", "isolated", "TypeError"),
        ("RemembersCode", "isolated", "cannot be written"),
        ("RemembersUnreadable", "isolated", "cannot be read again"),
        ("DispatchesNoFlags", "isolated", "flags are texts"),
        ("Exits", "isolated", "SystemExit: 0"),
        ("RaisesUntold", "isolated", "failed dispatching: Untold"),
        ("BlamesOthers", "isolated", "somebody broke its contract"),
    ],
)
def test_what_is_of_another_kind_than_promised_is_one_fault(wrong, name, coordination, said):
    model = simulated(
        **{"coordination.kind": coordination, "microgrids.MG1.strategy": f"{wrong}:{name}"}
    )
    (fault,) = model.table("faults").itertuples()
    assert fault.agent == "MG1"
    assert said in fault.message
    check_books(model)


def test_floods_are_stopped(plug_ins):
    model = simulated(
        **{"coordination.kind": "prices", "microgrids.MG1.strategy": f"{plug_ins}:Floods"}
    )
    assert "MB" in model.table("faults").message[0]
    check_books(model)


def test_a_strategy_that_fails_within_a_gate_has_the_gate_begun_anew(plug_ins):
    roles = {"coordination.kind": "prices", "microgrids.MG1.strategy": f"{plug_ins}:RaisesLater"}
    model = simulated(**roles)
    assert len(model.table("faults")) == 1
    gates = model.table("gates")
    assert (gates.gap <= 1e-3 + 1e-9).all()
    assert (gates.gap >= -1e-9).all()
    check_books(model)


@pytest.mark.parametrize("name", ["Raises", "NotANumber"])
def test_others_are_not_touched_where_nobody_trades(plug_ins, name):
    other = {"coordination.kind": "isolated"}
    healthy = simulated(**other)
    failing = simulated(**other, **{"microgrids.MG1.strategy": f"{plug_ins}:{name}"})
    for table in ("dispatch", "devices"):
        mine, theirs = (
            model.table(table).query("microgrid == 'MG2'").reset_index(drop=True)
            for model in (healthy, failing)
        )
        assert mine.equals(theirs)


def test_nothing_that_a_strategy_sees_can_be_changed(plug_ins):
    kind = {"coordination.kind": "central"}
    honest = simulated(**kind)
    sly = simulated(**kind, **{"microgrids.MG1.strategy": f"{plug_ins}:MutatesQuietly"})
    for table in ("dispatch", "trades", "prices", "ledger"):
        assert honest.table(table).equals(sly.table(table)), table


def test_a_stand_in_takes_over_for_good_after_some_gates_in_a_row(plug_ins):
    model = simulated(
        **{
            "coordination.kind": "isolated",
            "microgrids.MG1.strategy": f"{plug_ins}:Hangs",
            "faults.time_limit_s": 2.0,  # far more than any answer takes
        }
    )
    assert model.table("faults").message.str.contains("took longer than 2 s").all()
    assert len(model.table("faults")) == PATIENCE
    own = model.table("dispatch").query("microgrid == 'MG1'")
    assert flags(own).map(lambda one: "stand_in" in one).tolist() == [False] * 3 + [True] * 9


def test_one_failure_now_and_then_does_not_cost_the_place():
    seat = Seat(lambda: ("plug-in",), lambda: ("stand-in",))
    seen = []
    for gate in range(9):
        seat.open_gate()
        seen.append(seat.now[0])
        if gate in (1, 2, 4, 5, 6):
            assert seat.fall_back()
            assert not seat.fall_back()
            assert seat.now == ("stand-in",)
    assert seen == ["plug-in"] * 7 + ["stand-in"] * 2


def test_faults_end_the_run_where_the_scenario_says_so(plug_ins):
    model = mmgsim.build(
        "duo",
        overrides={
            "faults.on_fault": "stop",
            "microgrids.MG1.strategy": f"{plug_ins}:Raises",
        },
    )
    for _ in range(3):
        model.step()
    with pytest.raises(KeyError):
        model.step()


# -------------------------------------------------------------------------- markets and the DNO
@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("AsksForEver", "does not clear after"),
        ("AsksNobody", "no such agent"),
        ("AwardsOtherTrades", "not those that it was awarded"),
        ("RaisesAtTheEnd", "RuntimeError: late"),
        ("PricesWithoutNumber", "not all finite"),
    ],
)
def test_a_mechanism_that_fails_leaves_everybody_alone(plug_ins, name, said, monkeypatch):
    monkeypatch.setattr("mmgsim_agents.market.MOST_EXCHANGES", 100)
    model = simulated(**{"coordination.kind": f"{plug_ins}:{name}"})
    faults, steps = model.table("faults"), model.table("steps")
    assert set(faults.agent) == {"the market"}
    assert said in faults.message[0]
    alone = flags(steps).map(lambda one: "market_stand_in" in one)
    assert set(faults.time) <= set(steps.time[alone])
    assert not len(model.table("trades").merge(steps[alone][["time"]]))
    check_books(model)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("AsksNothing", "TypeError"),
        ("AsksText", "asks str, which is no message"),
        ("AsksItself", "does not reply"),
        ("ClearsEarlier", "another window"),
        ("ClearsOtherPlans", "not the last one that it gave"),
        ("RoundsNothing", "TypeError"),
        ("ResidualText", "TypeError"),
        ("ClearsOtherPrices", "not those that it was awarded"),
    ],
)
def test_a_gate_of_another_kind_than_promised_is_one_fault(wrong, name, said):
    model = simulated(**{"coordination.kind": f"{wrong}:{name}"})
    (fault,) = model.table("faults").itertuples()
    assert fault.agent == "the market"
    assert said in fault.message
    check_books(model)


def test_who_asks_the_dno_what_it_does_not_answer_loses_the_gate(wrong):
    model = simulated(**{"coordination.kind": f"{wrong}:AsksTheDno"})
    assert set(model.table("faults").message) == {
        "the DNO broke its contract:\n  - does not answer Award"
    }
    stood_in = flags(model.table("steps")).map(lambda one: "market_stand_in" in one)
    assert stood_in.tolist() == [step == 3 for step in range(STEPS)]


def test_a_market_has_no_money_of_its_own(wrong):
    model = simulated(**{"coordination.kind": f"{wrong}:PrintsMoney"})
    assert "has no money of its own" in model.table("faults").message[0]
    check_books(model)


def test_a_ledger_may_come_line_by_line(wrong):
    booked, alike = simulated(), simulated(**{"market.kind": f"{wrong}:BooksOnce"})
    assert booked.table("ledger").equals(alike.table("ledger"))


@pytest.mark.parametrize(
    ("name", "said"),
    [("BooksWrong", "is not finite"), ("BooksNothing", "kwh of its lines is 0")],
)
def test_a_market_that_books_wrong_is_replaced(plug_ins, name, said):
    model = simulated(**{"market.kind": f"{plug_ins}:{name}"})
    assert "market_fault" in set.union(*flags(model.table("steps")))
    assert model.table("faults").message.str.contains(said, regex=False).all()
    check_books(model)


def test_ledger_lines_may_come_one_by_one(plug_ins):
    one_by_one = simulated(**{"market.kind": f"{plug_ins}:BooksOneByOne"})
    assert one_by_one.table("ledger").equals(simulated().table("ledger"))


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("PublishesNothing", "cannot unpack non-iterable NoneType"),
        ("PublishesNaN", "import_per_kwh is not 24 finite numbers"),
        ("PublishesForStrangers", "an envelope for 'MG9', who is no member"),
        ("PublishesTooMuch", "its connection carries"),
        ("PublishesAList", "gives list, not envelopes by name of microgrid"),
        ("PublishesNumbers", "gives float for MG1, not Envelope"),
        ("PublishesForAnotherDay", "the tariff is not over the window of the view"),
    ],
)
def test_a_dno_that_fails_is_replaced(plug_ins, name, said):
    healthy = simulated()
    model = simulated(**{"operator.kind": f"{plug_ins}:{name}"})
    faults = model.table("faults")
    assert set(faults.agent) == {"the DNO"}
    assert faults.message.str.contains(said, regex=False).all()
    assert flags(model.table("steps")).map(lambda one: "dno_stand_in" in one).all()
    assert model.table("dispatch").equals(healthy.table("dispatch"))
    check_books(model)


def test_what_a_class_raises_is_told_with_its_place_and_without_folders(plug_ins):
    model = simulated(**{"microgrids.MG1.strategy": f"{plug_ins}:Raises"})
    (message,) = set(model.table("faults").message)
    assert "hostile.py:" in message
    assert str(plug_ins.parent) not in message
    assert issubclass(PlugInError, mmgsim.MmgsimError)


COUNTING = '''
from mmgsim_agents.strategies.cost_minimiser import CostMinimiser


class Counts(CostMinimiser):
    """Counts its plans and fails in the tenth; the `reset` of its base knows nothing of that."""

    def __init__(self):
        super().__init__()
        self.plans = 0

    def plan(self, view, terms):
        self.plans += 1
        if self.plans == 10:
            raise KeyError("half done")
        return super().plan(view, terms)
'''


def test_a_strategy_is_made_anew_after_a_failure_and_at_midnight(tmp_path):
    (tmp_path / "counts.py").write_text(COUNTING)
    overrides = {"days": 2, "microgrids.MG1.strategy": f"{tmp_path / 'counts.py'}:Counts"}
    model = mmgsim.build("duo", coordination="isolated", overrides=overrides)
    plans = []
    for _ in range(26):
        model.step()
        plans.append(getattr(model.microgrids["MG1"].strategy, "plans", None))  # the stand-in: None
    until_it_fails = [*range(1, 10), None]
    assert plans[:23] == [*until_it_fails, *until_it_fails, 1, 2, 3]
    assert plans[23:] == [0, 1, 2]  # made anew after the last step of the day


@pytest.mark.parametrize("error", ["KeyError('x')", "SystemExit(0)"])
def test_faults_that_stop_a_run_are_errors(tmp_path, error):
    (tmp_path / "ends.py").write_text(
        "from mmgsim_agents.strategies.cost_minimiser import CostMinimiser\n"
        "class Ends(CostMinimiser):\n"
        f"    def dispatch(self, view, realised): raise {error}\n"
    )
    kind = f"{tmp_path / 'ends.py'}:Ends"
    overrides = {"faults.on_fault": "stop", "microgrids.MG1.strategy": kind}
    with pytest.raises((KeyError, PlugInError)):
        mmgsim.build("duo", overrides=overrides).step()

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

STEPS = 12


@pytest.fixture(scope="module")
def plug_ins(tmp_path_factory):
    file = tmp_path_factory.mktemp("plug-ins") / "hostile.py"
    file.write_text(PLUG_INS)
    return file


def simulated(**overrides):
    model = mmgsim.build("duo", overrides={"days": 1, **overrides})
    for _ in range(STEPS):
        model.step()
    return model


def flags(table):
    return table["flags"].str.split().map(set)


def check_books(model):
    """Energy balances at every microgrid, and what one pays another one gets."""
    d = model.table("dispatch")
    inflow = d.pv_kw + d.wind_kw + d.diesel_kw + d.discharge_kw + d.import_kw + d.bought_kw
    outflow = d.load_kw - d.shed_kw + d.charge_kw + d.export_kw + d.sold_kw
    assert (inflow - outflow).abs().max() < 1e-6
    ledger = model.table("ledger")
    assert np.isfinite(ledger.amount).all()
    parties = {"grid", "dno", "market", "operations", *(agent.name for agent in model.microgrids)}
    assert {*ledger.payer, *ledger.payee} <= parties
    trades = model.table("trades")
    bought = trades[trades.seller == "market"].groupby("time").kw.sum()
    sold = trades[trades.buyer == "market"].groupby("time").kw.sum()
    assert np.allclose(bought, sold)


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

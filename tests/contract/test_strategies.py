"""Every registered strategy keeps its contract, and the suite catches those that do not."""

from dataclasses import replace

import numpy as np
import pytest

from mmgsim.contracts import Award, Operation, Order, Orders, Plan, Side, frozen
from mmgsim.errors import ContractError
from mmgsim.scenario import BUILT_IN, Kind, find_class
from mmgsim.testing import check_strategy, strategy_faults
from mmgsim_agents.strategies import OptimisingStrategy


@pytest.mark.parametrize("name", BUILT_IN[Kind.STRATEGY])
def test_registered_strategy_keeps_its_contract(name):
    check_strategy(find_class(Kind.STRATEGY, name), seeds=8)


class Oversells(OptimisingStrategy):
    def answer(self, view, message):
        reply = super().answer(view, message)
        if isinstance(reply, Plan):
            return replace(reply, exchange_kw=frozen(reply.exchange_kw + 1000.0))
        return reply


class AnswersNonsense(OptimisingStrategy):
    def answer(self, view, message):
        return Award(window=view.window)


class AnswersNan(OptimisingStrategy):
    def answer(self, view, message):
        reply = super().answer(view, message)
        return replace(reply, private_cost=np.nan) if isinstance(reply, Plan) else reply


class BuysFromItself(OptimisingStrategy):
    def order(self, view, query):
        return Orders(orders=(Order(0, Side.SELL, 1.0, 0.1), Order(0, Side.BUY, 1.0, 0.2)))


class OrdersNothing(OptimisingStrategy):
    def order(self, view, query):
        return Orders(orders=(Order(0, Side.SELL, 0.0, 0.1),))


class ConjuresEnergy(OptimisingStrategy):
    def dispatch(self, view, realised):
        dispatch = super().dispatch(view, realised)
        conjured = {name: Operation(out_kw=1e4) for name in dispatch.operations}
        return replace(dispatch, operations=conjured)


class KeepsAFunction(OptimisingStrategy):
    def dispatch(self, view, realised):
        return replace(super().dispatch(view, realised), memory={"rule": lambda kw: kw})


class WritesIntoItsView(OptimisingStrategy):
    def answer(self, view, message):
        view.memory["asked"] = type(message).__name__
        return super().answer(view, message)


class WritesIntoWhatCameBack(OptimisingStrategy):
    def dispatch(self, view, realised):
        kept = view.memory.get("kept", [])
        kept.append(realised.step)
        return replace(super().dispatch(view, realised), memory={"kept": kept})


class ResetsHalf(OptimisingStrategy):
    def __init__(self):
        super().__init__()
        self.asked = 0

    def plan(self, view, terms):
        self.asked += 1
        if terms.is_award or self.asked < 5:
            return super().plan(view, terms)
        nothing = np.zeros(view.window.steps)
        return super().plan(view, terms.within(nothing, nothing))


class DiffersFromInstanceToInstance(OptimisingStrategy):
    made = 0

    def __init__(self):
        super().__init__()
        type(self).made += 1
        self.most_kw = float(self.made)

    def plan(self, view, terms):
        if terms.is_award:
            return super().plan(view, terms)
        most_kw = np.full(view.window.steps, self.most_kw)
        return super().plan(view, terms.within(-most_kw, most_kw))


class DrawsItsDispatch(OptimisingStrategy):
    drawn = np.random.default_rng(1)

    def dispatch(self, view, realised):
        dispatch = super().dispatch(view, realised)
        share = self.drawn.random()
        less = {
            name: Operation(out_kw=share * one.out_kw, in_kw=share * one.in_kw)
            for name, one in dispatch.operations.items()
        }
        return replace(dispatch, operations=less)


class TripsOverFirmTrades(OptimisingStrategy):
    def answer(self, view, message):
        if isinstance(message, Award) and message.trades and message.exchange_kw is None:
            return {}["exchange"]
        return super().answer(view, message)


class TripsOverHeldDecisions(OptimisingStrategy):
    def answer(self, view, message):
        if getattr(message, "held", None) is not None:
            return {}["held"]
        return super().answer(view, message)


class Tires:
    """Offers less in its second answer, and has no `reset`."""

    answers = frozenset({Award})

    def __init__(self):
        self.inner = OptimisingStrategy()
        self.asked = 0

    def answer(self, view, message):
        self.inner.reset()
        self.asked += 1
        reply = self.inner.answer(view, message)
        return reply if self.asked == 1 else replace(reply, private_cost=reply.private_cost + 1.0)

    def dispatch(self, view, realised):
        return self.inner.dispatch(view, realised)


class Trips(OptimisingStrategy):
    def dispatch(self, view, realised):
        return {}["nothing"]


@pytest.mark.parametrize(
    ("strategy", "fault"),
    [
        (KeepsAFunction, "world 0, memory: the memory of a plug-in cannot be written"),
        (WritesIntoItsView, "world 0: it changes its view; keep things in Dispatch.memory"),
        (WritesIntoWhatCameBack, "world 0, memory: it changes view.memory"),
        (ResetsHalf, r"sameness: after reset\(\) it answers Award otherwise than a new one"),
        (DiffersFromInstanceToInstance, "sameness: two new ones answer Award differently"),
        (DrawsItsDispatch, "sameness: two new ones answer dispatch differently"),
        (TripsOverFirmTrades, "world 0, Award: it failed .*KeyError: 'exchange'"),
        (Tires, "world 0, sameness: once used it answers Award otherwise than a new one"),
        (Trips, r"world 0, dispatch: it failed .*KeyError: 'nothing' \(test_strategies.py:"),
        (Oversells, "leaves the envelope"),
        (AnswersNonsense, "gives Award, not"),
        (AnswersNan, "private_cost is not finite"),
        (ConjuresEnergy, "possible 0.."),
        (BuysFromItself, "bids 0.2 and asks 0.1 at position 0: it would buy from itself"),
        (OrdersNothing, "an order is empty; leave it out"),
    ],
)
def test_broken_promise_is_named(strategy, fault):
    with pytest.raises(ContractError, match=fault):
        check_strategy(strategy, seeds=2)


def test_decisions_that_a_price_query_holds_are_asked_for():
    faults = strategy_faults(TripsOverHeldDecisions, 2)  # the first world with a diesel unit
    assert any("PriceQuery: it failed" in fault and "'held'" in fault for fault in faults)

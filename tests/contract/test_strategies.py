"""Every registered strategy keeps its contract, and the suite catches those that do not."""

from dataclasses import replace

import numpy as np
import pytest

from mmgsim.contracts import Award, Operation, Plan, frozen
from mmgsim.errors import ContractError
from mmgsim.scenario import BUILT_IN, Kind, find_class
from mmgsim.testing import check_strategy
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
        (Trips, r"world 0, dispatch: it failed .*KeyError: 'nothing' \(test_strategies.py:"),
        (Oversells, "leaves the envelope"),
        (AnswersNonsense, "gives Award, not"),
        (AnswersNan, "private_cost is not finite"),
        (ConjuresEnergy, "possible 0.."),
    ],
)
def test_broken_promise_is_named(strategy, fault):
    with pytest.raises(ContractError, match=fault):
        check_strategy(strategy, seeds=2)

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


@pytest.mark.parametrize(
    ("strategy", "fault"),
    [
        (Oversells, "leaves the envelope"),
        (AnswersNonsense, "gives Award, not"),
        (AnswersNan, "private_cost is not finite"),
        (ConjuresEnergy, "possible 0.."),
    ],
)
def test_broken_promise_is_named(strategy, fault):
    with pytest.raises(ContractError, match=fault):
        check_strategy(strategy, seeds=2)

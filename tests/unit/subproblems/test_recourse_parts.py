"""Parts of a recourse: what they are, and that one copy for all that agree changes nothing."""

import numpy as np
import pyomo.environ as pyo
import pytest

from mmgsim.subproblems.adversary import RecourseCost
from mmgsim.subproblems.listed_stage import ListedFirstStage
from mmgsim.subproblems.recourse import Recourse
from mmgsim.subproblems.recourse_parts import parts_of

HOURS = 4


def shop(*, keeps):
    """Give a recourse of hours that a store joins, where it may `keep` anything from the one on."""
    model = pyo.ConcreteModel()
    model.hour = pyo.RangeSet(0, HOURS - 1)
    model.on = pyo.Param(model.hour, mutable=True, initialize=0.0)
    model.sun = pyo.Param(model.hour, mutable=True, initialize=0.0)
    for name in ("bought", "lacking", "put", "drawn"):
        setattr(model, name, pyo.Var(model.hour, within=pyo.NonNegativeReals))
    model.used = pyo.Var(model.hour, bounds=lambda m, t: (0.0, m.sun[t]))
    model.kept = pyo.Var(model.hour, bounds=lambda m, t: (0.0, 5.0 if t in keeps else 0.0))
    model.moves = pyo.Constraint(
        model.hour,
        rule=lambda m, t: m.kept[t] == (m.kept[t - 1] if t else 0.0) + m.put[t] - m.drawn[t],
    )
    model.enough = pyo.Constraint(
        model.hour,
        rule=lambda m, t: m.bought[t] + m.used[t] + m.drawn[t] - m.put[t] + m.lacking[t] == 3.0,
    )
    model.allowed = pyo.Constraint(model.hour, rule=lambda m, t: m.bought[t] <= 2.0 * m.on[t])
    model.cost = pyo.Objective(
        expr=sum((1.0 + t) * model.bought[t] + 9.0 * model.lacking[t] for t in model.hour)
    )
    return Recourse.of(model, first=model.on, unknown=model.sun)


@pytest.mark.parametrize(
    ("keeps", "groups"),
    [((), [[0], [1], [2], [3]]), ((1,), [[0], [1, 2], [3]]), ((0, 1, 2), [[0, 1, 2, 3]])],
)
def test_hours_are_parts_unless_something_is_kept_from_one_to_the_next(keeps, groups):
    recourse = shop(keeps=keeps)
    parts = parts_of(recourse)
    assert [one.unknowns.tolist() for one in parts if len(one.unknowns)] == groups
    for whole, side in zip(recourse.matrix.shape, ("rows", "columns"), strict=True):
        places = np.concatenate([getattr(one, side) for one in parts])
        assert sorted(places.tolist()) == list(range(whole))


def first_stage(recourse):
    model = pyo.ConcreteModel()
    model.first = pyo.Var(pyo.RangeSet(0, HOURS - 1), domain=pyo.Binary)
    model.later = pyo.Var()
    model.cost = pyo.Objective(expr=2.5 * pyo.quicksum(model.first.values()) + model.later)
    return ListedFirstStage(
        model, first=model.first, later=model.later, recourse=recourse, mip_gap=1e-9
    )


@pytest.mark.parametrize("seed", range(5))
def test_decisions_against_a_list_are_those_of_trying_all_of_them(seed):
    recourse = shop(keeps=(1,))
    stage, cost = first_stage(recourse), RecourseCost(recourse)
    suns = np.random.default_rng([81, seed]).choice([0.5, 2.5], (6, HOURS))
    for sun in (*suns, suns[0]):  # the last one, of which every part is known, adds nothing
        stage.add(sun)
    tried = [
        2.5 * np.sum(on) + max(cost.at(np.array(on, float), sun) for sun in suns)
        for on in np.ndindex(*[2] * HOURS)
    ]
    trial = stage.solve()
    assert trial.cost == pytest.approx(min(tried))
    assert trial.bound == pytest.approx(min(tried))

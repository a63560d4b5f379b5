"""Property 3: the instance of Zeng and Zhao (2013), for which they print the bounds."""

import numpy as np
import pyomo.environ as pyo
import pytest

from mmgsim.subproblems.adversary import ListedAdversary
from mmgsim.subproblems.column_constraint import robust_optimum
from mmgsim.subproblems.listed_stage import ListedFirstStage
from mmgsim.subproblems.recourse import Recourse

FIXED, ROOM_COST = (400.0, 414.0, 326.0), (18.0, 25.0, 20.0)
FREIGHT = ((22.0, 33.0, 24.0), (33.0, 23.0, 30.0), (20.0, 25.0, 27.0))
DEMAND, MORE, MOST = (206.0, 274.0, 220.0), 40.0, 800.0


def transport():
    """Section 5 of Zeng and Zhao (2013): where to build, how large, for an uncertain demand."""
    later = pyo.ConcreteModel()
    later.site, later.customer = pyo.RangeSet(0, 2), pyo.RangeSet(0, 2)
    later.first = pyo.Param(pyo.RangeSet(0, 5), mutable=True, initialize=0.0)
    later.demand = pyo.Param(later.customer, mutable=True, initialize=0.0)
    later.sent = pyo.Var(later.site, later.customer, within=pyo.NonNegativeReals)
    later.room = pyo.Constraint(
        later.site, rule=lambda m, i: sum(m.sent[i, j] for j in m.customer) <= m.first[3 + i]
    )
    later.served = pyo.Constraint(
        later.customer, rule=lambda m, j: sum(m.sent[i, j] for i in m.site) >= m.demand[j]
    )
    later.cost = pyo.Objective(
        expr=sum(FREIGHT[i][j] * later.sent[i, j] for i in later.site for j in later.customer)
    )
    recourse = Recourse.of(later, first=later.first, unknown=later.demand)

    model = pyo.ConcreteModel()
    model.place = pyo.RangeSet(0, 5)
    model.first = pyo.Var(model.place, within=pyo.NonNegativeReals)
    for i in range(3):
        model.first[i].domain = pyo.Binary
    model.later = pyo.Var(within=pyo.NonNegativeReals)
    model.built = pyo.Constraint(
        pyo.RangeSet(0, 2), rule=lambda m, i: m.first[3 + i] <= MOST * m.first[i]
    )
    # Whatever is demanded has to be carried: the paper's condition of feasible recourse.
    model.enough = pyo.Constraint(expr=sum(model.first[3 + i] for i in range(3)) >= 772.0)
    model.cost = pyo.Objective(
        expr=sum(FIXED[i] * model.first[i] + ROOM_COST[i] * model.first[3 + i] for i in range(3))
        + model.later
    )
    return recourse, ListedFirstStage(
        model, first=model.first, later=model.later, recourse=recourse
    )


def demands():
    """Give the vertices of ``g0 + g1 + g2 <= 1.8``, ``g0 + g1 <= 1.2``, ``0 <= g <= 1``."""
    rows = np.array([[1, 1, 1], [1, 1, 0], *np.eye(3), *-np.eye(3)], dtype=float)
    sides = np.array([1.8, 1.2, 1.0, 1.0, 1.0, 0.0, 0.0, 0.0])
    found = set()
    for chosen in np.ndindex(8, 8, 8):
        if len(set(chosen)) == 3 and abs(np.linalg.det(rows[list(chosen)])) > 1e-9:
            g = np.linalg.solve(rows[list(chosen)], sides[list(chosen)])
            if (rows @ g <= sides + 1e-9).all():
                found.add(tuple(np.round(g, 9) + 0.0))
    return [np.array(DEMAND) + MORE * np.array(g) for g in sorted(found)]


def test_location_and_transport_costs_what_zeng_and_zhao_print():
    recourse, first_stage = transport()
    adversary = ListedAdversary(recourse, demands())
    optimum = robust_optimum(first_stage, adversary, tolerance=1e-9)
    assert optimum.lower == pytest.approx(33_680.0, abs=0.5)
    assert optimum.upper == pytest.approx(33_680.0, abs=0.5)
    first = optimum.rounds[0]
    assert (first.lower, first.upper) == pytest.approx((14_296.0, 35_238.0), abs=0.5)

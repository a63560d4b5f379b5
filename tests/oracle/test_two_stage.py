"""The two-stage problem against its extensive form, written by hand for scipy."""

import numpy as np
import pytest
from scipy.optimize import linprog
from scipy.sparse import csr_matrix

from mmgsim.contracts import Battery, Load, Renewable
from mmgsim.subproblems import dearest_per_kwh
from mmgsim.testing import sample_view
from mmgsim.uncertainty import Risk
from tests.support.outlook import drawn_stage, problem_of

COURSES, STEPS = 4, 6
RISKS = (Risk(), Risk(0.4, 0.5), Risk(1.0, 0.7))


class Rows:
    """``min c x``, ``a x = b``, ``g x <= h``, with named columns."""

    def __init__(self):
        self.cost, self.bounds, self.equal, self.below = [], [], [], []

    def column(self, cost=0.0, low=0.0, high=None):
        self.cost.append(cost)
        self.bounds.append((low, high))
        return len(self.cost) - 1

    def solve(self):
        def matrix(rows):
            at = [(i, j, v) for i, (entries, _) in enumerate(rows) for j, v in entries]
            i, j, v = zip(*at, strict=True)
            return csr_matrix((v, (i, j)), shape=(len(rows), len(self.cost)))

        found = linprog(
            self.cost,
            A_eq=matrix(self.equal),
            b_eq=[b for _, b in self.equal],
            A_ub=matrix(self.below),
            b_ub=[b for _, b in self.below],
            bounds=self.bounds,
        )
        assert found.status == 0, found.message
        return found.fun


def declare_storage(rows, device, start_kwh, rule):
    """Give columns of charge and discharge, and the columns and prices of the first stage."""
    into = [rows.column(high=device.power_kw) for _ in range(STEPS)]
    out = [rows.column(high=device.power_kw) for _ in range(STEPS)]
    kept = [
        rows.column(
            low=max(device.energy_min_kwh, rule.low_kwh[t]),
            high=min(device.energy_kwh, rule.high_kwh[t]),
        )
        for t in range(STEPS)
    ]
    for t in range(STEPS):
        entries = [(kept[t], 1.0), (into[t], -device.efficiency), (out[t], 1 / device.efficiency)]
        if t:
            entries.append((kept[t - 1], -1.0))
        rows.equal.append((entries, 0.0 if t else start_kwh))
    return into, out, [(column, device.wear_per_kwh) for column in out]


def declare_outcome(rows, view, kw, storage, dearest):
    """Give the priced columns of one course, at prices 1: what it costs."""
    priced = []
    tariff, limit = view.tariff, view.envelope
    loads = [device for device in view.devices if isinstance(device, Load)]
    plants = [device for device in view.devices if isinstance(device, Renewable)]
    for t in range(STEPS):
        bought, sold, over = rows.column(), rows.column(), rows.column()
        priced += [(bought, tariff.buy_per_kwh[t]), (sold, -tariff.export_per_kwh[t])]
        priced += [(over, dearest)]
        entries, demand = [(bought, 1.0), (sold, -1.0)], 0.0
        for device in loads:
            shed = rows.column(high=kw[device.name][t])
            priced.append((shed, device.shed_price_per_kwh))
            entries.append((shed, 1.0))
            demand += kw[device.name][t]
        entries += [(rows.column(high=kw[device.name][t]), 1.0) for device in plants]
        for into, out, _ in storage:
            entries += [(out[t], 1.0), (into[t], -1.0)]
        rows.equal.append((entries, demand))
        net = [(sold, 1.0), (bought, -1.0), (over, -1.0)]
        rows.below.append((net, limit.export_limit_kw[t]))
        net = [(sold, -1.0), (bought, 1.0), (over, -1.0)]
        rows.below.append((net, limit.import_limit_kw[t]))
    return priced


def extensive(view, stage, risk):
    """Give the optimal value."""
    rows = Rows()
    storage = [
        declare_storage(rows, d, view.state.energy_kwh[d.name], view.storage[d.name])
        for d in view.devices
        if isinstance(d, Battery)
    ]
    first = [entry for one in storage for entry in one[2]]
    dearest = dearest_per_kwh(stage.inputs[view.name])
    never = 1e4  # the plan at the forecast keeps the envelope
    for column, cost in declare_outcome(rows, view, view.forecast_kw, storage, never):
        if cost == never:
            rows.bounds[column] = (0.0, 0.0)
    probability = stage.courses.probability
    edge = rows.column(cost=risk.weight, low=None)
    for column, cost in first:
        rows.cost[column] += (1 - risk.weight) * cost
    for s, p in enumerate(probability):
        kw = {name: values[s] for name, values in stage.courses.kw[view.name].items()}
        priced = declare_outcome(rows, view, kw, storage, dearest)
        beyond = rows.column(cost=risk.weight * p / (1 - risk.level))
        for column, cost in priced:
            rows.cost[column] += (1 - risk.weight) * p * cost
        rows.below.append(([*priced, *first, (edge, -1.0), (beyond, -1.0)], 0.0))
    return rows.solve()


@pytest.mark.parametrize("risk", RISKS)
@pytest.mark.parametrize("seed", [1, 3, 5, 7, 9, 11])
def test_the_extensive_form_written_by_hand_costs_the_same(seed, risk):
    view = sample_view(seed, steps=STEPS)
    stage = drawn_stage([view], COURSES, seed=seed)
    planned = problem_of([view], COURSES, risk=risk).solve(stage)
    gross = np.abs(planned.course_cost).sum() + 1.0
    assert planned.objective == pytest.approx(extensive(view, stage, risk), abs=1e-6 * gross)
    assert planned.lower_bound == pytest.approx(planned.objective, abs=1e-6 * gross)


@pytest.mark.parametrize("seed", [1, 5, 9])
def test_what_is_said_of_the_courses_is_what_was_made_small(seed):
    view = sample_view(seed, steps=STEPS)
    stage = drawn_stage([view], COURSES, seed=seed)
    risk = Risk(0.4, 0.5)
    planned = problem_of([view], COURSES, risk=risk).solve(stage)
    judged = risk.of(planned.course_cost, stage.courses.probability)
    assert planned.objective == pytest.approx(judged, rel=1e-7, abs=1e-7)

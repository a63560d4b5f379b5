"""Paper 000's lower level as printed, (4) and (5), for tests that show what is wrong with it.

It lives here and not in the product.
"""

import numpy as np
import pyomo.environ as pyo

from mmgsim.subproblems import CompiledHighs


def lower_level(steps, *, power_kw, energy_kwh, efficiency, switching_cost):
    """Solve (4) and (5): there is no energy balance in it, and nothing else than switching costs.

    Returns
    -------
    dict
        `cost` [currency], `switches`, and `moved_kwh`, the least energy that any optimum moves.
    """
    model = pyo.ConcreteModel()
    model.time = pyo.RangeSet(0, steps - 1)
    model.in_kw, model.out_kw = (pyo.Var(model.time, bounds=(0.0, power_kw)) for _ in range(2))
    model.energy_kwh = pyo.Var(model.time, bounds=(0.1 * energy_kwh, energy_kwh))
    model.mode = pyo.Var(model.time, domain=pyo.Binary)
    model.change = pyo.Var(model.time, domain=pyo.NonNegativeReals)
    start_kwh = 0.5 * energy_kwh
    model.charge = pyo.Constraint(model.time, rule=lambda m, t: m.in_kw[t] <= power_kw * m.mode[t])
    model.discharge = pyo.Constraint(
        model.time, rule=lambda m, t: m.out_kw[t] <= power_kw * (1 - m.mode[t])
    )
    model.level = pyo.Constraint(
        model.time,
        rule=lambda m, t: (
            m.energy_kwh[t]
            == (m.energy_kwh[t - 1] if t else start_kwh)
            + efficiency * m.in_kw[t]
            - m.out_kw[t] / efficiency
        ),
    )
    model.back = pyo.Constraint(expr=model.energy_kwh[steps - 1] == start_kwh)
    model.rise, model.fall = (
        pyo.Constraint(
            pyo.RangeSet(1, steps - 1),
            rule=lambda m, t, s=sign: m.change[t] >= s * (m.mode[t] - m.mode[t - 1]),
        )
        for sign in (1.0, -1.0)
    )
    model.switching = pyo.Expression(
        expr=switching_cost * pyo.quicksum(model.change[t] for t in range(1, steps))
    )
    model.goal = pyo.Objective(expr=model.switching)
    solver = CompiledHighs(model)
    cost = solver.solve(agent="(4)", step=0).objective
    mode = np.round(solver.get(model.mode))
    # Among the optima: the one that moves least.
    model.goal.deactivate()
    model.optimal = pyo.Constraint(expr=model.switching <= cost)
    model.least = pyo.Objective(expr=pyo.quicksum([*model.in_kw.values(), *model.out_kw.values()]))
    moved = CompiledHighs(model).solve(agent="(4)", step=0).objective
    return {"cost": cost, "switches": int(np.abs(np.diff(mode)).sum()), "moved_kwh": moved}

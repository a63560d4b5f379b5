"""What planning with courses is worth over planning with their mean, and what knowing them would.

Three readings of one problem, [1]_ chapter 4:

- mean: what planning for the mean of the courses promises, ``min_x f(x, E[c])``;
- wait and see: every course is known before anything is decided, ``E[min_x f(x, c)]``;
- two stages: the first stage is the same for all courses, ``min_x E[f(x, c)]``.

Where only demand, sun and wind are uncertain and no unit is on or off, costs are convex in what
comes, so that ``mean <= wait and see <= two stages`` (Jensen). The second part holds always.

References
----------
.. [1] J. R. Birge, F. Louveaux, Introduction to Stochastic Programming, 2nd edition, 2011,
   doi 10.1007/978-1-4614-0237-4.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mmgsim.contracts import PlanningValue
from mmgsim.subproblems.two_stage import TwoStageInputs, TwoStagePlans, TwoStageProblem

__all__ = ["planning_value"]


def planning_value(
    problem: TwoStageProblem, single: TwoStageProblem, stage: TwoStageInputs
) -> tuple[TwoStagePlans, TwoStagePlans, PlanningValue]:
    """Solve a problem in all readings.

    Parameters
    ----------
    problem, single : TwoStageProblem
        Of the same members: over as many courses as the stage has, and over one.
    stage : TwoStageInputs
        Of the window.

    Returns
    -------
    tuple
        The plans over all courses, those for the mean, and what they are worth.
    """
    courses = stage.courses
    for_mean = single.solve(replace(stage, courses=courses.mean()))
    alone = [
        single.least_cost(replace(stage, courses=courses.alone(s))) for s in range(len(courses))
    ]
    planned = problem.solve(stage)
    value = PlanningValue(
        courses=len(courses),
        mean_cost=for_mean.objective,
        wait_and_see_cost=problem.risk.of(np.array(alone), courses.probability),
        two_stage_cost=planned.objective,
        mean_plan_cost=problem.least_cost(stage, held=for_mean.first_stage),
    )
    return planned, for_mean, value

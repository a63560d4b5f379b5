"""What it is worth to plan with what may come, as numbers that travel."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["PlanningValue"]


@dataclass(frozen=True, slots=True)
class PlanningValue:
    """Costs of one window in three readings, and of the plan for the mean where courses come.

    Parameters
    ----------
    courses : int
        How many stood for what may come.
    mean_cost : float
        What planning for their mean promises. [currency]
    wait_and_see_cost : float
        With perfect information: every course known before anything is decided. [currency]
    two_stage_cost : float
        Of the plan that decides once for all courses. [currency]
    mean_plan_cost : float
        Of the plan for the mean, judged over all courses. [currency]
    """

    courses: int
    mean_cost: float
    wait_and_see_cost: float
    two_stage_cost: float
    mean_plan_cost: float

    @property
    def of_stochastic_solution(self) -> float:
        """What planning with the courses saves (VSS), never below zero. [currency]"""
        return self.mean_plan_cost - self.two_stage_cost

    @property
    def of_perfect_information(self) -> float:
        """What knowing the course would save (EVPI), never below zero. [currency]"""
        return self.two_stage_cost - self.wait_and_see_cost

    def numbers(self) -> tuple[float, ...]:
        """Give all of them in the order of the table `planning`."""
        return (
            self.courses,
            self.mean_cost,
            self.wait_and_see_cost,
            self.two_stage_cost,
            self.mean_plan_cost,
            self.of_stochastic_solution,
            self.of_perfect_information,
        )

"""Sizes of wind, PV and batteries: a year of the rule, what it costs, and how it is made small."""

from mmgsim.sizing.case import BATTERY, KINDS, PV, WIND, Sharing, SizingCase, Stores
from mmgsim.sizing.costs import Technology, capital_recovery_factor
from mmgsim.sizing.objectives import (
    Appraisal,
    Bases,
    EnergyBasis,
    Objective,
    Terms,
    appraise,
    bases_of,
)
from mmgsim.sizing.plain import by_step
from mmgsim.sizing.problem import Best, Problem, Search, VectorCost
from mmgsim.sizing.reading import sizing_case, yearly_scenario
from mmgsim.sizing.totals import QUANTITIES, Totals
from mmgsim.sizing.yearly import YearSimulator, has_numba

__all__ = [
    "BATTERY",
    "KINDS",
    "PV",
    "QUANTITIES",
    "WIND",
    "Appraisal",
    "Bases",
    "Best",
    "EnergyBasis",
    "Objective",
    "Problem",
    "Search",
    "Sharing",
    "SizingCase",
    "Stores",
    "Technology",
    "Terms",
    "Totals",
    "VectorCost",
    "YearSimulator",
    "appraise",
    "bases_of",
    "by_step",
    "capital_recovery_factor",
    "has_numba",
    "sizing_case",
    "yearly_scenario",
]

"""Sizes of wind, PV and batteries: a year of the rule, what it costs, and how it is made small."""

from mmgsim.sizing.case import BATTERY, KINDS, PV, WIND, Sharing, SizingCase, Stores
from mmgsim.sizing.checking import YearCheck, check_in_runs
from mmgsim.sizing.costs import Technology, capital_recovery_factor
from mmgsim.sizing.evolution import Evolution
from mmgsim.sizing.exact import LeastCost, least_annual_cost
from mmgsim.sizing.exact_weighted import LeastWeighted, least_weighted
from mmgsim.sizing.objectives import (
    Appraisal,
    Bases,
    EnergyBasis,
    Objective,
    Terms,
    appraise,
    bases_of,
)
from mmgsim.sizing.pareto import Front, front, has_pymoo
from mmgsim.sizing.plain import by_step
from mmgsim.sizing.problem import Best, Problem, Search, VectorCost
from mmgsim.sizing.reading import sizing_case, yearly_scenario
from mmgsim.sizing.running import EXACT, FURTHER, SizeProgress, size
from mmgsim.sizing.searching import METHODS, search_of
from mmgsim.sizing.sensitivity import sensitivity_table
from mmgsim.sizing.stopping import Patience
from mmgsim.sizing.study import SizeStudy
from mmgsim.sizing.swarm import Swarm
from mmgsim.sizing.totals import QUANTITIES, Totals
from mmgsim.sizing.winner import with_sizes, write_scenario
from mmgsim.sizing.yearly import YearSimulator, has_numba

__all__ = [
    "BATTERY",
    "EXACT",
    "FURTHER",
    "KINDS",
    "METHODS",
    "PV",
    "QUANTITIES",
    "WIND",
    "Appraisal",
    "Bases",
    "Best",
    "EnergyBasis",
    "Evolution",
    "Front",
    "LeastCost",
    "LeastWeighted",
    "Objective",
    "Patience",
    "Problem",
    "Search",
    "Sharing",
    "SizeProgress",
    "SizeStudy",
    "SizingCase",
    "Stores",
    "Swarm",
    "Technology",
    "Terms",
    "Totals",
    "VectorCost",
    "YearCheck",
    "YearSimulator",
    "appraise",
    "bases_of",
    "by_step",
    "capital_recovery_factor",
    "check_in_runs",
    "front",
    "has_numba",
    "has_pymoo",
    "least_annual_cost",
    "least_weighted",
    "search_of",
    "sensitivity_table",
    "size",
    "sizing_case",
    "with_sizes",
    "write_scenario",
    "yearly_scenario",
]

"""A year from a few days that stand for all: running, weighing and choosing them."""

from mmgsim.year.choosing import choose_days, daily_features, moment_errors, southern_clusters
from mmgsim.year.numbers import ALL
from mmgsim.year.reduction import ChosenDays, Reduction, choose_year, reduce_days
from mmgsim.year.running import day_faults, year
from mmgsim.year.study import YearStudy

__all__ = [
    "ALL",
    "ChosenDays",
    "Reduction",
    "YearStudy",
    "choose_days",
    "choose_year",
    "daily_features",
    "day_faults",
    "moment_errors",
    "reduce_days",
    "southern_clusters",
    "year",
]

"""Dividing a day's money among members: rules side by side, and what each fails to keep."""

from mmgsim.division.day import GameDay, game_day
from mmgsim.division.division import ALL, Division
from mmgsim.division.game import EXACT_MEMBERS, DayGame
from mmgsim.division.rules import (
    RULE_WORDS,
    Bills,
    GroupCosts,
    Rule,
    Violations,
    bills_by_rule,
    violations,
)
from mmgsim.division.running import divide
from mmgsim.division.sampling import SampledShares, sampled_shapley

__all__ = [
    "ALL",
    "EXACT_MEMBERS",
    "RULE_WORDS",
    "Bills",
    "DayGame",
    "Division",
    "GameDay",
    "GroupCosts",
    "Rule",
    "SampledShares",
    "Violations",
    "bills_by_rule",
    "divide",
    "game_day",
    "sampled_shapley",
    "violations",
]

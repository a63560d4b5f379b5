"""Plans against the same sampled futures: what each costs, and how often it fails."""

from mmgsim.judge.judgement import Judgement
from mmgsim.judge.numbers import conditional_value_at_risk, cvar_interval, verdict_table
from mmgsim.judge.plans import Plan, PlanChoice, chosen_plans
from mmgsim.judge.running import JudgeProgress, judge

__all__ = [
    "JudgeProgress",
    "Judgement",
    "Plan",
    "PlanChoice",
    "chosen_plans",
    "conditional_value_at_risk",
    "cvar_interval",
    "judge",
    "verdict_table",
]

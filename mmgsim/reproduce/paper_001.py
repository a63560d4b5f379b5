"""Paper 001: transactive energy of four and ten commercial microgrids in Chicago."""

from __future__ import annotations

from mmgsim.reproduce.claims import Claim
from mmgsim.reproduce.paper_001_cases import run_cases
from mmgsim.reproduce.paper_001_day import day_claims
from mmgsim.reproduce.paper_001_scenarios import scenario_claims
from mmgsim.reproduce.paper_001_text import text_claims
from mmgsim.reproduce.study import Paper, Settings

__all__ = ["PAPER_001"]


def _claims(settings: Settings) -> list[Claim]:
    cases = run_cases(settings)
    return [
        *text_claims(cases["case 1"].dearest_per_kwh),
        *day_claims(cases),
        *scenario_claims(is_quick=settings.is_quick),
    ]


PAPER_001 = Paper(
    number="001",
    title="Transactive energy of four and ten commercial microgrids in a local market, Chicago",
    claims=_claims,
    notes=(
        "Numbers of claims T and W1 to W4 come from the printed text alone; all others from the "
        "day of leem4 and leem10, which are documented substitutes (scenarios/leem4/README.md).",
        "Claims C and W are of one day that is known beforehand, claims U of scenarios of its sun "
        "and wind: what distributions they are drawn from is an assumption of leem4 and leem10.",
        "Cases 2 and 3 are the cheapest joint plan; money is divided afterwards. By (20) is the "
        "paper's own rule, under which local energy costs nothing; of several cheapest plans "
        "the one with the most even savings is taken, as the rule leaves that open.",
    ),
)
"""Claims of the paper, gone through on its text, on leem4 and on leem10."""

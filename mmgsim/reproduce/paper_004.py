"""Paper 004: sizes of wind, sun and batteries of three towns that trade from peer to peer."""

from __future__ import annotations

from mmgsim.reproduce.claims import Claim, Verdict
from mmgsim.reproduce.paper_004_prices import (
    game_claims,
    round_claims,
    sensitivity_claims,
    tariff_claims,
)
from mmgsim.reproduce.paper_004_study import Study
from mmgsim.reproduce.paper_004_text import text_claims
from mmgsim.reproduce.paper_004_weights import weight_claims
from mmgsim.reproduce.paper_004_year import optimum_claims, peer_claims, year_weight_claims
from mmgsim.reproduce.study import Paper, Settings

__all__ = ["PAPER_004"]

_HOURS = 8760.0


def _claims(settings: Settings) -> list[Claim]:
    study = Study(is_quick=settings.is_quick)
    return [
        *text_claims(),
        *weight_claims(),
        _length(study),
        *peer_claims(study),
        *year_weight_claims(study),
        *optimum_claims(study),
        *sensitivity_claims(study),
        *round_claims(study),
        *tariff_claims(study),
        *game_claims(study),
    ]


def _length(study: Study) -> Claim:
    hours = study.case.steps * study.case.step_h
    return Claim(
        "D1",
        "hours that sizes are judged by",
        _HOURS,
        hours,
        "h",
        Verdict.REPRODUCED if hours == _HOURS else Verdict.NO_VERDICT,
        "all of a year" if hours == _HOURS else "no year: --quick, or numba is not installed",
        "Table I",
    )


PAPER_004 = Paper(
    number="004",
    title="Sizes of wind, sun and batteries in three Australian towns that trade",
    claims=_claims,
    notes=(
        "Claims T, W and N come from the printed text alone; all others from towns3, whose series "
        "are documented substitutes (scenarios/towns3/README.md).",
        "Peers trade by the rule of the paper: own load, own battery, nearest peer, other peers, "
        "grid. Its index of a year leaves income from the grid out.",
        "Optima are those of the paper's swarm, 100 particles and 120 rounds, gone on from along "
        "the axes; games are played over some weeks.",
    ),
)
"""Claims of the paper, gone through on its text and on towns3."""

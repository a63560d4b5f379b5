"""Going through a paper by its number."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from mmgsim.errors import Fault, InputError, near_miss
from mmgsim.folder import choose_folder
from mmgsim.reproduce.paper_000 import PAPER_000
from mmgsim.reproduce.paper_001 import PAPER_001
from mmgsim.reproduce.paper_002 import PAPER_002
from mmgsim.reproduce.paper_003 import PAPER_003
from mmgsim.reproduce.paper_004 import PAPER_004
from mmgsim.reproduce.study import Paper, Reproduction, Settings
from mmgsim.run import Progress

__all__ = ["PAPERS", "reproduce"]

PAPERS: Mapping[str, Paper] = MappingProxyType(
    {paper.number: paper for paper in (PAPER_000, PAPER_001, PAPER_002, PAPER_003, PAPER_004)}
)
"""Papers that can be gone through, by number."""


def reproduce(
    paper: str,
    *,
    out: str | Path | None = None,
    quick: bool = False,
    progress: Progress | None = None,
) -> Reproduction:
    """Go through the claims of a paper: run what can be run, and say what cannot be and why.

    Parameters
    ----------
    paper : str
        Its number, such as ``"000"``.
    out : str, Path or None
        Folder, which must not exist or be empty: gets the runs, `claims.csv`, `claims.json` and
        `claims.html`; ``runs/paper-<number>-<time>`` by default.
    quick : bool
        Run fewer days, or draw fewer scenarios, to try; the result says so.
    progress : callable or None
        Called with the model after every step of every run.

    Raises
    ------
    InputError
        If there is no such paper.
    YearEndedEarlyError
        If a run failed.
    """
    if paper not in PAPERS:
        cure = near_miss(paper, PAPERS)
        raise InputError("mmgsim reproduce", [Fault(repr(paper), "is no paper of mmgsim", cure)])
    chosen = PAPERS[paper]
    folder = choose_folder(out, "paper", paper)
    claims = chosen.claims(Settings(folder=folder, is_quick=quick, progress=progress))
    found = Reproduction(chosen, tuple(claims), quick, folder)
    found.write()
    return found

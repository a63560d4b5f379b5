"""Papers, claim by claim: what is reproduced, what is not, and why."""

from mmgsim.reproduce.claims import Claim, Verdict
from mmgsim.reproduce.running import PAPERS, reproduce
from mmgsim.reproduce.study import HEAD, SIGNS, Paper, Reproduction, Settings, claim_rows, reasons

__all__ = [
    "HEAD",
    "PAPERS",
    "SIGNS",
    "Claim",
    "Paper",
    "Reproduction",
    "Settings",
    "Verdict",
    "claim_rows",
    "reasons",
    "reproduce",
]

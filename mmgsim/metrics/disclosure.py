"""What microgrids gave away of themselves, in words."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import pandas as pd

__all__ = ["DISCLOSES", "PLANS", "disclosed_words"]

PLANS = "plans"
"""What every coordination has microgrids send; it is all of it where nothing else is said."""

DISCLOSES: Mapping[str, str] = MappingProxyType(
    {
        "Disclosure": "whole models",
        "Offer": "offers at prices",
        "ProximalOffer": "offers at prices",
        "Orders": "orders",
        "Request": "requests",
        "Plan": PLANS,
    }
)
"""What each kind of message of a microgrid discloses, what tells most of it first."""


def disclosed_words(messages: pd.DataFrame) -> str:
    """Say what microgrids disclosed, what tells most first; plans only where they are all.

    Parameters
    ----------
    messages : DataFrame
        Table `messages` of a run. A kind that is not ours stands under its own name, behind ours.
    """
    sent = set(messages["kind"][messages["sender"] == "microgrid"])
    known = [words for kind, words in DISCLOSES.items() if kind in sent]
    found = dict.fromkeys([*known, *sorted(sent - set(DISCLOSES))])
    if len(found) > 1:
        found.pop(PLANS, None)
    return ", ".join(found) or "nothing"

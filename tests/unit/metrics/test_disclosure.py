"""What microgrids disclose, by the kinds of their messages."""

import pandas as pd
import pytest

from mmgsim.metrics import DISCLOSES, disclosed_words


def said(*kinds, sender="microgrid"):
    return pd.DataFrame({"kind": kinds, "sender": [sender] * len(kinds)}, dtype=object)


@pytest.mark.parametrize(
    ("kinds", "words"),
    [
        (["Plan", "Disclosure"], "whole models"),
        (["Plan", "Offer"], "offers at prices"),
        (["Plan", "Offer", "ProximalOffer"], "offers at prices"),
        (["Orders", "Plan", "Request"], "orders, requests"),
        (["Orders", "Disclosure"], "whole models, orders"),
        (["Plan"], "plans"),
        (["Diary", "Plan", "Orders"], "orders, Diary"),
        ([], "nothing"),
    ],
)
def test_the_strongest_is_told_first_and_plans_only_where_they_are_all(kinds, words):
    assert disclosed_words(said(*kinds)) == words


def test_what_others_send_is_no_disclosure_of_microgrids():
    messages = pd.concat([said("Plan"), said("Disclosure", sender="market")])
    assert disclosed_words(messages) == DISCLOSES["Plan"]

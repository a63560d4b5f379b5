"""Property 8 on the day of `ieee33mmg` without limits: what everybody saves by one controller.

Compared are bills, at the true fuel cost: those with one controller, and those of everybody alone.
"""

import numpy as np
import pytest

from tests.support import p003


def saved(split):
    """What each saves in the day, by microgrid. [USD]"""
    alone, joint = (
        p003.free_day(controller, split).recorder.totals.cost_by_microgrid
        for controller in ("each", "aggregated")
    )
    return np.array([alone[name] - joint[name] for name in p003.NAMES])


@pytest.fixture(scope="module")
def by_rule():
    return {split: saved(split) for split in ("equal", "shapley", "nucleolus")}


def test_by_equal_shares_everybody_saves_the_same(by_rule):
    shares = by_rule["equal"]
    assert shares.sum() > 1.0
    np.testing.assert_allclose(shares, shares.mean(), atol=1e-6)


@pytest.mark.parametrize("rule", ["equal", "shapley", "nucleolus"])
def test_nobody_pays_more_than_alone(by_rule, rule):
    assert by_rule[rule].min() >= 0.0
    assert by_rule[rule].sum() == pytest.approx(by_rule["equal"].sum(), abs=1e-6)

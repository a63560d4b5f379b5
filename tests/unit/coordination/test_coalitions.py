"""What groups pay, from one problem with doors: the same as from a problem of their own."""

import itertools

import numpy as np
import pytest

from mmgsim.contracts import TieLine
from mmgsim.coordination import Coalitions
from mmgsim.coordination.coalitions import groups_between
from mmgsim.subproblems import JointProblem, public_prices
from tests.support import p001
from tests.support.p001 import game_day


def own_problem(day, names, ties=()):
    """What a group pays by a problem that knows nobody else."""
    declared = {name: day.declared[name] for name in names}
    devices = {name: one.devices for name, one in declared.items()}
    inside = tuple(tie for tie in ties if set(tie.between) <= set(names))
    problem = JointProblem(devices, day.tariff.window, ties=inside)
    envelopes = {name: day.envelopes[name] for name in names}
    return problem.solve(declared, envelopes, public_prices(day.tariff), 0).cost


@pytest.mark.parametrize("has_tie", [False, True])
def test_every_group_pays_what_a_problem_of_its_own_says(has_tie):
    rng = np.random.default_rng(0)
    day = game_day(p001.random_members(rng, 3, p001.random_prices(rng, 6)))
    ties = (TieLine("T", ("M0", "M2"), 4.0, 0.02),) if has_tie else ()
    coalitions = Coalitions()
    coalitions.start(day.declared, day.envelopes, day.tariff, ties=ties)
    cost = coalitions.costs()
    assert cost[0] == 0.0
    for mask in range(1, 8):
        names = [name for i, name in enumerate(day.declared) if mask >> i & 1]
        assert cost[mask] == pytest.approx(own_problem(day, names, ties), abs=1e-7)


def test_groups_come_once_and_one_member_apart_where_possible():
    masks = list(groups_between(5))
    assert sorted(masks) == [m for m in range(32) if 1 < m.bit_count() < 5]
    assert np.mean([(a ^ b).bit_count() for a, b in itertools.pairwise(masks)]) < 2

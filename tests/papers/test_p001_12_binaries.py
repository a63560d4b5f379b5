"""Property 12: forbidding to charge and discharge, or buy and sell, at once changes nothing."""

import numpy as np
import pytest

from mmgsim.subproblems import JointProblem, public_prices
from tests.support import p001


@pytest.mark.parametrize("seed", range(3))
def test_the_milp_costs_what_the_lp_does(seed, monkeypatch):
    """At prices of at least zero, with what cannot be used spilled."""
    rng = np.random.default_rng(seed)
    day = p001.game_day(p001.random_members(rng, 3, p001.random_prices(rng, 8)))
    devices = {name: one.devices for name, one in day.declared.items()}

    def cost():
        problem = JointProblem(devices, day.tariff.window)
        prices = public_prices(day.tariff)
        return problem.solve(day.declared, day.envelopes, prices, 0).cost

    relaxed = cost()
    monkeypatch.setattr(JointProblem, "_is_cheating", lambda *_: True)
    assert cost() == pytest.approx(relaxed, rel=1e-7)

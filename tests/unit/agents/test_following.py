"""Awards of an exchange: which are followed though they cost demand, and which are left."""

import numpy as np
import pytest

from mmgsim.contracts import Award, Request, frozen
from mmgsim_agents.strategies import CostMinimiser
from tests.support.pencil import pencil_tariff, pencil_view

# 6 kW are needed in both hours; in the first the award lets in 4 of them.
VIEW = pencil_view("A", pencil_tariff([0.2, 0.2], [0.05, 0.05]), load_kw=[6.0, 6.0])
SHORT = frozen([-4.0, -6.0])


def followed(**known):
    award = Award(to="A", window=VIEW.window, exchange_kw=SHORT, **known)
    return CostMinimiser().answer(VIEW, award)


def test_an_award_that_limits_hang_on_is_followed_though_it_sheds():
    plan = followed(is_binding=True)
    np.testing.assert_allclose(plan.exchange_kw, SHORT, atol=1e-6)
    assert "award_left" not in plan.flags


def test_another_award_that_sheds_is_left():
    plan = followed(is_binding=False)
    np.testing.assert_allclose(plan.exchange_kw, [-6.0, -6.0], atol=1e-6)
    assert "award_left" in plan.flags


def test_an_award_is_left_as_far_as_the_dno_has_granted():
    granted = Request(lack_kw=frozen([5.0, 6.0]), surplus_kw=frozen([0.0, 0.0]))
    plan = followed(is_binding=False, granted=granted)
    np.testing.assert_allclose(plan.exchange_kw, [-5.0, -6.0], atol=1e-6)
    assert "award_left" in plan.flags


@pytest.mark.parametrize("is_binding", [True, False])
def test_an_award_that_costs_nothing_is_followed(is_binding):
    award = Award(
        to="A", window=VIEW.window, exchange_kw=frozen([-6.0, -6.0]), is_binding=is_binding
    )
    plan = CostMinimiser().answer(VIEW, award)
    np.testing.assert_allclose(plan.exchange_kw, [-6.0, -6.0], atol=1e-6)
    assert "award_left" not in plan.flags

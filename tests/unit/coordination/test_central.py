"""Options of the central planner."""

import pytest

import mmgsim
from mmgsim.coordination import Central
from mmgsim.coordination.central import MIP_GAP


@pytest.mark.parametrize("gap", [-1e-6, 1.0, float("nan")])
def test_a_gap_that_is_no_share_is_refused(gap):
    with pytest.raises(ValueError, match="use a share such as 1e-4"):
        Central(mip_gap=gap)


def test_gap_of_the_scenario_reaches_the_solver():
    found = {}
    for gap in (None, 1e-3):
        overrides = {} if gap is None else {"coordination": {"kind": "central", "mip_gap": gap}}
        model = mmgsim.build("duo", overrides=overrides)
        model.step()
        problem = model.market.market.mechanism(None)._problem._problem
        found[gap] = problem._models[False][1]._highs.getOptionValue("mip_rel_gap")[1]
    assert found == {None: MIP_GAP, 1e-3: 1e-3}

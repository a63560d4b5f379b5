"""The view of those who take part."""

import numpy as np

import mmgsim
from mmgsim_agents.left_out import among


def test_distances_are_those_of_who_takes_part():
    model = mmgsim.build("towns3")
    model.step()
    view = model.market.view(model.clock.window())
    names = [member.name for member in view.members]
    part = among(view, {names[0], names[2]})
    assert [member.name for member in part.members] == [names[0], names[2]]
    assert list(part.envelopes) == [names[0], names[2]]
    assert part.distance_km.shape == (2, 2)
    assert part.distance_km[0, 1] == view.distance_km[0, 2] > 0.0
    assert np.array_equal(among(view, set(names)).distance_km, view.distance_km)

"""Property 1: the few have all the probability, and each that of those it is nearest to."""

import numpy as np
import pytest

from mmgsim.uncertainty import backward_reduction, forward_selection
from tests.support.selection import apart_of, distance, sets


@pytest.mark.parametrize("method", [forward_selection, backward_reduction])
def test_probabilities_are_those_of_all_who_are_stood_for(method):
    for points, weight, count in sets(50):
        selection = method(points, count, probability=weight)
        apart = apart_of(points)
        assert abs(selection.probability.sum() - 1.0) < 1e-12
        assert (selection.probability > 0.0).all()
        assert len(set(selection.kept.tolist())) == count
        stand_in = selection.kept[selection.stands_for]
        np.testing.assert_array_equal(
            apart[np.arange(len(points)), stand_in], apart[:, selection.kept].min(axis=1)
        )
        assert selection.distance == pytest.approx(distance(apart, weight, selection.kept))

"""The simulator of years refuses what it cannot use."""

from dataclasses import replace

import numpy as np
import pytest

from mmgsim.sizing import Sharing, YearSimulator, yearly
from tests.support.sizing import alike, random_case, random_sizes


def test_sizes_of_another_shape_or_below_zero_are_refused():
    case = random_case(0, steps=24)
    simulator = YearSimulator(case, engine="numpy")
    sizes = random_sizes(case, 2)
    with pytest.raises(ValueError, match=r"\(candidates, 3, 3\), not \(3, 3\)"):
        simulator.totals(sizes[0])
    for wrong in (-1.0, np.nan, np.inf):
        sizes[1, 0, 2] = wrong
        with pytest.raises(ValueError, match="at least 0"):
            simulator.totals(sizes)


def test_without_numba_it_is_refused_by_name_and_left_out_otherwise(monkeypatch):
    monkeypatch.setattr(yearly, "find_spec", lambda name: None)
    case = random_case(0, steps=24)
    with pytest.raises(ValueError, match=r"pip install 'mmgsim\[fast\]'"):
        YearSimulator(case, engine="numba")
    found = YearSimulator(case).totals(random_sizes(case, 2))
    assert found.values.shape == (2, 3, 16)


def test_batteries_that_differ_are_not_pooled():
    stores = replace(alike(3), power_per_kwh=np.array([0.5, 0.5, 1.0]))
    with pytest.raises(ValueError, match="cannot be pooled"):
        YearSimulator(random_case(0, steps=24, stores=stores), Sharing.POOL)


def test_no_candidates_come_to_nothing():
    case = random_case(0, steps=24)
    for engine in ("numpy", "auto"):
        assert YearSimulator(case, engine=engine).totals(np.zeros((0, 3, 3))).values.size == 0

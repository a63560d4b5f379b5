"""The Pareto front of levelised cost and reliability index."""

import numpy as np
import pytest

from mmgsim.errors import MissingExtraError
from mmgsim.sizing import (
    Objective,
    Problem,
    Sharing,
    YearSimulator,
    front,
    has_pymoo,
    pareto,
    search_of,
)
from tests.support.sizing import random_case, terms_of

needs_pymoo = pytest.mark.skipif(not has_pymoo(), reason="needs pymoo")


def problem(members=3, **terms):
    case = random_case(2, members=members, steps=48)
    simulator = YearSimulator(case, Sharing.PEERS, engine="numpy")
    return Problem.of(
        simulator, terms_of(case, **{"least_own_share": 0.3, **terms}), Objective.WEIGHTED
    )


@pytest.fixture(scope="module")
def found():
    return front(problem(), seed=1, population=40, generations=40)


@needs_pymoo
def test_no_point_is_better_than_another_in_both(found):
    assert len(found.vectors) > 10
    assert (np.diff(found.lcoe_per_kwh) > 0.0).all()
    assert (np.diff(found.reliability) < 0.0).all()


@needs_pymoo
def test_points_are_what_their_vectors_come_to_within_limits(found):
    own = problem()
    judged = own.appraised(found.vectors)
    np.testing.assert_array_equal(judged.lcoe_per_kwh, found.lcoe_per_kwh)
    np.testing.assert_array_equal(judged.reliability, found.reliability)
    assert judged.is_enough.all()
    assert ((found.vectors >= own.low) & (found.vectors <= own.high)).all()


@needs_pymoo
@pytest.mark.parametrize("weight", [0.3, 0.7])
def test_its_best_point_for_weights_is_nearly_what_a_search_for_them_finds(weight):
    weighted = problem(members=1, lcoe_weight=weight)
    found = front(weighted, seed=1)
    search = search_of("swarm", weighted, 1, population=40)
    while not search.is_done:
        search.advance()
    best = weighted.costs(found.vectors).min()
    assert search.best.cost <= best * (1.0 + 1e-9)
    assert best == pytest.approx(search.best.cost, rel=0.01)


@needs_pymoo
def test_the_same_seed_finds_the_same_and_touches_no_other_random_numbers():
    np.random.seed(7)  # noqa: NPY002  the state that pymoo could touch
    state = np.random.get_state()[1].copy()  # noqa: NPY002
    one, two = (front(problem(), seed=3, population=12, generations=5) for _ in range(2))
    assert np.array_equal(one.vectors, two.vectors)
    assert np.array_equal(np.random.get_state()[1], state)  # noqa: NPY002


@needs_pymoo
def test_it_is_empty_where_nothing_serves_the_least_share():
    none = front(problem(least_own_share=1.1), seed=1, population=10, generations=2)
    assert none.vectors.shape == (0, 9)
    assert len(none.lcoe_per_kwh) == len(none.reliability) == 0


@needs_pymoo
def test_without_a_least_share_sizes_of_zero_have_no_place_on_it():
    found = front(problem(least_own_share=0.0), seed=1, population=20, generations=5)
    assert np.isfinite(found.lcoe_per_kwh).all()


def test_without_the_extra_it_says_what_brings_it(monkeypatch):
    monkeypatch.setattr(pareto, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"pip install 'mmgsim\[pareto\]'"):
        front(problem(), seed=1)

"""Searches: bounded, never worse, the same again, and the same when they are gone on with."""

import numpy as np
import pytest

from mmgsim.sizing import (
    METHODS,
    Evolution,
    Objective,
    Patience,
    Problem,
    Sharing,
    Swarm,
    YearSimulator,
    has_numba,
    search_of,
)
from tests.support.sizing import random_case, terms_of

LOW, HIGH = np.array([-1.0, 2.0, 0.0]), np.array([3.0, 5.0, 10.0])
AT = np.array([1.0, 2.0, 7.5])
"""Where the bowl is lowest within the limits: its own lowest point has 1.5 in the middle."""


def bowl(vectors):
    return 3.0 + ((vectors - np.array([1.0, 1.5, 7.5])) ** 2 * [1.0, 2.0, 0.1]).sum(axis=1)


def with_a_cliff(vectors):
    """Infinite on more than nine tenths of the range, the best vector at the edge of it."""
    return np.where(vectors[:, 2] < 9.5, np.inf, bowl(vectors))


class Watched:
    """A cost that keeps what it was asked."""

    def __init__(self, cost):
        self.cost = cost
        self.asked = []

    def __call__(self, vectors):
        self.asked.append(vectors.copy())
        return self.cost(vectors)


def course(search, rounds=None):
    """Advance, and give the best after each round."""
    found = []
    while not search.is_done and (rounds is None or search.rounds < rounds):
        search.advance()
        found.append((search.best.cost, *search.best.vector))
    return np.array(found)


@pytest.fixture(params=[Swarm, Evolution])
def kind(request):
    return request.param


def test_it_finds_the_lowest_point_and_stays_within_limits(kind):
    cost = Watched(bowl)
    search = kind(cost, LOW, HIGH, seed=1)
    found = course(search)
    np.testing.assert_allclose(search.best.vector, AT, atol=0.02)
    asked = np.concatenate(cost.asked)
    assert (asked >= LOW).all()
    assert (asked <= HIGH).all()
    assert (np.diff(found[:, 0]) <= 0.0).all()
    # The best is the cheapest of all that were asked, and what its vector costs.
    assert search.best.cost == bowl(asked).min() == bowl(search.best.vector[None])[0]


def test_it_is_the_same_with_the_same_seed_and_another_one_otherwise(kind):
    first, again, other = (course(kind(bowl, LOW, HIGH, seed=s), 8) for s in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_it_ends_when_it_gains_nothing_or_after_its_rounds(kind):
    search = kind(bowl, LOW, HIGH, seed=1)
    course(search)
    assert search.rounds < kind.PATIENCE.rounds
    flat = kind(lambda v: np.ones(len(v)), LOW, HIGH, seed=1)
    course(flat)
    assert flat.rounds == 1 + kind.PATIENCE.idle_rounds
    short = kind(bowl, LOW, HIGH, seed=1, patience=Patience(rounds=5, idle_rounds=9, gain=0.0))
    course(short)
    assert short.rounds == 5


@pytest.mark.parametrize("cost", [bowl, with_a_cliff])
@pytest.mark.parametrize("after", [0, 1, 7])
def test_gone_on_with_it_is_as_if_it_had_never_stopped(kind, cost, after, tmp_path):
    whole = course(kind(cost, LOW, HIGH, seed=4, population=9), 20)
    begun = kind(cost, LOW, HIGH, seed=4, population=9)
    begin = course(begun, after)
    np.savez(tmp_path / "state.npz", **begun.state())
    with np.load(tmp_path / "state.npz", allow_pickle=False) as state:
        later = kind(cost, LOW, HIGH, seed=99, population=9)
        later.restore(dict(state))
    assert later.rounds == after
    end = course(later, 20)
    np.testing.assert_array_equal(np.concatenate([begin.reshape(-1, 4), end]), whole)


def test_a_state_is_not_changed_by_what_follows(kind):
    search = kind(bowl, LOW, HIGH, seed=4)
    course(search, 3)
    state = search.state()
    kept = {name: np.array(value) for name, value in state.items()}
    course(search, 6)
    for name, value in state.items():
        assert np.array_equal(value, kept[name]), name


def test_what_costs_infinitely_much_leads_nobody_astray(kind):
    search = kind(with_a_cliff, LOW, HIGH, seed=3)
    course(search)
    np.testing.assert_allclose(search.best.vector, [1.0, 2.0, 9.5], atol=0.02)


def test_if_nothing_is_worth_anything_it_says_so_and_ends(kind):
    search = kind(lambda v: np.full(len(v), np.inf), LOW, HIGH, seed=3)
    course(search)
    assert search.best.cost == np.inf
    assert ((search.best.vector >= LOW) & (search.best.vector <= HIGH)).all()
    assert search.rounds == kind.PATIENCE.idle_rounds


def test_one_size_alone_can_be_found(kind):
    search = kind(lambda v: np.abs(v[:, 0] - 0.3), np.zeros(1), np.ones(1), seed=0)
    course(search)
    assert search.best.vector == pytest.approx([0.3], abs=1e-3)


# ------------------------------------------------------------------------------------- problems
def problem(seed=0, workers=None, **changes):
    case = random_case(seed, steps=48, **changes)
    engine = "auto" if workers else "numpy"
    simulator = YearSimulator(case, Sharing.PEERS, engine=engine, workers=workers)
    return Problem.of(simulator, terms_of(case, least_own_share=0.2), Objective.WEIGHTED)


@pytest.mark.parametrize("method", METHODS)
def test_sizes_that_are_not_free_stay_as_they_are(method):
    high = np.tile([1500.0, 0.0, 2000.0], (3, 1))
    free = problem(high=high)
    search = search_of(method, free, 1, rounds=4, population=20)
    course(search)
    assert search.rounds == 4
    sizes = free.sizes(search.best.vector[None])[0]
    assert not sizes[:, 1].any()
    assert search.best.cost == free.costs(search.best.vector[None])[0]
    one = free.restricted(np.arange(9).reshape(3, 3) == 2, sizes)
    found = search_of(method, one, 1, rounds=4, population=20)
    course(found)
    assert found.best.vector.shape == (1,)
    changed = one.sizes(found.best.vector[None])[0] != sizes
    assert changed.sum() <= 1


@pytest.mark.skipif(not has_numba(), reason="only compiled years have threads")
@pytest.mark.parametrize("method", METHODS)
def test_threads_change_nothing(method):
    one, three = (course(search_of(method, problem(workers=n), 5, rounds=6)) for n in (1, 3))
    assert np.array_equal(one, three)


# --------------------------------------------------------------------------------------- errors
def test_faults_say_what_would_do():
    with pytest.raises(ValueError, match=r"no method of sizing 'swrm'; did you mean 'swarm'"):
        search_of("swrm", problem(), 0)
    with pytest.raises(ValueError, match="at least one particle"):
        search_of("swarm", problem(), 0, population=0)
    with pytest.raises(ValueError, match="at least 5 vectors"):
        search_of("evolution", problem(), 0, population=4)
    with pytest.raises(ValueError, match="at least one round"):
        search_of("swarm", problem(), 0, rounds=0)
    none = problem().restricted(np.zeros((3, 3), dtype=bool), np.zeros((3, 3)))
    for method in METHODS:
        with pytest.raises(ValueError, match="one size to find"):
            search_of(method, none, 0)

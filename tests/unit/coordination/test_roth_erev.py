"""Learning by reinforcement, against updates by hand."""

import numpy as np
import pytest

from mmgsim.contracts import frozen
from mmgsim.coordination import Experience, RothErev
from mmgsim.interval import mean_interval


def learner(*propensities, **options):
    return RothErev(frozen(propensities), **options)


def test_an_update_is_that_of_the_paper():
    after = learner(2.0, 4.0, 6.0, recency=0.1, experimentation=0.2).learn(1, 10.0)
    # Chosen: 0.9 x 4 + 0.8 x 10 = 11.6. Others: 0.9 q + 0.2 q / 2 = q.
    assert after.propensities == pytest.approx([2.0, 11.6, 6.0])


def test_a_choice_without_reward_loses_to_the_others():
    before = learner(1.0, 1.0, 1.0)
    after = before.learn(0, 0.0)
    assert after.propensities == pytest.approx([0.9, 1.0, 1.0])
    assert after.probabilities[0] < before.probabilities[0]


def test_probabilities_are_in_proportion_to_propensities():
    assert learner(1.0, 3.0).probabilities == pytest.approx([0.25, 0.75])


def test_who_knows_nothing_likes_all_alike():
    start = RothErev.even(4)
    assert start.propensities == pytest.approx([2.25] * 4)


def test_choices_are_drawn_as_often_as_is_likely():
    rng, who = np.random.default_rng(3), learner(1.0, 3.0, 6.0)
    count = 20_000
    share = np.bincount([who.choose(rng) for _ in range(count)], minlength=3) / count
    for drawn, likely in zip(share, (0.1, 0.3, 0.6), strict=True):
        assert abs(drawn - likely) < 4.0 * (likely * (1.0 - likely) / count) ** 0.5


def test_a_choice_takes_one_number_of_the_stream():
    one, other = np.random.default_rng(5), np.random.default_rng(5)
    learner(1.0, 1.0).choose(one)
    other.random()
    assert one.random() == other.random()


def test_what_is_rewarded_becomes_usual():
    rng, who = np.random.default_rng(0), RothErev.even(5)
    for _ in range(500):
        choice = who.choose(rng)
        who = who.learn(choice, 1.0 if choice == 3 else 0.0)
    assert who.probabilities.argmax() == 3
    assert who.probabilities[3] > 0.9


def test_without_any_reward_everything_stays_possible():
    rng, who = np.random.default_rng(0), RothErev.even(3, recency=0.9)
    for _ in range(2000):
        who = who.learn(who.choose(rng), 0.0)
    assert (who.probabilities > 0.0).all()
    assert who.probabilities.sum() == pytest.approx(1.0)


@pytest.mark.parametrize("choices", [2, 3, 5])
def test_without_any_reward_propensities_do_not_grow_on_average(choices):
    # As little is forgotten as is allowed.
    before = learner(*range(1, choices + 1), recency=0.3 / choices, experimentation=0.3)
    after = [before.learn(k, 0.0).propensities.sum() for k in range(choices)]
    assert before.probabilities @ after <= before.propensities.sum() + 1e-12
    # Where all are alike it is the bound.
    even = RothErev.even(choices, recency=0.3 / choices, experimentation=0.3)
    assert even.learn(0, 0.0).propensities.sum() == pytest.approx(9.0)


@pytest.mark.parametrize(("recency", "experimentation", "choices"), [(0.04, 0.2, 5), (0.1, 0.2, 2)])
def test_propensities_stay_small_after_many_choices(recency, experimentation, choices):
    rng = np.random.default_rng(0)
    who = RothErev.even(choices, recency=recency, experimentation=experimentation)
    for _ in range(20_000):
        who = who.learn(who.choose(rng), 1e-3)
    # At most 9 and all rewards together, on average.
    assert who.propensities.sum() < 9.0 + 20.0


def test_with_one_choice_nothing_has_to_be_forgotten():
    assert learner(1.0, recency=0.0).learn(0, 1.0).propensities == pytest.approx([1.8])


def test_what_was_known_before_stays_as_it_was():
    before = learner(1.0, 1.0)
    before.learn(0, 5.0)
    assert before.propensities.tolist() == [1.0, 1.0]


def test_experience_is_measured_in_the_mean_gain_so_far_and_a_loss_is_no_reward():
    start = Experience(RothErev.even(3))
    known, learnt = start, start.learnt
    # Means of what is above zero: 4, then 6.
    for choice, gained, reward in ((0, 0.0, 0.0), (1, 4.0, 1.0), (2, 8.0, 8 / 6), (0, -1.0, 0.0)):
        known, learnt = known.after(choice, gained), learnt.learn(choice, reward)
        assert known.learnt.propensities == pytest.approx(learnt.propensities)
    assert (start.mean_gain, known.mean_gain) == (0.0, pytest.approx(6.0))
    assert (start.gains, known.gains) == (0, 2)


def sunny_days(first, seed):
    """Give what each of 40 days brings: 12 hours, of five choices the last is by far the best."""
    rng, known = np.random.default_rng(seed), Experience(RothErev.even(5))
    earned = np.zeros((40, 12))
    for hour in range(earned.size):
        choice = known.learnt.choose(rng)
        gained = first if hour == 0 else 0.25 * choice
        earned.flat[hour] = gained
        known = known.after(choice, gained)
    return earned.sum(axis=1)


@pytest.mark.parametrize("first", [1e-6, 1.0, 100.0])
def test_how_large_the_first_gain_is_does_not_decide_what_is_found(first):
    late = np.array([sunny_days(first, seed)[20:].mean() for seed in range(30)])
    usual = np.array([sunny_days(0.5, seed)[20:].mean() for seed in range(30)])
    # 12.0 can be earned a day, and choices at random earn 6.0: a twentieth of that is no matter.
    difference = mean_interval(late - usual)
    assert usual.mean() > 9.0
    assert max(-difference.low, difference.high) < 0.6


def test_neither_currency_nor_size_matters():
    small, large = (Experience(RothErev.even(3)) for _ in range(2))
    for choice, gained in ((0, 0.2), (2, 0.0), (1, 3.0), (2, 1.0)):
        small, large = small.after(choice, gained), large.after(choice, 1000.0 * gained)
    assert small.learnt.propensities == pytest.approx(large.learnt.propensities)


@pytest.mark.parametrize(
    ("make", "fault"),
    [
        (lambda: learner(), "propensities"),
        (lambda: learner(1.0, 0.0), "propensities"),
        (lambda: learner(1.0, np.inf), "propensities"),
        (lambda: learner(1.0, recency=1.1), "recency"),
        (lambda: RothErev.even(5, recency=0.03), "at least experimentation / choices, here 0.04"),
        (lambda: learner(1.0, experimentation=1.0), "experimentation"),
        (lambda: RothErev.even(2, strength=0.0), "strength"),
        (lambda: learner(1.0).learn(0, -1.0), "reward"),
        (lambda: learner(1.0).learn(0, np.nan), "reward"),
    ],
)
def test_what_cannot_be_is_refused(make, fault):
    with pytest.raises(ValueError, match=fault):
        make()

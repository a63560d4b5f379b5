"""A seller that learns among truthful others, on days that repeat themselves."""

import numpy as np
import pytest

from mmgsim.contracts import frozen
from mmgsim.coordination import RepeatedDay, learning_study, repeated_day
from mmgsim.interval import mean_interval

# Two rivals of 1 kW at 0.1 and 0.2, four buyers of 1 kW at 0.3; the seller has 3 kW at 0.1.
DAY = RepeatedDay(
    cost_per_kwh=0.1,
    kw=3.0,
    rival_cost_per_kwh=frozen([0.1, 0.2]),
    value_per_kwh=frozen([0.3] * 4),
    demand_kw=frozen([1.0]),
)


@pytest.mark.parametrize(
    ("markup", "profit"),
    [
        # 4 kW sell at 0.1 and serve all: between 0.1 and the next ask, 0.2, the middle is 0.15.
        (0.0, 3.0 * 0.05),
        # At 0.2 ("own" comes before "seller-1") all is sold at the price of both, 0.2.
        (0.5, 3.0 * 0.1),
        # At 0.25 both rivals go first; its own last kWh, not sold, is what bounds the price.
        (0.75, 2.0 * 0.15),
        (1.0, 2.0 * 0.2),
    ],
)
def test_what_a_markup_earns_is_what_the_book_says(markup, profit):
    assert DAY.profit(markup, 0) == pytest.approx(profit)


def test_who_asks_more_than_enough_others_sells_nothing():
    rivals = frozen([0.1] * 4)
    day = RepeatedDay(0.1, 3.0, rivals, DAY.value_per_kwh, DAY.demand_kw)
    assert day.residual_supply == pytest.approx([1.0])
    assert day.profit(0.5, 0) == 0.0


@pytest.mark.parametrize("seed", range(5))
def test_scarce_and_abundant_days_of_a_seed_differ_by_rivals_alone(seed):
    scarce, abundant = (repeated_day(supply, seed) for supply in ("scarce", "abundant"))
    assert scarce.cost_per_kwh == abundant.cost_per_kwh
    assert np.array_equal(scarce.value_per_kwh, abundant.value_per_kwh)
    assert np.array_equal(scarce.rival_cost_per_kwh, abundant.rival_cost_per_kwh[:4])
    assert scarce.residual_supply.max() < 1.0 < abundant.residual_supply.min()


@pytest.mark.parametrize("supply", ["scarce", "abundant"])
def test_nobody_learns_more_than_the_best_markup_of_each_gate(supply):
    seeds = range(5)
    study = learning_study(supply, seeds=seeds, days=20)
    tables = [repeated_day(supply, seed).profits((0.0, 0.25, 0.5, 0.75, 1.0)) for seed in seeds]
    most = np.array([table.max(axis=0).sum() for table in tables])
    assert (study.profit["learner"] <= most[:, None] + 1e-12).all()
    assert study.best == pytest.approx([table.sum(axis=1).max() for table in tables])


def test_the_control_keeps_the_first_markup_and_the_truthful_have_none():
    study = learning_study("scarce", seeds=[3], days=3)
    table = repeated_day("scarce", 3).profits((0.0, 0.25, 0.5, 0.75, 1.0)).sum(axis=1)
    assert study.profit["truthful"] == pytest.approx(np.full((1, 3), table[0]))
    fixed = study.profit["fixed"]
    assert np.ptp(fixed) == 0.0
    assert np.isclose(table, fixed[0, 0]).any()


def test_with_one_markup_there_is_nothing_to_learn():
    study = learning_study("scarce", seeds=range(3), days=5, markups=[0.0])
    assert study.profit["learner"] == pytest.approx(study.profit["truthful"])
    assert study.gain_over("fixed").mean == pytest.approx(0.0, abs=1e-12)


def test_the_same_seeds_give_the_same_study():
    one, other = (learning_study("scarce", seeds=[2], days=5).profit["learner"] for _ in range(2))
    assert np.array_equal(one, other)


def test_gains_are_paired_by_seed_in_the_second_half():
    study = learning_study("scarce", seeds=range(4), days=10)
    gains = (study.profit["learner"] - study.profit["truthful"])[:, 5:].mean(axis=1)
    found, expected = study.gain_over("truthful"), mean_interval(gains)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))


@pytest.fixture(scope="module")
def studies():
    return {supply: learning_study(supply) for supply in ("scarce", "abundant")}


def test_what_is_attainable_is_the_best_markups_gain_over_the_truth(studies):
    for supply, study in studies.items():
        tables = [repeated_day(supply, k).profits((0.0, 0.25, 0.5, 0.75, 1.0)) for k in range(10)]
        daily = np.array([table.sum(axis=1) for table in tables])
        assert study.attainable[:10] == pytest.approx(daily.max(axis=1) - daily[:, 0])
    can_gain = {supply: (study.attainable > 1e-9).mean() for supply, study in studies.items()}
    assert can_gain["abundant"] < 0.1 < 0.5 < can_gain["scarce"]


def test_where_it_is_needed_learning_earns_more_than_truth_and_more_than_a_random_markup(studies):
    study = studies["scarce"]
    assert study.gain_over("truthful").low > 0.0
    assert study.gain_over("fixed").low > 0.0


def test_where_it_is_needed_learning_finds_most_of_what_the_best_markup_gains(studies):
    study = studies["scarce"]
    found = study.late("learner") - study.late("truthful")
    assert mean_interval(found - 0.75 * study.attainable).low > 0.0


def test_where_it_is_not_needed_learning_earns_as_much_as_the_truth(studies):
    study = studies["abundant"]
    gain = study.gain_over("truthful")
    # As much: within a fifth of what the truth earns, and a tenth of what scarcity is worth.
    margin = min(
        0.2 * study.late("truthful").mean(), 0.1 * studies["scarce"].gain_over("truthful").mean
    )
    assert -margin < gain.low <= gain.high < margin


def test_where_it_is_not_needed_learning_drops_markups_that_do_not_pay(studies):
    assert studies["abundant"].gain_over("fixed").low > 0.0


def test_another_supply_is_refused():
    with pytest.raises(ValueError, match="scarce, abundant"):
        learning_study("plenty")

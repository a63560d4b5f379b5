"""How best responses rest, cycle, and end in the cheapest point on the way."""

from dataclasses import replace
from itertools import cycle

import numpy as np
import pytest

from mmgsim.contracts import Plan, frozen
from mmgsim.coordination.best_response import BestResponse, Rules
from mmgsim.coordination.pair_trades import seller_prices
from tests.support.bilevel import small_market


def search_of(rules, *, lcoe="lcoe"):
    small = small_market(0, steps=2)
    return small, BestResponse(small.view, seller_prices(small.view, lcoe), rules)


def plans(small, kw, private_cost=0.0):
    """Give plans in which the first sells and the second lacks this much in both hours."""
    return {
        name: Plan(
            window=small.view.window,
            exchange_kw=frozen([side * kw, side * kw]),
            q_kvar=frozen([0.0, 0.0]),
            private_cost=private_cost,
        )
        for name, side in (("M0", 1.0), ("M1", -1.0))
    }


def test_it_rests_where_plans_do_not_move_any_more():
    small, search = search_of(Rules())
    assert not search.take(plans(small, 5.0))
    assert search.traded_kw[0, 1] == pytest.approx([5.0, 5.0])
    assert search.take(plans(small, 5.0))
    assert search.traded_kw[0, 1] == pytest.approx([5.0, 5.0])


def test_it_ends_in_the_cheapest_point_even_where_that_is_the_first():
    small, search = search_of(Rules())
    search.take(plans(small, 5.0))
    is_over = search.take(plans(small, 5.0, private_cost=100.0))
    assert search.is_resting
    assert not is_over  # the best trades are awarded once more
    assert not search.traded_kw.any()
    assert search.take(plans(small, 5.0))


def test_a_cycle_is_found_and_steps_get_smaller_until_it_gives_up():
    small, search = search_of(Rules(max_rounds=1000))
    rounds = next(
        count for count, kw in enumerate(cycle([9.0, 1.0])) if search.take(plans(small, kw))
    )
    assert not search.is_resting
    assert rounds < 300


def test_a_point_that_was_only_aimed_at_is_no_cycle():
    """Damped from 9 towards 0 it stops at 4.5 on the way; only that is somewhere it has been."""
    small, search = search_of(Rules())
    search.take(plans(small, 9.0))
    search.take(plans(small, 0.0))  # where it began: half a step instead
    assert search.traded_kw[0, 1] == pytest.approx([4.5, 4.5])
    search.take(plans(small, 0.0))
    assert search.traded_kw[0, 1] == pytest.approx([2.25, 2.25])
    search.take(plans(small, 6.75))  # back to 4.5, where it has been: a quarter of a step
    assert search.traded_kw[0, 1] == pytest.approx([3.375, 3.375])


def test_out_of_rounds_it_says_that_it_does_not_rest():
    small, search = search_of(Rules(max_rounds=4))
    for kw in (9.0, 1.0, 5.0, 3.0):
        search.take(plans(small, kw))
    assert not search.is_resting


def test_smaller_steps_find_rest_where_full_ones_go_in_circles():
    small, search = search_of(Rules(max_rounds=200))
    over = False
    while not over:
        over = search.take(plans(small, 6.0 - search.traded_kw[0, 1, 0]))
    assert search.is_resting
    assert search.traded_kw[0, 1] == pytest.approx([3.0, 3.0], abs=1e-2)


def test_under_rationality_nothing_is_sold_below_what_the_grid_pays():
    small, search = search_of(Rules(is_rational=True))
    members = tuple(replace(one, lcoe_per_kwh=0.0) for one in small.view.members)
    view = replace(small.view, members=members)
    price = seller_prices(view, "lcoe")
    search = BestResponse(view, price, Rules(is_rational=True))
    search.take(plans(small, 5.0))
    assert not search.traded_kw.any()


def test_prices_of_sellers_follow_the_rule():
    small = small_market(0, steps=2)
    export = small.view.tariff.export_per_kwh
    members = (
        replace(small.view.members[0], lcoe_per_kwh=None),
        replace(small.view.members[1], lcoe_per_kwh=float(export.mean())),
    )
    view = replace(small.view, members=members)
    printed, sound = seller_prices(view, "lcoe"), seller_prices(view, "lcoe-or-export")
    assert printed[0] == pytest.approx(export)
    assert printed[1] == pytest.approx(export.mean())
    assert sound[0] == pytest.approx(export)
    assert sound[1] == pytest.approx(np.maximum(export, export.mean()))

"""The market's own problem combines offers at least cost, and its duals are prices."""

from datetime import UTC, datetime

import numpy as np
import pytest
from scipy.optimize import linprog

from mmgsim.contracts import Offer, Window, frozen
from mmgsim.errors import SubproblemError
from mmgsim.subproblems import Master, OfferStack, PriceBox, PublicPrices

STEPS, MEMBERS = 3, 2
WINDOW = Window(0, STEPS, 0.5, datetime(2021, 1, 11, tzinfo=UTC))


def draw(seed, offers=4, blocks=(2, 1)):
    rng = np.random.default_rng(seed)
    stack = [
        Offer(
            exchange_kw=frozen(rng.normal(scale=20.0, size=(offers, count, STEPS))),
            private_cost=frozen(rng.uniform(0.0, 5.0, (offers, count))),
            lower_bound=frozen(np.zeros(offers)),
            hourly_kw=frozen(rng.normal(scale=10.0, size=(offers, STEPS))),
            hourly_cost=frozen(rng.uniform(0.0, 2.0, (offers, STEPS))),
        )
        for count in blocks
    ]
    buy = rng.uniform(0.2, 0.4, STEPS)
    prices = PublicPrices(buy, buy - rng.uniform(0.05, 0.15, STEPS), np.full(STEPS, 0.03))
    return OfferStack.of(stack), prices


def master(stack, prices, limit_kw=500.0):
    limits = np.full((MEMBERS, STEPS), limit_kw)
    made = Master(MEMBERS, WINDOW)
    made.start(prices, limits, limits)
    made.add(stack)
    return made


def by_linprog(stack, prices, limit_kw=500.0):
    """Combine with every offer as a column of its own, and nothing left out as the same."""
    offers, blocks, _ = stack.block_kw.shape
    costs, columns, unity = [], [], []
    for block in range(blocks):
        unity.append(range(len(costs), len(costs) + offers))
        for offer in range(offers):
            kw = np.zeros((MEMBERS, STEPS))
            kw[stack.owner[block]] = stack.block_kw[offer, block]
            columns.append(kw.ravel())
            costs.append(stack.block_cost[offer, block])
    for member in range(MEMBERS):
        for step in range(STEPS):
            unity.append(range(len(costs), len(costs) + offers))
            for offer in range(offers):
                kw = np.zeros((MEMBERS, STEPS))
                kw[member, step] = stack.hourly_kw[offer, member, step]
                columns.append(kw.ravel())
                costs.append(stack.hourly_cost[offer, member, step])
    weights = len(costs)
    size = MEMBERS * STEPS
    h = WINDOW.step_h
    costs += [0.0] * (2 * size)
    for price in (prices.buy_per_kwh, -prices.sell_per_kwh, prices.local_per_kwh):
        costs += (h * price).tolist()
    total = len(costs)
    rows, right = [], []
    for place in range(size):  # surplus - lack = offered
        row = np.zeros(total)
        row[:weights] = [-column[place] for column in columns]
        row[weights + place], row[weights + size + place] = -1.0, 1.0
        rows.append(row)
        right.append(0.0)
    for step in range(STEPS):
        lacked, given = np.zeros(total), np.zeros(total)
        lacked[weights + step : weights + size : STEPS] = 1.0
        given[weights + size + step : weights + 2 * size : STEPS] = 1.0
        public = weights + 2 * size
        lacked[[public + step, public + 2 * STEPS + step]] = -1.0
        given[[public + STEPS + step, public + 2 * STEPS + step]] = -1.0
        rows += [lacked, given]
        right += [0.0, 0.0]
    for places in unity:
        row = np.zeros(total)
        row[list(places)] = 1.0
        rows.append(row)
        right.append(1.0)
    bounds = [(0, None)] * weights + [(0, limit_kw)] * (2 * size) + [(0, None)] * (3 * STEPS)
    return linprog(costs, A_eq=np.array(rows), b_eq=right, bounds=bounds)


@pytest.mark.parametrize("seed", range(10))
def test_the_best_combination_is_that_of_the_plain_lp(seed):
    stack, prices = draw(seed)
    found = master(stack, prices).combine(0)
    assert found.cost == pytest.approx(by_linprog(stack, prices).fun, abs=1e-6)


def test_limits_of_the_exchange_are_kept():
    stack, prices = draw(3)
    free = master(stack, prices).combine(0)
    limit_kw = 0.8 * float(np.abs(free.exchange_kw).max())
    found = master(stack, prices, limit_kw).combine(0)
    assert np.abs(found.exchange_kw).max() <= limit_kw + 1e-7
    assert found.cost == pytest.approx(by_linprog(stack, prices, limit_kw).fun, abs=1e-6)
    assert found.cost > free.cost


@pytest.mark.parametrize("seed", range(5))
def test_prices_are_what_a_little_more_exchange_is_worth(seed):
    stack, prices = draw(seed)
    made = master(stack, prices)
    before = made.combine(0)
    more_kw = 1e-4
    for member, step in ((0, 0), (1, 2)):
        sides = []
        for sign in (1.0, -1.0):
            hourly_kw = stack.hourly_kw.copy()
            hourly_kw[:, member, step] += sign * more_kw
            moved = OfferStack(
                stack.block_kw,
                stack.block_cost,
                stack.owner,
                hourly_kw,
                stack.hourly_cost,
                stack.indivisible,
            )
            cost = master(moved, prices).combine(0).cost
            sides.append(sign * (before.cost - cost) / (more_kw * WINDOW.step_h))
        worth, price = sorted(sides), before.prices_per_kwh[member, step]
        assert worth[0] - 1e-5 <= price <= worth[1] + 1e-5


def test_prices_stay_inside_a_box():
    stack, prices = draw(1)
    made = master(stack, prices)
    centre = np.full((MEMBERS, STEPS), 0.2)
    inside = made.combine(0, PriceBox(centre - 0.01, centre + 0.01)).prices_per_kwh
    assert (np.abs(inside - centre) <= 0.01 + 1e-9).all()


def test_the_same_offers_again_add_no_column():
    stack, prices = draw(2)
    made = master(stack, prices)
    assert made.add(stack) == 0


def test_weights_are_those_of_the_combination():
    stack, prices = draw(4)
    made = master(stack, prices)
    made.combine(0)
    for block in range(3):
        weights = made.weights(block)
        assert sum(weights.values()) == pytest.approx(1.0)
        assert min(weights.values()) >= 0.0


def test_with_one_offer_left_to_each_block_that_offer_is_taken():
    stack, prices = draw(5)
    made = master(stack, prices)
    best = made.combine(0)
    chosen = {0: 2, 1: 0, 2: 3}
    with made.only(chosen):
        held = made.combine(0)
        assert all(made.weights(block)[offer] == 1.0 for block, offer in chosen.items())
    assert held.cost >= best.cost - 1e-9
    assert made.combine(0).cost == pytest.approx(best.cost)


def test_another_gate_begins_without_the_old_offers():
    stack, prices = draw(6)
    made = master(*draw(7))
    limits = np.full((MEMBERS, STEPS), 500.0)
    made.start(prices, limits, limits)
    made.add(stack)
    assert made.combine(0).cost == pytest.approx(master(stack, prices).combine(0).cost)


def test_offers_that_no_envelope_holds_end_in_an_error_with_the_status():
    stack, prices = draw(8, offers=1)
    with pytest.raises(SubproblemError, match="the market"):
        master(stack, prices, limit_kw=0.0).combine(0)

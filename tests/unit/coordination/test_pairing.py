"""Pairs of one step: stable by brute force, how much they gain, and by hand."""

from itertools import permutations, product

import numpy as np
import pytest
from scipy.optimize import linprog

from mmgsim.contracts import Order, Side
from mmgsim.coordination import clear_book, match_pairs

BUY, SELL = Side.BUY, Side.SELL
SEEDS = range(60)

# Of at most 30 kW at prices below 10, in doubles: sums of a few dozen products.
ROUNDING = 1e-9


def bid(kw, price):
    return Order(0, BUY, kw, price)


def ask(kw, price):
    return Order(0, SELL, kw, price)


def matched(orders, extra=None, km=None, split=0.5):
    members = len(orders)
    extra = np.zeros((members, members)) if extra is None else np.asarray(extra, float)
    km = np.zeros((members, members)) if km is None else np.asarray(km, float)
    return match_pairs(orders, extra, km=km, split=split)


def random_orders(seed, both_sides=False):
    """Two to five traders with up to three orders each, at whole prices that often tie."""
    rng = np.random.default_rng(seed)
    orders = {}
    for number in range(rng.integers(2, 6)):
        middle = rng.integers(1, 10)
        own = []
        for _ in range(rng.integers(1, 4)):
            kw = float(rng.integers(1, 4))
            sells = bool(rng.integers(2)) if both_sides else number % 2 == 0
            # Nobody bids above an ask of its own.
            price = float(rng.integers(middle, 11) if sells else rng.integers(0, middle + 1))
            if not both_sides:
                price = float(rng.integers(0, 11))
            own.append(ask(kw, price) if sells else bid(kw, price))
        orders[f"M{number}"] = own
    return orders


def random_extra(seed, members):
    """Charges between every two, some of them below nothing."""
    return np.random.default_rng([seed, 1]).integers(-2, 4, (members, members)).astype(float)


def losses_extra(seed, members):
    """Charges that are differences of what each is worth to the network."""
    slope = np.random.default_rng([seed, 2]).integers(0, 4, members).astype(float)
    return slope[:, None] - slope[None, :]


def units_of(orders, side):
    return [(row, o) for row, own in enumerate(orders.values()) for o in own if o.side is side]


def naive(orders, extra, km=None):
    """Match pairs of orders one after another, the best first; ties by distance, then by place."""
    asks = [[row, o.price_per_kwh, o.kw] for row, o in units_of(orders, SELL)]
    bids = [[row, o.price_per_kwh, o.kw] for row, o in units_of(orders, BUY)]
    ranked = sorted(
        (
            (-(b[1] - a[1] - extra[a[0], b[0]]), 0.0 if km is None else km[a[0], b[0]], i, j)
            for (i, a), (j, b) in product(enumerate(asks), enumerate(bids))
            if a[0] != b[0]
        ),
    )
    sellers, buyers, deals = set(), set(), []
    for loss, _, i, j in ranked:
        a, b = asks[i], bids[j]
        kw = min(a[2], b[2])
        if -loss > ROUNDING and kw > 0 and a[0] not in buyers and b[0] not in sellers:
            sellers.add(a[0])
            buyers.add(b[0])
            a[2], b[2] = a[2] - kw, b[2] - kw
            deals.append((a[0], b[0], kw, -loss))
    return deals


def most_gain(orders, extra):
    """Give the largest sum of gains that any division of orders into pairs has: an LP."""
    asks, bids = units_of(orders, SELL), units_of(orders, BUY)
    if not asks or not bids:
        return 0.0
    gain = np.array(
        [[b.price_per_kwh - a.price_per_kwh - extra[i, j] for j, b in bids] for i, a in asks]
    )
    gain[[[i == j for j, _ in bids] for i, _ in asks]] = 0.0
    rows = [np.kron(np.eye(len(asks)), np.ones(len(bids)))]
    rows.append(np.kron(np.ones(len(asks)), np.eye(len(bids))))
    room = [o.kw for _, o in (*asks, *bids)]
    found = linprog(-gain.ravel(), A_ub=np.vstack(rows), b_ub=room, bounds=(0, None))
    assert found.status == 0
    return -found.fun


# -------------------------------------------------------------------------------- what is agreed
def bargain(seed, charges):
    orders = random_orders(seed)
    members = len(orders)
    extra = {"random": random_extra, "losses": losses_extra}[charges](seed, members)
    return orders, extra, matched(orders, extra)


def marginal_prices(orders, pairs):
    """Give the price of the next kWh that each would sell, or buy: infinite once all is traded.

    Whoever trades less than its orders has its best ones filled first.
    """
    following = []
    for row, own in enumerate(orders.values()):
        sold, bought = pairs.kw[row].sum(), pairs.kw[:, row].sum()
        sign = -1.0 if own and own[0].side is BUY else 1.0
        left = bought if sign < 0 else sold
        price = np.inf
        for order in sorted(own, key=lambda order: sign * order.price_per_kwh):
            if left < order.kw - ROUNDING:
                price = sign * order.price_per_kwh
                break
            left -= order.kw
        following.append(price)
    return np.array(following)


@pytest.mark.parametrize("charges", ["random", "losses"])
@pytest.mark.parametrize("seed", SEEDS)
def test_no_two_who_could_still_trade_would_gain_by_it(seed, charges):
    orders, extra, pairs = bargain(seed, charges)
    # Asks are even members, bids odd ones; the price of a bid has its sign changed.
    following = marginal_prices(orders, pairs)
    for i, j in product(range(0, len(orders), 2), range(1, len(orders), 2)):
        assert -following[j] - following[i] - extra[i, j] <= 1e-6


@pytest.mark.parametrize("charges", ["random", "losses"])
@pytest.mark.parametrize("seed", SEEDS)
def test_no_two_would_both_rather_trade_with_each_other_than_with_whom_they_do(seed, charges):
    # One order each, so that a pair of members has one gain and partners can be compared.
    orders = {name: own[:1] for name, own in random_orders(seed).items()}
    extra = {"random": random_extra, "losses": losses_extra}[charges](seed, len(orders))
    pairs = matched(orders, extra)
    own = [order for (order,) in orders.values()]
    for i, j in product(range(0, len(own), 2), range(1, len(own), 2)):
        gain = own[j].price_per_kwh - own[i].price_per_kwh - extra[i, j]
        if gain <= ROUNDING:
            assert pairs.kw[i, j] == 0.0
            continue
        of = {
            (a, b): own[b].price_per_kwh - own[a].price_per_kwh - extra[a, b]
            for a in range(0, len(own), 2)
            for b in range(1, len(own), 2)
        }
        # Each prefers a pair by its gain; one of the two has no kW left for a worse one.
        sold = sum(pairs.kw[i, b] for b in range(1, len(own), 2) if of[i, b] >= gain - ROUNDING)
        bought = sum(pairs.kw[a, j] for a in range(0, len(own), 2) if of[a, j] >= gain - ROUNDING)
        assert sold >= own[i].kw - ROUNDING or bought >= own[j].kw - ROUNDING


@pytest.mark.parametrize("seed", SEEDS)
def test_pairs_agree_as_one_after_another_would_from_the_best_on(seed):
    # Charges that are drawn leave no two pairs of members alike.
    orders = random_orders(seed, both_sides=True)
    members = len(orders)
    rng = np.random.default_rng([seed, 3])
    extra = rng.uniform(0.0, 3.0, (members, members))
    km = rng.uniform(1.0, 9.0, (members, members))
    deals = naive(orders, extra, km)
    due = np.zeros((members, members))
    for seller, buyer, kw, _ in deals:
        due[seller, buyer] += kw
    pairs = matched(orders, extra, km)
    # Orders of one member at one price are alike, so their kW are compared by member.
    assert pairs.kw == pytest.approx(due, abs=ROUNDING)
    assert pairs.gained_per_h.sum() == pytest.approx(sum(kw * gain for *_, kw, gain in deals))


@pytest.mark.parametrize("both_sides", [False, True])
@pytest.mark.parametrize("charge", [0.0, 1.0])
@pytest.mark.parametrize("seed", SEEDS)
def test_where_all_pairs_are_charged_alike_they_gain_what_an_auction_does(seed, charge, both_sides):
    orders = random_orders(seed, both_sides)
    members = len(orders)
    lowered = {
        name: [Order(0, o.side, o.kw, o.price_per_kwh - charge * (o.side is BUY)) for o in own]
        for name, own in orders.items()
    }
    pairs = matched(orders, np.full((members, members), charge))
    book = clear_book(lowered)
    assert pairs.gained_per_h.sum() == pytest.approx(book.surplus_per_h, abs=ROUNDING)


@pytest.mark.parametrize("seed", SEEDS)
def test_charges_that_differ_cost_at_most_half_of_the_largest_gain(seed):
    orders, extra, pairs = bargain(seed, "random")
    most = most_gain(orders, extra)
    assert 0.5 * most - ROUNDING <= pairs.gained_per_h.sum() <= most + ROUNDING


def test_half_of_the_largest_gain_is_all_but_reached_from_below():
    # A to D gains 3, and keeps A to C and B to D, of 2.9 each, from being traded.
    orders = {
        "A": [ask(1.0, 0.0)],
        "B": [ask(1.0, 0.0)],
        "C": [bid(1.0, 4.0)],
        "D": [bid(1.0, 4.0)],
    }
    extra = np.full((4, 4), 9.0)
    extra[0, 3], extra[0, 2], extra[1, 3] = 1.0, 1.1, 1.1
    pairs = matched(orders, extra)
    assert pairs.gained_per_h.sum() == pytest.approx(3.0)
    assert most_gain(orders, extra) == pytest.approx(5.8)


# ------------------------------------------------------------------------------------- who is who
@pytest.mark.parametrize("seed", SEEDS)
def test_nobody_trades_more_than_it_ordered_on_two_sides_or_with_itself(seed):
    orders = random_orders(seed, both_sides=True)
    pairs = matched(orders, losses_extra(seed, len(orders)))
    assert not np.diagonal(pairs.kw).any()
    for row, own in enumerate(orders.values()):
        sold, bought = pairs.kw[row].sum(), pairs.kw[:, row].sum()
        assert not (sold and bought)
        assert sold <= sum(o.kw for o in own if o.side is SELL) + ROUNDING
        assert bought <= sum(o.kw for o in own if o.side is BUY) + ROUNDING


@pytest.mark.parametrize("split", [0.0, 0.3, 0.5, 1.0])
@pytest.mark.parametrize("seed", SEEDS[:40])
def test_the_price_gives_the_seller_its_share_of_the_gain_and_the_buyer_the_rest(seed, split):
    orders = {name: own[:1] for name, own in random_orders(seed).items()}
    extra = random_extra(seed, len(orders))
    pairs = matched(orders, extra, split=split)
    own = [order for (order,) in orders.values()]
    for i, j in zip(*np.nonzero(pairs.kw), strict=True):
        price = pairs.paid_per_h[i, j] / pairs.kw[i, j]
        gain = own[j].price_per_kwh - own[i].price_per_kwh - extra[i, j]
        assert price - own[i].price_per_kwh == pytest.approx(split * gain, abs=ROUNDING)
        left = own[j].price_per_kwh - extra[i, j] - price
        assert left == pytest.approx((1.0 - split) * gain, abs=ROUNDING)


@pytest.mark.parametrize("seed", range(12))
def test_the_order_in_which_microgrids_are_named_changes_nothing(seed):
    orders = random_orders(seed, both_sides=True)
    members = len(orders)
    extra = losses_extra(seed, members)
    km = np.random.default_rng(seed).integers(1, 3, (members, members)).astype(float)
    first = matched(orders, extra, km + km.T)
    for order in list(permutations(range(members)))[:: max(1, members)]:
        rows = np.ix_(order, order)
        other = matched(
            {list(orders)[k]: orders[list(orders)[k]] for k in order},
            extra[rows],
            (km + km.T)[rows],
        )
        assert other.kw == pytest.approx(first.kw[rows], abs=ROUNDING)
        assert other.paid_per_h == pytest.approx(first.paid_per_h[rows], abs=ROUNDING)


# --------------------------------------------------------------------------------------- by hand
def test_a_far_pair_whose_charge_is_above_its_gain_does_not_trade_while_a_near_one_does():
    orders = {"A": [ask(5.0, 0.05)], "near": [bid(2.0, 0.26)], "far": [bid(9.0, 0.26)]}
    extra = np.zeros((3, 3))
    extra[0, 2] = 0.22
    pairs = matched(orders, extra)
    assert pairs.kw[0].tolist() == [0.0, 2.0, 0.0]
    extra[0, 2] = 0.2
    assert matched(orders, extra).kw[0].tolist() == [0.0, 2.0, 3.0]


def test_of_pairs_that_gain_the_same_the_nearest_come_first():
    orders = {"A": [ask(5.0, 0.05)], "B": [bid(4.0, 0.26)], "C": [bid(4.0, 0.26)]}
    km = [[0, 2, 1], [2, 0, 3], [1, 3, 0]]
    assert matched(orders, km=km).kw[0].tolist() == [0.0, 1.0, 4.0]


def test_pairs_that_are_alike_and_as_near_share_in_proportion():
    orders = {"A": [ask(6.0, 0.05)], "B": [bid(4.0, 0.26)], "C": [bid(8.0, 0.26)]}
    assert matched(orders).kw[0] == pytest.approx([0.0, 2.0, 4.0])


def test_a_charge_below_nothing_lets_two_trade_who_would_not_otherwise():
    orders = {"A": [ask(5.0, 0.2)], "B": [bid(4.0, 0.18)]}
    assert not matched(orders).kw.any()
    pairs = matched(orders, [[0.0, -0.06], [0.06, 0.0]])
    assert pairs.kw[0, 1] == 4.0
    # They gain 0.04, half of it each: the buyer pays more than it bid, and is paid 0.06.
    assert pairs.paid_per_h[0, 1] == pytest.approx(4.0 * 0.22)


def test_pairs_that_are_infinitely_far_do_not_trade():
    orders = {"A": [ask(5.0, 0.05)], "B": [bid(4.0, 0.26)]}
    assert not matched(orders, [[0.0, np.inf], [np.inf, 0.0]]).kw.any()


def test_who_gains_nothing_does_not_trade():
    assert not matched({"A": [ask(5.0, 0.2)], "B": [bid(4.0, 0.2)]}).kw.any()
    assert not matched({"A": [ask(5.0, 0.2)], "B": []}).kw.any()
    assert not matched({"A": [], "B": []}).kw.any()


def test_who_could_do_both_in_pairs_of_one_rank_sells():
    # B would buy from A and sell to C, at a gain of 0.1 either way.
    orders = {
        "A": [ask(1.0, 0.1)],
        "B": [bid(1.0, 0.2), ask(1.0, 0.2)],
        "C": [bid(1.0, 0.3)],
    }
    extra = np.zeros((3, 3))
    extra[0, 2] = 0.15
    pairs = matched(orders, extra)
    assert pairs.kw[1, 2] == 1.0
    assert pairs.kw.sum() == 1.0

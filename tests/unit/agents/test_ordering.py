"""What microgrids order: opportunity values by hand, and what strategies make of them."""

from dataclasses import replace

import numpy as np
import pytest

from mmgsim.contracts import OrderQuery, Side, frozen
from mmgsim.errors import ContractError
from mmgsim.testing import sample_view
from mmgsim_agents.ordering import MOST_PRICES_WITH_INTEGERS
from mmgsim_agents.strategies import (
    CostMinimiser,
    Markup,
    SelfConsumer,
    Withholder,
    ZeroIntelligence,
)
from tests.support.pencil import pencil_tariff, pencil_view


def ordered(view, offsets=(0,), strategy=None, **known):
    """Give side, kW and price of every order, by offset and price."""
    query = OrderQuery(window=view.window, offsets=offsets, **known)
    strategy = CostMinimiser() if strategy is None else strategy
    orders = sorted(strategy.order(view, query).orders, key=lambda o: (o.offset, o.price_per_kwh))
    return [(o.side, o.kw, o.price_per_kwh) for o in orders]


def assert_orders(found, expected):
    assert [side for side, _, _ in found] == [side for side, _, _ in expected]
    assert [kw for _, kw, _ in found] == pytest.approx([kw for _, kw, _ in expected])
    # Where a step of the response lies is found up to 1e-7 of cost over its kW.
    prices = [price for _, _, price in expected]
    assert [price for _, _, price in found] == pytest.approx(prices, abs=1e-6)


TARIFF = pencil_tariff([0.2], [0.05], charge=0.1, local=0.04)


def test_demand_is_bid_at_what_the_grid_takes_less_the_local_charge():
    # 0.2 of energy and 0.1 of network charge, less 0.04 that is due on local energy too.
    view = pencil_view("A", TARIFF, load_kw=[6.0])
    assert_orders(ordered(view), [(Side.BUY, 6.0, 0.26)])


def test_surplus_is_asked_at_what_the_grid_pays():
    view = pencil_view("A", TARIFF, load_kw=[2.0], sun_kw=[10.0])
    assert_orders(ordered(view), [(Side.SELL, 8.0, 0.05)])


def test_a_step_in_which_the_charge_eats_the_margin_is_not_traded():
    view = pencil_view("A", pencil_tariff([0.2], [0.1], local=0.1), sun_kw=[10.0])
    assert ordered(view) == []


def test_sun_that_the_grid_would_charge_for_is_asked_at_nothing():
    view = pencil_view("A", pencil_tariff([0.2], [-0.1]), sun_kw=[3.0], load_kw=[1.0])
    # Below zero it would rather spill and be paid for its demand.
    by_side = {side: (kw, price) for side, kw, price in ordered(view)}
    assert by_side[Side.SELL] == pytest.approx((2.0, 0.0), abs=1e-6)
    assert by_side[Side.BUY] == pytest.approx((1.0, 0.0), abs=1e-6)


STORAGE = pencil_tariff([0.4, 0.5], [0.05, 0.2], local=0.03)


def test_stored_energy_is_asked_at_what_it_earns_later_and_bid_for_what_is_left_of_it():
    view = pencil_view("A", STORAGE, battery=(10.0, 5.0, 0.9))
    # 5 kWh deliver 4.5, which the grid takes for 0.2 an hour later. 5 kWh more fit in, for which
    # 5 / 0.9 enter; each of these delivers 0.81 later, less the local charge now.
    expected = [(Side.BUY, 5.0 / 0.9, 0.81 * 0.2 - 0.03), (Side.SELL, 4.5, 0.2)]
    assert_orders(ordered(view), expected)


def test_last_prices_of_other_steps_are_opportunities_too():
    view = pencil_view("A", STORAGE, battery=(10.0, 5.0, 0.9))
    last = frozen([np.nan, 0.3])
    expected = [(Side.BUY, 5.0 / 0.9, 0.81 * 0.3 - 0.03), (Side.SELL, 4.5, 0.3)]
    assert_orders(ordered(view, last_prices_per_kwh=last), expected)


def test_orders_come_on_top_of_what_is_firm():
    view = pencil_view("A", STORAGE, battery=(10.0, 5.0, 0.9))
    assert_orders(
        ordered(view, firm_kw=frozen([2.0, 0.0])),
        # Two of the 4.5 kWh are sold; to buy them back is worth to it what they earn later.
        [(Side.BUY, 5.0 / 0.9, 0.81 * 0.2 - 0.03), (Side.BUY, 2.0, 0.17), (Side.SELL, 2.5, 0.2)],
    )


def test_each_traded_step_has_its_own_orders():
    view = pencil_view("A", pencil_tariff([0.2, 0.4], [0.05, 0.1]), load_kw=[3.0, 4.0])
    expected = [(Side.BUY, 3.0, 0.2), (Side.BUY, 4.0, 0.4)]
    assert_orders(ordered(view, offsets=(0, 1)), expected)


def test_orders_stay_inside_the_envelope():
    view = pencil_view("A", STORAGE, battery=(10.0, 5.0, 0.9), limit_kw=3.0)
    for side in Side:
        assert sum(kw for s, kw, _ in ordered(view) if s is side) <= 3.0 + 1e-9


@pytest.mark.parametrize("seed", range(8))
def test_orders_are_a_step_function_inside_envelope_and_price_range(seed):
    view = sample_view(seed)
    offsets = tuple(range(0, view.window.steps, 5))
    orders = CostMinimiser().order(view, OrderQuery(window=view.window, offsets=offsets)).orders
    floor = view.tariff.export_per_kwh
    ceiling = view.tariff.buy_per_kwh - view.tariff.local_charge_per_kwh
    limits = {Side.SELL: view.envelope.export_limit_kw, Side.BUY: view.envelope.import_limit_kw}
    for offset in offsets:
        own = [order for order in orders if order.offset == offset]
        asks, bids = ([o for o in own if o.side is side] for side in (Side.SELL, Side.BUY))
        for order in own:
            assert floor[offset] <= order.price_per_kwh <= ceiling[offset]
        for side, book in ((Side.SELL, asks), (Side.BUY, bids)):
            assert sum(order.kw for order in book) <= limits[side][offset] + 1e-6
        if asks and bids:
            assert min(o.price_per_kwh for o in asks) >= max(o.price_per_kwh for o in bids)


def test_the_rule_of_thumb_orders_its_own_plan_whatever_storage_is_worth():
    view = pencil_view("A", STORAGE, load_kw=[2.0, 2.0], battery=(10.0, 1.0, 1.0))
    # The store serves 1 of the 2 kW; there is nothing for sale at any price.
    assert_orders(ordered(view, strategy=SelfConsumer()), [(Side.BUY, 1.0, 0.37)])


NEGATIVE = np.random.default_rng(12).normal(0.05, 0.2, 24)


class Counting(CostMinimiser):
    """Counts its plans, and those that needed binaries."""

    def __init__(self):
        super().__init__()
        self.plans = self.exclusive = 0

    def plan(self, view, terms):
        planned = super().plan(view, terms)
        self.plans += 1
        self.exclusive += "exclusive" in planned.flags
        return planned


def counted(prices, *, below):
    """Count the plans of one traded step; selling earns so much less than buying elsewhere."""
    rng = np.random.default_rng(12)
    buy, sell = np.append(0.5, prices[1:]), np.append(-0.3, prices[1:] - below)
    view = pencil_view(
        "A",
        pencil_tariff(buy, sell),
        load_kw=rng.uniform(0.0, 9.0, len(buy)),
        sun_kw=rng.uniform(0.0, 15.0, len(buy)),
        battery=(60.0, 30.0, 0.9),
    )
    strategy = Counting()
    ordered(view, strategy=strategy)
    return strategy


def test_few_prices_are_tried_where_each_takes_binaries():
    """Prices below zero pay for burning energy, which only binaries forbid."""
    strategy = counted(NEGATIVE, below=0.05)
    assert strategy.exclusive == strategy.plans
    assert strategy.plans <= MOST_PRICES_WITH_INTEGERS + 2  # and both ends


def test_more_prices_are_tried_where_plans_are_linear():
    """One in between needs binaries, which is no reason to leave others out."""
    strategy = counted(np.abs(NEGATIVE) + 0.1, below=0.05)
    assert strategy.exclusive <= 1
    assert strategy.plans > MOST_PRICES_WITH_INTEGERS + 2


# ---------------------------------------------------------------------------------- strategies
BOTH = pencil_view("A", STORAGE, battery=(10.0, 5.0, 0.9))


def test_markup_asks_more_and_bids_less_by_its_share():
    expected = [(Side.BUY, 5.0 / 0.9, 0.75 * 0.132), (Side.SELL, 4.5, 0.25)]
    assert_orders(ordered(BOTH, strategy=Markup(share=0.25)), expected)


def test_withholder_sells_its_share_and_buys_all():
    expected = [(Side.BUY, 5.0 / 0.9, 0.132), (Side.SELL, 0.4 * 4.5, 0.2)]
    assert_orders(ordered(BOTH, strategy=Withholder(share=0.4)), expected)


def test_zero_intelligence_never_orders_at_a_loss_nor_beyond_the_market():
    prices = {side: [] for side in Side}
    strategy = ZeroIntelligence()
    for _ in range(50):
        for side, _, price in ordered(BOTH, strategy=strategy):
            prices[side].append(price)
    # True values are 0.2 and 0.132; nobody gains beyond 0.05 and 0.4 - 0.03.
    assert 0.2 - 1e-6 <= min(prices[Side.SELL]) < max(prices[Side.SELL]) <= 0.37
    assert 0.05 <= min(prices[Side.BUY]) < max(prices[Side.BUY]) <= 0.132 + 1e-6


def test_zero_intelligence_draws_from_its_own_stream_alone():
    views = [sample_view(3) for _ in range(2)]
    one, other = (ordered(view, strategy=ZeroIntelligence()) for view in views)
    assert one == other


def test_zero_intelligence_without_a_stream_says_so():
    with pytest.raises(ContractError, match="no random stream"):
        ordered(replace(BOTH, rng=None), strategy=ZeroIntelligence())


@pytest.mark.parametrize(
    "make",
    [
        *(lambda: Markup(share=-0.1), lambda: Markup(share=float("nan"))),
        *(lambda: Withholder(share=1.1), lambda: Withholder(share=-0.1)),
    ],
)
def test_shares_that_mean_nothing_are_refused(make):
    with pytest.raises(ValueError, match="share"):
        make()

"""Steps of a response to a price, against plans that are written down one by one."""

import numpy as np
import pytest

from mmgsim.subproblems import PricedExchange, response_steps

STEP_H = 0.5


class Plans:
    """Exchanges with their costs; the best one at a price is looked for among all."""

    def __init__(self, exchange_kw, cost):
        self.exchange_kw, self.cost = np.array(exchange_kw), np.array(cost)
        self.asked = 0

    def __call__(self, price):
        self.asked += 1
        net = self.cost - STEP_H * price * self.exchange_kw
        best = int(net.argmin())
        return PricedExchange(price, float(self.exchange_kw[best]), float(net[best]))

    def steps(self, low, high, most=99):
        lowest, highest = self(low), self(high)
        self.asked = 0
        return response_steps(lowest, highest, self, step_h=STEP_H, most_answers=most)


def test_two_plans_change_places_where_they_cost_the_same():
    # 4 kW more for half an hour cost 0.5 more: 0.25 a kWh.
    plans = Plans([-1.0, 3.0], [0.0, 0.5])
    (step,) = plans.steps(0.1, 0.4)
    assert (step.from_kw, step.to_kw) == (-1.0, 3.0)
    assert step.low_per_kwh == step.high_per_kwh == pytest.approx(0.25)


@pytest.mark.parametrize("seed", range(20))
def test_every_step_is_found_where_it_is(seed):
    rng = np.random.default_rng(seed)
    rises, prices = rng.uniform(0.5, 5.0, 6), np.sort(rng.uniform(0.1, 0.4, 6))
    exchange_kw = np.concatenate([[-8.0], -8.0 + np.cumsum(rises)])
    cost = np.concatenate([[1.0], 1.0 + np.cumsum(STEP_H * prices * rises)])
    plans = Plans(exchange_kw, cost)
    steps = plans.steps(0.05, 0.45)
    assert [step.to_kw for step in steps] == pytest.approx(list(exchange_kw[1:]))
    assert [step.low_per_kwh for step in steps] == pytest.approx(list(prices))
    assert all(step.low_per_kwh == step.high_per_kwh for step in steps)
    # One answer for every step, and at most one for every plan between the first and the last.
    assert plans.asked <= len(rises) + len(rises) - 1


def test_steps_that_are_not_looked_for_lie_between_the_prices_that_were_tried():
    plans = Plans([0.0, 2.0, 5.0], [0.0, 0.2, 0.65])  # at 0.2 and at 0.3
    (step,) = plans.steps(0.1, 0.4, most=0)
    assert (step.from_kw, step.to_kw) == (0.0, 5.0)
    assert (step.low_per_kwh, step.high_per_kwh) == (0.1, 0.4)


def test_a_response_that_stays_the_same_has_no_step():
    assert Plans([3.0], [1.0]).steps(0.1, 0.4) == ()


def test_a_response_that_falls_with_the_price_has_no_step():
    lowest, highest = PricedExchange(0.1, 3.0, 0.0), PricedExchange(0.4, 1.0, 0.0)
    assert response_steps(lowest, highest, None, step_h=STEP_H, most_answers=9) == ()

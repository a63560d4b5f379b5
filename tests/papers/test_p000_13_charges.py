"""Paper 000, properties 13 and 15: what charges, prices and names do to the optimum.

With the members' own objective that optimum is central; it is solved as such, in a moment.
"""

from dataclasses import replace

import numpy as np
import pytest

from mmgsim.contracts import Battery, Load, Objective, frozen
from tests.support.bilevel import followers_of, leader_of, small_market

SCALES = (0.5, 1.0, 1.5, 2.0)


def with_charge(small, charge_per_kwh):
    tariff = replace(
        small.view.tariff,
        local_charge_per_kwh=frozen(np.full(small.view.window.steps, charge_per_kwh)),
    )
    members = {name: replace(view, tariff=tariff) for name, view in small.members.items()}
    return replace(small, view=replace(small.view, tariff=tariff), members=members)


def central(small):
    return leader_of(small, followers_of(small)).relaxed()


def optimum(small):
    return leader_of(small, followers_of(small)).optimistic()


@pytest.mark.parametrize("seed", range(3))
def test_a_charge_costs_no_more_than_on_what_was_traded_before_and_charged_trade_falls(seed):
    small = small_market(seed, steps=3)
    found = [central(with_charge(small, 0.05 * scale)) for scale in SCALES]
    traded_kwh = [one.traded_kw.sum() for one in found]
    charged = [0.05 * scale * kwh for scale, kwh in zip(SCALES, traded_kwh, strict=True)]
    for k in range(len(SCALES) - 1):
        rise = 0.05 * (SCALES[k + 1] - SCALES[k])
        assert -1e-6 <= found[k + 1].cost - found[k].cost <= rise * traded_kwh[k] + 1e-6
        # With one charge for all hours the volume itself falls with its scale.
        assert charged[k + 1] / SCALES[k + 1] <= charged[k] / SCALES[k] + 1e-6


@pytest.mark.parametrize("seed", range(3))
def test_the_optimum_is_concave_in_the_scale_of_the_charge(seed):
    small = small_market(seed, steps=3)
    cost = [central(with_charge(small, 0.05 * scale)).cost for scale in SCALES]
    assert (np.diff(cost, 2) <= 1e-6).all()


@pytest.mark.parametrize("seed", range(3))
def test_one_more_microgrid_to_trade_with_never_raises_the_cost_of_the_others(seed):
    three = small_market(seed, members=3, steps=2)
    followers = followers_of(three)
    two = replace(
        three,
        view=replace(three.view, members=three.view.members[:2]),
        members=dict(list(three.members.items())[:2]),
    )
    third = followers[2].cost(followers[2].alone, np.zeros(2))
    apart = leader_of(two, followers[:2]).relaxed().cost + third
    assert leader_of(three, followers).relaxed().cost <= apart + 1e-6


@pytest.mark.parametrize("objective", Objective)
def test_scaling_all_prices_scales_the_cost(objective):
    cost = []
    for scale in (1.0, 3.0):
        small = small_market(1, steps=3, objective=objective, scale=scale)
        small = replace(
            small,
            members={
                name: replace(
                    view,
                    devices=tuple(scaled(one, scale) for one in view.devices),
                    storage={
                        n: replace(
                            rule,
                            miss_price_per_kwh=scale * rule.miss_price_per_kwh,
                            end_value_per_kwh=scale * rule.end_value_per_kwh,
                        )
                        for n, rule in view.storage.items()
                    },
                )
                for name, view in small.members.items()
            },
        )
        cost.append(optimum(small).cost)
    assert cost[1] == pytest.approx(3.0 * cost[0], rel=1e-6)


def scaled(device, scale):
    if isinstance(device, Battery):
        return replace(device, wear_per_kwh=scale * device.wear_per_kwh)
    if isinstance(device, Load):
        return replace(device, shed_price_per_kwh=scale * device.shed_price_per_kwh)
    return device


@pytest.mark.parametrize("objective", Objective)
def test_the_order_of_microgrids_does_not_matter(objective):
    small = small_market(2, members=3, steps=2, objective=objective)
    turned = replace(
        small,
        view=replace(small.view, members=small.view.members[::-1]),
        members=dict(reversed(small.members.items())),
    )
    assert optimum(turned).cost == pytest.approx(optimum(small).cost, rel=1e-6)

"""Properties 15 and 17: the unit of money, idle microgrids, seeds, and the order of members."""

from dataclasses import replace

import numpy as np
import pytest

from mmgsim.contracts import frozen
from mmgsim.division import DayGame, Rule, bills_by_rule
from tests.support import p001


def made(seed=0, scale=1.0, **more):
    rng = np.random.default_rng(seed)
    base = p001.random_prices(rng, 8)
    names = ("import_per_kwh", "export_per_kwh", "local_charge_per_kwh")
    prices = replace(base, **{name: frozen(scale * getattr(base, name)) for name in names})
    return p001.random_members(rng, 3, prices, **more)


def test_prices_times_a_make_costs_times_a():
    one, scaled = (DayGame(p001.game_day(made(scale=a))) for a in (1.0, 7.0))
    np.testing.assert_allclose(scaled.costs(), 7.0 * one.costs(), rtol=1e-7)


def test_an_idle_microgrid_changes_nothing():
    members = made()
    idle = p001.member("idle", members[0].tariff)
    alone, with_idle = (DayGame(p001.game_day(m)) for m in (members, [*members, idle]))
    np.testing.assert_allclose(with_idle.costs()[:8], alone.costs(), atol=1e-7)
    np.testing.assert_allclose(with_idle.costs()[8:], alone.costs(), atol=1e-7)
    found = bills_by_rule(with_idle, (Rule.MARGINAL, Rule.SHAPLEY, Rule.NUCLEOLUS), orders=2)
    for one in found.values():
        assert one.bills[3] == pytest.approx(0.0, abs=1e-6)


def test_p001_17_the_order_of_members_does_not_matter():
    members = made(1)
    one, other = (DayGame(p001.game_day(m)) for m in (members, members[::-1]))
    assert other.total == pytest.approx(one.total, rel=1e-9)
    rules = (Rule.MARGINAL, Rule.SHAPLEY)
    first, second = (bills_by_rule(game, rules, orders=2) for game in (one, other))
    for rule in rules:
        np.testing.assert_allclose(second[rule].bills[::-1], first[rule].bills, atol=1e-6)


def test_p001_17_the_same_numbers_come_twice():
    one, again = (DayGame(p001.game_day(made(2))) for _ in range(2))
    np.testing.assert_array_equal(one.costs(), again.costs())
    np.testing.assert_array_equal(one.price_per_kwh, again.price_per_kwh)


@pytest.mark.parametrize("seed", range(4))
def test_p001_16_the_saving_grows_where_the_grid_pays_less(seed):
    """Export prices lowered uniformly, without storage."""
    members = made(seed, has_storage=False)
    savings = []
    for lower in (0.0, 0.01, 0.03, 0.06):
        prices = members[0].tariff
        prices = replace(prices, export_per_kwh=frozen(prices.export_per_kwh - lower))
        game = DayGame(p001.game_day([replace(one, tariff=prices) for one in members]))
        savings.append(float(game.alone.sum()) - game.total)
    assert (np.diff(savings) >= -1e-7).all()

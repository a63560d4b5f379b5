"""Property 8: together costs at most what apart does; without storage, the saving has a formula."""

import numpy as np
import pytest

from mmgsim.division import DayGame
from tests.support import p001

SEEDS = range(8)


def saved(members):
    game = DayGame(p001.game_day(members))
    return float(game.alone.sum()) - game.total


@pytest.mark.parametrize("seed", SEEDS)
def test_saving_without_storage_is_the_spread_on_what_is_matched(seed):
    """``sum_t (buy - sell) min(S_t, D_t)``, S and D the sums of surplus and deficit."""
    rng = np.random.default_rng(seed)
    buy = rng.uniform(0.08, 0.30, 24)
    prices = p001.tariff(buy, buy * rng.uniform(0.1, 1.0, 24))
    members = p001.random_members(rng, 4, prices, has_storage=False)
    net_kw = np.stack([one.forecast_kw["sun"] - one.forecast_kw["load"] for one in members])
    surplus_kw, deficit_kw = np.maximum(net_kw, 0.0).sum(0), np.maximum(-net_kw, 0.0).sum(0)
    spread = prices.buy_per_kwh - prices.export_per_kwh
    due = float(spread @ np.minimum(surplus_kw, deficit_kw))
    assert due > 1.0
    assert saved(members) == pytest.approx(due, abs=1e-9 * 100)  # 1e-9 of what they pay apart
    assert saved(members) >= 0.0


@pytest.mark.parametrize("has_storage", [False, True])
def test_nothing_is_saved_where_buying_and_selling_cost_the_same(has_storage):
    """The paper's repair 4: its 15.6 % cannot come from one price for both."""
    rng = np.random.default_rng(3)
    buy = rng.uniform(0.08, 0.30, 24)
    members = p001.random_members(rng, 4, p001.tariff(buy, buy), has_storage=has_storage)
    assert saved(members) == pytest.approx(0.0, abs=1e-7)


@pytest.mark.parametrize("seed", SEEDS)
def test_storage_never_makes_trading_a_loss(seed):
    rng = np.random.default_rng(seed)
    members = p001.random_members(rng, 4, p001.random_prices(rng, 24))
    assert saved(members) >= -1e-7

"""Properties 8, 9, 10 and 17 on the day of `leem4`, 8 on that of `leem10` too."""

import numpy as np
import pytest

import mmgsim
from mmgsim.division import ALL, DayGame, Rule, game_day
from mmgsim.scenario import load_scenario

ROUNDING = 1e-7
"""Of what all pay alone: that of solvers."""


def game(name, **overrides):
    return DayGame(game_day(load_scenario(name, overrides), 1, {}))


@pytest.fixture(scope="module")
def division(tmp_path_factory):
    return mmgsim.divide("leem4", out=tmp_path_factory.mktemp("leem4") / "divide")


@pytest.fixture(scope="module")
def cost(division):
    return division.game.costs()


def bills(division, rule):
    table = division.table
    own = table[(table.rule == str(rule)) & (table.microgrid != ALL)].set_index("microgrid")
    return own.loc[list(division.game.names)].bill.to_numpy()


def groups(count):
    return (np.arange(1 << count)[:, None] >> np.arange(count) & 1).astype(float)


# -------------------------------------------------------------------------------- property 8
@pytest.mark.parametrize("name", ["leem4", "leem10"])
def test_p001_08_together_costs_less_than_apart(name):
    played = game(name)
    assert played.total < played.alone.sum() - 1.0


@pytest.mark.parametrize("name", ["leem4", "leem10"])
def test_p001_08_nothing_is_saved_where_buying_and_selling_cost_the_same(name):
    played = game(name, **{"tariff.export_per_kwh.scale": 1.0})
    assert played.alone.sum() - played.total == pytest.approx(0.0, abs=1e-7 * played.alone.sum())


# -------------------------------------------------------------------------------- property 9
def test_no_two_groups_without_a_common_member_pay_more_together(cost):
    pairs = [(a, b) for a in range(1, 16) for b in range(1, 16) if not a & b]
    assert len(pairs) == 50  # 3^4 - 2 * 2^4 + 1 ordered pairs, none of them empty
    for one, other in pairs:
        assert cost[one | other] <= cost[one] + cost[other] + ROUNDING * cost[-1]


# ------------------------------------------------------------------------------- property 10
@pytest.mark.parametrize("rule", Rule)
def test_p001_10_bills_add_up_to_the_cost_of_all(division, cost, rule):
    assert bills(division, rule).sum() == pytest.approx(cost[-1], abs=1e-6)


@pytest.mark.parametrize("rule", [Rule.MARGINAL, Rule.NUCLEOLUS])
def test_p001_10_no_group_of_leem4_would_leave(division, cost, rule):
    assert (groups(4) @ bills(division, rule) <= cost + ROUNDING * cost[-1]).all()
    assert division.violations.core[str(rule)] == 0.0


@pytest.mark.parametrize("rule", [Rule.MARGINAL, Rule.NASH, Rule.SHAPLEY, Rule.NUCLEOLUS])
def test_p001_10_nobody_of_leem4_pays_more_than_alone(division, cost, rule):
    alone = cost[1 << np.arange(4)]
    assert (bills(division, rule) <= alone + ROUNDING * cost[-1]).all()


def test_p001_10_without_a_price_somebody_pays_more_than_alone(division):
    """Why the paper needs (20), or a price: who gives energy away loses."""
    assert division.violations.rationality["none"] > 1.0
    assert division.violations.loser["none"] == "MG2"


# ------------------------------------------------------------------------------- property 17
def test_p001_17_the_order_of_microgrids_in_the_file_does_not_matter(division):
    content = load_scenario("leem4").scenario.model_dump(mode="json", exclude_none=True)
    turned = game("leem4", microgrids=content["microgrids"][::-1])
    assert turned.names == division.game.names[::-1]
    assert turned.total == pytest.approx(division.game.total, rel=1e-9)
    np.testing.assert_allclose(turned.alone[::-1], division.game.alone, rtol=1e-9)

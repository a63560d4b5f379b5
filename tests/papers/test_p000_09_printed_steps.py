"""Paper 000, property 9, findings 2 to 4: the printed lower level, and what Steps 1 to 4 bound."""

from dataclasses import replace

import numpy as np
import pytest

from mmgsim.contracts import frozen
from mmgsim.coordination import Bilevel, Isolated
from mmgsim.subproblems import disclosure_of
from tests.support.bilevel import clear, small_market
from tests.support.printed import lower_level


@pytest.mark.parametrize("switching_cost", [0.01, 1.0])
def test_the_printed_lower_level_never_switches_and_needs_no_battery(switching_cost):
    found = lower_level(
        24, power_kw=20.0, energy_kwh=60.0, efficiency=0.95, switching_cost=switching_cost
    )
    assert found == {"cost": 0.0, "switches": 0, "moved_kwh": 0.0}


def idle_kw(small):
    """Give what everybody would exchange with batteries that stand still: (members, steps)."""
    totals = []
    for view in small.members.values():
        declared = disclosure_of(view)
        signs = {
            device.name: -1.0 if hasattr(device, "shed_price_per_kwh") else 1.0
            for device in declared.devices
        }
        totals.append(sum(signs[name] * kw for name, kw in declared.forecast_kw.items()))
    return np.stack(totals)


def buyers(seed=4):
    """Give a market that draws from upstream in all."""
    small = small_market(seed, steps=4)
    bill = float(small.view.tariff.upstream_per_kwh @ -idle_kw(small).sum(0))
    assert bill > 0.0
    return small, bill


def test_the_paper_stops_at_once_and_says_that_it_bounds_nothing():
    small, bill = buyers()
    clearing = clear(small, Bilevel(variant="paper"))
    (first, _) = clearing.rounds
    assert first.upper - first.lower == pytest.approx(-bill)
    assert clearing.flags == ("not_bounding",)
    assert clearing.lower is None


def test_the_paper_awards_no_trade_so_that_its_plans_are_those_without_any():
    small, _ = buyers()
    clearing, alone = clear(small, Bilevel(variant="paper")), clear(small, Isolated())
    assert clearing.trades == ()
    assert clearing.upper == pytest.approx(alone.upper)


def test_its_upper_number_is_below_its_lower_one_and_neither_is_what_the_plans_cost():
    small, _ = buyers()
    clearing = clear(small, Bilevel(variant="paper"))
    first = clearing.rounds[0]
    assert first.upper < first.lower
    assert abs(clearing.upper - first.upper) > 1e-3 * clearing.gross_cost


def test_where_all_together_sell_it_never_stops_by_itself():
    small, _ = buyers()
    upstream = frozen(-small.view.tariff.upstream_per_kwh)
    tariff = replace(small.view.tariff, upstream_per_kwh=upstream)
    paid = replace(small, view=replace(small.view, tariff=tariff))
    clearing = clear(paid, Bilevel(variant="paper", max_rounds=7))
    assert len(clearing.rounds) == 7 + 1
    assert len({(one.upper, one.lower) for one in clearing.rounds[:-1]}) == 1

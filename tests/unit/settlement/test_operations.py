"""What running the devices costs in a step."""

import pytest

from mmgsim.contracts import (
    Battery,
    CarriedState,
    Diesel,
    DieselState,
    Dispatch,
    Item,
    Load,
    Operation,
)
from mmgsim.settlement import operation_costs

UNIT = Diesel("genset", 20.0, 100.0, 0.3, 1e-3, 2.0, 15.0)
BESS = Battery("bess", 10.0, 0.0, 5.0, 0.9, 0.02)


def costs(power_kw, *, was_on, step_h=1.0, discharge_kw=0.0):
    before = CarriedState({"bess": 5.0}, {"genset": DieselState(was_on, 50.0 * was_on)})
    operations = {
        "genset": Operation(power_kw),
        "bess": Operation(discharge_kw),
        "shop": Operation(),
    }
    used = operation_costs((Load("shop", 1.0), UNIT, BESS), before, Dispatch(operations), step_h)
    return {cost.item: (cost.kwh, cost.cost) for cost in used}


def test_fuel_is_the_true_quadratic_cost_of_what_was_generated():
    used = costs(60.0, was_on=True, step_h=0.5)
    assert used == {Item.FUEL: pytest.approx((30.0, 0.5 * (0.3 * 60 + 1e-3 * 3600 + 2.0)))}


def test_a_start_costs_once_and_is_about_no_energy():
    assert costs(60.0, was_on=False)[Item.START_UP] == (0.0, 15.0)
    assert Item.START_UP not in costs(60.0, was_on=True)


def test_a_unit_that_is_off_costs_nothing():
    assert costs(0.0, was_on=True) == costs(0.0, was_on=False) == {}


def test_wear_stands_beside_fuel():
    used = costs(60.0, was_on=True, discharge_kw=4.0)
    assert list(used) == [Item.FUEL, Item.WEAR]
    assert used[Item.WEAR] == pytest.approx((4.0, 0.08))

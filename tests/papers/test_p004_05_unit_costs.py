"""Property 5 of paper 004: what a unit of table I costs a year."""

import pytest

from mmgsim.sizing import capital_recovery_factor
from tests.support.sizing import TECHNOLOGIES, random_case


def test_units_of_table_1_cost_what_its_numbers_come_to():
    found = [technology.per_unit_year(0.12) for technology in TECHNOLOGIES]
    assert found == pytest.approx([123.087, 273.031, 18.698], abs=5e-4)


def test_the_recovery_factor_with_and_without_interest():
    assert capital_recovery_factor(0.12, 20) == pytest.approx(0.133879, abs=5e-7)
    assert capital_recovery_factor(0.12, 10) == pytest.approx(0.176984, abs=5e-7)
    assert capital_recovery_factor(0.0, 20) == 0.05
    assert capital_recovery_factor(1e-9, 20) == pytest.approx(0.05, rel=1e-6)
    # Paid at the end of every year it is worth the investment today.
    due = capital_recovery_factor(0.08, 7)
    assert sum(due / 1.08**year for year in range(1, 8)) == pytest.approx(1.0, rel=1e-12)


def test_part_of_a_year_costs_its_part_and_what_is_not_sized_nothing():
    case = random_case(0, steps=876, technologies=(TECHNOLOGIES[0], None, TECHNOLOGIES[2]))
    found = case.capital(case.present)
    assert found[1] == pytest.approx([1230.87, 0.0, 186.98], abs=5e-3)

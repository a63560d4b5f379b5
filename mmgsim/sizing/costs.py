"""What a technology costs a year: its investment spread over its life, and its operation."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Technology", "capital_recovery_factor"]


def capital_recovery_factor(discount_rate: float, life_years: float) -> float:
    """Give the part of an investment that is due every year, so that interest and it are paid.

    ``D (1 + D)^L / ((1 + D)^L - 1)``, and without interest ``1 / L`` (paper 004, equation 2).

    Parameters
    ----------
    discount_rate : float
        Per year, as a fraction.
    life_years : float
        How long the investment lasts. [years]
    """
    if discount_rate == 0.0:
        return 1.0 / life_years
    growth: float = (1.0 + discount_rate) ** life_years
    return discount_rate * growth / (growth - 1.0)


@dataclass(frozen=True, slots=True)
class Technology:
    """What one unit of size costs; the unit is 1 kW, of batteries 1 kWh.

    Parameters
    ----------
    investment_per_unit : float
        To buy and build it. [currency/kW], [currency/kWh]
    operation_per_unit_year : float
        Operation and maintenance. [currency/(kW year)], [currency/(kWh year)]
    life_years : float
        How long it lasts. [years]
    """

    investment_per_unit: float
    operation_per_unit_year: float
    life_years: float

    def per_unit_year(self, discount_rate: float) -> float:
        """Give what one unit costs a year. [currency/(kW year)], [currency/(kWh year)]"""
        due = capital_recovery_factor(discount_rate, self.life_years)
        return self.investment_per_unit * due + self.operation_per_unit_year

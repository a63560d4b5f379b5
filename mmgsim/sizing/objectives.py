"""What candidates are judged by: levelised cost, reliability index, both weighted, annual cost."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from mmgsim.contracts import FloatArray
from mmgsim.scenario import SizingConfig
from mmgsim.sizing.case import SizingCase
from mmgsim.sizing.totals import Totals
from mmgsim.sizing.yearly import YearSimulator

__all__ = ["Appraisal", "Bases", "EnergyBasis", "Objective", "Terms", "appraise", "bases_of"]

EnergyBasis = Literal["own-use", "with-peers", "generated", "load"]
"""What levelised cost is per kWh of, as `Terms` describes."""


class Objective(StrEnum):
    """What is made small.

    Attributes
    ----------
    WEIGHTED
        Levelised cost and reliability index, each over its base, weighted (paper 004, equations 15
        and 16).
    LCOE
        Levelised cost of energy (paper 004, 1 to 4).
    RELIABILITY
        Reliability index (paper 004, 5, 13 and 14): knows no cost of devices, so that it asks for
        the largest sizes.
    ANNUAL_COST
        What devices cost a year and the bill.
    """

    WEIGHTED = "weighted"
    LCOE = "lcoe"
    RELIABILITY = "reliability"
    ANNUAL_COST = "annual-cost"


@dataclass(frozen=True, slots=True)
class Bases:
    """What the two halves of the weighted objective are divided by.

    Parameters
    ----------
    lcoe_per_kwh : float
        [currency/kWh]
    reliability : float
        [currency/year]
    """

    lcoe_per_kwh: float
    reliability: float


@dataclass(frozen=True, slots=True)
class Terms:
    """How candidates are judged.

    Parameters
    ----------
    bases : Bases
        Of the weighted objective; the same for all ways of sharing.
    lcoe_weight : float
        From 0 to 1; the reliability index has the rest.
    energy : str
        What levelised cost is per kWh of: ``own-use``, what own devices serve of the own load
        before any trade; ``with-peers``, that and what peers get; ``generated``, all that is
        available; ``load``.
    least_own_share : float
        Part of the load of all that own devices have to serve; below it a candidate is worth
        nothing (infinite objectives). Levelised cost alone would end at one small turbine.
    is_export_counted : bool
        Whether what the grid pays lowers the annual cost.
    carbon_kg_per_kwh : float
        Of a kWh from the grid. [kg/kWh]
    """

    bases: Bases
    lcoe_weight: float = 0.5
    energy: EnergyBasis = "own-use"
    least_own_share: float = 0.2
    is_export_counted: bool = False
    carbon_kg_per_kwh: float = 0.0

    @classmethod
    def of(cls, case: SizingCase, sizing: SizingConfig) -> Terms:
        """Give the terms that a scenario states, with bases of the case where it states none."""
        own = bases_of(case)
        return cls(
            bases=Bases(
                sizing.lcoe_base_per_kwh or own.lcoe_per_kwh,
                sizing.reliability_base or own.reliability,
            ),
            lcoe_weight=sizing.lcoe_weight,
            energy=sizing.energy,
            least_own_share=sizing.least_own_share,
            is_export_counted=sizing.is_export_counted,
            carbon_kg_per_kwh=sizing.carbon_kg_per_kwh,
        )


def bases_of(case: SizingCase) -> Bases:
    """Give the bases: the mean price of a kWh of the load, and the bill of a year without devices.

    Load beyond the limit of a connection is not served, at its value.
    """
    import_kw = np.minimum(case.load_kw, case.import_limit_kw[:, None])
    lost_kw = (case.load_kw - import_kw).sum(axis=1)
    bill = case.step_h * (
        (import_kw * case.buy_per_kwh).sum() + float(lost_kw @ case.unserved_per_kwh)
    )
    bought_kwh = case.step_h * float(import_kw.sum())
    price = case.step_h * float((import_kw * case.buy_per_kwh).sum()) / bought_kwh
    return Bases(price, float(bill) / case.years)


@dataclass(frozen=True, slots=True, eq=False)
class Appraisal:
    """What candidates are worth; money and energy of a year of 8760 h, arrays of (candidates,).

    Parameters
    ----------
    capital : array
        Investment spread over the lives of devices, and their operation. [currency/year]
    purchases, sales : array
        Paid to and got from the grid. [currency/year]
    unserved_cost : array
        Value of lost load. [currency/year]
    peer_payments : array
        What peers paid each other, which is no cost of all together. [currency/year]
    local_charges : array
        Paid to the network for what peers sold each other. [currency/year]
    wear : array
        Of batteries. [currency/year]
    reliability : array
        Purchases and value of lost load, payments between peers cancelled (paper 004: I_R).
        [currency/year]
    reliability_with_payments : array
        The same as every microgrid sees it: what buyers pay peers is in it, what sellers get is
        not. [currency/year]
    lcoe_per_kwh : array
        Levelised cost, infinite where there is no energy. [currency/kWh]
    weighted : array
        Objective of paper 004.
    annual_cost : array
        Capital, purchases, lost load, wear and local charges, less sales where they count.
        [currency/year]
    own_share : array
        Part of the load of all that own devices serve before any trade.
    self_sufficiency : array
        Part of the load of all that neither the grid serves nor nobody.
    carbon_kg : array
        Of what the grid served. [kg/year]
    is_enough : array of bool
        Whether the own share is as large as is asked for.
    """

    capital: FloatArray
    purchases: FloatArray
    sales: FloatArray
    unserved_cost: FloatArray
    peer_payments: FloatArray
    local_charges: FloatArray
    wear: FloatArray
    reliability: FloatArray
    reliability_with_payments: FloatArray
    lcoe_per_kwh: FloatArray
    weighted: FloatArray
    annual_cost: FloatArray
    own_share: FloatArray
    self_sufficiency: FloatArray
    carbon_kg: FloatArray
    is_enough: NDArray[np.bool_]

    def objective(self, objective: Objective) -> FloatArray:
        """Give what is made small: (candidates,); infinite where the own share is too small."""
        found = {
            Objective.WEIGHTED: self.weighted,
            Objective.LCOE: self.lcoe_per_kwh,
            Objective.RELIABILITY: self.reliability,
            Objective.ANNUAL_COST: self.annual_cost,
        }[objective]
        return np.where(self.is_enough, found, np.inf)

    def row(self, candidate: int) -> Mapping[str, float]:
        """Give all numbers of one candidate by name."""
        return MappingProxyType(
            {name: float(getattr(self, name)[candidate]) for name in self.__slots__}
        )


def appraise(simulator: YearSimulator, sizes: FloatArray, terms: Terms) -> Appraisal:
    """Judge candidates.

    Parameters
    ----------
    simulator : YearSimulator
        Of the case and the way of sharing.
    sizes : (candidates, microgrids, 3) array
        [kW], [kW], [kWh]
    terms : Terms
        How.

    References
    ----------
    .. [1] Paper 004, equations 1 to 16; levelised cost is a ratio of sums over all microgrids.
    """
    case, totals = simulator.case, simulator.totals(sizes)
    of = _yearly(totals, case)
    capital = case.capital(np.asarray(sizes)).sum(axis=(1, 2)) / case.years
    load_kwh = float(case.load_kwh.sum()) / case.years
    unserved_cost = totals.of("unserved_kwh") @ simulator.rule.unserved_per_kwh / case.years
    purchases, own_kwh = of("purchases"), of("own_use_kwh")
    reliability = purchases + unserved_cost
    payments, charges = of("peer_payments"), of("local_charges")
    wear = totals.of("discharged_kwh") @ simulator.rule.wear_per_kwh / case.years
    energy_kwh = {
        "own-use": own_kwh,
        "with-peers": own_kwh + of("bought_kwh"),
        "generated": of("generated_kwh"),
        "load": np.full(len(capital), load_kwh),
    }[terms.energy]
    lcoe = np.full(len(capital), np.inf)
    np.divide(capital, energy_kwh, out=lcoe, where=energy_kwh > 0.0)
    weight, sales = terms.lcoe_weight, of("sales")
    halves = (lcoe / terms.bases.lcoe_per_kwh, reliability / terms.bases.reliability)
    weighted = sum(w * half for w, half in zip((weight, 1.0 - weight), halves, strict=True) if w)
    cost = capital + reliability + wear + charges - (sales if terms.is_export_counted else 0.0)
    own_share = own_kwh / load_kwh
    return Appraisal(
        capital=capital,
        purchases=purchases,
        sales=sales,
        unserved_cost=unserved_cost,
        peer_payments=payments,
        local_charges=charges,
        wear=wear,
        reliability=reliability,
        reliability_with_payments=reliability + payments + charges,
        lcoe_per_kwh=lcoe,
        weighted=np.asarray(weighted),
        annual_cost=cost,
        own_share=own_share,
        self_sufficiency=1.0 - (of("imported_kwh") + of("unserved_kwh")) / load_kwh,
        carbon_kg=terms.carbon_kg_per_kwh * of("imported_kwh"),
        is_enough=own_share >= terms.least_own_share,
    )


def _yearly(totals: Totals, case: SizingCase) -> Callable[[str], FloatArray]:
    """Give what adds up a quantity over the members, for a year of 8760 h."""

    def of(quantity: str) -> FloatArray:
        total: FloatArray = totals.of(quantity).sum(axis=1) / case.years
        return total

    return of

"""The linear program of a year with perfect foresight, of sizes and flows together.

With sizes `P` of wind and sun, `B` of the battery, and in every step ``t`` of length ``h`` charge
``c``, discharge ``d``, stored energy above the floor ``u``, import ``b``, unserved demand ``e`` and
export ``x``, all at least 0::

    min   capital(P, B) + sum_t h (buy_t b + value e + wear d - sell_t x)
    s.t.  yield_t P + d - c + b + e - x >= load_t
          u_t = u_(t-1) + h (into c - d / out_of),  u_0 = (start - floor) B
          u_t <= (1 - floor) B,  c <= power B,  d <= power B

What is left over in the first row is spilled. Every column has an upper limit that what follows the
rule never exceeds, so that any multipliers of the rows prove a bound.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from mmgsim.contracts import FloatArray
from mmgsim.sizing.case import BATTERY, SizingCase
from mmgsim.sizing.rule import RuleInputs

__all__ = ["YearProgram", "year_program"]


@dataclass(frozen=True, slots=True, eq=False)
class YearProgram:
    """``min costs x`` with ``matrix x >= least``, some rows equal, and ``low <= x <= high``.

    Parameters
    ----------
    costs, low, high : (columns,) arrays
        Sizes come first: wind and sun of every microgrid of the member, then its battery; then
        charge, discharge, store, import, unserved and export, each over all steps. [currency/year]
    matrix : (rows, columns) sparse array
        Balances, stores, capacities, and where they can bind limits of charge and discharge.
    least : (rows,) array
        Right-hand sides.
    is_equal : (rows,) array of bool
        Rows without slack.
    """

    costs: FloatArray
    low: FloatArray
    high: FloatArray
    matrix: sparse.csr_array
    least: FloatArray
    is_equal: np.ndarray

    def bound(self, multipliers: FloatArray) -> float:
        """Give what multipliers of the rows prove: no `x` costs less. [currency/year]

        ``y least + sum_j min((c - y A)_j low_j, (c - y A)_j high_j)``, where ``y >= 0`` for rows
        that are not equal; negative ones are taken as 0.
        """
        proven = np.where(self.is_equal, multipliers, np.maximum(multipliers, 0.0))
        reduced = self.costs - self.matrix.T @ proven
        least = np.minimum(reduced * self.low, reduced * self.high)
        return float(proven @ self.least + least.sum())


def year_program(
    case: SizingCase,
    rule: RuleInputs,
    member: int,
    limits: tuple[FloatArray, FloatArray],
    *,
    sell_per_kwh: FloatArray,
) -> YearProgram:
    """Write the program of one member.

    Parameters
    ----------
    case : SizingCase
        What units cost.
    rule : RuleInputs
        The same case by members.
    member : int
        Which.
    limits : two (microgrids, 3) arrays
        Least and largest sizes. [kW], [kW], [kWh]
    sell_per_kwh : (steps,) array
        What counts of what the grid pays. [currency/kWh]
    """
    own = np.flatnonzero(rule.member_of == member)
    steps, low, high = len(rule.load_kw), limits[0][own], limits[1][own]
    unit = case.capital(np.ones_like(case.low))[own] / case.years
    yield_kw = rule.yield_pu[:, own].reshape(steps, -1)
    generator_high = high[:, :BATTERY].ravel()
    battery_high = float(high[:, BATTERY].sum())
    load_kw, power = rule.load_kw[:, member], float(rule.power_per_kwh[member])
    room = 1.0 - float(rule.level_min[member])
    most_kw = np.full(steps, power * battery_high)
    # Of peers who do not trade one may sell to the grid what another buys there.
    made_kw = np.einsum("tmk,mk->mt", rule.yield_pu[:, own], high[:, :BATTERY])
    surplus_kw = np.maximum(made_kw - case.load_kw[own], 0.0).sum(axis=0)
    hourly = rule.step_h / case.years
    ones, none = np.ones(steps), np.zeros(steps)
    flows = (  # cost, upper limit
        (none, most_kw),
        (hourly * rule.wear_per_kwh[member] * ones, most_kw),
        (none, room * battery_high * ones),
        (hourly * rule.buy_per_kwh, np.minimum(load_kw + most_kw, rule.import_limit_kw[member])),
        (hourly * rule.unserved_per_kwh[member] * ones, load_kw),
        (
            -hourly * sell_per_kwh,
            np.minimum(surplus_kw + most_kw, rule.export_limit_kw[member]) * (sell_per_kwh != 0.0),
        ),
    )
    matrix = _matrix(rule, member, yield_kw)
    return YearProgram(
        costs=np.concatenate(
            [unit[:, :BATTERY].ravel(), unit[:1, BATTERY], *(cost for cost, _ in flows)]
        ),
        low=np.concatenate(
            [low[:, :BATTERY].ravel(), [low[:, BATTERY].sum()], np.zeros(len(flows) * steps)]
        ),
        high=np.concatenate([generator_high, [battery_high], *(most for _, most in flows)]),
        matrix=matrix,
        least=np.concatenate([load_kw, np.zeros(matrix.shape[0] - steps)]),
        is_equal=(np.arange(matrix.shape[0]) // steps) == 1,
    )


def _matrix(rule: RuleInputs, member: int, yield_kw: FloatArray) -> sparse.csr_array:
    steps, hours = len(yield_kw), rule.step_h
    into, out_of = float(rule.charge_efficiency[member]), float(rule.discharge_efficiency[member])
    floor, start = float(rule.level_min[member]), float(rule.level_start[member])
    power = float(rule.power_per_kwh[member])
    eye = sparse.eye_array(steps)
    change = eye - sparse.eye_array(steps, k=-1)
    begin = np.zeros((steps, 1))
    begin[0] = floor - start
    column, sun = np.ones((steps, 1)), sparse.csr_array(yield_kw)
    blocks = [  # wind and sun, battery, charge, discharge, store, import, unserved, export
        [sun, None, -eye, eye, None, eye, eye, -eye],
        [None, begin, -hours * into * eye, hours / out_of * eye, change, None, None, None],
        [None, (1.0 - floor) * column, None, None, -eye, None, None, None],
    ]
    # A battery that goes from floor to full within a step is limited by its levels alone.
    if power * hours * into < 1.0 - floor:
        blocks.append([None, power * column, -eye, None, None, None, None, None])
    if power * hours < (1.0 - floor) * out_of:
        blocks.append([None, power * column, None, -eye, None, None, None, None])
    return sparse.csr_array(sparse.block_array(blocks))

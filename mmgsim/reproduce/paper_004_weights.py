"""Paper 004, its Table VI and figure 12: what the weighted objective is divided by."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from mmgsim.contracts import FloatArray
from mmgsim.reproduce.claims import Claim, Verdict
from mmgsim.reproduce.paper_004_text import capital, read_printed, read_table

__all__ = ["Fitted", "fitted_bases", "row_cost", "weight_claims"]

_CENT = 0.01
_SCHEMES = ("p2g", "p2p")
_TOLD = {"p2g": "alone with the grid", "p2p": "with peers"}
_FITTED = "predicted from two fitted numbers, as the text does not print the bases"


@dataclass(frozen=True, slots=True)
class Fitted:
    """Bases under which Table VI is what it is, by least squares over its nine rows.

    Parameters
    ----------
    lcoe_per_kwh, reliability : float
        What the two halves are divided by. [USD/kWh], [USD/year]
    error : float
        Largest difference between a printed objective and the fitted one.
    """

    lcoe_per_kwh: float
    reliability: float
    error: float

    def objective(self, weight: FloatArray, lcoe: FloatArray, index: FloatArray) -> FloatArray:
        """Give the weighted objective at these bases. [-]"""
        found: FloatArray = weight * lcoe / self.lcoe_per_kwh
        return found + (1.0 - weight) * index / self.reliability


def fitted_bases(table: pd.DataFrame, scheme: str) -> Fitted:
    """Fit the bases of ``p2g`` or ``p2p`` to Table VI."""
    weight, lcoe, index, printed = _columns(table, scheme)
    parts = np.column_stack([weight * lcoe, (1.0 - weight) * index])
    scale, *_ = np.linalg.lstsq(parts / parts.max(axis=0), printed)
    inverse = scale / parts.max(axis=0)
    error = float(np.abs(parts @ inverse - printed).max())
    return Fitted(float(1.0 / inverse[0]), float(1.0 / inverse[1]), error)


def row_cost(fitted: Fitted, table: pd.DataFrame, scheme: str) -> FloatArray:
    """Give every row's sizes judged with the weights of every row: (weights, rows). [-]"""
    weight, lcoe, index, _ = _columns(table, scheme)
    return fitted.objective(weight[:, None], lcoe[None], index[None])


def weight_claims() -> list[Claim]:
    """Hold Table VI against itself, and figure 12 against (2)."""
    table = read_table("weights")
    fitted = {scheme: fitted_bases(table, scheme) for scheme in _SCHEMES}
    return [
        *_base_claims(fitted),
        _same_bases(table, fitted["p2g"]),
        *_line_claims(table),
        _beaten(table, fitted["p2g"]),
        _collision(),
        *_figure_12(table, fitted["p2g"]),
    ]


def _columns(table: pd.DataFrame, scheme: str) -> tuple[FloatArray, ...]:
    """Give weights of levelised cost, it [USD/kWh], the index [USD/year] and the objective."""
    columns = (
        table.k1,
        _CENT * table.lcoe_c_kwh,
        table[f"ir_{scheme}_usd"],
        table[f"mof_{scheme}"],
    )
    return tuple(column.to_numpy(dtype=np.float64) for column in columns)


# ---------------------------------------------------------------------------------------- bases
def _base_claims(fitted: dict[str, Fitted]) -> Iterator[Claim]:
    for at, scheme in enumerate(_SCHEMES):
        own = fitted[scheme]
        yield Claim(
            f"N1{'ab'[at]}",
            f"objectives of Table VI follow from its other columns, {_TOLD[scheme]}: furthest off",
            0.0,
            own.error,
            "-",
            Verdict.NOT_REPRODUCIBLE,
            f"{_FITTED}: {own.lcoe_per_kwh:.3f} USD/kWh and {own.reliability / 1e6:.3f} million "
            "USD/year fit best; entries are rounded to 0.0005",
            "(15), (16), Table VI",
        )


def _same_bases(table: pd.DataFrame, fitted: Fitted) -> Claim:
    printed = read_printed()
    weight, lcoe, index, _ = _columns(table, "p2p")
    middle = int(np.flatnonzero(weight == 0.5)[0])
    found = float(fitted.objective(weight, lcoe, index)[middle])
    cut = 100.0 * (1.0 - found / printed["objective_p2g"])
    return Claim(
        "N2",
        "weighted objective with peers, with the bases that fit the objective without them",
        printed["objective_p2p"],
        found,
        "-",
        Verdict.NOT_REPRODUCIBLE,
        f"{_FITTED}: a cut of {cut:.0f} %, where {printed['objective_cut']:.0f} % is printed. Both "
        "columns of Table VI have bases of their own, so that they do not compare",
        "text on Table V, Table VI",
    )


# ------------------------------------------------------------------------------- rows as optima
def _line_claims(table: pd.DataFrame) -> Iterator[Claim]:
    for at, (what, column, unit) in enumerate(
        (
            ("levelised cost", "lcoe_c_kwh", "c/kWh"),
            ("the index alone", "ir_p2g_usd", "USD/year"),
            ("the index with peers", "ir_p2p_usd", "USD/year"),
        )
    ):
        values = table[column].to_numpy(dtype=np.float64)
        line = np.polynomial.Polynomial.fit(table.k1, values, 1)(table.k1.to_numpy())
        spread = values.max() - values.min()
        yield Claim(
            f"N3{'abc'[at]}",
            f"Table VI as nine optima: {what}, furthest from a straight line in the weight",
            None,
            float(np.abs(values - line).max()),
            unit,
            Verdict.NOT_REPRODUCIBLE,
            f"of a range of {spread:.4g}: straight to the last digits that are printed, as if "
            "drawn between two ends. Optima of nine weights lie on a curve, see P9",
            "Table VI",
        )


def _beaten(table: pd.DataFrame, fitted: Fitted) -> Claim:
    costs = row_cost(fitted, table, "p2g")
    rows = np.arange(len(table))
    over = costs[rows, rows] - costs[rows, 0]
    by_first = np.flatnonzero(over > 0.0)
    return Claim(
        "N4",
        "rows of Table VI that are beaten on their own objective by its first row",
        0.0,
        float(len(by_first)),
        "rows",
        Verdict.NOT_REPRODUCIBLE,
        f"{_FITTED}; rows {by_first[0] + 1} to {by_first[-1] + 1}, by {over[by_first].min():.4f} "
        f"to {over[by_first].max():.4f}. A row that another one beats is no optimum",
        "Table VI",
    )


def _collision() -> Claim:
    return Claim(
        "N5",
        "levelised cost and index collide at equal weights",
        0.5,
        None,
        "-",
        Verdict.NOT_REPRODUCIBLE,
        "two curves of different units cross where the scales of their axes put them",
        "text on Table VI, figure",
    )


# ------------------------------------------------------------------------------------ figure 12
def _figure_12(table: pd.DataFrame, fitted: Fitted) -> Iterator[Claim]:
    printed = read_printed()
    row = table[table.k1 == 0.5].iloc[0]
    rise = 0.01 * printed["price_change"] * (1.0 - row.k1) * row.ir_p2g_usd / fitted.reliability
    yield Claim(
        "N6a",
        "weighted objective with a price 8 % higher, sizes kept",
        printed["price_change"],
        100.0 * float(rise / row.mof_p2g),
        "%",
        Verdict.NOT_REPRODUCIBLE,
        f"{_FITTED}; the index goes with E, levelised cost does not. Printed is read from the axis",
        "Fig. 12a",
    )
    rate = printed["discount_rate"]
    costs = [capital(printed, "V", rate + shift) for shift in (-1.0, 0.0, 1.0)]
    lcoe = [row.lcoe_c_kwh * cost / costs[1] for cost in costs]
    rise = float(row.k1) * _CENT * (lcoe[2] - lcoe[1]) / fitted.lcoe_per_kwh
    yield Claim(
        "N6b",
        f"weighted objective at a discount rate of {rate + 1.0:g} % over {rate:g} %, more by",
        printed["rate_change"],
        rise,
        "-",
        Verdict.NOT_REPRODUCIBLE,
        f"by (2) levelised cost goes from {lcoe[1]:.2f} to {lcoe[2]:.2f} c/kWh (at {rate - 1.0:g} "
        f"% it is {lcoe[0]:.2f}), {_FITTED}; printed is read from the axis, and contradicts (2)",
        "Fig. 12b, (2)",
    )

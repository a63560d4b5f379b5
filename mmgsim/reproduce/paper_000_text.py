"""Paper 000, what its text says by itself: sums of Table I, and constraint (12c)."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy.optimize import Bounds, LinearConstraint, milp

from mmgsim.profiles import bundled_path
from mmgsim.reproduce.claims import Claim, Verdict, agrees

__all__ = ["largest_trade_kw", "read_microgrids", "read_totals", "text_claims"]

_TABLE = "Table I"
_DAYS = 365
_CENTS_PER_UNIT = 100
_COLUMNS = ("cost_alone_per_year", "cost_collaborative_per_year")
_LIMIT_KW = 100.0


def read_microgrids() -> pd.DataFrame:
    """Give Table I as printed, by microgrid. [kW], [kWh], [AUD/year], [%]"""
    return pd.read_csv(bundled_path("data") / "paper_000_microgrids.csv", index_col="microgrid")


def read_totals() -> dict[str, float]:
    """Give the totals that the paper prints, by name; units are in the file."""
    totals = pd.read_csv(bundled_path("data") / "paper_000_totals.csv", index_col="name")
    return {str(name): float(number) for name, number in totals["value"].items()}


def text_claims() -> list[Claim]:
    """Hold the printed numbers against each other."""
    microgrids, totals = read_microgrids(), read_totals()
    return [
        *_sum_claims(microgrids, totals),
        *_row_claims(microgrids),
        *_energy_claims(totals),
        _trade_claim(),
    ]


def _sum_claims(microgrids: pd.DataFrame, totals: Mapping[str, float]) -> list[Claim]:
    alone, together = (float(microgrids[column].sum()) for column in _COLUMNS)
    saving, percent = alone - together, 100.0 * (alone - together) / alone
    added = "sum of the printed column"
    return [
        Claim(
            "T1",
            "total cost, each on its own",
            totals["cost_alone_per_year"],
            alone,
            "AUD/year",
            agrees(totals["cost_alone_per_year"], alone, rounding=0.5),
            f"{added}; the text prints the total as 36,5084, with a misplaced comma",
            _TABLE,
        ),
        Claim(
            "T2",
            "total cost, collaborative",
            totals["cost_collaborative_per_year"],
            together,
            "AUD/year",
            agrees(totals["cost_collaborative_per_year"], together, rounding=0.05),
            added,
            _TABLE,
        ),
        Claim(
            "T3",
            "saving of all together",
            totals["saving_per_year"],
            saving,
            "AUD/year",
            agrees(totals["saving_per_year"], saving, rounding=0.05),
            f"difference of both sums, {percent:.2f} % of the cost alone",
            f"text on {_TABLE}",
        ),
    ]


def _row_claims(microgrids: pd.DataFrame) -> list[Claim]:
    own = 100.0 * (1.0 - microgrids[_COLUMNS[1]] / microgrids[_COLUMNS[0]])
    # Half a unit of the last printed digit; what is right on its edge may be rounded either way.
    following = int(((own - microgrids.saving_percent).abs() <= 0.005 + 1e-9).sum())
    entries = microgrids[list(_COLUMNS)].to_numpy().ravel()
    cents = entries / _DAYS * _CENTS_PER_UNIT
    # Table I has two digits: of 365 times a cent, that is exact; rounding of doubles is far less.
    whole = int(np.isclose(cents, np.round(cents), rtol=0.0, atol=1e-6).sum())
    return [
        Claim(
            "T4",
            "microgrids whose printed saving in percent follows from their two costs",
            float(len(own)),
            float(following),
            "microgrids",
            agrees(float(len(own)), float(following), rounding=0.5),
            "printed is how many there are",
            _TABLE,
        ),
        Claim(
            "T5",
            "annual costs that are 365 times whole cents",
            float(entries.size),
            float(whole),
            "entries",
            agrees(float(entries.size), float(whole), rounding=0.5),
            "printed is how many costs the table has: an average day was rounded to cents and "
            "multiplied by 365, so that no digit beyond says anything",
            _TABLE,
        ),
    ]


def _energy_claims(totals: Mapping[str, float]) -> list[Claim]:
    loss_kwh = totals["loss_alone_kwh"] - totals["loss_collaborative_kwh"]
    upstream_kwh = totals["upstream_alone_kwh"] - totals["upstream_collaborative_kwh"]
    left_kwh = upstream_kwh - loss_kwh
    per_kwh = totals["saving_per_year"] / upstream_kwh
    return [
        Claim(
            "T6",
            "less energy from upstream, as far as smaller losses explain it",
            upstream_kwh,
            loss_kwh,
            "kWh/year",
            agrees(upstream_kwh, loss_kwh, rounding=1.0),
            f"with equal loads and nothing curtailed, upstream energy falls by what losses (and "
            f"storage) save; {left_kwh:,.0f} kWh have no source in the model",
            _TABLE,
        ),
        Claim(
            "T7",
            "saving per kWh less from upstream, against the dearest network charge",
            totals["charge_on_peak_per_kwh"],
            per_kwh,
            "AUD/kWh",
            Verdict.NOT_REPRODUCIBLE,
            "no tariff in the paper is near it: the saving cannot come from less upstream energy, "
            "as the text says; what local trades avoid of retail prices can give it",
            f"text on {_TABLE}",
        ),
    ]


def _trade_claim() -> Claim:
    as_printed, mended = largest_trade_kw(is_mended=False), largest_trade_kw(is_mended=True)
    return Claim(
        "M1",
        f"largest trade of a pair that (12c) allows, where limits are {_LIMIT_KW:g} kW",
        None,
        as_printed,
        "kW",
        Verdict.THEOREM,
        "as printed, b = 0 is infeasible and b = 1 makes every trade its own negative part; with "
        f"(3g) both ways are zero. With the sign of the big-M term mended it is {mended:g} kW",
        "(3g), (12)",
    )


def largest_trade_kw(*, is_mended: bool) -> float:
    """Give the largest P_ij under (3g) and (12), as printed or with the sign of (12c) mended.

    The variables are P_ij [kW], the negative parts N of P_ij and of P_ji = -P_ij [kW], and one
    binary b for each: N <= 0, N <= P, and N >= P + (1 - b) M as printed, N >= P - (1 - b) M
    mended. (12d), N >= -b M, is in both.

    Returns
    -------
    float
        [kW]
    """
    big_m = 2.0 * _LIMIT_KW
    sign = -1.0 if is_mended else 1.0
    rows = np.array(
        [
            # P, N_ij, N_ji, b_ij, b_ji
            [-1.0, 1.0, 0.0, 0.0, 0.0],  # N_ij - P <= 0
            [1.0, 0.0, 1.0, 0.0, 0.0],  # N_ji + P <= 0
            [1.0, -1.0, 0.0, -sign * big_m, 0.0],  # P - N_ij - sign M b <= -sign M
            [-1.0, 0.0, -1.0, 0.0, -sign * big_m],
            [0.0, -1.0, 0.0, -big_m, 0.0],  # -N - M b <= 0
            [0.0, 0.0, -1.0, 0.0, -big_m],
        ]
    )
    upper = np.array([0.0, 0.0, -sign * big_m, -sign * big_m, 0.0, 0.0])
    limits = Bounds([-_LIMIT_KW, -_LIMIT_KW, -_LIMIT_KW, 0.0, 0.0], [_LIMIT_KW, 0.0, 0.0, 1.0, 1.0])
    best = milp(
        np.array([-1.0, 0.0, 0.0, 0.0, 0.0]),
        constraints=LinearConstraint(rows, -np.inf, upper),
        bounds=limits,
        integrality=np.array([0, 0, 0, 1, 1]),
    )
    return float(best.x[0]) + 0.0

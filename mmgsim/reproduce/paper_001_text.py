"""Paper 001, what its text says by itself: sums and percentages of Tables I and II."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pandas as pd

from mmgsim.profiles import bundled_path
from mmgsim.reproduce.claims import Claim, Verdict, agrees

__all__ = ["read_costs", "read_scalars", "text_claims"]

_USD = "USD/day"
_HALF_DIGIT = 0.0005
"""Half of the last digit of every cost and every percentage of the tables."""
_TOTALS = {
    "I": ("case_1_total_of_four", "case_2_total", "saving_of_four"),
    "II": ("case_1_total_of_ten", "case_3_total", "saving_of_ten"),
}
_TURBINE_HOURS = 24.0


def read_costs(table: str) -> pd.DataFrame:
    """Give Table I (case 1 and 2) or II (case 1 and 3) as printed, by microgrid. [USD], [%]"""
    both = pd.read_csv(bundled_path("data") / "paper_001_costs.csv", index_col="microgrid")
    return pd.DataFrame(both[both.table == table])


def read_scalars() -> dict[str, float]:
    """Give what else the paper prints, by name; units are in the file."""
    table = pd.read_csv(bundled_path("data") / "paper_001_scalars.csv", index_col="name")
    return {str(name): float(number) for name, number in table["value"].dropna().items()}


def text_claims(dearest_per_kwh: float) -> list[Claim]:
    """Hold the printed numbers against each other.

    Parameters
    ----------
    dearest_per_kwh : float
        Highest price of the substitute tariff, for what a turbine can be worth. [USD/kWh]
    """
    printed = read_scalars()
    return [
        *_sum_claims(printed),
        _row_claim(),
        *_contradictions(),
        _turbine_claim(printed["turbine_rating"], dearest_per_kwh),
    ]


def _sum_claims(printed: Mapping[str, float]) -> Iterator[Claim]:
    """Add up both tables. Entries are rounded as well, so that a sum is off by what all are."""
    for at, (table, (alone_name, together_name, percent_name)) in enumerate(_TOTALS.items()):
        costs = read_costs(table)
        rounding = _HALF_DIGIT * (len(costs) + 1)
        sums = {name: float(costs[name].sum()) for name in ("case1", "case23")}
        cases = ("case 1", f"case {at + 2}")
        named = zip(cases, (alone_name, together_name), sums.values(), strict=True)
        for row, (case, name, found) in enumerate(named):
            yield Claim(
                f"T{3 * at + row + 1}",
                f"cost of all {len(costs)}, {case}",
                printed[name],
                found,
                _USD,
                agrees(printed[name], found, rounding=rounding),
                "sum of the printed column, whose entries are rounded too",
                f"Table {table}",
            )
        percent = 100.0 * (1.0 - sums["case23"] / sums["case1"])
        error = _HALF_DIGIT + 100.0 * 2.0 * rounding / sums["case1"]
        yield Claim(
            f"T{3 * at + 3}",
            f"saving of all {len(costs)}",
            printed[percent_name],
            percent,
            "%",
            agrees(printed[percent_name], percent, rounding=error),
            "from both sums",
            f"Table {table}",
        )


def _row_claim() -> Claim:
    rows = pd.concat([read_costs(table) for table in _TOTALS])
    saving = rows.case1 - rows.case23
    percent = 100.0 * saving / rows.case1
    error = _HALF_DIGIT + 100.0 * 2.0 * _HALF_DIGIT / rows.case1
    # Decimals of three digits are sums of doubles here: 1e-9 is above their rounding.
    is_right = ((saving - rows.saving).abs() <= 3.0 * _HALF_DIGIT + 1e-9) & (
        (percent - rows.saving_percent).abs() <= error
    )
    exact = int(((percent - rows.saving_percent).abs() <= _HALF_DIGIT).sum())
    return Claim(
        "T7",
        "rows whose saving, in USD and percent, follows from their two costs",
        float(len(rows)),
        float(is_right.sum()),
        "rows",
        agrees(float(len(rows)), float(is_right.sum()), rounding=0.5),
        f"printed is how many there are; {exact} to the last digit of the percentage, the others "
        "within the rounding of the costs",
        "Tables I and II",
    )


def _contradictions() -> Iterator[Claim]:
    first, second = (read_costs(table).case1 for table in _TOTALS)
    for at, name in enumerate(first.index):
        same = bool(first[name] == second[name])
        yield Claim(
            f"W{at + 1}",
            f"{name} alone costs the same in both tables",
            float(first[name]),
            float(second[name]),
            _USD,
            Verdict.REPRODUCED if same else Verdict.NOT_REPRODUCIBLE,
            "it does"
            if same
            else f"{abs(first[name] - second[name]):.3f} apart: case 1 couples nobody, so that who "
            "else is there cannot matter, and both tables are not of one set of data",
            "Tables I and II",
        )


def _turbine_claim(rating_kw: float, dearest_per_kwh: float) -> Claim:
    most = max(float(read_costs(table).saving.max()) for table in _TOTALS)
    worth = rating_kw * _TURBINE_HOURS * dearest_per_kwh
    return Claim(
        "W5",
        f"largest saving of a microgrid, against all that a turbine of {rating_kw:g} kW can earn",
        most,
        worth,
        _USD,
        Verdict.NOT_REPRODUCIBLE,
        "found is 24 hours at full power and at the dearest hour of the substitute tariff; a "
        "turbine of this size cannot carry the paper's figures",
        "section III, Table II",
    )

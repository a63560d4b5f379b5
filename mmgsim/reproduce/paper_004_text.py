"""Paper 004, what its text says by itself: sums and percentages of its tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType

import numpy as np
import pandas as pd

from mmgsim.profiles import bundled_path
from mmgsim.reproduce.claims import Claim, Verdict, agrees, has_reading
from mmgsim.sizing import KINDS, Technology

__all__ = [
    "SIZES",
    "TABLES",
    "capital",
    "printed_technologies",
    "read_printed",
    "read_table",
    "text_claims",
]

TABLES: Mapping[str, str] = MappingProxyType({"II": "min I_R", "III": "min LCOE", "V": "MOF"})
"""Tables of sizes, and what each is to make small."""
SIZES = ("wt_kw", "pp_kw", "sb_kw")
"""Columns of sizes, in the order of the kinds that are sized."""
_USD = "USD/year"
_CENT = 0.01
_KWH_PER_GWH = 1e6
_HOURS = 8760.0


def read_table(name: str) -> pd.DataFrame:
    """Give `sizes` (Tables II, III, V), `weights` (VI) or `coalitions` (IV) as printed.

    Wahroonga has no sun: its size is 0.
    """
    return pd.read_csv(bundled_path("data") / f"paper_004_{name}.csv").fillna({"pp_kw": 0.0})


def read_printed() -> dict[str, float]:
    """Give what else the paper prints, by name; units are in the file."""
    table = pd.read_csv(bundled_path("data") / "paper_004_scalars.csv", index_col="name")
    return {str(name): float(number) for name, number in table["value"].dropna().items()}


def printed_technologies(printed: Mapping[str, float]) -> dict[str, Technology]:
    """Give what units of Table I cost, by kind."""
    return {kind: Technology(*(printed[f"{kind}_{what}"] for what in _TERMS)) for kind in KINDS}


_TERMS = ("investment", "operation", "life")


def capital(printed: Mapping[str, float], table: str, rate: float | None = None) -> float:
    """Give what the sizes of a table cost a year, by (2). [USD/year]

    Parameters
    ----------
    printed : mapping
        Table I.
    table : str
        One of `TABLES`.
    rate : float or None
        Discount rate, that of Table I unless given. [%]
    """
    share = (printed["discount_rate"] if rate is None else rate) / 100.0
    per_unit = [one.per_unit_year(share) for one in printed_technologies(printed).values()]
    return float(_of_table(table)[list(SIZES)].to_numpy().sum(axis=0) @ per_unit)


def text_claims() -> list[Claim]:
    """Hold the printed numbers against each other."""
    printed = read_printed()
    return [
        *_sum_claims(printed),
        *_cut_claims(printed),
        *_unit_claims(printed),
        *_energy_claims(printed),
        *_text_against_table(printed),
        _misread(printed),
        _price_alone(printed),
    ]


def _of_table(table: str) -> pd.DataFrame:
    sizes = read_table("sizes")
    return pd.DataFrame(sizes[sizes.table == table])


def _column(table: str, column: str) -> float:
    """Give what is printed once for all towns of a table."""
    return float(_of_table(table)[column].iloc[0])


# ------------------------------------------------------------------------------- sums and parts
def _sum_claims(printed: Mapping[str, float]) -> Iterator[Claim]:
    rows = _of_table("V").set_index("town")
    for at, town in enumerate(rows.index, 1):
        total = float(rows.loc[town, list(SIZES)].astype(float).sum())
        due = printed[f"size_{str(town).lower().replace(' ', '_')}"]
        yield Claim(
            f"T{at}",
            f"size of all devices of {town}",
            due,
            total,
            "kW",
            agrees(due, total, rounding=0.5),
            "sum of the printed row, with batteries, whose unit is kWh",
            "text on Table V",
        )


def _cut_claims(printed: Mapping[str, float]) -> Iterator[Claim]:
    for at, (table, digit) in enumerate(zip(TABLES, (2, 3, 5), strict=True), 4):
        due, found = printed[f"cut_table_{digit}"], _cut(table)
        yield Claim(
            f"T{at}",
            f"peers lower the reliability index, sizes of {TABLES[table]}",
            due,
            found,
            "%",
            agrees(due, found, rounding=0.05),
            "from both printed indices",
            f"Table {table}",
        )
    found = 100.0 * (1.0 - printed["objective_p2p"] / printed["objective_p2g"])
    yield Claim(
        "T7",
        "peers lower the weighted objective",
        printed["objective_cut"],
        found,
        "%",
        agrees(printed["objective_cut"], found, rounding=0.5),
        "from both printed objectives; what the two halves are divided by is not printed, see N2",
        "text on Table V",
    )


def _cut(table: str) -> float:
    """Give by how much peers lower the printed index. [%]"""
    return 100.0 * (1.0 - _column(table, "ir_p2p_usd") / _column(table, "ir_p2g_usd"))


def _unit_claims(printed: Mapping[str, float]) -> Iterator[Claim]:
    rate = printed["discount_rate"] / 100.0
    for at, (kind, technology) in enumerate(printed_technologies(printed).items(), 8):
        yield Claim(
            f"T{at}",
            f"what a unit of {kind} costs a year",
            None,
            technology.per_unit_year(rate),
            "USD/(kWh year)" if kind == "battery" else "USD/(kW year)",
            Verdict.NO_VERDICT,
            "from Table I by (2); the paper prints none, all claims on levelised cost rest on it",
            "Table I, (2)",
        )


def _energy_claims(printed: Mapping[str, float]) -> Iterator[Claim]:
    for at, table in enumerate(TABLES, 11):
        cost_per_kwh = _CENT * _column(table, "lcoe_c_kwh")
        energy_kwh = capital(printed, table) / cost_per_kwh
        generators_kw = float(_of_table(table)[["wt_kw", "pp_kw"]].sum().sum())
        share = 100.0 * energy_kwh / (_HOURS * generators_kw)
        yield Claim(
            f"T{at}",
            f"energy that the levelised cost is per kWh of, sizes of {TABLES[table]}",
            None,
            energy_kwh / _KWH_PER_GWH,
            "GWh/year",
            Verdict.NOT_REPRODUCIBLE,
            f"E_un is not printed; this is all capital over the printed cost, {share:.1f} % of "
            "what the generators could give, so that it is energy that serves load",
            f"(1) to (4), Table {table}",
        )
    rows = _of_table("V")
    per_unit = [
        one.per_unit_year(printed["discount_rate"] / 100.0)
        for one in printed_technologies(printed).values()
    ]
    costs = rows[list(SIZES)].to_numpy() @ per_unit
    full_kwh = _HOURS * rows[["wt_kw", "pp_kw"]].sum(axis=1).to_numpy()
    yield Claim(
        "T14",
        "capacity factor at which the sum of the towns' levelised costs is the printed one",
        None,
        100.0 * float((costs / full_kwh).sum()) / (_CENT * _column("V", "lcoe_c_kwh")),
        "%",
        Verdict.NOT_REPRODUCIBLE,
        "(3) and (4) print a sum over the towns; no wind of 4 to 7 m/s and no sun gives that much, "
        "so that the ratio of sums over all towns is meant",
        "(3), (4), Table V",
    )


# ------------------------------------------------------------------------------- contradictions
def _text_against_table(printed: Mapping[str, float]) -> Iterator[Claim]:
    for at, (what, name, column, digits) in enumerate(
        (
            ("alone", "index_p2g_text", "ir_p2g_usd", 50.0),
            ("with peers", "index_p2p_text", "ir_p2p_usd", 5.0),
        ),
        1,
    ):
        found = _column("V", column)
        apart = abs(found - printed[name])
        yield Claim(
            f"W{at}",
            f"reliability index of the weighted optimum {what}, text against table",
            printed[name],
            found,
            _USD,
            agrees(printed[name], found, rounding=digits),
            f"{apart:.0f} apart; Table VI agrees with the table",
            "text on Table V, Table V",
        )
    of_text = 100.0 * (1.0 - printed["index_p2p_text"] / printed["index_p2g_text"])
    found = _cut("V")
    yield Claim(
        "W3",
        "peers lower the reliability index by half",
        printed["cut_text"],
        found,
        "%",
        agrees(printed["cut_text"], found, rounding=0.5),
        f"from Table V; from the numbers of the text it is {of_text:.1f} %",
        "text on Table V, abstract",
    )


def _misread(printed: Mapping[str, float]) -> Claim:
    columns = {table: _of_table(table).set_index("town") for table in ("III", "V", "II")}
    wind = np.array([rows.wt_kw.to_numpy() for rows in columns.values()])
    as_read = wind.copy()
    as_read[0, 0] = printed["laverton_wind_table_3_as_read"]
    rising, before = (
        int((np.diff(one, axis=0) > 0.0).all(axis=0).sum()) for one in (wind, as_read)
    )
    others = np.array([rows[["pp_kw", "sb_kw"]].to_numpy().ravel() for rows in columns.values()])
    others = others[:, others.any(axis=0)]
    other_rising = int((np.diff(others, axis=0) > 0.0).all(axis=0).sum())
    return Claim(
        "W4",
        "towns whose wind grows from least levelised cost over the weighted optimum to least index",
        float(wind.shape[1]),
        float(rising),
        "towns",
        has_reading(rising == wind.shape[1]),
        f"with 703 kW for Laverton in Table III; with 1703, as it may be read, it is {before}. Of "
        f"the {others.shape[1]} sizes of sun and batteries {other_rising} grow likewise",
        "Tables II, III, V",
    )


def _price_alone(printed: Mapping[str, float]) -> Claim:
    most = 100.0 * (1.0 - printed["price_of_peers"] / printed["price_from_grid"])
    return Claim(
        "W5",
        "most that the price of peers alone can take off the index, payments counted",
        printed["cut_table_2"],
        most,
        "%",
        Verdict.NOT_REPRODUCIBLE,
        "1 - Ep/Epg, if nothing at all came from the grid; all tables print more, so that payments "
        "to peers are left out of the index, which the text does not say",
        "Table I, Tables II, III, V",
    )

"""Paper 000 on substitute data: its claims in words, held against a year of wa9."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd

from mmgsim.reproduce.claims import Claim, Verdict, by_sign, has_reading
from mmgsim.reproduce.paper_000_text import read_microgrids, read_totals
from mmgsim.reproduce.study import Settings
from mmgsim.scenario import BatteryConfig, PvConfig, load_scenario
from mmgsim.tables import Results
from mmgsim.year import ALL, YearStudy, year

__all__ = ["COORDINATIONS", "LOCAL_SHARES", "year_claims"]

COORDINATIONS = ("central", "prices", "bilevel")
"""What sharing is tried under."""
LOCAL_SHARES = (0.5, 1.0)
"""Part of the network charge that is due on local trades: the paper does not say which. All
coordinations are run at the first, and at the others the first coordination alone."""

_ALONE = "isolated"
_SCENARIO = "wa9"
_QUICK_DAYS = ("summer", "free_days")
_FREE, _DARK_SEASONS = "free_days", ("autumn", "winter")
_NOISE_KWH = 1.0
"""Above what power flows of a year leave open (1e-4 kWh a step), below anything that matters."""
_TRADED_KWH = 1e-3
"""Energy of a day below which nobody traded: tolerances of solvers."""
_NO_DATA = (
    "loads, profiles of sun, wholesale price, LCOE, retail margin, hours of the tariff, batteries' "
    "power and the network are missing in the text; found is of wa9, whose loads are assumed"
)


@dataclass(frozen=True, slots=True)
class _Case:
    """A coordination at a local share, and the year without sharing beside it."""

    study: YearStudy
    name: str
    share: float
    alone: pd.DataFrame

    @property
    def words(self) -> str:
        return f"{self.name}, local share {self.share:g}"

    @property
    def together(self) -> pd.DataFrame:
        table = self.study.table
        return table[table.run == self.name].set_index("microgrid")


def year_claims(settings: Settings) -> list[Claim]:
    """Run a year of wa9 with and without sharing, and go through claims (a) to (f)."""
    cases = _cases(settings)
    first = cases[0]
    suffix = " (quick: fewer days)" if settings.is_quick else ""
    claims = [*_cost_claims(first, suffix)]
    for letter, make in (("a", _saving), ("b", _everybody)):
        claims += [make(f"{letter}{at}", case, suffix) for at, case in enumerate(cases, 1)]
    of_scenario = [case for case in cases if case.share == LOCAL_SHARES[0]]
    for at, case in enumerate(of_scenario, 1):
        claims += _network(at, case, suffix)
    for at, case in enumerate(of_scenario, 1):
        claims += [_second(f"d{at}", case, suffix), *_seventh(at, case, suffix)]
    return [*claims, *_sizes()]


def _cases(settings: Settings) -> list[_Case]:
    """Run all; who trades with nobody pays no local charge, so it is run at one share."""
    found: list[_Case] = []
    alone = pd.DataFrame()
    for share in LOCAL_SHARES:
        is_first = not found
        names = COORDINATIONS if is_first else COORDINATIONS[:1]
        study = year(
            _SCENARIO,
            [_ALONE, *names] if is_first else names,
            overrides=_overrides(settings, share),
            out=settings.folder / f"local-share-{share:g}",
            progress=settings.progress,
        )
        if is_first:
            alone = study.table[study.table.run == _ALONE].set_index("microgrid")
        found += [_Case(study, name, share, alone) for name in names]
    return found


def _overrides(settings: Settings, share: float) -> dict[str, object]:
    """Plan each day at once, as the paper does, at a local share."""
    found: dict[str, object] = {
        "gate.every": "1d",
        "tariff.network_charge.local_share": share,
    }
    if settings.is_quick:
        days = load_scenario(_SCENARIO).scenario.year
        found["year"] = [day.model_dump(mode="json") for day in days if day.name in _QUICK_DAYS]
    return found


# --------------------------------------------------------------------------------- what it costs
def _cost_claims(case: _Case, suffix: str) -> Iterator[Claim]:
    totals = read_totals()
    for number, what, printed, table in (
        ("Y1", "total cost, each on its own", totals["cost_alone_per_year"], case.alone),
        (
            "Y2",
            f"total cost, collaborative ({case.words})",
            totals["cost_collaborative_per_year"],
            case.together,
        ),
    ):
        yield Claim(
            number,
            f"{what}, of wa9",
            printed,
            float(table.cost[ALL]),
            "AUD/year",
            Verdict.NOT_REPRODUCIBLE,
            f"{_NO_DATA}{suffix}",
            "Table I",
        )


def _saving(number: str, case: _Case, suffix: str) -> Claim:
    totals = read_totals()
    printed = 100.0 * (1.0 - totals["cost_collaborative_per_year"] / totals["cost_alone_per_year"])
    alone, together = case.alone.cost[ALL], case.together.cost[ALL]
    found = float(100.0 * (alone - together) / alone)
    return Claim(
        number,
        f"sharing saves, all together ({case.words})",
        printed,
        found,
        "%",
        by_sign(printed, found),
        "the local share is a free number on which the saving hangs; where it comes near what is "
        f"printed, that is a choice, no reproduction{suffix}",
        "Table I",
    )


def _everybody(number: str, case: _Case, suffix: str) -> Claim:
    falls = (case.alone.cost - case.together.cost).drop(ALL)
    gaining, least = int((falls > 0.0).sum()), str(falls.idxmin())
    return Claim(
        number,
        f"microgrids whose cost falls ({case.words})",
        float(len(falls)),
        float(gaining),
        "microgrids",
        has_reading(gaining == len(falls)),
        f"least for {least}, {falls.min():,.2f} AUD a year; local prices lie between what the "
        f"grid pays and asks, and no other rule of this run keeps anybody from losing: "
        f"`individually_rational` of `bilevel`, which does, is left off{suffix}",
        "Table I",
    )


def _network(at: int, case: _Case, suffix: str) -> Iterator[Claim]:
    totals = read_totals()
    more_kwh = _storage_loss_kwh(case.study, case.name) - _storage_loss_kwh(case.study, _ALONE)
    for number, what, column, printed in (
        (
            f"c{2 * at - 1}",
            "change of losses",
            "losses_kwh",
            totals["loss_collaborative_kwh"] - totals["loss_alone_kwh"],
        ),
        (
            f"c{2 * at}",
            "change of energy from upstream",
            "upstream_kwh",
            totals["upstream_collaborative_kwh"] - totals["upstream_alone_kwh"],
        ),
    ):
        found = float(case.together[column][ALL] - case.alone[column][ALL])
        verdict = by_sign(printed, found, noise=_NOISE_KWH)
        yield Claim(
            number,
            f"{what} by sharing ({case.words})",
            printed,
            found,
            "kWh/year",
            verdict,
            f"on the IEEE 33-bus feeder, a substitute; {_why_changed(verdict, more_kwh)}{suffix}",
            "Table I",
        )


def _why_changed(verdict: Verdict, more_kwh: float) -> str:
    """Say what trades change about energy, by what batteries then lose more. [kWh]"""
    if verdict is Verdict.NO_EFFECT:
        return "trades change who is paid, and no energy"
    return (
        "sharing changes when batteries charge, and what they lose, here by "
        f"{more_kwh:+,.0f} kWh, comes from upstream"
    )


def _storage_loss_kwh(study: YearStudy, name: str) -> float:
    """Give what batteries lose in a year; at midnight they hold what they held before. [kWh]"""
    total_kwh = 0.0
    for day in study.days:
        run = study.runs[day.name][name]
        lost_kw = (run.dispatch.charge_kw - run.dispatch.discharge_kw).sum()
        total_kwh += day.weight * float(lost_kw) * run.manifest["step_h"]
    return total_kwh


# ------------------------------------------------------------------------------- who does what
def _second(number: str, case: _Case, suffix: str) -> Claim:
    """MG2: buys on days of the seasons, sells on free days."""
    runs = {day: own[case.name] for day, own in case.study.runs.items()}
    bought_kwh = {day: _net_bought_kwh(run, "MG2") for day, run in runs.items()}
    held = [
        kwh < -_TRADED_KWH if day == _FREE else kwh > _TRADED_KWH for day, kwh in bought_kwh.items()
    ]
    told = ", ".join(f"{day} {kwh:,.0f}" for day, kwh in bought_kwh.items())
    return Claim(
        number,
        f"days on which MG2 buys locally, or on free days sells ({case.words})",
        float(len(held)),
        float(sum(held)),
        "days",
        has_reading(all(held)),
        f"bought less sold, kWh a day: {told}{suffix}",
        "text on the results",
    )


def _net_bought_kwh(run: Results, microgrid: str) -> float:
    own = run.dispatch[run.dispatch.microgrid == microgrid]
    return float((own.bought_kw - own.sold_kw).sum() * run.manifest["step_h"])


def _seventh(at: int, case: _Case, suffix: str) -> Iterator[Claim]:
    """MG7: takes nothing from the grid by day, gives it nothing by day in autumn and winter."""
    shared = _seventh_kwh(case.study, case.name)
    # The first year has the runs without sharing, and this case is of it.
    alone = _seventh_kwh(case.study, _ALONE)
    words = (
        "energy from the grid in daylight",
        "energy to the grid in daylight, autumn and winter",
    )
    for place, what in enumerate(words):
        yield Claim(
            f"e{2 * at - 1 + place}",
            f"MG7: {what} ({case.words})",
            0.0,
            shared[place],
            "kWh/year",
            has_reading(abs(shared[place]) <= _NOISE_KWH),
            f"daylight: hours in which its PV can give anything; without sharing it is "
            f"{alone[place]:,.0f} kWh{suffix}",
            "text on the results",
        )


def _seventh_kwh(study: YearStudy, name: str) -> tuple[float, float]:
    """Give what MG7 takes from the grid in daylight, and gives it there in autumn and winter."""
    imported_kwh = exported_kwh = 0.0
    for day in study.days:
        kwh = _by_daylight_kwh(study.runs[day.name][name], "MG7")
        imported_kwh += day.weight * float(kwh["import_kw"])
        exported_kwh += day.weight * float(kwh["export_kw"]) * (day.name in _DARK_SEASONS)
    return imported_kwh, exported_kwh


def _by_daylight_kwh(run: Results, microgrid: str) -> pd.Series:
    devices = run.devices
    sun = devices[(devices.microgrid == microgrid) & (devices.quantity == "available_kw")]
    kinds = {
        device["name"]: device["kind"]
        for one in run.scenario["microgrids"]
        if one["name"] == microgrid
        for device in one["devices"]
    }
    is_pv = sun.device.map(kinds) == "pv"
    by_time = sun[is_pv].groupby("time")["value"].sum()
    own = run.dispatch[run.dispatch.microgrid == microgrid].set_index("time")
    own = own[by_time.reindex(own.index) > 0.0]
    return own[["import_kw", "export_kw"]].sum() * float(run.manifest["step_h"])


def _sizes() -> Iterator[Claim]:
    """Compare the sizes of wa9 with those of the paper: they are typed in twice."""
    microgrids = read_microgrids()
    scenario = load_scenario(_SCENARIO).scenario
    for number, what, printed, kind, key, unit in (
        ("f1", "storage of all", microgrids.storage_kwh.sum(), BatteryConfig, "energy_kwh", "kWh"),
        ("f2", "storage of MG1", microgrids.storage_kwh["MG1"], BatteryConfig, "energy_kwh", "kWh"),
        ("f3", "PV of all", microgrids.pv_kw.sum(), PvConfig, "rating_kw", "kW"),
    ):
        only = "MG1" if what.endswith("MG1") else None
        found = sum(
            getattr(device, key)
            for microgrid in scenario.microgrids
            if only in (None, microgrid.name)
            for device in microgrid.devices
            if isinstance(device, kind)
        )
        yield Claim(
            number,
            f"{what}, of wa9",
            float(printed),
            float(found),
            unit,
            _same(float(printed), float(found)),
            "an input of wa9, no result: it says that the scenario has the paper's sizes",
            "section III.A",
        )


def _same(printed: float, found: float) -> Verdict:
    return Verdict.REPRODUCED if abs(printed - found) < 1e-9 else Verdict.NOT_REPRODUCIBLE

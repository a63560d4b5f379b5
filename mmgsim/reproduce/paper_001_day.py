"""Paper 001 on substitute data: its claims in words, held against a day of leem4 and of leem10."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from mmgsim.division import ALL, Rule
from mmgsim.reproduce.claims import Claim, Verdict, by_sign, has_reading
from mmgsim.reproduce.paper_001_cases import SCENARIOS, Cases, DayRun
from mmgsim.reproduce.paper_001_text import read_scalars

__all__ = ["day_claims"]

_USD = "USD/day"
_TABLES = {4: "Table I", 10: "Table II"}
_NOISE = 1e-6
"""Of a total, in relative terms: below it costs are the same to solvers."""
_NO_DATA = (
    "loads, sun, wind, turbines, batteries and prices are missing in the text; found is of "
    "substitutes whose case 1 was chosen to be of this magnitude"
)


def day_claims(cases: Cases) -> list[Claim]:
    """Go through C1 to C5, and through what the text leaves open, on the runs."""
    return [
        *_everybody_saves(cases),
        *_totals(cases),
        *_growth(cases),
        *_shares(cases),
        *_batteries(cases),
        *_open_ends(cases),
        *_rule_20(cases),
        *_missing(),
    ]


# ------------------------------------------------------------------------ C1: everybody saves
def _everybody_saves(cases: Cases) -> Iterator[Claim]:
    for letter, count in zip("ab", SCENARIOS, strict=True):
        noise = _NOISE * cases.pair(count)[0].cost
        for at, rule in enumerate(Rule, 1):
            saving = _bills_of(cases, count, rule).saving
            savers = int((saving > noise).sum())
            worst = f"{saving.idxmin()} saves least, {saving.min():.2f}"
            yield Claim(
                f"C1{letter}{at}",
                f"every microgrid of {count} saves, bills by `{rule}`",
                float(count),
                float(savers),
                "microgrids",
                has_reading(savers == count),
                f"{worst}; {_ABOUT_RULES[rule]}",
                _TABLES[count],
            )


def _bills_of(cases: Cases, count: int, rule: Rule) -> pd.DataFrame:
    """Give bill and saving of every microgrid by a rule. [USD]"""
    table = cases.divisions[count].table
    own = table[(table.rule == str(rule)) & (table.microgrid != ALL)]
    return pd.DataFrame(own.set_index("microgrid"))


_ABOUT_RULES = {
    Rule.NONE: "without a price energy is given away, and who sells may lose",
    Rule.MIDPOINT: "that nobody loses is no theorem with storage",
    Rule.MARGINAL: "that nobody loses is a theorem for an LP",
    Rule.NASH: "that nobody loses is a theorem",
    Rule.SHAPLEY: "that nobody loses is a theorem, as groups never cost more together",
    Rule.NUCLEOLUS: "that nobody loses is a theorem where the core is not empty",
}


# ------------------------------------------------------------------------------- C2 and C3: sizes
def _totals(cases: Cases) -> Iterator[Claim]:
    printed = read_scalars()
    names = {
        4: ("case_1_total_of_four", "case_2_total", "saving_of_four", "case 2"),
        10: ("case_1_total_of_ten", "case_3_total", "saving_of_ten", "case 3"),
    }
    for letter, count in zip("ab", SCENARIOS, strict=True):
        alone, together = cases.pair(count)
        alone_name, together_name, percent_name, case = names[count]
        for at, (what, name, one) in enumerate(
            (("case 1", alone_name, alone), (case, together_name, together)), 1
        ):
            yield Claim(
                f"C2{letter}{at}",
                f"cost of all {count}, {what}",
                printed[name],
                one.cost,
                _USD,
                Verdict.NOT_REPRODUCIBLE,
                _NO_DATA,
                _TABLES[count],
            )
        yield Claim(
            f"C2{letter}3",
            f"saving of all {count} by trading",
            printed[percent_name],
            _percent(alone, together),
            "%",
            by_sign(printed[percent_name], _percent(alone, together), noise=100.0 * _NOISE),
            "that nobody loses in all is a theorem; how much is saved hangs on the sizes, which "
            "are free: a near match is chance (scenarios/leem4/README.md has other sizes)",
            _TABLES[count],
        )


def _growth(cases: Cases) -> Iterator[Claim]:
    printed = read_scalars()
    saved = {n: cases.pair(n)[0].cost - cases.pair(n)[1].cost for n in SCENARIOS}
    percent = {n: _percent(*cases.pair(n)) for n in SCENARIOS}
    rise = printed["saving_of_ten"] - printed["saving_of_four"]
    yield Claim(
        "C3a",
        "the saving in percent grows from four to ten microgrids",
        rise,
        percent[10] - percent[4],
        "points",
        by_sign(rise, percent[10] - percent[4], noise=100.0 * _NOISE),
        "no theorem: who joins brings costs as well as something to trade. In the substitutes wind "
        "and sun are the same for all, so that six more have energy left when others have",
        "Tables I and II",
    )
    absolute = [
        printed[f"case_1_total_of_{word}"] - printed[f"case_{case}_total"]
        for word, case in (("four", 2), ("ten", 3))
    ]
    yield Claim(
        "C3b",
        "the saving in USD grows from four to ten microgrids",
        absolute[1] - absolute[0],
        saved[10] - saved[4],
        _USD,
        Verdict.THEOREM,
        "costs of groups are subadditive, so that it cannot fall when others join",
        "Tables I and II",
    )


def _percent(alone: DayRun, together: DayRun) -> float:
    return 100.0 * (1.0 - together.cost / alone.cost)


# -------------------------------------------------------------------------- C4 and C5: operation
def _shares(cases: Cases) -> Iterator[Claim]:
    for letter, count in zip("ab", SCENARIOS, strict=True):
        alone, together = (one.bought_kwh for one in cases.pair(count))
        less = int((together < alone - _NOISE * alone.max()).sum())
        yield Claim(
            f"C4{letter}1",
            f"trading lowers what all {count} buy from the grid in most hours",
            None,
            float(less),
            "hours",
            has_reading(2 * less > len(alone)),
            f"of {len(alone)}; over the day {alone.sum():.0f} and {together.sum():.0f} kWh are "
            "bought. Where batteries charge for others it is more",
            "figures, without numbers",
        )
    four = cases.pair(4)
    shared = four[1].shared_kwh
    told = ", ".join(f"{name} {kwh:.0f}" for name, kwh in shared.items())
    yield Claim(
        "C4c1",
        "MG4 shares most and MG2 least, case 2",
        None,
        float(shared["MG4"]),
        "kWh",
        has_reading(shared.idxmax() == "MG4" and shared.idxmin() == "MG2"),
        f"bought and sold locally: {told}; microgrids of the paper have no data by which ours "
        "could be theirs",
        "figures, without numbers",
    )
    saving = pd.Series(four[0].bills) - pd.Series(four[1].bills)
    sharing, saver = str(shared.idxmin()), str(saving.idxmin())
    yield Claim(
        "C4c2",
        "who shares least saves least, case 2",
        None,
        float(saving[sharing]),
        _USD,
        has_reading(saver == sharing),
        f"{sharing} shares least, {saver} saves least at marginal prices",
        "text on Table I",
    )


def _batteries(cases: Cases) -> Iterator[Claim]:
    for at, name in enumerate(("case 1", "case 2", "case 3"), 1):
        found = cases[name].charging_at_price
        yield Claim(
            f"C5{at}",
            f"batteries charge when energy is cheap and give when it is dear, {name}",
            None,
            found,
            "-",
            has_reading(found < 0.0),
            "correlation over the day of what all batteries take with the import price",
            "figures, without numbers",
        )


# ------------------------------------------------------------------- what the text leaves open
def _open_ends(cases: Cases) -> Iterator[Claim]:
    four, ten = (cases.pair(count)[0].bills for count in SCENARIOS)
    yield Claim(
        "W6",
        "MG1 to MG4 pay the same alone, whoever else there is",
        0.0,
        max(abs(four[name] - ten[name]) for name in four),
        _USD,
        Verdict.THEOREM,
        "largest difference between case 1 of leem4 and of leem10; in the paper it is not zero",
        "(19)",
    )
    one_price = cases.games["one price"]
    yield Claim(
        "W7",
        "saving where energy is bought and sold at one price, as the text says",
        None,
        float(one_price.alone.sum()) - one_price.total,
        _USD,
        Verdict.THEOREM,
        "local energy then costs what that of the grid does, so that nothing can be saved; the "
        "paper's percentages take two prices, which it does not print",
        "section III",
    )
    kept, free = (cases.games[name] for name in ("as it is", "free end"))
    gifts = (float(kept.alone.sum() - free.alone.sum()), kept.total - free.total)
    for at, gift in enumerate(gifts):
        yield Claim(
            f"W{8 + at}",
            f"worth of what batteries hold at first, a gift where no level is due, case {at + 1}",
            None,
            gift,
            _USD,
            Verdict.THEOREM,
            "(6) to (8) ask for no level at the end of the day; the sign is a theorem",
            "(6) to (8)",
        )


def _rule_20(cases: Cases) -> Iterator[Claim]:
    for at, (count, case) in enumerate(zip(SCENARIOS, ("case 2", "case 3"), strict=True)):
        by_rule = cases[f"{case} by (20)"]
        given = _bills_of(cases, count, Rule.NONE).bill
        apart = {name: abs(by_rule.bills[name] - given[name]) for name in by_rule.bills}
        widest = max(apart, key=lambda name: apart[name])
        yield Claim(
            f"W{10 + at}",
            f"cost of each microgrid, {case}: two plans without a price",
            None,
            apart[widest],
            _USD,
            Verdict.NOT_REPRODUCIBLE,
            f"bills of {widest} in two plans of one total ({given.sum():.2f} and "
            f"{by_rule.cost:.2f}): without a price who saves how much is not determined, and rows "
            "of the tables are what the solver came upon; only totals mean something",
            _TABLES[count],
        )
    for at, case in enumerate(("case 2", "case 3")):
        yield Claim(
            f"W{12 + at}",
            f"what (20) without payments costs all, {case}",
            None,
            cases[f"{case} by (20)"].cost - cases[case].cost,
            _USD,
            Verdict.THEOREM,
            "never less than nothing; here everybody both sells and buys over the day and is "
            "paid in kind, up to the tolerance of (20)",
            "(20)",
        )
    pair = cases.games["pair"]
    lost = cases["pair by (20)"].cost - pair.total
    gain = float(pair.alone.sum()) - pair.total
    yield Claim(
        "W14",
        "the same for one who only sells 5 kWh an hour and one who only buys them",
        None,
        lost,
        _USD,
        Verdict.THEOREM,
        f"of a gain of {gain:.2f}: nobody gives energy away, so that (20) without payments "
        "destroys all of it",
        "(20)",
    )


def _missing() -> Iterator[Claim]:
    yield Claim(
        "W15",
        "limits of the network, (15) to (18), hold",
        None,
        None,
        "-",
        Verdict.NOT_REPRODUCIBLE,
        "there are no buses, lines, limits or results of a power flow in the text",
        "(15) to (18)",
    )
    printed = read_scalars()
    yield Claim(
        "W16",
        "expected costs over scenarios, reduced from 2000",
        printed["scenarios_reduced"],
        None,
        "scenarios",
        Verdict.NOT_REPRODUCIBLE,
        "numbers of the distributions are missing, and whether 20 days are planned apart or "
        "together; U1 to U8 go through both on the distributions that leem4 and leem10 state",
        "section II",
    )

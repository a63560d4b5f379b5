"""Paper 004 on substitute data: prices, rates, rounds of the swarm, and who decides together."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pandas as pd

from mmgsim.contracts import FloatArray
from mmgsim.reproduce.claims import Claim, Verdict, agrees, by_sign, by_theorem, has_reading
from mmgsim.reproduce.paper_004_study import SEED, Study
from mmgsim.reproduce.paper_004_text import read_printed, read_table
from mmgsim.sizing import Best, Objective, Problem, Sharing, SizingCase, sensitivity_table
from mmgsim.sizing.games import EPSILON, Played, Share, best_deviation, descend, singletons

__all__ = ["game_claims", "paper_tariff", "round_claims", "sensitivity_claims", "tariff_claims"]

_PER_CENT = 100.0
_ROUNDING, _SEARCH = 1e-9, 1e-3
"""Of a cost: what sums of a year differ by, and what searches leave of an optimum."""
_ENDED = 1e-3


# ----------------------------------------------------------------------------- prices and rates
def sensitivity_claims(study: Study) -> Iterator[Claim]:
    """Hold figure 12: the weighted objective at other prices and rates, sizes found anew."""
    printed, weighted = read_printed(), study.weighted
    problem = study.problem(Objective.WEIGHTED, Sharing.GRID)

    def find(changed: Problem) -> Best:
        return descend(replace(changed, at=weighted.sizes), SEED)

    table = sensitivity_table(problem, weighted.sizes, find)
    price, rate = (table[table.what == what] for what in ("price", "discount_rate"))
    for number, what, rows, figure in (
        ("S1", "price from the grid, with it that of lost load", price, "a"),
        ("S2", "discount rate", rate, "b"),
    ):
        steps = np.diff(rows.found_anew.to_numpy(dtype=np.float64))
        yield Claim(
            f"{number}a",
            f"the weighted objective rises with the {what}: least of four steps",
            None,
            float(steps.min()),
            "-",
            by_theorem(float(steps.min()), noise=_SEARCH * weighted.cost),
            "the least of functions that all rise; bases stay what they are",
            f"Fig. 12{figure}",
        )
    rise = _PER_CENT * (float(price.found_anew.iloc[-1]) / weighted.cost - 1.0)
    yield Claim(
        "S1b",
        "and at a price 8 % higher it is higher by",
        printed["price_change"],
        rise,
        "%",
        by_sign(printed["price_change"], rise),
        "printed is read from the axis; levelised cost does not follow the price",
        "Fig. 12a",
    )
    more = float(rate.found_anew.iloc[-1]) - weighted.cost
    yield Claim(
        "S2b",
        "and at a rate 1 point higher it is higher by",
        printed["rate_change"],
        more,
        "-",
        by_sign(printed["rate_change"], more),
        "printed is read from the axis, and contradicts (2), see N6b",
        "Fig. 12b",
    )


def paper_tariff(case: SizingCase) -> SizingCase:
    """Give a case in which all purchases cost `E`, and lost load 1.5 times that, as in (5)."""
    printed = read_printed()
    price = printed["price_of_index"]
    return replace(
        case,
        buy_per_kwh=np.full(case.steps, price),
        unserved_per_kwh=np.full(case.members, printed["lost_load_factor"] * price),
    )


def tariff_claims(study: Study) -> Iterator[Claim]:
    """Hold both prices of a kWh from the grid, 0.12 in (5) and 0.28 in the text."""
    printed = read_printed()
    dearer = printed["price_of_peers"] - printed["price_of_index"]
    yield Claim(
        "E1",
        "buying from a peer costs more than from the grid, purchases at E as in (5): by",
        None,
        dearer,
        "USD/kWh",
        Verdict.NOT_REPRODUCIBLE,
        "at that price nobody would buy from a peer: the text needs Epg, (5) says E",
        "(5), Table I",
    )
    lost = printed["lost_load_factor"] * printed["price_of_index"]
    yield Claim(
        "E2",
        "serving nobody costs less than the grid: 1.5 E below Epg by",
        None,
        printed["price_from_grid"] - lost,
        "USD/kWh",
        Verdict.NOT_REPRODUCIBLE,
        "(12) prices lost load at 1.5 E, the text purchases at Epg; towns3 takes 1.5 Epg",
        "(12), Table I",
    )
    case, sizes = paper_tariff(study.case), study.printed("V")[None]
    alone = study.appraised(sizes, Sharing.GRID, case=case).reliability[0]
    peers = study.appraised(sizes, Sharing.PEERS, case=case)
    for number, how, index, why in (
        ("E3a", "cancelled", peers.reliability, "the same part as at Epg (P4a): prices cancel"),
        ("E3b", "counted", peers.reliability_with_payments, "every traded kWh is dearer, see E1"),
    ):
        cut = _PER_CENT * float(1.0 - index[0] / alone)
        yield Claim(
            number,
            f"peers lower the index, sizes of Table V, purchases at E, payments {how}",
            printed["cut_table_5"],
            cut,
            "%",
            by_sign(printed["cut_table_5"], cut),
            f"who is left over sells, whatever it costs the buyer; {why}",
            "(5), Table V",
        )


# ---------------------------------------------------------------------------------------- rounds
def round_claims(study: Study) -> Iterator[Claim]:
    """Hold how soon a swarm ends."""
    printed = read_printed()
    for at, (sharing, what) in enumerate(
        ((Sharing.GRID, "alone with the grid"), (Sharing.PEERS, "with peers"))
    ):
        found = study.optimum(Objective.WEIGHTED, sharing)
        near = _first_within(found.bests, _ENDED)
        over = _PER_CENT * (found.by_swarm / found.cost - 1.0)
        yield Claim(
            f"C{at + 1}",
            f"the swarm has converged, {what}: rounds until it is within 0.1 % of its end",
            printed["rounds_to"],
            float(near),
            "rounds",
            has_reading(near <= printed["rounds_to"]),
            f"printed are {printed['rounds_from']:.0f} to {printed['rounds_to']:.0f}; it ends in "
            f"round {len(found.bests)}, {over:.2f} % above the best that was found. A matter of "
            "the seed and of coefficients, which the text does not give",
            "figures of convergence",
        )


def _first_within(bests: FloatArray, share: float) -> int:
    """Give the first round whose best is within a share of the last."""
    return int(np.argmax(bests <= bests[-1] * (1.0 + share))) + 1


# ----------------------------------------------------------------------------------------- games
def game_claims(study: Study) -> Iterator[Claim]:
    """Hold Table IV: which technologies decide together, and what that costs all."""
    full, equal = (study.played(share) for share in (Share.FULL, Share.EQUAL))
    printed = read_table("coalitions").set_index("coalition").ir_p2g_usd
    when = f"over {study.game_steps} hours"
    above = full.structures.annual_cost[1:] - full.cooperative.annual_cost
    yield Claim(
        "G1",
        "no structure is cheaper for all than wind, sun and batteries together: least above it",
        None,
        float(above.min()),
        "USD/year",
        by_theorem(float(above.min()), noise=_ROUNDING * full.cooperative.annual_cost),
        f"least of the four others, {when}; capital and bills, as (21) to (23) have it. The search "
        "for all together also begins where the others came to rest",
        "Table IV, (20)",
    )
    joint = full.cooperative
    alone = singletons(len(full.game.players.names))
    gain = best_deviation(full.game, alone, joint.sizes, seed=SEED).gain
    yield Claim(
        "G2",
        "no technology gains by leaving the joint optimum, where each bears the bills of all",
        None,
        gain,
        "USD/year",
        by_theorem(-gain, noise=EPSILON * joint.annual_cost),
        "the most that one of them gains; an exact potential game has an equilibrium there. The "
        "paper's proof, that what does not rise is concave, is none",
        "(17) to (20)",
    )
    due = _PER_CENT * (float(printed.max() / printed.min()) - 1.0)
    for letter, how, game in (("a", "all bills", full), ("b", "a third of the bills", equal)):
        dearest = _PER_CENT * float(_printed_four(game).above_joint.max())
        yield Claim(
            f"G3{letter}",
            f"deciding apart costs all more, each bears {how}: dearest of the four of Table IV",
            due,
            dearest,
            "%",
            by_sign(due, dearest, noise=_PER_CENT * _SEARCH),
            "of annual cost, printed of the index. " + _ABOUT_SHARES[letter],
            "Table IV",
        )
    worst = _printed_four(equal).sort_values("above_joint").structure.iloc[-1]
    yield Claim(
        "G4",
        "wind on one side, sun and batteries on the other, is the dearest of the four",
        None,
        _PER_CENT * float(equal.structures.set_index("structure").above_joint[_WORST]),
        "%",
        has_reading(worst == _WORST),
        f"dearest is {worst} where each bears a third of the bills; with all of the bills no "
        "structure differs (G3a). A matter of data and of who bears what",
        "Table IV",
    )
    count = len(equal.equilibria)
    apart = equal.noncooperative.annual_cost / equal.cooperative.annual_cost - 1.0
    yield Claim(
        "G5",
        "ways in which three technologies can decide together",
        printed_count := read_printed()["structures"],
        float(count),
        "structures",
        agrees(printed_count, float(count), rounding=0.5),
        f"each on its own is missing in the table: {_PER_CENT * apart:.1f} % above the joint "
        "optimum where each bears a third",
        "Table IV",
    )
    yield _index_game(study)


_WORST = "{wind} {pv, battery}"
_ABOUT_SHARES = {
    "a": "Whoever bears all costs decides as all together would, to what searches leave",
    "b": "Who builds gets a third of what it saves, so that too little is built",
}


def _printed_four(game: Played) -> pd.DataFrame:
    """Give the structures of Table IV: all but that of nobody with anybody."""
    table = game.structures
    alone = game.game.players.label(game.noncooperative.structure)
    return pd.DataFrame(table[table.structure != alone])


def _index_game(study: Study) -> Claim:
    """Let every technology make the index small, wherever the others are."""
    case, drawn = study.case, study.drawn
    raised = []
    for kind in range(drawn.shape[2]):
        larger = drawn.copy()
        larger[:, :, kind] = case.high[:, kind]
        before, after = (
            study.appraised(sizes, Sharing.GRID).reliability for sizes in (drawn, larger)
        )
        raised.append(float((before - after).min()))
    return Claim(
        "G6",
        "made for the index, every structure ends at the largest sizes: least that growing takes "
        "off it",
        None,
        min(raised),
        "USD/year",
        by_theorem(min(raised), noise=_ROUNDING * float(before.max())),
        f"of one technology, others anywhere, {len(drawn)} draws: nobody has a reason to build "
        "less, so that four indices of four structures cannot come from the index",
        "Table IV, (13)",
    )

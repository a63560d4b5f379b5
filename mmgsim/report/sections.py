"""The sections of a run's report: which pictures and tables, and how to read them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from mmgsim.metrics import METRICS
from mmgsim.plots import (
    bills_by_item,
    days_in_choice,
    flags_table,
    gains_table,
    plain,
    told_times,
)
from mmgsim.report.asked import dno_plans, priced_limits, refusals
from mmgsim.report.expected import planning, planning_told
from mmgsim.report.page import table
from mmgsim.report.traders import pairs, pairs_told, traders, traders_told
from mmgsim.tables import Results

__all__ = ["SECTIONS", "Part", "Section"]


@dataclass(frozen=True, slots=True)
class Part:
    """A picture or a table, and the text above it.

    Parameters
    ----------
    make : callable
        Gives a figure, or HTML.
    text : str or callable
        How to read it.
    """

    make: Callable[[Results], go.Figure | str]
    text: str | Callable[[Results], str] = ""


@dataclass(frozen=True, slots=True)
class Section:
    """A heading with its parts.

    Parameters
    ----------
    key : str
        What links to it say.
    heading : str
        As shown.
    parts : tuple of Part
        From top to bottom.
    """

    key: str
    heading: str
    parts: tuple[Part, ...]


# ----------------------------------------------------------------------------------------- tables
def _gains(results: Results) -> str:
    """Give bill, gain from trade and demand at the tariff of every microgrid, and of all."""
    view = results.plot.view
    gains = gains_table(view)
    gains.loc["all"] = gains.sum()
    gains["less"] = gains["demand_at_tariff"] - gains["bill"]
    rows = [
        (str(name), *(plain(amount, 2) for amount in amounts))
        for name, amounts in zip(gains.index, gains.to_numpy(), strict=True)
    ]
    columns = ("bill", "gain from local trade", "all demand at the tariff", "less than that")
    head = ("microgrid", *(f"{column} [{view.currency}]" for column in columns))
    return table(head, rows, numbers=range(1, len(head)))


def _market(results: Results) -> str:
    """Give the numbers of market and community, those that the run has."""
    rows = [
        (
            METRICS[str(name)].label,
            plain(value, METRICS[str(name)].digits),
            METRICS[str(name)].meaning,
        )
        for name, value in results.metrics.items()
        if pd.notna(value)
    ]
    return table(("", "", "what it says"), rows, numbers=(1,))


def _flags(results: Results) -> str:
    """Give every flag with what it means, how often it was set, for whom, and when first."""
    flags = flags_table(results.plot.view)
    if flags.empty:
        return ""
    rows = [
        (flag, meaning, who, str(len(times)), _listed(times))
        for flag, meaning, who, times in flags.itertuples(index=False)
    ]
    return table(("flag", "what it means", "who", "steps", "when"), rows, numbers=(3,))


def _events(results: Results) -> str:
    """Give the events of the scenario: what happens to what, when, and who knew."""
    rows = [
        (*_event_told(event), event["start"], event["end"], "yes" if event["announced"] else "no")
        for event in results.scenario.get("events", ())  # missing in older results
    ]
    head = ("event", "of", "from", "to", "announced")
    return table(head, rows) if rows else ""


def _event_told(event: Mapping[str, Any]) -> tuple[str, str]:
    """Say what an event is, and what it is about."""
    if event["kind"] == "price-shock":
        added = f" {event['add_per_kwh']:+g} per kWh" if event["add_per_kwh"] else ""
        return f"price shock, times {event['factor']:g}{added}", f"{event['price']} price"
    if event["kind"] == "islanding":
        return "islanding", event["microgrid"]
    what = f"rating, times {event['factor']:g}" if event["kind"] == "rating" else "outage"
    return what, f"line {event['line']}"


def _faults(results: Results) -> str:
    """Give what plug-ins did wrong, each fault once, with whose it is, how often and when first."""
    if not (results.folder / "faults.parquet").is_dir():  # written by an earlier version
        return ""
    faults = results.plot.view.frame("faults")
    if faults.empty:
        return ""
    groups = faults.groupby(["agent", "message"], sort=False)
    rows = [
        (str(agent), str(message), str(len(own)), _listed(own["time"].tolist()))
        for (agent, message), own in groups
    ]
    return table(("whose plug-in", "what went wrong", "times", "when"), rows, numbers=(2,))


def _listed(times: Sequence[pd.Timestamp]) -> str:
    """Name the first times, and how many more there are."""
    named = ", ".join(told_times(pd.Series(times[:4]), "%d\u00a0%b\u00a0%H:%M"))
    return named if len(times) <= 4 else f"{named} and {len(times) - 4} more"


# ------------------------------------------------------------------------------------------ texts
def _bills_told(results: Results) -> str:
    bills = bills_by_item(results.plot.view).sum(axis=1)
    most, least = str(bills.idxmax()), str(bills.idxmin())
    unit = results.plot.view.currency
    text = "Every microgrid's payments by item; the diamond is its bill, earnings taken off."
    if most == least:
        return text
    return (
        f"{text} {most} pays most ({plain(bills[most], 2)} {unit}), "
        f"{least} least ({plain(bills[least], 2)} {unit})."
    )


def _days_told(results: Results) -> str:
    view = results.plot.view
    shown, text = days_in_choice(view), "Choose microgrid and day at the top left."
    if len(shown) < len(view.days):
        text += (
            f" The run is long, so only its first {len(shown)} of {len(view.days)} days are here; "
            'results.plot.day("NAME", "DAY") in Python draws any.'
        )
    return f"{text} Events are shaded." if results.scenario.get("events") else text


def _map_told(results: Results) -> str:
    feeder = results.plot.network
    moments, steps = len(feeder.moments()), len(feeder.vm_pu)
    text = (
        "Buses by voltage, lines by loading; a ring is a microgrid, the larger the more it "
        "exchanges. It begins at the step that came nearest to a limit; move the slider for others."
    )
    if not feeder.layout.is_geographic:
        text += " The network has no coordinates, so the feeder is drawn as a tree."
    if moments < steps:
        text += f" To keep the page small, {moments} of {steps} steps are here."
    return text


def _prices_told(results: Results) -> str:
    view = results.plot.view
    prices = view.frame("prices").groupby("time")["local_price"]
    apart = prices.max() - prices.min()
    if not apart.max() > 1e-6:
        return ""
    return (
        f"In {(apart > 1e-6).sum()} of {len(apart)} steps microgrids have different local prices. "
        "Then the lines are means by what was sold or bought there, the shade goes from the lowest "
        "to the highest, and says whose they are where the mouse points."
    )


def _ties(results: Results) -> go.Figure | str:
    """Draw ties where there are any: most scenarios have none, and need no sentence about it."""
    return results.plot.ties() if results.scenario.get("ties") else ""


def _ties_told(results: Results) -> str:
    told = "A private tie carries what was decided, an ac one what the power flow says."
    return told if results.scenario.get("ties") else ""


_GRANTED = (
    "What microgrids asked to take from the feeder and to give it, hour by hour, what the DNO "
    "granted, and the difference; of the last gate before each hour."
)
_LIMIT_PRICES = (
    "A price says what a whole further limit of that size would be worth in that hour. A line at "
    "100 % may have no price: then more room would save nothing, for instance because another plan "
    "that costs the same leaves room, and the solver chose between the two."
)

SECTIONS = (
    Section(
        "cost",
        "What it cost, and who gained",
        (
            Part(lambda results: results.plot.bills(), _bills_told),
            Part(
                lambda results: results.plot.gains(),
                "All demand at the tariff: the bill without any device and without trade, charges "
                "included. Gain from local trade: what the same exchanges would have cost more "
                "with the grid alone. What devices would have done without trade is in neither: "
                "mmgsim compare with isolated says that.",
            ),
            Part(_gains),
        ),
    ),
    Section(
        "energy",
        "Who traded what",
        (
            Part(
                lambda results: results.plot.trades(),
                "Energy over the whole run. Where trades are pooled, all sell to and buy from the "
                "market.",
            ),
            Part(pairs, pairs_told),
            Part(
                lambda results: results.plot.exchange(),
                "Net power at each connection point, with the grid and locally.",
            ),
            Part(_ties, _ties_told),
            Part(
                lambda results: results.plot.flows(),
                "The energy balance of every microgrid: what comes in at the left goes out at the "
                "right.",
            ),
            Part(lambda results: results.plot.energy()),
        ),
    ),
    Section(
        "money",
        "Who paid whom",
        (
            Part(
                lambda results: results.plot.money(),
                "All lines of the ledger, summed over the run; who pays and gets stands at both "
                "sides. Colours are those of the bills; charges on a flow have its colour, paler. "
                "What buyers pay the market and sellers do not get, where it is kept, is no line "
                "of the ledger: it is drawn as kept.",
            ),
        ),
    ),
    Section("prices", "Prices", (Part(lambda results: results.plot.prices(), _prices_told),)),
    Section(
        "market",
        "Market and community",
        (
            Part(_market),
            Part(traders, traders_told),
        ),
    ),
    Section("days", "A day of each microgrid", (Part(lambda r: r.plot.days(), _days_told),)),
    Section(
        "outlooks",
        "Expected and come true",
        (
            Part(
                lambda results: results.plot.outlooks(),
                "What each microgrid knew of an uncertain device at some gates of the first day: "
                "given all that it had seen, the power lies inside the outer band in 9 of 10 "
                "futures, inside the inner one in 5 of 10, step by step.",
            ),
        ),
    ),
    Section(
        "granted",
        "Asked and granted",
        (
            Part(lambda results: results.plot.granted(), _GRANTED),
            Part(
                refusals,
                "Who was refused, and when. Below 1 W is what solvers leave.",
            ),
            Part(dno_plans, "What the DNO's plan of every window cost it, as it was planned."),
        ),
    ),
    Section(
        "feeder",
        "The feeder",
        (
            Part(lambda results: results.plot.feeder(), _map_told),
            Part(lambda results: results.plot.tightest()),
            Part(lambda results: results.plot.limits()),
            Part(
                lambda results: results.plot.repair(),
                "Steps whose first plan broke a limit: what that plan would have done to the "
                "feeder, and what was executed after the DNO had it made again.",
            ),
            Part(
                lambda results: results.plot.dlmp(),
                "Red parts make a kWh dearer there than before the network comes into it, blue "
                "ones cheaper. The coordination knows what limits were worth to it; the AC power "
                "flow of the step says which buses take up how much of them.",
            ),
            Part(lambda results: results.plot.limit_prices(), _LIMIT_PRICES),
            Part(priced_limits),
        ),
    ),
    Section(
        "convergence",
        "Convergence and gap",
        (
            Part(
                lambda results: results.plot.convergence(),
                "The gap says how much less than planned the window could cost at most, as a part "
                "of gross cost. Gaps below 0.0001 % are rounding and drawn at that line.",
            ),
            Part(
                lambda results: results.plot.bounds_of_chosen_gates(),
                "The best plans lie between the two bounds, which meet as messages go back and "
                "forth. To choose from: the first gate, those of most rounds, of largest gap.",
            ),
            Part(planning, planning_told),
        ),
    ),
    Section(
        "flags",
        "Events, faults and flags",
        (Part(_events), Part(lambda results: results.plot.flags()), Part(_flags), Part(_faults)),
    ),
)

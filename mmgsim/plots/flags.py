"""What was out of the ordinary: when, to whom, and what it means."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import pandas as pd
import plotly.graph_objects as go

from mmgsim.errors import NothingToDrawError
from mmgsim.plots.clock import stamps, stepped
from mmgsim.plots.energy import clock_title
from mmgsim.plots.style import LIMIT, layout
from mmgsim.plots.view import RunView

__all__ = [
    "FEEDER",
    "MEANINGS",
    "flag_events",
    "flags_figure",
    "flags_table",
    "meaning",
    "stand_ins",
]

FEEDER = "feeder"
"""Who a flag is about that is about no microgrid."""

MEANINGS: Mapping[str, str] = MappingProxyType(
    {
        "undervoltage": "A bus is below its lowest voltage.",
        "overvoltage": "A bus is above its highest voltage.",
        "line_overload": "A line carries more current than its rating.",
        "trafo_overload": "A transformer carries more than its rating.",
        "emergency": "A bus is below 0.8 pu: protection would trip.",
        "collapse": "No power flow converged at any part of the load: nothing was delivered.",
        "relaxed": "The power flow converged only at this part of all loads and exchanges.",
        "unsupplied": "This microgrid has no connection to the upstream grid.",
        "outage": "A line is out.",
        "left_out": "The market could not reach this microgrid: it planned for itself and "
        "trades nothing.",
        "local_charges": "A microgrid was silent, so that the DNO could not be asked what "
        "trades of pairs lose: they owe the tariff's local charge.",
        "out_of_time": "The time of the gate was over before it was cleared: nobody trades.",
        "islanded": "This microgrid can exchange nothing: its connection or a line is open.",
        "rating_changed": "A line may carry another current than usual.",
        "price_shock": "A price is another than the tariff's own.",
        "losses_not_shared": "The losses could not be divided, so nobody was billed for them.",
        "plan_violation": "The first plan of the gate broke a limit of the feeder here.",
        "repaired": "Planned again within tighter envelopes; the step ended within all limits.",
        "missed": "A storage level, a ramp or an award could not be kept in the plan.",
        "target_moved": "A storage level was out of the battery's reach and was moved beforehand.",
        "exclusive": "Binaries were needed: the linear plan charged and discharged at once.",
        "unproven": "The solver's time was up before its plan was proven to be the best.",
        "award_left": "The award would have cost a storage level or demand: firm trades were kept, "
        "the grid took up the rest, as far as it was granted.",
        "no_outlook": "Who plans with what may come was told of nothing uncertain, and planned for "
        "the forecast.",
        "ramp_missed": "A unit fell faster than its ramp allows.",
        "outside_envelope": "The exchange was outside its envelope; nothing was left to change.",
        "not_carried": "The feeder could not carry the exchange; the microgrid acted within what "
        "it could.",
        "shed": "Demand was not served.",
        "shed_critical": "Critical demand was not served.",
        "dno_not_carried": "The feeder could not carry what the DNO's own devices did; they acted "
        "within what it could.",
        "background_shed": "The DNO left background demand unserved to keep its limits.",
        "fault": "The strategy raised, took too long, or broke its contract: see the faults.",
        "stand_in": "A stand-in decided in place of the strategy.",
        "market_fault": "The market or its coordination failed: see the faults.",
        "market_stand_in": "A market without local trade stood in for the one of the scenario.",
        "dno_fault": "The DNO's operator failed: see the faults.",
        "dno_stand_in": "The standard operator stood in for the one of the scenario.",
        "bound_broken": "The gate's lower bound is above the cost of its own plans: somebody does "
        "not plan what it offers, and the certificate is worth nothing.",
        "not_bounding": "The gate followed paper 000 as printed: upper and lower numbers of its "
        "rounds bound nothing.",
        "split_undetermined": "The pool by paper 001's rule (20) found no even split of the "
        "saving, or binaries were needed: who pays how much is a matter of the solver.",
        "guarantee_unmet": "Together microgrids pay more, at the forecast, than with robust plans "
        "of their own: no transfers can leave everybody better off, so none were made.",
        "alone_unproven": "This microgrid's robust plan of its own ended before it was proven: "
        "what it would pay alone may be too much, and the guarantee too easy to keep.",
        "unserved_at_worst": "In a course that may happen demand goes unserved, or energy lacks or "
        "finds no place, whatever is done later.",
        "nothing_uncertain": "Nobody stated bounds of what is uncertain: directions were decided "
        "for the forecast alone.",
        "robust_out_of_rounds": "Adaptive robust trading ended after its last round: its decision "
        "is the best it found, and the bounds of its rounds say how good that is.",
        "robust_fallback": "Adaptive robust trading found no decision in its time: but for steps "
        "decided on earlier nobody trades, and the grid is open one way.",
        "robust_gap_left": "A solver of adaptive robust trading proved less than is asked for: "
        "the bounds of its rounds say how good its decision is.",
        "robust_out_of_time": "Adaptive robust trading ran out of time: its decision is the best "
        "it found, and the bounds of its rounds say how good that is.",
        "leader_left": "A microgrid is no linear problem, because units are on or off or binaries "
        "keep it honest: best responses took the place of the bi-level optimum.",
        "leader_unproven": "The leader's time was up, ways to solve its problem disagreed, or no "
        "trades keep the network's rows: its trades are the best at hand, and not proven to be the "
        "bi-level optimum.",
        "no_rest": "Best responses went in circles or ran out of rounds: the cheapest point on the "
        "way was taken.",
        "reply_differs": "Microgrids responded otherwise than the leader expected, and it costs "
        "more.",
        "integers_relaxed": "Prices were agreed on an LP relaxation: units on or off, or binaries "
        "that keep storage honest, count in the plans and in the bound only.",
        "out_of_rounds": "The coordination ran out of rounds or of time before microgrids and "
        "market agreed: it is balanced all the same, and the gap says how good it is.",
        "gap_left": "The gap is above the tolerance though rounds ended by themselves: nothing "
        "moves any more, or a strategy plans otherwise than it offers. More rounds change nothing.",
        "rows_unsettled": "The market stopped asking the DNO while answers still had something to "
        "add: the plan may break limits, or leave room, and the gate's bound is less certain.",
        "level_missed": "The stored energy is not at its level at the end of the step.",
        "violations": "Status of the step: a limit of the feeder is broken.",
        "not_converged": "Status of the step: the power flow converged for a part at most.",
    }
)
"""Flags and statuses; ``unsupplied`` is both."""

_SEATS = MappingProxyType({"market_stand_in": "the market", "dno_stand_in": "the DNO"})
"""Whose place it is that a flag of the feeder is about."""

_UNKNOWN = "Set by a class of the scenario, or by another version of mmgsim."


def meaning(flag: str) -> str:
    """Say what a flag means, whatever follows a colon in it."""
    return MEANINGS.get(flag.partition(":")[0], _UNKNOWN)


def flag_events(view: RunView) -> pd.DataFrame:
    """Give one row for every flag of every step: `time`, `who`, `flag`.

    A status other than ok is a flag of the feeder too.
    """
    dispatch, steps = view.frame("dispatch"), view.frame("steps")
    own = _exploded(dispatch.rename(columns={"microgrid": "who"}))
    merged = _exploded(steps.assign(who=FEEDER))
    # The flags of a step are those of its microgrids too: what one of them has is not the feeder's.
    keys = set(zip(own["time"], own["flag"], strict=True))
    pairs = zip(merged["time"], merged["flag"], strict=True)
    merged = merged[[pair not in keys for pair in pairs]]
    broken = steps[steps["status"] != "ok"].assign(who=FEEDER)
    statuses = broken.rename(columns={"status": "flag"})[["time", "who", "flag"]]
    events = pd.concat([statuses, merged, own], ignore_index=True)
    return events.drop_duplicates().sort_values(["time", "who", "flag"], ignore_index=True)


def _exploded(frame: pd.DataFrame) -> pd.DataFrame:
    rows = frame[frame["flags"].fillna("") != ""]
    words = rows.assign(flag=rows["flags"].str.split()).explode("flag", ignore_index=True)
    return words[["time", "who", "flag"]]


def flags_figure(view: RunView) -> go.Figure:
    """Draw when each flag was set, and for whom."""
    events = flag_events(view)
    if events.empty:
        raise NothingToDrawError("No flag was set in this run, and every step ended ok.")
    figure = go.Figure()
    order = []
    for who in _in_order(view, events):
        for flag, own in events[events["who"] == who].groupby("flag", sort=True):
            order.append(f"{who}: {flag}")
            figure.add_scatter(
                x=stamps(own["time"] + pd.Timedelta(hours=view.step_h / 2.0)),
                y=[order[-1]] * len(own),
                mode="markers",
                marker={"symbol": "square", "size": 9, "color": view.colours.get(who, LIMIT)},
                hovertemplate="%{x|%a %d %b %H:%M}, %{y}<br>"
                + meaning(str(flag))
                + "<extra></extra>",
                showlegend=False,
            )
    layout(figure, "When flags were set", height=150 + 26 * len(order), hovermode="closest")
    times = view.frame("steps")["time"]
    span, _ = stepped(times.iloc[[0, -1]], [0.0, 0.0], view.step_h)
    figure.update_xaxes(title=clock_title(view), range=[span[0], span[-1]])
    return figure.update_yaxes(
        title="who: flag", categoryorder="array", categoryarray=order[::-1], type="category"
    )


def flags_table(view: RunView) -> pd.DataFrame:
    """Give one row a flag: `meaning`, `who` had it, the `times` of its steps."""
    events = flag_events(view)
    rows = [
        {
            "flag": str(flag),
            "meaning": meaning(str(flag)),
            "who": ", ".join(_in_order(view, own)),
            "times": own["time"].drop_duplicates().tolist(),
        }
        for flag, own in events.groupby("flag", sort=True)
    ]
    return pd.DataFrame(rows, columns=["flag", "meaning", "who", "times"])


def stand_ins(view: RunView) -> dict[str, int]:
    """Give in how many steps a stand-in decided, by in whose place: microgrids, market, DNO."""
    events = flag_events(view)
    events = events[events["flag"].isin(["stand_in", *_SEATS])]
    seats = events["flag"].map(_SEATS).fillna(events["who"])
    counts = events.groupby(seats)["time"].nunique()
    return {
        name: int(counts[name]) for name in (*view.microgrids, *_SEATS.values()) if name in counts
    }


def _in_order(view: RunView, events: pd.DataFrame) -> list[str]:
    """Name who had a flag: the feeder, and microgrids in the order of the scenario."""
    return [who for who in (FEEDER, *view.microgrids) if (events["who"] == who).any()]

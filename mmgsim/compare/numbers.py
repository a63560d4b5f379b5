"""The numbers of a comparison, from the summary and the tables of each run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from mmgsim.compare.alike import studied
from mmgsim.compare.frozen import envelopes_from, scenario_of
from mmgsim.metrics import disclosed_words, gini, jain
from mmgsim.report import gates_without_bound, options_told, surplus_given
from mmgsim.tables import Results

__all__ = ["cost_by_microgrid", "flags_of", "gates_of", "run_table", "sent_by"]

NAN = float("nan")
NOTHING_TO_GAIN = 1e-6
"""Share of the gross cost below which there is no trading gain to speak of."""
_MOST = 0.95
_STATUSES = ("ok", "violations", "unsupplied", "not_converged")
_ENERGIES = (
    "losses_kwh",
    "spilled_kwh",
    "shed_kwh",
    "unserved_kwh",
    "traded_kwh",
    "imported_kwh",
    "exported_kwh",
    "imbalance_kwh",
)
_SECONDS = ("wall_s", "gate_s", "solver_s", "power_flow_s")


def run_table(runs: Mapping[str, Results]) -> pd.DataFrame:
    """Give one row a run, by its name.

    Objective, members and system cost do not contain the value of the energy left in storage;
    `objective_cost_incl_energy_left` is the objective cost less that value. Captured shares are of
    the trading gain, `(isolated - run) / (isolated - central)`, and missing where there is not
    exactly one run of either, or where `central` gains next to nothing. Where envelopes are frozen
    (`mmgsim.compare.frozen`), violated limits are not mended.
    """
    rows = {
        name: {**_costs(run, differing), **_effort(run), **_physics(run), **run.metrics}
        for (name, run), differing in zip(runs.items(), studied([*runs.values()]), strict=True)
    }
    table = pd.DataFrame.from_dict(rows, orient="index").rename_axis("run")
    least = _least_gain(runs)
    for cost in ("objective_cost", "objective_cost_incl_energy_left"):
        share = f"captured_share{cost.removeprefix('objective_cost')}"
        table.insert(list(table.columns).index(cost) + 1, share, _captured(table, cost, least))
    table = table.join(_emergent(runs, table))
    table["results"] = [str(run.folder) for run in runs.values()]
    return table


def _costs(run: Results, differing: Mapping[str, Any]) -> dict[str, Any]:
    summary = run.summary
    cost, left = summary["objective_cost"], summary["energy_left_value"]
    return {
        "coordination": summary["coordination"],
        "options": _options(run, differing),
        "envelopes_frozen": envelopes_from(run) is not None,
        "repair_rounds_allowed": scenario_of(run)["repair"]["rounds"],
        "objective_cost": cost,
        "energy_left_value": left,
        "objective_cost_incl_energy_left": cost - left,
        "members_cost": summary["members_cost"],
        "market_kept": summary.get("market_kept", 0.0),
        "surplus_passed_on": sum(surplus_given(run).values()),
        "system_cost": summary["system_cost"],
        "unserved_value": summary.get("unserved_value", 0.0),  # missing in older results
    }


def _options(run: Results, differing: Mapping[str, Any]) -> str | float:
    """Give the options of the coordination and what else is studied in words; NaN for nothing."""
    chosen = scenario_of(run)["coordination"]
    own = {key: value for key, value in chosen.items() if key != "kind"}
    return options_told({**own, **differing}) or NAN


def _effort(run: Results) -> dict[str, Any]:
    """Give certificates, rounds, messages and seconds."""
    gates, sent, summary = run.gates, sent_by(run), run.summary
    rounds = gates.rounds.to_numpy()
    return {
        # A bound above the cost of the plans certifies nothing: flag bound_broken.
        "gap_max": NAN if summary.get("gates_bound_broken") else gates.gap.max(),
        "gap_mean": NAN if summary.get("gates_bound_broken") else gates.gap.mean(),
        "gates": len(gates),
        "gates_without_bound": gates_without_bound(run),
        "rounds_mean": rounds.mean() if len(rounds) else NAN,
        # The least number that was enough for 95 % of the gates: a count, not a mean of two.
        "rounds_p95": _quantile(rounds),
        "rounds_max": rounds.max() if len(rounds) else NAN,
        "repair_rounds": int(gates.repair_rounds.sum()),
        "messages": int(sent["count"].sum()),
        "bytes": int(sent["bytes"].sum()),
        "bytes_of_microgrids": int(sent["bytes"].get("microgrid", 0)),
        "microgrids_disclose": disclosed_words(run.messages),
        **{key: summary.get(key, NAN) for key in _SECONDS},
    }


def _quantile(rounds: Any) -> float:
    return float(np.quantile(rounds, _MOST, method="inverted_cdf")) if len(rounds) else NAN


def _physics(run: Results) -> dict[str, Any]:
    statuses = run.steps.status.value_counts()
    counts = {f"steps_{status}": int(statuses.get(status, 0)) for status in _STATUSES}
    energies = {key: run.summary[key] for key in _ENERGIES}
    flags = ", ".join(f"{flag} {count}" for flag, count in _flags(run).items())
    return {**energies, "steps": len(run.steps), **counts, "flags": flags or NAN}


def _least_gain(runs: Mapping[str, Results]) -> float:
    """Give the trading gain that rounding and tolerances may make. [currency]"""
    gross = [run.ledger.amount.abs().sum() + run.steps.shed_value.sum() for run in runs.values()]
    return NOTHING_TO_GAIN * max(gross)


def _emergent(runs: Mapping[str, Results], table: pd.DataFrame) -> pd.DataFrame:
    """Give what only a comparison tells: price of decentralisation, and how savings are spread.

    Price of decentralisation: by how much of the size of its cost a run is dearer than `central`.
    Savings are those of each microgrid's bill against the run of `isolated`.
    """
    bills = cost_by_microgrid(runs)
    alone = table.index[table.coordination == "isolated"]
    central = table.loc[table.coordination == "central", "objective_cost"]
    best = float(central.iloc[0]) if len(central) == 1 else NAN
    found = pd.DataFrame(index=table.index)
    found["price_of_decentralisation"] = (table.objective_cost - best) / abs(best or NAN)
    for name, spread in (("gini_of_savings", gini), ("jain_of_savings", jain)):
        found[name] = NAN
        if len(alone) == 1:
            saved = -bills.sub(bills[alone[0]], axis=0)
            has_saved = saved.abs().sum() > NOTHING_TO_GAIN * bills.abs().sum()
            found[name] = [spread(saved[run]) if has_saved[run] else NAN for run in table.index]
    return found


def _captured(table: pd.DataFrame, column: str, least: float) -> pd.Series:
    isolated = table.loc[table.coordination == "isolated", column]
    central = table.loc[table.coordination == "central", column]
    if len(isolated) != 1 or len(central) != 1:
        return pd.Series(NAN, table.index)
    gain = isolated.iloc[0] - central.iloc[0]
    if gain <= least:
        return pd.Series(NAN, table.index)
    share: pd.Series = (isolated.iloc[0] - table[column]) / gain
    return share


# --------------------------------------------------------------------------------- more than one
def cost_by_microgrid(runs: Mapping[str, Results]) -> pd.DataFrame:
    """Give the bill of each microgrid with the value of its shed load, one column a run."""
    costs = {name: run.summary["cost_by_microgrid"] for name, run in runs.items()}
    return pd.DataFrame(costs).rename_axis("microgrid").rename_axis("run", axis="columns")


def gates_of(runs: Mapping[str, Results]) -> pd.DataFrame:
    """Give the gates of all runs under each other, with the run's name first."""
    parts = []
    for name, run in runs.items():
        part = run.gates
        part.insert(0, "run", name)
        parts.append(part)
    return pd.concat(parts, ignore_index=True)


def flags_of(runs: Mapping[str, Results]) -> pd.DataFrame:
    """Give in how many steps each flag was set: one row a flag, one column a run."""
    counts = pd.DataFrame({name: _flags(run) for name, run in runs.items()}, dtype=float)
    return counts.fillna(0.0).astype(int).sort_index().rename_axis("flag")


def _flags(run: Results) -> pd.Series:
    """Give in how many steps each flag was set, whatever follows a colon in it."""
    words = run.steps["flags"].fillna("").str.split()
    kinds = words.map(lambda flags: sorted({flag.partition(":")[0] for flag in flags}))
    return kinds.explode().value_counts().sort_index()


def sent_by(run: Results) -> pd.DataFrame:
    """Give messages and bytes of a run by the role of the sender."""
    return run.messages.groupby("sender")[["count", "bytes"]].sum()

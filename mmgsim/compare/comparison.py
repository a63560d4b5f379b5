"""A comparison: its tables, its pictures and the files it is written to."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from mmgsim.compare.alike import check_alike, studied
from mmgsim.compare.frozen import envelopes_from, frozen_notes, scenario_of
from mmgsim.compare.numbers import cost_by_microgrid, flags_of, gates_of, run_table, sent_by
from mmgsim.compare.variants import variant_names
from mmgsim.errors import ComparisonError, Fault, ResultsError, near_miss
from mmgsim.report import COMPARISON_FIGURES, Compared, options_told, write_comparison_page
from mmgsim.tables import Results, write_json, write_text

__all__ = ["Comparison", "compare_runs"]


def compare_runs(
    runs: Iterable[str | Path | Results], *, out: str | Path | None = None
) -> Comparison:
    """Put finished runs of one scenario side by side.

    A run is called by its coordination, with the options that differ where several have the same
    one, strategies and communication among them, and by its folder where these are the same too.

    Parameters
    ----------
    runs : iterable of str, Path or Results
        Result folders.
    out : str, Path or None
        Folder for `compare.csv`, `compare.json` and `compare.html`; None writes nothing.

    Raises
    ------
    ResultsError
        If a folder is none of ours.
    ComparisonError
        If there are fewer than two, one ended early, or they are not of the same scenario.
    """
    read = [run if isinstance(run, Results) else Results(run) for run in runs]
    if len(read) < 2:
        given = ", ".join(str(run.folder) for run in read) or "nothing"
        fault = Fault("runs", f"{len(read)} to compare", "give two or more result folders")
        raise ComparisonError(given, [fault])
    comparison = Comparison(dict(zip(_names(read), read, strict=True)))
    if out is not None:
        comparison.write(out)
    return comparison


def _names(runs: list[Results]) -> list[str]:
    chosen = [
        (kind, {**options, **differing})
        for (kind, options), differing in zip(map(_coordination, runs), studied(runs), strict=True)
    ]
    if len({(kind, options_told(options)) for kind, options in chosen}) == len(runs):
        return variant_names(chosen)
    count = Counter(kind for kind, _ in chosen)
    names = [
        kind if count[kind] == 1 else run.folder.name
        for (kind, _), run in zip(chosen, runs, strict=True)
    ]
    if len(set(names)) == len(names):
        return names
    return [f"{place}: {run.folder}" for place, run in enumerate(runs, 1)]


def _coordination(run: Results) -> tuple[str, dict[str, Any]]:
    """Give kind and options of the coordination of a run."""
    options = dict(scenario_of(run)["coordination"])
    options.pop("kind")
    return str(run.manifest["coordination"]), options


class Comparison:
    """Runs of one scenario side by side.

    Parameters
    ----------
    runs : mapping
        Results by name, in the order in which they are shown.
    failed : mapping or None
        Why a run that was asked for is not among them, by its name.

    Attributes
    ----------
    runs, failed : mapping
        As given.
    folder : Path or None
        Where it was written.

    Raises
    ------
    ComparisonError
        If a run ended early, or they are not of the same scenario.

    Examples
    --------
    >>> comparison = mmgsim.compare("duo", ["isolated", "central"])  # doctest: +SKIP
    >>> comparison.table[["objective_cost", "captured_share"]]  # doctest: +SKIP
    """

    def __init__(
        self, runs: Mapping[str, Results], *, failed: Mapping[str, str] | None = None
    ) -> None:
        check_alike(list(runs.values()))
        self.runs: Mapping[str, Results] = dict(runs)
        self.failed: Mapping[str, str] = dict(failed or {})
        self.folder: Path | None = None

    @cached_property
    def table(self) -> pd.DataFrame:
        """One row a run: costs, captured share, certificates, effort, physics.

        The three costs do not contain the energy left in storage; `objective_cost_incl_energy_left`
        does. Shares and gaps are fractions, not percent.
        """
        return run_table(self.runs)

    @cached_property
    def by_microgrid(self) -> pd.DataFrame:
        """Bills with the value of shed load: one row a microgrid, one column a run. [currency]"""
        return cost_by_microgrid(self.runs)

    @cached_property
    def gates(self) -> pd.DataFrame:
        """The gates of all runs, with the run's name in the first column."""
        return gates_of(self.runs)

    @cached_property
    def sent(self) -> pd.DataFrame:
        """Bytes disclosed: one row a run, one column a role of sender."""
        parts = {name: sent_by(run)["bytes"] for name, run in self.runs.items()}
        return pd.DataFrame(parts).T.fillna(0).astype(int).rename_axis("run")

    @cached_property
    def flags(self) -> pd.DataFrame:
        """In how many steps each flag was set: one row a flag, one column a run."""
        return flags_of(self.runs)

    @property
    def notes(self) -> tuple[str, ...]:
        """Say what else has to be known: options, frozen envelopes, shares, unlike versions."""
        told = (
            *_option_notes(self.table),
            *_studied_notes(self.runs),
            *frozen_notes(self.runs),
            *_share_notes(self.table),
        )
        return (*told, *self._version_notes())

    def _version_notes(self) -> tuple[str, ...]:
        versions = pd.DataFrame({name: r.manifest["versions"] for name, r in self.runs.items()})
        return tuple(
            f"{package}: " + ", ".join(f"{version} in {name}" for name, version in row.items())
            for package, row in versions.iterrows()
            if row.nunique(dropna=False) > 1
        )

    def figure(self, name: str = "cost") -> go.Figure:
        """Give a picture: cost, bills, gains, gaps, rounds or sent.

        Raises
        ------
        ResultsError
            If there is no such picture.
        """
        if name not in COMPARISON_FIGURES:
            known = near_miss(name, COMPARISON_FIGURES)
            raise ResultsError(f"there is no figure {name!r}; {known}")
        return COMPARISON_FIGURES[name](self.compared())

    def compared(self) -> Compared:
        """Give all that the page and the pictures are drawn from."""
        manifest = next(iter(self.runs.values())).manifest
        return Compared(
            scenario=manifest["scenario"],
            currency=manifest["currency"],
            timezone=manifest["timezone"],
            subtitle=(
                f"seed {manifest['seed']}, {self.table.steps.iloc[0]} steps of "
                f"{manifest['step_h']:g} h, objective {manifest['objective']}, times in "
                f"{manifest['timezone']}, mmgsim {manifest['versions']['mmgsim']}"
                + (", envelopes frozen" if self.table.envelopes_frozen.any() else "")
            ),
            step_h=manifest["step_h"],
            table=self.table,
            by_microgrid=self.by_microgrid,
            gates=self.gates,
            sent=self.sent,
            flags=self.flags,
            failed=self.failed,
            notes=self.notes,
        )

    def write(self, folder: str | Path) -> Path:
        """Write `compare.csv`, `compare.json` and `compare.html`, and give the folder."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        places = {name: _seen_from(folder, run.folder) for name, run in self.runs.items()}
        sources = pd.Series({n: _source_seen_from(folder, run) for n, run in self.runs.items()})
        table = self.table.assign(results=list(places.values()), envelopes_from=sources)
        flat = table.join(self.by_microgrid.T.add_prefix("cost_of_"))
        write_text(folder / "compare.csv", flat.to_csv())
        write_json(folder / "compare.json", self.as_plain_data(folder))
        reports = {
            name: f"{places[name]}/report.html"
            for name, run in self.runs.items()
            if (run.folder / "report.html").is_file()
        }
        write_comparison_page(folder / "compare.html", self.compared(), reports)
        self.folder = folder
        return folder

    def as_plain_data(self, folder: Path) -> dict[str, Any]:
        """Give what `compare.json` holds; paths are as seen from a folder."""
        manifest = next(iter(self.runs.values())).manifest
        shared = ("scenario", "seed", "objective", "currency", "timezone", "step_h")
        rows = self.table.to_dict("index")
        return {
            "format": 1,
            "envelopes_frozen": bool(self.table.envelopes_frozen.any()),
            **{key: manifest[key] for key in shared},
            "runs": {
                name: {
                    **{key: None if pd.isna(value) else value for key, value in row.items()},
                    "results": _seen_from(folder, self.runs[str(name)].folder),
                    "envelopes_from": _source_seen_from(folder, self.runs[str(name)]),
                    "cost_by_microgrid": self.by_microgrid[name].to_dict(),
                }
                for name, row in rows.items()
            },
            "failed": dict(self.failed),
            "notes": list(self.notes),
        }

    def __repr__(self) -> str:
        """Say what is compared."""
        failed = f"; failed: {', '.join(self.failed)}" if self.failed else ""
        return f"Comparison({', '.join(self.runs)}{failed})"


def _option_notes(table: pd.DataFrame) -> tuple[str, ...]:
    """Say which options each run has, where any has some."""
    told = [f"{name}: {options}" for name, options in table["options"].dropna().items()]
    rest = "" if len(told) == len(table) else "; the others have none"
    return (f"Options of coordinations. {'; '.join(told)}{rest}.",) if told else ()


def _studied_notes(runs: Mapping[str, Results]) -> tuple[str, ...]:
    """Say that more than the coordination is compared, where it is."""
    if not any(studied([*runs.values()])):
        return ()
    return (
        "Strategies or communication differ between these runs, as said with the options: costs "
        "differ by these too, and not by the coordination alone.",
    )


def _share_notes(table: pd.DataFrame) -> tuple[str, ...]:
    """Say what would give the captured share where it is missing."""
    counts = table.coordination.value_counts()
    lacking = [kind for kind in ("isolated", "central") if kind not in counts]
    if lacking:
        cure = f"add {' and '.join(lacking)}, as a coordination or as a run folder"
        return (f"No captured share: {cure}; it is the part of the gain between the two.",)
    twice = [kind for kind in ("isolated", "central") if counts[kind] > 1]
    if twice:
        return (f"No captured share: there is more than one run of {' and of '.join(twice)}.",)
    return ()


def _source_seen_from(folder: Path, run: Results) -> str | None:
    source = envelopes_from(run)
    return None if source is None else _seen_from(folder.resolve(), source)


def _seen_from(folder: Path, place: Path) -> str:
    return Path(os.path.relpath(place, folder)).as_posix()

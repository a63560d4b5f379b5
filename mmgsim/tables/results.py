"""Reading a result folder."""

from __future__ import annotations

import json
import warnings
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
import yaml

from mmgsim.errors import ResultsError, near_miss
from mmgsim.metrics import metrics_of
from mmgsim.plots import Plots
from mmgsim.scenario import parse_yaml
from mmgsim.tables.schema import TABLES
from mmgsim.tables.writer import table_folder

__all__ = ["Results"]

_NO_PAYLOADS = (
    "no payloads were kept: run with --payloads, or with bus=mmgsim.MessageBus(keeps_payloads=True)"
)


class Results:
    """A result folder: every table is an attribute, such as ``results.dispatch``.

    Parameters
    ----------
    folder : str or Path
        As written by `mmgsim run`.

    Raises
    ------
    ResultsError
        If the folder is none of ours.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        if not (self.folder / "manifest.json").is_file():
            raise ResultsError(f"{self.folder} is no result folder: it has no manifest.json")
        self._frames: dict[str, pd.DataFrame] = {}

    @cached_property
    def manifest(self) -> dict[str, Any]:
        """What was run: scenario, seed, coordination, versions, status, input labels."""
        return self._json("manifest.json")

    @cached_property
    def summary(self) -> dict[str, Any]:
        """The run in a few numbers."""
        return self._json("summary.json")

    @cached_property
    def scenario(self) -> dict[str, Any]:
        """The resolved scenario file, as plain data."""
        text = self._text("scenario.yaml")
        try:
            content = parse_yaml(text)
        except yaml.YAMLError as error:
            raise self._damaged("scenario.yaml", error) from error
        if not isinstance(content, dict):
            raise self._damaged("scenario.yaml", "it holds no keys")
        return content

    @cached_property
    def plot(self) -> Plots:
        """Pictures of the run: ``results.plot.flows()`` and others give plotly figures."""
        return Plots(self)

    @cached_property
    def metrics(self) -> pd.Series:
        """Concentration, markup, self-sufficiency, peaks and more; see `mmgsim.metrics`."""
        return metrics_of(self)

    def table(self, name: str) -> pd.DataFrame:
        """Give a table; times are UTC. Columns that came after the run are missing values.

        Raises
        ------
        ResultsError
            If there is no such table, or it is not in the folder, or cannot be read.
        """
        if name not in TABLES:
            raise ResultsError(f"there is no table {name!r}; {near_miss(name, TABLES)}")
        if name not in self._frames:
            path = table_folder(self.folder, name)
            if not path.is_dir() or not self._parts:
                raise ResultsError(f"{self.folder} has no {path.name}: the run wrote nothing yet")
            try:
                frame = pq.read_table([path / part for part in self._parts]).to_pandas()
            except (OSError, ValueError) as error:  # pyarrow's errors are ValueErrors
                raise self._damaged(path.name, error) from error
            later = [column.name for column in TABLES[name] if column.name not in frame]
            self._frames[name] = frame.reindex(columns=[*frame.columns, *later])
        if name == "payloads" and self._frames[name].empty:
            warnings.warn(_NO_PAYLOADS, stacklevel=3)
        return self._frames[name].copy()

    @cached_property
    def _parts(self) -> list[str]:
        """The parts that every table has: what was being written when a run ended is no part."""
        folders = [table_folder(self.folder, name) for name in TABLES]
        there = {
            path.name: {file.name for file in path.glob("part-*")}
            for path in folders
            if path.is_dir()  # tables that came after the run are not
        }
        whole = set.intersection(*there.values())
        torn = min(set.union(*there.values()) - whole, default=None)
        is_complete = self.manifest.get("status") == "complete"
        if torn is not None and (is_complete or torn < max(whole, default="")):
            name = next(name for name, parts in there.items() if torn not in parts)
            raise self._damaged(name, f"{torn} is missing")
        return sorted(whole)

    def __getattr__(self, name: str) -> pd.DataFrame:
        """Give a table by its name."""
        if name in TABLES:
            return self.table(name)
        raise AttributeError(f"{type(self).__name__} has no {name!r}; {near_miss(name, TABLES)}")

    def __dir__(self) -> list[str]:
        """List the tables too."""
        return [*super().__dir__(), *TABLES]

    def __repr__(self) -> str:
        """Say which run it is and how it ended."""
        manifest = self.manifest
        return (
            f"Results({str(self.folder)!r}: {manifest['scenario']}, "
            f"{manifest['coordination']}, {manifest['status']})"
        )

    def _json(self, name: str) -> dict[str, Any]:
        text = self._text(name)
        try:
            content = json.loads(text)
        except ValueError as error:
            raise self._damaged(name, error) from error
        if not isinstance(content, dict):
            raise self._damaged(name, "it holds no keys")
        return content

    def _text(self, name: str) -> str:
        path = self.folder / name
        if not path.is_file():
            raise ResultsError(f"{self.folder} has no {name}: it is incomplete")
        try:
            return path.read_text(encoding="utf-8")
        except (OSError, ValueError) as error:
            raise self._damaged(name, error) from error

    def _damaged(self, name: str, why: object) -> ResultsError:
        return ResultsError(f"{self.folder / name} is damaged and cannot be read: {why}")

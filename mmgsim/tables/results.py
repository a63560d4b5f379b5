"""Reading a result folder."""

from __future__ import annotations

import json
import warnings
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from mmgsim.errors import ResultsError, near_miss
from mmgsim.plots import Plots
from mmgsim.scenario import parse_yaml
from mmgsim.tables.schema import TABLES

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
            path = self.folder / f"{name}.parquet"
            if not path.is_dir():
                raise ResultsError(
                    f"{self.folder} has no {name}.parquet: the run wrote nothing yet"
                )
            try:
                frame = pd.read_parquet(path)
            except (OSError, ValueError) as error:  # pyarrow's errors are ValueErrors
                raise self._damaged(path.name, error) from error
            later = [column.name for column in TABLES[name] if column.name not in frame]
            self._frames[name] = frame.reindex(columns=[*frame.columns, *later])
        if name == "payloads" and self._frames[name].empty:
            warnings.warn(_NO_PAYLOADS, stacklevel=3)
        return self._frames[name].copy()

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
            raise ResultsError(f"{self.folder} has no {name}: the run did not end")
        try:
            return path.read_text(encoding="utf-8")
        except (OSError, ValueError) as error:
            raise self._damaged(name, error) from error

    def _damaged(self, name: str, why: object) -> ResultsError:
        return ResultsError(f"{self.folder / name} is damaged and cannot be read: {why}")

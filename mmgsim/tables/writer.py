"""Rows in memory, Parquet on disk: one part a simulated day, written whole or not at all."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from mmgsim.errors import ResultsError
from mmgsim.tables.schema import TABLES, arrow_schema

__all__ = ["TableWriter", "table_folder", "write_bytes", "write_json", "write_text"]


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file whole or not at all; once it is there, a loss of power does not take it away."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=_hidden_prefix(path))
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(0o644)
        Path(name).replace(path)
        _keep_names(path.parent)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _keep_names(folder: Path) -> None:
    """Have the names of its files outlive a loss of power, where a folder can be told to."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_text(path: Path, text: str) -> None:
    """Write a text file whole or not at all."""
    write_bytes(path, text.encode("utf-8"))


def write_json(path: Path, content: Any) -> None:
    """Write plain data as JSON, whole or not at all."""
    write_text(path, json.dumps(content, indent=2, allow_nan=False) + "\n")


class TableWriter:
    """Collects rows of all tables; each `flush` makes one more part of every table.

    Rows count once `commit` says that their step is over: a step that never ends leaves none.

    ``pandas.read_parquet(folder / "dispatch.parquet")`` reads all parts of a table. Until a folder
    is opened, everything stays in memory.

    Attributes
    ----------
    parts : int
        Of every table, written so far.
    """

    def __init__(self) -> None:
        self._folder: Path | None = None
        self._rows: dict[str, list[Sequence[Any]]] = {name: [] for name in TABLES}
        self._of_step: dict[str, list[Sequence[Any]]] = {name: [] for name in TABLES}
        self.parts = 0

    def open(self, folder: Path, parts: int = 0) -> None:
        """Write to a folder from now on, what is in memory included.

        Parameters
        ----------
        folder : Path
            Result folder.
        parts : int
            How many parts of every table stay there; later ones, and what was being written when
            a run was killed, are removed.

        Raises
        ------
        ResultsError
            If one that should stay is missing; nothing is removed then.
        """
        targets = [table_folder(folder, name) for name in TABLES]
        kept = [_part_name(number) for number in range(parts)]
        missing = [target / part for target in targets for part in kept]
        missing = [file for file in missing if not file.is_file()]
        if missing:
            raise ResultsError(
                f"{missing[0]} is missing, which this run has written; bring it back, or start "
                "anew with another --out"
            )
        for target in targets:
            for file in target.iterdir() if target.is_dir() else ():
                if file.name not in kept:
                    file.unlink()
        self._folder, self.parts = folder, parts

    def add(self, table: str, rows: Iterable[Sequence[Any]]) -> None:
        """Add rows whose values stand in the order of the table's columns."""
        self._of_step[table].extend(rows)

    def commit(self) -> None:
        """Have the rows since the last commit count: their step is over."""
        for name, rows in self._of_step.items():
            self._rows[name].extend(rows)
            rows.clear()

    def flush(self) -> None:
        """Write what was committed since the last flush; without a folder keep it.

        Readers take as many parts as every table has, so that a part is there for all or for none.
        """
        if self._folder is None or not self._rows["dispatch"]:
            return
        parts = {name: _to_parquet(name, rows) for name, rows in self._rows.items()}
        for name in parts:
            table_folder(self._folder, name).mkdir(exist_ok=True)
        for name, content in parts.items():
            write_bytes(table_folder(self._folder, name) / _part_name(self.parts), content)
        for rows in self._rows.values():
            rows.clear()
        self.parts += 1

    def frame(self, table: str, since: int = 0) -> pd.DataFrame:
        """Give what counts and is in memory as a DataFrame: everything without a folder.

        Parameters
        ----------
        table : str
            Name.
        since : int
            Leave out so many rows that came first.
        """
        frame: pd.DataFrame = _to_arrow(table, self._rows[table][since:]).to_pandas()
        return frame


def table_folder(folder: Path, table: str) -> Path:
    """Give where the parts of a table are in a result folder."""
    return folder / f"{table}.parquet"


def _part_name(number: int) -> str:
    """Give the name of the file of a part, counted from 0."""
    return f"part-{number:05d}.parquet"


def _hidden_prefix(path: Path) -> str:
    """Give how the name of a file begins while it is being written: readers leave such files."""
    return f".{path.name}."


def _to_parquet(table: str, rows: list[Sequence[Any]]) -> bytes:
    content = pa.BufferOutputStream()
    pq.write_table(_to_arrow(table, rows), content)
    return bytes(content.getvalue().to_pybytes())


def _to_arrow(table: str, rows: list[Sequence[Any]]) -> pa.Table:
    schema = arrow_schema(table)
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(schema)
    arrays = [
        pa.array(values, type=field.type, from_pandas=True)
        for field, values in zip(schema, columns, strict=True)
    ]
    return pa.Table.from_arrays(arrays, schema=schema)

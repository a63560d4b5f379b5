"""The envelopes that were binding in a finished run, to be published again in another one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from functools import cached_property
from pathlib import Path

import numpy as np

from mmgsim.contracts import FloatArray, frozen
from mmgsim.errors import ResultsError
from mmgsim.tables.results import Results

__all__ = ["RecordedEnvelopes"]

_CURE = "give the folder of a finished run, as `mmgsim run` writes it"


class RecordedEnvelopes:
    """Limits of the exchange by time, as the table `prices` of a run has them.

    Parameters
    ----------
    folder : Path
        Result folder. Read at first use.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def faults(self, names: Sequence[str], step_h: float) -> Iterator[tuple[str, str]]:
        """Give fault and cure of whatever keeps the run from being used for these microgrids."""
        try:
            manifest = Results(self._folder).manifest
            recorded = self._by_name
        except (ResultsError, OSError, ValueError, KeyError) as error:
            yield f"cannot be read: {error}", _CURE
            return
        if manifest.get("status") != "complete":
            status = manifest.get("status")
            what = "did not end" if status == "running" else f"is {status}"
            yield f"{str(self._folder)!r} is a run that {what}", _CURE
        if manifest.get("step_h") != step_h:
            what = f"the run has steps of {manifest.get('step_h')} h, the scenario of {step_h:g} h"
            yield what, "give a run with the same step"
        if set(recorded) != set(names):
            what = f"the run has the microgrids {', '.join(sorted(recorded))}"
            yield what, f"give a run of {', '.join(sorted(names))}"

    def at(self, time: datetime, names: Sequence[str]) -> tuple[FloatArray, FloatArray] | None:
        """Give the limits ``(low, high)`` of a step, None where the run does not cover it.

        Parameters
        ----------
        time : datetime
            Start of the step, UTC.
        names : sequence of str
            Microgrids, in the order of the arrays.
        """
        limits = [self._by_name[name].get(time.timestamp()) for name in names]
        known = [limit for limit in limits if limit is not None]
        if len(known) < len(limits):
            return None
        low_kw, high_kw = np.array(known).T
        return frozen(low_kw), frozen(high_kw)

    @cached_property
    def _by_name(self) -> Mapping[str, Mapping[float, tuple[float, float]]]:
        """The limits ``(low, high)`` by microgrid and by seconds since 1970."""
        table = Results(self._folder).table("prices")
        found: dict[str, dict[float, tuple[float, float]]] = {}
        for name, rows in table.groupby("microgrid", sort=True):
            low_kw, high_kw = (-rows.import_limit_kw).tolist(), rows.export_limit_kw.tolist()
            instants = [time.timestamp() for time in rows.time]
            found[str(name)] = dict(zip(instants, zip(low_kw, high_kw, strict=True), strict=True))
        return found

"""The feeder of a run: what was measured where."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from mmgsim.errors import ResultsError
from mmgsim.network import FeederLayout, read_layout
from mmgsim.plots.view import RunView

__all__ = ["FeederView"]

_MOST_FRAMES = 170
_MOST_VALUES = 40_000
"""Of the map: so many moments, and so many voltages and loadings in all of them."""


class FeederView:
    """The feeder of a run: where things are, and what was measured there.

    Parameters
    ----------
    view : RunView
        The run.
    layout : FeederLayout or None
        Where things are; read from the run's folder if it is not given.

    Raises
    ------
    NothingToDrawError
        If the run has no network.
    ResultsError
        If network.json is missing or cannot be read.
    """

    def __init__(self, view: RunView, layout: FeederLayout | None = None) -> None:
        view.check_has_network()
        self.view = view
        self.layout = _read(view.run.folder / "network.json") if layout is None else layout

    @cached_property
    def vm_pu(self) -> pd.DataFrame:
        """Voltages: one row a step, one column a bus. [pu]"""
        return self.view.frame("buses").pivot_table(
            index="time", columns="bus", values="vm_pu", dropna=False
        )

    @cached_property
    def loading_percent(self) -> pd.DataFrame:
        """Loading: one row a step, one column a line. [%]"""
        return self.view.frame("lines").pivot_table(
            index="time", columns="line", values="loading_percent", dropna=False
        )

    @cached_property
    def limits_pu(self) -> tuple[float, float]:
        """Lowest and highest voltage allowed. [pu]"""
        network = self.view.run.scenario["network"]
        return float(network["v_min_pu"]), float(network["v_max_pu"])

    @cached_property
    def microgrid_bus(self) -> Mapping[str, int]:
        """Bus of every microgrid."""
        return {m["name"]: int(m["bus"]) for m in self.view.run.scenario["microgrids"]}

    @cached_property
    def tightness(self) -> pd.Series:
        """How near the nearest limit every step came: 1 is at the limit."""
        low_pu, high_pu = self.limits_pu
        middle_pu, half_pu = (low_pu + high_pu) / 2.0, (high_pu - low_pu) / 2.0
        # The source's bus is left out where others are: its voltage is set, and tells nothing.
        others = self.vm_pu.drop(columns=list(self.layout.sources), errors="ignore")
        voltages = others if others.shape[1] else self.vm_pu
        by_voltage = ((voltages - middle_pu).abs() / half_pu).max(axis=1)
        by_loading = self.loading_percent.max(axis=1) / 100.0
        return pd.concat([by_voltage, by_loading], axis=1).max(axis=1).fillna(np.inf)

    @cached_property
    def tightest_step(self) -> int:
        """The step that came nearest to a limit, by its place in the run."""
        return int(self.tightness.to_numpy().argmax())

    def moments(self) -> list[int]:
        """Give the steps that the map shows: all, or even ones and the tightest."""
        steps = len(self.vm_pu)
        size = self.vm_pu.shape[1] + self.loading_percent.shape[1]
        most = max(min(_MOST_FRAMES, _MOST_VALUES // size), 2)
        if steps <= most:
            return list(range(steps))
        even = np.linspace(0, steps - 1, most - 1).round().astype(int).tolist()
        return sorted({*even, self.tightest_step})


def _read(file: Path) -> FeederLayout:
    try:
        return read_layout(file)
    except (OSError, ValueError) as error:
        raise ResultsError(f"{file} cannot be read: {error}") from error

"""What microgrids knew of the steps ahead at some gates, as rows of a table."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

from mmgsim.engine.outlook import SeenOutlook

__all__ = ["OutlookRows"]

_SHARES = (0.05, 0.25, 0.75, 0.95)
_QUARTER_H = 6


class OutlookRows:
    """The rows of `outlooks`: the first gate of every quarter of a local day has some."""

    def __init__(self) -> None:
        # Not carried from day to day: another day is another quarter.
        self._last: tuple[date, int] | None = None

    def of_gate(self, model: Any) -> Iterator[tuple[Any, ...]]:
        """Give what all microgrids of a model know at a gate, if its rows are wanted."""
        local = model.clock.local_now
        quarter = (local.date(), local.hour // _QUARTER_H)
        if not model.futures.is_uncertain or quarter == self._last:
            return
        self._last = quarter
        for agent in model.microgrids:
            yield from _rows(model.clock.now, agent.name, agent.view.outlook)


def _rows(now: datetime, microgrid: str, outlook: SeenOutlook) -> Iterator[tuple[Any, ...]]:
    """Give mean and quantiles of every uncertain device of a microgrid over its window. [kW]"""
    bounds_kw = [outlook.quantile_kw(share) for share in _SHARES]
    for device, expected_kw in outlook.expected_kw().items():
        of_device = [bound_kw[device].tolist() for bound_kw in bounds_kw]
        for offset, values in enumerate(zip(expected_kw.tolist(), *of_device, strict=True)):
            yield (now, microgrid, device, offset, *values)

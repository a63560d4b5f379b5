"""The DNO that comes with mmgsim: it cuts connection limits where the network needs it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from mmgsim.contracts import (
    ACCEPTED,
    Accepted,
    Envelope,
    FloatArray,
    Message,
    OperatorView,
    Plan,
    Tariff,
    frozen,
)
from mmgsim.errors import ContractError
from mmgsim.subproblems import least_cut, limit_rows

__all__ = ["StandardOperator"]


class StandardOperator:
    """Publishes the scenario's tariff and the largest safe envelopes.

    Every microgrid may use its whole envelope, whatever the others do in theirs: the linearised
    network around the background alone keeps all its limits. A limit that the background breaks
    by itself cannot be kept by anybody's cut and is left to be reported; where keeping a limit
    would take more, every connection still has `least_share` of its own.

    Parameters
    ----------
    least_share : float
        Part of each connection limit that is never cut, in [0, 1].
    """

    reviews = False

    def __init__(self, *, least_share: float = 0.5) -> None:
        if not 0.0 <= least_share <= 1.0:
            raise ValueError(f"least_share is in [0, 1], not {least_share}")
        self.least_share = least_share
        self._cuts: dict[int, tuple[FloatArray, FloatArray]] = {}

    def publish(self, view: OperatorView) -> tuple[Tariff, Mapping[str, Envelope]]:
        """Give the tariff and the largest safe envelopes."""
        low_kw = np.array([-member.import_limit_kw for member in view.members])
        high_kw = np.array([member.export_limit_kw for member in view.members])
        limits = []
        for offset in range(view.window.steps):
            point = view.network[offset] if view.network else None
            step = view.window.first_step + offset
            if point is None:
                limits.append((low_kw, high_kw))
                continue
            if step not in self._cuts:
                # The background is known ahead: a step's cut is the same in every window.
                self._cuts.pop(step - 2 * view.window.steps, None)
                rows = limit_rows(point).kept_at_zero()
                self._cuts[step] = least_cut(
                    rows, low_kw, high_kw, least_share=self.least_share, step=step
                )
            limits.append(self._cuts[step])
        lows, highs = (np.stack(side) for side in zip(*limits, strict=True))
        envelopes = {
            member.name: Envelope(
                microgrid=member.name,
                window=view.window,
                import_limit_kw=frozen(-lows[:, column]),
                export_limit_kw=frozen(highs[:, column]),
            )
            for column, member in enumerate(view.members)
        }
        return view.tariff, envelopes

    def answer(self, view: OperatorView, message: Message) -> Message:
        """Answer nothing yet: no mechanism that comes with mmgsim asks the DNO."""
        del view
        raise ContractError("the DNO", [f"does not answer {type(message).__name__}"])

    def review(
        self, view: OperatorView, plans: Mapping[str, Plan]
    ) -> Accepted | Mapping[str, Envelope]:
        """Accept every plan: a limit that breaks in execution is reported as a violation."""
        del view, plans
        return ACCEPTED

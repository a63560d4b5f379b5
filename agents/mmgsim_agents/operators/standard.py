"""The DNO that comes with mmgsim: it cuts connection limits where the network needs it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from mmgsim.contracts import (
    ACCEPTED,
    Accepted,
    Envelope,
    FloatArray,
    GrantQuery,
    LinearisedStep,
    Message,
    NetworkQuery,
    OperatorView,
    Plan,
    Tariff,
    frozen,
)
from mmgsim.errors import ContractError
from mmgsim.scenario import Scenario
from mmgsim.subproblems import (
    REFUSAL_PER_KWH,
    Granting,
    LimitRows,
    halfway_limits,
    least_cut,
    limit_rows,
    network_rows,
    repaired_limits,
)
from mmgsim.tables import RecordedEnvelopes

__all__ = ["StandardOperator"]

Limits = tuple[FloatArray, FloatArray]


class StandardOperator:
    """Publishes the scenario's tariff and the largest safe envelopes, and repairs plans.

    Every microgrid may use its whole envelope, whatever the others do in theirs: the linearised
    network around the background alone keeps all its limits. A limit that the background breaks
    by itself cannot be kept by anybody's cut and is left to be reported; where keeping a limit
    would take more, every connection still has `least_share` of its own.

    Where plans break a limit in the AC power flow, the envelopes of those who load it are cut
    from their planned exchange (`mmgsim.subproblems.repair`); a step without any power flow is
    brought half-way back to the background.

    Parameters
    ----------
    least_share : float
        Part of each connection limit that publishing never cuts, in [0, 1].
    repair_share : float
        Part of each connection limit that a review never cuts, in [0, 1]; 0 lets it cut down to
        zero exchange.
    envelopes_from : str or None
        Folder of a finished run of the same microgrids, seen from the scenario's folder or from the
        working directory. Where it covers a step, no limit is above
        the one that was binding there, in every window, and reviews leave the step alone: so
        coordinations are compared on the same envelopes.
    refusal_per_kwh : float
        Penalty of the DNO's own problem on what microgrids request and it does not grant, where a
        coordination asks for grants; above any gain from refusing. [currency/kWh]
    background_spread : float
        Share by which the background may draw less or more than is known ahead, from 0 to below 1:
        what is published keeps the limits at both ends too. Reviews, answers about the network and
        grants reckon with what is known.
    """

    reviews = True
    answers: frozenset[type[Message]] = frozenset({GrantQuery, NetworkQuery})
    path_options = ("envelopes_from",)

    def __init__(
        self,
        *,
        least_share: float = 0.5,
        repair_share: float = 0.0,
        envelopes_from: str | None = None,
        refusal_per_kwh: float = REFUSAL_PER_KWH,
        background_spread: float = 0.0,
    ) -> None:
        for name, share in (("least_share", least_share), ("repair_share", repair_share)):
            if not 0.0 <= share <= 1.0:
                raise ValueError(f"{name} is in [0, 1], not {share}")
        if not refusal_per_kwh >= 0.0:
            raise ValueError(f"refusal_per_kwh is 0 or more, not {refusal_per_kwh}")
        if not 0.0 <= background_spread < 1.0:
            raise ValueError(f"background_spread is from 0 to below 1, not {background_spread}")
        self._granting = Granting(refusal_per_kwh)
        self.least_share = least_share
        self.repair_share = repair_share
        self.background_spread = background_spread
        self._record = None if envelopes_from is None else RecordedEnvelopes(Path(envelopes_from))
        self._cuts: dict[int, tuple[LinearisedStep | None, Limits]] = {}

    def reset(self) -> None:
        """Keep the cuts: each was found on its own, and would be the same again."""
        self._granting.reset()

    def scenario_faults(self, scenario: Scenario) -> Iterator[tuple[str, str, str]]:
        """Give option, fault and cure of whatever does not fit the scenario."""
        if self._record is not None:
            names = [microgrid.name for microgrid in scenario.microgrids]
            for what, cure in self._record.faults(names, scenario.step_h):
                yield "envelopes_from", what, cure

    def publish(self, view: OperatorView) -> tuple[Tariff, Mapping[str, Envelope]]:
        """Give the tariff and the largest safe envelopes."""
        limits = [self._safe(view, offset) for offset in range(view.window.steps)]
        if self._record is not None:
            names = [member.name for member in view.members]
            for offset, time in enumerate(view.window.times()):
                recorded = self._record.at(time, names)
                if recorded is not None:
                    (low_kw, high_kw), (least_kw, most_kw) = limits[offset], recorded
                    limits[offset] = np.maximum(low_kw, least_kw), np.minimum(high_kw, most_kw)
        return view.tariff, _envelopes(view, limits)

    def answer(self, view: OperatorView, message: Message) -> Message:
        """Grant what the network carries of requests, or tell which limits a pattern breaks."""
        if isinstance(message, GrantQuery):
            return self._granting.grant(view, message)
        if not isinstance(message, NetworkQuery):
            raise ContractError("the DNO", [f"does not answer {type(message).__name__}"])
        if not view.network:
            raise ContractError("the DNO", ["has no network to be asked about"])
        names = tuple(member.name for member in view.members)
        # A step without a power flow is led back by what is known around the background.
        points = [
            around if around is not None else background
            for around, background in zip(view.network, view.background, strict=True)
        ]
        return network_rows(message, points, names)

    def review(
        self, view: OperatorView, plans: Mapping[str, Plan]
    ) -> Accepted | Mapping[str, Envelope]:
        """Cut the envelopes of the steps whose plans break a limit; accept if there is no use."""
        if not any(view.violations):
            return ACCEPTED
        plan_kw = np.stack([plans[member.name].exchange_kw for member in view.members], axis=1)
        names, times = [member.name for member in view.members], view.window.times()
        limits = _limits(view)
        for offset, broken in enumerate(view.violations):
            is_free = self._record is None or self._record.at(times[offset], names) is None
            if broken and is_free:
                limits[offset] = self._repaired(view, offset, limits[offset], plan_kw[offset])
        return _envelopes(view, limits)

    def _safe(self, view: OperatorView, offset: int) -> Limits:
        """Give the limits of a step that keep the network whatever anybody does within them."""
        step = view.window.first_step + offset
        point = view.background[offset] if view.background else None
        # The background is known ahead: the cut of a step is the same in every window, until
        # something happens to the network.
        if step not in self._cuts or self._cuts[step][0] is not point:
            self._cuts.pop(step - 2 * view.window.steps, None)
            limits = _connections(view, 1.0)
            if point is not None:
                ends = [end[offset] for end in view.background_ends]
                points = [point, *(end for end in ends if end is not None)]
                rows = LimitRows.joined([limit_rows(one).kept_at_zero() for one in points])
                limits = least_cut(rows, *limits, least_share=self.least_share, step=step)
            self._cuts[step] = point, limits
        return self._cuts[step][1]

    def _repaired(
        self, view: OperatorView, offset: int, limits: Limits, plan_kw: FloatArray
    ) -> Limits:
        """Give the limits of one step after a review, never above those before."""
        least, point = _connections(view, self.repair_share), view.network[offset]
        if point is not None:
            step = view.window.first_step + offset
            return repaired_limits(limit_rows(point), limits, plan_kw, least=least, step=step)
        if view.background[offset] is None:
            return limits
        return halfway_limits(limits, plan_kw, least=least)


def _connections(view: OperatorView, share: float) -> Limits:
    """Give a share of what the connections can carry, as limits of the exchange. [kW]"""
    low_kw = [-share * member.import_limit_kw for member in view.members]
    return np.array(low_kw), np.array([share * member.export_limit_kw for member in view.members])


def _limits(view: OperatorView) -> list[Limits]:
    """Give what binds now, step by step, as limits of the exchange. [kW]"""
    bound = [view.envelopes[member.name] for member in view.members]
    low_kw = np.stack([-envelope.import_limit_kw for envelope in bound], axis=1)
    high_kw = np.stack([envelope.export_limit_kw for envelope in bound], axis=1)
    return list(zip(low_kw, high_kw, strict=True))


def _envelopes(view: OperatorView, limits: list[Limits]) -> dict[str, Envelope]:
    lows, highs = (np.stack(side) for side in zip(*limits, strict=True))
    return {
        member.name: Envelope(
            microgrid=member.name,
            window=view.window,
            import_limit_kw=frozen(-lows[:, column]),
            export_limit_kw=frozen(highs[:, column]),
        )
        for column, member in enumerate(view.members)
    }

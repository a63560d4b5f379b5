"""The network of the steps ahead, as the DNO knows it now: background, events, power flows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from mmgsim.contracts import Envelope, FloatArray, LinearisedStep, Member, Window, frozen
from mmgsim.engine import Condition, Conditions, MultiMicrogridModel
from mmgsim.network import (
    Feeder,
    FeederChange,
    FeederState,
    FeederTree,
    JoinedPoints,
    PlannedPoints,
    linearise_many,
)

__all__ = ["NetworkOutlook", "Points"]

Points = PlannedPoints | JoinedPoints


class NetworkOutlook:
    """Looks ahead from the model's clock.

    Parameters
    ----------
    model : MultiMicrogridModel
        Whose clock, events and background these are.
    members : sequence of Member
        The microgrids' connections; the feeder may have further ones, of the DNO itself.
    feeder : Feeder or None
        The network as usual, if there is one.
    """

    def __init__(
        self, model: MultiMicrogridModel, members: Sequence[Member], feeder: Feeder | None
    ) -> None:
        self._model, self._feeder = model, feeder
        self._members = tuple(members)
        self._all = self._members if feeder is None else feeder.members
        self._conditions = Conditions(model.timeline, feeder)
        self._background: dict[int, dict[tuple[Condition, float], LinearisedStep | None]] = {}

    # ------------------------------------------------------------------ now
    @property
    def state(self) -> FeederState:
        """The feeder of this step.

        Raises
        ------
        ValueError
            If there is no network.
        """
        return self._conditions.feeder(self._known(self._model.clock.step))

    @property
    def usual_tree(self) -> FeederTree | None:
        """The feeder without any event to optimise on; None without a network, or with loops."""
        return self._tree(frozenset())

    @property
    def tree(self) -> FeederTree | None:
        """The same with the lines out that are out in this step, at its usual ratings."""
        return self._tree(self._known(self._model.clock.step).change.lines_out)

    def _tree(self, lines_out: frozenset[int]) -> FeederTree | None:
        if self._feeder is None:
            return None
        return self._conditions.feeder(Condition(FeederChange(lines_out), frozenset())).tree

    @property
    def joined(self) -> FloatArray:
        """0 for every connection that is islanded in this step, 1 for the others."""
        return self._joined(self._known(self._model.clock.step))

    @property
    def flags(self) -> tuple[str, ...]:
        """What happens in this step."""
        return self._conditions.flags(self._model.clock.step)

    def _known(self, step: int) -> Condition:
        """Give what is different in a step, as far as it is known now."""
        return self._conditions.of(step, at=self._model.clock.step)

    def _joined(self, condition: Condition) -> FloatArray:
        return np.array([float(m.name not in condition.islanded) for m in self._all])

    # ------------------------------------------------------------------ ahead
    def without_islands(
        self, envelopes: Mapping[str, Envelope], window: Window
    ) -> Mapping[str, Envelope]:
        """Cut envelopes to zero in the steps in which their microgrid is known to be islanded."""
        islanded = [self._known(step).islanded for step in _steps(window)]
        if not any(islanded):
            return envelopes
        joined = {name: np.array([name not in names for names in islanded]) for name in envelopes}
        return {
            name: replace(
                envelope,
                import_limit_kw=frozen(np.where(joined[name], envelope.import_limit_kw, 0.0)),
                export_limit_kw=frozen(np.where(joined[name], envelope.export_limit_kw, 0.0)),
            )
            for name, envelope in envelopes.items()
        }

    def demand(self, window: Window) -> tuple[FloatArray, FloatArray] | None:
        """Give the background demand at the buses of the tree, (buses, steps). [kW], [kvar]"""
        if self.tree is None:
            return None
        demand_kw, demand_kvar = self.tree.background_kw(self._shares(window))
        return frozen(demand_kw), frozen(demand_kvar)

    def rating_share(self, window: Window) -> FloatArray | None:
        """Give what current limits are over their usual values, as far as it is known now.

        Returns
        -------
        (lines + trafos, steps) array or None
            None without a network.
        """
        if self._feeder is None:
            return None
        share = np.ones((len(self._feeder.lines) + len(self._feeder.trafos), window.steps))
        for position, step in enumerate(_steps(window)):
            for line, factor in self._known(step).change.ratings:
                share[self._feeder.lines.index(line), position] = factor
        return frozen(share)

    def around(self, exchange_kw: FloatArray, window: Window) -> Points | None:
        """Run the AC power flow of a window at once; None without a network.

        Parameters
        ----------
        exchange_kw : (steps, connections) array
            Of the microgrids, then of the DNO's own. [kW]
        window : Window
            The steps.
        """
        if self._feeder is None:
            return None
        share, count = self._shares(window), len(self._members)
        exchange_kw = exchange_kw.copy()
        positions: dict[FeederState, list[int]] = {}
        for position, step in enumerate(_steps(window)):
            condition = self._known(step)
            exchange_kw[position] *= self._joined(condition)
            positions.setdefault(self._conditions.feeder(condition), []).append(position)
        parts = [
            (at, PlannedPoints(one.feeder, one.sweep, share[at], exchange_kw[at], members=count))
            for one, at in positions.items()
        ]
        return parts[0][1] if len(parts) == 1 else JoinedPoints(parts)

    def background(self, window: Window, times: float = 1.0) -> tuple[LinearisedStep | None, ...]:
        """Linearise around the background alone, or a multiple of it; empty without a network."""
        if self._feeder is None:
            return ()
        return tuple(self._at_background(step, times) for step in _steps(window))

    def _at_background(self, step: int, times: float) -> LinearisedStep | None:
        """Linearise a step; it is known ahead, so once for every condition."""
        condition = self._known(step)
        if step not in self._background:
            self._background.pop(step - 2 * self._model.clock.horizon, None)
            self._background[step] = {}
        found, key = self._background[step], (condition, times)
        if key not in found:
            share = times * self._model.background_share(step)
            nothing = np.zeros((1, len(self._all)))
            feeder = self._conditions.feeder(condition).feeder
            point = linearise_many(feeder, share[None], nothing)[0]
            found[key] = None if point is None else self._seen_from(point.step(), condition)
        return found[key]

    def _seen_from(self, point: LinearisedStep, condition: Condition) -> LinearisedStep:
        """Give a point as functions of the microgrids alone; who is islanded moves nothing."""
        point = point.of_first(len(self._members))
        if not condition.islanded:
            return point
        joined = self._joined(condition)[: len(self._members)]
        return replace(
            point,
            voltage_per_kw=frozen(joined * point.voltage_per_kw),
            current_per_kw=frozen(joined * point.current_per_kw),
            loss_per_kw=frozen(joined * point.loss_per_kw),
        )

    def _shares(self, window: Window) -> FloatArray:
        """Give the profile values of the background over a window."""
        return np.array([self._model.background_share(step) for step in _steps(window)])


def _steps(window: Window) -> range:
    return range(window.first_step, window.first_step + window.steps)

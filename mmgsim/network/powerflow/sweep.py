"""The fast power flow: a backward-forward sweep where it can be used, pandapower elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmgsim.contracts import FloatArray, frozen
from mmgsim.network.feeder import Feeder
from mmgsim.network.grid import RadialPoints
from mmgsim.network.powerflow.flow import Flow, join_flows
from mmgsim.network.powerflow.reference import LADDER, PandapowerFlow
from mmgsim.network.powerflow.verdict import checked_points, status_of, violations
from mmgsim.network.radial import RadialNet, radial_obstacles

__all__ = ["SweepFlow", "is_sweepable"]

_KW_PER_MW = 1e3


def is_sweepable(feeder: Feeder) -> tuple[str, ...]:
    """Give the reasons why the sweep cannot solve a feeder; empty: it can.

    It can if the feeder is a tree of lines without capacitance, on one voltage level, with one
    ext_grid, all buses supplied, and loads, sgens and storages only; the loads follow one profile.
    """
    own = ("its elements follow profiles of their own",) if feeder.follows.has_names else ()
    return (*own, *radial_obstacles(feeder.net))


class SweepFlow:
    """Solves all points at once by a sweep; gives what `PandapowerFlow` gives, to 1e-8 pu.

    Points at which the sweep does not converge go to `PandapowerFlow`, with its ladder for
    failures, and so do all points of a feeder that `is_sweepable` has reasons against.

    Parameters
    ----------
    feeder : Feeder
        Not changed.
    ladder : sequence of float
        Of the `PandapowerFlow`.

    Attributes
    ----------
    reasons : tuple of str
        Why the sweep is not used; empty if it is.
    """

    def __init__(self, feeder: Feeder, *, ladder: Sequence[float] = LADDER) -> None:
        self.feeder = feeder
        self._ladder = tuple(ladder)
        self.reasons = is_sweepable(feeder)

    @cached_property
    def _reference(self) -> PandapowerFlow:
        return PandapowerFlow(self.feeder, ladder=self._ladder)

    def solve(self, background: FloatArray, exchange_kw: FloatArray, q_kvar: FloatArray) -> Flow:
        """Solve every point on its own; see `mmgsim.network.PowerFlow`."""
        given = checked_points(self.feeder, background, exchange_kw, q_kvar)
        radial = self.feeder.radial
        if radial is None:
            return self._reference.solve(*given)
        points = radial.solve(*given)
        good, bad = np.flatnonzero(points.is_solved), np.flatnonzero(~points.is_solved)
        swept = _flow(self.feeder, radial, points.only_solved(), given[1][good])
        if not len(bad):
            return swept
        share, p_kw, q_kvar = (values[bad] for values in given)
        both = join_flows([swept, self._reference.solve(share, p_kw, q_kvar)])
        return _reordered(both, np.argsort(np.concatenate([good, bad])))


def _flow(feeder: Feeder, radial: RadialNet, points: RadialPoints, exchange_kw: FloatArray) -> Flow:
    """Give the results of points that have all converged."""
    base_kw = radial.base_mva * _KW_PER_MW
    vm_pu = np.abs(points.v_pu)
    i_ka, p_from_kw, line_loss_kw = _line_results(feeder, radial, points)
    loading, no_trafos = 100.0 * i_ka / feeder.line_max_ka, np.zeros((len(vm_pu), 0))
    slack = radial.v_slack_pu * np.conj(points.current_pu[:, radial.root]) * base_kw
    power = points.power_pu * base_kw
    power[:, radial.root] -= slack
    flags = violations(feeder.limits, vm_pu, loading, no_trafos)
    nothing = np.zeros(len(vm_pu))
    return Flow(
        status=tuple(status_of(of_point, 0.0) for of_point in flags),
        flags=tuple(flags),
        vm_pu=frozen(vm_pu),
        p_kw=frozen(power.real),
        q_kvar=frozen(power.imag),
        loading_percent=frozen(loading),
        i_ka=frozen(i_ka),
        p_from_kw=frozen(p_from_kw),
        line_loss_kw=frozen(line_loss_kw),
        trafo_loading_percent=frozen(no_trafos),
        exchange_kw=frozen(exchange_kw),
        loss_kw=frozen(line_loss_kw.sum(axis=1)),
        slack_p_kw=frozen(slack.real),
        slack_q_kvar=frozen(slack.imag),
        unserved_kw=frozen(nothing),
        served_share=frozen(nothing + 1.0),
    )


def _line_results(
    feeder: Feeder, radial: RadialNet, points: RadialPoints
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Give current, power into the first bus, and loss of all lines; zero where one is open.

    ``P = Re(V conj(I))`` at that bus, ``L = r |I|^2``. [kA], [kW], [kW]
    """
    base_kw = radial.base_mva * _KW_PER_MW
    current_pu = points.current_pu[:, radial.child]
    first = np.where(radial.is_reversed, radial.child, radial.parent)
    sign = np.where(radial.is_reversed, -1.0, 1.0)
    size_pu = np.abs(current_pu)
    of_branches = (
        size_pu * radial.base_ka,
        sign * np.real(points.v_pu[:, first] * np.conj(current_pu)) * base_kw,
        radial.z_pu.real * size_pu**2 * base_kw,
    )
    of_lines = np.zeros((3, len(points.v_pu), len(feeder.lines)))
    for of_line, of_branch in zip(of_lines, of_branches, strict=True):
        of_line[:, radial.line] = of_branch
    return of_lines[0], of_lines[1], of_lines[2]


def _reordered(flow: Flow, order: NDArray[np.int64]) -> Flow:
    """Give the points of a flow in another order."""
    moved: dict[str, Any] = {}
    for field in fields(Flow):
        values = getattr(flow, field.name)
        if isinstance(values, tuple):
            moved[field.name] = tuple(values[k] for k in order)
        else:
            moved[field.name] = frozen(values[order])
    return Flow(**moved)

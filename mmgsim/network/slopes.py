r"""Exact changes of voltages and currents at AC points of a radial feeder.

By implicit differentiation of ``V + Z (conj(S / V) + Y V) = V_r`` (see `mmgsim.network.grid`):

    ``dV - B conj(dV) = -Z' conj(dS / V)``,  ``B = Z' diag(conj(S / V^2))``,
    ``Z' = (1 + Z Y)^-1 Z``,

a real system of twice the number of buses per point, solved for the wanted columns only.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mmgsim.network.grid import RadialGrid

__all__ = ["RadialSystem"]

_KW_PER_MW = 1e3

ComplexArray = NDArray[np.complex128]
IntArray = NDArray[np.int64]


class RadialSystem:
    """The equations of a radial feeder on all buses but the slack's, in the order of branches.

    Parameters
    ----------
    radial : RadialGrid
        The feeder.
    buses : (columns,) int array
        Positions of the buses at which power is sent out; at the slack it moves nothing.
    sent : sequence of complex
        Directions: 1 for active power, 1j for reactive power.
    """

    def __init__(self, radial: RadialGrid, buses: IntArray, *, sent: Sequence[complex]) -> None:
        self._radial = radial
        feeds = radial.downstream[:, radial.child]
        z_pu: ComplexArray = feeds.T @ (radial.z_pu[:, None] * feeds)
        self._y_pu = radial.y_pu[radial.child]
        if self._y_pu.any():
            coupled = np.eye(len(z_pu)) + z_pu * self._y_pu
            z_pu = np.asarray(np.linalg.solve(coupled, z_pu), dtype=np.complex128)
        self._z_pu = z_pu
        branch_of = np.full(len(radial.child) + 1, -1)
        branch_of[radial.child] = np.arange(len(radial.child))
        self._of_column = np.tile(branch_of[buses], len(sent))
        per_kw_pu = np.where(self._of_column >= 0, 1.0 / (radial.base_mva * _KW_PER_MW), 0.0)
        # What is sent out is drawn the less.
        self._conj_ds = -np.conj(np.repeat(sent, len(buses))) * per_kw_pu
        self._behind = [
            (k, int(branch_of[parent])) for k, parent in enumerate(radial.parent.tolist())
        ]

    def changes(self, power_pu: ComplexArray, v_pu: ComplexArray) -> tuple[ComplexArray, ...]:
        """Give the changes of voltages and currents at solved points.

        The drawn currents change by ``dJ = conj(dS / V) - conj(S / V^2) conj(dV) + Y dV`` and
        the currents of the branches by the sum of it over the buses behind them.

        Parameters
        ----------
        power_pu, v_pu : (points, buses) complex arrays
            As in `RadialPoints`.

        Returns
        -------
        dv, di : (points, branches, directions * columns) complex arrays
            Of the bus at the end of a branch and of the branch, by one kW (kvar) sent out at each
            bus, for the first direction, then for the next. [pu/kW], [pu/kvar]
        """
        child, at = self._radial.child, self._of_column
        if not len(child):  # the slack alone
            nothing: ComplexArray = np.zeros((len(v_pu), 0, len(at)), dtype=np.complex128)
            return nothing, nothing
        v = v_pu[:, child]
        pull = np.conj(power_pu[:, child] / v**2)
        # Each column draws at one bus only, so that `Z' conj(dS / V)` is a column of `Z'`.
        direct = self._conj_ds / np.conj(v[:, at])
        dv = _solve_conjugate(
            self._z_pu * pull[:, None, :], -self._z_pu[:, at] * direct[:, None, :]
        )
        di = self._y_pu[:, None] * dv - pull[:, :, None] * np.conj(dv)
        di[:, at, np.arange(len(at))] += direct
        for branch, feeding in reversed(self._behind):
            if feeding >= 0:
                di[:, feeding] += di[:, branch]
        return dv, di


def _solve_conjugate(b: ComplexArray, right: ComplexArray) -> ComplexArray:
    """Solve ``x - B conj(x) = r`` for every point.

    With ``x = u + j w`` it is ``[[1 - Re B, -Im B], [-Im B, 1 + Re B]] [u; w] = [Re r; Im r]``.

    Parameters
    ----------
    b : (points, n, n) complex array
        ``B``.
    right : (points, n, columns) complex array
        ``r``.
    """
    n = b.shape[-1]
    system = np.empty((len(b), 2 * n, 2 * n))
    system[:, :n, :n], system[:, :n, n:] = -b.real, -b.imag
    system[:, n:, :n], system[:, n:, n:] = -b.imag, b.real
    system += np.eye(2 * n)
    solution = np.linalg.solve(system, np.concatenate([right.real, right.imag], axis=1))
    return np.asarray(solution[:, :n] + 1j * solution[:, n:])

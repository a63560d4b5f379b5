r"""Exact changes of voltages and currents at AC points of a radial feeder.

By implicit differentiation of ``V + Z (conj(S / V) + Y V) = V_r`` (see `mmgsim.network.grid`):

    ``dV - B conj(dV) = -Z' conj(dS / V)``,  ``B = Z' diag(conj(S / V^2))``,
    ``Z' = (1 + Z Y)^-1 Z``,

a real system of twice the number of buses per point, solved for the wanted columns only.
"""

from __future__ import annotations

from typing import Any

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
    """

    def __init__(self, radial: RadialGrid, buses: IntArray) -> None:
        self._radial = radial
        self._feeds = radial.downstream[:, radial.child]
        z_pu: ComplexArray = self._feeds.T @ (radial.z_pu[:, None] * self._feeds)
        self._y_pu = radial.y_pu[radial.child]
        if self._y_pu.any():
            coupled = np.eye(len(z_pu)) + z_pu * self._y_pu
            z_pu = np.asarray(np.linalg.solve(coupled, z_pu), dtype=np.complex128)
        self._z_pu = z_pu
        # One kW sent out is dS = -1, one kvar is dS = -j.
        is_at = (radial.child[:, None] == buses).astype(np.float64)
        self._conj_ds = np.hstack([-is_at, 1j * is_at]) / (radial.base_mva * _KW_PER_MW)

    def changes(self, power_pu: ComplexArray, v_pu: ComplexArray) -> tuple[ComplexArray, ...]:
        """Give the changes of voltages and currents at solved points.

        The drawn currents change by ``dJ = conj(dS / V) - conj(S / V^2) conj(dV) + Y dV`` and
        the currents of the branches by ``dI = D dJ``.

        Parameters
        ----------
        power_pu, v_pu : (points, buses) complex arrays
            As in `RadialPoints`.

        Returns
        -------
        dv, di : (points, branches, 2 * columns) complex arrays
            Of the bus at the end of a branch and of the branch, by one kW sent out at each bus,
            then by one kvar. [pu/kW], [pu/kvar]
        """
        child = self._radial.child
        v = v_pu[:, child]
        pull = np.conj(power_pu[:, child] / v**2)
        direct = np.asarray(self._conj_ds / np.conj(v)[:, :, None], dtype=np.complex128)
        dv = _solve_conjugate(self._z_pu * pull[:, None, :], -_each(self._z_pu, direct))
        drawn = direct - pull[:, :, None] * np.conj(dv) + self._y_pu[:, None] * dv
        di = _each(self._feeds, drawn)
        return dv, di


def _each(matrix: Any, columns: ComplexArray) -> ComplexArray:
    """Give ``matrix @ columns`` of every point.

    Written out, as BLAS would wake its threads for each of many small products: on a busy machine
    that took 0.8 s for a day, against 0.02 s.
    """
    return np.asarray(np.einsum("bc,pcn->pbn", matrix, columns))


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

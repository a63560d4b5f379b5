r"""Exact derivatives at many AC points, and losses along a ray of them.

On a radial feeder they come from the voltages of the sweep (see `mmgsim.network.slopes`). Other
feeders, and points at which the sweep fails, are linearised one by one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mmgsim.contracts import FloatArray, frozen
from mmgsim.network.feeder import Feeder
from mmgsim.network.grid import RadialPoints
from mmgsim.network.radial import RadialNet
from mmgsim.network.sensitivities import NO_CURRENT_PU, Linearisation, linearise
from mmgsim.network.slopes import RadialSystem

__all__ = ["linearise_many", "losses_along_ray"]

_KW_PER_MW = 1e3
_POINTS_AT_ONCE = 64
"""Bounds the memory for the systems, which are dense."""

ComplexArray = NDArray[np.complex128]


def linearise_many(
    feeder: Feeder,
    background: FloatArray,
    exchange_kw: FloatArray,
    *,
    power_factor: Sequence[float] | FloatArray | None = None,
) -> list[Linearisation | None]:
    """Linearise the feeder around many operating points; as `linearise`, but faster.

    Parameters
    ----------
    feeder : Feeder
        Network, members and limits.
    background : (points,) or (points, profiles) array
        Profile values of the background, as in `PowerFlow.solve`.
    exchange_kw : (points, members) array
        Positive when power leaves the microgrid. [kW]
    power_factor : (members,) array or None
        ``q = p tan(acos(pf))``; the members' own by default.

    Returns
    -------
    list of (Linearisation or None)
        One per point; None where the power flow does not converge.

    Raises
    ------
    ValueError
        If the shapes do not fit or a number is not finite.
    """
    share, p_kw = np.asarray(background, np.float64), np.asarray(exchange_kw, np.float64)
    is_row = feeder.follows.is_row(share)
    if not is_row or p_kw.shape != (len(share), len(feeder.members)):
        due, shapes = feeder.follows.shape_due, f"{share.shape}, {p_kw.shape}"
        raise ValueError(f"need {due}, (points, {len(feeder.members)}); got {shapes}")
    if not (np.isfinite(share).all() and np.isfinite(p_kw).all()):
        raise ValueError("background and exchange_kw must be finite")
    tan_phi = feeder.tan_phi(power_factor)
    found: dict[int, Linearisation] = {}
    radial = feeder.radial
    if radial is not None:
        points = radial.solve(share, p_kw, p_kw * tan_phi)
        good = np.flatnonzero(points.is_solved)
        batches = _swept(_System(feeder, radial), points.only_solved())
        each = ((slopes, k) for slopes in batches for k in range(len(slopes.loss_kw)))
        for point, (slopes, k) in zip(good.tolist(), each, strict=True):
            found[point] = _linearisation(feeder, slopes, k, p_kw[point], tan_phi)
    return [
        found[k] if k in found else linearise(feeder, s, x, power_factor=power_factor)
        for k, (s, x) in enumerate(zip(share, p_kw, strict=True))
    ]


def losses_along_ray(
    feeder: Feeder,
    background: float | FloatArray,
    exchange_kw: FloatArray,
    *,
    nodes: Sequence[float] | FloatArray,
    power_factor: Sequence[float] | FloatArray | None = None,
) -> tuple[FloatArray, FloatArray]:
    """Give losses and marginal losses on the way from zero exchange to `exchange_kw`.

    The Aumann-Shapley share of member ``i`` is ``x_i * integral_0^1 dL/dx_i(t x) dt``; the shares
    add up to ``L(x) - L(0)``. With quadrature weights ``w_k`` for the nodes ``t_k`` it is
    ``x_i * sum_k w_k * loss_per_kw[k, i]``.

    R. J. Aumann and L. S. Shapley, "Values of Non-Atomic Games", Princeton University Press, 1974.

    Parameters
    ----------
    feeder, background, exchange_kw, power_factor
        As in `linearise`.
    nodes : (nodes,) array
        Parts of the way, from 0 to 1.

    Returns
    -------
    loss_kw : (nodes,) array
        All losses at ``t * exchange_kw``. [kW]
    loss_per_kw : (nodes, members) array
        Their derivative by each exchange. [kW/kW]
        Rows of nodes that do not converge are NaN.
    """
    parts = np.asarray(nodes, dtype=np.float64)
    ray_kw = parts[:, None] * np.asarray(exchange_kw, dtype=np.float64)
    share = np.stack([np.asarray(background, dtype=np.float64)] * len(parts))
    loss_kw = np.full(len(parts), np.nan)
    loss_per_kw = np.full((len(parts), len(feeder.members)), np.nan)
    for k, point in enumerate(linearise_many(feeder, share, ray_kw, power_factor=power_factor)):
        if point is not None:
            loss_kw[k], loss_per_kw[k] = point.loss_kw, point.loss_per_kw
    return frozen(loss_kw), frozen(loss_per_kw)


# ------------------------------------------------------------------------------------- details
def _swept(system: _System, points: RadialPoints) -> Iterator[_Slopes]:
    """Give values and derivatives at points that have all converged, some points at a time."""
    for start in range(0, len(points.v_pu), _POINTS_AT_ONCE):
        of = slice(start, start + _POINTS_AT_ONCE)
        yield system.slopes(points.power_pu[of], points.v_pu[of], points.current_pu[of])


@dataclass(frozen=True, slots=True, eq=False)
class _Slopes:
    """Values at a batch of points, and derivatives by active and by reactive power.

    The first axis is `points`; that of derivatives by one kW (kvar) of each member, the last one,
    is twice `members`: by active power, then by reactive power.
    """

    voltage_pu: FloatArray
    current_ka: FloatArray
    loss_kw: FloatArray
    voltage: FloatArray
    current: FloatArray
    loss: FloatArray


def _linearisation(
    feeder: Feeder, slopes: _Slopes, k: int, exchange_kw: FloatArray, tan_phi: FloatArray
) -> Linearisation:
    count = len(tan_phi)

    def following(by: FloatArray) -> FloatArray:
        return frozen(by[..., :count] + by[..., count:] * tan_phi)

    return Linearisation(
        exchange_kw=frozen(exchange_kw),
        voltage_pu=frozen(slopes.voltage_pu[k]),
        voltage_per_kw=following(slopes.voltage[k]),
        voltage_per_p_kw=frozen(slopes.voltage[k, :, :count]),
        voltage_per_q_kvar=frozen(slopes.voltage[k, :, count:]),
        voltage_min_pu=feeder.limits.v_min_pu,
        voltage_max_pu=feeder.limits.v_max_pu,
        current_ka=frozen(slopes.current_ka[k]),
        current_per_kw=following(slopes.current[k]),
        current_max_ka=frozen(feeder.line_max_ka),
        loss_kw=float(slopes.loss_kw[k]),
        loss_per_kw=following(slopes.loss[k]),
    )


class _System:
    """Derivatives at points of a radial feeder by the microgrids' exchanges."""

    def __init__(self, feeder: Feeder, radial: RadialNet) -> None:
        self._radial = radial
        self._size = (len(feeder.buses), len(feeder.lines))
        self._system = RadialSystem(radial, radial.member_bus, sent=(1.0, 1.0j))

    def slopes(self, power_pu: ComplexArray, v_pu: ComplexArray, current: ComplexArray) -> _Slopes:
        """Give values and derivatives at solved points; arguments as in `RadialPoints`.

        The losses ``sum r |I|^2`` change by ``2 sum r Re(conj(I) dI)``.
        """
        radial, child = self._radial, self._radial.child
        v, i = v_pu[:, child], current[:, child]
        dv, di = self._system.changes(power_pu, v_pu)
        size = np.abs(i)
        direction = np.where(size > NO_CURRENT_PU, np.conj(i) / np.maximum(size, 1e-300), 0.0)
        along = np.real(direction[:, :, None] * di)
        base_kw = radial.base_mva * _KW_PER_MW
        resistance = radial.z_pu.real
        buses, lines = self._size
        return _Slopes(
            voltage_pu=np.abs(v_pu),
            current_ka=_spread(size * radial.base_ka, radial.line, lines),
            loss_kw=(resistance * size**2).sum(axis=1) * base_kw,
            voltage=_spread(np.real((np.conj(v) / np.abs(v))[:, :, None] * dv), child, buses),
            current=_spread(along * radial.base_ka, radial.line, lines),
            loss=2.0 * base_kw * np.einsum("pb,pbm->pm", resistance * size, along),
        )


def _spread(of_branches: FloatArray, position: NDArray[np.int64], count: int) -> FloatArray:
    """Give values of branches at their places among all buses, or lines; zero elsewhere."""
    spread = np.zeros((len(of_branches), count, *of_branches.shape[2:]))
    spread[:, position] = of_branches
    return spread

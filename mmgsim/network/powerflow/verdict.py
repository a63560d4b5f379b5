"""What every power flow does alike: check its input, and judge what it has found."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from mmgsim.contracts import FloatArray
from mmgsim.network.feeder import Feeder, FeederLimits
from mmgsim.network.powerflow.flow import FlowStatus

__all__ = ["checked_points", "status_of", "violations"]

_V_TOLERANCE_PU = 1e-6
_LOADING_TOLERANCE_PERCENT = 1e-4
_EMERGENCY_PU = 0.8


def checked_points(
    feeder: Feeder, background: ArrayLike, exchange_kw: ArrayLike, q_kvar: ArrayLike
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Give the input of `PowerFlow.solve` as arrays of floats.

    Raises
    ------
    ValueError
        If the shapes do not fit or a number is not finite.
    """
    share, members = np.asarray(background, dtype=np.float64), len(feeder.members)
    powers = [np.asarray(given, dtype=np.float64) for given in (exchange_kw, q_kvar)]
    wanted = (len(share) if feeder.follows.is_row(share) else -1, members)
    if any(power.shape != wanted for power in powers):
        shapes = ", ".join(str(given.shape) for given in (share, *powers))
        due = feeder.follows.shape_due
        raise ValueError(f"need {due}, (points, {members}), (points, {members}); got {shapes}")
    if not all(np.isfinite(given).all() for given in (share, *powers)):
        raise ValueError("background, exchange_kw and q_kvar must be finite")
    return share, powers[0], powers[1]


def violations(
    limits: FeederLimits, vm_pu: FloatArray, loading: FloatArray, trafo_loading: FloatArray
) -> list[tuple[str, ...]]:
    """Give the flags of broken limits, point by point; see `Flow`.

    Parameters
    ----------
    limits : FeederLimits
        Of all buses.
    vm_pu : (points, buses) array
        NaN without supply, which breaks no limit. [pu]
    loading, trafo_loading : (points, lines) array, (points, trafos) array
        Current against rating. [%]
    """
    most = 100.0 + _LOADING_TOLERANCE_PERCENT
    found = {
        "undervoltage": vm_pu < limits.v_min_pu - _V_TOLERANCE_PU,
        "overvoltage": vm_pu > limits.v_max_pu + _V_TOLERANCE_PU,
        "line_overload": loading > most,
        "trafo_overload": trafo_loading > most,
        "emergency": vm_pu < _EMERGENCY_PU,
    }
    rows = np.stack([where.any(axis=1) for where in found.values()], axis=1).tolist()
    return [
        tuple(flag for flag, is_broken in zip(found, row, strict=True) if is_broken) for row in rows
    ]


def status_of(flags: Sequence[str], unserved_kw: float) -> FlowStatus:
    """Give the status that belongs to the flags of a point and to what was not served there."""
    if any(flag.startswith("relaxed:") for flag in flags):
        return FlowStatus.NOT_CONVERGED
    if unserved_kw > 0.0 or any(flag.startswith("unsupplied:") for flag in flags):
        return FlowStatus.UNSUPPLIED
    return FlowStatus.VIOLATIONS if flags else FlowStatus.OK

r"""Exact derivatives of voltages, currents and losses at an AC point of the feeder.

At a solution of the power flow ``S(V) = s``, with ``S(V) = V conj(Y V)``, a small change of the
injections moves the voltages by ``J dx = ds``: the Newton Jacobian, once more, at the solution.
Everything else follows by the chain rule. This holds for meshed nets, transformers, PV generators
and joined buses alike. Derivatives of complex quantities as in R. D. Zimmerman, "AC power flows,
generalized OPF costs and their derivatives using complex matrix notation", MATPOWER Technical
Note 2, 2010, doi:10.5281/zenodo.3237866.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.linalg import splu

from mmgsim.contracts import FloatArray, LinearisedStep, frozen
from mmgsim.network.acpoint import AcSolver, Admittance, read_admittance
from mmgsim.network.feeder import Feeder

__all__ = ["NO_CURRENT_PU", "Linearisation", "linearise", "linearise_at"]

_KW_PER_MW = 1e3
NO_CURRENT_PU = 1e-12
"""Below this, a current is rounding and has no direction."""

ComplexArray = NDArray[np.complex128]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Linearisation:
    """The network around one AC point; see `mmgsim.contracts.LinearisedStep`.

    Branches are the feeder's lines, then its two-winding transformers (three-winding ones have no
    row). The current of a branch is that of the end with the higher loading; it is not
    differentiable at 0, where the derivative is given as 0: a subgradient, so that a tangent stays
    below the true current. Buses without supply have NaN voltage and zero derivatives.

    Parameters
    ----------
    exchange_kw : (members,) array
        Exchange at the AC point, positive when power leaves the microgrid. [kW]
    voltage_pu : (buses,) array
        Voltage magnitude. [pu]
    voltage_per_kw : (buses, members) array
        Its derivative, reactive power following at the power factor. [pu/kW]
    voltage_per_p_kw, voltage_per_q_kvar : (buses, members) array
        Its derivatives by active and by reactive power alone. [pu/kW], [pu/kvar]
    voltage_min_pu, voltage_max_pu : float
        Limits. [pu]
    current_ka : (branches,) array
        Current magnitude. [kA]
    current_per_kw : (branches, members) array
        Its derivative, reactive power following. [kA/kW]
    current_max_ka : (branches,) array
        Limits; infinite where a branch has no rating. [kA]
    loss_kw : float
        All losses, as in `Flow`. [kW]
    loss_per_kw : (members,) array
        Their derivative by the exchange, reactive power following: negative where sending out one
        more kW relieves the feeder. [kW/kW]
    """

    exchange_kw: FloatArray
    voltage_pu: FloatArray
    voltage_per_kw: FloatArray
    voltage_per_p_kw: FloatArray
    voltage_per_q_kvar: FloatArray
    voltage_min_pu: float
    voltage_max_pu: float
    current_ka: FloatArray
    current_per_kw: FloatArray
    current_max_ka: FloatArray
    loss_kw: float
    loss_per_kw: FloatArray

    def step(self) -> LinearisedStep:
        """Give the contract's form of it; rows of buses without supply are left out."""
        is_live = ~np.isnan(self.voltage_pu)
        return LinearisedStep(
            exchange_kw=self.exchange_kw,
            voltage_pu=frozen(self.voltage_pu[is_live]),
            voltage_per_kw=frozen(self.voltage_per_kw[is_live]),
            voltage_min_pu=self.voltage_min_pu,
            voltage_max_pu=self.voltage_max_pu,
            current_ka=self.current_ka,
            current_per_kw=self.current_per_kw,
            current_max_ka=self.current_max_ka,
            loss_kw=self.loss_kw,
            loss_per_kw=self.loss_per_kw,
        )


def linearise(
    feeder: Feeder,
    background: float | FloatArray,
    exchange_kw: FloatArray,
    *,
    power_factor: Sequence[float] | FloatArray | None = None,
) -> Linearisation | None:
    """Solve one AC point and linearise the feeder around it; costs one power flow.

    Parameters
    ----------
    feeder : Feeder
        Network, members and limits.
    background : float or (profiles,) array
        Profile value of the background, or values where its elements follow their own.
    exchange_kw : (members,) array
        Positive when power leaves the microgrid. [kW]
    power_factor : (members,) array or None
        ``q = p tan(acos(pf))``; the members' own by default.

    Returns
    -------
    Linearisation or None
        None if the power flow does not converge.

    Raises
    ------
    ValueError
        If there is not one finite exchange per member.
    """
    exchange_kw = np.asarray(exchange_kw, dtype=np.float64)
    if exchange_kw.shape != (len(feeder.members),) or not np.isfinite(exchange_kw).all():
        raise ValueError(f"need {len(feeder.members)} finite exchanges, got {exchange_kw}")
    tan_phi = feeder.tan_phi(power_factor)
    if not feeder.solver.solve(background, exchange_kw, exchange_kw * tan_phi):
        return None
    return linearise_at(feeder, feeder.solver, exchange_kw, power_factor=power_factor)


def linearise_at(
    feeder: Feeder,
    solver: AcSolver,
    exchange_kw: FloatArray,
    *,
    power_factor: Sequence[float] | FloatArray | None = None,
) -> Linearisation:
    """Linearise the feeder around the point that `solver` has solved last, without solving again.

    Parameters
    ----------
    feeder : Feeder
        That the solver belongs to.
    solver : AcSolver
        `Feeder.solver`, or that of a `PandapowerFlow`, after a point that converged.
    exchange_kw : (members,) array
        Of that point. [kW]
    power_factor : (members,) array or None
        How reactive power follows; the members' own by default.

    Raises
    ------
    ValueError
        If the last point of the solver did not converge.
    """
    if not solver.net.converged:
        raise ValueError("the last point of the solver did not converge")
    tan_phi = feeder.tan_phi(power_factor)
    slopes = _slopes(feeder, solver)
    by_p, by_q = slopes.by_p, slopes.by_q
    return Linearisation(
        exchange_kw=frozen(exchange_kw),
        voltage_pu=frozen(solver.net.res_bus.vm_pu),
        voltage_per_kw=frozen(by_p.voltage + by_q.voltage * tan_phi),
        voltage_per_p_kw=frozen(by_p.voltage),
        voltage_per_q_kvar=frozen(by_q.voltage),
        voltage_min_pu=feeder.limits.v_min_pu,
        voltage_max_pu=feeder.limits.v_max_pu,
        current_ka=frozen(slopes.current_ka),
        current_per_kw=frozen(by_p.current + by_q.current * tan_phi),
        current_max_ka=frozen(slopes.current_max_ka),
        loss_kw=_loss_kw(solver),
        loss_per_kw=frozen(by_p.loss + by_q.loss * tan_phi),
    )


# ------------------------------------------------------------------------------------- details
@dataclass(frozen=True, slots=True, eq=False)
class _Slope:
    """Derivatives by one kW (kvar) sent out by each member; the last axis is `members`."""

    voltage: FloatArray
    current: FloatArray
    loss: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class _Slopes:
    """Branch currents and limits [kA], and all derivatives by active and reactive power."""

    current_ka: FloatArray
    current_max_ka: FloatArray
    by_p: _Slope
    by_q: _Slope


def _loss_kw(solver: AcSolver) -> float:
    """Give all losses: the opposite of what all buses consume, sources counted negative. [kW]"""
    return float(-np.nansum(solver.net.res_bus.p_mw.to_numpy(dtype=np.float64)) * _KW_PER_MW)


def _slopes(feeder: Feeder, solver: AcSolver) -> _Slopes:
    limits_ka = feeder.ends_max_ka
    system = read_admittance(solver.net)
    if system is None:
        count = len(feeder.members)
        none = _Slope(
            np.zeros((len(feeder.buses), count)), np.zeros((len(limits_ka), count)), np.zeros(count)
        )
        return _Slopes(np.zeros(len(limits_ka)), limits_ka.min(axis=1), none, none)
    member_bus = feeder.net.bus.index.get_indexer([member.bus for member in feeder.members])
    members = system.node_of_bus[member_bus]
    dv_p, dv_q = _voltage_changes(system, members)
    ends = _Ends(system, limits_ka)
    return _Slopes(
        ends.current_ka,
        ends.current_max_ka,
        *(
            _Slope(_magnitude_changes(system, dv), ends.changes(dv), _loss_changes(system, dv))
            for dv in (dv_p, dv_q)
        ),
    )


def _voltage_changes(
    system: Admittance, members: NDArray[np.int64]
) -> tuple[ComplexArray, ComplexArray]:
    """Solve ``J dx = ds`` for one kW, and for one kvar, sent out at each member's node.

    ``dS/dVa = j diag(V) conj(diag(I) - Y diag(V))``,
    ``dS/d|V| = diag(V) conj(Y diag(V/|V|)) + conj(diag(I)) diag(V/|V|)``.

    Returns
    -------
    dv_p, dv_q : (nodes, members) complex array
        Change of the complex voltages; zero for a member without supply. [pu/kW], [pu/kvar]
    """
    v, y = system.v_pu, system.y_bus
    unit = v / np.abs(v)
    i_diag, v_diag = sparse.diags(y @ v), sparse.diags(v)
    ds_angle = (1j * v_diag @ (i_diag - y @ v_diag).conjugate()).tocsr()
    ds_size = (
        v_diag @ (y @ sparse.diags(unit)).conjugate() + i_diag.conjugate() @ sparse.diags(unit)
    ).tocsr()
    free, pq = np.concatenate([system.pv, system.pq]), system.pq
    jacobian = sparse.bmat(
        [
            [ds_angle[free][:, free].real, ds_size[free][:, pq].real],
            [ds_angle[pq][:, free].imag, ds_size[pq][:, pq].imag],
        ],
        format="csc",
    )
    count = len(members)
    change = np.zeros((len(free) + len(pq), 2 * count))
    per_kw_pu = 1.0 / (system.base_mva * _KW_PER_MW)
    # At the slack nothing moves; at a PV node the generator takes up the reactive power.
    change[: len(free), :count] = (free[:, None] == members) * per_kw_pu
    change[len(free) :, count:] = (pq[:, None] == members) * per_kw_pu
    solution = splu(jacobian).solve(change) if count else change
    dv = np.zeros((len(v), 2 * count), dtype=np.complex128)
    dv[free] += 1j * v[free, None] * solution[: len(free)]
    dv[pq] += unit[pq, None] * solution[len(free) :]
    return dv[:, :count], dv[:, count:]


def _magnitude_changes(system: Admittance, dv: ComplexArray) -> FloatArray:
    """Give ``d|V| = Re(conj(V) dV) / |V|`` at the buses; zero without supply. [pu/kW]"""
    v = system.v_pu
    at_nodes = np.real(np.conj(v)[:, None] * dv) / np.abs(v)[:, None]
    is_live = system.node_of_bus >= 0
    return np.where(is_live[:, None], at_nodes[system.node_of_bus], 0.0)


def _loss_changes(system: Admittance, dv: ComplexArray) -> FloatArray:
    """Give the change of all losses. [kW/kW]

    ``L = sum Re(V conj(Y V)) - sum g |V|^2``: what goes in at all nodes, the slack included, and
    is not drawn by a shunt.
    """
    v, y = system.v_pu, system.y_bus
    injected = np.real(np.conj(y @ v) @ dv + v @ np.conj(y @ dv))
    shunts = 2.0 * (system.shunt_pu.real * np.conj(v)) @ dv
    return np.asarray((injected - np.real(shunts)) * system.base_mva * _KW_PER_MW)


class _Ends:
    """Currents at the more loaded end of every branch."""

    def __init__(self, system: Admittance, limits_ka: FloatArray) -> None:
        self._row = system.row_of_branch
        self._y = (system.y_from, system.y_to)
        self._base_ka = (system.base_from_ka, system.base_to_ka)
        self._i_pu = [y @ system.v_pu for y in self._y]
        pairs = zip(self._i_pu, self._base_ka, strict=True)
        both_ka = np.stack([self._at_branches(np.abs(i) * base) for i, base in pairs], axis=1)
        # Both ends of an unrated line have the same limit, which therefore must not be divided by.
        weight = np.where(np.isfinite(limits_ka), limits_ka, 1.0)
        self._end = np.argmax(both_ka / weight, axis=1)
        branch = np.arange(len(limits_ka))
        self.current_ka = both_ka[branch, self._end]
        self.current_max_ka = limits_ka[branch, self._end]

    def _at_branches(self, at_rows: FloatArray) -> FloatArray:
        """Give values of internal rows at all branches; zero out of service."""
        at_branches = at_rows[self._row]
        at_branches[self._row < 0] = 0.0
        return at_branches

    def changes(self, dv: ComplexArray) -> FloatArray:
        """Give ``d|I| = Re(conj(I) dI) / |I|`` with ``dI = y dV``; zero where I is 0. [kA/kW]"""
        both = []
        for y, i_pu, base_ka in zip(self._y, self._i_pu, self._base_ka, strict=True):
            size = np.abs(i_pu)
            direction = np.where(size > NO_CURRENT_PU, np.conj(i_pu) / np.maximum(size, 1e-300), 0)
            both.append(
                self._at_branches(np.real(direction[:, None] * (y @ dv)) * base_ka[:, None])
            )
        return np.where(self._end[:, None] == 0, both[0], both[1])

"""One AC point of the feeder: pandapower's Newton power flow, and what it leaves behind.

All calls of `runpp` and all use of pandapower's private fields are in this module.
"""

from __future__ import annotations

import copy
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandapower as pp
from numpy.typing import NDArray
from pandapower.pypower.idx_brch import SHIFT, TAP
from pandapower.pypower.idx_bus import BASE_KV, BS, GS

from mmgsim.contracts import FloatArray
from mmgsim.network.follows import Follows

__all__ = ["AcSolver", "Admittance", "read_admittance"]

_KW_PER_MW = 1e3
_TRIES: tuple[tuple[str | int, float], ...] = (("auto", 1e-10), (50, 1e-8))
"""Newton's iterations and the mismatch per bus at which it stops [MVA].

pandapower's own tolerance, 1e-8, left up to 5e-4 kW of imbalance in the cases tried; 1e-10 costs
at most one iteration more and closes balances to 1e-6 kW. The second try is for slow points, and
for nets that rounding keeps from the tighter tolerance.
"""

IntArray = NDArray[np.int64]
ComplexArray = NDArray[np.complex128]


class AcSolver:
    """Solves single AC points on a copy of its own of a feeder's net.

    Every point starts from scratch, so that no point depends on the one before: a failed power
    flow leaves NaN results behind, from which a warm start never recovers. The start is flat; on
    nets with phase-shifting transformers it is pandapower's DC start, as flat angles are then far
    from any solution.

    Parameters
    ----------
    net : pandapowerNet
        With the background at profile value 1. Copied.
    member_sgens : sequence of int
        Labels of the sgens that carry the microgrids' exchanges.
    follows : Follows or None
        Which profile each element follows; by default all loads the one and only.

    Attributes
    ----------
    net : pandapowerNet
        Holds the results of the last point that was solved.
    """

    def __init__(
        self, net: Any, member_sgens: Sequence[int], follows: Follows | None = None
    ) -> None:
        self.net = copy.deepcopy(net)
        self._follows = follows or Follows.loads_only(self.net)
        self._nominal = {
            (table, column): self.net[table][column].to_numpy(dtype=np.float64, copy=True)
            for table, column in self._follows.columns
        }
        self._members = self.net.sgen.index.get_indexer(list(member_sgens))
        self._start = "dc" if _has_phase_shift(self.net) else "flat"

    def solve(self, share: float | FloatArray, exchange_kw: FloatArray, q_kvar: FloatArray) -> bool:
        """Solve one point (one power flow, a second if the first fails); say if it converged.

        Parameters
        ----------
        share : float or (profiles,) array
            Profile values of the background.
        exchange_kw, q_kvar : (members,) array
            Positive when power leaves the microgrid. [kW], [kvar]
        """
        self._set_point(share, exchange_kw, q_kvar)
        return any(self._runpp(iterations, tolerance) for iterations, tolerance in _TRIES)

    def _runpp(self, max_iteration: str | int, tolerance_mva: float) -> bool:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            # A diverging iteration overflows or meets a singular Jacobian on its way; that it
            # failed is told by the result. The deprecation is about pandapower's stored nets.
            warnings.simplefilter("ignore", RuntimeWarning)
            warnings.filterwarnings("ignore", "Matrix is exactly singular")
            warnings.filterwarnings("ignore", "tap_dependency_table is missing", DeprecationWarning)
            try:
                pp.runpp(
                    self.net,
                    algorithm="nr",
                    init=self._start,
                    calculate_voltage_angles=True,
                    max_iteration=max_iteration,
                    tolerance_mva=tolerance_mva,
                    check_connectivity=True,
                    lightsim2grid=False,
                    numba=False,
                )
            except pp.LoadflowNotConverged:
                return False
        return bool(self.net.converged)

    def _set_point(
        self, share: float | FloatArray, exchange_kw: FloatArray, q_kvar: FloatArray
    ) -> None:
        sent = {"p_mw": exchange_kw, "q_mvar": q_kvar}
        for (table, column), nominal in self._nominal.items():
            values = nominal * self._follows.factors(table, column, share)
            if table == "sgen" and len(self._members):
                values[self._members] = np.asarray(sent[column]) / _KW_PER_MW
            self.net[table][column] = values


def _has_phase_shift(net: Any) -> bool:
    tables = ((net.trafo, ("shift_degree",)), (net.trafo3w, ("shift_mv_degree", "shift_lv_degree")))
    return any(
        bool((table[name].fillna(0.0) != 0.0).any())
        for table, names in tables
        for name in names
        if name in table
    )


@dataclass(frozen=True, slots=True, eq=False)
class Admittance:
    """The equations of the last AC point, in per unit, on pandapower's internal nodes.

    A node is one or several buses joined by closed switches. Buses without supply and branches
    out of service have none: their position is -1.

    Parameters
    ----------
    v_pu : (nodes,) complex array
        Solution. [pu]
    y_bus, y_from, y_to : sparse matrices
        Node and branch admittances: ``i = y_bus v``, ``i_from = y_from v``. [pu]
    shunt_pu : (nodes,) complex array
        Admittance of shunts; what its conductance draws is consumption, not loss. [pu]
    ends : (rows, 2) int array
        Nodes of the branches.
    ratio : (rows,) complex array
        Of the ideal transformer at the first end of each branch: voltage before over behind it.
    pq, pv : (...) int arrays
        Nodes where voltage, or its angle only, is unknown.
    node_of_bus : (buses,) int array
        In the order of the net's bus table.
    row_of_branch : (lines + trafos,) int array
        Rows of `y_from` and `y_to`, in the order of the net's tables.
    base_mva : float
        Base power. [MVA]
    base_from_ka, base_to_ka : (rows,) array
        Base current at both ends. [kA]
    """

    v_pu: ComplexArray
    y_bus: Any
    y_from: Any
    y_to: Any
    shunt_pu: ComplexArray
    ends: IntArray
    ratio: ComplexArray
    pq: IntArray
    pv: IntArray
    node_of_bus: IntArray
    row_of_branch: IntArray
    base_mva: float
    base_from_ka: FloatArray
    base_to_ka: FloatArray


def read_admittance(net: Any) -> Admittance | None:
    """Give the equations of the point that was solved last; None if only the slack is supplied.

    The one place that reads pandapower's private fields `_ppc["internal"]` and `_pd2ppc_lookups`;
    tried with pandapower 3.5.6.
    """
    internal = net._ppc["internal"]
    if "V" not in internal:  # pandapower skips Newton where there is nothing to solve
        return None
    bus, branch = internal["bus"], internal["branch"]
    base_mva = float(internal["baseMVA"])
    ends = np.real(branch[:, :2]).astype(np.int64)
    base_ka = base_mva / (np.sqrt(3.0) * np.real(bus[:, BASE_KV]))
    node_of_bus = net._pd2ppc_lookups["bus"][net.bus.index.to_numpy()]
    return Admittance(
        v_pu=np.asarray(internal["V"], dtype=np.complex128),
        y_bus=internal["Ybus"],
        y_from=internal["Yf"],
        y_to=internal["Yt"],
        shunt_pu=(np.real(bus[:, GS]) + 1j * np.real(bus[:, BS])) / base_mva,
        ends=ends,
        ratio=_ratio(np.real(branch[:, TAP]), np.real(branch[:, SHIFT])),
        pq=np.asarray(internal["pq"], dtype=np.int64),
        pv=np.asarray(internal["pv"], dtype=np.int64),
        node_of_bus=np.where(node_of_bus < len(bus), node_of_bus, -1).astype(np.int64),
        row_of_branch=_row_of_branch(net, internal["branch_is"]),
        base_mva=base_mva,
        base_from_ka=base_ka[ends[:, 0]],
        base_to_ka=base_ka[ends[:, 1]],
    )


def _ratio(tap: FloatArray, shift_degree: FloatArray) -> ComplexArray:
    """Give complex ratios; a tap of 0 stands for no transformer."""
    return np.where(tap == 0.0, 1.0, tap) * np.exp(1j * np.deg2rad(shift_degree))


def _row_of_branch(net: Any, is_in_service: NDArray[np.bool_]) -> IntArray:
    """Give the internal row of every line, then of every transformer; -1 if out of service."""
    rows = np.where(is_in_service, np.cumsum(is_in_service) - 1, -1).astype(np.int64)
    places = net._pd2ppc_lookups["branch"]
    parts = [rows[slice(*places[kind])] for kind in ("line", "trafo") if kind in places]
    return np.concatenate(parts) if parts else np.zeros(0, dtype=np.int64)

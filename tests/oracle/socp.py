"""The oracle: the DNO's day as a second-order cone programme, written by hand for Clarabel.

It reads pandapower's branches on its own and shares no line with the problem of mmgsim: ratios
stand where they are, lines that are open at one end keep it, and a rating is a cone on the power at
an end. Only the offers and the series are the same data.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandapower as pp
from pandapower.pypower.idx_brch import BR_B, BR_G, BR_R, BR_X, TAP
from pandapower.pypower.idx_bus import BASE_KV
from scipy import sparse

PENALTY = 0.01
"""Of a lost kWh, as a share of the mean price."""


@dataclass
class Cones:
    """``min c x`` with rows ``a x = b``, ``a x <= b``, and cones ``l v >= p^2 + q^2``."""

    cost: list[float] = field(default_factory=list)
    equal: list[tuple[dict[int, float], float]] = field(default_factory=list)
    below: list[tuple[dict[int, float], float]] = field(default_factory=list)
    cones: list[tuple[int, int, int, int]] = field(default_factory=list)

    def add(self, cost=0.0, low=None, high=None):
        place = len(self.cost)
        self.cost.append(cost)
        if low is not None:
            self.below.append(({place: -1.0}, -low))
        if high is not None:
            self.below.append(({place: 1.0}, high))
        return place

    def solve(self):
        """Give the optimal value and the solution."""
        import clarabel

        n, m = len(self.cost), len(self.equal) + len(self.below)
        rows, columns, values = [], [], []
        right = [b for _, b in (*self.equal, *self.below)]
        for row, (entries, _) in enumerate((*self.equal, *self.below)):
            for column, value in entries.items():
                rows.append(row)
                columns.append(column)
                values.append(value)
        # (l + v, l - v, 2 p, 2 q) in the cone; Clarabel's slack is b - A x.
        for k, (current, volt, p, q) in enumerate(self.cones):
            at = m + 4 * k
            rows += [at, at, at + 1, at + 1, at + 2, at + 3]
            columns += [current, volt, current, volt, p, q]
            values += [-1.0, -1.0, -1.0, 1.0, -2.0, -2.0]
            right += [0.0] * 4
        kinds: list[Any] = [
            clarabel.ZeroConeT(len(self.equal)),
            clarabel.NonnegativeConeT(len(self.below)),
            *(clarabel.SecondOrderConeT(4) for _ in self.cones),
        ]
        settings = clarabel.DefaultSettings()
        settings.verbose = False
        matrix = sparse.csc_matrix((values, (rows, columns)), shape=(len(right), n))
        solver = clarabel.DefaultSolver(
            sparse.csc_matrix((n, n)),
            np.array(self.cost),
            matrix,
            np.array(right),
            kinds,
            settings,
        )
        solution = solver.solve()
        assert str(solution.status) == "Solved", solution.status
        return solution.obj_val, np.array(solution.x)


@dataclass(frozen=True)
class Answer:
    """Cost without the loss penalty, and how far the worst cone is from tight. [kW]"""

    cost: float
    fake_loss_kw: float


@dataclass(frozen=True)
class Branch:
    """A ratio before a ``pi``, whose halves are equal; ratings of both ends [pu] or None."""

    start: int
    end: int
    r: float
    x: float
    g: float
    b: float
    tap: float
    rated: tuple[float, float] | None


def read_branches(net, base):
    """Give pandapower's branches; parallel ones of the same kind as one."""
    pp.runpp(net, init="dc", calculate_voltage_angles=True, lightsim2grid=False, numba=False)
    internal = net._ppc["internal"]
    rows, kv = np.real(internal["branch"]), np.real(internal["bus"][:, BASE_KV])
    scale = base / internal["baseMVA"]
    lines, trafos = net.line, net.trafo
    own = [lines[["max_i_ka"] * 2].to_numpy() * lines[["parallel"]].to_numpy()]
    if len(trafos):
        sn = (trafos.sn_mva * trafos.parallel / np.sqrt(3)).to_numpy()[:, None]
        own.append(sn / trafos[["vn_hv_kv", "vn_lv_kv"]].to_numpy())
    limits = np.concatenate(own)[internal["branch_is"]]
    found = {}
    for row, most_ka in zip(rows, limits, strict=True):
        start, end = int(row[0]), int(row[1])
        ka = base / (np.sqrt(3) * kv[[start, end]])
        rated = tuple(most_ka / ka) if most_ka.max() < 9000.0 else None
        numbers = row[BR_R] * scale, row[BR_X] * scale, row[BR_G] / scale, row[BR_B] / scale
        one = Branch(start, end, *numbers, row[TAP] or 1.0, rated)
        if (start, end) in found:
            assert found[start, end] == one  # twins share the current in halves
            r, x, g, b = np.array(numbers) * [0.5, 0.5, 2.0, 2.0]
            one = Branch(start, end, r, x, g, b, one.tap, (2 * rated[0], 2 * rated[1]))
        found[start, end] = one
    node = dict(zip(net.bus.index, net._pd2ppc_lookups["bus"][net.bus.index], strict=True))
    return list(found.values()), {int(bus): int(n) for bus, n in node.items()}, len(kv)


def solve_day(net, of, offers, *, demand, limits, shed_per_kwh, sell_share, storage=None):
    """Solve a day on a radial net; powers in pu of 10 MVA, squared voltages in pu, steps of 1 h.

    Parameters
    ----------
    net : pandapowerNet
        With ratings.
    of : Day
        Series.
    offers : dict
        Offers by bus.
    demand : dict
        Series of kW and of kvar by bus.
    limits : pair of float
        Voltages. [pu]
    shed_per_kwh, sell_share : float
        Price of shedding; price of export as a share of that of import.
    storage : tuple or None
        Bus, least and most energy, power, start and end [kWh, kW], efficiency, wear.
    """
    base, unit = 10.0, 1e4  # MVA, kW
    branches, node, nodes = read_branches(net, base)
    root, held = node[int(net.ext_grid.bus.iloc[0])], set(node.values())
    v_root = float(net.ext_grid.vm_pu.iloc[0]) ** 2
    in_use = net.load[net.load.in_service]
    total = in_use.groupby("bus")[["p_mw", "q_mvar"]].sum()
    loads = total.groupby([node[bus] for bus in total.index]).sum()
    problem, losses, bess = Cones(), [], []
    penalty = PENALTY * np.abs(of.price_per_kwh).mean() * unit
    for t in range(len(of.price_per_kwh)):
        price = of.price_per_kwh[t] * unit
        v = [
            problem.add(low=limits[0] ** 2, high=limits[1] ** 2)
            if n in held and n != root
            else problem.add()
            for n in range(nodes)
        ]
        problem.equal.append(({v[root]: 1.0}, v_root))
        active, reactive = ([({}, 0.0) for _ in range(nodes)] for _ in range(2))
        for bus, (kw, kvar) in demand.items():
            n, p = node[bus], kw[t] / unit
            active[n], reactive[n] = (active[n][0], p), (reactive[n][0], kvar[t] / unit)
            if n in loads.index and loads.p_mw[n] > 0.0:
                shed = problem.add(cost=shed_per_kwh * unit, low=0.0, high=max(p, 0.0))
                active[n][0][shed] = 1.0
                reactive[n][0][shed] = loads.q_mvar[n] / loads.p_mw[n]
        active[root][0][problem.add(cost=price, low=0.0)] = 1.0
        active[root][0][problem.add(cost=-sell_share * price, low=0.0)] = -1.0
        reactive[root][0][problem.add()] = 1.0
        for bus, one in offers.items():
            _offer(problem, (active[node[bus]][0], reactive[node[bus]][0]), one, t, unit)
        if storage is not None:
            at = (node[storage[0]], *storage[1:])
            bess.append(_store(problem, active, at, base, t, len(of.price_per_kwh), bess))
        for branch, is_away in _oriented(branches, root):
            lost = _branch(problem, (active, reactive), v, branch, is_away, penalty)
            losses.append(lost)
        problem.equal += [*active, *reactive]
    value, at = problem.solve()
    fake = [rk * (at[c] - (at[p] ** 2 + at[q] ** 2) / at[w]) for rk, c, w, p, q in losses]
    spent = sum(penalty * rk * at[c] for rk, c, *_ in losses)
    return Answer(value - spent, float(np.max(fake)) * unit)


def _oriented(branches, root):
    """Give each branch, and whether its start is the end closer to the slack."""
    seen, left, found = {root}, list(branches), []
    while left:
        near = [b for b in left if b.start in seen or b.end in seen]
        assert near
        found += [(b, b.start in seen) for b in near]
        seen |= {n for b in near for n in (b.start, b.end)}
        left = [b for b in left if b not in near]
    return found


def _offer(problem, balances, one, t, unit):
    active, reactive = balances
    for kw, per_kwh in zip(one.export_kw[:, t], one.export_per_kwh[:, t], strict=True):
        active[problem.add(cost=per_kwh * unit, low=0.0, high=kw / unit)] = 1.0
    for kw, per_kwh in zip(one.import_kw[:, t], one.import_per_kwh[:, t], strict=True):
        active[problem.add(cost=-per_kwh * unit, low=0.0, high=kw / unit)] = -1.0
    q = problem.add(low=one.q_min_kvar[t] / unit, high=one.q_max_kvar[t] / unit)
    reactive[q] = 1.0


def _branch(problem, balances, v, branch, is_away, penalty):
    """Add a branch: squared voltages at both sides of its series, flows, losses, ratings."""
    r, x = branch.r, branch.x
    p, q = problem.add(), problem.add()
    current = problem.add(cost=penalty * r)
    w = {end: problem.add() for end in ("start", "end")}  # behind the ratio, on both sides
    problem.equal.append(({w["start"]: branch.tap**2, v[branch.start]: -1.0}, 0.0))
    problem.equal.append(({w["end"]: 1.0, v[branch.end]: -1.0}, 0.0))
    near, far = ("start", "end") if is_away else ("end", "start")
    drop = {w[far]: 1.0, w[near]: -1.0, p: 2.0 * r, q: 2.0 * x, current: -(r**2 + x**2)}
    problem.equal.append((drop, 0.0))
    problem.cones.append((current, w[near], p, q))
    half_g, half_b = branch.g / 2.0, branch.b / 2.0
    for end, sign, lost in ((near, 1.0, 0.0), (far, -1.0, 1.0)):
        # What leaves the bus into the branch here: away from the slack, less what is lost, and
        # what the half at this end draws.
        out_p = {p: sign, current: -sign * lost * r, w[end]: half_g}
        out_q = {q: sign, current: -sign * lost * x, w[end]: -half_b}
        bus = getattr(branch, end)
        for balance, out in zip(balances, (out_p, out_q), strict=True):
            for place, value in out.items():
                balance[bus][0][place] = balance[bus][0].get(place, 0.0) - value
        if branch.rated is not None:
            most = problem.add()
            problem.equal.append(({most: 1.0}, branch.rated[end == "end"] ** 2))
            power = []
            for out in (out_p, out_q):
                power.append(problem.add())
                problem.equal.append(({**out, power[-1]: -1.0}, 0.0))
            problem.cones.append((most, v[bus], *power))
    return r, current, w[near], p, q


def _store(problem, active, storage, base, t, steps, before):
    """Add a step of a storage; give the place of its energy at the end."""
    bus, low, high, power, first, last, efficiency, wear = storage
    unit = 1e3 * base
    charge = problem.add(low=0.0, high=power / unit)
    discharge = problem.add(cost=wear * unit, low=0.0, high=power / unit)
    energy = problem.add(low=low / unit, high=high / unit)
    active[bus][0][discharge], active[bus][0][charge] = 1.0, -1.0
    row = {energy: 1.0, charge: -efficiency, discharge: 1.0 / efficiency}
    if before:
        problem.equal.append(({**row, before[-1]: -1.0}, 0.0))
    else:
        problem.equal.append((row, first / unit))
    if t == steps - 1:
        problem.equal.append(({energy: 1.0}, last / unit))
    return energy

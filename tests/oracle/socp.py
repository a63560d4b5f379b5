"""The oracle: the DNO's day as a second-order cone programme, written by hand for Clarabel.

It reads impedances and loads from the pandapower net on its own and shares no line with the
problem of mmgsim; only the offers and the series are the same data.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
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


def solve_day(net, of, offers, *, limits, shed_per_kwh, sell_share, storage=None):
    """Solve a day of case33bw; powers in MW, squared voltages in pu, hours of one hour.

    Parameters
    ----------
    net : pandapowerNet
        With ratings; radial, all tie lines out of service.
    of : Day
        Series.
    offers : dict
        Offers by bus.
    limits : pair of float
        Voltages. [pu]
    shed_per_kwh, sell_share : float
        Price of shedding; price of export as a share of that of import.
    storage : tuple or None
        Bus, least and most energy, power, start and end [kWh, kW], efficiency, wear.
    """
    base = 10.0  # MVA
    kv = float(net.bus.vn_kv.iloc[0])
    lines = net.line[net.line.in_service]
    r = (lines.r_ohm_per_km * lines.length_km).to_numpy() * base / kv**2
    x = (lines.x_ohm_per_km * lines.length_km).to_numpy() * base / kv**2
    most = lines.max_i_ka.to_numpy() / (base / (np.sqrt(3) * kv))
    start, end = lines.from_bus.to_numpy(), lines.to_bus.to_numpy()
    assert sorted(end.tolist()) == list(range(1, 33))  # in case33bw, every line leads away
    load_p = net.load.groupby("bus").p_mw.sum().reindex(range(33), fill_value=0.0).to_numpy()
    load_q = net.load.groupby("bus").q_mvar.sum().reindex(range(33), fill_value=0.0).to_numpy()
    problem, losses = Cones(), []
    penalty = PENALTY * np.abs(of.price_per_kwh).mean() * 1e3
    steps = len(of.share)
    bess = []
    for t in range(steps):
        price = of.price_per_kwh[t] * 1e3 * base
        v = [
            problem.add(low=limits[0] ** 2, high=limits[1] ** 2) if bus else problem.add()
            for bus in range(33)
        ]
        problem.equal.append(({v[0]: 1.0}, 1.0))
        active = {bus: ({}, load_p[bus] * of.share[t] / base) for bus in range(33)}
        reactive = {bus: ({}, load_q[bus] * of.share[t] / base) for bus in range(33)}
        active[0][0][problem.add(cost=price, low=0.0)] = 1.0
        active[0][0][problem.add(cost=-sell_share * price, low=0.0)] = -1.0
        reactive[0][0][problem.add()] = 1.0
        for bus in range(1, 33):
            if load_p[bus] > 0.0:
                shed = problem.add(
                    cost=shed_per_kwh * 1e3 * base, low=0.0, high=load_p[bus] * of.share[t] / base
                )
                active[bus][0][shed] = 1.0
                reactive[bus][0][shed] = load_q[bus] / load_p[bus]
        for bus, one in offers.items():
            for kw, per_kwh in zip(one.export_kw[:, t], one.export_per_kwh[:, t], strict=True):
                sent = problem.add(cost=per_kwh * 1e3 * base, low=0.0, high=kw / 1e3 / base)
                active[bus][0][sent] = 1.0
            for kw, per_kwh in zip(one.import_kw[:, t], one.import_per_kwh[:, t], strict=True):
                drawn = problem.add(cost=-per_kwh * 1e3 * base, low=0.0, high=kw / 1e3 / base)
                active[bus][0][drawn] = -1.0
            q = problem.add(low=one.q_min_kvar[t] / 1e3 / base, high=one.q_max_kvar[t] / 1e3 / base)
            reactive[bus][0][q] = 1.0
        if storage is not None:
            bess.append(_store(problem, active, storage, base, t, steps, bess))
        for k, (i, j) in enumerate(zip(start, end, strict=True)):
            p, q = problem.add(), problem.add()
            rated = most[k] < 100.0
            current = problem.add(cost=penalty * base * r[k], high=most[k] ** 2 if rated else None)
            losses.append((r[k], current, v[i], p, q))
            problem.cones.append((current, v[i], p, q))
            active[i][0][p], reactive[i][0][q] = -1.0, -1.0
            active[j][0][p], reactive[j][0][q] = 1.0, 1.0
            active[j][0][current], reactive[j][0][current] = -r[k], -x[k]
            drop = {v[j]: 1.0, v[i]: -1.0, p: 2.0 * r[k], q: 2.0 * x[k]}
            problem.equal.append(({**drop, current: -(r[k] ** 2 + x[k] ** 2)}, 0.0))
        problem.equal += [*active.values(), *reactive.values()]
    value, at = problem.solve()
    fake = [rk * (at[c] - (at[p] ** 2 + at[q] ** 2) / at[v]) for rk, c, v, p, q in losses]
    spent = sum(penalty * base * rk * at[c] for rk, c, *_ in losses)
    return Answer(value - spent, float(np.max(fake)) * base * 1e3)


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

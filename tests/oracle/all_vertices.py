"""The oracle of two-stage robust trading: every vertex of what may happen, in one MILP.

Straight for scipy, from the equations of the specification, with not a line of the product: each
vertex has its own copy of all powers, and doors are the same in all of them.
"""

from itertools import combinations, product

import numpy as np
from scipy import sparse
from scipy.optimize import Bounds, LinearConstraint, milp

MOST_KW = 200.0


def vertices(sun_kw, low_kw, budget):
    """Give every worst course of sun, (members, steps): as many cells low as the budget allows."""
    each = []
    for sun, low in zip(sun_kw, low_kw, strict=True):
        cells = np.flatnonzero(sun - low > 1e-9).tolist()
        whole = min(int(budget + 1e-9), len(cells))
        rest = budget - int(budget + 1e-9)
        courses = []
        for chosen in combinations(cells, whole):
            left = [cell for cell in cells if cell not in chosen]
            for last in left if rest > 1e-9 and left else [None]:
                course = sun.copy()
                course[list(chosen)] = low[list(chosen)]
                if last is not None:
                    course[last] -= rest * (sun[last] - low[last])
                courses.append(course)
        each.append(courses)
    return [np.array(one) for one in product(*each)]


class Sheet:
    """Columns and rows of a MILP, written down one by one."""

    def __init__(self):
        self.costs, self.low, self.high, self.whole = [], [], [], []
        self.rows, self.row_low, self.row_high = [], [], []

    def column(self, *, cost=0.0, low=0.0, high=np.inf, whole=False):
        self.costs.append(cost)
        self.low.append(low)
        self.high.append(high)
        self.whole.append(int(whole))
        return len(self.costs) - 1

    def row(self, terms, low=-np.inf, high=np.inf):
        self.rows.append(terms)
        self.row_low.append(low)
        self.row_high.append(high)

    def solve(self):
        triplets = [(v, r, c) for r, terms in enumerate(self.rows) for c, v in terms]
        values, rows, columns = zip(*triplets, strict=True)
        matrix = sparse.csr_array(
            (values, (rows, columns)), shape=(len(self.rows), len(self.costs))
        )
        found = milp(
            self.costs,
            integrality=self.whole,
            bounds=Bounds(self.low, self.high),
            constraints=LinearConstraint(matrix, self.row_low, self.row_high),
            options={"mip_rel_gap": 1e-9},
        )
        assert found.success, found.message
        return found.fun, found.x


def doors(sheet, members, steps, *, links, link_charge, grid_charge, trades=True):
    """Declare doors; give for every way its column by step, and who it leaves and enters."""
    ways = []
    for i in range(members):
        ways += [("import", None, i, grid_charge), ("export", i, None, grid_charge)]
        if trades and not links:
            ways += [("buy", None, i, link_charge / 2), ("sell", i, None, link_charge / 2)]
    if trades and links:
        ways += [
            ("link", i, j, link_charge) for i in range(members) for j in range(members) if i != j
        ]
    opened = [
        [sheet.column(cost=charge, high=1, whole=True) for _ in range(steps)] for *_, charge in ways
    ]
    for i in range(members):
        for t in range(steps):
            for out, (_, source, _, _) in enumerate(ways):
                for into, (_, _, target, _) in enumerate(ways):
                    if source == i and target == i:
                        sheet.row([(opened[out][t], 1), (opened[into][t], 1)], high=1)
    return ways, opened


def robust_cost(
    system,
    budget,
    *,
    lost,
    battery,
    miss,
    links=False,
    link_charge=0.05,
    grid_charge=0.1,
    trades=True,
):
    """Give the least worst cost of a system of `tests.support.p002`."""
    members, steps = system.load_kw.shape
    sheet = Sheet()
    later = sheet.column(cost=1.0, low=-np.inf)
    ways, opened = doors(
        sheet,
        members,
        steps,
        links=links,
        link_charge=link_charge,
        grid_charge=grid_charge,
        trades=trades,
    )
    for sun_kw in vertices(system.sun_kw, system.low_kw, budget):
        paid, levels = [], {}

        def power(price, high=np.inf, paid=paid):
            column = sheet.column(high=high)
            paid.append((column, price))
            return column

        for t in range(steps):
            price = {"import": system.buy[t], "export": -system.sell[t]}
            through = [power(price.get(way[0], 0.0)) for way in ways]
            for k, kw in enumerate(through):
                sheet.row([(kw, 1), (opened[k][t], -MOST_KW)], high=0)
            pool = {"sell": 1, "buy": -1}
            sheet.row(
                [(kw, pool[w[0]]) for kw, w in zip(through, ways, strict=True) if w[0] in pool],
                0,
                0,
            )
            for i in range(members):
                ends = [
                    (kw, (w[2] == i) * 1 - (w[1] == i) * 1)
                    for kw, w in zip(through, ways, strict=True)
                ]
                ends = [(kw, sign) for kw, sign in ends if sign]
                sheet.row(ends, -system.grid_kw[i, t], system.grid_kw[i, t])
                sun, shed = power(0.0, sun_kw[i, t]), power(lost, system.load_kw[i, t])
                lack = power(lost)
                terms = [*ends, (sun, 1), (shed, 1), (lack, 1)]
                if system.has_storage:
                    charge, give = (
                        power(0.0, battery.power_kw),
                        power(battery.wear_per_kwh, battery.power_kw),
                    )
                    terms += [(give, 1), (charge, -1)]
                    level = sheet.column(low=battery.energy_min_kwh, high=battery.energy_kwh)
                    before = [] if t == 0 else [(levels[i], -1)]
                    sheet.row(
                        [
                            (level, 1),
                            *before,
                            (charge, -battery.efficiency),
                            (give, 1 / battery.efficiency),
                        ],
                        *(2 * [6.0 if t == 0 else 0.0]),
                    )
                    levels[i] = level
                    if t == steps - 1:  # half full at the end, missed at a price
                        below, above = power(miss), power(miss)
                        half = 0.5 * battery.energy_kwh
                        sheet.row([(level, 1), (below, 1)], low=half)
                        sheet.row([(level, 1), (above, -1)], high=half)
                sheet.row(terms, system.load_kw[i, t], system.load_kw[i, t])
        sheet.row([(later, 1), *((column, -price) for column, price in paid)], low=0)
    cost, _ = sheet.solve()
    return cost

"""The rule compiled by numba: candidates in parallel, sums only. An extra; numbers are the same."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from os import cpu_count

import numpy as np
from numba import njit

from mmgsim.contracts import FloatArray
from mmgsim.sizing.rule import RuleInputs
from mmgsim.sizing.totals import QUANTITIES

__all__ = ["compiled_totals"]

_ROUNDING = 1e-12
"""Of what a member began a step with: what is left of it by rounding alone."""
_LEAST = 4
"""Candidates that are worth a thread."""


def compiled_totals(rule: RuleInputs, sizes: FloatArray, workers: int | None = None) -> FloatArray:
    """Give the sums over the year: (candidates, members, quantities).

    Parameters
    ----------
    rule : RuleInputs
        The case.
    sizes : (candidates, microgrids, 3) array
        [kW], [kW], [kWh]
    workers : int or None
        Threads, by default one a processor. They change no value.
    """
    numbers = (
        rule.member_of,
        rule.step_h,
        (rule.load_kw, rule.yield_pu, rule.peer_per_kwh, rule.may_sell),
        (rule.buy_per_kwh, rule.sell_per_kwh, rule.local_charge_per_kwh),
        (rule.import_limit_kw, rule.export_limit_kw),
        (
            rule.charge_efficiency,
            rule.discharge_efficiency,
            rule.power_per_kwh,
            rule.level_min,
            rule.level_start,
        ),
        (rule.sellers, rule.buyers, rule.rank_ends),
    )
    sizes = np.array(sizes, dtype=np.float64, order="C")
    sums: FloatArray = np.zeros((len(sizes), rule.members, len(QUANTITIES)))
    parts = min(workers or cpu_count() or 1, max(len(sizes) // _LEAST, 1))
    if parts == 1:
        _years(*numbers, sizes, sums)
        return sums
    ends = np.linspace(0, len(sizes), parts + 1).astype(int)
    with ThreadPoolExecutor(parts) as pool:
        for made in [
            pool.submit(_years, *numbers, sizes[a:b], sums[a:b]) for a, b in pairwise(ends)
        ]:
            made.result()
    return sums


@njit(cache=True, nogil=True)
def _years(member_of, step_h, series, prices, limits, stores, pairs, sizes, sums):  # noqa: ANN001, ANN202, PLR0913  what numba compiles
    work = np.zeros((6, sums.shape[1]))
    for candidate in range(len(sizes)):
        _year(
            member_of,
            step_h,
            series,
            prices,
            limits,
            stores,
            pairs,
            work,
            sizes[candidate],
            sums[candidate],
        )


@njit(cache=True, nogil=True)
def _year(member_of, step_h, series, prices, limits, stores, pairs, work, sizes, sums):  # noqa: ANN001, ANN202, PLR0913, PLR0915  one loop over the steps: taken apart, it is slower
    load_kw, yield_pu, peer_per_kwh, may_sell = series
    buy_per_kwh, sell_per_kwh, local_charge_per_kwh = prices
    import_limit_kw, export_limit_kw = limits
    into, out_of, power_per_kwh, level_min, level_start = stores
    steps, members = load_kw.shape
    size_kwh = np.zeros(members)
    for microgrid in range(len(member_of)):
        size_kwh[member_of[microgrid]] += sizes[microgrid, 2]
    energy_kwh, generated_kw = level_start * size_kwh, np.zeros(members)
    surplus_kw, lack_kw = np.zeros(members), np.zeros(members)
    sold_kw, bought_kw, paid = np.zeros(members), np.zeros(members), np.zeros(members)
    for step in range(steps):
        generated_kw[:] = 0.0
        for microgrid in range(len(member_of)):
            generated_kw[member_of[microgrid]] += (
                yield_pu[step, microgrid, 0] * sizes[microgrid, 0]
                + yield_pu[step, microgrid, 1] * sizes[microgrid, 1]
            )
        is_surplus = is_lack = False
        for m in range(members):
            net_kw = generated_kw[m] - load_kw[step, m]
            most_kw = power_per_kwh[m] * size_kwh[m]
            charge_kw = discharge_kw = 0.0
            if net_kw > 0.0:
                room_kw = (size_kwh[m] - energy_kwh[m]) / (into[m] * step_h)
                charge_kw = max(min(net_kw, most_kw, room_kw), 0.0)
            else:
                held_kw = (energy_kwh[m] - level_min[m] * size_kwh[m]) * out_of[m] / step_h
                discharge_kw = max(min(-net_kw, most_kw, held_kw), 0.0)
            energy_kwh[m] += step_h * (into[m] * charge_kw - discharge_kw / out_of[m])
            left_kw = net_kw - charge_kw + discharge_kw
            surplus_kw[m], lack_kw[m] = max(left_kw, 0.0), max(-left_kw, 0.0)
            is_surplus |= left_kw > 0.0 and may_sell[step, m]
            is_lack |= left_kw < 0.0
            sold_kw[m] = bought_kw[m] = paid[m] = 0.0
            sums[m, 0] += generated_kw[m]
            sums[m, 1] += charge_kw
            sums[m, 2] += discharge_kw
            sums[m, 9] += load_kw[step, m] - lack_kw[m]
        if is_surplus and is_lack:
            for m in range(members):
                work[0, m] = surplus_kw[m] if may_sell[step, m] else 0.0
                work[1, m] = lack_kw[m]
            _trade(surplus_kw, lack_kw, peer_per_kwh[step], pairs, work, sold_kw, bought_kw, paid)
        for m in range(members):
            open_kw, over_kw = lack_kw[m] - bought_kw[m], surplus_kw[m] - sold_kw[m]
            import_kw = min(open_kw, import_limit_kw[m])
            export_kw = min(over_kw, export_limit_kw[m])
            sums[m, 3] += sold_kw[m]
            sums[m, 4] += bought_kw[m]
            sums[m, 5] += import_kw
            sums[m, 6] += export_kw
            sums[m, 7] += open_kw - import_kw
            sums[m, 8] += over_kw - export_kw
            sums[m, 11] += buy_per_kwh[step] * import_kw
            sums[m, 12] += sell_per_kwh[step] * export_kw
            sums[m, 13] += paid[m]
            sums[m, 14] += peer_per_kwh[step, m] * sold_kw[m]
            sums[m, 15] += local_charge_per_kwh[step] * bought_kw[m]
    sums *= step_h
    sums[:, 10] = energy_kwh


@njit(cache=True, nogil=True)
def _trade(surplus_kw, lack_kw, peer_per_kwh, pairs, work, sold_kw, bought_kw, paid):  # noqa: ANN001, ANN202, PLR0913  `matched_by_distance` for one step
    sellers, buyers, rank_ends = pairs
    left_kw, open_kw, around_seller, around_buyer, given, got = work
    members = len(surplus_kw)
    begin = 0
    for end in rank_ends:
        for _ in range(2 * members):
            around_seller[:] = 0.0
            around_buyer[:] = 0.0
            is_traded = False
            for pair in range(begin, end):
                s, b = sellers[pair], buyers[pair]
                around_seller[s] += open_kw[b]
                around_buyer[b] += left_kw[s]
                is_traded |= left_kw[s] * open_kw[b] > 0.0
            if not is_traded:
                break
            given[:] = 0.0
            got[:] = 0.0
            for pair in range(begin, end):
                s, b = sellers[pair], buyers[pair]
                product = left_kw[s] * open_kw[b]
                if product > 0.0:
                    part_kw = product / max(around_seller[s], around_buyer[b])
                    given[s] += part_kw
                    got[b] += part_kw
                    paid[b] += peer_per_kwh[s] * part_kw
            for m in range(members):
                sold_kw[m] += given[m]
                bought_kw[m] += got[m]
                left_kw[m] -= given[m]
                open_kw[m] -= got[m]
                if left_kw[m] <= _ROUNDING * surplus_kw[m]:
                    left_kw[m] = 0.0
                if open_kw[m] <= _ROUNDING * lack_kw[m]:
                    open_kw[m] = 0.0
        begin = end

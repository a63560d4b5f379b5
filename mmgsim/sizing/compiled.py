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
_LANES = 8
"""Candidates that are looked at side by side: one waits for its battery, eight do not."""


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
    parts = min(workers or cpu_count() or 1, max(len(sizes) // _LANES, 1))
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
    for first in range(0, len(sizes), _LANES):
        count = min(_LANES, len(sizes) - first)
        side_by_side = np.zeros((sizes.shape[1], sizes.shape[2], count))
        summed = np.zeros((sums.shape[1], sums.shape[2], count))
        for lane in range(count):
            side_by_side[:, :, lane] = sizes[first + lane]
        _year(member_of, step_h, series, prices, limits, stores, pairs, side_by_side, summed)
        for lane in range(count):
            sums[first + lane] = summed[:, :, lane]


@njit(cache=True, nogil=True)
def _year(member_of, step_h, series, prices, limits, stores, pairs, sizes, sums):  # noqa: ANN001, ANN202, PLR0913  the loop over the steps
    load_kw, yield_pu, peer_per_kwh, may_sell = series
    into, out_of, power_per_kwh, level_min, level_start = stores
    steps, members = load_kw.shape
    flows = np.zeros((8, members, sizes.shape[2]))
    size_kwh, energy_kwh, generated_kw, surplus_kw, lack_kw = flows[:5]
    sold_kw, bought_kw, paid = flows[5:]
    scratch = np.zeros((6, members))
    for microgrid in range(len(member_of)):
        size_kwh[member_of[microgrid]] += sizes[microgrid, 2]
    for m in range(members):
        energy_kwh[m] = level_start[m] * size_kwh[m]
    for step in range(steps):
        generated_kw[:] = 0.0
        for microgrid in range(len(member_of)):
            m = member_of[microgrid]
            wind_pu, sun_pu = yield_pu[step, microgrid, 0], yield_pu[step, microgrid, 1]
            wind_kw, sun_kw = sizes[microgrid, 0], sizes[microgrid, 1]
            for k in range(len(wind_kw)):
                generated_kw[m, k] += wind_pu * wind_kw[k] + sun_pu * sun_kw[k]
        for m in range(members):
            _with_battery(
                load_kw[step, m],
                (step_h, into[m], out_of[m], power_per_kwh[m], level_min[m]),
                (generated_kw[m], size_kwh[m], energy_kwh[m]),
                (surplus_kw[m], lack_kw[m]),
                sums[m],
            )
        if len(pairs[0]):
            flows[5:] = 0.0
            _trade(step, may_sell, peer_per_kwh, pairs, flows, scratch)
        for m in range(members):
            _with_grid(
                (prices[0][step], prices[1][step], prices[2][step], peer_per_kwh[step, m]),
                (limits[0][m], limits[1][m]),
                (surplus_kw[m], lack_kw[m]),
                (sold_kw[m], bought_kw[m], paid[m]),
                sums[m],
            )
    sums *= step_h
    sums[:, 10] = energy_kwh


@njit(cache=True, nogil=True, inline="always")
def _with_battery(load_kw, store, own, left, sums):  # noqa: ANN001, ANN202
    step_h, into, out_of, power_per_kwh, level_min = store
    generated_kw, size_kwh, energy_kwh = own
    surplus_kw, lack_kw = left
    per_room, per_held = 1.0 / (into * step_h), out_of / step_h
    stored, drawn = step_h * into, step_h / out_of
    for k in range(len(generated_kw)):
        net_kw = generated_kw[k] - load_kw
        most_kw = power_per_kwh * size_kwh[k]
        room_kw = (size_kwh[k] - energy_kwh[k]) * per_room
        held_kw = (energy_kwh[k] - level_min * size_kwh[k]) * per_held
        charge_kw = max(min(net_kw, min(most_kw, room_kw)), 0.0)
        discharge_kw = max(min(-net_kw, min(most_kw, held_kw)), 0.0)
        energy_kwh[k] += stored * charge_kw - drawn * discharge_kw
        left_kw = net_kw - charge_kw + discharge_kw
        lack = max(-left_kw, 0.0)
        surplus_kw[k], lack_kw[k] = max(left_kw, 0.0), lack
        sums[0, k] += generated_kw[k]
        sums[1, k] += charge_kw
        sums[2, k] += discharge_kw
        sums[9, k] += load_kw - lack


@njit(cache=True, nogil=True, inline="always")
def _with_grid(prices, limits, own, traded, sums):  # noqa: ANN001, ANN202
    buy, sell, local, peer = prices
    import_limit_kw, export_limit_kw = limits
    surplus_kw, lack_kw = own
    sold_kw, bought_kw, paid = traded
    for k in range(len(sold_kw)):
        open_kw, over_kw = lack_kw[k] - bought_kw[k], surplus_kw[k] - sold_kw[k]
        import_kw = min(open_kw, import_limit_kw)
        export_kw = min(over_kw, export_limit_kw)
        sums[3, k] += sold_kw[k]
        sums[4, k] += bought_kw[k]
        sums[5, k] += import_kw
        sums[6, k] += export_kw
        sums[7, k] += open_kw - import_kw
        sums[8, k] += over_kw - export_kw
        sums[11, k] += buy * import_kw
        sums[12, k] += sell * export_kw
        sums[13, k] += paid[k]
        sums[14, k] += peer * sold_kw[k]
        sums[15, k] += local * bought_kw[k]


@njit(cache=True, nogil=True)
def _trade(step, may_sell, peer_per_kwh, pairs, flows, scratch):  # noqa: ANN001, ANN202  a call a candidate would cost more than the trade
    _, _, _, surplus_kw, lack_kw, sold_kw, bought_kw, paid = flows
    sellers, buyers, rank_ends = pairs
    left_kw, open_kw = scratch[0], scratch[1]
    for k in range(flows.shape[2]):
        is_surplus = is_lack = False
        for m in range(len(left_kw)):
            left_kw[m] = surplus_kw[m, k] if may_sell[step, m] else 0.0
            open_kw[m] = lack_kw[m, k]
            is_surplus |= left_kw[m] > 0.0
            is_lack |= open_kw[m] > 0.0
        if not (is_surplus and is_lack):
            continue
        begin = 0
        for end in rank_ends:
            if end - begin > 2 or sellers[begin] != buyers[end - 1]:
                _in_proportion(k, peer_per_kwh[step], pairs, (begin, end), flows, scratch)
            else:  # two members, and nobody else at that distance
                for pair in range(begin, end):
                    s, b = sellers[pair], buyers[pair]
                    part_kw = min(left_kw[s], open_kw[b])
                    if part_kw > 0.0:
                        left_kw[s] -= part_kw
                        open_kw[b] -= part_kw
                        sold_kw[s, k] += part_kw
                        bought_kw[b, k] += part_kw
                        paid[b, k] += peer_per_kwh[step, s] * part_kw
            begin = end


@njit(cache=True, nogil=True)
def _in_proportion(k, peer_per_kwh, pairs, part, flows, scratch):  # noqa: ANN001, ANN202  `matched_by_distance` at one distance
    _, _, _, surplus_kw, lack_kw, sold_kw, bought_kw, paid = flows
    left_kw, open_kw, around_seller, around_buyer, given, got = scratch
    sellers, buyers, _ = pairs
    for _ in range(2 * len(left_kw)):
        scratch[2:] = 0.0
        is_traded = False
        for pair in range(part[0], part[1]):
            s, b = sellers[pair], buyers[pair]
            around_seller[s] += open_kw[b]
            around_buyer[b] += left_kw[s]
            is_traded |= left_kw[s] * open_kw[b] > 0.0
        if not is_traded:
            break
        for pair in range(part[0], part[1]):
            s, b = sellers[pair], buyers[pair]
            product = left_kw[s] * open_kw[b]
            if product > 0.0:
                part_kw = product / max(around_seller[s], around_buyer[b])
                given[s] += part_kw
                got[b] += part_kw
                paid[b, k] += peer_per_kwh[s] * part_kw
        for m in range(len(left_kw)):
            sold_kw[m, k] += given[m]
            bought_kw[m, k] += got[m]
            left_kw[m] -= given[m]
            open_kw[m] -= got[m]
            if left_kw[m] <= _ROUNDING * surplus_kw[m, k]:
                left_kw[m] = 0.0
            if open_kw[m] <= _ROUNDING * lack_kw[m, k]:
                open_kw[m] = 0.0

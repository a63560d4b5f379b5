"""Who pays whom in an executed step: the money table of the design, line by line.

Shedding and spill are no payments. Background customers are outside the ledger.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from enum import StrEnum
from math import isfinite

from mmgsim.contracts import Executed, Item, LedgerLine, MemberStep, OperationCost, Party

__all__ = ["OPERATIONS", "SurplusRule", "account", "bill", "ledger_faults", "settle"]

OPERATIONS = frozenset({Item.FUEL, Item.START_UP, Item.WEAR})
"""Items of what running devices cost."""

_ENERGY = frozenset({Item.IMPORT, Item.EXPORT, Item.LOCAL_TRADE, Item.TIE})

# Below this, a quantity is the rounding of sums, and no line is written about it.
ROUNDING_KWH = 1e-9
ROUNDING_OF_GROSS = 1e-12

# Larger than rounding, smaller than anything that matters. [kWh], [currency]
TOLERANCE = 1e-6


class SurplusRule(StrEnum):
    """What becomes of what buyers pay the market and sellers do not get."""

    KEPT = "kept"
    DNO = "dno"
    REBATED = "rebated"


def settle(executed: Executed, *, surplus: str = SurplusRule.KEPT) -> list[LedgerLine]:
    """Give all ledger lines of an executed step in a fixed order, without those about nothing.

    Losses are the DNO's purchase from the grid, at the upstream price; the microgrids pay back
    their shares of them. So is what its own devices draw, and what microgrids import where the DNO
    supplies them; what its devices send, microgrids export to it, or a pool leaves it for losses,
    it has not to buy at that price.

    Parameters
    ----------
    executed : Executed
        The step.
    surplus : str
        What becomes of what buyers pay the market and sellers do not get: ``kept`` by it, for the
        ``dno``, or ``rebated`` to those who trade with it, in proportion of their kWh.

    Raises
    ------
    ValueError
        If `surplus` is something else.
    """
    tariff = executed.tariff
    lines: list[LedgerLine] = []
    for member in executed.members:
        lines += _supply_lines(member, executed)
        lines += _operation_lines(member.name, member.operations)
        if executed.is_new_day and tariff.fixed_per_day:
            lines.append(
                LedgerLine(member.name, Party.DNO, Item.FIXED_CHARGE, 0.0, tariff.fixed_per_day)
            )
    trades = _trade_lines(executed)
    lines += [*trades, *_surplus_lines(trades, SurplusRule(surplus))]
    lines += _tie_lines(executed)
    lines += [
        LedgerLine(name, str(Party.MARKET), Item.SAVING_SHARE, 0.0, amount)
        for name, amount in executed.transfers.items()
    ]
    lines += _loss_lines(executed)
    lines += _operation_lines(str(Party.DNO), executed.own_operations)
    lines.append(_upstream_line(executed))
    return [line for line in lines if _is_about_something(line)]


def _is_about_something(line: LedgerLine) -> bool:
    """Tell whether a line is more than rounding; charges and start-ups are about no energy."""
    return abs(line.kwh) > ROUNDING_KWH or (line.kwh == 0.0 and line.amount != 0.0)


def _supply_lines(member: MemberStep, executed: Executed) -> list[LedgerLine]:
    """Bill import, export, network charge and imbalance of one microgrid."""
    tariff, supplier, step_h = executed.tariff, executed.supplier, executed.window.step_h
    imported_kwh, exported_kwh = member.import_kw * step_h, member.export_kw * step_h
    apart_kwh = abs(member.exchange_kw - member.planned_exchange_kw) * step_h
    rows = (
        (member.name, supplier, Item.IMPORT, imported_kwh, tariff.import_per_kwh[0]),
        (supplier, member.name, Item.EXPORT, exported_kwh, tariff.export_per_kwh[0]),
        (
            member.name,
            Party.DNO,
            Item.NETWORK_CHARGE,
            imported_kwh,
            tariff.network_charge_per_kwh[0],
        ),
        (member.name, supplier, Item.IMBALANCE, apart_kwh, tariff.imbalance_per_kwh),
    )
    return [
        LedgerLine(str(payer), str(payee), item, kwh, kwh * float(price))
        for payer, payee, item, kwh, price in rows
    ]


def _operation_lines(owner: str, operations: Sequence[OperationCost]) -> list[LedgerLine]:
    """Bill what running the devices of one owner cost."""
    return [
        LedgerLine(owner, str(Party.OPERATIONS), used.item, used.kwh, used.cost)
        for used in operations
    ]


def _trade_lines(executed: Executed) -> list[LedgerLine]:
    """Bill firm trades, and the charge that buyers owe the DNO for them, or it owes them."""
    step_h = executed.window.step_h
    lines = []
    for trade in executed.trades:
        kwh = float(trade.kw[0]) * step_h
        price = float(trade.price_per_kwh[0])
        lines.append(LedgerLine(trade.buyer, trade.seller, Item.LOCAL_TRADE, kwh, kwh * price))
        charge = float(trade.charged_per_kwh(executed.tariff)[0])
        if charge:
            lines.append(
                LedgerLine(trade.buyer, str(Party.DNO), Item.LOCAL_CHARGE, kwh, kwh * charge)
            )
    return lines


def _tie_lines(executed: Executed) -> list[LedgerLine]:
    """Bill what came through tie lines: from receiver to sender, without any charge."""
    lines = []
    for flow in executed.ties:
        kwh = float(flow.received_kw[0]) * executed.window.step_h
        amount = kwh * float(flow.price_per_kwh[0])
        lines.append(LedgerLine(flow.receiver, flow.sender, Item.TIE, kwh, amount))
    return lines


def _surplus_lines(trades: Sequence[LedgerLine], rule: SurplusRule) -> list[LedgerLine]:
    """Pass on what the market has left of local trades."""
    market, item = str(Party.MARKET), Item.SURPLUS
    left = -account(trades, market)
    gross = sum(abs(line.amount) for line in trades)
    if rule is SurplusRule.KEPT or abs(left) <= ROUNDING_OF_GROSS * gross:
        return []
    if rule is SurplusRule.DNO:
        return [LedgerLine(market, str(Party.DNO), item, 0.0, left)]
    kwh: Counter[str] = Counter()
    for line in trades:
        sides = {line.payer, line.payee}
        if line.item == Item.LOCAL_TRADE and market in sides:
            kwh.update(dict.fromkeys(sides - {market}, line.kwh))
    total = sum(kwh.values())
    return [LedgerLine(market, name, item, 0.0, left * own / total) for name, own in kwh.items()]


def _loss_lines(executed: Executed) -> list[LedgerLine]:
    """Bill all losses to the DNO, and the microgrids' shares to them."""
    step_h, price = executed.window.step_h, float(executed.tariff.upstream_per_kwh[0])
    lost_kwh = executed.loss_kw * step_h
    lines = [LedgerLine(str(Party.DNO), str(Party.GRID), Item.LOSSES, lost_kwh, lost_kwh * price)]
    for name, share_kw in executed.loss_share_kw.items():
        kwh = share_kw * step_h
        lines.append(LedgerLine(name, str(Party.DNO), Item.LOSS_SHARE, kwh, kwh * price))
    return lines


def _upstream_line(executed: Executed) -> LedgerLine:
    """Bill the DNO for what passes the substation on its account, losses aside."""
    drawn_kw = -executed.own_kw
    drawn_kw -= sum(float(t.kw[0]) for t in executed.trades if t.buyer == Party.DNO)
    if executed.supplier == Party.DNO:
        drawn_kw += sum(member.import_kw - member.export_kw for member in executed.members)
    kwh = drawn_kw * executed.window.step_h
    amount = kwh * float(executed.tariff.upstream_per_kwh[0])
    return LedgerLine(str(Party.DNO), str(Party.GRID), Item.UPSTREAM, kwh, amount)


def ledger_faults(lines: Sequence[LedgerLine], executed: Executed) -> list[str]:
    """Tell every line about nobody known or no number, and where the lines leave out what happened.

    Each microgrid's import, export, local trade, ties and operation of devices are booked under
    their items with the kWh of the step, and operation at what it cost. Prices, charges and items
    beyond these are the market's own. The operation of the DNO's own devices is booked likewise.
    """
    names = [member.name for member in executed.members]
    known = {*names, *(str(party) for party in Party)}
    faults = []
    for line in lines:
        strangers = {line.payer, line.payee} - known
        if strangers:
            faults.append(f"{line.item} names {', '.join(sorted(strangers))}, who are no party")
        if not (isfinite(line.kwh) and isfinite(line.amount)):
            faults.append(f"{line.item} of {line.payer} is not finite: {line.kwh}, {line.amount}")
    return faults or [*_left_out(lines, settle(executed), names)]


def _left_out(
    lines: Sequence[LedgerLine], happened: Sequence[LedgerLine], names: Collection[str]
) -> Iterator[str]:
    """Tell where items of a microgrid do not add up to what happened."""
    owners = [*names, str(Party.DNO)]
    sums = ((names, _ENERGY, "kwh"), (owners, OPERATIONS, "kwh"), (owners, OPERATIONS, "amount"))
    for parties, items, what in sums:
        due, booked = (_sums(part, parties, items, what) for part in (happened, lines))
        for item, name in {**due, **booked}:
            apart = booked[item, name] - due[item, name]
            if abs(apart) > TOLERANCE:
                yield (
                    f"{item} of {name}: {what} of its lines is {booked[item, name]:g}, "
                    f"{due[item, name]:g} happened; book extras under items of your own"
                )


def _sums(
    lines: Iterable[LedgerLine], names: Collection[str], items: Collection[str], what: str
) -> Counter[tuple[str, str]]:
    """Add up `kwh` or `amount` by item and microgrid."""
    sums: Counter[tuple[str, str]] = Counter()
    for line in lines:
        if line.item in items:
            for name in {line.payer, line.payee}.intersection(names):
                sums[line.item, name] += getattr(line, what)
    return sums


def account(
    lines: Iterable[LedgerLine],
    party: str,
    *,
    counts: Callable[[str], bool] = lambda _: True,
) -> float:
    """Give what `party` paid minus what it got, over the items that count. [currency]"""
    total = 0.0
    for line in lines:
        if counts(line.item):
            total += line.amount * ((line.payer == party) - (line.payee == party))
    return total


def bill(lines: Iterable[LedgerLine], party: str) -> tuple[LedgerLine, ...]:
    """Give the lines that `party` pays or gets."""
    return tuple(line for line in lines if party in (line.payer, line.payee))

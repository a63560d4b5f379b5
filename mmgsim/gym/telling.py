"""What a step was, told beside the reward: for logs, not for learning."""

from __future__ import annotations

from math import isfinite
from typing import Any

from mmgsim.contracts import Instruction
from mmgsim.engine import MultiMicrogridModel
from mmgsim.settlement import account

__all__ = ["told_of"]


def told_of(
    model: MultiMicrogridModel, name: str, wanted: Instruction, *, price_per_kwh: float
) -> dict[str, Any]:
    """Give what a microgrid did in the last step, as plain values.

    Parameters
    ----------
    model : MultiMicrogridModel
        After the step.
    name : str
        Of the microgrid.
    wanted : Instruction
        What it was told.
    price_per_kwh : float
        Its local price, NaN where there was none. [currency/kWh]
    """
    last = model.microgrids[name].last
    bill = account(model.market.lines, name)
    return {
        "time": model.clock.now,
        "cost": float(bill + last.shed_value),
        "shed_value": float(last.shed_value),
        "import_kw": float(last.money.import_kw),
        "export_kw": float(last.money.export_kw),
        "bought_kw": float(last.bought_kw),
        "sold_kw": float(last.sold_kw),
        "exchange_kw": float(last.money.exchange_kw),
        "spilled_kw": float(last.spilled_kw),
        "shed_kw": float(last.shed_kw),
        "local_price_per_kwh": price_per_kwh if isfinite(price_per_kwh) else None,
        "wanted_kw": dict(wanted.net_kw),
        "net_kw": {device: last.dispatch.operations[device].net_kw for device in wanted.net_kw},
        "markup": wanted.markup,
        "flags": last.flags,
        "status": model.recorder.status,
    }

"""Who pays whom for what: the parties and items of the double-entry ledger."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

__all__ = ["Item", "LedgerLine", "Objective", "Party"]


class Party(StrEnum):
    """Parties of the ledger besides the microgrids, which go by their own names."""

    GRID = "grid"
    DNO = "dno"
    MARKET = "market"
    OPERATIONS = "operations"


class Item(StrEnum):
    """What a payment is for."""

    IMPORT = "import"
    EXPORT = "export"
    NETWORK_CHARGE = "network_charge"
    FIXED_CHARGE = "fixed_charge"
    LOCAL_TRADE = "local_trade"
    LOCAL_CHARGE = "local_charge"
    LOSSES = "losses"
    LOSS_SHARE = "loss_share"
    IMBALANCE = "imbalance"
    SURPLUS = "surplus"
    FUEL = "fuel"
    START_UP = "start_up"
    WEAR = "wear"
    SAVING_SHARE = "saving_share"
    UPSTREAM = "upstream"
    TIE = "tie"


class Objective(StrEnum):
    """Whose cost a coordination makes small.

    MEMBERS: the microgrids' bills. SYSTEM: upstream energy and operations, without transfers.
    """

    MEMBERS = "members"
    SYSTEM = "system"


@dataclass(frozen=True, slots=True)
class LedgerLine:
    """One payment of one step.

    Parameters
    ----------
    payer, payee : str
        A `Party` or the name of a microgrid.
    item : str
        What it is for: an `Item`, or a word of a market of your own.
    kwh : float
        Energy it is about, 0 where it is not about energy. [kWh]
    amount : float
        From payer to payee; negative where the payee pays back. [currency]
    """

    payer: str
    payee: str
    item: str
    kwh: float
    amount: float

"""What a year comes to: sums over its steps, one row a candidate and member."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from mmgsim.contracts import FloatArray

__all__ = ["QUANTITIES", "Totals"]

QUANTITIES: Final = (
    "generated_kwh",
    "charged_kwh",
    "discharged_kwh",
    "sold_kwh",
    "bought_kwh",
    "imported_kwh",
    "exported_kwh",
    "unserved_kwh",
    "spilled_kwh",
    "own_use_kwh",
    "left_kwh",
    "purchases",
    "sales",
    "peer_payments",
    "peer_income",
    "local_charges",
)
"""Last axis of `Totals.values`. What is meant:

- `generated_kwh`: available energy of wind and sun, spilled included,
- `charged_kwh`, `discharged_kwh`: at the terminals of the batteries,
- `sold_kwh`, `bought_kwh`: to and from peers, `imported_kwh`, `exported_kwh`: from and to the grid,
- `unserved_kwh`: demand beyond the import limit, `spilled_kwh`: surplus beyond the export limit,
- `own_use_kwh`: demand served by own generation and own battery, before any trade,
- `left_kwh`: stored energy at the end,
- `purchases`, `sales`: paid to and got from the grid [currency],
- `peer_payments`, `peer_income`: paid to and got from peers [currency],
- `local_charges`: paid to the network for what was bought from peers [currency].

In every step and over the year, for each member,
``generated + discharged + bought + imported + unserved
= load + charged + sold + exported + spilled``.
"""
_AT: Final = {name: at for at, name in enumerate(QUANTITIES)}


@dataclass(frozen=True, slots=True, eq=False)
class Totals:
    """Sums over the steps.

    Parameters
    ----------
    values : (candidates, members, quantities) array
        In the order of `QUANTITIES`. A member is a microgrid, or the pool of all.
    """

    values: FloatArray

    def of(self, quantity: str) -> FloatArray:
        """Give one quantity: (candidates, members)."""
        part: FloatArray = self.values[:, :, _AT[quantity]]
        return part

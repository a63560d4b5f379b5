"""Nobody pays more than on its own: transfers afterwards, where the sum allows it (paper 002)."""

from __future__ import annotations

import numpy as np

from mmgsim.contracts import FloatArray

__all__ = ["settled"]

# Of the costs: what they differ by for the rounding of solvers alone.
_ROUNDING = 1e-9


def settled(bills: FloatArray, alone: FloatArray) -> FloatArray:
    """Give what each pays on top of its bill, so that all save the same: (members,) array.

    Transfers add up to zero. [currency]

    Parameters
    ----------
    bills, alone : (members,) arrays
        What each pays by the joint plan, and what it would pay on its own by the same definition:
        a robust plan has to be held against robust plans. [currency]

    Raises
    ------
    ValueError
        If all together pay more than each on its own: no transfers make up for that.
    """
    saving = float(alone.sum() - bills.sum())
    if saving < -_ROUNDING * (1.0 + float(np.abs(alone).sum())):
        raise ValueError(f"together they pay {-saving:g} more than alone; nothing can be divided")
    owed: FloatArray = alone - saving / len(bills) - bills
    return np.asarray(owed - owed.mean())

"""How evenly something is spread over members.

.. [1] C. Gini, "Variabilita e mutabilita", 1912; here as the mean absolute difference of all pairs
   over twice the mean.
.. [2] R. Jain, D. Chiu, W. Hawe, "A quantitative measure of fairness and discrimination for
   resource allocation in shared computer systems", DEC-TR-301, 1984.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

__all__ = ["gini", "jain"]


def gini(amounts: ArrayLike) -> float:
    """Give Gini's coefficient of amounts [1]_: 0 where all have the same, towards 1 where one has.

    ``sum_ij |x_i - x_j| / (2 n sum_i x_i)``. With negative amounts, such as the saving of somebody
    who loses, it may exceed 1; NaN where they add up to nothing or less.

    Parameters
    ----------
    amounts : (n,) array
        Of each member, in any unit.
    """
    x = np.sort(np.asarray(amounts, dtype=np.float64))
    n, total = len(x), x.sum()
    if n == 0 or not total > 0.0:
        return float("nan")
    # Sorted, the sum over pairs is one over ranks.
    return float((2.0 * np.arange(1, n + 1) - n - 1.0) @ x / (n * total))


def jain(amounts: ArrayLike) -> float:
    """Give Jain's index of amounts [2]_: 1 where all have the same, 1/n where one has everything.

    ``(sum_i x_i)^2 / (n sum_i x_i^2)``; NaN where all are zero. With negative amounts it may fall
    below 1/n.

    Parameters
    ----------
    amounts : (n,) array
        Of each member, in any unit.
    """
    x = np.asarray(amounts, dtype=np.float64)
    square = float(x @ x)
    return float(x.sum() ** 2 / (len(x) * square)) if square > 0.0 else float("nan")

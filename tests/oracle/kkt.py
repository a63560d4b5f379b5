"""The worst unknown by optimality conditions of the recourse: an oracle for tiny instances.

Straight for scipy: what is left to do is optimal where it is feasible, its multipliers are, and of
every row and column either the one or the other is tight, which takes a binary each. The unknown
stands in the rows alone, so that the cost itself is linear.
"""

import numpy as np
from scipy import sparse
from scipy.optimize import Bounds, LinearConstraint, milp


def worst_cost(recourse, unknowns, first, *, most_multiplier, most_slack):
    """Give what the best recourse costs at the worst of a budgeted set.

    `most_multiplier` bounds multipliers and reduced costs of some optimum, `most_slack` the powers
    and what rows have over: both given by hand for the instance.
    """
    rows, columns = recourse.matrix.shape
    free_rows, free_columns = ~recourse.is_equation, ~recourse.is_free
    one_row = sparse.eye_array(rows, format="csr")[free_rows]
    one_column = sparse.eye_array(columns, format="csr")[free_columns]
    tight_rows, tight_columns = int(free_rows.sum()), int(free_columns.sum())
    matrix = sparse.csr_array(recourse.matrix)
    moved = sparse.csr_array(recourse.on_unknown @ sparse.diags_array(unknowns.spread))
    base = recourse.right_hand_side(first, unknowns.centre)
    switch_row, switch_column = sparse.eye_array(tight_rows), sparse.eye_array(tight_columns)
    group = sparse.csr_array(
        (unknowns.group[None, :] == np.arange(len(unknowns.budget))[:, None]).astype(float)
    )
    # In the order y, multipliers, deviations, switches of rows, switches of columns.
    blocks = [
        ([matrix, None, -moved, None, None], base, np.where(free_rows, np.inf, base)),
        (
            [None, matrix.T, None, None, None],
            np.where(free_columns, -np.inf, recourse.costs),
            recourse.costs,
        ),
        ([None, one_row, None, -most_multiplier * switch_row, None], -np.inf, 0.0),
        (
            [matrix[free_rows], None, -moved[free_rows], most_slack * switch_row, None],
            -np.inf,
            base[free_rows] + most_slack,
        ),
        ([one_column, None, None, None, -most_slack * switch_column], -np.inf, 0.0),
        (
            [None, -one_column @ matrix.T, None, None, most_multiplier * switch_column],
            -np.inf,
            most_multiplier - recourse.costs[free_columns],
        ),
        ([None, None, group, None, None], -np.inf, unknowns.budget),
    ]
    widths = [columns, rows, len(unknowns.centre), tight_rows, tight_columns]
    entries = sparse.vstack([_beside(parts, widths) for parts, *_ in blocks])
    low, high = (
        np.concatenate(
            [np.broadcast_to(one[side], _height(one[0])).astype(float) for one in blocks]
        )
        for side in (1, 2)
    )
    least = np.concatenate(
        [
            np.where(recourse.is_free, -np.inf, 0.0),
            np.where(recourse.is_equation, -np.inf, 0.0),
            np.zeros(sum(widths[2:])),
        ]
    )
    most = np.concatenate([np.full(columns + rows, np.inf), np.ones(sum(widths[2:]))])
    costs = np.concatenate([-recourse.costs, np.zeros(sum(widths[1:]))])
    whole = np.repeat([0, 0, 0, 1, 1], widths)
    found = milp(
        costs,
        integrality=whole,
        bounds=Bounds(least, most),
        constraints=LinearConstraint(entries, low, high),
        options={"mip_rel_gap": 1e-8},
    )
    assert found.success, found.message
    return recourse.offset - found.fun


def _height(parts):
    return next(part.shape[0] for part in parts if part is not None)


def _beside(parts, widths):
    height = _height(parts)
    return sparse.hstack(
        [
            sparse.csr_array((height, width)) if part is None else part
            for part, width in zip(parts, widths, strict=True)
        ]
    )

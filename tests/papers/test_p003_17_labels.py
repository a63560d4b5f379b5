"""Properties 9, 14, 17 and 18: the network equations, units, labels, repetition."""

from dataclasses import replace

import numpy as np
import pytest

from mmgsim.contracts import Security, frozen
from mmgsim.subproblems import Granting
from tests.support import p003

HOURS = np.arange(11, 14)


def grant(tree, **options):
    known = p003.view(tree, HOURS)
    return Granting().grant(known, p003.query(known, HOURS, **options))


# ------------------------------------------------------------------------------- property 9
def test_sending_and_receiving_forms_give_the_voltages_of_the_power_flow():
    """(13)-(17) with squares, at either end of a branch; as printed, (17) is off."""
    tree = p003.tree()
    points = tree.solve(*tree.background_kw(np.array([0.9])))
    v, i = points.v_pu[0], points.current_pu[0][tree.child]
    sent, received = v[tree.parent] * np.conj(i), v[tree.child] * np.conj(i)
    r, x, current2 = tree.r_pu, tree.x_pu, np.abs(i) ** 2
    drop = np.abs(v[tree.parent]) ** 2 - np.abs(v[tree.child]) ** 2
    by_sent = 2.0 * (r * sent.real + x * sent.imag) - (r**2 + x**2) * current2
    by_received = 2.0 * (r * received.real + x * received.imag) + (r**2 + x**2) * current2
    as_printed = 2.0 * (r * received.real + x * received.imag) + (r + x) * current2
    np.testing.assert_allclose(by_sent, drop, atol=1e-12)
    np.testing.assert_allclose(by_received, drop, atol=1e-12)
    assert np.abs(as_printed - drop).max() > 1e-3


# ------------------------------------------------------------------------------- property 14
def test_the_base_power_changes_nothing():
    one, ten = (
        grant(p003.tree(base_mva=base), security=Security.NONE).cost.objective
        for base in (1.0, 10.0)
    )
    assert one == pytest.approx(ten, abs=0.16 * len(HOURS) + 2e-4 * abs(ten))


# ------------------------------------------------------------------------------- property 17
def test_negative_prices_are_not_called_exact():
    tree = p003.tree()
    known = p003.view(tree, HOURS)
    negative = frozen(np.full(len(HOURS), -0.05))
    known = replace(known, tariff=replace(known.tariff, upstream_per_kwh=negative))
    given = Granting().grant(known, p003.query(known, HOURS))
    assert "inexact" in given.status
    assert "violated" not in given.status


# ------------------------------------------------------------------------------- property 18
def test_the_same_requests_are_granted_the_same():
    tree = p003.tree()
    one, other = grant(tree), grant(tree)
    for name in p003.NAMES:
        for side in ("lack_kw", "surplus_kw"):
            np.testing.assert_array_equal(
                getattr(one.grants[name], side), getattr(other.grants[name], side)
            )
    assert one.cost == other.cost

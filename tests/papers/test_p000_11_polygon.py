"""Paper 000, property 11: polygons in place of circles."""

import numpy as np
import pytest

from mmgsim.network import PolygonKind, polygon

SIDES = (3, 6, 12, 24, 48)
EXCESS = {6: 0.155, 12: 0.035, 24: 0.0086, 48: 0.0021}


@pytest.mark.parametrize("sides", SIDES)
def test_every_corner_of_a_safe_polygon_is_on_the_circle_and_none_outside(sides):
    corners = polygon(2.5, sides=sides).corners()
    assert np.hypot(*corners.T) == pytest.approx(2.5)


@pytest.mark.parametrize("sides", SIDES)
def test_a_relaxed_polygon_lets_through_what_its_corners_reach_and_no_more(sides):
    corners = polygon(2.5, sides=sides, kind=PolygonKind.RELAXED).corners()
    excess = np.hypot(*corners.T).max() / 2.5 - 1.0
    assert excess == pytest.approx(1.0 / np.cos(np.pi / sides) - 1.0)
    if sides in EXCESS:
        digits = len(str(EXCESS[sides]).partition(".")[2])
        assert excess == pytest.approx(EXCESS[sides], abs=0.5 * 10.0**-digits)


@pytest.mark.parametrize("kind", PolygonKind)
def test_corners_hold_the_limits_and_points_beyond_them_do_not(kind):
    chosen = polygon(1.0, sides=12, kind=kind)
    x, y = chosen.corners().T
    assert chosen.holds(x * (1 - 1e-12), y * (1 - 1e-12)).all()
    assert not chosen.holds(1.001 * x, 1.001 * y).any()


def test_twice_the_sides_only_ever_admit_more_when_safe_and_less_when_relaxed():
    rng = np.random.default_rng(0)
    x, y = rng.uniform(-1.2, 1.2, (2, 20_000))
    for sides in (3, 6, 12, 24):
        held = {
            (kind, n): polygon(1.0, sides=n, kind=kind).holds(x, y)
            for kind in PolygonKind
            for n in (sides, 2 * sides)
        }
        inside = np.hypot(x, y) <= 1.0
        safe, finer = held[PolygonKind.SAFE, sides], held[PolygonKind.SAFE, 2 * sides]
        assert (safe <= finer).all()
        assert (finer <= inside).all()
        relaxed, closer = held[PolygonKind.RELAXED, sides], held[PolygonKind.RELAXED, 2 * sides]
        assert (closer <= relaxed).all()
        assert (inside <= closer).all()


def test_two_sides_are_no_polygon():
    with pytest.raises(ValueError, match="at least 3 sides, not 2"):
        polygon(1.0, sides=2)

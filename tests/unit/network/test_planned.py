"""AC power flow of planned exchanges: what they break, and the network around them."""

import numpy as np
import pandapower.networks as nw
import pytest

from mmgsim.contracts import Member
from mmgsim.network import (
    Feeder,
    FeederLimits,
    PlannedPoints,
    SweepFlow,
    apply_ratings,
    linearise_many,
    planned,
)

MEMBERS = (Member("A", 9e3, 9e3, power_factor=0.95, bus=17), Member("B", 9e3, 9e3, bus=32))
SHARE = np.array([0.4, 0.4, 0.4, 0.4])
PLANS_KW = np.array([[0.0, 0.0], [-900.0, 0.0], [2000.0, 0.0], [-9e4, 0.0]])


@pytest.fixture(scope="module")
def feeder():
    net = apply_ratings(nw.case33bw(), "uncongested", "case33bw")
    return Feeder(net, members=MEMBERS, limits=FeederLimits(0.95, 1.05))


@pytest.fixture
def points(feeder):
    return PlannedPoints(feeder, SweepFlow(feeder, ladder=(1.0,)), SHARE, PLANS_KW)


def test_broken_limits_are_named_step_by_step(points):
    assert points.violations == (
        (),
        ("undervoltage",),
        ("overvoltage",),
        ("not_converged",),
    )


def test_points_are_those_of_the_plans(feeder, points):
    expected = linearise_many(feeder, SHARE, PLANS_KW)
    assert len(points) == len(expected)
    assert points[3] is None
    for found, point in zip(points[:3], expected, strict=False):
        assert found.exchange_kw == pytest.approx(point.exchange_kw)
        assert found.voltage_pu == pytest.approx(point.voltage_pu, abs=1e-12)
        assert found.current_per_kw == pytest.approx(point.current_per_kw, abs=1e-12)


def test_only_what_is_looked_at_is_linearised(points, monkeypatch):
    asked = []

    def count(feeder, background, exchange_kw):
        asked.append(len(background))
        return linearise_many(feeder, background, exchange_kw)

    monkeypatch.setattr(planned, "linearise_many", count)
    assert points[1] is points[1]
    assert points[-2] is points[2]
    assert asked == [2]
    assert points[0] is not None
    assert asked == [2, 1]


def test_a_step_outside_the_window_is_an_index_error(points):
    with pytest.raises(IndexError):
        points[4]

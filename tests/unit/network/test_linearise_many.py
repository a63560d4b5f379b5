import copy
from dataclasses import fields
from functools import cache

import numpy as np
import pandapower as pp
import pandapower.networks as nw
import pytest

from mmgsim.contracts import Member
from mmgsim.network import (
    Feeder,
    FeederLimits,
    Linearisation,
    SweepFlow,
    apply_ratings,
    linearise,
    linearise_many,
    losses_along_ray,
)

BUSES = (5, 12, 24, 17)


@cache
def _case33_once():
    return nw.case33bw()


def case33():
    """Give a copy of the case, which takes half a second to read."""
    return copy.deepcopy(_case33_once())


def make(net=None, *, buses=BUSES, power_factor=0.95):
    net = case33() if net is None else net
    members = tuple(Member(f"M{k}", 1e4, 1e4, power_factor, bus) for k, bus in enumerate(buses))
    return Feeder(net, members=members, limits=FeederLimits(0.9, 1.1))


def assert_same_point(ours, theirs):
    for field in fields(Linearisation):
        a, b = getattr(ours, field.name), getattr(theirs, field.name)
        assert np.shape(a) == np.shape(b)
        size = 1.0 if field.name == "voltage_pu" else np.max(np.abs(b), initial=0.0)
        tolerance = 1e-8 if field.name == "voltage_pu" else 1e-7 * size
        if np.isfinite(size):
            np.testing.assert_allclose(a, b, rtol=0, atol=tolerance, err_msg=field.name)
        else:
            np.testing.assert_array_equal(a, b)


@pytest.fixture(scope="module")
def feeder():
    return make(apply_ratings(case33(), "wa9", "case33bw"))


def random_points(count, seed=4):
    rng = np.random.default_rng(seed)
    return rng.uniform(0.2, 1.2, count), rng.uniform(-400.0, 900.0, (count, 4))


@pytest.mark.parametrize("power_factor", [None, [1.0, 0.9, 0.97, 0.8]])
def test_many_points_agree_with_one_by_one(feeder, power_factor):
    share, exchange_kw = random_points(70)
    points = linearise_many(feeder, share, exchange_kw, power_factor=power_factor)
    assert len(points) == 70
    for k in (*range(10), 63, 64, 69):
        one = linearise(feeder, share[k], exchange_kw[k], power_factor=power_factor)
        assert_same_point(points[k], one)


def test_radial_points_need_no_pandapower(feeder, monkeypatch):
    def fail(*_, **__):
        raise AssertionError("runpp was called")

    monkeypatch.setattr(pp, "runpp", fail)
    assert None not in linearise_many(feeder, *random_points(3))
    loss_kw, _ = losses_along_ray(feeder, 1.0, np.full(4, 100.0), nodes=[0.0, 0.5, 1.0])
    assert np.isfinite(loss_kw).all()


def test_derivatives_match_finite_differences(feeder):
    share, exchange_kw = random_points(4, seed=9)
    step_kw, flows = 0.1, SweepFlow(feeder)
    for k, point in enumerate(linearise_many(feeder, share, exchange_kw)):
        around = exchange_kw[k] + step_kw * np.vstack([np.eye(4), -np.eye(4)])
        flow = flows.solve(np.full(8, share[k]), around, feeder.q_kvar(around))
        for exact, of in (
            (point.voltage_per_kw, flow.vm_pu),
            (point.current_per_kw, flow.i_ka),
            (point.loss_per_kw, flow.loss_kw),
        ):
            difference = ((of[:4] - of[4:]) / (2 * step_kw)).T
            rows = point.current_ka > 2e-3 if of is flow.i_ka else slice(None)
            scale = np.abs(difference).max()
            np.testing.assert_allclose(exact[rows], difference[rows], rtol=0, atol=1e-5 * scale)


def test_members_at_the_slack_and_on_one_bus_are_told_apart():
    feeder = make(buses=(0, 17, 17))
    exchange_kw = np.array([[50.0, 100.0, -30.0], [0.0, 0.0, 0.0]])
    points = linearise_many(feeder, np.array([1.0, 0.6]), exchange_kw)
    assert not points[0].voltage_per_kw[:, 0].any()
    assert points[0].loss_per_kw[0] == 0.0
    np.testing.assert_array_equal(points[0].voltage_per_kw[:, 1], points[0].voltage_per_kw[:, 2])
    for k in range(2):
        assert_same_point(points[k], linearise(feeder, [1.0, 0.6][k], exchange_kw[k]))


def test_currents_of_zero_have_the_subgradient_zero(feeder):
    (point,) = linearise_many(feeder, np.zeros(1), np.zeros((1, 4)))
    assert not point.current_ka.any()
    assert not point.current_per_kw.any()


def test_points_that_fail_are_none_and_those_near_the_nose_are_not(feeder):
    points = linearise_many(feeder, np.array([1.0, 5.0, 3.6, 0.5]), np.zeros((4, 4)))
    assert [point is None for point in points] == [False, True, False, False]
    assert_same_point(points[2], linearise(feeder, 3.6, np.zeros(4)))


def test_a_meshed_feeder_is_linearised_point_by_point():
    net = case33()
    net.line["in_service"] = True
    feeder = make(net)
    share, exchange_kw = random_points(2)
    points = linearise_many(feeder, share, exchange_kw)
    for k in range(2):
        assert_same_point(points[k], linearise(feeder, share[k], exchange_kw[k]))


def test_no_points_and_no_members_are_no_crash(feeder):
    assert linearise_many(feeder, np.zeros(0), np.zeros((0, 4))) == []
    (point,) = linearise_many(make(buses=()), np.ones(1), np.zeros((1, 0)))
    assert point.voltage_per_kw.shape == (33, 0)
    assert point.loss_kw == pytest.approx(202.677, abs=1e-3)


@pytest.mark.parametrize(
    ("background", "exchange_kw"),
    [
        (np.ones(2), np.zeros((1, 4))),
        (np.ones(1), np.zeros(4)),
        (1.0, np.zeros((1, 4))),
        (np.ones(1), np.full((1, 4), np.nan)),
        (np.array([np.inf]), np.zeros((1, 4))),
    ],
)
def test_input_that_does_not_fit_is_refused(feeder, background, exchange_kw):
    with pytest.raises(ValueError, match=r"need|finite"):
        linearise_many(feeder, background, exchange_kw)


def test_points_cannot_be_changed(feeder):
    (point,) = linearise_many(feeder, np.ones(1), np.zeros((1, 4)))
    with pytest.raises(ValueError, match="read-only"):
        point.voltage_per_kw[0, 0] = 1.0

import numpy as np
import pyomo.environ as pyo
import pytest

from mmgsim.network import read_tree
from mmgsim.subproblems import CompiledHighs
from mmgsim.subproblems.cuts import (
    POLYGON_SIDES,
    BranchPoint,
    NetworkColumns,
    RowPool,
    end_current2,
    end_limits,
    guard_excess,
    guards,
    polygons,
    tangent_excess,
    tangents,
)
from mmgsim.subproblems.devices import Horizon
from mmgsim.subproblems.distflow import declare_network
from tests.support import dno, mv

STEPS = 3


@pytest.fixture(scope="module")
def tree():
    return read_tree(dno.feeder_of(dno.RATINGS["A"]))


@pytest.fixture
def rng():
    return np.random.default_rng(7)


def some_point(tree, rng):
    n = len(tree.child)
    p, q = rng.normal(size=(2, n, STEPS))
    v2 = rng.uniform(0.8, 1.2, size=(len(tree.buses), STEPS))
    return BranchPoint(p, q, (p**2 + q**2) / v2[tree.parent], v2)


def as_columns(point):
    return np.concatenate([point.p_pu, point.q_pu, point.i2_pu, point.v2_pu])


def everywhere(tree):
    return np.ones((len(tree.child), STEPS), dtype=bool)


def rated(tree):
    """The feeder's own ratings in every step."""
    return np.repeat(tree.ends.max_pu[:, None], STEPS, axis=1)


def kept(rows, point):
    """Give by how much rows are kept at a point."""
    at = as_columns(point)[:, rows.step]
    return rows.upper - np.asarray((rows.entries.toarray() * at.T).sum(axis=1))


def test_a_tangent_holds_at_every_point_of_the_cone_and_touches_at_its_own(tree, rng):
    touching = some_point(tree, rng)
    rows = tangents(tree, touching, everywhere(tree))
    np.testing.assert_allclose(kept(rows, touching), 0.0, atol=1e-12)
    for _ in range(20):
        assert kept(rows, some_point(tree, rng)).min() >= -1e-12


def test_the_excess_of_tangents_is_what_their_rows_lack(tree, rng):
    touching, other = some_point(tree, rng), some_point(tree, rng)
    lower = BranchPoint(other.p_pu, other.q_pu, 0.5 * other.i2_pu, other.v2_pu)
    rows = tangents(tree, touching, everywhere(tree))
    excess = tangent_excess(tree, touching, lower)
    np.testing.assert_allclose(-kept(rows, lower), excess.ravel(), atol=1e-12)


def test_voltages_without_losses_are_never_below_the_true_ones(tree, rng):
    drawn_kw = rng.normal(0.0, 120.0, size=(len(tree.buses), 40))
    points = tree.solve(drawn_kw, 0.4 * drawn_kw)
    assert points.is_solved.all()
    v, i = points.v_pu.T, points.current_pu.T[tree.child]
    sent = v[tree.parent] * np.conj(i)
    flows = BranchPoint(sent.real, sent.imag, np.abs(i) ** 2, np.abs(v) ** 2)
    lossless = guard_excess(tree, flows) + tree.v_max_pu[tree.child, None] ** 2
    np.testing.assert_array_less(np.abs(v[tree.child]) ** 2, lossless)
    # They are those of the powers alone: LinDistFlow.
    power = (drawn_kw + 0.4j * drawn_kw)[tree.child] / tree.base_kw
    linear = 1.0 - 2.0 * (tree.shared_r_pu @ power.real + tree.shared_x_pu @ power.imag)
    np.testing.assert_allclose(lossless, linear, atol=1e-9)


def test_a_guard_row_says_what_the_excess_says(tree, rng):
    point = some_point(tree, rng)
    rows = guards(tree, everywhere(tree))
    np.testing.assert_allclose(-kept(rows, point), guard_excess(tree, point).ravel())


def test_a_polygon_lies_inside_its_circle_with_corners_on_it(tree):
    n, branch = len(tree.child), tree.ends.branch[1]
    wanted = np.zeros((len(tree.ends), STEPS), dtype=bool)
    wanted[1, 1] = True
    rows = polygons(
        tree, np.full((n + 1, STEPS), (2.0 / tree.ends.max_pu[1]) ** 2), rated(tree), wanted
    )
    assert len(rows) == POLYGON_SIDES
    angle = np.linspace(0.0, 2.0 * np.pi, 400)
    normals = rows.entries.toarray()[:, [branch, n + branch]]
    reach = (rows.upper[:, None] / (normals @ np.stack([np.cos(angle), np.sin(angle)]))).copy()
    reach[reach < 0.0] = np.inf
    least = reach.min(axis=0)
    assert least.max() <= 2.0 + 1e-12
    assert least.max() == pytest.approx(2.0)
    assert least.min() == pytest.approx(2.0 * np.cos(np.pi / POLYGON_SIDES), rel=1e-3)


# ------------------------------------------------------------------- ends with a current to earth
@pytest.fixture(scope="module")
def cigre():
    return read_tree(mv.cigre().feeder)


@pytest.fixture(scope="module")
def flows(cigre):
    """AC points of CIGRE MV, from light to more than any rating."""
    drawn_kw = cigre.load_kw[:, None] * np.array([0.05, 0.6, 1.3])
    points = cigre.solve(drawn_kw, 0.3 * drawn_kw)
    assert points.is_solved.all()
    v, i = points.v_pu.T, points.current_pu.T[cigre.child]
    sent = v[cigre.parent] * np.conj(i)
    return points, BranchPoint(sent.real, sent.imag, np.abs(i) ** 2, np.abs(v) ** 2)


def test_currents_at_ends_are_linear_in_the_flows(cigre, flows):
    points, point = flows
    assert cigre.ends.is_charged.any()
    due = (cigre.end_loading(points).T * cigre.ends.max_pu[:, None]) ** 2
    np.testing.assert_allclose(end_current2(cigre, point), due, rtol=1e-9, atol=1e-12)


def test_end_limits_are_kept_where_the_loading_is_one_at_most(cigre, flows):
    points, point = flows
    loading = cigre.end_loading(points)
    assert loading.min() < 1.0 < loading.max()
    every = np.ones((len(cigre.ends), STEPS), dtype=bool)
    rows = end_limits(cigre, rated(cigre), every)
    at = loading[rows.step, rows.about]
    np.testing.assert_array_equal(kept(rows, point) >= 0.0, at <= 1.0)


def test_no_current_in_series_passes_its_bound_within_the_ratings(cigre, flows):
    points, point = flows
    within = np.ones((len(cigre.child), STEPS), dtype=bool)
    for end, loading in enumerate(cigre.end_loading(points).T):
        within[cigre.ends.branch[end]] &= loading <= 1.0
    bound = np.repeat(cigre.i_max_pu[:, None] ** 2, STEPS, axis=1)
    assert (point.i2_pu[within] <= bound[within]).all()


def test_polygons_of_charged_ends_let_no_overload_pass_and_little_less_than_the_rating(
    cigre, flows
):
    points, point = flows
    loading = cigre.end_loading(points)
    rows = polygons(cigre, point.v2_pu, rated(cigre), np.ones((len(cigre.ends), STEPS), dtype=bool))
    broken = np.zeros_like(loading, dtype=bool)
    np.logical_or.at(broken, (rows.step, rows.about), kept(rows, point) < 0.0)
    assert broken[loading > 1.0].all()
    assert not broken[loading < np.cos(np.pi / POLYGON_SIDES)].any()


@pytest.fixture
def pool(tree):
    model = pyo.ConcreteModel()
    model.network = pyo.Block()
    declare_network(model.network, tree, Horizon(STEPS, 1.0), [])
    model.total = pyo.Objective(expr=model.network.cost)
    solver = CompiledHighs(model)
    return RowPool(solver, NetworkColumns(solver, model.network, tree))


def rows_in(pool):
    """Give the added rows as they stand in HiGHS."""
    lp = pool._solver._highs.getLp()
    first = len(pool._solver.row_limits[0])
    return np.array(lp.row_upper_)[first:]


def test_the_pool_knows_where_its_rows_are_after_some_are_dropped(tree, rng, pool):
    n = len(tree.child)
    wanted = np.ones((len(tree.ends), STEPS), dtype=bool)
    pool.add(polygons(tree, rng.uniform(1.0, 2.0, size=(n + 1, STEPS)), rated(tree), wanted))
    pool.add(tangents(tree, some_point(tree, rng), everywhere(tree)))
    pool.drop(rng.uniform(size=len(pool.rows)) < 0.6)
    pool.add(guards(tree, everywhere(tree)))
    np.testing.assert_allclose(rows_in(pool), pool.rows.upper)
    first = len(pool._solver.row_limits[0])
    np.testing.assert_array_equal(pool._place, first + np.arange(len(pool.rows)))


def test_a_window_that_moves_takes_its_tangents_along(tree, rng, pool):
    pool.add(tangents(tree, some_point(tree, rng), everywhere(tree)))
    steps = pool.rows.step
    pool.move_ahead(1)
    np.testing.assert_array_equal(pool.rows.step, (steps - 1) % STEPS)
    assert len(rows_in(pool)) == len(pool.rows)

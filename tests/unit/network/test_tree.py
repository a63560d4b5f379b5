import copy

import numpy as np
import pandapower as pp
import pandapower.networks as nw
import pytest

from mmgsim.errors import ScenarioError
from mmgsim.network import Feeder, SweepFlow, linearise_many, read_tree
from tests.support import dno

SHARE = np.array([0.4, 1.0, 0.7])
SENT_KW = np.array([[300.0, 0.0, -200.0], [0.0, 500.0, 100.0], [-100.0, 50.0, 800.0]])


@pytest.fixture(scope="module")
def feeder():
    return dno.feeder_of(dno.RATINGS["A"])


@pytest.fixture(scope="module")
def tree(feeder):
    return read_tree(feeder)


def drawn(tree):
    p_kw, q_kvar = tree.background_kw(SHARE)
    np.subtract.at(p_kw, tree.member_bus, SENT_KW.T)
    return p_kw, q_kvar


def test_the_tree_solves_what_the_sweep_solves(feeder, tree):
    points = tree.solve(*drawn(tree))
    flow = SweepFlow(feeder).solve(SHARE, SENT_KW, 0.0 * SENT_KW)
    np.testing.assert_allclose(np.abs(points.v_pu), flow.vm_pu, rtol=0, atol=1e-12)
    np.testing.assert_allclose(tree.losses_kw(points), flow.loss_kw, rtol=1e-12)
    rated = np.isfinite(feeder.line_max_ka)
    loading = 100.0 * tree.loading(points)
    np.testing.assert_allclose(loading[:, rated], flow.loading_percent[:, rated], atol=1e-9)
    assert not loading[:, ~rated].any()


def test_ratings_are_of_the_lines_that_have_one(tree):
    rated = np.flatnonzero(np.isfinite(tree.i_max_pu))
    ends = {(tree.buses[tree.parent[b]], tree.buses[tree.child[b]]) for b in rated}
    assert ends == set(dno.RATINGS["A"])


def test_slopes_are_those_of_differences(tree):
    p_kw, q_kvar = drawn(tree)
    slopes = tree.slopes(tree.solve(p_kw, q_kvar))
    for bus in (0, 5, 17, 30):
        more, less = p_kw.copy(), p_kw.copy()
        more[bus] += 1.0
        less[bus] -= 1.0
        up, down = tree.solve(more, q_kvar), tree.solve(less, q_kvar)
        by_loss = (tree.losses_kw(up) - tree.losses_kw(down)) / 2.0
        np.testing.assert_allclose(slopes.loss[:, bus], by_loss, atol=1e-7)
        for field, of in (("voltage2", "v_pu"), ("current2", "current_pu")):
            high, low = (np.abs(getattr(x, of)[:, tree.child]) ** 2 for x in (up, down))
            np.testing.assert_allclose(
                getattr(slopes, field)[:, :, bus], (high - low) / 2.0, rtol=1e-5, atol=1e-10
            )


def test_slopes_agree_with_the_linearisation_of_the_feeder(feeder, tree):
    slopes = tree.slopes(tree.solve(*drawn(tree)))
    for step, point in enumerate(linearise_many(feeder, SHARE, SENT_KW)):
        # What the one counts as sent out the other counts as drawn.
        np.testing.assert_allclose(point.loss_per_kw, -slopes.loss[step, tree.member_bus])


def test_shared_impedance_is_that_of_the_common_way(tree):
    branch = {tree.buses[bus]: k for k, bus in enumerate(tree.child.tolist())}
    assert tree.shared_r_pu[branch[1], branch[17]] == pytest.approx(tree.r_pu[branch[1]])
    way = [branch[bus] for bus in (1, 2, 3, 4, 5)]  # to where 17 and 32 part
    assert tree.shared_x_pu[branch[17], branch[32]] == pytest.approx(tree.x_pu[way].sum())


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda net: net.line.__setitem__("in_service", True), "closed loop"),
        (lambda net: pp.create_shunt(net, 5, q_mvar=0.1), "'shunt'"),
        (lambda net: net.line.__setitem__("c_nf_per_km", 10.0), "capacitance"),
    ],
)
def test_a_feeder_that_is_no_tree_of_lines_is_refused_with_the_reason(change, reason):
    net = dno.net_with({})
    change(net)
    with pytest.raises(ScenarioError, match=reason) as caught:
        read_tree(Feeder(net, members=()))
    assert "radial feeder of lines" in str(caught.value)


def test_transformers_are_refused():
    net = copy.deepcopy(nw.create_cigre_network_mv())
    with pytest.raises(ScenarioError, match="'trafo'"):
        read_tree(Feeder(net, members=()))

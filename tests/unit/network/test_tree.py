import numpy as np
import pandapower as pp
import pandapower.networks as nw
import pytest

from mmgsim.errors import ScenarioError
from mmgsim.network import (
    Background,
    Feeder,
    FeederLimits,
    SweepFlow,
    linearise_many,
    read_tree,
)
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


def transformer(net, high, low, kv, tap):
    """Connect two buses, the first of the higher voltage; taps are on its side."""
    pp.create_transformer_from_parameters(
        net,
        high,
        low,
        sn_mva=2.0,
        vn_hv_kv=kv[0],
        vn_lv_kv=kv[1],
        vkr_percent=1.0,
        vk_percent=6.0,
        pfe_kw=3.0,
        i0_percent=0.4,
        shift_degree=150.0,
        tap_side="hv",
        tap_neutral=0,
        tap_pos=tap,
        tap_step_percent=2.5,
        tap_changer_type="Ratio",
        parallel=2,
    )


def doubled(net):
    """Give the first transformer a twin with another tap."""
    transformer(net, 0, 1, (110.0, 20.0), 2)


def split(net):
    net.line.loc[3, "in_service"] = False


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda net: net.switch.__setitem__("closed", True), "closed loop"),
        (doubled, "different ratios are parallel"),
        (split, "without supply: 5, 6"),
        (lambda net: pp.create_ext_grid(net, 14), "one ext_grid"),
        (lambda net: pp.create_gen(net, 5, p_mw=0.1), "'gen'"),
        (lambda net: pp.create_ward(net, 5, 0.1, 0.1, 0.1, 0.1), "'ward'"),
    ],
)
def test_a_feeder_that_is_no_tree_is_refused_with_the_reason(change, reason):
    net = cigre()
    change(net)
    with pytest.raises(ScenarioError, match=reason) as caught:
        read_tree(Feeder(net, members=()))
    assert "radial feeder of lines and two-winding transformers" in str(caught.value)


def test_all_reasons_are_given_at_once():
    net = cigre()
    pp.create_gen(net, 5, p_mw=0.1)
    pp.create_ext_grid(net, 14)
    with pytest.raises(ScenarioError) as caught:
        read_tree(Feeder(net, members=()))
    assert len(caught.value.faults) == 2


# ---------------------------------------------------------- transformers, cables, switches, shunts
def cigre(**options):
    return nw.create_cigre_network_mv(**options)


def odd(net):
    """Add whatever the tree takes and CIGRE MV has not.

    Taps, iron, leakage, a shunt, joined buses, a line with a twin of another kind, transformers
    down and up. (Lines that hang open at one end CIGRE MV has.)
    """
    net.trafo["i0_percent"], net.trafo["pfe_kw"] = 0.3, 30.0
    net.trafo.loc[1, ["tap_pos", "tap_neutral", "tap_step_percent"]] = 3.0, 0.0, 1.25
    net.trafo["tap_side"], net.trafo["tap_changer_type"] = "hv", "Ratio"
    net.line["g_us_per_km"] = 3.0
    twin = net.line.loc[2]
    ohm_per_km = twin.r_ohm_per_km, 1.3 * twin.x_ohm_per_km
    pp.create_line_from_parameters(net, twin.to_bus, twin.from_bus, 2.0, *ohm_per_km, 250.0, 0.09)
    pp.create_shunt(net, 8, q_mvar=-0.4, p_mw=0.02)
    joined, low, high = (pp.create_bus(net, kv) for kv in (20.0, 0.4, 30.0))
    pp.create_switch(net, 9, joined, et="b", closed=True)
    pp.create_load(net, joined, 0.3, 0.1)
    transformer(net, joined, low, (20.0, 0.41), -1)
    pp.create_load(net, low, 0.6, 0.2)
    pp.create_storage(net, low, -0.1, 1.0)
    transformer(net, high, 11, (31.0, 20.0), 2)
    pp.create_load(net, high, 0.5, -0.1)
    return net


@pytest.fixture(scope="module", params=["plain", "pv_wind", "odd"])
def with_trafos(request):
    net = odd(cigre()) if request.param == "odd" else None
    if request.param == "plain":
        net = cigre()
    elif request.param == "pv_wind":
        net = cigre(with_der="pv_wind")
    return Feeder(net, members=(), limits=FeederLimits(0.9, 1.1))


@pytest.mark.parametrize("share", [0.0, 0.4, 1.0])
def test_the_tree_solves_what_pandapower_solves(with_trafos, share):
    feeder, tree = with_trafos, read_tree(with_trafos)
    points = tree.solve(*tree.background_kw(np.array([share])))
    net = feeder.working_net()
    net.load["p_mw"], net.load["q_mvar"] = share * net.load.p_mw, share * net.load.q_mvar
    exact = {"tolerance_mva": 1e-10, "lightsim2grid": False, "numba": False}
    pp.runpp(net, init="dc", calculate_voltage_angles=True, **exact)
    at = [tree.places[bus] for bus in feeder.buses]
    np.testing.assert_allclose(tree.vm_pu(points)[0, at], net.res_bus.vm_pu, rtol=0, atol=1e-9)
    loading = np.concatenate([net.res_line.loading_percent, net.res_trafo.loading_percent])
    np.testing.assert_allclose(100.0 * tree.loading(points)[0], loading, rtol=0, atol=1e-6)
    lost_kw = 1e3 * (net.res_line.pl_mw.sum() + net.res_trafo.pl_mw.sum())
    assert tree.losses_kw(points)[0] == pytest.approx(lost_kw, abs=1e-4)
    assert tree.slack_kw(points)[0] == pytest.approx(1e3 * net.res_ext_grid.p_mw[0], abs=1e-4)


def test_slopes_with_ratios_and_admittances_are_those_of_differences(with_trafos):
    tree = read_tree(with_trafos)
    p_kw, q_kvar = tree.background_kw(np.array([0.3, 0.8]))
    slopes = tree.slopes(tree.solve(p_kw, q_kvar))
    for bus in (tree.root, *tree.child[[1, 7, -1]].tolist()):
        more, less = p_kw.copy(), p_kw.copy()
        more[bus] += 5.0
        less[bus] -= 5.0
        up, down = tree.solve(more, q_kvar), tree.solve(less, q_kvar)
        drawn = (tree.slack_kw(up) - tree.slack_kw(down)) / 10.0
        np.testing.assert_allclose(slopes.loss[:, bus], drawn - 1.0, rtol=0, atol=1e-6)
        high, low = (tree.end_loading(x) ** 2 * tree.ends.max_pu**2 for x in (up, down))
        np.testing.assert_allclose(
            slopes.end2[:, :, bus], (high - low) / 10.0, rtol=1e-4, atol=1e-9
        )


def test_buses_that_switches_join_are_one(with_trafos):
    tree = read_tree(with_trafos)
    assert len(tree.buses) == len(set(tree.places.values()))
    if len(with_trafos.buses) > 15:  # the odd one
        assert tree.places[15] == tree.places[9]
        assert 15 not in tree.buses


def test_the_base_of_a_bus_holds_all_ratios_on_its_way():
    tree = read_tree(Feeder(odd(cigre()), members=()))
    tapped = 1.0375  # three steps at the second transformer of the case
    down = (20.0 / 20.0) * (1.0 - 0.025) / (0.41 / 0.4)
    up = (20.0 / 20.0) / (31.0 / 30.0 * 1.05)
    found = {bus: tree.ratio[tree.places[bus]] for bus in (12, 9, 16, 17)}
    assert found == pytest.approx({12: tapped, 9: 1.0, 16: down, 17: up})


def test_steps_follow_the_profiles_of_their_elements():
    net = cigre(with_der="pv_wind")
    net.load["profile"], net.sgen["profile"] = "L", "S"
    net.load.loc[3, "profile"], net.storage["profile"] = "other", None
    background = Background(profiles=("L_pload", "L_qload", "S"))
    tree = read_tree(Feeder(net, members=(), background=background))
    share = np.array([[0.5, 0.2, 0.9], [1.0, 1.0, 0.0]])
    p_kw, q_kvar = tree.background_kw(share)
    fixed = net.load.loc[3]
    loads, sgens = 1e3 * net.load.p_mw.sum(), 1e3 * net.sgen.p_mw.sum()
    due = share[:, 0] * (loads - 1e3 * fixed.p_mw) + 1e3 * fixed.p_mw - share[:, 2] * sgens
    np.testing.assert_allclose(p_kw.sum(axis=0), due)
    mvar = net.load.q_mvar.sum() - fixed.q_mvar
    np.testing.assert_allclose(q_kvar.sum(axis=0), 1e3 * (share[:, 1] * mvar + fixed.q_mvar))
    with pytest.raises(ValueError, match=r"need profile values \(points, 3\); got \(2,\)"):
        tree.background_kw(share[:, 0])

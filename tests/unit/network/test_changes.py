"""The feeder with lines out and other ratings, against a net that was built so."""

import copy
from functools import cached_property

import numpy as np
import pandapower.networks
import pytest

from mmgsim.contracts import Member
from mmgsim.errors import ScenarioError
from mmgsim.network import (
    Feeder,
    FeederChange,
    FeederStates,
    JoinedPoints,
    PlannedPoints,
    apply_ratings,
    find_line,
    linearise_many,
    read_tree,
)

MEMBERS = (Member("MG1", 50.0, 50.0, bus=17), Member("MG2", 50.0, 50.0, bus=32))
SHARE = np.array([0.3, 0.7, 1.0])
EXCHANGE_KW = np.array([[10.0, -20.0], [-30.0, 5.0], [0.0, 0.0]])


def net():
    return apply_ratings(pandapower.networks.case33bw(), "wa9", "case33bw")


@pytest.fixture(scope="module")
def feeder():
    return Feeder(net(), members=MEMBERS)


@pytest.fixture
def states(feeder):
    return FeederStates(feeder)


def test_without_a_change_the_feeder_is_the_very_one(states, feeder):
    assert states.at(FeederChange()).feeder is feeder
    assert states.at(FeederChange()).islanded == frozenset()


def test_every_change_is_made_once(states):
    change = FeederChange(frozenset({6}), frozenset({(0, 0.5)}))
    again = FeederChange(frozenset({6}), frozenset({(0, 0.5)}))
    assert states.at(change) is states.at(again)


def warmed(built):
    """Give a feeder with everything in it that is kept once it was asked for."""
    feeder = Feeder(built, members=MEMBERS)
    kept = [name for name, of in vars(Feeder).items() if isinstance(of, cached_property)]
    assert {"solver", "radial", "ends_max_ka"} <= set(kept)
    for name in kept:
        getattr(feeder, name)
    return feeder


def test_a_rating_is_that_of_the_tree_although_the_usual_feeder_was_in_use():
    usual = warmed(net())
    tree, changed = (read_tree(one).ends for one in (usual, usual.changed([], {24: 0.5})))
    at = usual.lines.index(24)
    factor = np.where(tree.element == at, 0.5, 1.0)
    assert (factor < 1.0).any()
    np.testing.assert_allclose(changed.max_pu, factor * tree.max_pu, rtol=1e-12)


@pytest.mark.parametrize("closed", [[], [35]], ids=["tree", "loop"])
def test_a_rating_is_that_of_plans_although_the_usual_feeder_was_in_use(closed):
    built = net()
    built.line.loc[closed, "in_service"] = True
    usual = warmed(built)
    (point,) = linearise_many(usual.changed([], {16: 0.5}), SHARE[:1], EXCHANGE_KW[:1])
    due = usual.line_max_ka.copy()
    due[usual.lines.index(16)] *= 0.5
    np.testing.assert_allclose(point.step().current_max_ka[: len(due)], due, rtol=1e-12)


def test_changes_of_a_changed_feeder_add_up_and_leave_the_first_one_alone():
    usual = warmed(net())
    twice = usual.changed([17], {24: 0.5}).changed([6], {24: 0.5, 3: 2.0})
    factor = np.ones(len(usual.lines))
    factor[24], factor[3] = 0.25, 2.0
    np.testing.assert_allclose(twice.line_max_ka, factor * usual.line_max_ka, rtol=1e-12)
    out = usual.net.line.in_service & ~twice.net.line.in_service
    assert np.flatnonzero(out).tolist() == [6, 17]
    assert twice.background_kw == usual.background_kw
    assert twice.member_sgens == usual.member_sgens


@pytest.mark.parametrize(
    ("line", "islanded"), [(6, {"MG1"}), (24, {"MG2"}), (0, {"MG1", "MG2"}), (17, set())]
)
def test_an_outage_is_the_net_with_the_line_out(states, line, islanded):
    """Buses 7 to 17 hang on line 6, 25 to 32 on line 24, all on line 0, 18 to 21 on line 17."""
    state = states.at(FeederChange(frozenset({line})))
    assert state.islanded == islanded
    built = net()
    built.line.loc[line, "in_service"] = False
    reference = Feeder(built, members=MEMBERS)
    assert state.feeder.radial is None  # buses without supply are nothing for the sweep
    found = state.sweep.solve(SHARE, EXCHANGE_KW, 0.0 * EXCHANGE_KW)
    due = (
        FeederStates(reference).at(FeederChange()).flow.solve(SHARE, EXCHANGE_KW, 0.0 * EXCHANGE_KW)
    )
    assert found.vm_pu == pytest.approx(due.vm_pu, abs=1e-10, nan_ok=True)
    assert found.unserved_kw == pytest.approx(due.unserved_kw, abs=1e-9)
    assert found.status == due.status


def test_an_outage_that_a_tie_makes_good_leaves_nobody_in_the_dark():
    """With tie 35 (bus 17 to 32) closed, line 6 out makes another tree of the same buses."""
    closed = net()
    closed.line.loc[35, "in_service"] = True
    state = FeederStates(Feeder(closed, members=MEMBERS)).at(FeederChange(frozenset({6})))
    assert state.islanded == frozenset()
    assert state.feeder.radial is not None


def test_a_change_leaves_the_usual_feeder_alone(feeder, states):
    before = copy.deepcopy(feeder.net.line)
    states.at(FeederChange(frozenset({6}), frozenset({(0, 0.5)})))
    assert feeder.net.line.equals(before)
    assert feeder.radial is not None


def test_a_rating_is_multiplied_and_nothing_else_changes(feeder, states):
    state = states.at(FeederChange(ratings=frozenset({(3, 0.5)})))
    at = feeder.lines.index(3)
    due_ka = feeder.line_max_ka.copy()
    due_ka[at] *= 0.5
    assert (state.feeder.line_max_ka == due_ka).all()
    usual, changed = (linearise_many(one, SHARE, EXCHANGE_KW) for one in (feeder, state.feeder))
    for before, after in zip(usual, changed, strict=True):
        assert (before.voltage_pu == after.voltage_pu).all()
        assert (before.current_per_kw == after.current_per_kw).all()
        assert after.current_max_ka[at] == 0.5 * before.current_max_ka[at]


def test_who_is_in_the_dark_moves_nothing(states):
    state = states.at(FeederChange(frozenset({6})))
    (point,) = linearise_many(state.feeder, SHARE[:1], EXCHANGE_KW[:1])
    assert (point.current_per_kw[:, 0] == 0.0).all()
    assert (np.nan_to_num(point.voltage_per_kw[:, 0]) == 0.0).all()
    assert (np.nan_to_num(point.voltage_per_kw[:, 1]) != 0.0).any()


def test_points_of_a_window_with_an_outage_are_those_of_each_part(feeder, states):
    out = states.at(FeederChange(frozenset({6})))
    usual = states.at(FeederChange())
    kw = 40.0 * EXCHANGE_KW  # far too much for the feeder
    joined = JoinedPoints(
        [
            ([0, 2], PlannedPoints(feeder, usual.sweep, SHARE[[0, 2]], kw[[0, 2]])),
            ([1], PlannedPoints(out.feeder, out.sweep, SHARE[[1]], kw[[1]])),
        ]
    )
    whole = PlannedPoints(feeder, usual.sweep, SHARE, kw)
    assert len(joined) == 3
    assert [joined.violations[k] for k in (0, 2)] == [whole.violations[k] for k in (0, 2)]
    assert joined[-1].voltage_pu == pytest.approx(whole[2].voltage_pu)
    assert len(joined[1].voltage_pu) == 33 - 11  # dark buses have no limits to keep
    assert [point.exchange_kw.tolist() for point in joined[:]] == kw.tolist()
    assert set(joined.broken) == {k for k in range(3) if joined.violations[k]}
    assert joined.broken[2].vm_pu == pytest.approx(whole.broken[2].vm_pu)


def test_a_line_goes_by_index_or_by_a_name_that_is_its_alone():
    own = net()
    own.line.loc[5, "name"] = "main"
    own.line.loc[[7, 8], "name"] = "twin"
    assert (find_line(own, 5), find_line(own, "main")) == (5, 5)
    for line, told in ((99, "0 to 36"), ("mian", "did you mean 'main'"), ("twin", "[7, 8]")):
        with pytest.raises(ScenarioError) as caught:
            find_line(own, line)
        assert told in caught.value.faults[0].cure

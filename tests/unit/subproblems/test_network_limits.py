"""Rows of the network: what they say of exchanges, and what their multipliers are worth."""

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from mmgsim.contracts import LimitKind, NetworkQuery, NetworkRows, Tariff, Window, frozen
from mmgsim.coordination import pair_charges_per_kwh
from mmgsim.subproblems import NetworkLimits, network_rows
from mmgsim.testing.samples import sample_operator_view

WINDOW = Window(0, 2, 0.5, datetime(2021, 1, 11, tzinfo=UTC))
HIGH, CURRENT = LimitKind.VOLTAGE_MAX, LimitKind.CURRENT


def rows(limit=(10.0, 4.0), kind=(HIGH, CURRENT), *, loss_kw=(3.0, 1.0)):
    """Two microgrids; a row in each of two half hours."""
    return NetworkRows(
        window=WINDOW,
        members=("A", "B"),
        offset=(0, 1),
        limit_kind=kind,
        element=(7, 2),
        coefficient=frozen([[1.0, 0.5], [-1.0, 1.0]]),
        limit=frozen(limit),
        share_per_kw=frozen([0.01, 0.02]),
        loss_kw=frozen(loss_kw),
        loss_per_kw=frozen([[0.1, 0.0], [0.0, -0.2]]),
    )


def limits(price=0.0):
    return NetworkLimits.none(2, frozen([price, price]))


NOTHING = np.zeros((2, 2))


def test_a_row_is_broken_by_what_is_beyond_it():
    known = limits().learn(rows(), NOTHING)
    assert not known.are_broken(np.array([[10.0, 0.0], [0.0, 4.0]]))
    assert known.are_broken(np.array([[10.0, 0.0], [0.1, 0.0]]))
    assert known.are_broken(np.array([[0.0, 0.0], [0.0, 4.1]]))


def test_who_is_part_of_a_full_limit_is_at_it_in_whichever_step():
    """Rows: A + B / 2 <= 10 in the first half hour, B <= 4 in the second."""
    apart = replace(rows(), coefficient=frozen([[1.0, 0.5], [0.0, 1.0]]))
    known = limits().learn(apart, NOTHING)
    for exchange_kw, at_limits in (
        ([[0.0, 0.0], [0.0, 0.0]], [False, False]),
        ([[10.0, 0.0], [0.0, 0.0]], [True, True]),
        ([[0.0, 0.0], [0.0, 4.0]], [False, True]),
        ([[9.9, 0.0], [0.0, 3.9]], [False, False]),  # a little room is room
    ):
        assert known.members_at_limits(np.array(exchange_kw)).tolist() == at_limits


def test_losses_are_no_limit_to_be_at():
    known = limits(price=0.1).learn(rows(limit=(100.0, 100.0)), NOTHING)
    assert not known.members_at_limits(np.array([[10.0, 0.0], [0.0, 4.0]])).any()


def test_a_tangent_that_leaves_less_room_than_there_is_goes():
    known = limits().learn(rows(), NOTHING).learn(rows(limit=(12.0, 3.5)), NOTHING)
    assert sorted(known.limit) == [3.5, 4.0, 12.0]
    assert known.places() == ((1, CURRENT, 2), (0, HIGH, 7))
    kinds = (LimitKind.VOLTAGE_MIN, CURRENT)
    assert limits().learn(rows(kind=kinds), NOTHING).moving().places() == ((1, CURRENT, 2),)


def test_a_current_is_limited_in_both_directions():
    """Its tangent where power flows one way leaves more than enough room where it flows back."""
    there, back = rows(), rows(limit=(10.0, 7.0))
    back = replace(back, coefficient=-there.coefficient)
    flowing_back = np.array([[-10.0, 0.0], [0.0, -7.0]])
    known = limits().learn(there, NOTHING).learn(back, flowing_back)
    assert sorted(known.limit) == [4.0, 7.0, 10.0, 10.0]


def test_room_is_gained_where_the_tangent_that_binds_has_moved_on():
    before = limits().learn(rows(), NOTHING)
    after = before.learn(rows(limit=(12.0, 4.0)), NOTHING)
    assert after.gained_room(before, np.array([[10.0, 0.0], [0.0, 0.0]]))
    assert not after.gained_room(before, np.array([[9.0, 0.0], [0.0, 0.0]]))  # it did not bind
    assert not before.learn(rows(), NOTHING).gained_room(before, np.array([[10.0, 0.0]] * 2).T)
    assert limits().gained_room(before, np.array([[10.0, 0.0], [0.0, 0.0]]))  # none any more


def test_a_multiplier_charges_those_who_take_the_room():
    known = limits().learn(rows(), NOTHING)
    charges = known.charges_per_kwh(np.array([0.2, 0.1]), 0.5)
    assert charges == pytest.approx(np.array([[0.4, -0.2], [0.2, 0.2]]))


def test_losses_are_at_least_their_tangents():
    known = limits(0.25).learn(rows(), NOTHING)
    exchange_kw = np.array([[10.0, 0.0], [0.0, 2.0]])
    assert known.loss_kw(exchange_kw) == pytest.approx([4.0, 0.6])
    assert known.loss_cost(exchange_kw, 0.5) == pytest.approx(0.5 * 0.25 * 4.6)


def test_losses_that_nobody_pays_are_left_out():
    assert not limits().learn(rows(), NOTHING).is_loss.any()
    assert not limits(-0.1).learn(rows(), NOTHING).is_loss.any()


def test_a_step_without_a_power_flow_says_nothing_of_losses():
    known = limits(0.25).learn(rows(loss_kw=(3.0, np.nan)), NOTHING)
    assert known.is_loss.sum() == 1


def test_multipliers_of_losses_add_up_to_their_price_at_most():
    known = limits(0.2).learn(rows(), NOTHING).learn(rows(), NOTHING)
    given = np.where(known.is_loss, 0.2, 5.0)
    bounded = known.bounded(given[None, :], 0.5)[0]
    assert bounded[~known.is_loss] == pytest.approx(5.0)
    for step in range(2):
        assert bounded[known.is_loss & (known.offset == step)].sum() == pytest.approx(0.1)


def test_what_had_a_price_is_remembered_for_its_own_step():
    known = limits().learn(rows(), NOTHING)
    memory = known.memory(np.array([0.0, 0.3]), WINDOW)
    later = Window(1, 2, 0.5, datetime(2021, 1, 11, 0, 30, tzinfo=UTC))
    again = limits().remembering(memory, later)
    assert (again.offset.tolist(), again.limit.tolist()) == ([0], [4.0])
    beyond = Window(2, 2, 0.5, datetime(2021, 1, 11, 1, tzinfo=UTC))
    assert len(limits().remembering(memory, beyond)) == 0


def test_memory_of_other_microgrids_is_not_used():
    memory = limits().learn(rows(), NOTHING).memory(np.ones(2), WINDOW)
    assert len(NetworkLimits.none(3, np.zeros(2)).remembering(memory, WINDOW)) == 0


# ------------------------------------------------------------------------------- the DNO's answer
def answer(seed, scale, again=()):
    view = sample_operator_view(seed)
    names = tuple(member.name for member in view.members)
    exchange_kw = {
        member.name: np.full(view.window.steps, scale * member.export_limit_kw)
        for member in view.members
    }
    query = NetworkQuery(window=view.window, exchange_kw=exchange_kw, again=again)
    return network_rows(query, view.background, names), exchange_kw


@pytest.mark.parametrize("seed", [1, 2, 3, 5])  # the others have no network
def test_every_row_is_kept_by_zero_exchange(seed):
    told, _ = answer(seed, 3.0)
    assert len(told.limit) > 0
    assert (told.limit >= 0.0).all()
    assert np.abs(told.coefficient).max(axis=1) == pytest.approx(1.0)


@pytest.mark.parametrize("seed", [1, 2, 3, 5])  # the others have no network
def test_a_pattern_that_breaks_no_limit_gets_no_rows(seed):
    told, _ = answer(seed, 0.0)
    assert len(told.limit) == 0


def test_a_limit_is_told_again_where_it_is_asked_for():
    told, _ = answer(1, 0.0, again=((2, HIGH, 1),))
    assert (told.offset, told.limit_kind, told.element) == ((2,), (HIGH,), (1,))


# ------------------------------------------------------------------------------ charges of a pair
def test_a_pair_pays_for_the_losses_that_its_trade_causes():
    tariff = Tariff(
        window=WINDOW,
        import_per_kwh=frozen([0.3, 0.3]),
        export_per_kwh=frozen([0.1, 0.1]),
        network_charge_per_kwh=frozen([0.1, 0.1]),
        local_charge_per_kwh=frozen([0.05, 0.05]),
        upstream_per_kwh=frozen([0.2, 0.2]),
        imbalance_per_kwh=0.0,
        fixed_per_day=0.0,
    )
    charges = pair_charges_per_kwh(rows(loss_kw=(3.0, np.nan)), tariff)
    assert charges[0, 1] == pytest.approx([0.05 + 0.2 * 0.1, 0.05 + 0.2 * 0.2])
    assert charges[1, 0] == pytest.approx([0.05 - 0.2 * 0.1, 0.05 - 0.2 * 0.2])
    assert not charges[[0, 1], [0, 1]].any()

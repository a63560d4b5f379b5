"""A plan apart from what becomes of it."""

import pandas as pd
import pytest

from mmgsim.engine import build

HOW = [
    ("central", "1h"),
    ("central", "1d"),
    ("prices", "1d"),
    ("hierarchical", "6h"),
    ("auction", "1h"),
]
TABLES = ("dispatch", "ledger", "steps", "buses")


def model_of(coordination, every):
    return build("duo", coordination=coordination, overrides={"days": 1, "gate.every": every})


def run_to_end(model):
    while not model.clock.is_finished:
        model.step()
    return {name: model.table(name) for name in TABLES}


@pytest.mark.parametrize(("coordination", "every"), HOW)
def test_steps_after_a_plan_are_those_of_a_run(coordination, every):
    whole = run_to_end(model_of(coordination, every))
    model = model_of(coordination, every)
    while not model.clock.is_finished:
        model.plan()
        model.plan()  # once is enough
        model.step()
    for name, table in whole.items():
        pd.testing.assert_frame_equal(model.table(name), table)
    assert len(model.table("gates")) == {"1h": 24, "6h": 4, "1d": 1}[every]


@pytest.mark.parametrize(("coordination", "every"), HOW)
def test_a_plan_taken_over_by_another_model_has_the_same_day(coordination, every):
    planning = model_of(coordination, every)
    planning.plan()
    planned = planning.snapshot()
    whole = run_to_end(planning)
    other = model_of(coordination, every)
    other.take_over(planned)
    again = run_to_end(other)
    for name, table in whole.items():
        pd.testing.assert_frame_equal(again[name], table, atol=1e-6)


def test_a_plan_can_be_taken_over_again_and_again():
    planning = model_of("central", "1d")
    planning.plan()
    planned = planning.snapshot()
    other = model_of("central", "1d")
    seen = []
    for _ in range(2):
        other.take_over(planned)
        begun = len(other.table("dispatch"))
        seen.append(run_to_end(other)["dispatch"].iloc[begun:].reset_index(drop=True))
    pd.testing.assert_frame_equal(*seen)
    assert len(seen[0]) == 2 * 24


def test_a_snapshot_before_anything_is_that_of_a_model_as_new():
    model = model_of("central", "6h")
    state = model.snapshot()
    first = run_to_end(model)["dispatch"]
    model.take_over(state)
    again = run_to_end(model)["dispatch"].iloc[len(first) :].reset_index(drop=True)
    pd.testing.assert_frame_equal(again, first)


def test_a_plan_before_the_run_is_over_does_nothing_past_its_end():
    model = model_of("isolated", "1d")
    run_to_end(model)
    model.plan()
    assert model.clock.is_finished
    assert len(model.table("dispatch")) == 2 * 24

"""Errors say what, where and what would do, and survive the way between processes."""

import pickle
from pathlib import Path

import pytest

from mmgsim.errors import (
    CheckpointError,
    ComparisonEndedEarlyError,
    ComparisonError,
    ContractError,
    Fault,
    MmgsimError,
    NothingToDrawError,
    PackageError,
    PlugInError,
    RunEndedEarlyError,
    ScenarioError,
    SubproblemError,
    UnknownNameError,
    near_miss,
)
from mmgsim.profiles import SeriesError

ERRORS = [
    ComparisonEndedEarlyError(Path("runs/x"), {}, None),
    ComparisonError("runs/x, runs/y", [Fault("seed", "1 in runs/x, 2 in runs/y")]),
    ContractError("MG1", ["oversold", "overslept"]),
    RunEndedEarlyError(Path("runs/x"), 7),
    ScenarioError("scenario.yaml", [Fault("days", "is 0", "use 1", 3)]),
    SeriesError("series.csv", [Fault("row 3", "is no number")]),
    SubproblemError("MG1", 5, "Infeasible", ["balance[3]"]),
    UnknownNameError("strategy", "cost-minimizer", ["cost-minimiser"]),
    PackageError("strategy", "shaver", "of kit 1.2 cannot be loaded", "mend the package"),
    PlugInError("MG1", "dispatching", KeyError("nothing")),
    CheckpointError("cannot be written"),
    NothingToDrawError("there was no trade"),
]


def test_every_error_is_tried_here():
    def kinds(root):
        return {kind for sub in root.__subclasses__() for kind in [sub, *kinds(sub)]}

    concrete = {kind for kind in kinds(MmgsimError) if not kind.__subclasses__()}
    assert {type(error) for error in ERRORS} == concrete


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_an_error_survives_the_way_from_a_worker_process(error):
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is type(error)
    assert str(again) == str(error)
    assert repr(again.__dict__) == repr(error.__dict__)  # exceptions inside have no equality


def test_a_fault_gives_place_line_and_cure():
    assert str(Fault("days", "is 0", "use 1 or more", 3)) == "days (line 3): is 0; use 1 or more"


def test_a_near_miss_is_offered_with_the_list():
    assert near_miss("centrl", ["isolated", "central"]).startswith("did you mean 'central'?")
    assert near_miss("x", []) == "known: none"

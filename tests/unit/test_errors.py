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
    GymError,
    JudgementEndedEarlyError,
    MissingExtraError,
    MmgsimError,
    ModelError,
    NothingToDrawError,
    PackageError,
    PlugInError,
    PortTakenError,
    RunEndedEarlyError,
    ScenarioError,
    SubproblemError,
    SweepEndedEarlyError,
    UnknownNameError,
    YearEndedEarlyError,
    near_miss,
)
from mmgsim.profiles import SeriesError

ERRORS = [
    ComparisonEndedEarlyError(Path("runs/x"), {}, None),
    ComparisonError("runs/x, runs/y", [Fault("seed", "1 in runs/x, 2 in runs/y")]),
    ContractError("MG1", ["oversold", "overslept"]),
    GymError("actions", [Fault("MG1", "has no action", "give one")]),
    ModelError("MG1", "Capped", "it lacks miss_cost"),
    RunEndedEarlyError(Path("runs/x"), 7),
    ScenarioError("scenario.yaml", [Fault("days", "is 0", "use 1", 3)]),
    SeriesError("series.csv", [Fault("row 3", "is no number")]),
    SubproblemError("MG1", 5, "Infeasible", ["balance[3]"]),
    UnknownNameError("strategy", "cost-minimizer", ["cost-minimiser"]),
    PackageError("strategy", "shaver", "of kit 1.2 cannot be loaded", "mend the package"),
    PlugInError("MG1", "dispatching", KeyError("nothing")),
    CheckpointError("cannot be written"),
    MissingExtraError("view", ["solara"]),
    NothingToDrawError("there was no trade"),
    PortTakenError(8765),
    JudgementEndedEarlyError(Path("runs"), {"central, future 3": "it broke"}, None),
    SweepEndedEarlyError(Path("runs"), {3: "it broke"}, None),
    YearEndedEarlyError(Path("runs/x"), {}, None),
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


def test_of_many_known_names_the_nearest_are_listed_and_the_others_counted():
    said = near_miss("grod", ["grid", *(f"code-{number}" for number in range(300))])
    assert said.startswith("did you mean 'grid'? known: grid, code-")
    assert said.endswith(", and 289 more")
    assert said.count("code-") == 11


def test_a_conflict_is_told_by_component_with_the_users_own_first():
    names = [
        *(f"own.balance[{t}]" for t in range(24)),
        *(f"own.device[bess].power[{t}]" for t in (0, 1, 5)),
        "bounds of own.device[bess].in_kw[3]",
        *(f"own.cap[{t}]" for t in range(24)),
    ]
    error = SubproblemError("MG1", 0, "Infeasible", names)
    assert str(error).endswith(
        "these cannot hold together: own.cap[0..23], own.balance[0..23], "
        "own.device[bess].power[0..1, 5], bounds of own.device[bess].in_kw[3]"
    )
    assert error.conflict == tuple(names)


def test_a_long_conflict_is_cut_in_the_message_only():
    error = SubproblemError(
        "MG1", 0, "Infeasible", [f"row_{letter}" for letter in "abcdefghijklmno"]
    )
    assert str(error).endswith("row_l, and 3 more (see `conflict`)")
    assert len(error.conflict) == 15


@pytest.mark.parametrize(
    ("name", "known", "meant"),
    [("PV", ["pv", "wind"], "pv"), ("pv", ["PV"], "PV"), ("Wa9", ["wa9", "wa99"], "wa9")],
)
def test_capital_letters_make_no_difference_to_what_is_near(name, known, meant):
    assert near_miss(name, known).startswith(f"did you mean {meant!r}? known: ")

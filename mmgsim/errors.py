"""What can go wrong, one class per thing, each holding what it is about.

Physics that fails (an island, a power flow that does not converge) and energy that lacks (load
shed, renewable energy spilled) are results of a study, not errors: they are recorded, not raised.
"""

from __future__ import annotations

import re
import traceback
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

__all__ = [
    "CheckpointError",
    "ComparisonEndedEarlyError",
    "ComparisonError",
    "ContractError",
    "Fault",
    "GymError",
    "InputError",
    "JudgementEndedEarlyError",
    "MissingExtraError",
    "MmgsimError",
    "ModelError",
    "NothingToDrawError",
    "PackageError",
    "PlugInError",
    "PortTakenError",
    "ResultsError",
    "RunEndedEarlyError",
    "ScenarioError",
    "SubproblemError",
    "SweepEndedEarlyError",
    "UnknownNameError",
    "YearEndedEarlyError",
    "near_miss",
]


_SHOWN = 12
"""How many known names are listed; the others are counted."""


def near_miss(name: str, known: Iterable[str]) -> str:
    """Say which known name was probably meant, and list them all, or the nearest of very many.

    Capital letters make no difference to what is near.

    Examples
    --------
    >>> near_miss("centrl", ["isolated", "central"])
    "did you mean 'central'? known: central, isolated"
    """
    names = sorted(known)
    plain = {each.casefold(): each for each in names} | {each: each for each in names}
    close = get_close_matches(name, names, n=1) or get_close_matches(name.casefold(), plain, n=1)
    hint = f"did you mean {plain[close[0]]!r}? " if close else ""
    shown = names
    if len(names) > _SHOWN:
        shown = get_close_matches(name, names, n=_SHOWN, cutoff=0.0)
        shown.append(f"and {len(names) - len(shown)} more")
    return f"{hint}known: {', '.join(shown) if shown else 'none'}"


def ranges(numbers: Iterable[int]) -> str:
    """Write whole numbers shortly, each once.

    Examples
    --------
    >>> ranges([40, 0, 1, 2, 1])
    '0-2, 40'
    """
    runs: list[list[int]] = []
    for number in sorted(set(numbers)):
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return ", ".join(str(a) if a == b else f"{a}-{b}" for a, b in runs)


class MmgsimError(Exception):
    """Root of everything this package raises on purpose.

    Can be pickled, whatever its constructor takes: worker processes hand errors back that way.
    """

    def __reduce__(self) -> tuple[Any, ...]:
        """Say how to make the error again, without calling `__init__`."""
        return _made_again, (type(self), self.args, dict(self.__dict__))


def _made_again(
    kind: type[MmgsimError], args: tuple[Any, ...], state: dict[str, Any]
) -> MmgsimError:
    error = kind.__new__(kind)
    error.args = args
    error.__dict__.update(state)
    return error


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault of an input: where it is, what is wrong, what was given and what would do.

    Warnings are faults as well, in a list of their own: of what can be run but is seldom meant.
    """

    where: str
    what: str
    cure: str = ""
    line: int | None = None
    origin: str = ""
    """Where a value comes from that stands in no file."""

    def __str__(self) -> str:
        """One line: place, fault, cure."""
        place = self.origin if self.line is None else f"line {self.line}"
        cure = f"; {self.cure}" if self.cure else ""
        return f"{self.where}{f' ({place})' if place else ''}: {self.what}{cure}"


class InputError(MmgsimError):
    """Something that was given and cannot be used, with all its faults.

    Attributes
    ----------
    source : str
        The file, name or setting it is about.
    faults : tuple of Fault
        Every fault found, in the order of the file.
    """

    def __init__(self, source: str, faults: Iterable[Fault]) -> None:
        self.source = source
        self.faults = tuple(faults)
        count = len(self.faults)
        head = f"{source}: {count} fault{'' if count == 1 else 's'}"
        super().__init__("\n".join([head, *(f"  - {fault}" for fault in self.faults)]))


class ScenarioError(InputError):
    """A scenario that cannot be run."""


class ComparisonError(InputError):
    """Runs, or coordinations, that cannot stand side by side."""


class GymError(InputError, ValueError):
    """What an environment was given and cannot use: agents, actions, overrides of an episode."""


class UnknownNameError(MmgsimError):
    """A name that nothing is registered under.

    Attributes
    ----------
    kind, name : str
        What was looked for ("strategy") and the name that was given.
    what, cure : str
        What is wrong and what would do.
    """

    def __init__(self, kind: str, name: str, known: Iterable[str], *, why: str = "") -> None:
        self.kind = kind
        self.name = name
        reason = f" ({why})" if why else ""
        self.what = f"no {kind} {name!r}{reason}"
        own = "or give your own as 'package.module:Class' or 'path/to/file.py:Class'"
        self.cure = f"{near_miss(name, known)}; {own}"
        super().__init__(f"{self.what}; {self.cure}")


class PackageError(MmgsimError):
    """A name that packages register, and that cannot be used as it is.

    Attributes
    ----------
    kind, name : str
        What was looked for ("strategy") and the name that was given.
    what, cure : str
        What is wrong and what would do.
    """

    def __init__(self, kind: str, name: str, why: str, cure: str) -> None:
        self.kind = kind
        self.name = name
        self.what = f"{kind} {name!r} {why}"
        self.cure = cure
        super().__init__(f"{self.what}; {cure}")


class SubproblemError(MmgsimError):
    """An optimisation problem that did not end optimal.

    Attributes
    ----------
    agent, status : str
        Whose problem it was and what the solver said.
    step : int
        The first step of the window it planned.
    conflict : tuple of str
        Names of Pyomo constraints and variables that cannot hold together, where known; the
        message gives them by component.
    """

    def __init__(self, agent: str, step: int, status: str, conflict: Iterable[str] = ()) -> None:
        self.agent = agent
        self.step = step
        self.status = status
        self.conflict = tuple(conflict)
        groups = _by_component(self.conflict)
        if len(groups) > _GROUPS:
            groups = [*groups[:_GROUPS], f"and {len(groups) - _GROUPS} more (see `conflict`)"]
        why = f"; these cannot hold together: {', '.join(groups)}" if groups else ""
        super().__init__(
            f"the problem of {agent} at step {step} ended {status!r}, not optimal{why}"
        )

    @property
    def is_out_of_time(self) -> bool:
        """Whether the solver had nothing yet when its time was up."""
        return self.status == "Time limit reached"


_GROUPS = 12
"""So many components are named in a message."""
_LAST_INDEX = re.compile(r"(.*)\[(\d+)\]")
_OF_A_DEVICE = re.compile(r"(^|[ .])device\[")
_OF_OURS = re.compile(r"added |(.* )?((member\[[^]]*\]\.)?own\.)?(balance|exchange(_kw)?)$")


def _by_component(names: Iterable[str]) -> list[str]:
    """Group names by component: what somebody wrote first, devices and balances after.

    Examples
    --------
    >>> _by_component(["own.device[bess].power[1]", "own.cap[0]", "own.cap[1]", "own.cap[5]"])
    ['own.cap[0..1, 5]', 'own.device[bess].power[1]']
    """
    found: dict[str, list[int]] = {}
    for name in names:
        match = _LAST_INDEX.fullmatch(name)
        found.setdefault(match[1] if match else name, []).extend([int(match[2])] if match else [])
    ours = sorted(found, key=lambda name: bool(_OF_A_DEVICE.search(name) or _OF_OURS.match(name)))
    return [f"{name}[{_runs(found[name])}]" if found[name] else name for name in ours]


def _runs(numbers: Sequence[int]) -> str:
    """Write numbers as runs: ``0..3, 7``."""
    ordered = sorted(set(numbers))
    starts = [n for n in ordered if n - 1 not in ordered]
    ends = [n for n in ordered if n + 1 not in ordered]
    pairs = zip(starts, ends, strict=True)
    return ", ".join(f"{one}" if one == last else f"{one}..{last}" for one, last in pairs)


class ModelError(MmgsimError):
    """A private Pyomo model that cannot be priced: something is missing, or is not linear.

    Attributes
    ----------
    agent, owner : str
        Whose model it is, and the class or function that declared it.
    """

    def __init__(self, agent: str, owner: str, fault: str) -> None:
        self.agent = agent
        self.owner = owner
        super().__init__(
            f"the private model of {agent}, declared by {owner}, cannot be used: {fault}"
        )


class ContractError(MmgsimError):
    """A strategy, operator or market that broke its contract.

    Attributes
    ----------
    agent : str
        Whose strategy it was.
    faults : tuple of str
        Every promise that was broken.
    """

    def __init__(self, agent: str, faults: Iterable[str]) -> None:
        self.agent = agent
        self.faults = tuple(faults)
        super().__init__("\n  - ".join([f"{agent} broke its contract:", *self.faults]))


class PlugInError(MmgsimError):
    """A strategy, operator, market or mechanism that raised, or took too long.

    Attributes
    ----------
    agent, doing : str
        Whose it is, and what it was asked to do.
    cause : BaseException
        What it raised.
    """

    def __init__(self, agent: str, doing: str, cause: BaseException) -> None:
        self.agent = agent
        self.doing = doing
        self.cause = cause
        super().__init__(f"{agent} failed {doing}: {_described(cause)}")


def _described(error: BaseException) -> str:
    """Give kind, message and place of an error, without the folders of this machine."""
    try:
        text = str(error) if isinstance(error, MmgsimError) else f"{type(error).__name__}: {error}"
    except Exception:  # noqa: BLE001  somebody else's class, whose text fails too
        text = type(error).__name__
    frames = traceback.extract_tb(error.__traceback__)
    return f"{text} ({Path(frames[-1].filename).name}:{frames[-1].lineno})" if frames else text


class RunEndedEarlyError(MmgsimError):
    """A run that could not go on; its cause is the error's ``__cause__``.

    Attributes
    ----------
    folder : Path
        Where what was simulated can be read.
    steps : int
        How many steps that is.
    """

    def __init__(self, folder: Path, steps: int) -> None:
        self.folder = folder
        self.steps = steps
        super().__init__(
            f"the run ended early; {steps} simulated steps are in {folder}\n"
            f"to go on after the last finished day: the same again with --out {folder} --resume"
        )


class CheckpointError(MmgsimError):
    """A state that cannot be written, or one that a run cannot go on from."""


class ComparisonEndedEarlyError(MmgsimError):
    """A comparison of which some runs failed; the others were made and compared.

    Attributes
    ----------
    folder : Path
        Where the runs and their comparison are.
    failures : dict
        The error of each run that failed, by the run's name.
    comparison : Comparison or None
        Of the runs that finished, if there are any.
    """

    def __init__(self, folder: Path, failures: dict[str, Exception], comparison: Any) -> None:
        self.folder = folder
        self.failures = failures
        self.comparison = comparison
        finished = "none" if comparison is None else ", ".join(comparison.runs)
        super().__init__(
            f"the comparison ended early; failed: {', '.join(failures)}; finished: {finished}; "
            f"what there is, is in {folder}"
        )


class YearEndedEarlyError(MmgsimError):
    """A yearly study of which some days failed; the others were made.

    Attributes
    ----------
    folder : Path
        Where the days and what is known of the year are.
    failures : dict
        The error of each run that failed, by its day and coordination.
    study : YearStudy or None
        Of the runs that finished, if there are any.
    """

    def __init__(self, folder: Path, failures: dict[str, Exception], study: Any) -> None:
        self.folder = folder
        self.failures = failures
        self.study = study
        super().__init__(
            f"the yearly study ended early; failed: {', '.join(failures)}; what there is, is in "
            f"{folder}\nto run only what lacks: the same again with --out {folder} --resume"
        )


class SweepEndedEarlyError(MmgsimError):
    """A sweep of which some runs failed; the others were made.

    Attributes
    ----------
    folder : Path
        Where the runs and their table are.
    failures : dict
        Why each run that failed did, by its number.
    sweep : Sweep or None
        Of the runs that ended, if there are any; failed ones are rows of its table.
    """

    def __init__(self, folder: Path, failures: dict[int, str], sweep: Any, why: str = "") -> None:
        self.folder = folder
        self.failures = failures
        self.sweep = sweep
        several = "" if len(failures) == 1 else "s"
        failed = f"{len(failures)} run{several} failed: {ranges(failures)}" if failures else ""
        reasons = "; ".join(text for text in (why, failed) if text)
        super().__init__(
            f"the sweep ended early; {reasons}; what there is, is in {folder}\n"
            f"to run only what lacks: the same again with --out {folder} --resume"
        )


class JudgementEndedEarlyError(MmgsimError):
    """A judgement in which plans failed in some futures; the others were met.

    Attributes
    ----------
    folder : Path
        Where the table is.
    failures : dict
        Why a plan failed, by its name and the number of the future.
    judgement : Judgement or None
        Of what was met, if anything was.
    """

    def __init__(
        self, folder: Path, failures: dict[str, str], judgement: Any, why: str = ""
    ) -> None:
        self.folder = folder
        self.failures = failures
        self.judgement = judgement
        count = len(failures)
        failed = f"{count} time{'' if count == 1 else 's'} a plan failed" if failures else ""
        reasons = "; ".join(text for text in (why, failed) if text)
        super().__init__(
            f"the judgement ended early; {reasons}; what there is, is in {folder}\n"
            f"to meet only what lacks: the same again with --out {folder} --resume"
        )


class ResultsError(MmgsimError):
    """A result folder that is missing, incomplete or not one of ours."""


class NothingToDrawError(ResultsError):
    """A picture of what a run does not have; the message says why, as a sentence."""


class MissingExtraError(MmgsimError):
    """Packages that are not installed by default and that something needs.

    Attributes
    ----------
    extra : str
        What brings them.
    packages : tuple of str
        Those that lack.
    """

    def __init__(self, extra: str, packages: Iterable[str]) -> None:
        self.extra = extra
        self.packages = tuple(packages)
        super().__init__(
            f"this needs {' and '.join(self.packages)}, which {_is_or_are(self.packages)} not "
            f"installed:\n  pip install 'mmgsim[{extra}]'\n"
            f"or in a copy of the repository: pip install -e '.[{extra}]'"
        )


def _is_or_are(names: tuple[str, ...]) -> str:
    return "is" if len(names) == 1 else "are"


class PortTakenError(MmgsimError):
    """A port that the live view cannot be served at."""

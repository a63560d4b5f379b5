"""Whether every strategy, operator, market and mechanism can be found, made and understood."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from inspect import Parameter, signature
from pathlib import Path
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from pydantic import ConfigDict, TypeAdapter, ValidationError

from mmgsim.errors import Fault, PackageError, UnknownNameError, near_miss
from mmgsim.scenario.inputs import Inputs
from mmgsim.scenario.packages import Kind
from mmgsim.scenario.registry import BUILT_IN, create, find_class, option_names
from mmgsim.scenario.schema import Scenario
from mmgsim.scenario.wording import value_words

__all__ = ["role_doubts", "role_faults"]

Path_ = Sequence[str | int]
_Found = tuple[Path_, str, str]

_NEEDED = {
    Kind.STRATEGY: ("answers", "answer", "dispatch"),
    Kind.OPERATOR: ("reviews", "publish", "answer", "review"),
    Kind.MARKET: ("mechanism", "settle"),
    Kind.MECHANISM: ("asks", "start", "ask", "tell"),
}
"""What the contract of each kind names (`mmgsim.contracts.protocols`)."""

_MESSAGES = {Kind.STRATEGY: "answers", Kind.MECHANISM: "asks"}
"""Which of these names classes of messages."""


def role_faults(scenario: Scenario, folder: Path | None) -> list[_Found]:
    """Give every reference that leads nowhere, and every pair that cannot talk to each other."""
    maker = _Maker(folder)
    operator, market, chosen = scenario.operator, scenario.market, scenario.coordination
    dno = maker.make(Kind.OPERATOR, operator.kind, operator.options, ("operator",))
    if scenario.repair.rounds and dno is not None and not dno.reviews:
        cure = "use 0, or an operator of your own whose `review` tightens envelopes"
        what = f"{scenario.repair.rounds}: operator {operator.kind!r} accepts every plan"
        maker.found.append((("repair", "rounds"), what, cure))
    if hasattr(dno, "scenario_faults"):
        maker.found += _own_faults(
            dno, "scenario_faults", operator.kind, ("operator", "options"), scenario
        )
    mechanism = maker.make(Kind.MECHANISM, chosen.kind, chosen.options(), ("coordination",))
    if hasattr(mechanism, "scenario_faults"):
        maker.found += _own_faults(
            mechanism, "scenario_faults", chosen.kind, ("coordination",), scenario
        )
    if _MADE_HERE in market.options:
        cure = "choose it by the scenario's own key `coordination`"
        maker.found.append((("market", "options", _MADE_HERE), "is no option of a market", cure))
    maker.found += _unanswered_by_dno(mechanism, dno, scenario)
    options = {**market.options, _MADE_HERE: mechanism}
    if mechanism is not None:
        maker.make(Kind.MARKET, market.kind, options, ("market",))
    else:
        maker.find(Kind.MARKET, market.kind, ("market",))
    asks: frozenset[type] = getattr(mechanism, "asks", frozenset())
    for position, microgrid in enumerate(scenario.microgrids):
        role, path = microgrid.strategy, ("microgrids", position, "strategy")
        strategy = maker.make(Kind.STRATEGY, role.kind, role.options, path)
        missing = asks - getattr(strategy, "answers", asks)
        if missing:
            kinds = ", ".join(sorted(message.__name__ for message in missing))
            what = f"{role.kind!r} does not answer {kinds}"
            cure = f"coordination {chosen.kind!r} asks for that; change one of them"
            maker.found.append((path, what, cure))
    return maker.found


def role_doubts(scenario: Scenario, inputs: Inputs, folder: Path | None) -> list[Fault]:
    """Give what the coordination itself doubts about a scenario without faults, by its series."""
    chosen = scenario.coordination
    mechanism = create(Kind.MECHANISM, chosen.kind, chosen.options(), folder)
    if not hasattr(mechanism, "scenario_doubts"):
        return []
    found = _own_faults(
        mechanism, "scenario_doubts", chosen.kind, ("coordination",), scenario, inputs
    )
    return [Fault(".".join(map(str, path)), what, cure) for path, what, cure in found]


def _unanswered_by_dno(mechanism: Any, dno: Any, scenario: Scenario) -> list[_Found]:
    """Give what a mechanism asks the DNO and its operator says that it does not answer."""
    asks: frozenset[type] = frozenset(getattr(mechanism, "asks_dno", ()))
    missing = asks - frozenset(getattr(dno, "answers", asks))
    if not missing:
        return []
    kinds = ", ".join(sorted(message.__name__ for message in missing))
    what = f"{scenario.operator.kind!r} does not answer {kinds}"
    cure = f"coordination {scenario.coordination.kind!r} asks the DNO for that; change one of them"
    return [(("operator",), what, cure)]


_MADE_HERE = "coordination"
"""Option of a market that no file gives: the mechanism, as it was made."""


def _own_faults(plug_in: Any, method: str, kind: str, at: Path_, *known: Any) -> list[_Found]:
    """Give what an operator or a mechanism itself finds wrong with what it is shown."""
    try:
        return [
            ((*at, str(key)), str(what), str(cure))
            for key, what, cure in getattr(plug_in, method)(*known)
        ]
    except (Exception, SystemExit) as error:  # noqa: BLE001
        what = f"`{method}` of {kind!r} fails: {_said(error)}"
        return [(at[:1], what, "let it give option, fault and cure of each")]


class _Maker:
    """Makes one instance of every choice, and notes why it could not."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self.found: list[_Found] = []

    def find(self, kind: Kind, name: str, path: Path_) -> Any:
        """Give the class behind a name, or None after noting why there is none."""
        try:
            return find_class(kind, name, self._folder)
        except (UnknownNameError, PackageError) as error:
            self.found.append((path, error.what, error.cure))
        except (Exception, SystemExit) as error:  # noqa: BLE001  a user's file may do anything
            what = f"{name!r} cannot be imported: {_said(error)}"
            self.found.append((path, what, "mend the file"))
        return None

    def make(self, kind: Kind, name: str, options: Mapping[str, Any], path: Path_) -> Any:
        """Give an instance, or None after noting why there is none."""
        chosen = self.find(kind, name, path)
        if chosen is None:
            return None
        # The options of a mechanism stand beside its kind, those of roles in a part of their own.
        inside = path if kind is Kind.MECHANISM else (*path, "options")
        beside = {"kind"} if kind is Kind.MECHANISM else set()
        given = {key: value for key, value in options.items() if key != _MADE_HERE}
        faults = list(_option_faults(chosen, given, beside, (kind, name)))
        if faults:
            self.found += [((*inside, key), what, cure) for key, what, cure in faults]
            return None
        try:
            instance = create(kind, name, options, self._folder)
        except (Exception, SystemExit) as error:  # noqa: BLE001
            key, what, cure = _refusal(error, chosen, given, name)
            self.found.append(((*inside, key) if key else path, what, cure))
            return None
        lacking = [need for need in _NEEDED[kind] if not hasattr(instance, need)]
        if lacking:
            what = f"{name!r} is no {kind}: it lacks {', '.join(lacking)}"
            self.found.append((path, what, "see mmgsim.contracts.protocols"))
            return None
        key = _MESSAGES.get(kind, "")
        if key and not _are_messages(getattr(instance, key)):
            what = f"`{key}` of {name!r} is no set of classes of messages"
            self.found.append((path, what, f"such as {key} = frozenset({{Award}})"))
            return None
        return instance


def _are_messages(given: Any) -> bool:
    return isinstance(given, Set) and all(isinstance(one, type) for one in given)


def _elsewhere(kind: Kind, name: str, option: str) -> str:
    """Say what else comes with mmgsim and has an option."""
    others = [
        f"`{other}`"
        for other in BUILT_IN[kind]
        if other != name and option in (option_names(find_class(kind, other)) or ())
    ]
    return f"; {' and '.join(others)} {'has' if len(others) == 1 else 'have'} it" if others else ""


def _option_faults(
    chosen: Any, given: Mapping[str, Any], beside: set[str], named: tuple[Kind, str]
) -> Iterator[tuple[str, str, str]]:
    """Give option, fault and cure of what a class does not take, as far as its signature tells.

    Keys that may stand beside the options are named as well where one is unknown.
    """
    names = option_names(chosen)
    try:
        hints = get_type_hints(chosen.__init__)
    except (TypeError, NameError, AttributeError):  # it does not tell
        return
    if names is None:
        return
    known = set(names) - {_MADE_HERE}
    for key, value in given.items():
        if key not in known:
            what = f"{named[1]!r} has no option {key!r}"
            yield key, what, near_miss(key, known | beside) + _elsewhere(*named, key)
        elif _is_plain(hints.get(key)):
            yield from (
                (key, what, cure or _usual(chosen, key))
                for what, cure in _type_faults(value, hints[key])
            )


def _refusal(
    error: BaseException, chosen: Any, given: Mapping[str, Any], name: str
) -> tuple[str, str, str]:
    """Give option (or none), fault and cure of options that a class refuses."""
    key = str(error).partition(" ")[0].rstrip(":")
    if isinstance(error, ValueError) and key in given:  # it speaks of this one alone
        return key, str(error), _usual(chosen, key)
    named = [key for key in given if key in str(error)]
    cause = error.__cause__ if isinstance(error, UnknownNameError) else error
    what = f"{name!r} cannot be made with {', '.join(given) or 'no options'}"
    at = named[0] if len(named) == 1 else ""
    return at, f"{what}: {_said(cause or error)}", "change its options"


def _usual(chosen: Any, key: str) -> str:
    """Say what an option is where it is left out."""
    parameter = signature(chosen).parameters.get(key)
    if parameter is None:  # among those that are not named one by one
        return "change it"
    is_needed = parameter.default is Parameter.empty
    return "it has no default" if is_needed else f"its default is {parameter.default!r}"


def _is_plain(hint: Any) -> bool:
    """Tell whether values of a type can be written in YAML as they are."""
    if get_origin(hint) in (Union, UnionType):
        return all(_is_plain(inner) for inner in get_args(hint))
    return hint in (bool, int, float, str, type(None)) or get_origin(hint) is Literal


def _type_faults(value: Any, hint: Any) -> list[tuple[str, str]]:
    """Say why a value is not of a plain type; of a choice of types, the first says it."""
    try:
        TypeAdapter(hint, config=ConfigDict(strict=True)).validate_python(value)
    except ValidationError as error:
        return [value_words(error.errors(include_url=False)[0])]
    return []


def _said(error: BaseException) -> str:
    """Give an exception in one line, a syntax error with its line."""
    if isinstance(error, SyntaxError) and error.lineno is not None:
        return f"SyntaxError in line {error.lineno}: {error.msg}"
    return f"{type(error).__name__}: {error}"

"""Whether every strategy, operator, market and mechanism can be found, made and understood."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mmgsim.errors import UnknownNameError, near_miss
from mmgsim.scenario.registry import BUILT_IN, Kind, create, find_class, option_names
from mmgsim.scenario.schema import Scenario

__all__ = ["role_faults"]

Path_ = Sequence[str | int]
_Found = tuple[Path_, str, str]

_NEEDED = {
    Kind.STRATEGY: ("answers", "answer", "dispatch"),
    Kind.OPERATOR: ("reviews", "publish", "answer", "review"),
    Kind.MARKET: ("mechanism", "settle"),
    Kind.MECHANISM: ("asks", "start", "ask", "tell"),
}
"""What the contract of each kind names (`mmgsim.contracts.protocols`)."""


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
        maker.found += [
            (("operator", "options", key), what, cure)
            for key, what, cure in dno.scenario_faults(scenario)
        ]
    mechanism = maker.make(Kind.MECHANISM, chosen.kind, chosen.options(), ("coordination",))
    options = {**market.options, "coordination": mechanism}
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


class _Maker:
    """Makes one instance of every choice, and notes why it could not."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self.found: list[_Found] = []

    def find(self, kind: Kind, name: str, path: Path_) -> Any:
        """Give the class behind a name, or None after noting why there is none."""
        try:
            return find_class(kind, name, self._folder)
        except UnknownNameError as error:
            self.found.append((path, str(error), ""))
        except (Exception, SystemExit) as error:  # noqa: BLE001  a user's file may do anything
            what = f"{name!r} cannot be imported: {_said(error)}"
            self.found.append((path, what, "mend the file"))
        return None

    def make(self, kind: Kind, name: str, options: Mapping[str, Any], path: Path_) -> Any:
        """Give an instance, or None after noting why there is none."""
        found = self.find(kind, name, path)
        if found is None or self._refuses(found, kind, name, options, path):
            return None
        try:
            instance = create(kind, name, options, self._folder)
        except (Exception, SystemExit) as error:  # noqa: BLE001
            cause = error.__cause__ if isinstance(error, UnknownNameError) else error
            given = ", ".join(key for key in options if key != "coordination") or "no options"
            what = f"{name!r} cannot be made with {given}: {_said(cause or error)}"
            self.found.append((path, what, "change its options"))
            return None
        lacking = [need for need in _NEEDED[kind] if not hasattr(instance, need)]
        if lacking:
            what = f"{name!r} is no {kind}: it lacks {', '.join(lacking)}"
            self.found.append((path, what, "see mmgsim.contracts.protocols"))
            return None
        return instance

    def _refuses(
        self, found: Any, kind: Kind, name: str, options: Mapping[str, Any], path: Path_
    ) -> bool:
        """Note every option that a class does not have."""
        known = option_names(found)
        if known is None:
            return False
        unknown = [key for key in options if key not in known and key != "coordination"]
        for key in unknown:
            place = (*path, key) if kind is Kind.MECHANISM else (*path, "options", key)
            cure = near_miss(key, [option for option in known if option != "coordination"])
            cure += _elsewhere(kind, name, key)
            self.found.append((place, f"{name!r} has no option {key!r}", cure))
        return bool(unknown)


def _elsewhere(kind: Kind, name: str, option: str) -> str:
    """Say what else comes with mmgsim and has an option."""
    others = [
        f"`{other}`"
        for other in BUILT_IN[kind]
        if other != name and option in (option_names(find_class(kind, other)) or ())
    ]
    return f"; {' and '.join(others)} {'has' if len(others) == 1 else 'have'} it" if others else ""


def _said(error: BaseException) -> str:
    """Give an exception in one line, a syntax error with its line."""
    if isinstance(error, SyntaxError) and error.lineno is not None:
        return f"SyntaxError in line {error.lineno}: {error.msg}"
    return f"{type(error).__name__}: {error}"

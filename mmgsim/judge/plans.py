"""The plans to be judged: who coordinates, who decides, and what they know."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from mmgsim.engine import load_variant
from mmgsim.errors import ComparisonError, Fault, ScenarioError, near_miss
from mmgsim.scenario import LoadedScenario, parse_yaml

__all__ = ["FUTURE", "Plan", "PlanChoice", "chosen_plans", "loaded_plans"]

PlanChoice = str | Mapping[str, Any]
"""``isolated``, ``isolated+robust``, or a mapping with the keys of `Plan`."""

FUTURE = "uncertainty.future"
_KEYS = ("name", "coordination", "strategy", "forecast", "set")
_LIKE = "isolated,central+robust or {coordination: central, strategy: robust, name: careful}"


@dataclass(frozen=True, slots=True)
class Plan:
    """How a scenario is planned: data only.

    Parameters
    ----------
    name : str
        Of the plan.
    coordination : str, mapping or None
        Of the scenario, if left out.
    strategy : str, mapping or None
        Of all microgrids; those of the scenario, if left out.
    forecast : str or mapping
        What planners expect: the mean of what can come, or, by ``perfect``, what will come; then
        each future has a plan of its own, and what it costs is a bound rather than a plan.
    set : mapping
        Further values by dotted path.
    """

    name: str
    coordination: str | Mapping[str, Any] | None = None
    strategy: str | Mapping[str, Any] | None = None
    forecast: str | Mapping[str, Any] = "expected"
    set: Mapping[str, Any] = field(default_factory=dict)

    def load(self, scenario: str | Path, overrides: Mapping[str, Any]) -> LoadedScenario:
        """Read the scenario as this plan has it.

        Raises
        ------
        ScenarioError
            Naming every fault.
        """
        changed: dict[str, Any] = {"forecast": self.forecast, **overrides, **self.set}
        if self.coordination is not None:
            changed = {"coordination": self.coordination, **changed}
        # Any number: which future comes true is said as the plan meets them.
        changed.setdefault(FUTURE, 1)
        return load_variant(scenario, changed, strategy=self.strategy)


def chosen_plans(scenario: str | Path, plans: str | Iterable[PlanChoice]) -> list[Plan]:
    """Read plans, given one by one or as one text.

    Raises
    ------
    ComparisonError
        Naming everything that is no plan, or is there twice.

    Examples
    --------
    >>> [plan.name for plan in chosen_plans("duo", "isolated, central+self-consumer")]
    ['isolated', 'central+self-consumer']
    """
    items = _listed(plans) if isinstance(plans, str) else [*plans]
    if items is None:
        raise ComparisonError(str(scenario), [Fault("plans", f"{plans!r} is not like {_LIKE}")])
    faults: list[Fault] = []
    found = [plan for item in items if (plan := _plan_of(item, faults)) is not None]
    names = [plan.name for plan in found]
    twice = sorted({name for name in names if names.count(name) > 1})
    faults += [Fault("plans", f"{name!r} is there twice", "give each a `name`") for name in twice]
    if not items:
        faults.append(Fault("plans", "there is none", f"give some, like {_LIKE}"))
    if faults:
        raise ComparisonError(str(scenario), faults)
    return found


def loaded_plans(
    scenario: str | Path, plans: Iterable[Plan], overrides: Mapping[str, Any]
) -> dict[str, LoadedScenario]:
    """Check the scenario under every plan.

    Raises
    ------
    ScenarioError
        Naming every fault of the first plan that has any.
    """
    found = {plan.name: plan.load(scenario, overrides) for plan in plans}
    told = next(iter(found.values())).scenario.uncertainty
    if told is None or not told.is_uncertain:
        cure = (
            "say under `uncertainty` how load, pv, wind, price or background are spread; see README"
        )
        what = "nothing is uncertain: every future would be the same"
        raise ScenarioError(str(scenario), [Fault("uncertainty", what, cure)])
    return found


def _listed(text: str) -> list[Any] | None:
    try:
        found: list[Any] = parse_yaml(f"[{text}]")
    except yaml.YAMLError:
        return None
    return found


def _plan_of(item: Any, faults: list[Fault]) -> Plan | None:
    if isinstance(item, str) and item:
        kind, plus, strategy = item.partition("+")
        if kind and bool(strategy) == bool(plus):
            return Plan(item, kind.strip(), strategy.strip() or None)
    elif isinstance(item, Mapping) and "kind" in item:
        return Plan(_word(item), dict(item))
    elif isinstance(item, Mapping) and item:
        wrong = [key for key in item if key not in _KEYS]
        faults += [Fault("plans", f"no key {key!r}", near_miss(str(key), _KEYS)) for key in wrong]
        return None if wrong else Plan(**{"name": _told(item), **item})
    faults.append(Fault("plans", f"{item!r} is no plan", f"give some like {_LIKE}"))
    return None


def _told(item: Mapping[str, Any]) -> str:
    """Name a plan by what it is made of."""
    parts = [_word(value) for key, value in item.items() if key != "set"]
    return " ".join([*parts, *(f"{key} {value}" for key, value in item.get("set", {}).items())])


def _word(value: Any) -> str:
    if not isinstance(value, Mapping):
        return str(value)
    return " ".join(str(part) if key == "kind" else f"{key} {part}" for key, part in value.items())

"""From a scenario to one whose microgrids are driven, or every reason why that cannot be."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmgsim.contracts import Message, OrderQuery
from mmgsim.engine import load_variant
from mmgsim.errors import Fault, GymError, near_miss
from mmgsim.scenario import Kind, LoadedScenario, Scenario, create, find_class

__all__ = ["DRIVEN", "DrivenVariant", "check_same", "driven_variant"]

DRIVEN = "driven"
"""The strategy of those who are driven."""

# What an episode cannot replace, and what replaces it.
_FIXED = {
    "coordination": "it is the environment's",
    "gate": "it is the environment's",
    "microgrids": "they are the environment's",
    "step": "it is the environment's",
    "seed": "use reset(seed=...)",
}


@dataclass(frozen=True, slots=True)
class DrivenVariant:
    """A scenario whose microgrids are driven.

    Parameters
    ----------
    loaded : LoadedScenario
        Checked.
    names : tuple of str
        Who is driven, in the order of the scenario.
    orders : bool
        Whether they trade by orders.
    """

    loaded: LoadedScenario
    names: tuple[str, ...]
    orders: bool


def driven_variant(
    scenario: str | Path | LoadedScenario,
    overrides: Mapping[str, Any],
    *,
    agents: Sequence[str] | None,
    ahead: int,
) -> DrivenVariant:
    """Give a scenario with some microgrids driven, and a gate in every step.

    Raises
    ------
    GymError
        Naming every fault.
    ScenarioError
        Naming every fault of the scenario.
    """
    loaded = load_variant(scenario, overrides)
    config, asks = loaded.scenario, _asked(loaded)
    orders = OrderQuery in asks
    able = _able(config, orders=orders)
    chosen = tuple(able) if agents is None else tuple(agents)
    faults = [
        *_coordination_faults(config.coordination.kind, asks),
        *_agent_faults(config, chosen, able),
        *_time_faults(config, overrides, ahead),
    ]
    if faults:
        raise GymError(f"gym of {config.name}", faults)
    driven: dict[str, Any] = {f"microgrids.{name}.strategy": DRIVEN for name in chosen}
    driven["gate.every"] = f"{config.step}min"
    names = tuple(one.name for one in config.microgrids if one.name in chosen)
    return DrivenVariant(load_variant(loaded, driven), names, orders)


def check_same(overrides: Mapping[str, Any]) -> None:
    """Tell what an episode cannot replace.

    Raises
    ------
    GymError
        Naming every such path.
    """
    faults = [
        Fault(path, "cannot be replaced for one episode", _FIXED[part])
        for path in overrides
        if (part := str(path).partition(".")[0]) in _FIXED
    ]
    if faults:
        raise GymError("overrides of an episode", faults)


def _asked(loaded: LoadedScenario) -> frozenset[type[Message]]:
    """Give what the coordination asks microgrids."""
    chosen = loaded.scenario.coordination
    mechanism = create(Kind.MECHANISM, chosen.kind, chosen.options(), loaded.folder)
    return frozenset(mechanism.asks)


def _able(config: Scenario, *, orders: bool) -> list[str]:
    """Give the microgrids that have anything to decide."""
    return [
        one.name
        for one in config.microgrids
        if orders or any(device.kind == "battery" for device in one.devices)
    ]


def _coordination_faults(kind: str, asks: frozenset[type[Message]]) -> Iterator[Fault]:
    fixing = asks - find_class(Kind.STRATEGY, DRIVEN).answers
    if fixing:
        asked = ", ".join(sorted(message.__name__ for message in fixing))
        what = f"{kind!r} asks for {asked} and then fixes what microgrids do: nothing is left to do"
        yield Fault("coordination", what, "use isolated, auction, peer-to-peer or hierarchical")


def _agent_faults(config: Scenario, chosen: Sequence[str], able: Sequence[str]) -> Iterator[Fault]:
    known = [one.name for one in config.microgrids]
    if not chosen:
        what = "nobody is driven: no microgrid has a battery, and none trades by orders"
        yield Fault("agents", what if not able else "is empty", "name microgrids with a battery")
    for name in dict.fromkeys(chosen):
        if name not in known:
            yield Fault("agents", f"{name!r} is no microgrid", near_miss(str(name), known))
        elif name not in able:
            what = f"{name!r} has no battery and trades by no orders: it has nothing to decide"
            yield Fault("agents", what, "leave it out")


def _time_faults(config: Scenario, overrides: Mapping[str, Any], ahead: int) -> Iterator[Fault]:
    if {"gate", "gate.every"} & overrides.keys() and config.gate.every != config.step:
        what = f"{config.gate.every} min: agents act in every step, of {config.step} min"
        yield Fault("gate.every", what, "leave it out")
    steps = config.gate.horizon // config.step
    if steps < 2:
        yield Fault("gate.horizon", f"is {steps} step", "give two steps at least")
    elif not 1 <= ahead < steps:
        what = f"{ahead}: the window has {steps} steps, the last observation one less"
        yield Fault("ahead", what, f"between 1 and {steps - 1}")

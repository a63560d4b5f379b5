"""A Mesa AgentSet whose agents also go by name."""

from __future__ import annotations

from collections.abc import Iterable
from random import Random
from typing import Any

from mesa.agent import AgentSet

from mmgsim.errors import near_miss

__all__ = ["NamedAgents"]


class NamedAgents(AgentSet):
    """``microgrids["MG1"]`` beside everything that an AgentSet can do."""

    def __init__(self, agents: Iterable[Any], random: Random | None = None) -> None:
        held = tuple(agents)
        super().__init__(held, random=random)
        # An AgentSet refers to its agents weakly: who keeps the set alone would see it get empty.
        self._held = held

    def __getitem__(self, item: Any) -> Any:
        """Give an agent by name, or by position as an AgentSet does."""
        if not isinstance(item, str):
            return super().__getitem__(item)
        for agent in self:
            if agent.name == item:
                return agent
        raise KeyError(f"no agent {item!r}; {near_miss(item, [agent.name for agent in self])}")

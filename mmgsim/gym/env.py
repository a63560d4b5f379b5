"""The environment: one step of it is one step of the model."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from mmgsim.engine import MessageBus, MultiMicrogridModel, build, load_variant
from mmgsim.errors import Fault, GymError, near_miss
from mmgsim.gym.acting import Acting, instructions_of
from mmgsim.gym.fields import Field, Numbers, box_of
from mmgsim.gym.making import check_same, driven_variant
from mmgsim.gym.observing import Observing, Scales, Seen
from mmgsim.gym.telling import told_of
from mmgsim.gym.zoo import Box, ParallelEnv
from mmgsim.scenario import LoadedScenario
from mmgsim.settlement import account

__all__ = ["MultiMicrogridEnv", "parallel_env"]

log = logging.getLogger(__name__)

AHEAD = 6

_Infos = dict[str, dict[str, Any]]
_Step = tuple[
    dict[str, Numbers], dict[str, float], dict[str, bool], dict[str, bool], dict[str, Any]
]


class MultiMicrogridEnv(ParallelEnv):
    """Microgrids that are driven from outside, in the model as it is.

    **Step.** One simulated interval: instructions, a gate of the market, dispatch, AC power flow,
    ledger. Every step is a gate, whatever the scenario says (``gate.every`` becomes its ``step``).

    **Action.** Numbers in [-1, 1], see `action_fields`: of each battery the net power, as a share
    of its own, positive when it discharges; where the market trades by orders, a share by which
    asks are raised and bids lowered. Whatever is wanted, what is done is feasible: the strategy
    `driven` takes the feasible plan whose first step is nearest to it, and the cheapest of these
    (`mmgsim_agents.strategies.Driven`). Load and storage levels that the scenario asks for are kept
    first. Diesel runs where that is cheapest.

    **Observation.** What the microgrid itself knows before it decides, as scaled numbers, see
    `observation_fields`: the hour, its own forecasts, the tariff, its envelope, the state of its
    devices, its last exchange, its last trade and the last local price.

    **Reward.** Minus what the step cost the microgrid: its ledger lines and the value of shed load.
    Rewards of all microgrids of a run add up to minus its ``members_cost``. [currency]

    **Episode.** The days of the scenario, then truncation; nothing terminates. The last observation
    is of the step after the end, with forecasts and prices as known in the last step.

    **Copies.** By pickle or `copy` the environment is made anew from what it was made from: a copy
    has to be reset, and begins with the first episode.

    **Infos.** What was done in the step: `cost`, kW, local price, `net_kw` of the batteries beside
    what was wanted, flags of the microgrid, status of the power flow.

    Parameters
    ----------
    scenario : str, Path or LoadedScenario
        Bundled name, folder or YAML file.
    coordination : str, mapping or None
        Who trades how, as in `mmgsim.run`; None for the scenario's own. What is left to drive is
        left by ``isolated``, ``auction``, ``peer-to-peer`` and ``hierarchical``.
    overrides : mapping
        Values by dotted path, such as ``{"start": "2021-07-01"}``.
    agents : sequence of str or None
        Microgrids that are driven, all that have something to decide if left out; the others keep
        their strategies.
    days : int or None
        Length of an episode, the scenario's if left out.
    ahead : int
        How many steps of forecasts and prices are observed, the present one among them.

    Attributes
    ----------
    model : MultiMicrogridModel
        Of this episode: ``env.model.table("ledger")`` and all the rest.
    episode_seed : int
        Of this episode.
    state_space : Box
        Of `state`.

    Raises
    ------
    GymError
        Naming every fault of what was given. It is a ValueError.
    ScenarioError
        Naming every fault of the scenario.

    Examples
    --------
    >>> env = MultiMicrogridEnv("duo")  # doctest: +SKIP
    >>> observations, infos = env.reset(seed=1)  # doctest: +SKIP
    >>> env.step({name: env.action_space(name).sample() for name in env.agents})  # doctest: +SKIP
    """

    metadata: dict[str, Any] = {"name": "mmgsim_v0", "render_modes": []}  # noqa: RUF012  its own
    render_mode: str | None = None

    def __init__(
        self,
        scenario: str | Path | LoadedScenario,
        *,
        coordination: str | Mapping[str, Any] | None = "auction",
        overrides: Mapping[str, Any] | None = None,
        agents: Sequence[str] | None = None,
        days: int | None = None,
        ahead: int = AHEAD,
    ) -> None:
        self._remake = partial(
            type(self),
            scenario,
            coordination=coordination,
            overrides=overrides,
            agents=agents,
            days=days,
            ahead=ahead,
        )
        replaced = dict(overrides or {})
        if coordination is not None:
            # First: overrides may give options of it.
            replaced = {"coordination": coordination, **replaced}
        if days is not None:
            replaced["days"] = days
        variant = driven_variant(scenario, replaced, agents=agents, ahead=ahead)
        self._loaded, self._ahead = variant.loaded, ahead
        self.model = self._built(self._loaded)
        self._spare: MultiMicrogridModel | None = self.model
        self.episode_seed = self._next_seed = self._loaded.scenario.seed
        self.possible_agents = list(variant.names)
        self.agents: list[str] = []
        inputs = self.model.inputs
        buy_per_kwh = inputs.import_per_kwh + inputs.network_charge_per_kwh
        own = {name: self.model.microgrids[name] for name in self.possible_agents}
        self._observing = {
            name: Observing(agent, Scales.of(agent, buy_per_kwh), ahead)
            for name, agent in own.items()
        }
        self._acting = {
            name: Acting(agent.devices, orders=variant.orders) for name, agent in own.items()
        }
        self._observed: dict[str, Numbers] = {}
        self._prices = dict.fromkeys(own, float("nan"))
        fields = [field for one in self._observing.values() for field in one.fields]
        self.state_space = box_of(fields)

    def __reduce__(self) -> tuple[Any, ...]:
        """Say how to make the environment again: models cannot be pickled."""
        return self._remake, ()

    # ------------------------------------------------------------------------------ spaces
    def observation_space(self, agent: str) -> Box:
        """Give all that an agent may observe."""
        return self._of(self._observing, agent).space

    def action_space(self, agent: str) -> Box:
        """Give all that an agent may do."""
        return self._of(self._acting, agent).space

    def observation_fields(self, agent: str) -> tuple[Field, ...]:
        """Give name, unit and scale of every number that an agent observes, in their order."""
        return tuple(self._of(self._observing, agent).fields)

    def action_fields(self, agent: str) -> tuple[Field, ...]:
        """Give name, unit and scale of every number of an agent's action, in their order."""
        return tuple(self._of(self._acting, agent).fields)

    def state(self) -> Numbers:
        """Give the last observations of all agents in one row, for training with a central view.

        It is as long as ever when agents are gone.
        """
        return np.concatenate([self._observed[name] for name in self.possible_agents])

    def _of(self, kept: Mapping[str, Any], agent: str) -> Any:
        if agent not in kept:
            what = "is no agent of this environment"
            raise GymError("agents", [Fault(str(agent), what, near_miss(str(agent), kept))])
        return kept[agent]

    # ---------------------------------------------------------------------------- episodes
    def reset(
        self, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, Numbers], _Infos]:
        """Begin an episode: a model as new.

        Parameters
        ----------
        seed : int or None
            Of the scenario's random streams: its synthetic series, its forecasts and what its
            strategies draw. If left out, the scenario's own in the first episode and then always
            the next one. A scenario that draws nothing is the same for all seeds.
        options : dict or None
            ``{"overrides": {"start": "2021-07-01"}}`` replaces values of the scenario by dotted
            path in this episode alone: another day, other weather. What agents observe and do has
            to stay the same. Other options are without effect.

        Raises
        ------
        GymError
            If overrides would change agents, gates or coordination.
        ScenarioError
            Naming every fault of the scenario.
        """
        given = dict(options or {})
        overrides = given.pop("overrides", None) or {}
        if given:
            log.warning("options without effect: %s; known: overrides", ", ".join(map(str, given)))
        self.episode_seed = self._next_seed if seed is None else int(seed)
        self._next_seed = self.episode_seed + 1
        self.model = self._episode(overrides)
        self.agents = list(self.possible_agents)
        self._prices = dict.fromkeys(self.agents, float("nan"))
        self.model.begin_step()
        self._observe(offset=0)
        return dict(self._observed), {name: {} for name in self.agents}

    def _episode(self, overrides: Mapping[str, Any]) -> MultiMicrogridModel:
        """Give a model of this episode's seed; the one that the environment began with once."""
        check_same(overrides)
        spare, self._spare = self._spare, None
        if spare is not None and not overrides and self.episode_seed == self._loaded.scenario.seed:
            return spare
        return self._built(load_variant(self._loaded, {**overrides, "seed": self.episode_seed}))

    @staticmethod
    def _built(loaded: LoadedScenario) -> MultiMicrogridModel:
        # One thread: learners have many environments side by side.
        return build(loaded, bus=MessageBus(workers=1))

    def step(self, actions: dict[str, Any]) -> _Step:
        """Act in one interval.

        Parameters
        ----------
        actions : dict
            One array for every agent of `agents`.

        Returns
        -------
        tuple of dicts
            Observations, rewards, terminations, truncations and infos by agent.

        Raises
        ------
        GymError
            Naming every fault of all actions; then nothing was simulated.
        """
        if not self.agents:
            raise GymError("actions", [Fault("env.agents", "nobody acts now", "call reset first")])
        names, model = self.agents, self.model
        told = instructions_of(actions, {name: self._acting[name] for name in names})
        for name, instruction in told.items():
            model.microgrids[name].receive(instruction)
        model.step()
        self._prices = {name: model.market.price_now(name) for name in names}
        rewards = {name: -self._cost(name) for name in names}
        infos = {
            name: told_of(model, name, told[name], price_per_kwh=self._prices[name])
            for name in names
        }
        is_over = model.clock.is_finished
        model.begin_step()
        self._observe(offset=int(is_over))
        self.agents = [] if is_over else list(names)
        return (
            dict(self._observed),
            rewards,
            dict.fromkeys(names, False),
            dict.fromkeys(names, is_over),
            infos,
        )

    def _cost(self, name: str) -> float:
        """Give what the last step cost a microgrid, as in ``members_cost``. [currency]"""
        shed_value = self.model.microgrids[name].last.shed_value
        return float(account(self.model.market.lines, name) + shed_value)

    def _observe(self, *, offset: int) -> None:
        for name in self.agents:
            agent = self.model.microgrids[name]
            seen = Seen(agent.view, offset, agent.state, agent.last, self._prices[name])
            self._observed[name] = self._observing[name].numbers(seen)


def parallel_env(scenario: str | Path | LoadedScenario, **options: Any) -> MultiMicrogridEnv:
    """Give the environment of a scenario, as PettingZoo's own are made; options as of it."""
    return MultiMicrogridEnv(scenario, **options)

"""The Mesa model: one step is one simulated interval, in the order of an hour."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import count
from pathlib import Path
from time import perf_counter
from typing import Any

import mesa
import numpy as np
import pandas as pd

from mmgsim.contracts import Battery, FloatArray, Tariff, Window, frozen
from mmgsim.engine.bus import MessageBus
from mmgsim.engine.checkpoint import packed, unpacked
from mmgsim.engine.clock import Clock
from mmgsim.engine.collector import build_collector
from mmgsim.engine.doubts import warnings_of
from mmgsim.engine.futures import Futures
from mmgsim.engine.named import NamedAgents
from mmgsim.engine.own_setup import build_own_devices
from mmgsim.engine.recorder import Recorder
from mmgsim.engine.setup import (
    build_feeder,
    build_microgrids,
    market_maker,
    network_faults,
    operator_maker,
)
from mmgsim.engine.tie_setup import tie_lines_of
from mmgsim.errors import ContractError, PlugInError
from mmgsim.network import distances_km
from mmgsim.scenario import (
    Kind,
    LoadedScenario,
    Timeline,
    find_class,
    load_scenario,
    read_inputs,
)
from mmgsim.tables import TableWriter

__all__ = ["MultiMicrogridModel", "build", "load_variant"]


class MultiMicrogridModel(mesa.Model):
    """Microgrids, a DNO and a market on one feeder.

    Parameters
    ----------
    scenario : str, Path or LoadedScenario
        Bundled name, folder or YAML file.
    coordination : str, mapping or None
        Replaces the scenario's ``coordination``, options included: a kind alone has its defaults.
    strategy : str, mapping or None
        Replaces every microgrid's ``strategy.kind``.
    overrides : mapping or None
        Further values by dotted path.
    bus : MessageBus or None
        How messages are delivered; by default in as many threads as there are processors.
    rng : int or None
        Replaces the scenario's seed.

    Attributes
    ----------
    microgrids : NamedAgents
        ``model.microgrids["MG1"].plan``.
    dno, market : mesa.Agent
        The other two.
    clock : Clock
        Simulated time.
    timeline : Timeline
        What happens when, and who knows of it.
    futures : Futures
        What may come true of what is uncertain, and what does.
    bus : MessageBus
        What agents say to each other.
    writer : TableWriter
        Result tables: in memory until it is given a folder.
    checkpoint : bytes or None
        What the last finished day hands on; see `take_over`.
    warnings : tuple of Fault
        What can be run but is probably not meant.

    Raises
    ------
    ScenarioError
        Naming every fault of the scenario.

    Examples
    --------
    >>> model = MultiMicrogridModel("duo")
    >>> model.step()
    >>> model.table("dispatch").microgrid.tolist()
    ['MG1', 'MG2']
    """

    def __init__(
        self,
        scenario: str | Path | LoadedScenario = "duo",
        *,
        coordination: str | Mapping[str, Any] | None = None,
        strategy: str | Mapping[str, Any] | None = None,
        overrides: Mapping[str, Any] | None = None,
        bus: MessageBus | None = None,
        rng: int | None = None,
    ) -> None:
        replaced = dict(overrides or {})
        if coordination is not None:
            # First: it is the whole choice, and overrides may give options of its own.
            for other in ("coordination", "coordination.kind"):
                replaced.pop(other, None)
            replaced = {"coordination": coordination, **replaced}
        if rng is not None:
            replaced["seed"] = rng
        loaded = load_variant(scenario, replaced, strategy=strategy)
        super().__init__(rng=loaded.scenario.seed)
        self._numbers = count(1)
        self.loaded = loaded
        self.scenario = loaded.scenario
        self.inputs = read_inputs(
            loaded.scenario,
            loaded.folder,
            source=loaded.source,
            lines=loaded.lines,
            further=network_faults,
        )
        self.futures = Futures(self.scenario, self.inputs)
        self.timeline = Timeline.of(self.scenario)
        self.clock = Clock(self.scenario, self.inputs, self.timeline.surprises())
        self.bus = MessageBus() if bus is None else bus
        self.checkpoint: bytes | None = None
        self._begun_s: float | None = None
        self._gate_s = 0.0
        self._create_agents()
        self.writer = TableWriter()
        self.recorder = Recorder(self)
        self.datacollector = build_collector()
        self.datacollector.collect(self)

    def _create_agents(self) -> None:
        setups = build_microgrids(self.loaded, self.inputs, self.futures)
        members = tuple(setup.member for setup in setups)
        feeder = build_feeder(self.loaded, members)
        self.warnings = warnings_of(self.loaded, self.inputs, feeder)
        # Found by reference like anybody's own class: the framework never imports the agents.
        microgrid = find_class(Kind.AGENT, "microgrid")
        own = build_own_devices(self.loaded, self.inputs)
        make_operator = operator_maker(self.loaded)
        self.dno = find_class(Kind.AGENT, "dno")(self, make_operator, members, feeder, own)
        ties = tie_lines_of(self.scenario)
        distance_km = None
        if feeder is not None:
            buses = [member.bus for member in members if member.bus is not None]
            distance_km = distances_km(feeder.net, buses)
        self.market = find_class(Kind.AGENT, "market")(
            self, market_maker(self.loaded), members, ties, distance_km
        )
        self.microgrids = NamedAgents(
            [microgrid(self, setup) for setup in setups], random=self.random
        )
        for agent in self._everybody:
            self.bus.register(agent)

    def register_agent(self, agent: mesa.Agent) -> None:
        """Take up an agent and number it: from 1, as Mesa does."""
        # Mesa 3.3 counts in a table of the class with the models as keys, so that no model, and
        # no problem compiled for it, would ever be freed: 20 MB each of `wa9`.
        getattr(mesa.Agent, "_ids", {}).pop(self, None)
        agent.unique_id = next(self._numbers)
        super().register_agent(agent)

    # -------------------------------------------------------------------------- one interval
    def begin_step(self) -> None:
        """Go to the next interval and have everybody see it, before anybody decides.

        `step` does the rest of it. Who looks at ``model.microgrids["MG1"].view`` in between sees
        what the strategy will see. Without effect where that is done already, and past the end.
        What raises leaves the clock where it was: the next call begins the same interval.
        """
        if self._begun_s is not None or self.clock.is_finished:
            return
        begin, before = perf_counter(), self.clock.step
        self.clock.advance()
        try:
            if self.clock.opens_gate:
                self._renew(failed_only=True)
            self.dno.publish()
            self.microgrids.do("observe")
        except BaseException:  # Ctrl-C too
            self.clock.step = before
            raise
        self._begun_s = perf_counter() - begin

    def plan(self) -> None:
        """Begin the next interval, as `begin_step` does, and clear its gate, where one opens.

        `step` does the rest of it.
        """
        self.begin_step()
        if self._begun_s is None or not self.clock.opens_gate:
            return
        begin = perf_counter()
        self.recorder.open_gate()
        self.dno.open_gate()
        self.market.open_gate()
        clearing = self.market.gate()
        while not self.dno.accepts(clearing):
            clearing = self.market.gate()
        self.recorder.close_gate(clearing)
        self.clock.cleared = self.clock.step
        self._gate_s = perf_counter() - begin

    def step(self) -> None:
        """Simulate one interval; past the end of the run, only say that it is over."""
        self.plan()
        if self._begun_s is None:
            self.running = False
            return
        begin_s, self._begun_s = self._begun_s, None
        gate_s, self._gate_s = self._gate_s, 0.0
        executed = perf_counter()
        self.microgrids.do("dispatch")
        self.dno.dispatch()
        dispatched = perf_counter()
        self.dno.flow()
        for name, exchange_kw in self.dno.not_carried():
            self.microgrids[name].limit(exchange_kw)
        flowed = perf_counter()
        self.market.settle()
        if self.clock.ends_day:
            self._renew()  # so that the next day hangs on nothing but what is carried
        self.recorder.record()
        self.recorder.record_timings(
            gate_s=gate_s,
            flow_s=flowed - dispatched,
            step_s=begin_s + gate_s + perf_counter() - executed,
        )
        self.datacollector.collect(self)
        if self.clock.ends_day:
            self.writer.flush()
            self.checkpoint = packed(self._carried())
            self.take_over(self.checkpoint)

    # -------------------------------------------------------------------------------- faults
    def contain(self, fault: ContractError | PlugInError) -> None:
        """Have a stand-in take the place of a plug-in that failed, until the next gate.

        Raises
        ------
        ContractError, PlugInError
            The fault, where the scenario says so, or it is a stand-in that failed.
        """
        self._note(fault)
        agent = {one.who: one for one in self._everybody}[fault.agent]
        # Where a stand-in cannot do what is asked, it is the market that asks too much.
        if not agent.fall_back() and not self.market.fall_back():
            raise fault

    def _note(self, fault: ContractError | PlugInError) -> None:
        """Write a fault down, or raise it where the scenario says so."""
        if self.scenario.faults.on_fault == "stop":
            cause = fault.cause if isinstance(fault, PlugInError) else fault
            raise cause if isinstance(cause, Exception) else fault  # `sys.exit` ends no run
        self.recorder.fault(fault)

    # ------------------------------------------------------------------------ from day to day
    def _renew(self, *, failed_only: bool = False) -> None:
        """Have plug-ins as new: all, or those that have failed."""
        for agent in self._everybody:
            try:
                agent.renew(failed_only=failed_only)
            except (ContractError, PlugInError) as fault:
                self._note(fault)

    def snapshot(self) -> bytes:
        """Give the state for `take_over`, which goes on with the interval that comes next.

        After `plan` that is the interval that was planned: so one plan can meet many futures. What
        planning it took is in the tables of this model alone.
        """
        begun = 0 if self._begun_s is None else 1
        return packed({**self._carried(), "step": self.clock.step - begun})

    def _carried(self) -> dict[str, Any]:
        """Give all that goes on from one day into the next."""
        return {
            "step": self.clock.step,
            "cleared": self.clock.cleared,
            "random": self.random.getstate(),
            "rng": self.rng.bit_generator.state,
            "agents": {agent.name: agent.carried() for agent in self._everybody},
            "recorder": self.recorder.carried(),
        }

    def take_over(self, checkpoint: bytes) -> None:
        """Go on from the end of a day, or from a plan; plug-ins have to be as new.

        Uninterrupted runs do the same at the end of every day: that is why their values are those
        of a run that was resumed.

        Parameters
        ----------
        checkpoint : bytes
            What `checkpoint` was then, or `snapshot` gave.

        Raises
        ------
        CheckpointError
            If it cannot be read.
        """
        carried = unpacked(checkpoint)
        self.checkpoint = checkpoint
        self._begun_s = None  # what was seen of a step is of another state
        self._gate_s = 0.0
        self.clock.step, self.clock.cleared = carried["step"], carried["cleared"]
        self.steps = carried["step"] + 1
        self.random.setstate(carried["random"])
        self.rng.bit_generator.state = carried["rng"]
        for agent in self._everybody:
            agent.take_over(carried["agents"][agent.name])
        self.recorder.take_over(carried["recorder"])
        self.bus.traffic = self.recorder.totals.traffic

    def meet(self, future: int | None) -> None:
        """Have another future come true, from the next interval on; the series, where it is none.

        What was planned stays: `snapshot` before, and `take_over` after it.
        """
        self.futures = self.futures.with_true(future)
        true_kw = self.futures.true_kw()
        for microgrid in self.microgrids:
            microgrid.meet(self.futures, true_kw)

    def forget_tables(self) -> None:
        """Drop the result tables that are in memory, of whoever meets many futures."""
        self.writer = TableWriter()
        self.datacollector = build_collector()

    @property
    def _everybody(self) -> tuple[Any, ...]:
        return (self.dno, self.market, *self.microgrids)

    # ----------------------------------------------------------------- what everybody may know
    def scenario_tariff(self, window: Window) -> Tariff:
        """Give the scenario's tariff over a window, which the DNO publishes as it decides.

        Shocks of prices count as far as they are known in the first step of the window. Where
        prices are uncertain, that step has the price that it is settled at, and those after it have
        what is expected.
        """
        inputs, scenario = self.inputs, self.scenario
        first = inputs.lead_steps + window.first_step
        part = slice(first, first + window.steps)
        factors = self.futures.published_factors(window)

        def known(name: str, quoted_per_kwh: FloatArray) -> FloatArray:
            start = window.first_step
            price_per_kwh = quoted_per_kwh[part] * factors
            return frozen(
                self.timeline.price_per_kwh(name, price_per_kwh, first_step=start, at=start)
            )

        return Tariff(
            window=window,
            import_per_kwh=known("import", inputs.import_per_kwh),
            export_per_kwh=known("export", inputs.export_per_kwh),
            network_charge_per_kwh=frozen(inputs.network_charge_per_kwh[part]),
            local_charge_per_kwh=frozen(inputs.local_charge_per_kwh[part]),
            upstream_per_kwh=known("upstream", inputs.upstream_per_kwh),
            imbalance_per_kwh=scenario.settlement.imbalance_per_kwh,
            fixed_per_day=scenario.tariff.network_charge.fixed_per_day,
        )

    def background_share(self, step: int) -> FloatArray:
        """Give the background load of a step over its peak, as the DNO reckons with it ahead.

        A number (an array without axes), or one a profile where elements follow their own.
        """
        return np.asarray(self.inputs.background[self.inputs.lead_steps + step])

    def true_background_share(self, step: int) -> FloatArray:
        """Give what comes true of it: the same, but where the background is uncertain."""
        factor = self.futures.true_background_factors()[self.inputs.lead_steps + step]
        return np.asarray(factor * self.background_share(step))

    @property
    def loss_kw(self) -> float:
        """AC losses of the last step. [kW]"""
        return 0.0 if self.dno.last is None else float(self.dno.last.flow.loss_kw[0])

    @property
    def loss_share_kw(self) -> FloatArray:
        """Losses that each microgrid caused in the last step. [kW]"""
        if self.dno.last is None:
            return np.zeros(len(self.microgrids))
        share: FloatArray = self.dno.last.loss_share_kw
        return share

    def energy_left_kwh(self) -> float:
        """Give what microgrids store now less what they did at the start, at terminals. [kWh]"""
        left_kwh = 0.0
        for microgrid in self.microgrids:
            for device in microgrid.devices:
                if isinstance(device, Battery):
                    stored_kwh = microgrid.state.energy_kwh[device.name]
                    start_kwh = microgrid.first_state.energy_kwh[device.name]
                    left_kwh += (stored_kwh - start_kwh) * device.efficiency
        return float(left_kwh)

    def table(self, name: str) -> pd.DataFrame:
        """Give a result table as far as it is in memory: all of it without a folder."""
        return self.writer.frame(name)


def load_variant(
    scenario: str | Path | LoadedScenario,
    overrides: Mapping[str, Any],
    *,
    strategy: str | Mapping[str, Any] | None = None,
) -> LoadedScenario:
    """Read and check a scenario with values replaced, and one strategy for all where it is given.

    Overrides that name the strategy of a microgrid go before `strategy`.

    Raises
    ------
    ScenarioError
        Naming every fault.
    """
    overrides = dict(overrides)
    if strategy is not None:
        loaded = load_scenario(scenario, overrides, further=network_faults)
        for microgrid in loaded.scenario.microgrids:
            overrides.setdefault(f"microgrids.{microgrid.name}.strategy", strategy)
    return load_scenario(scenario, overrides, further=network_faults)


def build(scenario: str | Path | LoadedScenario, **options: Any) -> MultiMicrogridModel:
    """Give the model of a scenario, ready for its first step; options as of the model."""
    return MultiMicrogridModel(scenario, **options)

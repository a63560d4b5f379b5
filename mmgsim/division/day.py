"""One day of a scenario as a game: what everybody owns, expects without error, and may exchange."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from mmgsim.contracts import Disclosure, Envelope, Member, Tariff, TieLine, Window, frozen
from mmgsim.engine import MicrogridSetup, MultiMicrogridModel, build, build_microgrids, tie_lines_of
from mmgsim.errors import Fault
from mmgsim.scenario import LoadedScenario, load_scenario
from mmgsim.subproblems import session_rules, storage_rules

__all__ = ["GameDay", "day_fault", "game_day"]


@dataclass(frozen=True, slots=True, eq=False)
class GameDay:
    """What a game of one day is played with.

    Parameters
    ----------
    scenario, currency : str
        Names of both.
    day : date
        Which, on the local calendar.
    seed : int
        Root of the random streams.
    declared, envelopes : mappings
        By name of microgrid; limits are those of the connections.
    tariff : Tariff
        Over the day.
    ties : tuple of TieLine
        Private lines.
    """

    scenario: str
    currency: str
    day: date
    seed: int
    declared: Mapping[str, Disclosure]
    envelopes: Mapping[str, Envelope]
    tariff: Tariff
    ties: tuple[TieLine, ...]


def day_fault(loaded: LoadedScenario, number: int) -> Fault | None:
    """Say why a scenario has no day of a number, counted from 1; None where it has."""
    days = loaded.scenario.days
    if 1 <= number <= days:
        return None
    return Fault("day", f"is {number}", f"days of {loaded.scenario.name} are 1 to {days}")


def game_day(
    scenario: str | Path | LoadedScenario, number: int, overrides: Mapping[str, Any]
) -> GameDay:
    """Read one day of a scenario, counted from 1.

    Storage begins it as the scenario says that a run begins; forecasts are what really comes; there
    is no network, so nothing but connections limits an exchange, and nothing that happens to the
    network counts.

    Raises
    ------
    ScenarioError
        Naming every fault.
    """
    loaded = load_scenario(scenario, overrides)
    told = loaded.scenario
    start = told.start + timedelta(days=number - 1)
    hours = _hours(start, told.timezone)
    of_day = {
        "start": start.isoformat(),
        "days": 1,
        "year": [],
        "gate.every": f"{told.step}min",
        "gate.horizon": f"{round(60 * hours)}min",
        "forecast": {"kind": "perfect"},
        "coordination": {"kind": "central"},
    }
    model = build(loaded, overrides=of_day)
    model.clock.advance()
    window = model.clock.window()
    setups = build_microgrids(model.loaded, model.inputs)
    return GameDay(
        scenario=told.name,
        currency=told.currency,
        day=start,
        seed=told.seed,
        declared={one.member.name: _disclosure(model, one, window) for one in setups},
        envelopes={one.member.name: _envelope(one.member, window) for one in setups},
        tariff=model.scenario_tariff(window),
        ties=tie_lines_of(told),
    )


def _hours(day: date, timezone: str) -> float:
    """Give how long a local day is: 23 or 25 hours where clocks are moved. [h]"""
    zone = ZoneInfo(timezone)
    begin, end = (
        datetime.combine(one, time(), zone).astimezone(UTC) for one in (day, day + timedelta(1))
    )
    return (end - begin) / timedelta(hours=1)


def _disclosure(model: MultiMicrogridModel, setup: MicrogridSetup, window: Window) -> Disclosure:
    rules = storage_rules(
        model.scenario.gate.end_of_window,
        setup.devices,
        setup.state,
        window,
        model.clock.due(window),
        miss_price_per_kwh=setup.miss_price_per_kwh,
    )
    return Disclosure(
        window=window,
        devices=setup.devices,
        state=setup.state,
        forecast_kw=setup.meters.forecast_kw(window),
        storage=rules,
        sessions=session_rules(
            setup.devices,
            setup.sessions,
            setup.state,
            window,
            miss_price_per_kwh=setup.miss_price_per_kwh,
        ),
    )


def _envelope(member: Member, window: Window) -> Envelope:
    ones = np.ones(window.steps)
    return Envelope(
        microgrid=member.name,
        window=window,
        import_limit_kw=frozen(member.import_limit_kw * ones),
        export_limit_kw=frozen(member.export_limit_kw * ones),
    )

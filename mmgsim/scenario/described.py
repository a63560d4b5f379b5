"""The page of devices, series and events: every key with its meaning, unit, range and default."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import get_args

from pydantic import BaseModel

from mmgsim.profiles import (
    ConstantSource,
    CsvSource,
    DemandlibSource,
    PriceSource,
    PvlibSource,
    SimbenchSource,
    Tmy3Source,
    WindSource,
)
from mmgsim.scenario.communication_schema import AwayConfig, CommunicationConfig
from mmgsim.scenario.event_schema import (
    IslandingConfig,
    LineOutageConfig,
    PriceShockConfig,
    RatingConfig,
)
from mmgsim.scenario.key_rows import key_rows
from mmgsim.scenario.schema import (
    BatteryConfig,
    DieselConfig,
    LoadConfig,
    OwnBatteryConfig,
    OwnDieselConfig,
    PvConfig,
    WindConfig,
)
from mmgsim.scenario.session_schema import (
    CsvSessions,
    DailySessions,
    EvConfig,
    FlexibleConfig,
    ListedSession,
    ListedSessions,
    SampledSessions,
)
from mmgsim.scenario.tie_schema import TieConfig

__all__ = ["EXAMPLES", "devices_page"]

_DEVICES = (
    LoadConfig,
    PvConfig,
    WindConfig,
    BatteryConfig,
    DieselConfig,
    EvConfig,
    FlexibleConfig,
)
_SESSIONS = (SampledSessions, DailySessions, ListedSessions, CsvSessions)
_SOURCES = (
    ConstantSource,
    CsvSource,
    PvlibSource,
    Tmy3Source,
    WindSource,
    DemandlibSource,
    SimbenchSource,
    PriceSource,
)
_TIES = """\
## Tie lines

Items of `ties:`. A private line stands beside the feeder; `central`, and `hierarchical` with
`controller: aggregated`, decide what it carries, everybody else leaves it at zero. An ac line is a
closed line of the feeder.

| key | meaning | range | default |
|---|---|---|---|
"""
_EVENTS = (LineOutageConfig, IslandingConfig, RatingConfig, PriceShockConfig)
EXAMPLES: Mapping[type[BaseModel], str] = MappingProxyType(
    {
        LoadConfig: "{name: homes, kind: load, profile: {source: demandlib, type: h0, "
        "annual_kwh: 40000}, shed_price_per_kwh: 5.0, critical_share: 0.2}",
        PvConfig: "{name: roof, kind: pv, rating_kw: 30, profile: {source: pvlib, site: perth}}",
        WindConfig: "{name: mill, kind: wind, rating_kw: 50, "
        "profile: {source: wind, mean_speed_m_s: 6.5}}",
        BatteryConfig: "{name: bess, kind: battery, energy_kwh: 40, power_kw: 20, "
        "efficiency: 0.95, level_min: 0.1, wear_per_kwh: 0.01}",
        DieselConfig: "{name: genset, kind: diesel, power_min_kw: 15, power_max_kw: 50, "
        "cost_per_kwh: 0.30, cost_per_kwh_kw: 0.001, cost_per_h: 1.5, start_up_cost: 4.0, "
        "ramp_kw_per_h: 40}",
        EvConfig: "{name: cars, kind: ev, vehicles: 3, discharge_kw: 7, wear_per_kwh: 0.05, "
        'sessions: {source: sampled, arrival: "18:00"}}',
        FlexibleConfig: "{name: pump, kind: flexible, energy_kwh: 12, power_kw: 4, "
        'start: "22:00", end: "06:00"}',
        SampledSessions: '{source: sampled, arrival: "17:00", departure: "06:00"}',
        DailySessions: '{source: daily, arrival: "18:00", departure: "07:00", level_arrival: 0.3}',
        ListedSessions: '{source: listed, stays: [{arrival: "2021-01-11 17:00", '
        'departure: "2021-01-12 06:00", energy_arrival_kwh: 12}]}',
        CsvSessions: "{source: csv, file: stays.csv, label: real}",
        ConstantSource: "{source: constant, value: 12.5, label: real}",
        CsvSource: "{source: csv, file: load.csv, column: shop_kw, label: real}",
        PvlibSource: "{source: pvlib, latitude: 52.5, longitude: 13.4, tilt_deg: 30}",
        Tmy3Source: "{source: tmy3, station: greensboro}",
        WindSource: "{source: wind, mean_speed_m_s: 6.5}",
        DemandlibSource: "{source: demandlib, type: g1, annual_kwh: 38000}",
        SimbenchSource: "{source: simbench, profile: G0-A_pload, annual_kwh: 38000}",
        PriceSource: "{source: price, mean_per_kwh: 0.08, margin_per_kwh: 0.04}",
        LineOutageConfig: '{kind: line-outage, line: 6, start: "2021-01-11 12:00", '
        'end: "2021-01-11 16:00"}',
        IslandingConfig: '{kind: islanding, microgrid: MG2, start: "2021-01-11 12:00", '
        'end: "2021-01-11 16:00", announced: true}',
        RatingConfig: '{kind: rating, line: 3, factor: 0.5, start: "2021-01-11 12:00", '
        'end: "2021-01-11 16:00"}',
        CommunicationConfig: "{loss_probability: 0.1, delay_rounds: 1, deadline_rounds: 60, "
        'away: [{microgrid: MG2, start: "2021-01-11 12:00", end: "2021-01-11 16:00"}]}',
        TieConfig: "{name: T1, between: [MG1, MG2], limit_kw: 200, loss_share: 0.03}",
        PriceShockConfig: "{kind: price-shock, price: import, factor: 3.0, "
        'start: "2021-01-11 17:00", end: "2021-01-11 20:00"}',
    }
)
"""A plausible one of every kind, as YAML."""

_HEAD = """\
# Devices, series, events and communication

Every kind of device, source of series and event, with their keys, and those of communication.
Units stand in square brackets. Generated by `mmgsim schema --devices`; `mmgsim schema` prints the
whole scenario file as JSON schema, for editors that complete and check keys.

## Devices

Each is an item of `microgrids: - devices:`.
"""
_OWN = """\
## Devices of the DNO

Batteries and diesel units may also stand under `network: - devices:`, with the keys above and

| key | of | meaning | range | default |
|---|---|---|---|---|
"""
_STAYS = """\
## Sessions of vehicles

What may stand under `sessions:` of an `ev`. A stay counts in whole steps: from the first step that
begins in it to the last one that ends in it. One that began before the run begins with it. A
microgrid knows the stays that are on, and those that begin in the window that it plans.
"""
_STAY = """\
Each item of `stays:` of `source: listed` has

| key | meaning | range | default |
|---|---|---|---|
"""
_SERIES = """\
## Series

What may stand under `profile:` and wherever a price varies in time.
"""

_HAPPENING = """\
## Events

Each is an item of `events:` of the scenario. Two of one kind about one thing do not overlap.
"""

_TALK = """\
## Communication

Keys of `communication:`. Who does not reply to the market is asked again; who stays silent is left
out of the gate, plans for itself and trades nothing. Where the DNO is asked about all exchanges,
nobody trades then. What the DNO publishes, meters and bills arrive always.

| key | meaning | range | default |
|---|---|---|---|
"""


def devices_page() -> str:
    """Give the page as Markdown."""
    parts = [_HEAD, *(_section(model, "kind") for model in _DEVICES)]
    parts += [
        _STAYS,
        *(_section(model, "source") for model in _SESSIONS),
        _stay_section(),
        _own_section(),
        _tie_section(),
        _SERIES,
        *(_section(model, "source") for model in _SOURCES),
    ]
    parts += [_HAPPENING, *(_section(model, "kind") for model in _EVENTS)]
    parts += [_talk_section()]
    return "\n".join(parts)


def _section(model: type[BaseModel], tag: str) -> str:
    (name,) = get_args(model.model_fields[tag].annotation)
    what = " ".join((model.__doc__ or "").split())
    rows = [f"| `{key}` | {' | '.join(cells)} |" for key, *cells in key_rows(model, tag)]
    return "\n".join(
        [
            f"### `{tag}: {name}`",
            "",
            what,
            "",
            "| key | meaning | range | default |",
            "|---|---|---|---|",
            *rows,
            "",
            "```yaml",
            EXAMPLES[model],
            "```",
            "",
        ]
    )


def _own_section() -> str:
    """Give what devices of the DNO have beside the keys of a microgrid's."""
    rows = [
        f"| `{key}` | {kind} | {' | '.join(cells)} |"
        for kind, model, base in (
            ("battery", OwnBatteryConfig, BatteryConfig),
            ("diesel", OwnDieselConfig, DieselConfig),
        )
        for key, *cells in key_rows(model, "kind")
        if key not in base.model_fields
    ]
    return _OWN + "\n".join(rows) + "\n"


def _stay_section() -> str:
    """Give the keys of a stay that a scenario lists."""
    rows = [f"| `{key}` | {' | '.join(cells)} |" for key, *cells in key_rows(ListedSession, "")]
    return _STAY + "\n".join(rows) + "\n"


def _tie_section() -> str:
    rows = [f"| `{key}` | {' | '.join(cells)} |" for key, *cells in key_rows(TieConfig, "")]
    return _TIES + "\n".join(rows) + f"\n\n```yaml\n{EXAMPLES[TieConfig]}\n```\n"


def _talk_section() -> str:
    keys = [
        f"| `{key}` | {' | '.join(cells)} |"
        for key, *cells in key_rows(CommunicationConfig, "away")
    ]
    keys += [
        f"| `away: - {key}` | {' | '.join(cells)} |" for key, *cells in key_rows(AwayConfig, "")
    ]
    example = f"communication: {EXAMPLES[CommunicationConfig]}"
    return _TALK + "\n".join(keys) + f"\n\n```yaml\n{example}\n```\n"

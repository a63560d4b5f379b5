"""Scenario files: schema, reading, checks, registry, and the series they name."""

from mmgsim.scenario.calendar import ends_at_clock, gate_mask, run_index, starts_day
from mmgsim.scenario.communication import Absences
from mmgsim.scenario.communication_schema import CommunicationConfig
from mmgsim.scenario.described import devices_page
from mmgsim.scenario.described_scenario import scenario_page
from mmgsim.scenario.event_checks import overlaps
from mmgsim.scenario.event_schema import (
    EventConfig,
    IslandingConfig,
    LineEventConfig,
    LineOutageConfig,
    PriceShockConfig,
    RatingConfig,
)
from mmgsim.scenario.events import TimedEvent, Timeline
from mmgsim.scenario.extras import extra_faults, needs_simbench, taken_elements
from mmgsim.scenario.fields import Config
from mmgsim.scenario.freeze import freeze
from mmgsim.scenario.inputs import FurtherCheck, InputLabel, Inputs, read_inputs
from mmgsim.scenario.key_rows import key_rows
from mmgsim.scenario.outside import named_files, plug_in_files
from mmgsim.scenario.overrides import parse_coordinations, parse_override, parse_strategy
from mmgsim.scenario.packages import Kind
from mmgsim.scenario.paths import seen_from, without_places
from mmgsim.scenario.plugin_files import comes_with_mmgsim
from mmgsim.scenario.reading import (
    LoadedScenario,
    bundled_scenarios,
    load_scenario,
    parsed,
    read_document,
    resolved_yaml,
    scenario_schema,
)
from mmgsim.scenario.registry import (
    BUILT_IN,
    PlugIn,
    create,
    find_class,
    find_maker,
    found_path,
    known_names,
    plug_ins,
)
from mmgsim.scenario.roles import role_doubts
from mmgsim.scenario.schema import (
    BatteryConfig,
    DieselConfig,
    EndOfWindowConfig,
    LoadConfig,
    MicrogridConfig,
    NetworkConfig,
    OwnBatteryConfig,
    OwnDeviceConfig,
    PvConfig,
    RepresentativeDayConfig,
    Scenario,
    WindConfig,
)
from mmgsim.scenario.session_schema import EvConfig, FlexibleConfig
from mmgsim.scenario.sizing_schema import (
    BatterySizingConfig,
    GeneratorSizingConfig,
    SizingConfig,
)
from mmgsim.scenario.spreads import Spreads
from mmgsim.scenario.tie_schema import TieConfig
from mmgsim.scenario.uncertainty_schema import UncertaintyConfig
from mmgsim.scenario.unusual import unusual
from mmgsim.scenario.wording import schema_fault
from mmgsim.scenario.yaml_lines import Document, dump_yaml, parse_yaml, refusal

__all__ = [
    "BUILT_IN",
    "Absences",
    "BatteryConfig",
    "BatterySizingConfig",
    "CommunicationConfig",
    "Config",
    "DieselConfig",
    "Document",
    "EndOfWindowConfig",
    "EvConfig",
    "EventConfig",
    "FlexibleConfig",
    "FurtherCheck",
    "GeneratorSizingConfig",
    "InputLabel",
    "Inputs",
    "IslandingConfig",
    "Kind",
    "LineEventConfig",
    "LineOutageConfig",
    "LoadConfig",
    "LoadedScenario",
    "MicrogridConfig",
    "NetworkConfig",
    "OwnBatteryConfig",
    "OwnDeviceConfig",
    "PlugIn",
    "PriceShockConfig",
    "PvConfig",
    "RatingConfig",
    "RepresentativeDayConfig",
    "Scenario",
    "SizingConfig",
    "Spreads",
    "TieConfig",
    "TimedEvent",
    "Timeline",
    "UncertaintyConfig",
    "WindConfig",
    "bundled_scenarios",
    "comes_with_mmgsim",
    "create",
    "devices_page",
    "dump_yaml",
    "ends_at_clock",
    "extra_faults",
    "find_class",
    "find_maker",
    "found_path",
    "freeze",
    "gate_mask",
    "key_rows",
    "known_names",
    "load_scenario",
    "named_files",
    "needs_simbench",
    "overlaps",
    "parse_coordinations",
    "parse_override",
    "parse_strategy",
    "parse_yaml",
    "parsed",
    "plug_in_files",
    "plug_ins",
    "read_document",
    "read_inputs",
    "refusal",
    "resolved_yaml",
    "role_doubts",
    "run_index",
    "scenario_page",
    "scenario_schema",
    "schema_fault",
    "seen_from",
    "starts_day",
    "taken_elements",
    "unusual",
    "without_places",
]

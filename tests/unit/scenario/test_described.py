"""The pages of the scenario's keys name every key and every kind, with examples that are valid."""

import re
from typing import get_args

import pytest
from pydantic import TypeAdapter

from mmgsim.profiles import ProfileSource
from mmgsim.scenario import (
    BUILT_IN,
    Kind,
    Scenario,
    devices_page,
    find_class,
    parse_yaml,
    scenario_page,
)
from mmgsim.scenario.described import EXAMPLES
from mmgsim.scenario.described_scenario import PARTS
from mmgsim.scenario.event_schema import EventConfig
from mmgsim.scenario.registry import option_names
from mmgsim.scenario.schema import DeviceConfig
from mmgsim.scenario.tie_schema import TieConfig

DEVICES = get_args(get_args(DeviceConfig)[0])
EVENTS = get_args(get_args(EventConfig)[0])
SOURCES = get_args(get_args(get_args(ProfileSource)[0])[0]) or get_args(get_args(ProfileSource)[0])


@pytest.mark.parametrize(
    "model", [*DEVICES, *SOURCES, *EVENTS, TieConfig], ids=lambda model: model.__name__
)
def test_every_kind_has_its_keys_and_a_valid_example(model):
    assert model in EXAMPLES
    parsed = TypeAdapter(model).validate_python(parse_yaml(EXAMPLES[model]))
    assert isinstance(parsed, model)
    page = devices_page()
    assert all(
        f"| `{key}` |" in page for key in model.model_fields if key not in ("kind", "source")
    )


def test_units_ranges_and_defaults_stand_on_the_page():
    page = devices_page()
    assert "| `power_min_kw` | Least power while it is on; it is on exactly where it" in page
    assert "[kW] | number, above 0 | required |" in page
    assert "| `efficiency` | One way, in (0, 1]. | number, above 0, at most 1 | `0.95` |" in page
    assert "a number or a [series](#series) | required |" in page


# ------------------------------------------------------------------------------ scenario file
HEADINGS = re.compile(r"^## (.*)$", re.MULTILINE)


def section(heading):
    """Give the part of the page from a heading to the next one of its level."""
    level = heading.partition(" ")[0]
    return scenario_page().split(f"{heading}\n")[1].split(f"\n{level} ")[0]


def test_every_key_of_the_file_is_on_the_page():
    table = section("## The file")
    assert all(f"\n| `{key}` | " in table for key in Scenario.model_fields)


def test_links_lead_to_headings():
    page = scenario_page()
    own = {heading.strip("`") for heading in HEADINGS.findall(page)}
    assert set(re.findall(r"\]\(#([\w-]+)\)", page)) <= own
    others = {heading.lower().replace(" ", "-") for heading in HEADINGS.findall(devices_page())}
    assert set(re.findall(r"\]\(devices\.md#([\w-]+)\)", page)) <= others


@pytest.mark.parametrize("name", PARTS)
def test_every_part_has_its_keys_and_a_valid_example(name):
    part, text = PARTS[name], section(f"## `{name}`")
    assert isinstance(part.model.model_validate(parse_yaml(part.example)), part.model)
    for key in part.model.model_fields:
        assert re.search(rf"^\| `{key}(\.\w+)*` \| [\w`]", text, re.MULTILINE), key


@pytest.mark.parametrize(
    ("heading", "kind"),
    [("## `coordination`", Kind.MECHANISM), ("## `operator`", Kind.OPERATOR)],
)
def test_every_option_of_what_comes_with_mmgsim_is_on_the_page(heading, kind):
    for name in BUILT_IN[kind]:
        own = section(heading).split(f"### `kind: {name}`\n")[1].split("\n### ")[0]
        for option in option_names(find_class(kind, name)):
            assert f"\n| `{option}` | " in own, (name, option)


def test_short_forms_and_durations_stand_as_they_are_written():
    page = scenario_page()
    assert "| such as `15min`, `1h` or `1d` | `60min` |" in page
    assert "| see [coordination](#coordination) | `central` |" in page
    assert "\n| `end_of_window.level` |" in page


@pytest.mark.parametrize(
    ("name", "option", "values"),
    [
        ("bilateral", "charges", "`local`, `losses` or `{per_km: number}`"),
        ("bilateral", "distances", "`feeder`, `equal` or `{NAME: {NAME: number}}`"),
        ("peer-to-peer", "price_per_kwh", "number, `midpoint` or `{NAME: number}`"),
        ("prices", "offers", "`device`, `agent`"),
    ],
)
def test_a_choice_of_values_says_all_that_may_be_written(name, option, values):
    own = section("## `coordination`").split(f"### `kind: {name}`\n")[1]
    (row,) = re.findall(rf"^\| `{option}` .*", own.split("\n### ")[0], re.MULTILINE)
    assert f" | {values} | " in row


def test_no_range_says_the_same_type_twice():
    assert "text or text" not in scenario_page()

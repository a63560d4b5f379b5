"""The page of devices and series names every key and every kind, with examples that are valid."""

from typing import get_args

import pytest
from pydantic import TypeAdapter

from mmgsim.profiles import ProfileSource
from mmgsim.scenario import devices_page, parse_yaml
from mmgsim.scenario.described import EXAMPLES
from mmgsim.scenario.event_schema import EventConfig
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

from dataclasses import fields

import numpy as np
import pytest

from mmgsim.errors import ScenarioError
from mmgsim.scenario import load_scenario, read_inputs
from mmgsim.scenario.freeze import freeze

SHOCK = {
    "kind": "price-shock",
    "price": "import",
    "factor": 3.0,
    "start": "2021-01-11 12:00",
    "end": "2021-01-11 16:00",
}


@pytest.mark.parametrize(
    ("name", "overrides"),
    [
        ("duo", {}),
        ("duo", {"events": [SHOCK]}),  # which is frozen as an event, and not in the price too
        ("wa9", {"days": 1, "forecast": "persistence"}),
    ],
)
def test_frozen_scenario_gives_the_same_inputs_to_the_last_bit(name, overrides, tmp_path):
    loaded = load_scenario(name, overrides)
    frozen = freeze(loaded, tmp_path / "frozen")
    before = read_inputs(loaded.scenario, loaded.folder)
    after = read_inputs(frozen.scenario, frozen.folder)
    for field in fields(before):
        old, new = getattr(before, field.name), getattr(after, field.name)
        if isinstance(old, np.ndarray):
            assert old.tobytes() == new.tobytes(), field.name
    assert {key: kw.tobytes() for key, kw in before.device_kw.items()} == {
        key: kw.tobytes() for key, kw in after.device_kw.items()
    }
    assert before.index == after.index
    assert frozen.scenario.events == loaded.scenario.events
    assert [label.label for label in before.labels] == [label.label for label in after.labels]


def test_day_with_a_clock_change_freezes(scenarios, tmp_path):
    changes = (
        ("seed: 3", "gate: {horizon: 25h}"),
        ("start: 2021-01-11", "start: 2021-10-31"),
        ("profile: 3.0", "profile: {source: demandlib, type: h0, annual_kwh: 9000}"),
    )
    loaded = scenarios.load(*changes)
    frozen = freeze(loaded, tmp_path / "frozen")
    before = read_inputs(loaded.scenario, loaded.folder)
    after = read_inputs(frozen.scenario, frozen.folder)
    assert before.run_steps == 25
    assert np.array_equal(before.device_kw["MG1", "homes"], after.device_kw["MG1", "homes"])


def test_folder_in_use_is_refused(scenarios, tmp_path):
    loaded = scenarios.load()
    for folder in (loaded.folder, scenarios.file):
        with pytest.raises(ScenarioError, match="exists and is not empty"):
            freeze(loaded, folder)

"""A small scenario in a file of its own, changed by the tests."""

from pathlib import Path

import pytest

from mmgsim.errors import ScenarioError
from mmgsim.scenario import load_scenario

TEXT = """\
name: tiny
timezone: Europe/Berlin
start: 2021-01-11
days: 1
seed: 3
coordination: {kind: isolated}
tariff:
  import_per_kwh: 0.30
  export_per_kwh: 0.05
forecast: {kind: perfect}
microgrids:
  - name: MG1
    strategy: self-consumer
    devices:
      - {name: homes, kind: load, profile: 3.0}
      - {name: roof, kind: pv, rating_kw: 4.0, profile: 1.0}
  - name: MG2
    strategy: self-consumer
    devices:
      - {name: shop, kind: load, profile: 2.0}
      - {name: bess, kind: battery, energy_kwh: 10, power_kw: 5}
"""


class Scenarios:
    """Writes the small scenario with some texts replaced, and tells what is wrong with it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.file = folder / "scenario.yaml"

    def write(self, *changes: tuple[str, str]) -> Path:
        text = TEXT
        for old, new in changes:
            assert old in text, old
            text = text.replace(old, new, 1)
        self.file.write_text(text, encoding="utf-8")
        return self.file

    def load(self, *changes: tuple[str, str], **overrides):
        return load_scenario(self.write(*changes), overrides)

    def faults(self, *changes: tuple[str, str], overrides=None):
        with pytest.raises(ScenarioError) as caught:
            load_scenario(self.write(*changes), overrides)
        return caught.value.faults

    def fault(self, *changes: tuple[str, str], overrides=None):
        faults = self.faults(*changes, overrides=overrides)
        assert len(faults) == 1, [str(fault) for fault in faults]
        return faults[0]


@pytest.fixture
def scenarios(tmp_path):
    return Scenarios(tmp_path)

"""Two microgrids and two days that can be reckoned by hand."""

import pandas as pd
import pytest

TEXT = """\
name: pair
timezone: Etc/GMT-8
start: 2021-01-11
days: 1
year:
  - {name: quiet, day: 2021-01-11, weight: 2}
  - {name: busy, day: 2021-01-12, weight: 3}
coordination: {kind: isolated}
tariff: {import_per_kwh: 0.30, export_per_kwh: 0.05}
settlement: {local_price: midpoint}
forecast: perfect
gate: {every: 1d}
microgrids:
  - name: MG1
    devices:
      - {name: homes, kind: load, profile: {source: csv, file: load.csv, column: kw}}
  - name: MG2
    devices:
      - {name: roof, kind: pv, rating_kw: 5, profile: 3.0}
"""


def write_pair(folder, *, days=3):
    """Write the scenario; its load is 2 kW on the quiet day and 4 kW from the busy one on."""
    folder.mkdir(exist_ok=True)
    times = pd.date_range("2021-01-11", periods=24 * days, freq="h")
    load_kw = [2.0 if time.day == 11 else 4.0 for time in times]
    stamps = times.strftime("%Y-%m-%dT%H:%M")
    pd.DataFrame({"time": stamps, "kw": load_kw}).to_csv(folder / "load.csv", index=False)
    (folder / "scenario.yaml").write_text(TEXT)
    return folder / "scenario.yaml"


@pytest.fixture
def pair(tmp_path):
    return write_pair(tmp_path / "pair")

"""A scenario that names files of every kind, written to other folders."""

import pandapower as pp
import pytest

import mmgsim
from mmgsim.scenario import freeze, load_scenario, seen_from, without_places

SERIES = """\
time,kw,share
2021-01-10T23:00Z,3,1
2021-01-11T23:00Z,3,1
2021-01-12T23:00Z,3,1
"""
OWN = """\
from mmgsim.coordination import Isolated
from mmgsim_agents.strategies.self_consumer import SelfConsumer

class Mine(SelfConsumer):
    path_options = ("notes",)

    def __init__(self, notes=__file__):
        super().__init__()
        open(notes).close()

class Alone(Isolated):
    path_options = ("notes",)

    def __init__(self, notes=__file__):
        super().__init__()
        open(notes).close()
"""
SCENARIO = """\
name: filed
timezone: Europe/Berlin
start: 2021-01-11
days: 1
gate: {every: 1d}
coordination: {kind: "own.py:Alone", notes: notes.txt}
network:
  file: net.json
  ratings: limits.csv
  background: {profile: {source: csv, file: series.csv, column: share}}
tariff: {import_per_kwh: 0.30, export_per_kwh: {source: csv, file: prices/export.csv, column: kw}}
forecast: perfect
microgrids:
  - name: MG1
    bus: 1
    strategy: {kind: "own.py:Mine", options: {notes: notes.txt}}
    devices:
      - {name: homes, kind: load, profile: {source: csv, file: series.csv, column: kw}}
"""
WITHOUT_NOTES = {"coordination": "own.py:Alone", "microgrids.MG1.strategy": "own.py:Mine"}


@pytest.fixture
def source(tmp_path):
    folder = tmp_path / "theirs/deep"
    (folder / "prices").mkdir(parents=True)
    net = pp.create_empty_network()
    buses = [pp.create_bus(net, vn_kv=0.4) for _ in range(2)]
    pp.create_ext_grid(net, buses[0])
    pp.create_line(net, *buses, length_km=0.1, std_type="NAYY 4x50 SE")
    pp.create_load(net, buses[1], p_mw=0.001)
    pp.to_json(net, str(folder / "net.json"))
    (folder / "limits.csv").write_text("from_bus,to_bus,max_i_ka\n0,1,0.2\n")
    (folder / "series.csv").write_text(SERIES)
    (folder / "prices/export.csv").write_text(SERIES.replace(",3,", ",0.05,"))
    (folder / "own.py").write_text(OWN)
    (folder / "notes.txt").write_text("")
    (folder / "scenario.yaml").write_text(SCENARIO)
    return folder


def test_from_its_own_folder_a_scenario_names_its_files_as_it_did(source):
    loaded = load_scenario(source)
    assert seen_from(source, loaded) == loaded.scenario


def test_every_file_is_named_as_seen_from_the_folder(source, tmp_path):
    moved = seen_from(tmp_path / "mine", load_scenario(source)).model_dump()
    there = "../theirs/deep"
    assert moved["coordination"] == {"kind": f"{there}/own.py:Alone", "notes": f"{there}/notes.txt"}
    assert moved["network"]["file"] == f"{there}/net.json"
    assert moved["network"]["ratings"] == f"{there}/limits.csv"
    assert moved["network"]["background"]["profile"]["file"] == f"{there}/series.csv"
    assert moved["tariff"]["export_per_kwh"]["file"] == f"{there}/prices/export.csv"
    strategy = {"kind": f"{there}/own.py:Mine", "options": {"notes": f"{there}/notes.txt"}}
    assert moved["microgrids"][0]["strategy"] == strategy


def test_names_that_are_no_files_stay(tmp_path):
    loaded = load_scenario("wa9")
    assert seen_from(tmp_path, loaded) == loaded.scenario


def test_a_frozen_scenario_runs_from_where_it_lies(source, tmp_path, monkeypatch):
    freeze(load_scenario(source), tmp_path / "frozen")
    monkeypatch.chdir(tmp_path)
    mmgsim.MultiMicrogridModel("frozen").step()


def test_a_run_is_run_again_from_its_result_folder(source, tmp_path):
    first = mmgsim.run(source, out=tmp_path / "run")
    again = mmgsim.run(first.folder / "scenario.yaml", out=tmp_path / "deep/again")
    assert again.dispatch.equals(first.dispatch)
    assert first.manifest["coordination"] == "own.py:Alone"


def test_runs_of_one_scenario_are_compared_wherever_they_lie(source, tmp_path):
    places = (tmp_path / "run", tmp_path / "deep/other")
    runs = [mmgsim.run(source, overrides=WITHOUT_NOTES, out=place) for place in places]
    assert runs[0].scenario["network"] != runs[1].scenario["network"]
    assert len(mmgsim.compare_runs(places).runs) == 2


def test_a_run_is_resumed_after_its_folder_was_moved(source, tmp_path):
    mmgsim.run(source, overrides=WITHOUT_NOTES, out=tmp_path / "deep/run")
    moved = (tmp_path / "deep/run").rename(tmp_path / "moved")
    longer = mmgsim.run(source, overrides={**WITHOUT_NOTES, "days": 2}, out=moved, resume=True)
    assert longer.summary["steps"] == 48
    assert load_scenario(moved / "scenario.yaml").scenario.days == 2


def test_another_file_is_another_scenario(source):
    content = load_scenario(source).scenario.model_dump()
    other = load_scenario(source, {"network.file": "nets.json"}).scenario.model_dump()
    assert without_places(other) != without_places(content)

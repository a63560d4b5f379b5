"""What is shown after k steps is what the model and the tables say."""

import base64
import json

import numpy as np
import pandas as pd
import pytest

import mmgsim
from mmgsim.errors import NothingToDrawError
from mmgsim.view import LiveSource, ReplaySource, draw_sheet
from mmgsim.view.sheet import PICTURES
from tests.support.visiting import visiting_scenario


def figures(source):
    sheet = draw_sheet(source.snapshot())
    return {name: json.loads(figure) for name, figure in sheet.figures.items()}


def numbers(values):
    """Give numbers as plotly's JSON has them: a list, or typed bytes."""
    if isinstance(values, dict):
        return np.frombuffer(base64.b64decode(values["bdata"]), dtype=values["dtype"])
    return np.asarray(values, dtype=float)


def tile(source, label):
    tiles = draw_sheet(source.snapshot()).tiles
    return next(tile.value for tile in tiles if tile.label == label)


def test_before_the_first_step_nothing_is_drawn(live_duo):
    sheet = draw_sheet(live_duo.snapshot())
    assert not sheet.figures
    assert not sheet.tiles
    assert set(sheet.missing) == set(PICTURES)


def test_steps_and_local_time_are_those_of_the_model(live_tight):
    snapshot, clock = live_tight.snapshot(), live_tight.model.clock
    assert (snapshot.steps, snapshot.all_steps) == (8, clock.steps)
    assert draw_sheet(snapshot).now == f"{clock.local_now:%a %d %b %Y %H:%M}"


def test_costs_so_far_are_those_of_the_recorder(live_tight):
    costs = live_tight.snapshot().summary["cost_by_microgrid"]
    assert costs == pytest.approx(dict(live_tight.model.recorder.totals.cost_by_microgrid))


def test_messages_so_far_are_those_of_the_bus(live_tight):
    assert tile(live_tight, "messages so far") == f"{live_tight.model.bus.traffic.messages:,}"
    shown = sum(numbers(bars["y"]).sum() for bars in figures(live_tight)["messages"]["data"])
    assert shown == live_tight.model.bus.traffic.messages


def test_the_map_has_the_voltages_of_the_last_power_flow(live_tight):
    flow = live_tight.model.dno.last.flow
    buses = next(t for t in figures(live_tight)["map"]["data"] if "colorbar" in t.get("marker", {}))
    assert np.sort(numbers(buses["marker"]["color"])) == pytest.approx(
        np.sort(flow.vm_pu[0]), abs=1e-6
    )


def test_the_map_has_the_loadings_of_the_last_power_flow(live_tight):
    flow = live_tight.model.dno.last.flow
    lines = next(t for t in figures(live_tight)["map"]["data"] if "customdata" in t)
    assert numbers(lines["customdata"]).max() == pytest.approx(flow.loading_max_percent[0], abs=0.1)


def test_the_map_says_what_everybody_exchanges(live_tight):
    labels = next(t for t in figures(live_tight)["map"]["data"] if t.get("mode") == "markers+text")
    assert len(labels["text"]) == len(live_tight.model.microgrids)
    for agent, label in zip(live_tight.model.microgrids, labels["text"], strict=True):
        assert label.startswith(f"<b>{agent.name}</b>")
        assert f"{abs(agent.last.money.exchange_kw):,.0f} kW" in label


def test_the_state_of_charge_is_stored_energy_over_capacity(live_tight):
    shown = {trace["name"]: trace for trace in figures(live_tight)["stored"]["data"]}
    for agent in live_tight.model.microgrids:
        capacity_kwh = sum(getattr(device, "energy_kwh", 0.0) for device in agent.devices)
        if capacity_kwh:
            percent = 100.0 * sum(agent.state.energy_kwh.values()) / capacity_kwh
            assert numbers(shown[agent.name]["y"])[-1] == pytest.approx(percent, abs=1e-3)
    assert set(shown) < {agent.name for agent in live_tight.model.microgrids}


def test_every_axis_that_is_seen_has_a_title_with_a_unit(live_tight):
    for name, figure in figures(live_tight).items():
        for key, axis in figure["layout"].items():
            is_time = axis_title(axis).startswith("time")
            if key.startswith("yaxis") or is_time:
                assert axis.get("visible") is False or "[" in axis_title(axis), (name, key)


def axis_title(axis):
    return axis.get("title", {}).get("text", "") if isinstance(axis, dict) else ""


def test_a_replay_shows_what_was_shown_live(run_of_tight, live_tight):
    replay = ReplaySource(run_of_tight)
    replay.go_to(8)
    shown, was = draw_sheet(replay.snapshot()), draw_sheet(live_tight.snapshot())
    assert shown.tiles == was.tiles
    assert shown.log == was.log
    assert shown.now == was.now
    for name in PICTURES:
        assert shown.figures[name] == was.figures[name], name


def test_a_replay_has_the_rows_of_the_tables_up_to_its_step(run_of_tight):
    replay = ReplaySource(run_of_tight)
    replay.go_to(5)
    for name, frame in replay.snapshot().frames.items():
        table = run_of_tight.table(name)
        times = run_of_tight.steps["time"].iloc[:5]
        wanted = times.iloc[-1:] if name in ("buses", "lines") else times
        expected = table[table["time"].isin(wanted)].sort_values("time", kind="stable")
        pd.testing.assert_frame_equal(frame, expected.reset_index(drop=True))


def test_at_the_end_of_a_replay_costs_are_those_of_the_summary(run_of_tight):
    replay = ReplaySource(run_of_tight)
    replay.go_to(10**6)
    costs = replay.snapshot().summary["cost_by_microgrid"]
    assert costs == pytest.approx(run_of_tight.summary["cost_by_microgrid"])


def test_shed_load_is_part_of_the_cost_so_far(folder):
    limit = {"microgrids.MG1.connection": {"import_limit_kw": 1.0}, "days": 1}
    critical = {"microgrids.MG1.devices.homes.critical_share": 0.9}
    run = mmgsim.run("duo", out=folder / "shed", overrides={**limit, **critical})
    assert run.summary["shed_kwh"] > run.summary["shed_critical_kwh"] > 0.0
    replay = ReplaySource(run)
    replay.go_to(10**6)
    costs = replay.snapshot().summary["cost_by_microgrid"]
    assert costs == pytest.approx(run.summary["cost_by_microgrid"])


def test_flags_and_their_meaning_are_in_the_log(run_of_tight):
    replay = ReplaySource(run_of_tight)
    replay.go_to(10**6)
    log = draw_sheet(replay.snapshot()).log
    flags = set(" ".join(run_of_tight.steps["flags"]).split())
    assert {entry.what for entry in log} <= flags | set(run_of_tight.steps["status"])
    assert "repaired" in {entry.what for entry in log}
    assert all(entry.meaning for entry in log)


def test_without_a_network_exchanges_are_shown_instead_of_the_map(live_duo):
    live_duo.advance()
    shown = figures(live_duo)["map"]
    assert shown["data"][0]["type"] == "heatmap"
    assert tile(live_duo, "status") == "ok"


def test_a_reset_model_begins_again(live_duo):
    live_duo.advance()
    first = draw_sheet(live_duo.snapshot())
    live_duo.advance()
    live_duo.reset()
    assert live_duo.snapshot().steps == 0
    live_duo.advance()
    assert draw_sheet(live_duo.snapshot()).tiles == first.tiles


def test_a_run_without_steps_is_refused(run_of_duo, monkeypatch):
    empty = {name: frame.iloc[:0] for name, frame in tables(run_of_duo)}
    monkeypatch.setattr(run_of_duo, "table", empty.__getitem__)
    with pytest.raises(NothingToDrawError, match="no step"):
        ReplaySource(run_of_duo)


def tables(run):
    names = ("steps", "dispatch", "devices", "prices", "messages", "ledger", "gates", "faults")
    return [(name, run.table(name)) for name in (*names, "buses", "lines")]


def test_costs_so_far_hold_what_vehicles_lacked(tmp_path):
    scenario = visiting_scenario(tmp_path / "scenario")
    source = LiveSource(lambda: mmgsim.build(scenario, overrides={"gate.every": "12h"}))
    for _ in range(13):
        source.advance()
    totals = source.model.recorder.totals
    assert source.model.table("steps").shed_value.sum() > 1.0
    costs = source.snapshot().summary["cost_by_microgrid"]
    assert costs == pytest.approx(dict(totals.cost_by_microgrid))

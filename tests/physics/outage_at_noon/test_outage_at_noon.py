"""A day with an outage at noon, counted by hand; see the README beside it."""

import json
from functools import cache

import numpy as np
import pandapower as pp
import pytest
import yaml

import mmgsim

VILLAGE_KW, HAMLET_KW = 40.0, 25.0
DEMAND_KW, CRITICAL_KW, DIESEL_KW = 10.0, 4.0, 3.0
EFFICIENCY = 0.9
OUT = slice(12, 18)
EXACT_KWH = 1e-6


def feeder():
    net = pp.create_empty_network()
    buses = [pp.create_bus(net, vn_kv=20.0) for _ in range(3)]
    pp.create_ext_grid(net, buses[0])
    for start, name in ((0, "to the village"), (1, "to the hamlet")):
        pp.create_line_from_parameters(
            net, start, start + 1, 2.0, 0.642, 0.083, 0.0, 0.2, name=name
        )
    pp.create_load(net, buses[1], p_mw=VILLAGE_KW / 1e3, q_mvar=0.01)
    pp.create_load(net, buses[2], p_mw=HAMLET_KW / 1e3, q_mvar=0.005)
    return net


def homes(**keys):
    return {"name": "homes", "kind": "load", "profile": DEMAND_KW, **keys}


def scenario(level, **keys):
    bess = {
        "name": "bess",
        "kind": "battery",
        "energy_kwh": 40.0,
        "power_kw": 20.0,
        "efficiency": EFFICIENCY,
    }
    genset = {
        "name": "genset",
        "kind": "diesel",
        "power_min_kw": 1.0,
        "power_max_kw": DIESEL_KW,
        "cost_per_kwh": 0.5,
    }
    critical = homes(critical_share=CRITICAL_KW / DEMAND_KW)
    return {
        "name": "outage-at-noon",
        "timezone": "Europe/Berlin",
        "start": "2021-01-11",
        "days": 1,
        "gate": {"end_of_window": {"kind": "cyclic", "level": level}},
        "network": {"file": "net.json"},
        "tariff": {"import_per_kwh": 0.3, "export_per_kwh": 0.05},
        "forecast": {"kind": "perfect"},
        "microgrids": [
            {"name": "MG1", "bus": 1, "devices": [homes(), bess]},
            {"name": "MG2", "bus": 2, "devices": [critical, bess, genset]},
        ],
        "events": [
            {
                "kind": "line-outage",
                "line": "to the hamlet",
                "start": "2021-01-11 12:00",
                "end": "2021-01-11 18:00",
            }
        ],
        **keys,
    }


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    @cache
    def runs(text):
        folder = tmp_path_factory.mktemp("outage")
        pp.to_json(feeder(), str(folder / "net.json"))
        (folder / "scenario.yaml").write_text(yaml.safe_dump(json.loads(text)))
        model = mmgsim.build(folder)
        while not model.clock.is_finished:
            model.step()
        return model

    return lambda level, **keys: runs(json.dumps(scenario(level, **keys)))


def of(model, name):
    return model.table("dispatch").query("microgrid == @name").reset_index(drop=True)


def is_out(frame):
    hours = np.arange(len(frame))
    return (hours >= OUT.start) & (hours < OUT.stop)


def test_critical_load_is_served_throughout_as_the_energy_lasts(run):
    own = of(run(0.5), "MG2")[OUT]
    assert own.shed_critical_kw.to_numpy() == pytest.approx(0.0, abs=EXACT_KWH)
    assert (own.load_kw - own.shed_kw).min() >= CRITICAL_KW - EXACT_KWH


@pytest.mark.parametrize(
    ("level", "unserved", "critical", "value"),
    [(0.5, 24.0, 0.0, 240.0), (0.1, 38.4, 2.4, 600.0)],
)
def test_unserved_energy_is_what_the_hand_counts(run, level, unserved, critical, value):
    model = run(level)
    own = of(model, "MG2")
    assert own.shed_kw[OUT].sum() == pytest.approx(unserved, abs=EXACT_KWH)
    assert own.shed_critical_kw[OUT].sum() == pytest.approx(critical, abs=EXACT_KWH)
    assert own.shed_kw[~is_out(own)].abs().max() <= EXACT_KWH
    assert model.table("steps").shed_value.sum() == pytest.approx(value, abs=100 * EXACT_KWH)
    assert model.recorder.totals.shed_critical_kwh == pytest.approx(critical, abs=EXACT_KWH)


@pytest.mark.parametrize("level", [0.5, 0.1])
def test_diesel_runs_at_its_most_and_storage_gives_all_it_has(run, level):
    own = of(run(level), "MG2")[OUT]
    assert own.diesel_kw.to_numpy() == pytest.approx(DIESEL_KW, abs=EXACT_KWH)
    given_kwh = 40.0 * level * EFFICIENCY
    assert own.discharge_kw.sum() == pytest.approx(given_kwh, abs=EXACT_KWH)
    assert own.soc_kwh.iloc[-1] == pytest.approx(0.0, abs=EXACT_KWH)


def test_customers_behind_the_line_are_unserved_to_the_kwh(run):
    steps = run(0.5).table("steps")
    dark = is_out(steps)
    assert steps.unserved_kwh[dark].to_numpy() == pytest.approx(HAMLET_KW, abs=EXACT_KWH)
    assert (steps.unserved_kwh[~dark] == 0.0).all()
    assert set(steps.status[dark]) == {"unsupplied"}
    assert set(steps.status[~dark]) == {"ok"}
    assert run(0.5).recorder.totals.unserved_kwh == pytest.approx(150.0, abs=EXACT_KWH)


def test_stored_energy_goes_through_islanding_and_return_without_a_jump(run):
    model = run(0.5)
    for name in ("MG1", "MG2"):
        own = of(model, name)
        before_kwh = np.concatenate([[20.0], own.soc_kwh[:-1]])
        due_kwh = before_kwh + EFFICIENCY * own.charge_kw - own.discharge_kw / EFFICIENCY
        assert own.soc_kwh.to_numpy() == pytest.approx(due_kwh.to_numpy(), abs=1e-9)
        assert own.soc_kwh.iloc[-1] == pytest.approx(20.0, abs=EXACT_KWH)  # the level at midnight


def test_who_is_islanded_exchanges_nothing_and_who_is_not_goes_on(run):
    model = run(0.5)
    own, other = of(model, "MG2"), of(model, "MG1")
    assert own.exchange_kw[OUT].abs().max() <= 1e-9
    assert (own.exchange_kw[~is_out(own)] < 0.0).all()
    assert other.exchange_kw.to_numpy() == pytest.approx(-DEMAND_KW)
    limits = model.table("prices").query("microgrid == 'MG2'").reset_index(drop=True)
    assert (limits.import_limit_kw[OUT] == 0.0).all()
    assert (limits.export_limit_kw[OUT] == 0.0).all()
    assert (limits.import_limit_kw[~is_out(limits)] > 0.0).all()


def test_nobody_prepares_for_what_was_not_announced(run):
    own = of(run(0.5), "MG2")
    assert own.soc_kwh[:12].to_numpy() == pytest.approx(20.0, abs=EXACT_KWH)


def test_who_was_told_before_has_a_full_battery(run):
    """40 kWh stored give 36, diesel 18: of 60 kWh, 6 are unserved."""
    model = run(0.5, events=[{**scenario(0.5)["events"][0], "announced": True}])
    own = of(model, "MG2")
    assert own.soc_kwh[11] == pytest.approx(40.0, abs=EXACT_KWH)
    assert own.shed_kw.sum() == pytest.approx(6.0, abs=EXACT_KWH)
    assert own.shed_critical_kw.sum() == pytest.approx(0.0, abs=EXACT_KWH)


def test_voltages_and_currents_are_pandapowers_with_the_line_out(run):
    model = run(0.5)
    buses, lines = model.table("buses"), model.table("lines")
    exchange_kw = model.table("dispatch").pivot_table(
        index="time", columns="microgrid", values="exchange_kw"
    )
    net = feeder()
    members = [pp.create_sgen(net, bus, p_mw=0.0) for bus in (1, 2)]
    for hour, (time, row) in enumerate(exchange_kw.iterrows()):
        net.line.loc[1, "in_service"] = not OUT.start <= hour < OUT.stop
        net.sgen.loc[members, "p_mw"] = row.to_numpy() / 1e3
        pp.runpp(net, tolerance_mva=1e-10, numba=False)
        found = buses[buses.time == time]
        assert found.vm_pu.to_numpy() == pytest.approx(
            net.res_bus.vm_pu.to_numpy(), abs=1e-9, nan_ok=True
        )
        i_ka = np.nan_to_num(net.res_line.i_ka.to_numpy())
        assert lines[lines.time == time].i_ka.to_numpy() == pytest.approx(i_ka, abs=1e-9)


def test_energy_balances_in_every_step(run):
    """What the substation gives is what customers are served, microgrids draw, and lines lose."""
    model = run(0.5)
    steps = model.table("steps")
    drawn_kw = -model.table("dispatch").groupby("time").exchange_kw.sum().to_numpy()
    served_kw = steps.background_kw - steps.unserved_kwh
    due_kw = served_kw + drawn_kw + steps.loss_kw
    assert steps.substation_kw.to_numpy() == pytest.approx(due_kw.to_numpy(), abs=1e-5)
    own = of(model, "MG2")
    inside_kw = own.diesel_kw + own.discharge_kw - own.charge_kw - own.exchange_kw
    assert (own.load_kw - own.shed_kw).to_numpy() == pytest.approx(inside_kw.to_numpy(), abs=1e-9)


def test_critical_load_goes_before_a_level_and_a_level_before_other_load(run):
    """Out from 20:00 to 04:00 across the level of 20 kWh at midnight, day one of two.

    32 kWh of critical load less 24 from the diesel are 8 kWh out of the battery, 8 / 0.9 stored:
    half of it before midnight, by which the level is missed; not a kWh for anything else by then.
    """
    outage = {
        "kind": "line-outage",
        "line": 1,
        "start": "2021-01-11 20:00",
        "end": "2021-01-12 04:00",
    }
    own = of(run(0.5, events=[outage], days=2), "MG2")
    dark = own[20:28]
    assert dark.shed_critical_kw.abs().max() <= EXACT_KWH
    assert own.soc_kwh[23] == pytest.approx(20.0 - 4.0 / EFFICIENCY, abs=EXACT_KWH)
    assert "level_missed" in own["flags"][23]
    # Once midnight is over, what is left of 20 kWh serves other load too.
    assert dark.shed_kw.sum() == pytest.approx(80.0 - 24.0 - 18.0, abs=EXACT_KWH)

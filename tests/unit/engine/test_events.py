"""Events in a run: who knows of them, what they change, and what they leave as it was."""

import numpy as np
import pandas as pd
import pytest

import mmgsim
from mmgsim.errors import ScenarioError
from mmgsim.tables import TABLES

ON_FEEDER = {
    "network": {"case": "case33bw", "background": {"scale": 0.4}, "ratings": "wa9"},
    "microgrids.MG1.bus": 17,
    "microgrids.MG2.bus": 32,
}


def event(kind, start, end, **more):
    return {"kind": kind, "start": f"2021-01-11 {start}", "end": f"2021-01-11 {end}", **more}


def islanding(start="18:00", end="21:00", name="MG1", **more):
    return event("islanding", start, end, microgrid=name, **more)


def simulated(*events, steps=24, **overrides):
    model = mmgsim.build("duo", overrides={**overrides, "events": list(events)})
    for _ in range(steps):
        model.step()
    return model


def of(model, name, table="dispatch"):
    return model.table(table).query("microgrid == @name").reset_index(drop=True)


@pytest.fixture(scope="module")
def usual():
    return simulated()


def test_events_outside_the_run_change_no_value(usual):
    late = {**islanding(), "start": "2021-02-01 12:00", "end": "2021-02-01 13:00"}
    model = simulated(late, {**late, "kind": "islanding", "microgrid": "MG2", "announced": True})
    for name in set(TABLES) - {"timings"}:
        pd.testing.assert_frame_equal(model.table(name), usual.table(name), check_exact=True)


# -------------------------------------------------------------------------------- price shocks
SHOCK = event("price-shock", "07:00", "10:00", price="import", factor=5.0, add_per_kwh=0.01)


def test_a_price_shock_is_in_the_tariff_and_in_the_ledger(usual):
    model = simulated(SHOCK)
    quoted = of(usual, "MG2", "prices")
    found = of(model, "MG2", "prices")
    due = quoted.import_price.to_numpy().copy()
    due[7:10] = 5.0 * due[7:10] + 0.01
    assert found.import_price.to_numpy() == pytest.approx(due, abs=1e-12)
    assert found.export_price.equals(quoted.export_price)
    assert found.network_charge.equals(quoted.network_charge)
    assert model.table("steps").upstream_price.to_numpy() == pytest.approx(due, abs=1e-12)
    imports = model.table("ledger").query("item == 'import'").groupby("time")[["kwh", "amount"]]
    paid = imports.sum()
    times = model.table("steps").time
    at = times.isin(paid.index).to_numpy()
    assert (paid.amount / paid.kwh).to_numpy() == pytest.approx(due[at])
    flags = model.table("steps")["flags"].str.contains("price_shock").to_numpy()
    assert np.flatnonzero(flags).tolist() == [7, 8, 9]


def test_nobody_plans_with_a_shock_that_was_not_announced_before_it_begins(usual):
    secret, told = simulated(SHOCK), simulated({**SHOCK, "announced": True})
    for name in ("MG1", "MG2"):
        before = of(usual, name).drop(columns="flags")[:7]
        pd.testing.assert_frame_equal(of(secret, name).drop(columns="flags")[:7], before)
    stored = [of(model, "MG1").soc_kwh[6] for model in (secret, told)]
    assert stored[1] > stored[0] + 1.0  # energy is kept for the dear hours
    costs = [model.recorder.totals.members_cost for model in (secret, told)]
    assert costs[1] < costs[0] - 1e-3


def test_the_published_tariff_of_a_window_tells_what_is_known():
    model = simulated(SHOCK, steps=6)  # step 5, 05:00, is the last
    seen = model.market.view(model.clock.window()).tariff.import_per_kwh
    assert seen[:8] == pytest.approx(model.inputs.import_per_kwh[5:13])
    told = simulated({**SHOCK, "announced": True}, steps=6)
    ahead = told.market.view(told.clock.window()).tariff.import_per_kwh
    assert ahead[2:5] == pytest.approx(5.0 * seen[2:5] + 0.01)
    assert ahead[[0, 1, 5, 6]] == pytest.approx(seen[[0, 1, 5, 6]])


# ----------------------------------------------------------------------------------- islanding
@pytest.mark.parametrize("kind", ["central", "isolated", "prices"])
def test_who_is_islanded_serves_itself_under_every_coordination(kind):
    model = simulated(islanding("10:00", "13:00"), **{"coordination.kind": kind})
    own, steps = of(model, "MG1"), model.table("steps")
    assert own.exchange_kw[10:13].abs().max() <= 1e-9
    assert own[["import_kw", "export_kw", "bought_kw", "sold_kw"]][10:13].abs().max().max() <= 1e-9
    assert own.exchange_kw[[9, 13]].abs().min() > 1.0
    hours = np.flatnonzero(steps["flags"].str.contains("islanded:MG1"))
    assert hours.tolist() == [10, 11, 12]
    used_kw = own.load_kw - own.shed_kw + own.charge_kw
    assert (own.pv_kw + own.discharge_kw)[10:13].to_numpy() == pytest.approx(used_kw[10:13])


def test_stored_energy_has_no_jump_at_islanding_and_return():
    own = of(simulated(islanding()), "MG1")
    before_kwh = np.concatenate([[20.0], own.soc_kwh[:-1]])
    due_kwh = before_kwh + 0.95 * own.charge_kw - own.discharge_kw / 0.95
    assert own.soc_kwh.to_numpy() == pytest.approx(due_kwh.to_numpy(), abs=1e-9)


def test_a_plan_is_made_at_once_where_something_begins_that_nobody_knew(usual):
    del usual
    day_ahead = {"gate.every": "1d"}
    replanned = simulated(islanding("10:00", "13:00"), **day_ahead)
    held = simulated(islanding("10:00", "13:00"), **day_ahead, **{"gate.on_event": "hold"})
    told = simulated(islanding("10:00", "13:00", announced=True), **day_ahead)
    assert [len(model.table("gates")) for model in (replanned, held, told)] == [2, 1, 1]
    costs = [model.recorder.totals.members_cost for model in (told, replanned, held)]
    assert costs[0] <= costs[1] + 1e-9
    assert costs[1] < costs[2]


def test_firm_trades_of_who_is_islanded_stay_and_the_grid_replaces_what_is_missing():
    """At 10:00 MG1 has sold to MG2, and cannot deliver: it buys from the grid what it owes."""
    model = simulated(islanding("10:00", "13:00"), **{"gate.every": "1d", "gate.on_event": "hold"})
    own, other = of(model, "MG1")[10:13], of(model, "MG2")[10:13]
    assert (own.sold_kw > 1.0).all()
    assert own.exchange_kw.abs().max() <= 1e-9
    assert own.import_kw.to_numpy() == pytest.approx(own.sold_kw.to_numpy(), abs=1e-9)
    assert other.bought_kw.to_numpy() == pytest.approx(own.sold_kw.to_numpy(), abs=1e-9)
    commercial_kw = other.export_kw + other.sold_kw - other.import_kw - other.bought_kw
    assert other.exchange_kw.to_numpy() == pytest.approx(commercial_kw.to_numpy(), abs=1e-9)
    ledger = model.table("ledger")
    hours = model.table("steps").time[10:13]
    local = ledger[ledger["item"].isin(["local"]) & ledger.time.isin(hours)]
    sides = [local.groupby(side).amount.sum().get("market", 0.0) for side in ("payer", "payee")]
    assert sides[0] == pytest.approx(sides[1])
    imports = ledger[(ledger["item"] == "import") & (ledger.payer == "MG1")]
    bought_kwh = imports[imports.time.isin(hours)].kwh.to_numpy()
    assert bought_kwh == pytest.approx(own.import_kw.to_numpy(), abs=1e-9)
    assert own.imbalance_kw.abs().min() > 1.0  # and pays for the distance to its plan


# ------------------------------------------------------------------------------- on the feeder
def test_a_lower_rating_cuts_envelopes_while_it_lasts_and_no_others():
    rating = event("rating", "12:00", "15:00", line=16, factor=0.02)
    usual, model = simulated(steps=16, **ON_FEEDER), simulated(rating, steps=16, **ON_FEEDER)
    limits = ["import_limit_kw", "export_limit_kw"]
    before, after = (
        one.table("prices")[limits].to_numpy().reshape(16, 4) for one in (usual, model)
    )
    is_changed = np.arange(16) // 3 == 4
    assert (after[~is_changed] == before[~is_changed]).all()
    assert (after[is_changed] <= before[is_changed]).all()
    assert (after[is_changed].sum(axis=1) < before[is_changed].sum(axis=1) - 1.0).all()
    lines = model.table("lines").query("line == 16").reset_index(drop=True)
    ka = model.dno.feeder.line_max_ka[16] * np.where(is_changed, 0.02, 1.0)
    assert lines.loading_percent.to_numpy() == pytest.approx(100.0 * lines.i_ka / ka)


def test_an_announced_rating_is_in_the_envelopes_of_earlier_windows():
    rating = event("rating", "12:00", "15:00", line=16, factor=0.02)
    found = []
    for announced in (False, True):
        model = simulated({**rating, "announced": announced}, steps=10, **ON_FEEDER)
        view = model.market.view(model.clock.window())  # from step 9 on
        found.append(sum(x.import_limit_kw + x.export_limit_kw for x in view.envelopes.values()))
    secret, told = found
    assert (told[3:6] < secret[3:6] - 1.0).all()
    assert (np.delete(told, [3, 4, 5]) == np.delete(secret, [3, 4, 5])).all()


def test_plans_through_an_outage_are_reviewed_on_the_feeder_of_each_step():
    """Repair finds nothing to mend, though the dark part of the feeder has no voltage at all."""
    outage = event("line-outage", "03:00", "06:00", line=6)
    model = simulated(outage, steps=8, **ON_FEEDER, **{"repair.rounds": 3})
    gates = model.table("gates")
    assert (gates.repair_rounds == 0).all()
    assert (model.table("steps").status[3:6] == "unsupplied").all()


def test_one_outage_upstream_islands_everybody():
    outage = event("line-outage", "03:00", "05:00", line=0)
    model = simulated(outage, steps=6, **ON_FEEDER)
    dark = model.table("steps")[3:5]
    assert dark.unserved_kwh.to_numpy() == pytest.approx(model.dno.feeder.background_kw)
    assert dark.substation_kw.to_numpy() == pytest.approx(0.0, abs=1e-9)
    assert all("islanded:MG1 islanded:MG2 outage" in flags for flags in dark["flags"])


def test_a_line_that_is_not_there_is_refused_with_its_place():
    with pytest.raises(ScenarioError, match=r"events\.0\.line.*no line 99"):
        simulated(event("line-outage", "03:00", "05:00", line=99), **ON_FEEDER)


# -------------------------------------------------------------------------------------- resume
def test_a_run_that_stops_during_events_goes_on_to_the_same_values():
    """Both go on over midnight, from where a run goes on that was killed on the second day."""
    over_night = {"start": "2021-01-11 22:00", "end": "2021-01-12 06:00"}
    events = [
        {"kind": "line-outage", "line": 24, **over_night},
        {"kind": "price-shock", "price": "import", "factor": 3.0, **over_night},
    ]
    settings = {**ON_FEEDER, "days": 2, "gate.every": "4h"}
    whole = simulated(*events, steps=48, **settings)
    first = simulated(*events, steps=24, **settings)
    resumed = simulated(*events, steps=0, **settings)
    resumed.take_over(first.checkpoint)
    while not resumed.clock.is_finished:
        resumed.step()
    midnight = whole.table("steps").time[24]
    for name in set(TABLES) - {"timings", "payloads"}:
        late = whole.table(name)
        late = late[late.time >= midnight].reset_index(drop=True)
        pd.testing.assert_frame_equal(resumed.table(name), late, check_exact=True, obj=name)
    assert resumed.recorder.totals.unserved_kwh == whole.recorder.totals.unserved_kwh
    assert whole.table("steps")["flags"].str.contains("outage").sum() == 8

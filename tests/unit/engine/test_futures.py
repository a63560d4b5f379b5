"""What comes true, what is expected of it and what is sampled: one model, the same for all."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import mmgsim
from mmgsim.contracts import Disclose
from mmgsim.division.day import game_day
from mmgsim.engine import Futures, MessageBus, build
from mmgsim.scenario import load_scenario, read_inputs
from mmgsim.subproblems import disclosure_of, reply_faults

TOLD = {
    "load": {"kind": "normal", "sd": 0.1},
    "pv": {"kind": "beta", "mean": 0.65, "sd": 0.2, "between_sites": 0.8},
    "price": {"sd": 0.2},
}
WITHIN = 4.0  # standard errors: of some hundred numbers that are looked at
MANY = range(1, 2001)


def model(future=3, *, told=TOLD, scenario="duo", **overrides):
    told = {**told, "future": future}
    plain = {"uncertainty": told, "coordination": "isolated", "forecast": "expected"}
    return build(scenario, overrides={**plain, **overrides})


def futures(scenario="duo", told=TOLD, **overrides):
    loaded = load_scenario(scenario, {"uncertainty": told, **overrides})
    return Futures(loaded.scenario, read_inputs(loaded.scenario, loaded.folder))


def realised(one, name="MG1"):
    """Run to the end, and give what the meters of a microgrid told, by device."""
    while not one.clock.is_finished:
        one.step()
    devices = one.table("devices")
    own = devices[(devices.microgrid == name) & (devices.quantity == "available_kw")]
    return {device: part.value.to_numpy() for device, part in own.groupby("device")}


# -------------------------------------------------------------------------------- what comes true
def test_a_run_meets_its_future_to_the_last_bit():
    drawn = futures().device_kw(range(1, 6))
    told = realised(model(future=3))
    assert np.array_equal(told["homes"], drawn["MG1", "homes"][2])
    assert np.array_equal(told["roof"], drawn["MG1", "roof"][2])
    assert not np.array_equal(drawn["MG1", "homes"][1], drawn["MG1", "homes"][2])


def test_futures_are_the_same_alone_among_others_and_in_part():
    one = futures()
    whole = one.device_kw(range(1, 101))["MG2", "roof"]
    assert np.array_equal(one.device_kw([70])["MG2", "roof"][0], whole[69])
    assert np.array_equal(
        one.device_kw([70, 5], first_step=6, steps=9)["MG2", "roof"][1], whole[4, 6:15]
    )
    assert np.array_equal(one.price_factors([9])[0], one.price_factors(MANY)[8])


def test_futures_of_wind_are_the_same_to_the_last_bit_too():
    one = build("leem4", overrides={"uncertainty.future": 5}).futures
    drawn, true = one.device_kw(range(1, 41)), one.true_kw()
    for name in ("turbine", "roof"):
        assert np.array_equal(drawn["MG1", name][4], true["MG1", name][:24])
        assert np.array_equal(
            one.device_kw([5], first_step=3, steps=4)["MG1", name][0], true["MG1", name][3:7]
        )
    assert np.array_equal(drawn["MG1", "offices"][4], true["MG1", "offices"][:24])


def test_a_day_is_the_same_in_a_run_of_its_own_and_in_a_longer_one():
    long, short = futures(days=2), futures(start="2021-01-12")
    for key, values in short.device_kw([4]).items():
        assert np.array_equal(values[0], long.device_kw([4])[key][0, 24:])


@pytest.mark.parametrize(
    ("coordination", "forecast"),
    [("isolated", "perfect"), ("central", "persistence"), ("prices", "noise")],
)
def test_all_coordinations_and_forecasts_meet_the_same_futures(coordination, forecast):
    drawn = futures().device_kw([3])
    told = realised(model(coordination=coordination, forecast=forecast))
    assert np.array_equal(told["roof"], drawn["MG1", "roof"][0])


def test_another_device_changes_no_future_of_the_others():
    before = futures().device_kw([3])
    shed = {"name": "shed", "kind": "pv", "rating_kw": 5, "profile": 1.0}
    loaded = load_scenario("duo")
    devices = loaded.scenario.model_dump(mode="json")["microgrids"][0]["devices"]
    after = futures(**{"microgrids.MG1.devices": [shed, *devices]}).device_kw([3])
    assert all(np.array_equal(values, after[key]) for key, values in before.items())
    assert np.ptp(after["MG1", "shed"]) > 0.0


def test_a_run_is_the_same_with_one_worker_and_with_two():
    found = []
    for workers in (1, 2):
        told = {**TOLD, "future": 3}
        overrides = {"uncertainty": told, "coordination": "prices", "forecast": "expected"}
        one = build("duo", overrides=overrides, bus=MessageBus(workers=workers))
        for _ in range(6):
            one.step()
        found.append(one.table("dispatch"))
    pd.testing.assert_frame_equal(*found, check_exact=True)


def test_a_game_of_one_day_meets_the_future_of_the_run():
    told = {"uncertainty": {**TOLD, "future": 2}, "days": 2}
    drawn = futures(days=2).device_kw([2])
    declared = game_day("duo", 2, told).declared["MG1"].forecast_kw
    assert np.array_equal(declared["roof"], drawn["MG1", "roof"][0, 24:])


def test_the_seed_draws_other_futures():
    one, other = (futures(seed=seed).device_kw([3])["MG1", "homes"] for seed in (1, 2))
    assert not np.array_equal(one, other)


def test_without_a_future_the_series_themselves_come_true():
    plain = build("duo", overrides={"coordination": "isolated"})
    stated = model(future="none", forecast="perfect")
    for _ in range(24):
        plain.step()
        stated.step()
    for name in ("dispatch", "devices", "prices", "ledger", "gates"):
        pd.testing.assert_frame_equal(plain.table(name), stated.table(name), check_exact=True)
    assert plain.microgrids["MG1"].view.outlook is None
    assert stated.microgrids["MG1"].view.outlook is not None


def test_a_connection_without_limits_carries_all_futures_alike():
    wide = {"load": {"kind": "normal", "sd": 0.4}}
    limits_kw = {
        f: model(f, told=wide).microgrids["MG2"].member.import_limit_kw for f in ("none", 7)
    }
    assert limits_kw["none"] == limits_kw[7]
    most_kw = futures(told=wide).device_kw(MANY)["MG2", "shop"].max()
    assert most_kw > 1.5 * model().inputs.device_kw["MG2", "shop"].max()
    assert most_kw <= limits_kw[7]


def test_what_is_not_named_is_certain():
    one = futures(told={"pv": TOLD["pv"]})
    found = one.device_kw(range(1, 4))
    assert np.ptp(found["MG1", "homes"], axis=0).max() == 0.0
    assert np.ptp(found["MG1", "roof"], axis=0).max() > 0.0
    assert (one.price_factors([1, 2]) == 1.0).all()


def test_futures_cannot_be_changed_and_are_numbered_from_1():
    one = futures()
    with pytest.raises(ValueError, match="read-only"):
        one.device_kw([1])["MG1", "homes"][0, 0] = 0.0
    with pytest.raises(ValueError, match="numbered from 1"):
        one.device_kw([0])
    with pytest.raises(ValueError, match="not all in the run"):
        one.device_kw([1], steps=1000)


# ----------------------------------------------------------------------------------- together
def test_devices_at_different_sites_go_together_as_told_and_kinds_do_not():
    drawn, count = futures().device_kw(MANY, first_step=12, steps=1), len(MANY)
    # Ranks, as scores are normal and kW are not: of normals with c, 6/pi asin(c/2) by ranks.
    ranks = {key: pd.Series(values[:, 0]).rank() for key, values in drawn.items()}
    roofs = ranks["MG1", "roof"].corr(ranks["MG2", "roof"])
    assert (
        abs(roofs - 6.0 / np.pi * np.arcsin(0.4)) < WITHIN * (1.0 - 0.8**2) / np.sqrt(count) * 1.5
    )
    mixed = ranks["MG1", "roof"].corr(ranks["MG1", "homes"])
    assert abs(mixed) < WITHIN / np.sqrt(count)


def test_memory_is_per_hour_whatever_the_step():
    drawn = futures(told={"load": {"kind": "normal", "sd": 0.1, "lag1": 0.8}}, step="15min")
    homes = drawn.device_kw(MANY, steps=9)["MG1", "homes"]
    for apart in (1, 4, 8):
        found = np.corrcoef(homes[:, 0], homes[:, apart])[0, 1]
        wanted = 0.8 ** (apart / 4.0)
        assert abs(found - wanted) < WITHIN * (1.0 - wanted**2) / np.sqrt(len(MANY))


# -------------------------------------------------------------------------------------- forecasts
def views(one, steps):
    """Give the view of MG1 at the first steps of a run."""
    found = []
    for _ in range(steps):
        one.begin_step()
        found.append(one.microgrids["MG1"].view)
        one.step()
    return found


def test_the_first_gate_expects_the_unconditional_mean():
    one = model()
    one.begin_step()
    expected_kw = one.microgrids["MG1"].view.forecast_kw
    drawn = futures().device_kw(MANY)
    for name in ("homes", "roof"):
        samples = drawn["MG1", name]
        error = samples.std(axis=0) / np.sqrt(len(MANY))
        assert (np.abs(samples.mean(axis=0) - expected_kw[name]) <= WITHIN * error + 1e-6).all()


def test_what_is_expected_of_the_next_step_follows_what_was_seen():
    one = model(told={"load": {"kind": "normal", "sd": 0.1, "lag1": 0.9}})
    series, true = one.inputs.device_kw["MG1", "homes"], one.futures.true_kw()["MG1", "homes"]
    for view in views(one, 5)[1:]:
        now = view.window.first_step
        seen = true[now - 1] / series[now - 1] - 1.0
        wanted = series[now : now + 24] * (1.0 + seen * 0.9 ** np.arange(1, 25))
        assert view.forecast_kw["homes"] == pytest.approx(wanted, rel=1e-6)


def test_errors_grow_with_the_lead_and_shrink_with_the_gate():
    told = {"load": {"kind": "normal", "sd": 0.1, "lag1": 0.95}}
    loaded = load_scenario("duo", {"uncertainty": {**told, "future": 1}})
    inputs, clock = read_inputs(loaded.scenario, loaded.folder), model(told=told).clock
    series = inputs.device_kw["MG1", "homes"]

    squares = np.zeros((2, 24))
    for future in range(1, 41):
        uncertainty = loaded.scenario.uncertainty.model_copy(update={"future": future})
        one = Futures(loaded.scenario.model_copy(update={"uncertainty": uncertainty}), inputs)
        true = one.true_kw()["MG1", "homes"]
        for place, step in enumerate((12, 18)):
            clock.step, ahead = step, slice(step, step + 24)
            expected_kw = one.ahead("MG1", clock.window())["homes"].expected()
            squares[place] += ((expected_kw - true[ahead]) / series[ahead]) ** 2
    noon, evening = np.sqrt(squares / 40)
    assert noon[0] < noon[6] < noon[23]
    assert evening[0] < noon[6]  # the same step of the run, seen six hours later


def test_persistence_reads_what_came_true_the_day_before():
    one = model(forecast="persistence")
    one.begin_step()
    view, lead = one.microgrids["MG1"].view, one.inputs.lead_steps
    assert lead == 24
    true = one.futures.true_kw()["MG1", "homes"]
    assert np.array_equal(view.forecast_kw["homes"], true[:24])
    assert not np.array_equal(true[:24], one.inputs.device_kw["MG1", "homes"][:24])


def test_perfect_forecasts_know_their_future():
    one = model(forecast="perfect")
    one.begin_step()
    true = one.futures.true_kw()["MG1", "roof"]
    assert np.array_equal(one.microgrids["MG1"].view.forecast_kw["roof"], true[:24])


def test_without_uncertainty_the_expected_is_the_truth():
    one = build("duo", overrides={"forecast": "expected", "coordination": "isolated"})
    one.begin_step()
    series = one.inputs.device_kw["MG1", "roof"]
    assert np.array_equal(one.microgrids["MG1"].view.forecast_kw["roof"], series[:24])


# --------------------------------------------------------------------------------------- outlooks
def outlooks(step, **overrides):
    one = model(**overrides)
    for _ in range(step + 1):
        one.clock.advance()
    one.dno.publish()
    one.microgrids.do("observe")
    return {agent.name: agent.view for agent in one.microgrids}


@pytest.mark.parametrize("step", [0, 10])
def test_samples_have_the_forecast_as_mean_and_quantiles_cover_their_share(step):
    count = 4000
    for view in outlooks(step).values():
        samples_kw = view.outlook.samples_kw(count)
        bound_kw = view.outlook.quantile_kw(0.8)
        for name, forecast_kw in view.forecast_kw.items():
            error = samples_kw[name].std(axis=0) / np.sqrt(count)
            off = np.abs(samples_kw[name].mean(axis=0) - forecast_kw)
            assert (off <= WITHIN * error + 1e-5).all()
            covered = (samples_kw[name] <= bound_kw[name] + 1e-9).mean(axis=0)
            assert (covered >= 0.8 - WITHIN * 0.4 / np.sqrt(count)).all()


def test_samples_are_the_same_at_every_call_and_those_of_fewer_come_first():
    outlook = outlooks(7)["MG1"].outlook
    again = outlooks(7)["MG1"].outlook
    for name, values in outlook.samples_kw(8).items():
        assert np.array_equal(values, outlook.samples_kw(30)[name][:8])
        assert np.array_equal(values, again.samples_kw(8)[name])
    assert np.array_equal(outlook.price_factors(8), outlook.price_factors(30)[:8])


def test_samples_of_microgrids_meet_the_same_weather_and_the_same_prices():
    told = {"load": {"kind": "normal", "sd": 0.1, "between_sites": 0.8}, "price": {"sd": 0.2}}
    both, count = outlooks(10, told=told), 4000
    homes = both["MG1"].outlook.samples_kw(count)["homes"]
    shop = both["MG2"].outlook.samples_kw(count)["shop"]
    found = np.array([np.corrcoef(homes[:, k], shop[:, k])[0, 1] for k in range(24)])
    assert np.abs(found - 0.8).max() < WITHIN * (1.0 - 0.8**2) / np.sqrt(count)
    prices = [view.outlook.price_factors(5) for view in both.values()]
    assert np.array_equal(*prices)


def test_a_night_tells_nothing_of_the_sun():
    """Before dawn the last score that was seen is that of the evening, or none."""
    one = model(days=2)
    roof = one.inputs.device_kw["MG1", "roof"]
    dawn = int(np.flatnonzero(roof[:24] > 0.0)[0])
    for _ in range(dawn + 1):
        one.clock.advance()
    (ahead,) = [one.futures.ahead("MG1", one.clock.window())[name] for name in ("roof",)]
    assert ahead.gap is None
    one.clock.step = dawn + 1
    assert one.futures.ahead("MG1", one.clock.window())["roof"].gap == 1
    dusk = int(np.flatnonzero(roof[:24] > 0.0)[-1])
    one.clock.step = dusk + 6
    assert one.futures.ahead("MG1", one.clock.window())["roof"].gap == 6


def test_bounds_of_a_share_outside_0_to_1_are_refused():
    with pytest.raises(ValueError, match="between 0 and 1"):
        outlooks(0)["MG1"].outlook.quantile_kw(1.0)


# ------------------------------------------------------------------------------------- disclosure
def test_samples_and_bounds_are_disclosed_where_they_are_asked_for():
    view = outlooks(3)["MG1"]
    plain = disclosure_of(view)
    assert not plain.samples_kw
    assert not plain.low_kw
    asked = Disclose(window=view.window, samples=5, within=0.9)
    told = disclosure_of(view, asked)
    assert told.samples_kw["homes"].shape == (5, 24)
    inside = disclosure_of(view, replace(asked, samples=2000))
    within = (inside.samples_kw["homes"] >= told.low_kw["homes"]) & (
        inside.samples_kw["homes"] <= told.high_kw["homes"]
    )
    assert within.mean() == pytest.approx(0.9, abs=0.02)


def test_who_knows_of_nothing_uncertain_discloses_its_forecast_alone():
    one = build("duo")
    one.begin_step()
    view = one.microgrids["MG1"].view
    assert not disclosure_of(view, Disclose(window=view.window, samples=5, within=0.9)).samples_kw


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"samples_kw": {"homes": np.ones((5, 3))}}, "samples of homes are not rows of 24"),
        ({"samples_kw": {"homes": np.full((5, 24), -1.0)}}, "samples of homes are not rows of 24"),
        ({"low_kw": {"homes": np.ones(3)}}, "bounds of homes are not 24 finite numbers"),
        (
            {"low_kw": {"homes": np.ones(24)}, "high_kw": {"homes": np.zeros(24)}},
            "lower bound of homes is above the upper one",
        ),
    ],
)
def test_samples_and_bounds_that_nobody_can_plan_with_are_refused(change, what):
    view = outlooks(0)["MG1"]
    asked = Disclose(window=view.window, samples=5, within=0.9)
    told = disclosure_of(view, asked)
    assert not list(reply_faults(told, view, asked))
    assert what in " ".join(reply_faults(replace(told, **change), view, asked))


# ----------------------------------------------------------------------------------------- prices
def test_a_step_is_settled_at_the_price_that_came_true():
    one = model()
    realised(one)
    factors = one.futures.true_price_factors()[:24]
    table = one.table("prices").query("microgrid == 'MG1'")
    assert table.import_price.to_numpy() == pytest.approx(
        one.inputs.import_per_kwh[:24] * factors, abs=0.0
    )
    assert table.export_price.to_numpy() == pytest.approx(0.05 * factors)
    assert factors.std() > 0.01


def test_prices_ahead_are_published_as_their_means():
    one = model()
    for step in (0, 5):
        one.clock.step = step
        window = one.clock.window()
        ahead, published = one.futures.price_ahead(window), one.futures.published_factors(window)
        samples = ahead.samples(np.random.default_rng(1).standard_normal((4000, 24)))
        error = samples.std(axis=0) / np.sqrt(4000)
        assert (np.abs(samples.mean(axis=0) - published) <= WITHIN * error + 1e-9).all()
        tariff = one.scenario_tariff(window)
        wanted = one.inputs.import_per_kwh[step : step + 24] * published
        assert np.array_equal(tariff.import_per_kwh, wanted)


def test_factors_turn_published_prices_into_sampled_ones():
    view = outlooks(5)["MG1"]
    factors = view.outlook.price_factors(4000)
    assert (factors[:, 0] == 1.0).all()
    error = factors.std(axis=0) / np.sqrt(4000)
    assert (np.abs(factors.mean(axis=0) - 1.0) <= WITHIN * error + 1e-9).all()
    spread = factors.std(axis=0)
    assert spread[1] < spread[4] < spread[12]


# ------------------------------------------------------------------------------------ whole runs
def test_a_resumed_run_meets_the_same_future(tmp_path):
    told = {
        "uncertainty": {**TOLD, "future": 2},
        "coordination": "isolated",
        "forecast": "expected",
    }
    longer = {**told, "days": 2}
    whole = mmgsim.run("duo", overrides=longer, out=tmp_path / "whole", report=False)
    first = mmgsim.run("duo", overrides=told, out=tmp_path / "parts", report=False)
    assert first.summary["members_cost"] != whole.summary["members_cost"]
    again = mmgsim.run("duo", overrides=longer, out=tmp_path / "parts", report=False, resume=True)
    for name in ("dispatch", "devices", "prices", "ledger", "outlooks"):
        pd.testing.assert_frame_equal(whole.table(name), again.table(name), check_exact=True)


def test_the_manifest_says_what_is_uncertain_and_what_came_true(tmp_path):
    told = {"uncertainty": {**TOLD, "future": 2}, "coordination": "isolated"}
    results = mmgsim.run("duo", overrides=told, out=tmp_path / "run", report=False)
    said = {one["where"]: one["description"] for one in results.manifest["inputs"]}
    assert said["uncertainty.future"] == "future 2 came true"
    assert "beta, mean 0.65 and sd 0.2" in said["uncertainty.pv"]


# -------------------------------------------------------------------------------- background
BUSY_FEEDER = {
    "network": {"case": "case33bw", "background": {"scale": 0.2}},
    "microgrids.MG1.bus": 17,
    "microgrids.MG2.bus": 32,
}


def background_of(one):
    while not one.clock.is_finished:
        one.step()
    return one.table("steps").background_share.to_numpy()


def test_the_background_that_comes_true_is_that_of_its_future_to_the_last_bit():
    told = {"background": {"sd": 0.1}}
    certain = background_of(model(future=3, told={}, **BUSY_FEEDER))
    found = background_of(model(future=3, told=told, **BUSY_FEEDER))
    factors = futures(told=told, **BUSY_FEEDER).background_factors(range(1, 6))
    np.testing.assert_allclose(found, certain * factors[2], rtol=1e-12)
    assert np.abs(factors[2] - 1.0).max() > 0.05
    other = background_of(model(future="none", told=told, **BUSY_FEEDER))
    np.testing.assert_array_equal(other, certain)


def test_the_dno_plans_with_the_series_whatever_comes_true_of_the_background():
    told = {"background": {"sd": 0.3}}
    envelopes = []
    for future in (1, 2):
        one = model(future=future, told=told, **BUSY_FEEDER)
        one.step()
        envelopes.append(one.table("prices")[["import_limit_kw", "export_limit_kw"]])
    assert envelopes[0].equals(envelopes[1])


def test_another_future_that_is_met_has_its_own_background():
    one = model(future=1, told={"background": {"sd": 0.1}}, **BUSY_FEEDER)
    before = one.true_background_share(5)
    one.meet(2)
    factors = one.futures.background_factors([1, 2])
    ratio = factors[1, 5] / factors[0, 5]
    assert one.true_background_share(5) == pytest.approx(before * ratio, rel=1e-12)
    assert abs(ratio - 1.0) > 1e-3


def test_factors_of_the_background_have_the_wanted_spread_and_memory():
    told = {"background": {"sd": 0.1, "lag1": 0.8}, "price": {"sd": 0.1, "lag1": 0.8}}
    one = futures(told=told, **BUSY_FEEDER)
    drawn = one.background_factors(MANY)
    count = len(MANY)
    assert np.abs(drawn.mean(axis=0) - 1.0).max() <= WITHIN * 0.1 / np.sqrt(count)
    assert np.abs(drawn.std(axis=0) - 0.1).max() <= WITHIN * 0.1 / np.sqrt(2.0 * count)
    lag1 = np.corrcoef(drawn[:, 10], drawn[:, 11])[0, 1]
    assert abs(lag1 - 0.8) <= WITHIN * (1.0 - 0.8**2) / np.sqrt(count)
    price = one.price_factors(MANY)
    assert abs(np.corrcoef(drawn[:, 10], price[:, 10])[0, 1]) <= WITHIN / np.sqrt(count)

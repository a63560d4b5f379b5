"""What a scenario says of the uncertain is refused where it cannot be, doubted where it is odd."""

import numpy as np
import pytest
from scipy import stats

from mmgsim.engine import Futures
from mmgsim.errors import ScenarioError
from mmgsim.scenario import freeze, load_scenario, read_inputs, resolved_yaml, unusual
from mmgsim.uncertainty import Beta

SUN = ("forecast:", "uncertainty: {pv: {kind: beta}}\nforecast:")
WIND = (
    "      - {name: shop, kind: load, profile: 2.0}\n",
    "      - {name: shop, kind: load, profile: 2.0}\n"
    "      - {name: mill, kind: wind, rating_kw: 4.0, profile: 1.0}\n",
)


def told(text):
    return ("forecast:", f"uncertainty: {text}\nforecast:")


def read_faults(loaded):
    with pytest.raises(ScenarioError) as caught:
        read_inputs(loaded.scenario, loaded.folder, source=loaded.source, lines=loaded.lines)
    return caught.value.faults


def residuals(folder, rows, head="error,hour"):
    (folder / "past.csv").write_text("\n".join([head, *rows]) + "\n")


def by_place(loaded):
    found = unusual(loaded.scenario, read_inputs(loaded.scenario, loaded.folder))
    return {fault.where: fault for fault in found}


# ------------------------------------------------------------------------------------------ faults
def test_a_beta_share_cannot_spread_further_than_its_mean_allows(scenarios):
    fault = scenarios.fault(told("{pv: {kind: beta, mean: 0.95, sd: 0.3}}"))
    assert fault.where == "uncertainty.pv"
    assert "a mean of 0.95 has a standard deviation below 0.218" in fault.what


def test_weibull_needs_the_speed_of_the_wind(scenarios):
    (fault,) = read_faults(scenarios.load(WIND, told("{wind: {kind: weibull}}")))
    assert fault.where == "uncertainty.wind.kind"
    assert "MG2.mill has power (source: constant)" in fault.what
    assert "source: wind" in fault.cure
    assert fault.line is not None


def test_all_faults_of_the_uncertain_are_told_at_once(scenarios):
    residuals(scenarios.folder, ["0.1,1", "x,1", "0.2,25"])
    loaded = scenarios.load(
        WIND,
        told("{wind: {kind: weibull}, load: {kind: residuals, file: past.csv, column: error}}"),
    )
    assert {fault.where for fault in read_faults(loaded)} == {
        "uncertainty.wind.kind",
        "uncertainty.load.file",
    }


@pytest.mark.parametrize(
    ("rows", "column", "what"),
    [
        (["0.1,1", "x,1"], "error", "'x' is not a number"),
        (["0.1,1", "0.2,1"], "error", "has 2 rows"),
        (["0.1,1", "0.2,1"], "eror", "is missing"),
        ([f"0.1,{h}" for h in range(30)], "error, hour_column: hour", "24 is no hour of the day"),
        (["0.1,3"] * 30, "error, hour_column: hour", "fewer than 10 rows of hour 0, 1, 2, 4"),
        (["0.1,1.5"] * 30, "error, hour_column: hour", "1.5 is no hour of the day"),
    ],
)
def test_a_file_of_residuals_that_cannot_serve_is_refused(scenarios, rows, column, what):
    residuals(scenarios.folder, rows)
    text = f"{{load: {{kind: residuals, file: past.csv, column: {column}}}}}"
    (fault,) = read_faults(scenarios.load(told(text)))
    assert fault.where == "uncertainty.load.file"
    assert what in fault.what
    assert fault.cure


def test_a_missing_file_of_residuals_is_named(scenarios):
    text = "{load: {kind: residuals, file: none.csv, column: error}}"
    (fault,) = read_faults(scenarios.load(told(text)))
    assert "does not exist" in fault.what


def test_uncertain_prices_may_not_make_selling_pay_more_than_buying(scenarios):
    dear = (
        "export_per_kwh: 0.05",
        "export_per_kwh: 0.35\n  network_charge: {off_peak_per_kwh: 0.06}",
    )
    (fault,) = read_faults(scenarios.load(dear, told("{price: {sd: 0.2}}")))
    assert fault.where == "uncertainty.price"
    assert "at 2 times the price, selling pays more than buying in 48 steps" in fault.what
    read_inputs(*parts(scenarios.load(dear)))
    read_inputs(*parts(scenarios.load(dear, told("{price: {sd: 0.01}}"))))  # at most 1.05 times


def parts(loaded):
    return loaded.scenario, loaded.folder


# ----------------------------------------------------------------------------------------- reading
@pytest.mark.parametrize("text", ["none", "{future: none}", "{future: 3, pv: {kind: beta}}"])
def test_what_is_uncertain_is_read_as_it_is_written(scenarios, text):
    loaded = scenarios.load(told(text))
    (scenarios.folder / "again.yaml").write_text(resolved_yaml(loaded.scenario))
    assert load_scenario(scenarios.folder / "again.yaml").scenario == loaded.scenario


def test_a_future_is_set_from_outside(scenarios):
    loaded = scenarios.load(SUN, **{"uncertainty.future": 4})
    assert loaded.scenario.uncertainty.future == 4


def test_residuals_are_those_of_the_hour_and_of_the_unit(scenarios):
    residuals(scenarios.folder, [f"{hour / 100},{hour}" for hour in range(24) for _ in range(10)])
    text = "{load: {kind: residuals, file: past.csv, column: error, hour_column: hour}}"
    for unit, wanted in (
        ("relative", 3.0 * (1 + np.arange(24) / 100)),
        ("kw", 3.0 + np.arange(24) / 100),
    ):
        changed = told(text.replace("error,", f"error, unit: {unit},"))
        scenario, folder = parts(scenarios.load(changed))
        drawn = Futures(scenario, read_inputs(scenario, folder)).device_kw([1])
        assert drawn["MG1", "homes"][0] == pytest.approx(wanted)


def test_labels_say_what_is_spread_how_and_how_real_that_is(scenarios):
    residuals(scenarios.folder, ["0.1,1"] * 12)
    text = "{load: {kind: residuals, file: past.csv, column: error}, pv: {kind: normal, sd: 0.1}}"
    labels = {x.where: x for x in read_inputs(*parts(scenarios.load(told(text)))).labels}
    assert labels["uncertainty.load"].label == "real"
    assert labels["uncertainty.pv"].label == "synthetic"
    assert "normal, sd 0.1 of the series" in labels["uncertainty.pv"].description
    assert "the series themselves" in labels["uncertainty.future"].description


def test_a_frozen_scenario_has_the_same_futures(scenarios, tmp_path):
    residuals(scenarios.folder, ["0.1,1", "-0.2,1"] * 8)
    windy = WIND[1].replace("profile: 1.0", "profile: {source: wind, mean_speed_m_s: 6}")
    text = (
        "{future: 2, wind: {kind: weibull}, pv: {kind: beta}, "
        "load: {kind: residuals, file: past.csv, column: error}}"
    )
    loaded = scenarios.load((WIND[0], windy), told(text))
    kept = freeze(loaded, tmp_path / "kept")
    before, after = (
        Futures(one.scenario, read_inputs(one.scenario, one.folder)).device_kw([1, 2])
        for one in (loaded, kept)
    )
    assert all(np.array_equal(values, after[key]) for key, values in before.items())


# ------------------------------------------------------------------------------------------ doubts
@pytest.mark.parametrize(
    ("forecast", "what"), [("perfect", "knows future 2 before"), ("noise", "errors of its own")]
)
def test_forecasts_that_do_not_go_with_what_comes_true_are_doubted(scenarios, forecast, what):
    loaded = scenarios.load(SUN, **{"uncertainty.future": 2, "forecast.kind": forecast})
    assert what in by_place(loaded)["forecast.kind"].what


@pytest.mark.parametrize("forecast", ["expected", "persistence"])
def test_forecasts_that_go_with_it_are_not(scenarios, forecast):
    loaded = scenarios.load(SUN, **{"uncertainty.future": 2, "forecast.kind": forecast})
    assert "forecast.kind" not in by_place(loaded)


def test_expecting_where_nothing_is_uncertain_is_doubted(scenarios):
    found = by_place(scenarios.load(**{"forecast.kind": "expected"}))
    assert "nothing is uncertain" in found["forecast.kind"].what


def test_distributions_without_a_device_are_doubted(scenarios):
    found = by_place(scenarios.load(told("{wind: {kind: normal, sd: 0.1}}")))
    assert "there is no wind turbine" in found["uncertainty.wind"].what
    assert "nothing uncertain" in found["uncertainty"].what


def test_an_uncertain_background_that_nobody_sees_is_doubted(scenarios):
    def doubted(**overrides):
        found = by_place(scenarios.load(told("{background: {sd: 0.1}}"), **overrides))
        return {where: one.what for where, one in found.items() if where.startswith("uncert")}

    feeder = {"network": {"case": "case33bw"}, "microgrids.MG1.bus": 5, "microgrids.MG2.bus": 7}
    assert doubted() == {"uncertainty.background": "there is no network"}
    assert doubted(**feeder) == {}
    found = doubted(**feeder, **{"network.background.scale": 0.0})
    assert "network.background.scale is 0" in found["uncertainty.background"]


def test_a_sun_that_is_cut_at_the_rating_most_of_the_time_is_doubted(scenarios):
    bright = ("rating_kw: 4.0, profile: 1.0", "rating_kw: 4.0, profile: 3.9")
    found = by_place(scenarios.load(bright, told("{pv: {kind: beta, mean: 0.65, sd: 0.2}}")))
    shape = Beta.of_moments(0.65, 0.2)
    cut_kw = stats.beta(shape.alpha, shape.beta).expect(lambda share: min(3.9 / 0.65 * share, 4.0))
    what = f"MG1.roof has {1.0 - cut_kw / 3.9:.0%} less than its series"
    assert what in found["uncertainty.pv.mean"].what

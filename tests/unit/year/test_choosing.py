"""Days that stand for a year: chosen by hand, and those of wa9."""

from datetime import date, timedelta

import pandas as pd
import pytest

from mmgsim.profiles import bundled_path
from mmgsim.scenario import load_scenario, read_inputs
from mmgsim.year import choose_days, daily_features, moment_errors, southern_clusters


def days(*texts):
    return [date.fromisoformat(text) for text in texts]


def test_the_day_nearest_to_the_mean_of_its_cluster_is_chosen():
    index = days("2021-01-01", "2021-01-02", "2021-01-03", "2021-07-01")
    features = pd.DataFrame({"a": [0.0, 4.0, 9.0, 100.0]}, index=index)  # the mean is 13 / 3
    clusters = pd.Series(["one", "one", "one", "two"], index=index)
    chosen = choose_days(features, clusters)
    assert chosen.day.to_dict() == {"one": index[1], "two": index[3]}
    assert chosen.days.to_dict() == {"one": 3, "two": 1}


def test_features_count_by_how_much_they_vary_not_by_their_unit():
    index = days("2021-01-01", "2021-01-02", "2021-01-03")
    features = pd.DataFrame({"kwh": [0.0, 1000.0, 530.0], "price": [0.1, 0.1, 0.4]}, index=index)
    clusters = pd.Series("all", index=index)
    scaled = features.assign(kwh=features.kwh / 1e6, price=features.price * 1e6)
    assert choose_days(features, clusters).equals(choose_days(scaled, clusters))


def test_a_feature_that_never_varies_tells_no_day_apart():
    index = days("2021-01-01", "2021-01-02", "2021-01-03")
    features = pd.DataFrame({"a": [0.0, 4.0, 9.0], "b": 7.0}, index=index)
    assert choose_days(features, pd.Series("all", index=index)).day["all"] == index[1]


def test_moment_errors_are_of_the_weighted_mean():
    index = days("2021-01-01", "2021-01-02", "2021-01-03", "2021-01-04")
    features = pd.DataFrame({"a": [1.0, 2.0, 3.0, 6.0]}, index=index)  # mean 3
    errors = moment_errors(features, {index[0]: 1.0, index[3]: 3.0})  # mean 19 / 4
    assert errors["a"] == pytest.approx(19 / 12 - 1)


def test_free_days_have_no_season():
    clusters = southern_clusters(
        days("2021-01-04", "2021-01-09", "2021-01-26", "2021-04-01", "2021-08-02", "2021-11-30"),
        days("2021-01-26"),
    )
    assert list(clusters) == ["summer", "free_days", "free_days", "autumn", "winter", "spring"]


# ----------------------------------------------------------------------------------------- wa9
@pytest.fixture(scope="module")
def year_2021():
    loaded = load_scenario("wa9", {"start": "2021-01-01", "days": 365})
    features = daily_features(loaded.scenario, read_inputs(loaded.scenario, loaded.folder))
    holidays = pd.read_csv(bundled_path("data") / "public_holidays.csv").date
    return features, southern_clusters(features.index, days(*holidays))


def test_the_days_of_wa9_are_those_that_the_rule_chooses(year_2021):
    chosen = choose_days(*year_2021).day.to_dict()
    assert chosen == {day.name: day.day for day in load_scenario("wa9").scenario.year}


def test_the_days_of_wa9_are_near_the_year_as_its_readme_says(year_2021):
    features, _ = year_2021
    weights = {day.day: day.weight for day in load_scenario("wa9").scenario.year}
    assert sum(weights.values()) == 365
    errors = moment_errors(features, weights)
    assert errors.round(4).to_dict() == {
        "net_load_kwh": 0.0135,
        "pv_yield_kwh_per_kw": 0.0158,
        "price_per_kwh": -0.0011,
    }


def test_features_of_a_day_are_its_energies_and_its_mean_price(year_2021):
    features, _ = year_2021
    day = date(2021, 7, 8)
    loaded = load_scenario("wa9", {"start": day.isoformat(), "days": 1})
    inputs = read_inputs(loaded.scenario, loaded.folder)
    load_kwh = sum(
        inputs.device_kw[microgrid.name, device.name][:24].sum()
        for microgrid in loaded.scenario.microgrids
        for device in microgrid.devices
        if device.kind == "load"
    )
    pv_kwh = sum(
        inputs.device_kw[microgrid.name, "roof"][:24].sum()
        for microgrid in loaded.scenario.microgrids
    )
    assert features.net_load_kwh[day] == pytest.approx(load_kwh - pv_kwh)
    assert features.pv_yield_kwh_per_kw[day] == pytest.approx(pv_kwh / 764.5)
    assert features.price_per_kwh[day] == pytest.approx(inputs.upstream_per_kwh[:24].mean())
    assert day + timedelta(days=1) in features.index

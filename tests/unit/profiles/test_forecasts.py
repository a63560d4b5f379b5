import numpy as np
import pytest
from pydantic import TypeAdapter, ValidationError

from mmgsim.profiles import (
    ForecastConfig,
    ForecastKind,
    ForecastTarget,
    NoiseForecast,
    PerfectForecast,
    PersistenceForecast,
    forecast_kw,
    stream,
)

CONFIG = TypeAdapter(ForecastConfig)
TRUTH_KW = np.arange(96.0) + 10.0
LOAD = ForecastTarget(ForecastKind.LOAD, step_h=1.0)
NOISE = NoiseForecast(kind="noise")


def predict(config, position=24, steps=24, target=LOAD, truth_kw=TRUTH_KW, key="x"):
    return forecast_kw(
        config, truth_kw, position=position, steps=steps, target=target, rng=stream(1, key)
    )


def test_perfect_forecast_is_the_array():
    found = predict(PerfectForecast())
    assert np.array_equal(found, TRUTH_KW[24:48])
    assert not found.flags.writeable


def test_persistence_is_the_value_of_the_day_before():
    assert np.array_equal(predict(PersistenceForecast(kind="persistence")), TRUTH_KW[:24])


def test_persistence_repeats_the_last_known_day_beyond_24_hours():
    found = predict(PersistenceForecast(kind="persistence"), position=30, steps=60)
    assert np.array_equal(found[:24], TRUTH_KW[6:30])
    assert np.array_equal(found[24:48], TRUTH_KW[6:30])
    assert np.array_equal(found[48:], TRUTH_KW[6:18])


def test_persistence_reads_nothing_of_the_future():
    blind = TRUTH_KW.copy()
    blind[30:] = np.nan
    found = predict(PersistenceForecast(kind="persistence"), position=30, truth_kw=blind)
    assert np.isfinite(found).all()


def test_persistence_counts_quarter_hours():
    target = ForecastTarget(ForecastKind.PV, step_h=0.25)
    truth_kw = np.arange(200.0)
    found = predict(
        PersistenceForecast(kind="persistence"), 96, 10, target=target, truth_kw=truth_kw
    )
    assert np.array_equal(found, truth_kw[:10])


def test_persistence_without_a_past_is_refused():
    with pytest.raises(ValueError, match="24 h before the run"):
        predict(PersistenceForecast(kind="persistence"), position=23)


@pytest.mark.parametrize(("position", "steps"), [(90, 10), (-1, 2), (0, 0)])
def test_window_outside_the_series_is_refused(position, steps):
    with pytest.raises(ValueError, match="outside the series"):
        predict(PerfectForecast(), position, steps)


@pytest.mark.parametrize(("kind", "sd"), [("load", 0.05), ("pv", 0.10), ("wind", 0.15)])
def test_noise_has_its_size_and_memory_from_the_first_lead(kind, sd):
    target = ForecastTarget(ForecastKind(kind), step_h=1.0)
    errors = np.array(
        [predict(NOISE, target=target, key=str(k)) / TRUTH_KW[24:48] - 1.0 for k in range(2000)]
    )
    assert errors.mean() == pytest.approx(0.0, abs=0.01)
    assert errors[:, 0].std() == pytest.approx(sd, rel=0.06)
    assert errors[:, -1].std() == pytest.approx(sd, rel=0.06)
    lag1 = np.corrcoef(errors[:, 1:].ravel(), errors[:, :-1].ravel())[0, 1]
    assert lag1 == pytest.approx(0.8, abs=0.02)


def test_noise_stays_between_zero_and_the_cap_and_keeps_nights():
    truth_kw = np.array([0.0, 5.0, 9.9, 10.0, 0.0] * 20)
    wild = NoiseForecast(kind="noise", pv_sd=1.0, load_sd=1.0)
    target = ForecastTarget(ForecastKind.PV, step_h=1.0, cap_kw=10.0)
    found = predict(wild, 0, 100, target=target, truth_kw=truth_kw)
    assert found.min() == 0.0
    assert found.max() == 10.0
    assert np.all(found[truth_kw == 0.0] == 0.0)
    load = ForecastTarget(ForecastKind.LOAD, step_h=1.0, cap_kw=10.0)
    assert predict(wild, 0, 100, target=load, truth_kw=truth_kw).max() > 10.0


def test_longer_window_begins_like_a_shorter_one():
    assert np.array_equal(predict(NOISE, steps=48)[:24], predict(NOISE, steps=24))


def test_config_is_chosen_by_kind_and_refuses_the_rest():
    assert CONFIG.validate_python({"kind": "noise", "load_sd": 0.1}).load_sd == 0.1
    assert isinstance(CONFIG.validate_python({"kind": "perfect"}), PerfectForecast)
    for bad in ({"kind": "oracle"}, {"kind": "noise", "lag1": 1.0}, {"kind": "perfect", "sd": 1}):
        with pytest.raises(ValidationError):
            CONFIG.validate_python(bad)

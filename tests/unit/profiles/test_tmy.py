"""PV from typical years: time stamps, calendar, and a noon by hand."""

from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pvlib
import pytest

from mmgsim.profiles import Label, TimeIndex, Tmy3Source, Unit, make_series

FILE = Path(pvlib.__file__).parent / "data" / "723170TYA.CSV"
SOURCE = Tmy3Source(source="tmy3", station="greensboro", tilt_deg=30, azimuth_deg=180)
HOUR = pd.Timedelta(hours=1)


def local_day(day, timezone="America/New_York", step_h=1.0):
    return TimeIndex.of_local_days(date.fromisoformat(day), 1, step_h=step_h, timezone=timezone)


def values(index, source=SOURCE):
    return make_series(source, index, seed=1, name="any").values


def by_hand(stamp):
    """One row of the file by pvlib's functions alone; the stamp is the end of its hour."""
    table, meta = pvlib.iotools.read_tmy3(FILE, map_variables=True)
    row = table.loc[stamp]
    middle = pd.DatetimeIndex([pd.Timestamp(stamp) - HOUR / 2])
    site = pvlib.location.Location(meta["latitude"], meta["longitude"], altitude=meta["altitude"])
    sun = site.get_solarposition(middle)
    plane = pvlib.irradiance.get_total_irradiance(
        30,
        180,
        sun.apparent_zenith,
        sun.azimuth,
        row.dni,
        row.ghi,
        row.dhi,
        dni_extra=pvlib.irradiance.get_extra_radiation(middle),
        albedo=0.2,
        model="haydavies",
    ).poa_global.iloc[0]
    cell = pvlib.temperature.faiman(plane, row.temp_air, row.wind_speed)
    dc = plane / 1000.0 * (1.0 - 0.004 * (cell - 25.0)) * (1.0 - 0.14)
    return float(pvlib.inverter.pvwatts(dc, 1.0 / 0.96, 0.96))


def test_noon_is_that_of_pvlib_by_hand():
    """The hour from 12:00 standard time has the stamp 13:00, and 13:00 on the summer clock."""
    due = by_hand("1989-06-14 13:00:00-05:00")
    assert due == pytest.approx(0.70, abs=0.03)
    assert values(local_day("2021-06-14"))[13] == pytest.approx(due, rel=1e-9)
    assert values(local_day("2021-01-14"))[12] == pytest.approx(
        by_hand("1988-01-14 13:00:00-05:00"), rel=1e-9
    )


def test_first_and_last_hour_of_a_month_come_from_its_own_year():
    """The stamp 24:00 belongs to the day before: pvlib's reader gives it as 0:00 of the next."""
    table, _ = pvlib.iotools.read_tmy3(FILE, map_variables=True)
    begins = table.index - HOUR
    assert begins[0] == pd.Timestamp("1988-01-01 00:00:00-05:00")
    assert begins[-1] == pd.Timestamp("1980-12-31 23:00:00-05:00")
    assert [len(set(begins[begins.month == month].year)) for month in range(1, 13)] == [1] * 12


def test_a_year_has_the_energy_of_its_hours_whatever_the_year():
    years = {
        of: values(TimeIndex(datetime(of, 1, 1, 5, tzinfo=UTC), 1.0, 24 * days, "Etc/GMT+5"))
        for of, days in ((2021, 365), (2023, 365), (2024, 366))
    }
    assert years[2021].sum() == pytest.approx(1385.0, rel=0.03)  # kWh/kWp
    np.testing.assert_array_equal(years[2021], years[2023])
    leap = years[2024].reshape(-1, 24)
    np.testing.assert_array_equal(leap[59], leap[58])
    np.testing.assert_array_equal(np.delete(leap, 59, axis=0).ravel(), years[2021])


def test_quarter_hours_hold_the_value_of_their_hour():
    hours, quarters = values(local_day("2021-06-14")), values(local_day("2021-06-14", step_h=0.25))
    np.testing.assert_array_equal(quarters, np.repeat(hours, 4))


def test_clocks_do_not_move_the_sun():
    """On both sides of the change to summer time the peak stays within an hour of solar noon."""
    before, after = (local_day(day) for day in ("2021-03-12", "2021-03-16"))
    peaks = [index.utc()[int(values(index).argmax())].hour for index in (before, after)]
    assert all(16 <= peak <= 18 for peak in peaks)


def test_series_is_a_benchmark_because_irradiance_is_modelled():
    """The flags of the file say so: 1 and 2 are models, letters would be measurements."""
    series = make_series(SOURCE, local_day("2021-06-14"), seed=1, name="any")
    assert (series.unit, series.label) == (Unit.PER_UNIT, Label.BENCHMARK)
    assert "modelled" in series.description
    flags = pd.read_csv(FILE, skiprows=1)
    assert set(flags["GHI source"]) == {1, 2}
    assert set(flags["Dry-bulb source"]) == {"A"}


def test_other_station_is_read_as_well():
    alaska = Tmy3Source(source="tmy3", station="sand-point")
    day = values(local_day("2021-06-21", timezone="America/Anchorage"), alaska)
    assert 0.0 < day.max() <= 1.0


def test_longitudes_are_those_of_the_files():
    for station, file in (("greensboro", FILE), ("sand-point", FILE.with_name("703165TY.csv"))):
        _, meta = pvlib.iotools.read_tmy3(file, map_variables=True)
        assert Tmy3Source(source="tmy3", station=station).longitude == pytest.approx(
            meta["longitude"], abs=0.2
        )

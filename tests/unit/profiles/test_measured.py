from datetime import UTC, date, datetime, timedelta

import pytest

from mmgsim.profiles import CsvSource, Label, SeriesError, TimeIndex, Unit, make_series

START = datetime(2021, 1, 1, tzinfo=UTC)


def index(steps=4, step_h=1.0, start=START, timezone="UTC"):
    return TimeIndex(start, step_h, steps, timezone)


def rows(count, step_min=60, start=START, value=float):
    return [
        (f"{start + timedelta(minutes=step_min * k):%Y-%m-%dT%H:%M}", value(k))
        for k in range(count)
    ]


def write(folder, lines, header="time,p_kw"):
    body = "\n".join(f"{stamp},{value}" for stamp, value in lines)
    (folder / "my.csv").write_text(f"{header}\n{body}\n", encoding="utf-8")


def read(folder, steps=None, **settings):
    source = CsvSource(**{"source": "csv", "file": "my.csv", "column": "p_kw", **settings})
    return make_series(source, steps or index(), seed=1, name="x", folder=folder)


def faults(folder, steps=None, **settings):
    with pytest.raises(SeriesError) as caught:
        read(folder, steps, **settings)
    return caught.value.faults


def test_column_is_read_scaled_and_labelled(tmp_path):
    write(tmp_path, rows(6))
    series = read(tmp_path, scale=2.0)
    assert series.values.tolist() == [0.0, 2.0, 4.0, 6.0]
    assert (series.unit, series.label) == (Unit.AS_GIVEN, Label.REAL)
    assert read(tmp_path, label="benchmark").label is Label.BENCHMARK


def test_run_may_start_inside_the_file(tmp_path):
    write(tmp_path, rows(10))
    later = index(start=START + timedelta(hours=3))
    assert read(tmp_path, later).values.tolist() == [3.0, 4.0, 5.0, 6.0]


def test_finer_values_are_averaged(tmp_path):
    write(tmp_path, rows(16, step_min=15))
    assert read(tmp_path).values.tolist() == [1.5, 5.5, 9.5, 13.5]


def test_coarser_values_are_held_also_from_the_middle(tmp_path):
    write(tmp_path, rows(3))
    quarter = index(steps=4, step_h=0.25, start=START + timedelta(minutes=30))
    assert read(tmp_path, quarter).values.tolist() == [0.0, 0.0, 1.0, 1.0]
    write(tmp_path, rows(2, step_min=1440))
    assert read(tmp_path, index(steps=48)).values.tolist() == [0.0] * 24 + [1.0] * 24


def test_naive_stamps_are_local_times_of_the_scenario(tmp_path):
    write(tmp_path, rows(12))
    perth = index(start=datetime(2020, 12, 31, 18, tzinfo=UTC), timezone="Australia/Perth")
    assert read(tmp_path, perth).values.tolist() == [2.0, 3.0, 4.0, 5.0]
    assert read(tmp_path, index(timezone="Australia/Perth"), timezone="UTC").values[0] == 0.0


def test_stamps_with_offset_are_instants(tmp_path):
    lines = [(f"2021-01-01T{hour:02d}:00+02:00", hour) for hour in range(8)]
    write(tmp_path, lines)
    assert read(tmp_path).values.tolist() == [2.0, 3.0, 4.0, 5.0]


def test_byte_order_mark_and_blank_lines_do_no_harm(tmp_path):
    write(tmp_path, rows(5), header="\ufefftime,p_kw")
    path = tmp_path / "my.csv"
    path.write_text(path.read_text(encoding="utf-8") + "\n\n", encoding="utf-8")
    assert read(tmp_path).values.tolist() == [0.0, 1.0, 2.0, 3.0]


def test_missing_file_says_where_it_was_looked_for(tmp_path):
    (fault,) = faults(tmp_path, file="other.csv")
    assert "does not exist" in fault.what
    assert str(tmp_path) in fault.cure


def test_a_name_that_no_file_can_have_is_a_fault(tmp_path):
    (fault,) = faults(tmp_path, file="a\0b.csv")
    assert "null" in fault.what


def test_missing_columns_name_the_nearest(tmp_path):
    write(tmp_path, rows(6), header="time,p_kW1")
    (value,) = faults(tmp_path)
    assert "did you mean 'p_kW1'" in value.cure
    assert len(faults(tmp_path, time_column="stamp")) == 2


def test_semicolons_are_recognised(tmp_path):
    (tmp_path / "my.csv").write_text("time;p_kw\n2021-01-01T00:00;1\n2021-01-01T01:00;1\n")
    assert "semicolons" in faults(tmp_path)[0].cure


def test_semicolons_with_decimal_commas_name_both(tmp_path):
    write(tmp_path, [("2021-01-01T00:00", "1")], header="time;p_kw")
    (tmp_path / "my.csv").write_text("time;p_kw\n2021-01-01T00:00;1,5\n2021-01-01T01:00;1,5\n")
    assert "use commas, and decimal points" in faults(tmp_path)[0].cure


def test_decimal_comma_without_quotes_is_not_cut_short(tmp_path):
    write(tmp_path, [(stamp, "1,5") for stamp, _ in rows(6)])
    fault = faults(tmp_path)[0]
    assert (fault.what, fault.line) == ("has 3 cells under 2 headers", 2)
    assert "decimal point" in fault.cure


def test_decimal_comma_in_quotes_is_named(tmp_path):
    write(tmp_path, [(stamp, '"1,5"') for stamp, _ in rows(6)])
    assert faults(tmp_path)[0].cure == "use a decimal point"


def test_stamps_with_and_without_offset_are_not_mixed(tmp_path):
    lines = [
        (f"{stamp}+00:00" if at > 2 else stamp, p_kw) for at, (stamp, p_kw) in enumerate(rows(6))
    ]
    write(tmp_path, lines)
    (fault,) = faults(tmp_path)
    assert "stamps with an offset (line 5) and without one" in fault.what
    assert fault.line == 2


def test_stamps_of_several_offsets_are_instants(tmp_path):
    lines = [("2021-01-01T00:00+00:00", 0), ("2021-01-01T02:00+01:00", 1), ("2021-01-01T02:00Z", 2)]
    write(tmp_path, lines)
    assert read(tmp_path, index(steps=3)).values.tolist() == [0.0, 1.0, 2.0]


def test_missing_file_names_the_one_that_was_meant(tmp_path):
    write(tmp_path, rows(6))
    assert "did you mean 'my.csv'?" in faults(tmp_path, file="mi.csv")[0].cure


def test_column_that_is_there_twice_is_refused(tmp_path):
    (tmp_path / "my.csv").write_text("time,p_kw,p_kw\n2021-01-01,1,2\n2021-01-02,1,2\n")
    assert "more than once" in faults(tmp_path)[0].what


def test_file_without_rows_or_of_other_bytes_is_refused(tmp_path):
    write(tmp_path, [])
    assert "fewer than two" in faults(tmp_path)[0].what
    (tmp_path / "my.csv").write_bytes(b"time,p_kw\n\xff\xfe\x00,1\n")
    assert "cannot be read" in faults(tmp_path)[0].what


@pytest.mark.parametrize(
    ("value", "message"),
    [("abc", "not a number"), ("", "missing"), ("nan", "finite"), ("inf", "finite")],
)
def test_value_that_is_no_number_is_named_with_its_line(tmp_path, value, message):
    lines = rows(6)
    lines[2] = (lines[2][0], value)
    write(tmp_path, lines)
    (fault,) = faults(tmp_path)
    assert message in fault.what
    assert fault.line == 4


def test_row_that_is_too_short_misses_its_value(tmp_path):
    (tmp_path / "my.csv").write_text("time,p_kw\n2021-01-01T00:00\n2021-01-01T01:00,1\n")
    assert "the value is missing" in faults(tmp_path, index(steps=1))[0].what


def test_gap_is_named_from_to(tmp_path):
    write(tmp_path, [row for k, row in enumerate(rows(10)) if k not in (4, 5)])
    (fault,) = faults(tmp_path)
    assert "from 2021-01-01T04:00Z to 2021-01-01T06:00Z" in fault.what
    assert fault.line == 6


def test_duplicate_is_named(tmp_path):
    lines = rows(8)
    write(tmp_path, [*lines[:3], lines[2], *lines[3:]])
    (fault,) = faults(tmp_path)
    assert "duplicate of line 4" in fault.what


def test_file_of_one_instant_is_all_duplicates(tmp_path):
    write(tmp_path, [rows(1)[0]] * 3)
    assert all("duplicate" in fault.what for fault in faults(tmp_path))


def test_unsorted_rows_are_named(tmp_path):
    write(tmp_path, rows(8)[::-1])
    found = faults(tmp_path)
    assert "earlier than the row before" in found[0].what
    assert "2 more" in found[-1].what


def test_uneven_step_is_named(tmp_path):
    lines = rows(8)
    lines[4] = ("2021-01-01T03:40", 1.0)
    write(tmp_path, lines)
    assert "a step of 0:40:00 among steps of 1:00:00" in faults(tmp_path)[0].what


def test_steps_that_do_not_divide_are_refused(tmp_path):
    write(tmp_path, rows(20, step_min=25))
    assert "neither divide" in faults(tmp_path)[0].what


def test_shifted_stamps_are_refused(tmp_path):
    write(tmp_path, rows(20, start=START - timedelta(minutes=30)))
    assert "shifted by 0:30:00" in faults(tmp_path)[0].what


def test_short_file_says_what_it_covers_and_what_is_needed(tmp_path):
    write(tmp_path, rows(3))
    (fault,) = faults(tmp_path)
    assert "covers 2021-01-01 00:00 to 2021-01-01 03:00" in fault.what
    assert "needs 2021-01-01 00:00 to 2021-01-01 04:00" in fault.what
    assert fault.cure == "give a longer file, or run fewer days"


def test_file_of_another_year_says_in_local_time_when_a_run_can_start(tmp_path):
    # Local times of summer; the run is in winter, of which the first day is for forecasts.
    write(tmp_path, rows(24 * 4, start=datetime(2021, 6, 13, tzinfo=UTC)))
    winter = TimeIndex.of_local_days(date(2021, 1, 2), 3, step_h=1.0, timezone="Europe/Berlin")
    source = CsvSource(source="csv", file="my.csv", column="p_kw")
    with pytest.raises(SeriesError) as caught:
        make_series(source, winter, seed=1, name="x", folder=tmp_path, lead_days=1)
    (fault,) = caught.value.faults
    assert "covers 2021-06-13 00:00 to 2021-06-17 00:00" in fault.what
    assert "needs 2021-01-02 00:00 to 2021-01-05 00:00" in fault.what
    assert "local times of Europe/Berlin" in fault.what
    assert fault.cure.endswith(", or start between 2021-06-14 and 2021-06-15")


@pytest.mark.parametrize(
    ("start", "message"),
    [
        (datetime(2021, 3, 28, tzinfo=UTC), "does not exist"),
        (datetime(2021, 10, 31, tzinfo=UTC), "happened twice"),
    ],
)
def test_local_times_without_one_instant_are_explained(tmp_path, start, message):
    write(tmp_path, rows(24, start=start))
    (fault,) = faults(tmp_path, timezone="Europe/Berlin")
    assert message in fault.what
    assert "T02:00" in fault.what
    assert "Etc/GMT-1" in fault.cure


def test_bad_stamp_and_unknown_zone_are_named(tmp_path):
    lines = rows(6)
    lines[1] = ("01.02.2021 13:00", 1.0)
    write(tmp_path, lines)
    assert "no ISO 8601 time" in faults(tmp_path)[0].what
    fault = faults(tmp_path, timezone="Europe/Berlln")[0]
    assert "is not an IANA time zone" in fault.what
    assert "did you mean 'Europe/Berlin'?" in fault.cure


def test_all_faults_of_a_file_come_at_once(tmp_path):
    lines = rows(8)
    lines[1] = (lines[1][0], "x")
    del lines[4]
    write(tmp_path, [*lines, lines[-1]])
    found = faults(tmp_path)
    assert [fault.line for fault in found] == [3, 6, 9]
    with pytest.raises(SeriesError, match=r"my\.csv: 3 faults"):
        read(tmp_path)


def test_thousand_faults_are_counted_not_listed(tmp_path):
    write(tmp_path, rows(1000, value=lambda k: "x"))
    found = faults(tmp_path)
    assert len(found) == 6
    assert "995 more" in found[-1].what

"""Writing and reading a result folder."""

import os
import stat
from datetime import UTC, datetime

import pandas as pd
import pytest

from mmgsim.errors import ResultsError
from mmgsim.tables import TABLES, Results, TableWriter, write_json, write_text

NOW = datetime(2021, 1, 11, tzinfo=UTC)


def trade(seller, kw):
    return (NOW, seller, "market", kw, 0.1, 0.0)


def test_every_flush_adds_a_part_and_a_reader_sees_all(tmp_path):
    writer = TableWriter()
    writer.open(tmp_path)
    write_json(tmp_path / "manifest.json", {"scenario": "x"})
    for seller, kw in (("A", 1.0), ("B", 2.0)):
        writer.add("trades", [trade(seller, kw)])
        writer.add("dispatch", [(NOW, seller, *[0.0] * 21, "")])
        writer.commit()
        writer.flush()
    results = Results(tmp_path)
    assert results.trades.seller.tolist() == ["A", "B"]
    assert str(results.trades.time.dt.tz) == "UTC"


def test_a_table_without_rows_can_be_read(tmp_path):
    writer = TableWriter()
    writer.open(tmp_path)
    write_json(tmp_path / "manifest.json", {})
    writer.add("dispatch", [(NOW, "A", *[0.0] * 21, "")])
    writer.commit()
    writer.flush()
    trades = Results(tmp_path).trades
    assert trades.empty
    assert trades.columns.tolist() == [column.name for column in TABLES["trades"]]


def test_payloads_that_were_not_kept_come_with_a_hint(tmp_path):
    writer = TableWriter()
    writer.open(tmp_path)
    write_json(tmp_path / "manifest.json", {})
    writer.add("dispatch", [(NOW, "A", *[0.0] * 21, "")])
    writer.commit()
    writer.flush()
    with pytest.warns(UserWarning, match="run with --payloads"):
        assert Results(tmp_path).payloads.empty


def test_no_half_written_part_is_ever_visible(tmp_path):
    writer = TableWriter()
    writer.open(tmp_path)
    writer.add("dispatch", [(NOW, "A", *[0.0] * 21, "")])
    writer.add("trades", [(NOW, "A", "market", "not a number", 0.1, 0.0)])
    writer.commit()
    with pytest.raises(Exception, match="not a number"):
        writer.flush()
    assert not list(tmp_path.rglob("part-*"))


@pytest.fixture
def two_days(tmp_path):
    """A folder of two parts, of which a test may take one away."""
    writer = TableWriter()
    writer.open(tmp_path)
    write_json(tmp_path / "manifest.json", {"status": "running"})
    for seller in ("A", "B"):
        writer.add("trades", [trade(seller, 1.0)])
        writer.add("dispatch", [(NOW, seller, *[0.0] * 21, "")])
        writer.commit()
        writer.flush()
    return tmp_path


@pytest.mark.parametrize("left", [1, 0])
def test_a_part_that_not_all_tables_have_is_left_out_of_all(two_days, left):
    for number in range(left, 2):
        (two_days / "trades.parquet" / f"part-{number:05d}.parquet").unlink()
    for name in ("dispatch", "trades"):
        if left:
            assert len(Results(two_days).table(name)) == 1
        else:
            with pytest.raises(ResultsError, match="wrote nothing yet"):
                Results(two_days).table(name)


@pytest.mark.parametrize(("status", "number"), [("complete", 1), ("running", 0)])
def test_a_part_that_nothing_can_explain_the_lack_of_is_told(two_days, status, number):
    write_json(two_days / "manifest.json", {"status": status})
    (two_days / "trades.parquet" / f"part-{number:05d}.parquet").unlink()
    with pytest.raises(ResultsError, match=rf"trades\.parquet is damaged.*part-0000{number}"):
        _ = Results(two_days).dispatch


def test_a_run_does_not_go_on_where_a_part_is_missing(two_days):
    (two_days / "trades.parquet" / "part-00000.parquet").unlink()
    before = sorted(two_days.rglob("*"))
    with pytest.raises(ResultsError, match=r"trades\.parquet.part-00000\.parquet is missing"):
        TableWriter().open(two_days, parts=1)
    assert sorted(two_days.rglob("*")) == before


@pytest.mark.skipif(os.name != "posix", reason="elsewhere folders cannot be told to")
def test_a_name_outlives_a_loss_of_power_too(tmp_path, monkeypatch):
    kept = []
    monkeypatch.setattr(os, "fsync", lambda handle: kept.append(stat.S_ISDIR(os.fstat(handle)[0])))
    write_text(tmp_path / "note.txt", "mine")
    assert kept == [False, True]


def test_without_a_folder_everything_stays_in_memory():
    writer = TableWriter()
    writer.add("trades", [trade("A", 1.0)])
    writer.commit()
    writer.flush()
    assert isinstance(writer.frame("trades"), pd.DataFrame)
    assert len(writer.frame("trades")) == 1


def test_rows_count_once_their_step_is_over():
    writer = TableWriter()
    writer.add("trades", [trade("A", 1.0)])
    assert writer.frame("trades").empty
    writer.commit()
    assert len(writer.frame("trades")) == 1


def test_text_is_written_whole_or_not_at_all(tmp_path):
    path = tmp_path / "summary.json"
    write_json(path, {"a": 1})
    with pytest.raises(ValueError, match="JSON compliant"):
        write_json(path, {"a": float("nan")})
    assert path.read_text() == '{\n  "a": 1\n}\n'
    assert [p.name for p in tmp_path.iterdir()] == ["summary.json"]


def test_a_folder_that_is_no_result_is_refused(tmp_path):
    with pytest.raises(ResultsError, match=r"no manifest\.json"):
        Results(tmp_path)


def test_a_misspelt_table_names_the_near_miss(tmp_path):
    write_text(tmp_path / "manifest.json", "{}")
    with pytest.raises(AttributeError, match="did you mean 'dispatch'"):
        _ = Results(tmp_path).dispach


def test_every_column_says_what_it_means():
    for columns in TABLES.values():
        assert columns[0].name == "time"
        assert all(column.meaning for column in columns)


def test_a_column_that_came_after_the_run_is_missing_values(tmp_path):
    write_json(tmp_path / "manifest.json", {})
    (tmp_path / "trades.parquet").mkdir()
    older = pd.DataFrame({"time": [NOW], "seller": ["A"], "buyer": ["market"], "kw": [1.0]})
    older.to_parquet(tmp_path / "trades.parquet" / "part-00000.parquet")
    trades = Results(tmp_path).trades
    assert trades.kw.tolist() == [1.0]
    assert trades.price_per_kwh.isna().all()


@pytest.mark.parametrize("content", [b"rubbish", b""])
def test_a_damaged_table_is_told_by_name(tmp_path, content):
    write_json(tmp_path / "manifest.json", {})
    (tmp_path / "trades.parquet").mkdir()
    (tmp_path / "trades.parquet" / "part-00000.parquet").write_bytes(content)
    with pytest.raises(ResultsError, match=r"trades\.parquet is damaged"):
        _ = Results(tmp_path).trades


def test_the_scenario_of_a_run_is_plain_data(tmp_path):
    write_json(tmp_path / "manifest.json", {})
    write_text(tmp_path / "scenario.yaml", "name: x\nend_of_window: {at: 00:00}\n")
    assert Results(tmp_path).scenario == {"name": "x", "end_of_window": {"at": "00:00"}}
    write_text(tmp_path / "scenario.yaml", "{")
    with pytest.raises(ResultsError, match=r"scenario\.yaml is damaged"):
        _ = Results(tmp_path).scenario

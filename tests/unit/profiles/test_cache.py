import logging
from datetime import UTC, datetime

import numpy as np
import pytest

from mmgsim.profiles import PvlibSource, TimeIndex, make_series, use_cache_dir
from mmgsim.profiles.cache import cached_array

INDEX = TimeIndex(datetime(2021, 6, 1, tzinfo=UTC), 1.0, 48, "Australia/Perth")


def entries(folder):
    return list(folder.rglob("output.pkl"))


class Counted:
    def __init__(self):
        self.calls = 0

    def __call__(self):
        self.calls += 1
        return np.array([1.0, 2.0, np.pi])


def ask(compute, seed=1):
    return cached_array(
        compute, generator="test", parameters={"seed": seed, "k": 0.1}, libraries=("numpy",)
    )


def test_hit_gives_the_same_array_without_computing(tmp_path):
    use_cache_dir(tmp_path / "new" / "folder")
    compute = Counted()
    first, second = ask(compute), ask(compute)
    assert compute.calls == 1
    assert np.array_equal(first, second)
    assert first.dtype == second.dtype
    assert not second.flags.writeable


def test_other_parameters_are_another_entry(tmp_path):
    use_cache_dir(tmp_path)
    compute = Counted()
    ask(compute, seed=1)
    ask(compute, seed=2)
    assert compute.calls == 2
    assert len(entries(tmp_path)) == 2


@pytest.mark.parametrize("content", [b"", b"rubbish", b"x" * 56])
def test_corrupt_entry_is_survived_and_mended(tmp_path, caplog, content):
    use_cache_dir(tmp_path)
    compute = Counted()
    expected = ask(compute)
    (file,) = entries(tmp_path)
    file.write_bytes(content)
    with caplog.at_level(logging.WARNING, logger="mmgsim"):
        assert np.array_equal(ask(compute), expected)
    assert len(caplog.records) == 1
    ask(compute)
    assert compute.calls == 2


def test_unwritable_cache_is_survived_and_warned_of_once(tmp_path, caplog):
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    use_cache_dir(blocked)
    compute = Counted()
    with caplog.at_level(logging.WARNING, logger="mmgsim"):
        ask(compute)
        ask(compute)
    assert compute.calls == 2
    assert len(caplog.records) == 1
    assert blocked.read_text() == "not a folder"


def test_cache_that_is_off_writes_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    use_cache_dir(None)
    compute = Counted()
    ask(compute)
    ask(compute)
    assert compute.calls == 2
    assert not list(tmp_path.iterdir())


def test_error_of_a_generator_is_not_swallowed(tmp_path):
    use_cache_dir(tmp_path)

    def fail():
        raise ZeroDivisionError("mine")

    with pytest.raises(ZeroDivisionError, match="mine"):
        ask(fail)
    assert not entries(tmp_path)


def test_pv_from_the_cache_is_bit_for_bit_the_computed_one(tmp_path):
    source = PvlibSource(source="pvlib", site="perth")
    use_cache_dir(None)
    computed = make_series(source, INDEX, seed=1, name="x").values
    use_cache_dir(tmp_path)
    make_series(source, INDEX, seed=1, name="x")
    assert np.array_equal(make_series(source, INDEX, seed=1, name="x").values, computed)

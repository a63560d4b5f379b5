"""Sweeps that are ended from outside, and gone on with."""

import importlib
import os
import signal
import subprocess
import sys
import time

import pandas as pd
import pytest

from mmgsim import cli
from mmgsim.sweep import sweep
from tests.unit.year.conftest import write_pair

MACHINE = ["wall_s", "gate_s", "solver_s", "power_flow_s"]
PATIENCE_S = 1200.0


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL], ids=["Ctrl-C", "kill -9"])
def test_what_was_ended_from_outside_goes_on_to_the_same_values(tmp_path, monkeypatch, how):
    write_pair(tmp_path / "pair")
    (tmp_path / "s.yaml").write_text("scenario: pair\nseeds: 6\n")
    code = "from mmgsim.cli import main; main()"
    command = [sys.executable, "-c", code, "sweep", "s.yaml", "--out", "o", "--workers", "2"]
    paths = os.pathsep.join(path for path in sys.path if path)
    process = subprocess.Popen(
        command,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": paths},
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    rows = tmp_path / "o/rows.jsonl"
    until = time.monotonic() + PATIENCE_S
    while not (rows.is_file() and rows.stat().st_size) and time.monotonic() < until:
        time.sleep(0.01)
    if how == signal.SIGINT:
        os.killpg(process.pid, how)  # as a terminal does
    else:
        process.kill()
    _, messages = process.communicate(timeout=PATIENCE_S)  # workers too: they hold its end
    if how == signal.SIGINT:
        assert process.returncode == cli.ENDED_EARLY
        assert messages.startswith("Interrupted.\nWhat finished is in o; to go on: --out o")
        assert "Traceback" not in messages
    assert len(rows.read_text().splitlines()) < 6
    study = importlib.import_module("mmgsim.sweep.study")
    monkeypatch.setattr(study, "write_swept_page", lambda *given: None)
    one = sweep(tmp_path / "s.yaml", out=tmp_path / "o", resume=True).table
    other = sweep(tmp_path / "s.yaml", out=tmp_path / "whole").table
    pd.testing.assert_frame_equal(
        one.drop(columns=MACHINE), other.drop(columns=MACHINE), check_exact=True
    )

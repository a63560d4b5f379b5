"""SimBench where its package is not installed: one message, and nothing else that breaks."""

import sys

import pytest

from mmgsim import cli
from mmgsim.engine import build
from mmgsim.errors import ScenarioError
from mmgsim.profiles import SIMBENCH_INSTALL
from mmgsim.scenario import bundled_scenarios, load_scenario, needs_simbench


@pytest.fixture
def without_simbench(monkeypatch):
    monkeypatch.setattr("mmgsim.profiles.simbench.find_spec", lambda _: None)


@pytest.fixture
def said(monkeypatch, capsys):
    def call(*words):
        monkeypatch.setattr(sys, "argv", ["mmgsim", *words])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        return ended.value.code, capsys.readouterr()

    return call


@pytest.mark.parametrize("command", ["check", "run"])
def test_message_is_one_with_the_pip_line_and_exit_2(command, said, without_simbench):
    code, printed = said(command, "mv-rural")
    assert code == 2
    assert "1 fault" in printed.err
    assert "network.simbench (line 13): SimBench is read through the package" in printed.err
    assert SIMBENCH_INSTALL in printed.err
    assert "Traceback" not in printed.err


def test_a_series_alone_says_the_same(scenarios, without_simbench):
    own = "{source: simbench, code: 1-MV-rural--0-sw, profile: G0-A_pload, annual_kwh: 9000}"
    path = scenarios.write(("profile: 3.0", f"profile: {own}"))
    with pytest.raises(ScenarioError) as caught:
        build(path)
    assert [fault.where for fault in caught.value.faults] == [
        "microgrids.MG1.devices.homes.profile"
    ]


def test_other_faults_are_named_beside_it(without_simbench):
    with pytest.raises(ScenarioError) as caught:
        build("mv-rural", overrides={"gate.horizon": "6h"})
    where = {fault.where for fault in caught.value.faults}
    assert where == {"gate.horizon", "network.simbench"}


def test_series_without_any_code_is_refused(scenarios, monkeypatch):
    monkeypatch.setattr("mmgsim.scenario.extras.has_simbench", lambda: True)
    path = scenarios.write(("profile: 3.0", "profile: {source: simbench, profile: G0-A_pload}"))
    with pytest.raises(ScenarioError, match="names no SimBench grid"):
        build(path)


def test_list_says_what_needs_it(capsys, without_simbench):
    cli.list_scenarios()
    rows = capsys.readouterr().out
    assert "mv-rural" in rows
    assert f"simbench is not installed; for mv-rural: {SIMBENCH_INSTALL}" in rows


def test_only_mv_rural_needs_it():
    needing = [name for name in bundled_scenarios() if needs_simbench(load_scenario(name).scenario)]
    assert needing == ["mv-rural"]

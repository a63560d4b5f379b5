"""How `mmgsim view` is refused, before anything is simulated."""

import socket

import pytest

from mmgsim import cli
from mmgsim.view import start


def view(monkeypatch, *arguments):
    monkeypatch.setattr("sys.argv", ["mmgsim", "view", *arguments, "--no-browser"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    return ended.value.code


def test_a_missing_extra_is_told_with_the_line_of_pip(monkeypatch, capsys):
    def lacks(package):
        raise start.PackageNotFoundError(package)

    monkeypatch.setattr(start, "version", lacks)
    assert view(monkeypatch, "duo") == 2
    told = capsys.readouterr().err
    assert "pip install 'mmgsim[view]'" in told
    assert "solara" in told


def test_a_finished_run_takes_no_options(monkeypatch, capsys, run_of_duo):
    assert view(monkeypatch, str(run_of_duo.folder), "--days", "2") == 2
    assert "finished run" in capsys.readouterr().err


def test_a_bundled_name_is_no_run_of_that_name(monkeypatch, capsys, run_of_duo, tmp_path):
    monkeypatch.setattr(start, "version", lambda package: package)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "duo").symlink_to(run_of_duo.folder.resolve())
    assert view(monkeypatch, "duo", "--seed", "-1") == 2
    assert "must be at least 0" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("coordination", "what"),
    [
        ("{kind: prices, ofers: agent}", "did you mean 'offers'?"),
        ("isolated,central", "`compare` takes several"),
    ],
)
def test_a_coordination_is_written_as_for_run(monkeypatch, capsys, coordination, what):
    monkeypatch.setattr(start, "version", lambda package: package)
    assert view(monkeypatch, "duo", "--coordination", coordination) == 2
    assert what in capsys.readouterr().err


def test_an_unknown_scenario_is_told(monkeypatch, capsys):
    monkeypatch.setattr(start, "version", lambda package: package)
    assert view(monkeypatch, "du0") == 2
    assert "duo" in capsys.readouterr().err


def test_a_port_that_is_taken_is_told(monkeypatch, capsys):
    monkeypatch.setattr(start, "version", lambda package: package)
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        assert view(monkeypatch, "duo", "--port", str(other.getsockname()[1])) == 2
    assert "--port" in capsys.readouterr().err

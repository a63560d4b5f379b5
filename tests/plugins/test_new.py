"""What `mmgsim new` writes works at once, and nothing is ever overwritten."""

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from mmgsim.errors import InputError
from mmgsim.kit import Template, write_new
from mmgsim.tables import Results

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_what_is_written_passes_its_own_tests(tmp_path):
    for template in Template:
        write_new(template, f"night_{template}", tmp_path)
    path = os.pathsep.join([str(ROOT), str(ROOT / "agents")])
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert "passed" in done.stdout


@pytest.mark.parametrize("template", Template)
def test_what_is_written_runs_by_the_command_that_is_printed(template, mmgsim, tmp_path):
    code, printed, _ = mmgsim("new", template, "night_owl")
    assert code == 0
    tried, tested = (line.removeprefix("try:  ") for line in printed.splitlines()[-2:])
    assert tested.startswith("python -m pytest ")
    assert Path(tested.rpartition(" ")[2]).is_file()
    told = mmgsim(*shlex.split(tried)[1:], "--quiet", "--out", "made")
    assert told == (0, "", "")
    results = Results(tmp_path / "made")
    assert results.manifest["status"] == "complete"
    assert results.summary["faults_contained"] == 0


@pytest.mark.parametrize("template", Template)
def test_no_trace_of_the_template_is_left_in_it(template, tmp_path):
    for path in write_new(template, "night_owl", tmp_path).files:
        text = f"{path.relative_to(tmp_path)} {path.read_text(encoding='utf-8')}"
        assert f"my_{template}" not in text
        assert f"My{template.capitalize()}" not in text


def test_the_name_of_the_template_itself_can_be_had(tmp_path):
    written = write_new(Template.STRATEGY, "my_strategy", tmp_path)
    source = ROOT / "agents" / "mmgsim_agents" / "templates" / "my_strategy.py"
    assert written.files[0].read_text() == source.read_text()


def test_a_folder_is_made_and_named_in_what_to_try(tmp_path):
    written = write_new(Template.OPERATOR, "owl", tmp_path / "a b" / "c")
    assert [path.name for path in written.files] == ["owl.py", "test_owl.py"]
    assert shlex.split(written.commands[0])[-1].endswith("/a b/c/owl.py:Owl")


@pytest.mark.parametrize("there", ["owl.py", "test_owl.py"])
def test_nothing_is_written_where_one_of_the_files_exists(there, mmgsim, tmp_path):
    (tmp_path / there).write_text("mine")
    code, printed, messages = mmgsim("new", "strategy", "owl")
    assert (code, printed) == (2, "")
    assert f"{there}: exists; give another name, or another --folder" in messages
    assert [path.name for path in tmp_path.iterdir()] == [there]
    assert (tmp_path / there).read_text() == "mine"


def test_a_scenario_needs_a_folder_of_its_own(tmp_path):
    (tmp_path / "owl").mkdir()
    with pytest.raises(InputError, match="owl: exists"):
        write_new(Template.SCENARIO, "owl", tmp_path)
    assert not list((tmp_path / "owl").iterdir())


def test_a_folder_that_cannot_be_made_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"cannot be written: .*; give another --folder"):
        write_new(Template.MARKET, "owl", tmp_path / "file")


@pytest.mark.parametrize(
    ("name", "what", "near"),
    [
        ("Night-Owl", "is no name of a module", "night_owl"),
        ("NightOwl", "is no name of a module", "night_owl"),
        ("2nd", "is no name of a module", "my_2nd"),
        ("../owl", "is no name of a module", "owl"),
        ("", "is no name of a module", "my_own"),
        ("Class", "is no name of a module", "my_class"),
        ("class", "is a word of Python", "my_class"),
        ("test_owl", "is taken for a test by pytest", "my_owl"),
        ("json", "is the name of something that Python imports", "my_json"),
        ("numpy", "is the name of something that Python imports", "my_numpy"),
        ("mmgsim", "is the name of something that Python imports", "my_mmgsim"),
        ("optimising_strategy", "that the file itself needs", "my_optimising_strategy"),
        ("o" * 51, "is longer than 50 letters", None),
    ],
)
def test_a_name_that_cannot_be_used_is_refused_with_one_near_it(name, what, near, tmp_path):
    with pytest.raises(InputError) as caught:
        write_new(Template.STRATEGY, name, tmp_path)
    assert what in str(caught.value)
    assert near is None or str(caught.value).endswith(f"such as '{near}'")
    assert not list(tmp_path.iterdir())


def test_a_scenario_takes_no_name_of_mmgsims_own(tmp_path):
    with pytest.raises(InputError, match=r"comes with mmgsim.*such as 'my_wa9'"):
        write_new(Template.SCENARIO, "wa9", tmp_path)
    assert not list(tmp_path.iterdir())


def test_an_unknown_kind_has_a_near_miss(mmgsim):
    code, _, messages = mmgsim("new", "stratgy", "owl")
    assert code == 2
    assert "did you mean 'strategy'?" in messages

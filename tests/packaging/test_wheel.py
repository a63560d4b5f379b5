"""What somebody gets who installs the wheel: modules, agents, scenarios, data, a command."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    # Without isolation: the build backend is one of the test dependencies, nothing is downloaded.
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder)]
    subprocess.run([*command, str(ROOT)], check=True, capture_output=True, text=True)
    return next(folder.glob("*.whl"))


@pytest.mark.slow
def test_wheel_holds_framework_agents_scenarios_and_data(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    for name in (
        "mmgsim/py.typed",
        "mmgsim_agents/py.typed",
        "mmgsim_agents/microgrid.py",
        "mmgsim_agents/templates/test_my_strategy.py",
        "mmgsim_agents/templates/my_scenario/series.csv",
        "mmgsim/_bundled/scenarios/wa9/scenario.yaml",
        "mmgsim/_bundled/scenarios/duo/series.csv",
        "mmgsim/_bundled/data/ratings.csv",
    ):
        assert name in names
    assert not [name for name in names if name.startswith(("tests/", "notebooks/", "agents/"))]


@pytest.mark.slow
def test_unpacked_wheel_runs_a_bundled_scenario_far_from_the_repository(wheel, tmp_path):
    site, work = tmp_path / "site", tmp_path / "work"
    work.mkdir()
    zipfile.ZipFile(wheel).extractall(site)
    code = (
        f"import sys; sys.path.insert(0, {str(site)!r})\n"
        "import mmgsim\n"
        f"assert mmgsim.__file__.startswith({str(site)!r}), mmgsim.__file__\n"
        "assert set(mmgsim.bundled_scenarios()) >= {'duo', 'wa9'}\n"
        "results = mmgsim.run('duo', out='run')\n"
        "assert results.manifest['status'] == 'complete'\n"
    )
    # -S -E would drop the dependencies; -P keeps the working directory out of the path.
    subprocess.run([sys.executable, "-P", "-c", code], check=True, cwd=work)
    assert (work / "run" / "report.html").is_file()


def test_import_order_of_the_house_is_declared():
    text = (ROOT / "pyproject.toml").read_text()
    for package in sorted(p.parent.name for p in (ROOT / "mmgsim").glob("*/__init__.py")):
        assert f"mmgsim.{package}" in text, f"mmgsim.{package} is in no layer"

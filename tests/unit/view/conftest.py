"""Two finished runs and models of the same scenarios: what is shown has to be the same."""

import pytest

import mmgsim
from mmgsim.view import LiveSource, Player, ReplaySource

HOURS = {"days": 1, "coordination.kind": "central"}


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("view")


@pytest.fixture(scope="session")
def run_of_duo(folder):
    return mmgsim.run("duo", out=folder / "duo", overrides={"days": 1}, report=False)


@pytest.fixture(scope="session")
def run_of_tight(folder):
    return mmgsim.run("wa9-tight", out=folder / "tight", overrides=HOURS, report=False)


@pytest.fixture
def live_duo():
    return LiveSource(lambda: mmgsim.build("duo", overrides={"days": 1}))


@pytest.fixture(scope="session")
def live_tight():
    """A feeder, after eight steps; not to be stepped."""
    source = LiveSource(lambda: mmgsim.build("wa9-tight", overrides=HOURS))
    for _ in range(8):
        source.advance()
    return source


@pytest.fixture
def player(run_of_duo):
    player = Player(ReplaySource(run_of_duo))
    yield player
    player.close()

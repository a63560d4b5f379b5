import pytest

from mmgsim.engine import model


@pytest.fixture
def unchecked_background(monkeypatch):
    """Let a background run that the feeder cannot carry, which checks would refuse."""
    monkeypatch.setattr(model, "warnings_of", lambda *_: ())

"""Gates run over the bus, without Mesa."""

from types import SimpleNamespace

import pytest

from tests.support.gates import clear, make_world


@pytest.fixture(scope="session")
def gates():
    """Give the helpers of this module; test modules cannot import each other."""
    return SimpleNamespace(make_world=make_world, clear=clear)

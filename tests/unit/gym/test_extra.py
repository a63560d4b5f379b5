"""Without the extra `gym`, one message says what to install."""

import importlib
import sys

import pytest

from mmgsim.errors import MissingExtraError


def test_a_missing_extra_is_told_with_the_line_of_pip(monkeypatch):
    for name in [name for name in sys.modules if name.startswith("mmgsim.gym")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "pettingzoo", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'mmgsim\[gym\]'"):
        importlib.import_module("mmgsim.gym")

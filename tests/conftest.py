"""What tests of several folders share."""

import gc
import importlib

import pytest
from xdist.scheduler import LoadFileScheduling

from mmgsim import cli


@pytest.fixture
def mmgsim(monkeypatch, tmp_path, capsys):
    """Call the command line in an empty folder; gives exit code, output and messages."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments):
        monkeypatch.setattr("sys.argv", ["mmgsim", *map(str, arguments)])
        with pytest.raises(SystemExit) as caught:
            cli.main()
        printed = capsys.readouterr()
        return caught.value.code or 0, printed.out, printed.err

    return call


@pytest.fixture(scope="module", autouse=True)
def no_pages(request):
    """Draw no pages, which take most of the time of a short run, where a file looks at none.

    A file that looks at them is marked `pages`.
    """
    with pytest.MonkeyPatch.context() as patch:
        if request.node.get_closest_marker("pages") is None:
            for module, name in (
                ("mmgsim.run", "write_report"),
                ("mmgsim.compare.comparison", "write_comparison_page"),
            ):
                patch.setattr(importlib.import_module(module), name, lambda *given: None)
        yield patch


TOGETHER = ("tests/audit/", "tests/papers/test_p003_", "tests/unit/report/", "tests/unit/view/")
"""Files that look at the same runs, by how their paths begin: each of these is one unit of work."""


def pytest_collection_modifyitems(items):
    """Begin with what is long, so that no worker is left alone with it in the end."""
    notebooks = [item for item in items if item.path.suffix == ".ipynb"]
    for notebook in notebooks:  # what a kernel warns of is no error of ours
        notebook.add_marker(pytest.mark.filterwarnings("default"))
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    slow |= {notebook.path for notebook in notebooks}
    items.sort(key=lambda item: (not item.nodeid.startswith(TOGETHER), item.path not in slow))


def pytest_collection_finish():
    """Spare the garbage collector what stays: modules, and thousands of tests."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Keep tests of a file on one worker, and of files that look at the same runs."""
    return ByRuns(config, log) if config.getvalue("dist") == "loadfile" else None


class ByRuns(LoadFileScheduling):
    def _split_scope(self, nodeid):
        return next(
            (begin for begin in TOGETHER if nodeid.startswith(begin)), super()._split_scope(nodeid)
        )

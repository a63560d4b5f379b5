"""The benchmarks' fixture and the one table that `make bench` prints."""

import pytest

from tests.support.race import ROWS, Race


def _is_measured(config):
    return bool(config.getoption("benchmark_only", default=False))


@pytest.fixture
def race(benchmark, pytestconfig):
    return Race(benchmark, is_measured=_is_measured(pytestconfig))


def pytest_collection_modifyitems(config, items):
    """Leave what is marked `large` to `make bench`."""
    if _is_measured(config):
        return
    large = [item for item in items if item.get_closest_marker("large")]
    if large:
        config.hook.pytest_deselected(items=large)
        items[:] = [item for item in items if item not in large]


def pytest_terminal_summary(terminalreporter):
    if not ROWS:
        return
    terminalreporter.section("medians of interleaved turns")
    widths = [max(len(row[k]) for row in ROWS) for k in range(4)]
    group = ""
    for row in ROWS:
        if row[0] != group:
            group = row[0]
            terminalreporter.write_line(group)
        cells = [text.ljust(width) for text, width in zip(row, widths, strict=True)]
        terminalreporter.write_line("  " + "  ".join(cells[1:]).rstrip())

"""The live view in a headless Chromium: what a user sees and presses.

Run it with ``pytest tests/unit/view/test_browser.py``; it needs the extra `view` and Chromium.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from importlib.util import find_spec
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "chrome"))), None)
CHROMIUM = CHROMIUM or shutil.which("google-chrome")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_spec("solara") is None, reason="the extra `view` is not installed"),
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium or Chrome is installed"),
]

PROGRESS = "document.querySelector('.mmgsim-progress')?.innerText ?? ''"
STEPS = f"parseInt(({PROGRESS}).split(' ')[1] ?? '-1')"
LABELS = """
JSON.stringify([...document.querySelectorAll('.mmgsim-figure-map text')].map(e => e.textContent))
"""
# Cards beside or below each other, buttons, tiles; and in each figure its titles and legend.
OVERLAPS = """
(() => {
  const found = [];
  const apart = (things, what) => {
    const boxes = things.map(e => [e, e.getBoundingClientRect()]).filter(([e, b]) => b.width);
    boxes.forEach(([e, a], i) => boxes.slice(i + 1).forEach(([f, b]) => {
      const wide = Math.min(a.right, b.right) - Math.max(a.left, b.left);
      const high = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
      if (wide > 1 && high > 1) found.push(what + ': ' + e.textContent + ' / ' + f.textContent);
    }));
  };
  const all = (selector, root) => [...(root ?? document).querySelectorAll(selector)];
  apart(all('.mmgsim-card'), 'cards');
  apart(all('.mmgsim-bar button, .mmgsim-title, .mmgsim-now, .mmgsim-progress'), 'controls');
  all('.mmgsim-figure').forEach(figure => apart(
    all('.gtitle, .xtitle, .ytitle, .legend, .xtick, .ytick, .textpoint', figure), figure.className
  ));
  const spilled = document.documentElement.scrollWidth > window.innerWidth + 1;
  return JSON.stringify(spilled ? ['wider than the window', ...found] : found);
})()
"""


class View:
    """A server of the live view in a process of its own, as a user starts it."""

    def __init__(self, *arguments):
        start = "from mmgsim.cli import main; main()"
        self.process = subprocess.Popen(
            [sys.executable, "-c", start, "view", *arguments, "--no-browser"],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1", "COLUMNS": "200"},
        )
        told = self.process.stdout.readline()
        found = re.search(r"http://127\.0\.0\.1:\d+", told)
        assert found, told + self.process.stdout.read()
        self.address = found[0]

    def end(self):
        """Press Ctrl-C; give the exit code and what was said."""
        self.process.send_signal(signal.SIGINT)
        try:
            said, _ = self.process.communicate(timeout=30)
        finally:
            self.process.kill()
            self.process.stdout.close()
        return self.process.returncode, said


@pytest.fixture
def browser(tmp_path):
    from tests.support.browser import Browser  # it needs a package of the extra

    with Browser(CHROMIUM, tmp_path / "profile") as browser:
        yield browser


@pytest.fixture
def live():
    view = View("wa9-tight", "--days", "1", "--coordination", "central")
    yield view
    if view.process.poll() is None:
        view.end()


@pytest.fixture
def replay(run_of_tight):
    view = View(str(run_of_tight.folder))
    yield view
    if view.process.poll() is None:
        view.end()


def labels(browser):
    return [
        text for text in json.loads(browser.value(LABELS)) if re.search(r"buys|sells|0 kW", text)
    ]


def is_drawn(browser, step):
    """Wait until a step is shown, with a map of its own."""
    browser.wait(f"{STEPS} === {step}")
    browser.wait("document.querySelectorAll('.mmgsim-figure .main-svg').length >= 5")


def test_a_run_is_stepped_played_and_paused_live(browser, live):
    browser.open(live.address, width=1400)
    browser.wait(f"{STEPS} === 0 && !!document.querySelector('.mmgsim-step')")

    browser.click(".mmgsim-step")
    is_drawn(browser, 1)
    first, first_now = labels(browser), browser.text(".mmgsim-now")
    assert len(first) == 9
    assert "00:00" in first_now

    browser.click(".mmgsim-step")
    is_drawn(browser, 2)
    browser.wait(f"{LABELS} !== {json.dumps(json.dumps(first))}")
    assert browser.text(".mmgsim-now") != first_now
    assert labels(browser) != first

    browser.click(".mmgsim-play")
    browser.wait(f"{STEPS} >= 5")
    browser.click(".mmgsim-pause")
    browser.wait(f"({PROGRESS}).includes('paused')")
    stopped = browser.value(STEPS)
    time.sleep(2.0)
    assert browser.value(STEPS) == stopped < 24

    assert browser.faults == []
    asked = [address for address in browser.requests if not address.startswith("data:")]
    elsewhere = [a for a in asked if "//127.0.0.1:" not in a]
    assert asked
    assert elsewhere == []
    code, said = live.end()
    assert code == 0, said
    assert "Traceback" not in said


@pytest.mark.parametrize("width", [1400, 900])
def test_nothing_overlaps(browser, replay, width):
    browser.open(replay.address, width=width, height=1800)
    browser.wait(f"{STEPS} === 0 && !!document.querySelector('.mmgsim-play')")
    browser.click(".mmgsim-speeds button:last-of-type")
    browser.click(".mmgsim-play")
    is_drawn(browser, 24)
    time.sleep(1.0)  # plotly moves its margins after it has drawn
    assert json.loads(browser.value(OVERLAPS)) == []
    assert browser.faults == []


def test_other_names_of_this_machine_are_refused(replay):
    with urlopen(replay.address) as answer:
        assert answer.status == 200
    with pytest.raises(HTTPError, match="400") as refused:
        urlopen(Request(replay.address, headers={"Host": "evil.example"}))
    refused.value.close()


def test_pages_of_other_sites_open_no_websocket(replay):
    from websockets.exceptions import InvalidStatus  # it comes with the extra
    from websockets.sync.client import connect

    address = f"ws{replay.address.removeprefix('http')}/jupyter/api/kernels/a/channels?session_id=a"
    with pytest.raises(InvalidStatus, match="403"):
        connect(address, origin="http://evil.example")
    with connect(address, origin=replay.address) as own:
        assert own.protocol.state.name == "OPEN"

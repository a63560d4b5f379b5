"""A headless Chromium, driven over its DevTools protocol: what the browser test needs of it.

The package `websockets` comes with the extra `view`, so that nothing else has to be installed.
"""

from __future__ import annotations

import base64
import itertools
import json
import os
import re
import signal
import subprocess
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from websockets.sync.client import connect

PATIENCE_S = 60.0


class Browser:
    """One page in a browser of its own.

    Parameters
    ----------
    executable : str
        Chromium or Chrome.
    profile : Path
        New folder for its data.

    Attributes
    ----------
    requests : list of str
        Addresses of all that the page has asked for.
    faults : list of str
        Exceptions of the page's scripts, and errors they wrote to the console.
    """

    def __init__(self, executable: str, profile: Path) -> None:
        self.requests: list[str] = []
        self.faults: list[str] = []
        self._numbers = itertools.count(1)
        self._command = [
            executable,
            "--headless=new",
            "--no-sandbox",  # a test may run as root, and opens pages of this machine only
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--no-first-run",
            "--disable-background-networking",
            "--remote-debugging-port=0",
            f"--user-data-dir={profile}",
            "about:blank",
        ]
        self._opened = ExitStack()

    def __enter__(self) -> Browser:
        with ExitStack() as opened:
            self._process = opened.enter_context(
                subprocess.Popen(
                    self._command,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.PIPE,
                    text=True,
                    start_new_session=True,
                )
            )
            # With the processes it has started: they are in its group.
            opened.callback(lambda: os.killpg(self._process.pid, signal.SIGKILL))
            self._socket = opened.enter_context(connect(self._address(), max_size=None))
            self._session = None
            target = self._call("Target.createTarget", url="about:blank")["targetId"]
            attached = self._call("Target.attachToTarget", targetId=target, flatten=True)
            self._session = attached["sessionId"]
            for domain in ("Page", "Runtime", "Network"):
                self._call(f"{domain}.enable")
            self._opened = opened.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._opened.close()

    def open(self, address: str, *, width: int, height: int = 1000) -> None:
        """Open a page. [px]"""
        self.resize(width, height)
        self._call("Page.navigate", url=address)

    def resize(self, width: int, height: int) -> None:
        """Give the page another size. [px]"""
        self._call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )

    def value(self, script: str) -> Any:
        """Give what a JavaScript expression is."""
        answer = self._call(
            "Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True
        )
        if "exceptionDetails" in answer:
            raise AssertionError(f"{script}: {answer['exceptionDetails']}")
        return answer["result"].get("value")

    def wait(self, script: str, patience_s: float = PATIENCE_S) -> Any:
        """Wait until an expression is true, and give what it is then."""
        end = time.monotonic() + patience_s
        while not (found := self.value(script)):
            if time.monotonic() > end:
                raise AssertionError(f"not true within {patience_s:g} s: {script}; {self.faults}")
            time.sleep(0.1)
        return found

    def text(self, selector: str) -> str:
        """Give the text of the first element that a selector finds, empty if there is none."""
        found = self.value(f"document.querySelector({json.dumps(selector)})?.innerText ?? ''")
        return str(found)

    def click(self, selector: str) -> None:
        """Click on the first element that a selector finds, once it can be clicked on."""
        quoted = json.dumps(selector)
        self.wait(f"(e => !!e && !e.disabled)(document.querySelector({quoted}))")
        self.value(f"document.querySelector({quoted}).click()")

    def screenshot(self, file: Path, *, whole: bool = True) -> None:
        """Write a picture of the page, of all of it or of what is seen."""
        picture = self._call("Page.captureScreenshot", captureBeyondViewport=whole)
        file.write_bytes(base64.b64decode(picture["data"]))

    def _address(self) -> str:
        assert self._process.stderr is not None
        for line in self._process.stderr:
            if found := re.search(r"DevTools listening on (ws://\S+)", line):
                return found[1]
        raise AssertionError("the browser has ended before it could be driven")

    def _call(self, method: str, **parameters: Any) -> Any:
        number = next(self._numbers)
        command = {"id": number, "method": method, "params": parameters}
        if self._session is not None:
            command["sessionId"] = self._session
        self._socket.send(json.dumps(command))
        while True:
            message = json.loads(self._socket.recv(timeout=PATIENCE_S))
            if message.get("id") == number:
                if "error" in message:
                    raise AssertionError(f"{method}: {message['error']}")
                return message["result"]
            self._note(message)

    def _note(self, message: dict[str, Any]) -> None:
        """Keep what the page asked for, and what went wrong in it."""
        about = message.get("params", {})
        if message.get("method") == "Network.requestWillBeSent":
            self.requests.append(about["request"]["url"])
        elif message.get("method") == "Network.webSocketCreated":
            self.requests.append(about["url"])
        elif message.get("method") == "Runtime.exceptionThrown":
            self.faults.append(json.dumps(about["exceptionDetails"])[:600])
        elif message.get("method") == "Runtime.consoleAPICalled" and about["type"] == "error":
            self.faults.append(json.dumps(about["args"])[:600])

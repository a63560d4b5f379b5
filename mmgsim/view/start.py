"""Opening the view: what it needs is checked before anything is simulated."""

from __future__ import annotations

import socket
import webbrowser
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version

from mmgsim.errors import MissingExtraError, PortTakenError
from mmgsim.view.player import Player
from mmgsim.view.sources import Source

__all__ = ["HOST", "open_view"]

HOST = "127.0.0.1"
"""The page is for whoever sits at this machine, and for nobody else."""

_NEEDED = ("solara", "solara-assets")


def open_view(
    make: Callable[[], Source],
    *,
    port: int = 0,
    opens_browser: bool = True,
    told: Callable[[str], None] = print,
) -> None:
    """Show a run in the browser, to this machine alone, until Ctrl-C.

    Parameters
    ----------
    make : callable
        Gives what is shown.
    port : int
        Of 127.0.0.1; a free one if 0.
    opens_browser : bool
        Whether the page is opened, or only its address told.
    told : callable
        Called with the address of the page once it is there.

    Raises
    ------
    MissingExtraError
        If the packages of the extra `view` are not installed.
    PortTakenError
        If the port is not free.
    """
    _check_extra()

    def started(address: str) -> None:
        told(address)
        if opens_browser:
            webbrowser.open(address)

    with _bound(port) as listener:
        player = Player(make())
        # Only now: it needs packages of the extra.
        from mmgsim.view.server import serve

        serve(player, listener, started)


def _check_extra() -> None:
    missing = []
    for package in _NEEDED:
        try:
            version(package)
        except PackageNotFoundError:
            missing.append(package)
    if missing:
        raise MissingExtraError("view", missing)


def _bound(port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
    except (OSError, OverflowError) as error:
        listener.close()
        what = f"port {port} of {HOST} cannot be used: {error}"
        raise PortTakenError(f"{what}; without --port a free one is taken") from error
    return listener

"""Serves the page to this machine alone; nothing is loaded from anywhere else."""

from __future__ import annotations

import socket
import warnings
from collections.abc import Callable
from pathlib import Path

import plotly
import solara.server.app
import solara.server.settings
import uvicorn
from solara.server import starlette as solara_server
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from mmgsim.view import page
from mmgsim.view.origin import SameOrigin
from mmgsim.view.player import Player
from mmgsim.view.start import HOST

__all__ = ["serve"]


def serve(player: Player, listener: socket.socket, started: Callable[[str], None]) -> None:
    """Serve the page until Ctrl-C.

    Parameters
    ----------
    player : Player
        What is shown; closed at the end.
    listener : socket
        Bound to `HOST`.
    started : callable
        Called with the address once the page can be opened.
    """
    page.show(player)
    # Solara would like a cookie for frames of other sites, which are not wanted here.
    warnings.filterwarnings("ignore", "Cookies with samesite=none", UserWarning)
    # A page that stays open does not keep the server from ending.
    config = uvicorn.Config(_app(), log_level="error", timeout_graceful_shutdown=1)
    address = f"http://{HOST}:{listener.getsockname()[1]}"
    try:
        _Server(config, lambda: started(address)).run(sockets=[listener])
    except KeyboardInterrupt:
        pass  # that is how it is ended
    finally:
        player.close()


class _Server(uvicorn.Server):
    """A server that says when it has started."""

    def __init__(self, config: uvicorn.Config, started: Callable[[], None]) -> None:
        super().__init__(config)
        self._told = started

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then say so."""
        await super().startup(sockets=sockets)
        self._told()


def _app() -> Starlette:
    settings = solara.server.settings
    settings.telemetry.mixpanel_enable = False
    settings.theme.show_banner = False
    settings.theme.loader = "plain"
    settings.assets.fontawesome_enabled = False
    solara.server.app.apps["__default__"] = solara.server.app.AppScript("mmgsim.view.page")
    # Solara's own route would fetch what is missing from a CDN; this one has what is installed.
    assets = StaticFiles(directory=settings.assets.proxy_cache_dir)
    return Starlette(
        routes=[
            Mount("/_solara/cdn", app=assets),
            Route(page.PLOTLY, endpoint=_plotly),
            *solara_server.routes,
        ],
        lifespan=solara_server.lifespan,
        # Nobody else's page may reach this one under a name of its own for 127.0.0.1. Not even as
        # localhost: there Solara's cookie would go along with what other pages ask for.
        middleware=[
            Middleware(TrustedHostMiddleware, allowed_hosts=[HOST]),
            Middleware(SameOrigin),
            *solara_server.middleware,
        ],
    )


def _plotly(_request: Request) -> FileResponse:
    return FileResponse(Path(plotly.__file__).parent / "package_data" / "plotly.min.js")

"""Refuses what other sites' pages ask of the live view, as plain ASGI."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

__all__ = ["SameOrigin"]

_Receive = Callable[[], Awaitable[Any]]
_Send = Callable[[dict[str, Any]], Awaitable[None]]
_App = Callable[[Any, _Receive, _Send], Awaitable[None]]


class SameOrigin:
    """Lets through what comes from the view's own page, or from no page at all.

    Browsers name the page that opens a websocket in its header `Origin`, and let pages of any site
    do so: a check of `Host` alone would hand them the player and what it shows.

    Parameters
    ----------
    app : callable
        The ASGI application behind it.
    """

    def __init__(self, app: _App) -> None:
        self._app = app

    async def __call__(self, scope: Mapping[str, Any], receive: _Receive, send: _Send) -> None:
        """Pass a connection on, or refuse it with status 403."""
        if not _is_foreign(scope):
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            # Closed before it is accepted: the server answers 403.
            await send({"type": "websocket.close", "code": 1008})
        else:
            await send({"type": "http.response.start", "status": 403, "headers": []})
            await send({"type": "http.response.body", "body": b"Not from here."})


def _is_foreign(scope: Mapping[str, Any]) -> bool:
    """Tell whether a page of another origin asks."""
    headers = scope.get("headers", ())
    own = {b"http://" + value for name, value in headers if name == b"host"}
    return any(name == b"origin" and value not in own for name, value in headers)

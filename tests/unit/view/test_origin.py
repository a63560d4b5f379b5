"""Only the view's own page is served: no page of another site may open its websocket."""

import asyncio

import pytest

from mmgsim.view.origin import SameOrigin

HOST = b"127.0.0.1:8765"


def sent(kind, *origins):
    """Give what the application sends for a connection of a page of these origins."""

    async def app(scope, receive, send):
        await send("served")

    async def answers():
        said = []

        async def send(message):
            said.append(message)

        headers = [(b"host", HOST), *((b"origin", origin) for origin in origins)]
        await SameOrigin(app)({"type": kind, "headers": headers}, None, send)
        return said

    return asyncio.run(answers())


@pytest.mark.parametrize("kind", ["http", "websocket"])
@pytest.mark.parametrize("origins", [(), (b"http://" + HOST,)])
def test_the_own_page_is_served(kind, origins):
    assert sent(kind, *origins) == ["served"]


FOREIGN = [
    (b"http://evil.example",),
    (b"https://" + HOST,),
    (b"http://127.0.0.1:9999",),
    (b"http://localhost:8765",),
    (b"null",),
    (b"http://" + HOST, b"http://evil.example"),
]


@pytest.mark.parametrize("origins", FOREIGN)
def test_a_page_of_another_origin_opens_no_websocket(origins):
    assert sent("websocket", *origins) == [{"type": "websocket.close", "code": 1008}]


@pytest.mark.parametrize("origins", FOREIGN)
def test_a_page_of_another_origin_is_refused(origins):
    start, _ = sent("http", *origins)
    assert start["status"] == 403


def test_what_has_no_headers_goes_through():
    async def app(scope, receive, send):
        await send(scope["type"])

    said = []

    async def send(message):
        said.append(message)

    asyncio.run(SameOrigin(app)({"type": "lifespan"}, None, send))
    assert said == ["lifespan"]

"""This file is for a web socket that tells what it was told: sound, or with one of the faults of live connections."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager, suppress
from http import HTTPStatus
from pathlib import Path
from typing import Any

from vedette.reference.fault import Fault

MODULES = ("websockets",)
TOKEN = "let-me-listen"
PROTOCOL = "bookings.v1"
_STORIES = (
    ("socket_no_echo", "the worker that answers was not started", ("kept silent",)),
    ("socket_closes_early", "the new gateway ends every connection after the first message", ("closed with code 1001",)),
    ("socket_plain_http", "a proxy answers the handshake with the start page", ("answered 200 with an html page",)),
    ("socket_wrong_json", "the field was renamed in the server and not in its clients", ("$.echo", "is missing")),
    ("socket_open_to_any_origin", "the list of origins was emptied for a demonstration", ("evil.example", "hijacking")),
    ("socket_open_to_anybody", "the token is looked at by the pages, and not by the socket", ("without credentials", "let into")),
    ("socket_no_subprotocol", "the framework's upgrade forgets the subprotocol", ("none of the subprotocols",)),
    ("socket_wrong_accept", "a cache stored the handshake", ("sec-websocket-accept",)),
    ("socket_down", "the service was moved, its route was not", ("503",)),
)
FAULTS = (
    *(Fault(name, "websocket", story, hint, system="edge") for name, story, hint in _STORIES),
    Fault(
        "socket_canned_answer",
        "websocket",
        "the stub of the front-end team went live, which says the same to everybody",
        ("canned",),
        vacuity=True,
        system="edge",
    ),
)


@asynccontextmanager
async def serve(bugs: Collection[str], folder: Path) -> AsyncIterator[Mapping[str, str]]:
    """Serve the socket at `/live` of a port of its own."""
    from websockets.asyncio.server import serve as serve_sockets

    handler = _Live(frozenset(bugs))
    bare = "socket_no_subprotocol" in bugs
    async with serve_sockets(
        handler.talk,
        "127.0.0.1",
        0,
        process_request=handler.admit,
        process_response=handler.answered,
        subprotocols=None if bare else [PROTOCOL],  # type: ignore[list-item]  # its name for a text
        select_subprotocol=(lambda connection, offered: None) if bare else None,
        compression=None,
        ping_interval=None,
        server_header=None,
    ) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        yield {"VEDETTE_EDGE_URL": f"http://127.0.0.1:{port}", "VEDETTE_EDGE_SOCKET_TOKEN": TOKEN}


class _Live:
    """What happens to each caller."""

    def __init__(self, bugs: frozenset[str]) -> None:
        self._bugs = bugs

    def admit(self, connection: Any, request: Any) -> Any:
        """Return an answer that refuses the handshake, None where the caller may come in."""
        if "socket_down" in self._bugs:
            return connection.respond(HTTPStatus.SERVICE_UNAVAILABLE, "no backend\n")
        if "socket_plain_http" in self._bugs:
            answer = connection.respond(HTTPStatus.OK, "<!doctype html><title>Bookings</title><h1>Welcome</h1>\n")
            del answer.headers["Content-Type"]
            answer.headers["Content-Type"] = "text/html; charset=utf-8"
            return answer
        host = request.headers.get("Host", "")
        origin = request.headers.get("Origin", f"http://{host}")
        if origin != f"http://{host}" and "socket_open_to_any_origin" not in self._bugs:
            return connection.respond(HTTPStatus.FORBIDDEN, "this origin may not\n")
        token = request.headers.get("Authorization", "")
        if token != f"Bearer {TOKEN}" and "socket_open_to_anybody" not in self._bugs:
            return connection.respond(HTTPStatus.UNAUTHORIZED, "sign in first\n")
        return None

    def answered(self, connection: Any, request: Any, response: Any) -> Any:
        if "socket_wrong_accept" in self._bugs and response.status_code == HTTPStatus.SWITCHING_PROTOCOLS:
            del response.headers["Sec-WebSocket-Accept"]
            response.headers["Sec-WebSocket-Accept"] = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="  # the example of RFC 6455
        return response

    async def talk(self, connection: Any) -> None:
        from websockets.exceptions import ConnectionClosed

        with suppress(ConnectionClosed):  # callers that ask badly hang up as they like
            async for message in connection:
                if "socket_no_echo" in self._bugs:
                    continue
                if "socket_closes_early" in self._bugs:
                    await connection.close(1001, "going away")
                    return
                await connection.send(self._answer(message))

    def _answer(self, message: str | bytes) -> str:
        try:
            said = json.loads(message)["say"]
        except (ValueError, KeyError, TypeError):
            return json.dumps({"type": "error", "error": "not understood"})
        if "socket_canned_answer" in self._bugs:
            return json.dumps({"type": "echo", "echo": "hello"})
        key = "message" if "socket_wrong_json" in self._bugs else "echo"
        return json.dumps({"type": "echo", key: said})

"""This file is for what one request may cost: its body is read whole before any route, or not at all."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from vedette.service.problems import Problem, answer

LARGEST_BODY_BYTES = 64 * 1024
BODY_S = 10.0  # for the whole body, however it drips
DRAINED_BYTES = 1024 * 1024  # of what is refused as too large: who still sends when we hang up may never see why
DRAINED_S = 1.0
_CLOSE = {"Connection": "close"}  # what else comes on this connection is the rest of the body


class LimitsMiddleware:
    """Reads the body up to a size and a time, so that routes have it at once and nobody holds one of them by dripping."""

    def __init__(self, app: ASGIApp, largest_bytes: int = LARGEST_BODY_BYTES, within_s: float = BODY_S) -> None:
        self._app = app
        self._largest_bytes = largest_bytes
        self._within_s = within_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        try:
            body = await self._read(request, receive)
        except Problem as problem:
            if problem.status == 413:
                await _drain(request, receive)
            await answer(problem, request, send)
            return
        if body is None:
            return  # whoever asked is gone
        scope.setdefault("state", {})["body"] = body
        await self._app(scope, _again(body, receive), send)

    async def _read(self, request: Request, receive: Receive) -> bytes | None:
        if "content-length" in request.headers and "transfer-encoding" in request.headers:  # RFC 9112 section 6.3: smuggling
            raise Problem(400, "a body has either a Content-Length or a Transfer-Encoding", headers=_CLOSE)
        announced = request.headers.get("content-length", "0")
        if not announced.isdecimal():
            raise Problem(400, "the header Content-Length should be a number", headers=_CLOSE)
        if int(announced[:20]) > self._largest_bytes:
            raise self._too_large()
        if announced == "0" and "transfer-encoding" not in request.headers:
            return b""
        try:
            async with asyncio.timeout(self._within_s) as deadline:
                return await self._gathered(receive)
        except TimeoutError:
            if not deadline.expired():
                raise
            raise Problem(408, f"the body did not arrive within {self._within_s:g} s", headers=_CLOSE) from None

    async def _gathered(self, receive: Receive) -> bytes | None:
        body = bytearray()
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                return None
            body += message.get("body", b"")
            if len(body) > self._largest_bytes:
                raise self._too_large()
            if not message.get("more_body", False):
                return bytes(body)

    def _too_large(self) -> Problem:
        return Problem(413, f"the body is larger than {self._largest_bytes // 1024} KiB", headers=_CLOSE)


async def _drain(request: Request, receive: Receive) -> None:
    """Throw away what comes of a body, up to a bound."""
    if "expect" in request.headers:  # who waits for a word to go on has sent nothing yet
        return
    left = DRAINED_BYTES
    with suppress(TimeoutError):
        async with asyncio.timeout(DRAINED_S):
            while left > 0:
                message = await receive()
                left -= len(message.get("body", b""))
                if not message.get("more_body", False):
                    return


def body_of(scope: Scope) -> bytes:
    """Return the body of a request that came through the limits."""
    return scope.get("state", {}).get("body", b"")  # type: ignore[no-any-return]


def _again(body: bytes, receive: Receive) -> Receive:
    """Return a `receive` that hands out the body once, and then tells when the caller goes."""
    told = False

    async def replayed() -> Message:
        nonlocal told
        if told:
            return await receive()
        told = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replayed

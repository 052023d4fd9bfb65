"""This file is for the outermost edge of the service: every request has an id, an end, a line in the log, and no bug's text."""

from __future__ import annotations

import asyncio
import logging
import re
import time
import traceback

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from probes.ids import new_id
from vedette.service.context import caller_name, correlation_id
from vedette.service.problems import Problem, answer

_SANE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,127}")
_LONGEST = 200  # characters of a path in the log

_log = logging.getLogger("vedette.service")
_access = logging.getLogger("vedette.service.access")


class Streams:
    """The answers that go on until their reader leaves. Stopping ends them, or it would wait for the readers."""

    def __init__(self) -> None:
        self.tasks: set[asyncio.Task[None]] = set()
        self.ending = False

    def end(self) -> None:
        """Give every stream its end, and let what is cancelled from now on answer that the service stops."""
        self.ending = True
        for task in list(self.tasks):
            task.cancel()


class EdgeMiddleware:
    """Wraps almost all others: the request's id, its line in the log, and the end of what would never end."""

    def __init__(self, app: ASGIApp, streams: Streams) -> None:
        self._app = app
        self._streams = streams

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope, receive)
        given = request.headers.get("x-correlation-id", "")
        own = given if _SANE_ID.fullmatch(given) else new_id()
        correlation_id.set(own)
        caller_name.set("")
        reply = _Reply(send, own, self._streams, silent=scope["method"] == "HEAD")
        began = time.perf_counter()
        try:
            await self._answered(request, receive, reply)
        finally:
            self._streams.tasks.discard(reply.task)
            _write(scope, request, reply.status, time.perf_counter() - began)

    async def _answered(self, request: Request, receive: Receive, reply: _Reply) -> None:
        scope = request.scope
        if reply.silent:  # RFC 9110 section 9.3.2: as for GET, without the content
            scope = {**scope, "method": "GET"}
        try:
            await self._app(scope, receive, reply.send)
        except asyncio.CancelledError:
            if not self._streams.ending:
                raise
            await self._cut_short(request, reply)
        except Exception as bug:  # the edge: a bug must cost one answer, not tell what it knows, and be heard of
            _log.error("a request broke: %s", type(bug).__qualname__, extra={"where": trail(bug)})
            if reply.status == 0:
                why = "the service itself broke on this request; its log tells more under this correlation id"
                await answer(Problem(500, why, correlation_id=correlation_id.get()), request, reply.send)
        finally:
            request.scope.setdefault("route", scope.get("route"))

    async def _cut_short(self, request: Request, reply: _Reply) -> None:
        """End an answer because the service stops: a stream wholly, so that its reader comes back later."""
        if reply.task in self._streams.tasks:
            await reply.end()
        elif reply.status == 0:
            await answer(Problem(503, "the service is stopping", headers={"Retry-After": "5"}), request, reply.send)


class _Reply:
    """What goes back: with the correlation id, and for HEAD without a body."""

    def __init__(self, send: Send, own_id: str, streams: Streams, *, silent: bool) -> None:
        self.silent = silent
        self.status = 0
        self.task: asyncio.Task[None] = asyncio.current_task()  # type: ignore[assignment]  # we are in one
        self._send = send
        self._id = own_id
        self._streams = streams
        self._ended = False

    async def send(self, message: Message) -> None:
        if self._ended:
            return
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = MutableHeaders(scope=message)
            headers["X-Correlation-ID"] = self._id
            if headers.get("content-type", "").startswith("text/event-stream"):
                self._streams.tasks.add(self.task)
            await self._send(message)
            if self.silent:
                await self.end()
            return
        self._ended = not message.get("more_body", False)
        await self._send(message)
        if not self._ended:
            await asyncio.sleep(0)  # once the reader is gone nothing else waits, and who makes more would never notice

    async def end(self) -> None:
        if not self._ended:
            self._ended = True
            await self._send({"type": "http.response.body", "body": b"", "more_body": False})


def trail(bug: BaseException) -> list[str]:
    """Return where a bug came from: files, lines and names, never the text of an error, which may hold a secret."""
    return [f"{frame.filename}:{frame.lineno} in {frame.name}" for frame in traceback.extract_tb(bug.__traceback__)]


def _write(scope: Scope, request: Request, status: int, took_s: float) -> None:
    """Write one line. Never the query, and where a path holds a secret only its pattern."""
    route = getattr(scope.get("route"), "path", "")
    path = route if "{secret" in route or "{key" in route else scope["path"][:_LONGEST]
    facts = {
        "method": scope["method"],
        "path": path,
        "status": status,
        "duration_ms": round(took_s * 1000, 2),
        "caller": caller_name.get(),
        "address": request.client.host if request.client else "",
    }
    _access.info("%s %s %s", facts["method"], path, status or "given up", extra=facts)

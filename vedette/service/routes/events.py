"""This file is for the stream of what happens, as server-sent events, for open pages and for programs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse
from starlette.types import Receive, Send
from starlette.types import Scope as Connection

from vedette.service.access import Scope, needs
from vedette.service.api.feed import Feed, Listener, feed_of
from vedette.service.problems import Problem

router = APIRouter(prefix="/api/v1", tags=["events"])

COMMENT_S = 15.0  # so that no proxy takes a quiet stream for a dead one
_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}  # the second one lets nginx hand on at once
_EXAMPLE = (
    "retry: 3000\n\nevent: ticks\nid: 1763721600-7\n"
    'data: {"at":"…","events":[{"slug":"3f9a0c1b2d4e5f60","verdict":"fail","sentence":"…","since_at":"…","at":"…",'
    '"duration_s":0.12,"maintenance":false}]}\n\n'
)
_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "events `hello` (once), `ticks` (a batch), `resync` (something was missed: read everything anew)",
        "content": {"text/event-stream": {"schema": {"type": "string"}, "example": _EXAMPLE}},
    }
}


class EventStream(Response):
    """An answer that goes on until the listener leaves, loses its right to listen, or the service stops."""

    media_type = "text/event-stream"

    def __init__(self, feed: Feed, request: Request) -> None:
        super().__init__()
        self._feed = feed
        self._request = request

    async def __call__(self, scope: Connection, receive: Receive, send: Send) -> None:
        with self._feed.joined() as listener:
            stream = StreamingResponse(self._messages(listener), headers=_HEADERS, media_type=self.media_type)
            await stream(scope, receive, send)

    async def _messages(self, listener: Listener) -> AsyncIterator[str]:
        for message in self._feed.greeting(self._request.headers.get("last-event-id", "")):
            yield message
        loop = asyncio.get_running_loop()
        due = loop.time() + COMMENT_S
        while True:
            try:
                async with asyncio.timeout_at(due):
                    told = await listener.waiting.get()
            except TimeoutError:
                told = ": still here\n\n"
            if told is None:
                return
            if loop.time() >= due:  # also where there is so much to tell that it never was quiet
                if not await self._may_stay():
                    return
                due = loop.time() + COMMENT_S
            yield told

    async def _may_stay(self) -> bool:
        """Return whether who listens would still be let in: a token may have been revoked since."""
        try:
            caller = await self._request.app.state.guard.identify(self._request)
        except Problem:
            return False
        return Scope.READ in caller.scopes


@router.get(
    "/events",
    operation_id="listen",
    dependencies=[needs(Scope.READ)],
    status_code=200,
    response_class=EventStream,
    responses=_ANSWERS,
)
async def events(request: Request) -> Response:
    """Listen to what happens: the newest tick of each series once a second, a changed verdict at once."""
    return EventStream(feed_of(request.app.state), request)

"""This file is for writes that are sent twice: with an idempotency key the second gets the first one's answer.

Source: draft-ietf-httpapi-idempotency-key-header-07.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from hashlib import sha256

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from reports.store.errors import StoreError
from reports.store.ledger.answers import Answer, Answers
from vedette.service.problems import Problem, answer
from vedette.service.security.gate import SAFE
from vedette.service.security.guard import caller_of
from vedette.service.security.limits import body_of

_KEY = re.compile(r'"([\x20-\x21\x23-\x7e]{1,255})"|([\x21\x23-\x7e]{1,255})')  # a text as RFC 9651 writes it, or a bare word
_AT_WORK = timedelta(seconds=120)  # longer than any write takes
_KEPT_HEADERS = frozenset({"content-type", "location", "etag"})
_REPLAYED = (b"idempotency-replayed", b"true")

_log = logging.getLogger(__name__)


class RepeatsMiddleware:
    """Keeps the answer to each write of the API that carries a key, for each caller apart.

    What was refused (4xx) or not possible (503) did nothing: its key may be used again. What broke on the way may have
    done something: its key stays taken, and the next one is told so instead of doing it twice.
    """

    def __init__(self, app: ASGIApp, answers: Answers, clock: Callable[[], datetime]) -> None:
        self._app = app
        self._answers = answers
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        key = request.headers.get("idempotency-key")
        if key is None or scope["method"] in SAFE or not scope["path"].startswith("/api/"):
            await self._app(scope, receive, send)
            return
        try:
            found = _KEY.fullmatch(key)
            if found is None:
                raise Problem(400, "the header Idempotency-Key should be one text of up to 255 characters")
            await self._once(request, found[1] or found[2], send)
        except Problem as problem:
            await answer(problem, request, send)

    async def _once(self, request: Request, key: str, send: Send) -> None:
        caller = caller_of(request)
        who = (caller.token_id or caller.name) if caller is not None else ""
        asked = _hash(request)
        try:
            earlier = await asyncio.to_thread(self._answers.claim, who, key, asked, self._clock())
        except StoreError as problem:
            raise _unstored(problem) from problem
        if earlier is not None:
            await _replay(self._checked(earlier, asked), send)
            return
        kept = _Kept()
        await self._app(request.scope, request.receive, kept.take)
        await self._keep(who, key, kept)
        for message in kept.messages:
            await send(message)

    async def _keep(self, who: str, key: str, kept: _Kept) -> None:
        """Store an answer, or free its key. Where that fails the key stays taken, which is the safe side."""
        try:
            if kept.status < 400:
                await asyncio.to_thread(self._answers.finish, who, key, kept.status, kept.body.decode(), kept.headers)
            else:
                await asyncio.to_thread(self._answers.release, who, key)
        except StoreError as problem:
            _log.error("an answer could not be kept for its repeats: %s", problem)

    def _checked(self, earlier: Answer, asked: str) -> Answer:
        """Return the earlier answer if it is the answer to this request. Raises: Problem."""
        if earlier.request_hash != asked:
            raise Problem(422, "this Idempotency-Key was used for another request: make a new key for each write")
        if earlier.status is not None:
            return earlier
        if self._clock() - earlier.at < _AT_WORK:
            raise Problem(409, "the first request with this Idempotency-Key is still at work", headers={"Retry-After": "1"})
        raise Problem(
            409,
            "the first request with this Idempotency-Key was cut off, and nobody knows what it did:"
            " look, and use a new key if it is to be done again",
        )


class _Kept:
    """An answer, held back until it is stored: whoever sees it can rely on getting it again."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.status = 0
        self.body = b""
        self.headers: dict[str, str] = {}

    async def take(self, message: Message) -> None:
        self.messages.append(message)
        if message["type"] == "http.response.start":
            self.status = message["status"]
            texts = ((name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in message.get("headers", ()))
            self.headers = {name: value for name, value in texts if name in _KEPT_HEADERS}
        else:
            self.body += message.get("body", b"")


def _unstored(problem: StoreError) -> Problem:
    _log.error("an idempotency key could not be looked up: %s", problem)
    why = "the store cannot be used at the moment, so nothing was done: ask again with the same key"
    return Problem(503, why, headers={"Retry-After": "5"})


def _hash(request: Request) -> str:
    scope = request.scope
    parts = (scope["method"].encode(), scope["path"].encode(), scope.get("query_string", b""), body_of(scope))
    return sha256(b"\x00".join(sha256(part).digest() for part in parts)).hexdigest()


async def _replay(earlier: Answer, send: Send) -> None:
    body = earlier.body.encode()
    headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in earlier.headers.items()]
    length = (b"content-length", str(len(body)).encode())
    await send({"type": "http.response.start", "status": earlier.status, "headers": [*headers, length, _REPLAYED]})
    await send({"type": "http.response.body", "body": body, "more_body": False})

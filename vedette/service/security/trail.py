"""This file is for the audit trail of writes: whatever was changed over HTTP stands in it before the answer goes out."""

from __future__ import annotations

import asyncio
import logging

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from reports.store.errors import StoreError
from reports.store.ledger.audit import Audit
from vedette.service.context import correlation_id
from vedette.service.security.gate import SAFE
from vedette.service.security.guard import STRANGER, caller_of

_OWN_WORDS = ("/login", "/logout")  # these note more than that they were called

_log = logging.getLogger(__name__)


class TrailMiddleware:
    """Notes every write that was done: by whom, what, from where.

    What a job reports at its own secret address is not noted: it is an outcome, and kept as one.
    """

    def __init__(self, app: ASGIApp, audit: Audit) -> None:
        self._app = app
        self._audit = audit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        caller = caller_of(Request(scope))
        if scope["type"] != "http" or scope["method"] in SAFE or scope["path"] in _OWN_WORDS or caller in (None, STRANGER):
            await self._app(scope, receive, send)
            return

        async def noting(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] < 400:
                await note(self._audit, Request(scope), caller.name, *_told(scope), status=message["status"])
            await send(message)

        await self._app(scope, receive, noting)


async def note(audit: Audit, request: Request, who: str, action: str, of: str, **details: object) -> None:
    """Add an entry with where the request came from. A trail that cannot be written is told in the log, not to the caller."""
    address = request.client.host if request.client else ""
    more = {**details, "address": address, "correlation_id": correlation_id.get()}
    try:
        await asyncio.to_thread(audit.note, who, action, of, more)
    except StoreError as problem:
        _log.error("the audit trail misses '%s %s' by '%s': %s", action, of, who, problem)


def _told(scope: Scope) -> tuple[str, str]:
    route = getattr(scope.get("route"), "operation_id", None) or getattr(scope.get("route"), "path", "")
    return f"{scope['method']} {route}".strip(), scope["path"]

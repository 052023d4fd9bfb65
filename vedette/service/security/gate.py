"""This file is for the gate before all routes: nobody reaches a route, or learns that there is none, without being known."""

from __future__ import annotations

import re
from contextlib import suppress
from urllib.parse import parse_qs

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from vedette.service.context import caller_name
from vedette.service.problems import Problem, answer
from vedette.service.security.guard import STRANGER, Guard
from vedette.service.security.limits import body_of

SAFE = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
SIGN_IN = "/login"


class GateMiddleware:
    """Asks the guard who a request comes from, and refuses what another site made a browser send."""

    def __init__(self, app: ASGIApp, guard: Guard) -> None:
        self._app = app
        self._guard = guard

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":  # WebSockets are not spoken here
            return
        request = Request(scope, receive)
        try:
            caller = await self._guard.identify(request)
            if request.method not in SAFE and (caller is not STRANGER or request.scope["path"] == SIGN_IN):
                await self._must_be_meant(request)
        except Problem as problem:
            await answer(problem, request, send)
            return
        scope.setdefault("state", {})["caller"] = caller
        caller_name.set(caller.name)
        if caller.token_id and self._guard.required:
            send = _Watched(self._guard, request, send).send
        with suppress(_OverError):  # the answer has its end already; this ended whoever made more of it
            await self._app(scope, receive, send)

    async def _must_be_meant(self, request: Request) -> None:
        """Raise Problem 403 for a change that the person at the browser did not mean. Source: OWASP CSRF cheat sheet.

        Browsers tell where a request comes from, and programs, which tell nothing, have no cookie that others could
        use. This counts without tokens too: any page may send to an address on loopback.
        """
        if "authorization" in request.headers:  # a page from elsewhere cannot set it without asking first
            return
        site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
        if site is not None:  # set by the browser itself, but only over HTTPS and on loopback
            is_foreign = site not in ("same-origin", "none")
        else:
            is_foreign = origin is not None and _host_in(origin) != request.headers.get("host", "").lower()
        if is_foreign:
            raise Problem(403, "another site may not change anything here")
        session = self._guard.session_of(request)
        if session is None or request.scope["path"] == SIGN_IN:
            return
        word = request.headers.get("x-csrf-token") or _field(request, "csrf")
        if not self._guard.sessions.repeats(session, word):
            raise Problem(403, "the form is too old: load the page again")


class _OverError(ConnectionError):
    """Whoever listened may listen no more."""


class _Watched:
    """An answer that ends when its caller's token does: a page that is told live for hours must not outlive it."""

    def __init__(self, guard: Guard, request: Request, send: Send) -> None:
        self._guard = guard
        self._request = request
        self._send = send
        self._goes_on = False

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._goes_on = Headers(scope=message).get("content-type", "").startswith("text/event-stream")
        elif self._goes_on and not await self._may_go_on():
            await self._send({"type": "http.response.body", "body": b"", "more_body": False})
            raise _OverError
        await self._send(message)

    async def _may_go_on(self) -> bool:
        try:
            await self._guard.identify(self._request)
        except Problem as problem:
            return problem.status != 401
        return True


def _host_in(origin: str) -> str:
    found = re.fullmatch(r"https?://([^/@?#]+)", origin)
    return found[1].lower() if found else ""


def _field(request: Request, name: str) -> str:
    if not request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        return ""
    return parse_qs(body_of(request.scope).decode("utf-8", "replace")).get(name, [""])[0]

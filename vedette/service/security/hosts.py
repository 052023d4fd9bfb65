"""This file is for the names under which the service answers: a name that an attacker points at us is none of them."""

from __future__ import annotations

import re

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from vedette.service.problems import Problem, answer
from vedette.service.security.listening import is_loopback
from vedette.service.state import ServeSettings

_FORM = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(:[0-9]{1,5})?")
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


class HostsMiddleware:
    """Refuses a Host header that names somebody else: a page could otherwise let its own name lead to our address,
    and read what only this machine may read (DNS rebinding).
    """

    def __init__(self, app: ASGIApp, settings: ServeSettings) -> None:
        self._app = app
        names = [settings.host, *settings.hosts, *(_LOOPBACK if is_loopback(settings.host) else ("localhost",))]
        self._names = frozenset(_plain(name) for name in names)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or self._is_ours(scope):
            await self._app(scope, receive, send)
            return
        why = "this service has another name: give this one to 'vedette serve' with --allow-host, if it is right"
        await answer(Problem(421, why), Request(scope), send)

    def _is_ours(self, scope: Scope) -> bool:
        given = [value for name, value in scope["headers"] if name == b"host"]
        if len(given) != 1:
            return False
        found = _FORM.fullmatch(given[0].decode("latin-1"))
        if found is None:
            return False
        arrived_at = scope.get("server") or ("", None)  # where we listen on every address, the one that was used
        return (name := _plain(found[1])) in self._names or name == _plain(str(arrived_at[0]))


def _plain(name: str) -> str:
    return name.strip("[]").lower().removesuffix(".").partition("%")[0]

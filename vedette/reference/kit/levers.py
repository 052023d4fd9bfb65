"""This file is for what a service leans on, and the switches that take it down: `POST`, `DELETE /_control/faults/NAME-down`."""

from __future__ import annotations

import hmac
from collections.abc import Collection, Sequence

from vedette.reference.server import Request, Response, json_response

_LEVER = "/_control/faults/"


class Down(Exception):
    """Something that the service leans on does not answer. The text is its name."""


class Levers:
    """Knows which dependencies are down. Without a token nobody may pull a lever."""

    def __init__(self, names: Sequence[str], token: str, bugs: Collection[str]) -> None:
        self.names = tuple(names)
        self._token = token
        self._bugs = bugs
        self._down: set[str] = set()

    def is_up(self, name: str) -> bool:
        return name not in self._down

    def need(self, name: str) -> None:
        """Raises: Down."""
        if name in self._down:
            raise Down(name)

    def is_permitted(self, request: Request) -> bool:
        """Return whether who asks may pull levers."""
        given = request.headers.get("x-control-token", "")
        return bool(self._token) and hmac.compare_digest(given.encode(), self._token.encode())

    def answer(self, request: Request) -> Response:
        if not self.is_permitted(request):
            return json_response(403, {"error": "forbidden"})
        name = request.path.removeprefix(_LEVER).removesuffix("-down")
        if request.path != f"{_LEVER}{name}-down" or name not in self.names:
            return json_response(404, {"error": "not_found"})
        if request.method == "POST" and "lever_dead" not in self._bugs:
            self._down.add(name)
        elif request.method == "DELETE":
            self._down.discard(name)
        return json_response(200, {"dependency": name, "down": not self.is_up(name)})

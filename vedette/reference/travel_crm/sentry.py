"""This file is for Sentry as the CRM feeds it, and as its API tells of it.

Source: docs.sentry.io/api/events/list-a-projects-error-events (`full=true`),
docs.sentry.io/api/discover/query-discover-events-in-table-format, develop.sentry.dev/sdk/data-model/event-payloads.
"""

from __future__ import annotations

import hmac
import uuid
from collections.abc import Callable, Collection
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl

from vedette.reference.server import Request, Response, json_response
from vedette.reference.travel_crm.agencies import object_id

_EVENTS = "/api/0/projects/travel/travel-crm-api/events/"
_EXPLORE = "/api/0/organizations/travel/events/"
_SENSITIVE = ("authorization", "cookie")


class Sentry:
    """Keeps the events, the newest first, and lists them for who has the token."""

    def __init__(self, token: str, bugs: Collection[str], clock: Callable[[], datetime]) -> None:
        self._token = token
        self._bugs = frozenset(bugs)
        self._clock = clock
        self._events: list[dict[str, Any]] = []

    def capture(
        self, problem: Exception, request: Request, route: str, *, user: int | None, email: str, tenant: int, stack: str
    ) -> None:
        if "sentry_without_dsn" in self._bugs:
            return
        kept = "sentry_before_send_lost" in self._bugs
        headers = [[name.title(), value] for name, value in request.headers.items() if kept or name not in _SENSITIVE]
        cookies = request.headers.get("cookie", "")
        both = kept or "sentry_cookies_kept" in self._bugs
        tags = {"route": route, "tenant": object_id(tenant), "environment": self._environment}
        known = user is not None and "sentry_user_lost" not in self._bugs
        if "sentry_tags_lost" in self._bugs:
            tags = {"environment": self._environment}
        asked = {
            "method": request.method,
            "url": request.path,
            "query": [list(pair) for pair in parse_qsl(request.query)],
            "headers": headers,
            "cookies": [part.strip().split("=", 1) for part in cookies.split(";")] if both and cookies else [],
            "data": None,
        }
        values = [{"type": type(problem).__name__, "value": str(problem), "stacktrace": {"raw": stack}}]
        extra = {"body": _body(request), "query": dict(parse_qsl(request.query)), "params": {}}
        event = {
            "eventID": uuid.uuid4().hex,
            "dateCreated": self._clock().isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "title": f"{type(problem).__name__}: {problem}",
            "platform": "node",
            "user": {"id": object_id(user), "email": email} if known and user is not None else None,
            "tags": [{"key": name, "value": value} for name, value in tags.items()],
            "context": {"query": extra["query"]} if "sentry_extra_lost" in self._bugs else extra,
            "entries": [{"type": "exception", "data": {"values": values}}, {"type": "request", "data": asked}],
        }
        self._events[:0] = [event] * (2 if "sentry_captured_twice" in self._bugs else 1)

    @property
    def _environment(self) -> str:
        return "production" if "sentry_environment_default" in self._bugs else "staging"

    def answer(self, request: Request, path: str) -> Response:
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        if scheme != "Bearer" or not hmac.compare_digest(given.encode(), self._token.encode()):
            return json_response(401, {"detail": "Authentication credentials were not provided."})
        if path == _EXPLORE:
            traced = 0 if "sentry_traces_none" in self._bugs else 412
            return json_response(200, {"data": [{"count()": traced}], "meta": {"fields": {"count()": "integer"}}})
        return json_response(200, self._events) if path == _EVENTS else json_response(404, {"detail": "not found"})


def _body(request: Request) -> Any:
    try:
        return request.fields() if request.body.strip() else {}
    except (ValueError, RecursionError):
        return {}

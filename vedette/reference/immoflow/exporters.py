"""This file is for what leaves ImmoflowMe on the side: traces to Tempo, exceptions to Sentry, neither of which may hold it up."""

from __future__ import annotations

import asyncio
import re
import uuid
from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from typing import Any

from vedette.reference.kit.call import Call
from vedette.reference.kit.levers import Levers
from vedette.reference.server import Request

_SECRET = ("password", "token", "iban", "authorization", "cookie")
_IBAN = re.compile(r"\b[A-Z]{2}\d{2}(?:[ ]?[A-Z0-9]{4}){3,7}(?:[ ]?[A-Z0-9]{1,3})?\b")
_HANGS_S = 1.5  # how long the exporter of a broken release waits for what is down
_KEPT = 200


class Exporters:
    """Keeps what was exported, as Tempo and Sentry would. What is down is passed over."""

    def __init__(self, levers: Levers, bugs: Collection[str], clock: Callable[[], datetime]) -> None:
        self._levers = levers
        self._bugs = frozenset(bugs)
        self._clock = clock
        self.traces: dict[str, list[dict[str, Any]]] = {}
        self.events: list[dict[str, Any]] = []
        self._crumbs: list[dict[str, Any]] = []

    async def trace(self, request: Request, call: Call, status: int, seconds: float) -> None:
        """Export the span of a request that was answered."""
        if "trace_never_exported" in self._bugs or not await self._reaches("tempo", "trace_export_blocks"):
            return
        ends_ns = int(self._clock().timestamp() * 1e9)
        span = {
            "traceId": call.trace,
            "spanId": call.span,
            "name": f"{request.method} {call.route}",
            "kind": "SPAN_KIND_SERVER",
            "startTimeUnixNano": str(ends_ns - int(seconds * 1e9)),
            "endTimeUnixNano": str(ends_ns),
            "attributes": [{"key": "http.response.status_code", "value": {"intValue": str(status)}}],
        }
        self.traces.setdefault(call.trace, []).append(span)
        while len(self.traces) > _KEPT:
            del self.traces[next(iter(self.traces))]

    def crumb(self, request: Request) -> None:
        """Remember what happened before an exception, for whoever has to understand it."""
        if "sentry_without_breadcrumbs" not in self._bugs:
            self._crumbs.append({"type": "http", "category": "express", "message": f"{request.method} {request.path}"})
            del self._crumbs[:-20]

    async def capture(self, problem: Exception, request: Request, call: Call, stack: str) -> None:
        """Send an exception with its context, without what is nobody's business."""
        if "sentry_not_initialised" in self._bugs or not await self._reaches("sentry", "sentry_blocks"):
            return
        user = None if call.user is None or "sentry_without_user" in self._bugs else {"id": str(call.user)}
        event = {
            "eventID": uuid.uuid4().hex,
            "title": f"{type(problem).__name__}: {problem}",
            "platform": "node",
            "dateCreated": self._clock().isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "user": user,
            "tags": [{"key": "transaction", "value": call.route}],
            "contexts": {"trace": {"trace_id": call.trace, "span_id": call.span, "type": "trace"}},
            "entries": [
                {
                    "type": "exception",
                    "data": {"values": [{"type": type(problem).__name__, "value": str(problem), "stack": stack}]},
                },
                {"type": "request", "data": self._request(request)},
                {"type": "breadcrumbs", "data": {"values": list(self._crumbs)}},
            ],
        }
        self.events[:0] = [event]
        del self.events[_KEPT:]

    def _request(self, request: Request) -> Any:
        try:
            fields: Any = request.fields()
        except (ValueError, RecursionError):
            fields = {}
        headers = {name: value for name, value in request.headers.items() if name != "x-control-token"}
        told = {"method": request.method, "url": request.path, "headers": headers, "data": fields}
        if "sentry_pii_kept" in self._bugs:
            return {**told, "headers": {}}
        if "sentry_iban_kept" in self._bugs:
            return _without(told, frozenset(_SECRET) - {"iban"}, text=False)
        return _without(told, frozenset(_SECRET), text=True)

    async def _reaches(self, name: str, blocks: str) -> bool:
        if self._levers.is_up(name):
            return True
        if blocks in self._bugs:
            await asyncio.sleep(_HANGS_S)
        return False


def _without(value: Any, names: Collection[str], *, text: bool) -> Any:
    if isinstance(value, Mapping):
        hidden = {name: "[Filtered]" for name in value if any(part in str(name).lower() for part in names)}
        return {name: hidden.get(name, _without(item, names, text=text)) for name, item in value.items()}
    if isinstance(value, list):
        return [_without(item, names, text=text) for item in value]
    return _IBAN.sub("[Filtered]", value) if text and isinstance(value, str) else value

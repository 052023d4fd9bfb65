"""This file is for what belongs to one request and to no other: its correlation id, its trace and its tenant."""

from __future__ import annotations

import re
import secrets
import uuid
from collections.abc import Set
from contextvars import ContextVar

CORRELATION: ContextVar[str] = ContextVar("correlation", default="")
TENANT: ContextVar[int | None] = ContextVar("tenant", default=None)

_ACCEPTABLE = re.compile(r"[A-Za-z0-9._-]{1,128}")
_TRACEPARENT = re.compile(r"00-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-([0-9a-f]{2})")  # W3C Trace Context, section 3.2


class Ids:
    """Takes ids from outside or makes them, and shows them in the answer."""

    def __init__(self, faults: Set[str]) -> None:
        self._faults = faults
        self._first = str(uuid.uuid4())

    def of(self, given: str | None) -> str:
        """Return the caller's id where it is harmless, else a fresh one: what we log may not be shaped by a stranger."""
        if "correlation_constant" in self._faults:
            return self._first
        if "correlation_ignored" in self._faults:
            return str(uuid.uuid4())
        if given and (_ACCEPTABLE.fullmatch(given) or "correlation_unchecked" in self._faults):
            return given
        if "correlation_made_once" in self._faults:
            return self._first
        return secrets.token_hex(6) if "correlation_not_uuid" in self._faults else str(uuid.uuid4())

    def shown(self, traceparent: str | None) -> dict[str, str]:
        """Return the headers of an answer; its trace is the caller's, with a span of our own."""
        if "correlation_not_shown" in self._faults:
            return {}
        known = _TRACEPARENT.fullmatch(traceparent or "")
        trace, flags = known.groups() if known and "trace_begun_anew" not in self._faults else (secrets.token_hex(16), "01")
        return {"X-Correlation-ID": CORRELATION.get(), "traceparent": f"00-{trace}-{secrets.token_hex(8)}-{flags}"}

"""This file is for what belongs to one request and to no other: its correlation id, its trace and its tenant."""

from __future__ import annotations

import re
import secrets
import uuid
from contextvars import ContextVar

CORRELATION: ContextVar[str] = ContextVar("correlation", default="")
TENANT: ContextVar[int | None] = ContextVar("tenant", default=None)

_ACCEPTABLE = re.compile(r"[A-Za-z0-9._-]{1,128}")
_TRACEPARENT = re.compile(r"00-([0-9a-f]{32})-[0-9a-f]{16}-([0-9a-f]{2})")


def correlation_of(given: str | None) -> str:
    """Return the caller's id where it is harmless, else a fresh one: what we log may not be shaped by a stranger."""
    return given if given and _ACCEPTABLE.fullmatch(given) else str(uuid.uuid4())


def continued(traceparent: str | None) -> str:
    """Return a `traceparent` of the same trace with a span of our own. Source: W3C Trace Context, section 3.2."""
    known = _TRACEPARENT.fullmatch(traceparent or "")
    trace, flags = known.groups() if known else (secrets.token_hex(16), "01")
    return f"00-{trace}-{secrets.token_hex(8)}-{flags}"

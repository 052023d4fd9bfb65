"""This file is for what belongs to one request, or to one job, and to nothing else: its ids, its trace, who asked."""

from __future__ import annotations

import re
import secrets
import uuid
from contextvars import ContextVar
from dataclasses import dataclass, field

_ACCEPTABLE = re.compile(r"[A-Za-z0-9._-]{1,128}")
_TRACEPARENT = re.compile(r"00-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-([0-9a-f]{2})")  # W3C Trace Context, section 3.2


@dataclass(slots=True)
class Call:
    """One request or job. `correlation` goes over hops, `request` is of this one only; `source` is api, job or worker."""

    correlation: str = field(default_factory=lambda: str(uuid.uuid4()))
    request: str = field(default_factory=lambda: str(uuid.uuid4()))
    trace: str = field(default_factory=lambda: secrets.token_hex(16))
    flags: str = "01"
    span: str = field(default_factory=lambda: secrets.token_hex(8))
    tenant: int = 0  # 0 is the system itself
    user: int | None = None
    route: str = ""
    ip: str = ""
    agent: str = ""
    source: str = "api"

    @property
    def traceparent(self) -> str:
        return f"00-{self.trace}-{self.span}-{self.flags}"


CALL: ContextVar[Call | None] = ContextVar("call", default=None)


def current() -> Call:
    """Return the call that is being answered; outside of any, one of the system itself."""
    call = CALL.get()
    return call if call is not None else Call(source="worker")


def begun(given: str | None, traceparent: str | None) -> Call:
    """Return the call of a request: the caller's ids where they are harmless, else fresh ones."""
    call = Call()
    if given and _ACCEPTABLE.fullmatch(given):
        call.correlation = given
    known = _TRACEPARENT.fullmatch(traceparent or "")
    if known:
        call.trace, call.flags = known.groups()
    return call

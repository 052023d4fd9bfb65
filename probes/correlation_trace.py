"""This file is for W3C Trace Context: the form of `traceparent`, and whether a target goes on with a trace or begins its own."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass

# Source: W3C Trace Context, sections 3.2.2 (version), 3.2.2.3 (trace-id), 3.2.2.4 (parent-id): lower-case hex, not all zero.
_TRACEPARENT = re.compile(r"(?P<version>[0-9a-f]{2})-(?P<trace>[0-9a-f]{32})-(?P<span>[0-9a-f]{16})-[0-9a-f]{2}(?P<more>-.*)?")
_TRACE = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class Trace:
    """The ids of one trace context; `span` is empty where only the trace was told."""

    trace: str
    span: str = ""

    @property
    def header(self) -> str:
        return f"00-{self.trace}-{self.span}-01"


def fresh() -> Trace:
    return Trace(secrets.token_hex(16), secrets.token_hex(8))


def read(value: object) -> Trace | str:
    """Return the trace that a `traceparent`, or a trace id alone, tells; else why it is none, as a clause."""
    if not isinstance(value, str):
        return "is no text"
    if _TRACE.fullmatch(value):
        return "is a trace id of zeros" if not value.strip("0") else Trace(value)
    match = _TRACEPARENT.fullmatch(value)
    if match is None:
        return "is no traceparent (version-traceid-spanid-flags in lower-case hex)"
    if match["version"] == "ff" or (match["version"] == "00" and match["more"]):
        return f"is no traceparent of version {match['version']}"
    if not match["trace"].strip("0"):
        return "has a trace id of zeros"
    if not match["span"].strip("0"):
        return "has a span id of zeros"
    return Trace(match["trace"], match["span"])


def invalid() -> Iterator[tuple[str, str, str]]:
    """Yield what it is called, an invalid `traceparent`, and the trace id in it, which must not be gone on with.

    Source: W3C Trace Context, section 3.2.2.3: what is invalid is ignored, and a new trace is begun.
    """
    one, two, three = fresh(), fresh(), fresh()
    yield "a trace id of zeros", f"00-{'0' * 32}-{one.span}-01", "0" * 32
    yield "the forbidden version ff", f"ff-{two.trace}-{two.span}-01", two.trace
    yield "signs that are no hex", f"00-{three.trace[:-1]}g-{three.span}-01", three.trace[:-1]


def is_own_span(value: object, ours: str) -> bool:
    """Tell whether a value is a span id, and not the one that was sent."""
    return isinstance(value, str) and len(value) == 16 and value != ours and bool(value.strip("0"))

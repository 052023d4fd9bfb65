"""This file is for identities: sortable ids and the correlation ids that travel with requests."""

import os
import re
import secrets
import time
from hashlib import sha256

_OWN_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")  # as `new_id` makes them


def new_id() -> str:
    """Return a fresh UUID version 7 in canonical text form, sortable by the millisecond it was made.

    Source: RFC 9562 section 5.7.
    """
    stamp = int(time.time() * 1000).to_bytes(6, "big")
    raw = bytearray(stamp + os.urandom(10))
    raw[6] = (raw[6] & 0x0F) | 0x70
    raw[8] = (raw[8] & 0x3F) | 0x80
    text = raw.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def new_traceparent(correlation_id: str = "") -> str:
    """Return a fresh W3C `traceparent` header value, sampled. Source: W3C Trace Context, section 3.2.

    For one of our own correlation ids the trace has the same id, so that whoever has the one finds the other.
    """
    trace_id, span_id = trace_ids(correlation_id) or (secrets.token_hex(16), secrets.token_hex(8))
    return f"00-{trace_id}-{span_id}-01"


def trace_ids(correlation_id: str) -> tuple[str, str] | None:
    """Return the trace id and the span id of the request with this correlation id, None where it is not one of ours."""
    if not _OWN_ID.fullmatch(correlation_id):
        return None
    trace_id = correlation_id.replace("-", "")
    return trace_id, sha256(trace_id.encode("ascii")).hexdigest()[:16]

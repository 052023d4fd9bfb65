"""This file is for identities: sortable ids and the correlation ids that travel with requests."""

import os
import secrets
import time


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


def new_traceparent() -> str:
    """Return a fresh W3C `traceparent` header value, sampled. Source: W3C Trace Context, section 3.2."""
    return f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-01"

"""This file is for answers made by hand, for tests of what judges them."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from probes.outcome import Phases
from probes.session import Answer, Certificate

NOW = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)
HTML_502 = b"<html><head><title>502 Bad Gateway</title></head><body>502 Bad Gateway</body></html>"


def answer(body: bytes | str = b"", status: int = 200, *headers: tuple[str, str], **more: Any) -> Answer:
    """Return an answer to `GET /x`, in 120 ms, without TLS."""
    made: dict[str, Any] = {
        "method": "GET",
        "url": "http://127.0.0.1:1/x?key=secret",
        "status": status,
        "headers": headers,
        "body": body.encode() if isinstance(body, str) else body,
        "http_version": "HTTP/1.1",
        "phases": Phases(dns_s=0.001, connect_s=0.002, first_byte_s=0.1, body_s=0.01),
        "sent_at": NOW,
        "duration_s": 0.12,
        "correlation_id": "c-1",
        "address": "127.0.0.1",
    }
    return Answer(**{**made, **more})


def json_answer(document: Any, status: int = 200, *headers: tuple[str, str], **more: Any) -> Answer:
    return answer(json.dumps(document), status, ("Content-Type", "application/json"), *headers, **more)


def certificate(days_left: float) -> Certificate:
    return Certificate(
        not_after=NOW + timedelta(days=days_left),
        not_before=NOW - timedelta(days=1),
        subject="CN=x",
        issuer="CN=y",
        days_left=days_left,
    )

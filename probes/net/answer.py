"""This file is for an answer of a target, read to its end, and for what is asked of it most."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from http.cookies import CookieError, SimpleCookie
from typing import Any

from probes.net.tls import Certificate
from probes.outcome import Evidence, Phases
from probes.pii import names_a_secret
from probes.shorten import shorten

_SHOWN = 4096  # characters of a body that go into evidence


class NotJson(ValueError):
    """The body is not JSON. The text says what it was instead."""


@dataclass(frozen=True)
class Answer:
    """One answer, read to its end within the limits. `hops` are the addresses that redirected before it."""

    method: str
    url: str
    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    http_version: str
    phases: Phases
    sent_at: datetime
    duration_s: float
    correlation_id: str
    address: str
    hops: tuple[str, ...] = ()
    certificate: Certificate | None = None

    @property
    def ok(self) -> bool:
        """Say whether the status is 2xx."""
        return 200 <= self.status < 300

    def header(self, name: str) -> str | None:
        """Return the first value of a header, in any case, or None."""
        wanted = name.lower()
        return next((value for key, value in self.headers if key.lower() == wanted), None)

    def all_headers(self, name: str) -> list[str]:
        """Return every value of a header, in the order sent."""
        wanted = name.lower()
        return [value for key, value in self.headers if key.lower() == wanted]

    @property
    def content_type(self) -> str:
        """Return the media type in lower case without parameters, or an empty text."""
        return (self.header("content-type") or "").partition(";")[0].strip().lower()

    @cached_property
    def text(self) -> str:
        """Return the body in the character set it declares, else as UTF-8; what does not decode shows as U+FFFD."""
        declared = (self.header("content-type") or "").lower().partition("charset=")[2].partition(";")[0].strip(" \"'")
        try:
            return self.body.decode(declared or "utf-8", errors="replace")
        except (LookupError, UnicodeError):
            return self.body.decode("utf-8", errors="replace")

    def json(self) -> Any:
        """Return the body as JSON, always read as UTF-8 (RFC 8259 section 8.1). Raises: NotJson."""
        if not self.body.strip():
            raise NotJson(f"the body is empty instead of JSON (status {self.status})")
        try:
            text = self.body.decode("utf-8-sig")
        except UnicodeDecodeError as problem:
            raise NotJson(f"the body is not JSON: invalid UTF-8 at byte {problem.start}") from None
        try:
            return _STRICT_JSON.decode(text)
        except RecursionError:
            raise NotJson("the body is not JSON that can be read: it is nested too deeply") from None
        except ValueError as problem:
            raise NotJson(self._instead(text, problem)) from None

    @property
    def cookies(self) -> dict[str, str]:
        """Return the cookies that the answer sets, by name."""
        found: dict[str, str] = {}
        for line in self.all_headers("set-cookie"):
            pair = line.partition(";")[0]
            try:
                parsed = SimpleCookie(pair)
            except CookieError:
                continue
            found.update({name: morsel.value for name, morsel in parsed.items()})
            if not parsed and "=" in pair:
                name, _, value = pair.partition("=")
                found[name.strip()] = value.strip()
        return found

    def as_evidence(self) -> Evidence:
        """Return what a report shows of it; the body is shortened."""
        shown = self.text if "\0" not in self.text else f"{len(self.body)} bytes that are not text"
        return Evidence(
            "answer",
            f"{self.method} {self.url} → {self.status} in {self.duration_s * 1000:.0f} ms",
            {
                "method": self.method,
                "url": self.url,
                "status": self.status,
                "headers": [[name, _without_secret(name, value)] for name, value in self.headers],
                "body": shorten(shown, _SHOWN, f"… ({len(self.body)} bytes in all)"),
                "body_bytes": len(self.body),
                "duration_s": self.duration_s,
                "sent_at": self.sent_at.isoformat(),
                "correlation_id": self.correlation_id,
                "address": self.address,
                "hops": list(self.hops),
            },
        )

    def _instead(self, text: str, problem: ValueError) -> str:
        start = text.lstrip()[:200].lower()
        kind = f" (content type {self.content_type})" if self.content_type else ""
        if start.startswith(("<!doctype html", "<html")) or (self.content_type == "text/html" and start.startswith("<")):
            return f"the body is HTML instead of JSON{kind}"
        if not isinstance(problem, json.JSONDecodeError):
            return f"the body is not JSON: {problem}"
        if start[:1] in ("{", "[", '"') and problem.pos >= len(text.rstrip()) - 1:
            return f"the JSON of the body is cut off after {len(self.body)} bytes"
        if start[:1] in ("{", "["):
            return f"the JSON of the body is broken at line {problem.lineno}, column {problem.colno}: {problem.msg}"
        return f"the body is text instead of JSON{kind}"


def _without_secret(name: str, value: str) -> str:
    """Return a header's value as a report may show it: of a cookie its name and its attributes."""
    if name.lower() == "set-cookie":
        return re.sub(r"=[^;]*", "=[cookie]", value, count=1)
    return "[secret]" if names_a_secret(name) else value


def _refuse(name: str) -> Any:
    raise ValueError(f"{name} is no JSON value")


_STRICT_JSON = json.JSONDecoder(parse_constant=_refuse)  # made once: making it costs as much as reading a small body

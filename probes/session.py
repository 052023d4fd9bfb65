"""This file is for talking to a target: the one owner of httpx, and the only way in which probes send anything."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from probes.outcome import Check, Exchange, Phases, check


class Phase(StrEnum):
    """Where an exchange stopped."""

    EGRESS = "egress"  # our own policy refused the address
    DNS = "dns"
    CONNECT = "connect"
    TLS = "tls"
    SEND = "send"
    FIRST_BYTE = "first byte"
    HEADERS = "headers"
    BODY = "body"
    REDIRECT = "redirect"


class TargetError(Exception):
    """The target could not be reached, or its answer could not be read to the end. The text is one sentence."""

    def __init__(self, phase: Phase, sentence: str, exchange: Exchange | None = None) -> None:
        super().__init__(sentence)
        self.phase = phase
        self.exchange = exchange

    def as_check(self) -> Check:
        """Return the failed check that this is: reaching the target is part of the contract."""
        return check(
            f"the target answers ({self.phase})",
            holds=False,
            expected="an answer",
            observed=str(self),
            say=str(self),
            evidence=(),
        )


@dataclass(frozen=True, slots=True)
class Certificate:
    """The leaf certificate that the target showed."""

    not_after: datetime
    not_before: datetime
    subject: str
    issuer: str
    days_left: float


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer, read to its end within the limits."""

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

    # properties and methods: ok (2xx), header(name) -> str|None, all_headers(name) -> list[str], text -> str,
    # content_type -> str (lower case, without parameters), json() -> Any (raises NotJson), cookies -> dict,
    # as_evidence() -> Evidence


class Session:
    """See the contract below; filled in by its implementation."""

"""This file is for one exchange in flight: where it is, how long each phase took, and what a person is told when it stops."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from time import perf_counter

from probes.outcome import Phases


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


class WireTrouble(Exception):
    """The exchange stopped by the other side's doing. The text is one sentence without query and values."""

    def __init__(self, phase: Phase, sentence: str) -> None:
        super().__init__(sentence)
        self.phase = phase


_WAITING = {
    Phase.DNS: "the address of '{host}' for {request}",
    Phase.CONNECT: "the connection to {where} for {request}",
    Phase.TLS: "the TLS handshake with {where} for {request}",
    Phase.SEND: "{where} to take {request}",
    Phase.FIRST_BYTE: "the first byte of {request}",
    Phase.HEADERS: "the headers of {request}",
    Phase.BODY: "the rest of the body of {request}{progress}",
}
_TOO_SLOW = {
    Phase.DNS: "the name {host} could not be resolved within {limit} ({request})",
    Phase.CONNECT: "{target} did not take the connection at {where} within {limit} ({request})",
    Phase.TLS: "{target} did not finish the TLS handshake at {where} within {limit} ({request})",
    Phase.SEND: "{target} did not take the whole of {request} within {limit}",
    Phase.FIRST_BYTE: "{target} sent no byte of an answer within {limit} ({request})",
    Phase.HEADERS: "the headers of the answer to {request} were not complete after {limit}",
    Phase.BODY: "the answer to {request} was not complete after {limit}{progress}",
}


@dataclass(slots=True)
class Flight:
    """One exchange: its names for sentences, its phase now, and the instants (`perf_counter`) at which phases ended."""

    target: str
    request: str  # method and path, never the query
    host: str
    port: int
    correlation_id: str = ""
    address: str = ""
    phase: Phase = Phase.DNS
    received: int = 0  # body bytes as they came over the wire
    expected: int | None = None  # what Content-Length promised
    began: float = field(default_factory=perf_counter)
    resolved: float | None = None  # None where the host is an address already
    connected: float | None = None
    secured: float | None = None
    first_byte: float | None = None
    done: float | None = None

    @property
    def where(self) -> str:
        """Return the address and port that were connected to, as a person would write them."""
        address = self.address or self.host
        return f"[{address}]:{self.port}" if ":" in address else f"{address}:{self.port}"

    @property
    def progress(self) -> str:
        return f" ({self.received} of {self.expected} bytes)" if self.expected is not None else f" ({self.received} bytes)"

    def waiting_for(self) -> str:
        """Return what is being waited for, such as `the first byte of POST /x (correlation id …)`."""
        return self._say(_WAITING) + (f" (correlation id {self.correlation_id})" if self.correlation_id else "")

    def too_slow(self, limit_s: float) -> WireTrouble:
        """Return the trouble of a deadline that passed in the phase of now."""
        return WireTrouble(self.phase, self._say(_TOO_SLOW, limit=f"{limit_s:g} s"))

    def trouble(self, sentence: str) -> WireTrouble:
        """Return a trouble in the phase of now."""
        return WireTrouble(self.phase, sentence)

    def phases(self) -> Phases:
        """Return the seconds that each phase took, so far."""
        ready = self.connected if self.secured is None else self.secured
        return Phases(
            dns_s=_between(self.began, self.resolved),
            connect_s=_between(self.began if self.resolved is None else self.resolved, self.connected),
            tls_s=_between(self.connected, self.secured),
            first_byte_s=_between(ready, self.first_byte),
            body_s=_between(self.first_byte, self.done),
        )

    def _say(self, table: dict[Phase, str], **more: str) -> str:
        return table[self.phase].format(
            target=self.target, request=self.request, host=self.host, where=self.where, progress=self.progress, **more
        )


def _between(start: float | None, end: float | None) -> float | None:
    return None if start is None or end is None else end - start

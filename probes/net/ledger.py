"""This file is for the book of a session's exchanges: those in flight, those that are over, and how many were left out."""

from __future__ import annotations

from time import perf_counter

from probes.net.flight import Flight
from probes.outcome import Exchange

KEPT = 200
KEPT_TROUBLED = 50  # failing exchanges that are kept beyond those


class Ledger:
    """Keeps the first exchanges, and failing ones beyond, so that a burst of thousands cannot fill the memory."""

    def __init__(self) -> None:
        self._began = perf_counter()
        self._flights: list[Flight] = []
        self._interrupted: Flight | None = None
        self._kept: list[Exchange] = []
        self._troubled = 0
        self.left_out = 0

    @property
    def exchanges(self) -> tuple[Exchange, ...]:
        return tuple(self._kept)

    @property
    def in_flight(self) -> str:
        """What is being waited for, or was when the waiting was cancelled; else an empty text."""
        flight = self._flights[0] if self._flights else self._interrupted
        return flight.waiting_for() if flight else ""

    def start(self, flight: Flight) -> None:
        self._flights.append(flight)

    def land(self, flight: Flight, *, interrupted: bool) -> None:
        """Take a flight off the list; an interrupted one is remembered, as the deadline asks for it afterwards."""
        self._flights.remove(flight)
        if interrupted and self._interrupted is None:
            self._interrupted = flight

    def forget_interrupted(self) -> None:
        """Something else is being done now, so what was waited for before is not to blame."""
        self._interrupted = None

    def record(
        self,
        flight: Flight,
        url: str,
        *,
        status: int | None = None,
        body_bytes: int = 0,
        trouble: str = "",
        http_version: str = "",
    ) -> Exchange:
        """Write one exchange down and return it."""
        made = Exchange(
            method=flight.request.partition(" ")[0],
            url=url,
            correlation_id=flight.correlation_id,
            offset_s=flight.began - self._began,
            duration_s=perf_counter() - flight.began,
            phases=flight.phases(),
            status=status,
            body_bytes=body_bytes,
            trouble=trouble,
            address=flight.address,
            http_version=http_version,
            content_length=flight.expected,
        )
        if len(self._kept) - self._troubled < KEPT and not self._troubled:
            self._kept.append(made)
        elif trouble and self._troubled < KEPT_TROUBLED:
            self._troubled += 1
            self._kept.append(made)
        else:
            self.left_out += 1
        return made

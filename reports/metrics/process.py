"""This file is for the figures of our own process (CPU, memory, open files, garbage), which prometheus_client reads."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, GCCollector, ProcessCollector
from prometheus_client.exposition import generate_latest
from prometheus_client.openmetrics import exposition as openmetrics_exposition


class Process:
    """Writes the families `process_…` and `python_gc_…`."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        GCCollector(registry=self._registry)

    def text(self, *, openmetrics: bool = False) -> bytes:
        """Return the families' text, without the end mark of OpenMetrics."""
        if openmetrics:
            text: bytes = openmetrics_exposition.generate_latest(self._registry)  # type: ignore[no-untyped-call]
            return text.removesuffix(b"# EOF\n")
        return generate_latest(self._registry)

"""This file is for counters of real requests: what they grew by since the last reading, on both sides."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from probes.evidence.prometheus import Prometheus
from probes.evidence.source import EvidenceError, SampleSource
from probes.shorten import shorten
from scenarios.gates.counting import PARTS, Counters, Counts, Series, Unread
from scenarios.gates.policy import TrafficMetric
from scenarios.gates.records import TrafficSeen
from scenarios.gates.scraping import Scrapes
from scenarios.gates.sides import Sides
from scenarios.hidden import redactor_of, secrets_of

LAG_S = 5.0  # before now that Prometheus is asked for: what is scraped just then is not there yet
FORGOTTEN_AFTER = 3  # times `every` without a reading: what came meanwhile may be of another share of the traffic
_SAY = 200
_LARGEST = 2.0**53  # beyond it a float does not count single requests
_SERIES_AT_MOST = 10_000
_OF_ONE_PROCESS = ("instance", "pod")


class Traffic:
    """Reads one traffic metric of a policy again and again; the first reading only says where the counters stand."""

    def __init__(
        self, sides: Sides, metric: TrafficMetric, place: int, *, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._metric, self._place = metric, place
        self._redactor = redactor_of(secrets_of(sides.canary.suite, sides.canary.target, []))
        self._counters: Counters = _Queried(sides, metric) if metric.source else Scrapes(sides, metric, clock)
        self._stand: dict[str, _Stand] = {}
        self._read_at: float | None = None

    def forget(self) -> None:
        """Begin anew at the next reading, as when the canary is given another share of the traffic."""
        self._stand, self._read_at = {}, None

    async def read(self, at: float) -> TrafficSeen:
        """Return what the counters grew by since the last reading, which is nothing at the first. Never raises."""
        if self._read_at is not None and at - self._read_at > FORGOTTEN_AFTER * self._metric.every:
            self.forget()
        try:
            counts = await self._counters.read(at)
            grown = self._grown(counts)
        except (Unread, EvidenceError) as problem:
            return TrafficSeen(at, self._place, trouble=shorten(self._redactor.text(str(problem)), _SAY))
        self._read_at = at
        return TrafficSeen(
            at,
            self._place,
            canary_total=grown["canary_total"],
            canary_failed=grown["canary_failed"],
            baseline_total=grown["baseline_total"],
            baseline_failed=grown["baseline_failed"],
        )

    def _grown(self, counts: Mapping[str, Counts]) -> dict[str, int]:
        """Return by how much each counter grew. Raises: Unread, and begins anew, where that cannot be told."""
        for part in PARTS:
            _are_counts(part, counts[part])
        is_first = not self._stand
        try:
            grown = {part: self._stand.setdefault(part, _Stand(part)).grown(counts[part]) for part in PARTS}
        except Unread:
            self._stand = {}
            self._grown(counts)  # so that the next reading counts from here
            raise
        if is_first:
            return dict.fromkeys(PARTS, 0)
        for side in ("canary", "baseline"):
            if grown[f"{side}_failed"] > grown[f"{side}_total"]:
                raise Unread(f"'{side}_failed' grew by more than '{side}_total', so they do not count the same requests")
        return grown


@dataclass(slots=True)
class _Stand:
    """Where the series of one counter stood when each was read last."""

    part: str
    values: dict[Series, float] = field(default_factory=dict)

    def grown(self, counts: Counts) -> int:
        """Return by how much all series grew together; a series that is new counted from nothing. Raises: Unread."""
        total = 0.0
        for series, now in counts.values.items():
            before = self.values.get(series, 0.0)
            if now < before and not counts.raw:
                raise Unread(f"'{self.part}' fell from {before:g} to {now:g}: a process that it sums up began anew, or ended")
            total += now - before if now >= before else now
        self.values.update(counts.values)
        if len(self.values) > 2 * _SERIES_AT_MOST:
            raise Unread(f"the series of '{self.part}' come and go: more than {len(self.values)} were seen")
        return round(total)


class _Queried:
    """Reads the counters from a source of metric values, each by its own query, all for the same moment."""

    def __init__(self, sides: Sides, metric: TrafficMetric) -> None:
        self._source = sides.canary.target.evidence.get(metric.source)
        self._name = metric.source
        self._queries = {part: str(getattr(metric, part)) for part in PARTS}

    async def read(self, at_s: float) -> Mapping[str, Counts]:
        source = self._source
        if not isinstance(source, SampleSource):
            raise Unread(f"the target has no source of metric values '{self._name}' under 'evidence'")
        found = {part: await _queried(source, query, at_s - LAG_S) for part, query in self._queries.items()}
        if blind := [part for part in PARTS if part.endswith("_total") and not found[part].values]:
            raise Unread(f"there is no series for '{blind[0]}'")
        return found


async def _queried(source: SampleSource, query: str, at_s: float) -> Counts:
    if isinstance(source, Prometheus):
        answer = await source.instant(query, at_s=at_s)
        if answer.warnings:
            raise Unread(f"{source.describe()} answered with a warning, so it may not be everything: {answer.warnings[0]}")
        samples = answer.samples
    else:
        samples = await source.query(query)
    values = {frozenset((k, v) for k, v in one.labels.items() if k != "__name__"): one.value for one in samples}
    if len(values) < len(samples):
        raise Unread("two series of one query have the same labels")
    return Counts(values, raw=bool(values) and all(any(k in _OF_ONE_PROCESS for k, _ in series) for series in values))


def _are_counts(part: str, counts: Counts) -> None:
    if len(counts.values) > _SERIES_AT_MOST:
        raise Unread(f"'{part}' has more than {_SERIES_AT_MOST} series")
    for value in counts.values.values():
        if math.isnan(value) or not 0 <= value <= _LARGEST:
            raise Unread(f"'{part}' is {value:g}, which is no count")

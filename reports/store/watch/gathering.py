"""This file is for what a group of lines changes: new ticks, series and rollups that are not what they were."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select
from sqlmodel import col

from probes.outcome import Outcome
from reports.store.rows import clean_text
from reports.store.watch.lines import VERDICTS, Line, MissedLine, RetiredLine, RunLine, TickLine, instant
from reports.store.watch.memory import Known, Memory, stored_rollup
from reports.store.watch.rollups import MISSED, SPANS_S, Rollup, bucket_of_us, start_of
from reports.store.watch.tables import TickRow
from scenarios.events import RunInfo
from scenarios.watch.events import SeriesKey

TickValues = tuple[Any, ...]  # in the order of TICK_COLUMNS
TICK_COLUMNS = (
    "series_id", "started_us", "verdict", "flags", "lateness_us", "duration_us",
    "dns_us", "connect_us", "tls_us", "first_byte_us", "body_us", "version", "sentence", "outcome_id",
)  # fmt: skip
_PASS = 4  # Verdict.rank


class Group:
    """What one group of lines adds to the database. It changes what the memory holds, so after a failure that is void."""

    def __init__(self, connection: Connection, memory: Memory) -> None:
        self._connection = connection
        self._memory = memory
        self.runs: list[RunInfo] = []
        self.outcomes: list[Outcome] = []
        self.ticks: dict[tuple[int, int], TickValues] = {}
        self.changed: dict[int, Known] = {}  # series by id whose standing changed
        self.told_more: dict[int, Known] = {}  # those whose subject changed
        self.rollups: dict[tuple[int, int, int], Rollup] = {}
        self.retired: dict[SeriesKey, datetime] = {}

    def gather(self, lines: Sequence[Line]) -> None:
        """Add up the lines, in their order."""
        self._memory.learn(self._connection, (line for line in lines if isinstance(line, TickLine | MissedLine)))
        for line in lines:
            if isinstance(line, TickLine):
                self._tick(line)
            elif isinstance(line, MissedLine):
                for rollup in self._rollups_at(self._memory.of(line.key), line.first_us):
                    rollup.counts[MISSED] += line.ticks
            elif isinstance(line, RetiredLine):
                self.retired.update(dict.fromkeys(line.keys, line.at))
            elif isinstance(line, RunLine):
                self.runs.append(line.run)

    def _tick(self, tick: TickLine) -> None:
        known, us = self._memory.of(tick.key), tick.started_us
        if us <= known.newest_us:
            us = self._free_moment(known.id, us)
        known.newest_us = max(known.newest_us, us)
        self.ticks[known.id, us] = (
            known.id, us, tick.verdict, tick.flags, tick.lateness_us, tick.duration_us, *tick.phases,
            clean_text(tick.version) or None, None if tick.verdict == _PASS else clean_text(tick.sentence), tick.outcome_id,
        )  # fmt: skip
        if tick.outcome is not None:
            self.outcomes.append(tick.outcome)
        bucket = bucket_of_us(tick.duration_us)
        for rollup in self._rollups_at(known, us):
            rollup.add(tick, bucket)
        self._stand(known, tick)

    def _free_moment(self, series_id: int, us: int) -> int:
        """Return the first microsecond from `us` on in which the series has no tick, now that the clock was set back."""
        started = col(TickRow.started_us)
        while True:
            wanted = select(started).where(col(TickRow.series_id) == series_id, started == us)
            if (series_id, us) not in self.ticks and self._connection.execute(wanted).first() is None:
                return us
            us += 1

    def _rollups_at(self, known: Known, us: int) -> list[Rollup]:
        return [self._rollup(known, place, span_s, start_of(us, span_s)) for place, span_s in enumerate(SPANS_S)]

    def _rollup(self, known: Known, place: int, span_s: int, at: int) -> Rollup:
        newest = known.rollups[place]
        if at == newest.at:
            found = newest
        elif at > newest.at:
            found = known.rollups[place] = Rollup(at)
        else:  # the clock was set back, or ticks come late
            found = self.rollups.get((known.id, span_s, at)) or stored_rollup(self._connection, known.id, span_s, at)
        self.rollups[known.id, span_s, at] = found
        return found

    def _stand(self, known: Known, tick: TickLine) -> None:
        self.changed[known.id] = known
        if self.retired:
            self.retired.pop(tick.key, None)
        if tick.outcome_id is not None:
            known.outcome_id = tick.outcome_id
        if tick.certificate_us is not None:
            known.certificate_at = instant(tick.certificate_us)
        if tick.subject is not known.subject and tick.subject != known.subject:
            self.told_more[known.id] = known
        known.subject = tick.subject
        known.standing.take(
            instant(tick.started_us),
            VERDICTS[tick.verdict],
            clean_text(tick.sentence),
            tick.duration_us / 1e6,
            version=clean_text(tick.version),
            maintenance=clean_text(tick.maintenance),
        )

"""This file is for what a group of lines changes: new ticks, series and rollups that are not what they were."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select
from sqlmodel import col

from probes.outcome import Outcome, Subject
from reports.store.rows import clean_text
from reports.store.watch.lines import VERDICTS, Line, MissedLine, RetiredLine, TickLine, instant
from reports.store.watch.memory import Known, Memory, stored_rollup
from reports.store.watch.rollups import COARSE_S, FINE_S, MISSED, Rollup, add_tick, place_of
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
        self.ticks: list[TickValues] = []
        self.asked: dict[int, Known] = {}  # series by id that have new ticks
        self.told: dict[int, Known] = {}  # and those of them that say something else than before
        self.about: dict[int, Known] = {}  # series whose subject changed
        self.rollups: dict[tuple[int, int, int], Rollup] = {}
        self.retired: dict[SeriesKey, datetime] = {}

    def gather(self, lines: Sequence[Line]) -> None:
        """Add up the lines, in their order."""
        self._memory.learn(self._connection, lines)
        for line in lines:
            if isinstance(line, TickLine):
                self._tick(line)
            elif isinstance(line, MissedLine):
                for rollup in self._both(self._memory.known[line.key], line.first_us):
                    rollup.counts[MISSED] += line.ticks
            elif isinstance(line, RetiredLine):
                self.retired.update(dict.fromkeys(line.keys, line.at))
            else:
                self.runs.append(line.run)

    def _tick(self, tick: TickLine) -> None:
        _, key, about, us, verdict, flags, lateness_us, took_us, phases, version, sentence, window, ends_us, kept, outcome = tick
        known = self._memory.known[key]
        started_at = instant(us)
        if us <= known.newest_us:
            us = self._free_moment(known.id, us)
        known.newest_us = max(known.newest_us, us)
        add_tick(self._both(known, us), place_of(verdict, flags), took_us, phases)
        told = sentence, version, window
        if told != known.told:  # cleaned when it changes, which is seldom
            known.told = told
            self.told[known.id] = known
            sentence, version, window = map(clean_text, told)
        else:
            sentence, version, window = known.standing.sentence, known.standing.version, known.standing.maintenance
        said = None if verdict == _PASS else sentence
        self.ticks.append((known.id, us, verdict, flags, lateness_us, took_us, *phases, version or None, said, kept))
        if known.standing.take(started_at, VERDICTS[verdict], sentence, took_us / 1e6, version, window):
            self.told[known.id] = known
        self.asked[known.id] = known
        if self.retired:
            self.retired.pop(key, None)
        if about is not known.subject:
            self._describe(known, about)
        if kept is not None or ends_us is not None:
            self._prove(known, kept, ends_us)
        if outcome is not None:
            self.outcomes.append(outcome)

    def _describe(self, known: Known, about: Subject) -> None:
        if about != known.subject:
            self.about[known.id] = known
        known.subject = about

    def _prove(self, known: Known, outcome_id: str | None, ends_us: int | None) -> None:
        """Note the newest whole outcome and when a certificate ends."""
        ends_at = known.certificate_at if ends_us is None else instant(ends_us)
        if (outcome_id or known.outcome_id, ends_at) != (known.outcome_id, known.certificate_at):
            known.outcome_id, known.certificate_at = outcome_id or known.outcome_id, ends_at
            self.told[known.id] = known

    def _free_moment(self, series_id: int, us: int) -> int:
        """Return the first microsecond from `us` on in which the series has no tick, now that the clock was set back."""
        taken = {tick[1] for tick in self.ticks if tick[0] == series_id}
        started = col(TickRow.started_us)
        while True:
            wanted = select(started).where(col(TickRow.series_id) == series_id, started == us)
            if us not in taken and self._connection.execute(wanted).first() is None:
                return us
            us += 1

    def _both(self, known: Known, us: int) -> tuple[Rollup, Rollup]:
        """Return the rollups of both spans that an instant falls into."""
        second = us // 1_000_000
        fine, coarse = known.rollups
        fine_at, coarse_at = second - second % FINE_S, second - second % COARSE_S
        if fine.at != fine_at or coarse.at != coarse_at:
            fine = self._rollup(known, 0, FINE_S, fine_at)
            coarse = self._rollup(known, 1, COARSE_S, coarse_at)
        self.rollups[known.id, FINE_S, fine_at] = fine
        self.rollups[known.id, COARSE_S, coarse_at] = coarse
        return fine, coarse

    def _rollup(self, known: Known, place: int, span_s: int, at: int) -> Rollup:
        newest = known.rollups[place]
        if at == newest.at:
            return newest
        if at > newest.at:
            found = known.rollups[place] = Rollup(at)
            return found
        # The clock was set back, or ticks come late.
        return self.rollups.get((known.id, span_s, at)) or stored_rollup(self._connection, known.id, span_s, at)

"""This file is for the desk of heartbeats: it takes the reports of jobs, notices their silence, and tells both as ticks."""

from __future__ import annotations

import hmac
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scenarios.events import RunStarted
from scenarios.heartbeat_times import Deadline, Deaf, Lack, Standing, doubt, late_by
from scenarios.watch.events import SeriesKey, WatchEvent
from vedette.service import heartbeat_outcomes as outcomes
from vedette.service.heartbeat_hearing import Hearing
from vedette.service.heartbeat_journal import Report
from vedette.service.heartbeat_keeping import Keeping
from vedette.service.heartbeat_keys import Place, path_of, read_key, secret_of, write_book
from vedette.service.heartbeat_register import Beat, Register
from vedette.service.heartbeat_teller import Teller

if TYPE_CHECKING:
    from reports.store.ledger.heartbeats import HeartbeatLedger
    from reports.store.watch.answers import Gap
    from scenarios.watch.series import Watched

AT_ONCE = 500  # silences told in one sweep, so that a start after a long pause does not stop the event loop
BURST, PER_S = 30, 5.0  # reports of one job


class NoSuchHeartbeat(Exception):
    """There is no heartbeat at this address: the slug is unknown or the secret is wrong, which is not told apart."""


class TooManyReports(Exception):
    """A job reports more often than any job should."""


class NotKept(Exception):
    """The report could not be written down, so it is not acknowledged: it is to be sent again."""


class Heartbeats:
    """The desk, a WatchSink too. All but `opened` and `stored` belongs to the event loop's thread.

    `sweep` is to be called each second. `tell` is given every tick, and a `RunStarted` where nobody else opens a
    stretch of watching. `last_seen` is when the newest stored tick of a series began, `gaps` are the times in which no
    service ran.
    """

    def __init__(
        self,
        series: Sequence[Watched],
        *,
        state: Path,
        ledger: HeartbeatLedger,
        tell: Callable[[WatchEvent], None],
        known: Mapping[str, Standing] | None = None,
        last_seen: Mapping[SeriesKey, datetime] | None = None,
        gaps: Sequence[Gap] = (),
        version_of: Callable[[str, str], str] = lambda suite, target: "",
        maintenance_of: Callable[[Watched, datetime], str] = lambda watched, at: "",
        vedette_version: str = "",
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._state, self._clock, self._monotonic = state, clock, monotonic
        self._key = read_key(state)
        self._hearing = Hearing([Deaf(gap.from_at, gap.until_at, "the service was down") for gap in gaps], clock, monotonic)
        self._register = Register(known or {})
        self._keeping = Keeping(state, ledger)
        self._seen = self._keeping.journal.marks  # of each job, the newest tick that is at rest
        for key, at in (last_seen or {}).items():
            self._seen[key.slug] = max(at, self._seen.get(key.slug, at))
        self._teller = Teller(tell, version_of, maintenance_of, vedette_version)
        self.watch(series)

    @classmethod
    def opened(cls, where: Path | str, series: Sequence[Watched], **options: Any) -> Heartbeats:
        """Return the desk with what the store at `where` knows; options as of the class. Blocks.

        Raises: StoreError, KeyUnusable, OSError.
        """
        from reports.store.ledger.heartbeats import HeartbeatLedger

        ledger = HeartbeatLedger(where)
        return cls(series, ledger=ledger, known=ledger.load(), **options)

    def watch(self, series: Sequence[Watched]) -> None:
        """Watch these from now on. What is known of a job that goes on, also under a new name, stays. Raises: OSError."""
        self._register.watch(series, self._clock())
        self._slugs = {beat.watched.key: slug for slug, beat in self._register.beats.items()}
        self._teller.forget_secrets()
        write_book(self._state, self.places())

    def take_watched(self, event: WatchEvent) -> None:
        """Take note of a stretch of watching that the watcher opens: our ticks belong to it."""
        if isinstance(event, RunStarted):
            self._teller.hear(event)

    def stored(self, key: SeriesKey, at: datetime) -> None:
        """Take note that the tick of that instant is stored, or in the spool. May be called on any thread."""
        slug = self._slugs.get(key)
        if slug is not None:
            self._keeping.journal.mark(slug, at)

    async def close(self) -> None:
        """Keep what is known, and end."""
        await self._keeping.close(self._register, self._clock())

    # What can be read

    def places(self) -> list[Place]:
        """Return every heartbeat that is watched, in the order of the suites."""
        beats = self._register.beats.values()
        return [
            Place(b.watched.key.suite, b.watched.key.scenario, b.watched.key.target, b.slug, b.probe.generation) for b in beats
        ]

    def standing(self, slug: str) -> tuple[Standing, Deadline] | None:
        """Return what is known of a job, and when its silence is told next; None where there is no such heartbeat."""
        beat = self._register.find(slug)
        return None if beat is None else (beat.standing, beat.deadline)

    def next_due(self, key: SeriesKey) -> datetime | None:
        """Return when the job is due next, None where there is no such heartbeat."""
        beat = self._register.beats.get(key.slug)
        return None if beat is None else beat.deadline.due

    def path(self, slug: str) -> str:
        """Return the secret path that a job calls. Raises: NoSuchHeartbeat."""
        beat = self._register.find(slug)
        if beat is None:
            raise NoSuchHeartbeat
        return path_of(self._key, beat.slug, beat.probe.generation)

    # What jobs say

    def knows(self, slug: str, secret: str) -> None:
        """Raise NoSuchHeartbeat unless the secret belongs to the slug. An unknown slug costs the same time as a wrong secret."""
        beat = self._register.find(slug)
        expected = secret_of(self._key, slug, beat.probe.generation if beat else 1)
        same = hmac.compare_digest(expected.encode(), secret.encode("utf-8", "replace"))
        if beat is None or not same:
            raise NoSuchHeartbeat

    async def report(
        self, slug: str, what: str, *, exit_code: int | None = None, duration_s: float | None = None, note: str = "", id: str = ""
    ) -> None:
        """Take a report: `start`, `success`, `fail`, or `exit` with a code. It is on the disk when this returns.

        A report sent twice under the same id counts once. Raises: NoSuchHeartbeat, TooManyReports, NotKept.
        """
        beat = self._register.find(slug)
        if beat is None:
            raise NoSuchHeartbeat
        self._admit(beat)
        self._replay()
        async with beat.turn:
            beat = self._register.find(slug)  # suites may have been read again meanwhile
            if beat is None:
                raise NoSuchHeartbeat
            if id and _was_told(beat, what, id):
                return
            at = self._fresh_instant(beat)
            note = self._teller.redacted(beat.watched, note).replace("\x00", "\u2400")
            report = Report(beat.slug, at, what, exit_code, duration_s, note, id)
            await self._keep(report)
            beat = self._register.find(slug)
            if beat is not None:
                beat.recent.append((what, id))
                self._apply(beat, report)

    def _admit(self, beat: Beat) -> None:
        now_s = self._monotonic()
        beat.tokens = min(BURST, beat.tokens + (now_s - beat.filled_s) * PER_S)
        beat.filled_s = now_s
        if beat.tokens < 1:
            raise TooManyReports
        beat.tokens -= 1

    def _fresh_instant(self, beat: Beat) -> datetime:
        """Return now, but never the same instant twice: a series has one tick at an instant."""
        at = self._clock()
        beat.last_at = at + timedelta(microseconds=1) if at == beat.last_at else at
        return beat.last_at

    async def _keep(self, report: Report) -> None:
        try:
            await self._keeping.journal.keep(report)
        except OSError as problem:
            self._hearing.refuse(report.at)
            raise NotKept(problem.strerror or str(problem)) from problem
        self._hearing.accept(report.at)

    def _apply(self, beat: Beat, report: Report, *, tell: bool = True) -> None:
        """Take a report into account, and tell it where it is an end."""
        standing = beat.standing
        if report.what == "start":
            goes_on = beat.deadline.lack is Lack.END
            open_since = standing.open_since if goes_on else report.at  # a job that starts again and again never ended
            beat.standing = replace(standing, started_at=report.at, start_id=report.id, open_since=open_since)
            self._register.moved(beat)
            return
        report = replace(report, duration_s=_duration_s(report, standing))
        good = _is_good(beat, report)
        if tell:
            self._tell_report(beat, report, late_by(beat.terms, standing, report.at), good=good)
        beat.standing = replace(
            standing,
            open_since=None,
            reported_at=report.at,
            report_id=report.id,
            succeeded_at=report.at if good else standing.succeeded_at,
            failed=not good,
            exit_code=report.exit_code,
            duration_s=report.duration_s,
            note=report.note,
        )
        self._register.moved(beat)

    def _tell_report(self, beat: Beat, report: Report, late: timedelta | None, *, good: bool) -> None:
        excuse = None
        if late is not None:
            due = report.at - late
            missed = Deadline(due, due + beat.terms.grace, Lack.REPORT)
            excuse = doubt(beat.terms, replace(beat.standing, told_for=None), missed, self._hearing.gaps(report.at))
        name, desk = beat.watched.scenario.name, self._hearing.desk()
        checks = outcomes.of_report(name, beat.terms, report, late, excuse, desk, good=good)
        numbers = outcomes.measured(report, late)
        self._teller.say(beat.watched, report.at, checks, duration_s=report.duration_s or 0.0, measurements=numbers)

    def _replay(self) -> None:
        """Take into account what was acknowledged before the last life ended, and tell what was not stored of it."""
        left, self._keeping.left_over = self._keeping.left_over, []
        for report in left:
            beat = self._register.find(report.slug)
            if beat is None:
                continue
            seen = self._seen.get(beat.slug)
            unseen = report.what != "start" and (seen is None or seen < report.at)
            known = [at for at in (beat.standing.reported_at, beat.standing.started_at) if at is not None]
            if not known or max(known) < report.at:
                self._apply(beat, report, tell=unseen)
            elif unseen:  # it is known, only its tick is missing
                self._tell_report(beat, report, None, good=_is_good(beat, report))

    # What jobs do not say

    def sweep(self) -> None:
        """Tell every silence whose time has come. Costs next to nothing where nothing is due."""
        now, now_s = self._clock(), self._monotonic()
        by = self._hearing.look(now, now_s)
        if by is not None:
            self._register.shift(by)
        self._replay()
        for beat in self._register.due(now, AT_ONCE):
            self._tell_silence(beat, now)
        self._keeping.begin(self._register, now, now_s)

    def _tell_silence(self, beat: Beat, now: datetime) -> None:
        missed, standing = beat.deadline, beat.standing
        at = max(missed.at, self._hearing.listening_since)
        seen = self._seen.get(beat.slug)
        if seen is None or seen < missed.at:  # else it was told, and stored, just before the last life ended
            deaf = doubt(beat.terms, standing, missed, self._hearing.gaps(now))
            name, desk = beat.watched.scenario.name, self._hearing.desk()
            self._teller.say(beat.watched, at, outcomes.of_silence(name, beat.terms, standing, missed, deaf, desk, now))
        # Told once for all that was due until now: a pause of a day is not told once for each minute of it.
        beat.standing = replace(standing, told_for=max(missed.due, now - beat.terms.grace))
        self._register.moved(beat)


def _was_told(beat: Beat, what: str, id: str) -> bool:
    """Return whether this report was taken already, or is a start that comes after its own end."""
    standing, is_start = beat.standing, what == "start"
    known = {standing.report_id, *(other for said, other in beat.recent if is_start or said != "start")}
    return id in known or (is_start and id == standing.start_id)


def _is_good(beat: Beat, report: Report) -> bool:
    return report.what == "success" or (report.what == "exit" and report.exit_code in beat.probe.success_codes)


def _duration_s(report: Report, standing: Standing) -> float | None:
    """Return how long the job took: as it says itself, else since the start that it told."""
    if report.duration_s is not None or standing.open_since is None or standing.started_at is None:
        return report.duration_s
    if report.id and standing.start_id and report.id != standing.start_id:
        return None  # another run of it
    return max(0.0, (report.at - standing.started_at).total_seconds())

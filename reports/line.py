"""This file is for one line of the board: how one series stands now, what it said lately, and when its silence is too long."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from itertools import islice
from typing import Protocol

from probes.outcome import CERTIFICATE_ENDS, Outcome, Severity, Subject
from reports.store.watch.answers import BAD, WINDOWS_S, Counts, SeriesState
from reports.store.watch.keeping import Told, worth_keeping
from reports.store.watch.standing import Standing
from reports.windows import Windows
from scenarios.cron import Cron
from scenarios.schedule_spec import ScheduleSpec
from scenarios.watch.events import SeriesKey, Tick, Trigger
from scenarios.watch.series import Watched

SILENT_INTERVALS = 3  # after so many without a tick a scenario counts as no longer asked
LEAST_SILENCE_S = 30.0  # and never sooner than this

_SEVERITIES = {severity: place for place, severity in enumerate(Severity)}


class Mark(StrEnum):
    """What one line adds to the headline; every line has one mark. A failure stays one although nobody asks any more."""

    FAIL = "fail"
    ERROR = "error"
    INCONCLUSIVE = "inconclusive"
    STALE = "stale"  # it was to be asked and was not
    DEGRADED = "degraded"
    PASS = "pass"
    SKIPPED = "skipped"
    UNASKED = "unasked"  # watched, and not asked yet
    MAINTENANCE = "maintenance"


PROBLEMS = frozenset({Mark.FAIL, Mark.ERROR, Mark.INCONCLUSIVE, Mark.STALE})
_RANKS = {Mark.FAIL: 0, Mark.ERROR: 1, Mark.INCONCLUSIVE: 2, Mark.STALE: 2}


class Place(Protocol):
    """What a line knows of its board."""

    def minute(self) -> int: ...
    def next_due_of(self, key: SeriesKey) -> datetime | None: ...


class Line(Standing):
    """One series. It has the fields of SeriesState, changed in place; read it on the event loop's thread only."""

    __slots__ = (
        "_board", "_kept_at", "allowed_s", "certificate_expires_at", "deadline_s", "first_seen_at", "id", "key", "mark",
        "outcome_id", "schedule", "slug", "stale", "subject", "windows",
    )  # fmt: skip

    def __init__(self, board: Place, key: SeriesKey, subject: Subject, first_seen_at: datetime) -> None:
        super().__init__()
        self._board = board
        self._kept_at: datetime | None = None  # when the newest outcome that the store keeps whole began
        self.id = 0  # in the store, 0 for a line that did not come from there
        self.key, self.slug, self.subject, self.first_seen_at = key, key.slug, subject, first_seen_at
        self.outcome_id: str | None = None
        self.certificate_expires_at: datetime | None = None
        self.windows = Windows(board.minute())
        self.schedule: ScheduleSpec | None = None
        self.allowed_s = float("inf")  # how long it may be silent
        self.deadline_s = float("inf")  # when its silence is too long, in the board's steady seconds
        self.stale = False
        self.mark = Mark.UNASKED

    def restore(self, state: SeriesState) -> None:
        """Stand as the store says that it stood."""
        self.id, self.first_seen_at = state.id, state.first_seen_at
        self.verdict, self.sentence, self.since_at, self.last_at = state.verdict, state.sentence, state.since_at, state.last_at
        self.last_good_at, self.duration_s, self.in_row = state.last_good_at, state.duration_s, state.in_row
        self.outcome_id, self.version, self.maintenance = state.outcome_id, state.version, state.maintenance
        self.certificate_expires_at = state.certificate_expires_at
        self.good = state.good

    def is_for(self, watched: Watched) -> bool:
        """Take on how it is scheduled now, and return whether that changed."""
        schedule, scenario = watched.schedule, watched.scenario
        grace_s = float(getattr(scenario.probe, "grace", 0.0)) if scenario.probe.awaits else 0.0
        slack_s = scenario.timeout * (1 + scenario.retries) + grace_s * SILENT_INTERVALS
        allowed_s = max(SILENT_INTERVALS * (schedule.every or 0.0), LEAST_SILENCE_S) + slack_s
        changed = (schedule, allowed_s) != (self.schedule, self.allowed_s)
        self.schedule, self.allowed_s = schedule, allowed_s
        return changed

    def heard(self, now_s: float, clock: Callable[[], datetime]) -> None:
        """Begin to count its silence anew."""
        self.deadline_s = now_s + self.allowed_s
        if self.schedule is not None and self.schedule.cron is not None:
            now = clock()
            due = list(islice(Cron(self.schedule.cron, self.schedule.timezone).after(now), SILENT_INTERVALS))
            self.deadline_s += (due[-1] - now).total_seconds() if due else float("inf")

    def tell(self, tick: Tick) -> None:
        """Take in a tick."""
        outcome = tick.outcome
        self._note_kept(tick.trigger, outcome)
        self.take(
            outcome.started_at, outcome.verdict, outcome.sentence, outcome.duration_s,
            version=tick.version, maintenance=tick.maintenance,
        )  # fmt: skip
        for one in outcome.measurements:
            if one.name == CERTIFICATE_ENDS:
                self.certificate_expires_at = datetime.fromtimestamp(one.value, UTC)

    def marked(self) -> Mark:
        """Return the mark that it ought to have now."""
        if self.verdict in BAD and not self.maintenance:
            return Mark(self.verdict)
        if self.stale:
            return Mark.STALE
        if self.maintenance:
            return Mark.MAINTENANCE
        return Mark.UNASKED if self.verdict is None else Mark(self.verdict)

    @property
    def is_problem(self) -> bool:
        return self.mark in PROBLEMS

    @property
    def trouble(self) -> str:
        """Return the sentence of an open problem; for one that is no longer asked, that it is not."""
        if not self.stale:
            return self.sentence
        when = f"not asked since {self.last_at:%Y-%m-%d %H:%M:%S} UTC" if self.last_at else "never asked"
        return f"{when}, although it is due {_due(self.schedule)}" + (
            f"; before that: {self.sentence}" if self.good is False else ""
        )

    @property
    def urgency(self) -> tuple[int, int, datetime, SeriesKey]:
        """Return what open problems are sorted by: severity, verdict, the oldest first."""
        since = (self.last_at if self.mark is Mark.STALE else self.since_at) or self.first_seen_at
        return _SEVERITIES[self.subject.severity], _RANKS.get(self.mark, 3), since, self.key

    @property
    def next_due(self) -> datetime | None:
        """Return when it is due next, None where nobody knows."""
        return self._board.next_due_of(self.key)

    def ratios(self) -> Mapping[str, float | None]:
        """Return the pass ratio over each window, None where nothing was asked in it."""
        return dict(zip(WINDOWS_S, self.windows.ratios(self._board.minute()), strict=True))

    def counts(self, window: str) -> Counts:
        """Return the ticks in a window by verdict. Raises: ValueError for a window that is none."""
        return self.windows.counts(window, self._board.minute())

    def _note_kept(self, trigger: Trigger, outcome: Outcome) -> None:
        """Note which outcome can be read whole, by the rule that the store keeps them by."""
        told = Told(self.verdict, self.sentence) if self.verdict is not None else None
        if trigger is Trigger.DEPLOY:
            self.outcome_id = outcome.id
        elif worth_keeping(told, outcome, self._kept_at):
            self.outcome_id, self._kept_at = outcome.id, outcome.started_at


def _due(schedule: ScheduleSpec | None) -> str:
    if schedule is None or schedule.every is None:
        return f"by '{schedule.cron}'" if schedule is not None else "now and then"
    return f"every {timedelta(seconds=schedule.every)}" if schedule.every >= 3600 else f"every {schedule.every:g} s"

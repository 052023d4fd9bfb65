"""This file is for the page of one scenario as data: how it stands, its ratios, its changes and its ticks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from probes.outcome import Verdict
from reports.page import seconds
from reports.status.lines import Seen
from reports.status.words import SAID, age, number, ratio
from reports.store.watch.answers import BAD, Counts, TickSeen
from scenarios.schedule_spec import ScheduleSpec
from scenarios.watch.events import Trigger

TICKS_SHOWN = 30
CHANGES_FROM = 500  # so many of the newest ticks are looked at for changes
CHANGES_SHOWN = 10
LATE_S = 0.1
_WHY = {Trigger.DEPLOY: "after a deployment", Trigger.MANUAL: "asked by hand", Trigger.HEARTBEAT: "reported"}
_WINDOWS = (("5m", "5 minutes"), ("1h", "1 hour"), ("24h", "24 hours"), ("30d", "30 days"))


@dataclass(frozen=True, slots=True)
class Window:
    """The pass ratio of one window, with what it is made of."""

    said: str
    ratio: str
    tone: str
    made_of: str


@dataclass(frozen=True, slots=True)
class Change:
    """One change between good and bad. `lasted` is empty while it lasts."""

    at: datetime
    verdict: Verdict
    sentence: str
    lasted: str
    outcome_id: str | None


@dataclass(frozen=True, slots=True)
class ShownTick:
    """One row of the ticks."""

    at: datetime
    verdict: str
    took: str
    remark: str
    sentence: str
    outcome_id: str | None


@dataclass(frozen=True, slots=True)
class State:
    """The banner of the page."""

    tone: str
    word: str
    sentence: str
    remark: str
    runbook_is_link: bool


def state_of(line: Seen) -> State:
    """Return how the scenario stands, in words."""
    remark = ""
    if line.maintenance:
        remark = f"In maintenance; its newest tick, which counts for nothing: {line.verdict or 'none'}"
    return State(line.tone, SAID[line.tone], line.sentence, remark, line.subject.runbook.startswith(("http://", "https://")))


def schedule_words(spec: ScheduleSpec | None) -> str:
    """Return when it is asked: `every 30 s`, `0 6 * * * (Europe/Berlin)`."""
    if spec is None:
        return ""
    return f"every {age(spec.every)}" if spec.every is not None else f"{spec.cron} ({spec.timezone})"


def windows_of(line: Seen) -> tuple[Window, ...]:
    """Return the pass ratio of every window."""
    return tuple(_window(said, line.counts[name]) for name, said in _WINDOWS if name in line.counts)


def changes(ticks: Sequence[TickSeen]) -> tuple[Change, ...]:
    """Return the changes between good and bad in these ticks (newest first), newest first. Maintenance changes nothing."""
    counted = [t for t in reversed(ticks) if not t.in_maintenance and t.verdict is not Verdict.SKIPPED]
    starts = [tick for place, tick in enumerate(counted) if place and _bad(tick) != _bad(counted[place - 1])]
    ends = [*(tick.at for tick in starts[1:]), None] if starts else []
    found = [
        Change(tick.at, tick.verdict, tick.sentence, age((end - tick.at).total_seconds()) if end else "", tick.outcome_id)
        for tick, end in zip(starts, ends, strict=True)
    ]
    return tuple(reversed(found[-CHANGES_SHOWN:]))


def ticks_of(ticks: Sequence[TickSeen]) -> tuple[ShownTick, ...]:
    """Return the rows of the table of ticks, newest first. A version is told where it was the first tick of it."""
    older: Sequence[TickSeen | None] = [*ticks[1:], None]
    return tuple(_tick(t, before) for t, before in zip(ticks, older, strict=True)) if ticks else ()


def _tick(t: TickSeen, before: TickSeen | None) -> ShownTick:
    remarks = (
        "in maintenance" if t.in_maintenance else "",
        "" if t.trigger is Trigger.SCHEDULE else _WHY[t.trigger],
        f"first of version {t.version}" if t.version and before is not None and before.version != t.version else "",
        f"asked {seconds(t.lateness_s)} late" if t.lateness_s >= LATE_S else "",
    )
    told = ", ".join(filter(None, remarks))
    return ShownTick(t.at, str(t.verdict), seconds(t.duration_s), told, t.sentence, t.outcome_id)


def _window(said: str, counts: Counts) -> Window:
    value = counts.pass_ratio
    tone = "none" if value is None else "pass" if value >= 1 else "fail" if value < 0.99 else "degraded"
    named = ((counts.good, "good"), (counts.failed, "failed"), (counts.errors, "not judged"),
             (counts.inconclusive, "proved nothing"), (counts.maintained, "in maintenance"),
             (counts.missed, "missed"))  # fmt: skip
    return Window(
        said, ratio(value), tone, ", ".join(f"{number(many)} {word}" for many, word in named if many) or "nothing was asked"
    )


def _bad(tick: TickSeen) -> bool:
    return tick.verdict in BAD

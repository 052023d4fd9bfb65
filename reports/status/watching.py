"""This file is for what is wrong with the watching itself: a green page must never be a dead scheduler."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from reports.line import Line
from reports.status.words import age, clipped, count, number
from reports.store.watch.answers import Gap

SILENT_S = 900.0  # no proof at all for so long is trouble, however seldom the scenarios are due
STANDSTILL_S = 10.0  # what is due is taken up within milliseconds, or the scheduler stands still
SLOW_LOOP_S = 0.5  # latencies that are measured while the loop is this late are our own
GAP_TOLD_S = 86_400.0


@dataclass(frozen=True, slots=True)
class Watching:
    """How the service itself is, in plain values."""

    started_at: datetime
    stopping: bool = False
    reload_error: str = ""
    reload_at: datetime | None = None
    store_healthy: bool = True
    store_error: str = ""
    spooled: int = 0
    lost: int = 0
    missed: Mapping[str, int] = field(default_factory=dict)  # ticks since the start, by reason
    loop_lag_s: float = 0.0
    overdue_s: float = 0.0  # for so long what is due first has not been taken up
    gaps: Sequence[Gap] = ()
    not_taken: int = 0  # answers that a part of the service did not take, so that it may show what was before
    unreadable: str = ""  # why the history cannot be read, so that strips and ratios of the past are missing


@dataclass(frozen=True, slots=True)
class Trouble:
    """One thing that is wrong with the watching. With `blind`, what the page shows may be old."""

    sentence: str
    details: str = ""
    since_at: datetime | None = None
    blind: bool = False


def troubles(watching: Watching, lines: Sequence[Line], now: datetime) -> tuple[Trouble, ...]:
    """Return what is wrong with the watching, what makes the page old first."""
    found = [
        *_standstill(watching), *_silence(watching, lines, now), *_stopping(watching), *_store(watching), *_parts(watching),
        *_history(watching), *_reload(watching), *_missed(watching), *_lag(watching), *_gaps(watching, now),
    ]  # fmt: skip
    return tuple(sorted(found, key=lambda trouble: not trouble.blind))


def _standstill(watching: Watching) -> Iterable[Trouble]:
    if watching.overdue_s > STANDSTILL_S:
        yield Trouble(f"the scheduler stands still: what was due {age(watching.overdue_s)} ago has not been asked", blind=True)


def _silence(watching: Watching, lines: Sequence[Line], now: datetime) -> Iterable[Trouble]:
    """Tell of a service in which nothing moves at all. Single scenarios that nobody asks stand among the problems."""
    if not lines:
        return
    newest = max((line.last_at for line in lines if line.last_at is not None), default=None)
    silent_s = (now - max(newest or watching.started_at, watching.started_at)).total_seconds()
    if all(line.stale for line in lines) or silent_s > max(SILENT_S, min(line.allowed_s for line in lines)):
        say = "nothing is being asked: what stands below is old" if newest else "nothing has been asked at all"
        yield Trouble(say, since_at=newest or watching.started_at, blind=True)


def _stopping(watching: Watching) -> Iterable[Trouble]:
    if watching.stopping:
        yield Trouble("the service is stopping and asks nothing new", blind=True)


def _store(watching: Watching) -> Iterable[Trouble]:
    if watching.lost:
        yield Trouble(f"{count(watching.lost, 'outcome')} could not be kept and {'is' if watching.lost == 1 else 'are'} lost",
                      watching.store_error)  # fmt: skip
    if not watching.store_healthy:
        waiting = f"{count(watching.spooled, 'outcome')} {'waits' if watching.spooled == 1 else 'wait'} in the spool on disk"
        yield Trouble(f"the store takes nothing: {waiting}", watching.store_error)


def _parts(watching: Watching) -> Iterable[Trouble]:
    if watching.not_taken:
        told = count(watching.not_taken, "answer")
        yield Trouble(f"a part of the service broke over {told}, and may show or count too little", "its log says which, and why")


def _history(watching: Watching) -> Iterable[Trouble]:
    if watching.unreadable:
        yield Trouble("the history cannot be read at present: strips and charts are missing", watching.unreadable)


def _reload(watching: Watching) -> Iterable[Trouble]:
    if watching.reload_error:
        yield Trouble("the changed suites were refused; the configuration before them is still being asked",
                      clipped(watching.reload_error, 4000), watching.reload_at)  # fmt: skip


def _missed(watching: Watching) -> Iterable[Trouble]:
    told = {reason: many for reason, many in watching.missed.items() if many}
    if told:
        by = ", ".join(f"{reason} {number(many)}" for reason, many in sorted(told.items()))
        yield Trouble(f"{count(sum(told.values()), 'tick')} {'was' if sum(told.values()) == 1 else 'were'} due and not answered "
                      "since the service started", f"by reason: {by}")  # fmt: skip


def _lag(watching: Watching) -> Iterable[Trouble]:
    if watching.loop_lag_s > SLOW_LOOP_S:
        yield Trouble(
            f"the service is overloaded: its event loop is {watching.loop_lag_s:.1f} s late, so latencies are partly its own"
        )


def _gaps(watching: Watching, now: datetime) -> Iterable[Trouble]:
    recent = [gap for gap in watching.gaps if now - gap.until_at < timedelta(seconds=GAP_TOLD_S)]
    if recent:
        gap = max(recent, key=lambda one: one.until_at - one.from_at)
        how = "was stopped" if gap.graceful else "was killed or its machine was down"
        length = age((gap.until_at - gap.from_at).total_seconds())
        more = f", the longest of {len(recent)} in 24 h" if len(recent) > 1 else ""
        yield Trouble(f"nothing was watched for {length}{more}: the service {how}", since_at=gap.from_at)

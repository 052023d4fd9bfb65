"""This file is for what is kept of watching, as narrow lines: what the writer takes, and what the spool holds as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from probes.outcome import CERTIFICATE_ENDS, Exchange, Outcome, Subject, Verdict
from scenarios.events import RunInfo
from scenarios.watch.events import Missed, SeriesKey, Tick, Trigger

IN_MAINTENANCE = 1  # of `flags`; the bits above it are the trigger's place
_TRIGGERS = tuple(Trigger)  # stored by place: never change the order, only add
_TRIGGER_BITS = {trigger: place << 1 for place, trigger in enumerate(_TRIGGERS)}
VERDICTS = tuple(Verdict)  # by rank

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_LARGEST_US = 2**31 - 1  # what a phase's column holds, 35 minutes


class TickLine(NamedTuple):
    """One tick. `phases` are dns, connect, tls, first byte, body in µs, summed over the requests."""

    seq: int  # the place among all lines of one sink's life
    key: SeriesKey
    subject: Subject
    started_us: int
    verdict: int
    flags: int
    lateness_us: int
    duration_us: int
    phases: tuple[int | None, ...]
    version: str
    sentence: str  # of a pass too: the series shows it, the tick does not keep it
    maintenance: str
    certificate_us: int | None
    outcome_id: str | None  # where the whole outcome is kept, here or by the run of a deploy
    outcome: Outcome | None  # the whole one, where it is kept here


class MissedLine(NamedTuple):
    """Ticks that were due and were not answered."""

    seq: int
    key: SeriesKey
    first_us: int
    ticks: int


class RetiredLine(NamedTuple):
    """Series that are watched no longer."""

    seq: int
    keys: tuple[SeriesKey, ...]
    at: datetime


class RunLine(NamedTuple):
    """A stretch of watching that outcomes belong to."""

    seq: int
    run: RunInfo


Line = TickLine | MissedLine | RetiredLine | RunLine


def tick_line(seq: int, tick: Tick, *, whole: bool) -> TickLine:
    """Return what is kept of a tick; `whole` says whether its outcome is kept here with all its evidence."""
    outcome = tick.outcome
    elsewhere = tick.trigger is Trigger.DEPLOY  # the deploy's own run holds it
    return TickLine(
        seq,
        tick.key,
        outcome.subject,
        microseconds(outcome.started_at),
        outcome.verdict.rank,
        _TRIGGER_BITS[tick.trigger] | (IN_MAINTENANCE if tick.maintenance else 0),
        round(tick.lateness_s * 1e6),
        round(outcome.duration_s * 1e6),
        _phases(outcome.exchanges),
        tick.version,
        outcome.sentence,
        tick.maintenance,
        _certificate_us(outcome) if outcome.measurements else None,
        outcome.id if whole or elsewhere else None,
        outcome if whole and not elsewhere else None,
    )


def missed_line(seq: int, missed: Missed) -> MissedLine:
    return MissedLine(seq, missed.key, microseconds(missed.first_at), missed.ticks)


def without_details(line: Line) -> Line:
    """Return a line without its whole outcome."""
    if isinstance(line, TickLine) and line.outcome is not None:
        return line._replace(outcome=None, outcome_id=None)
    return line


def trigger_of(flags: int) -> Trigger:
    return _TRIGGERS[flags >> 1]


def microseconds(at: datetime) -> int:
    """Return an instant as whole microseconds since 1970; `instant` is its inverse."""
    since = at - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def instant(us: int) -> datetime:
    return _EPOCH + us * _MICROSECOND


def ticks_in(lines: Iterable[Line]) -> Iterator[TickLine]:
    return (line for line in lines if isinstance(line, TickLine))


def _phases(exchanges: tuple[Exchange, ...]) -> tuple[int | None, ...]:
    if not exchanges:
        return (None,) * 5
    if len(exchanges) == 1:
        p = exchanges[0].phases
        return tuple([_us(s) for s in (p.dns_s, p.connect_s, p.tls_s, p.first_byte_s, p.body_s)])
    sums: list[float | None] = [None] * 5
    for exchange in exchanges:
        p = exchange.phases
        for place, seconds in enumerate((p.dns_s, p.connect_s, p.tls_s, p.first_byte_s, p.body_s)):
            if seconds is not None:
                sums[place] = (sums[place] or 0.0) + seconds
    return tuple([_us(s) for s in sums])


def _us(seconds: float | None) -> int | None:
    return None if seconds is None else min(round(seconds * 1e6), _LARGEST_US)


def _certificate_us(outcome: Outcome) -> int | None:
    seen = [m.value for m in outcome.measurements if m.name == CERTIFICATE_ENDS]
    return round(min(seen) * 1e6) if seen else None

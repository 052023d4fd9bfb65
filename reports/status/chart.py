"""This file is for the latency chart as data: percentile lines, phases, deploys, maintenance and gaps as SVG geometry."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby

from reports.page import seconds
from reports.status.words import age, count
from reports.store.watch.answers import PHASES, Bucket, Counts, Gap

RANGES_S = {  # how long, and a stretch of it
    "3h": (3 * 3600, 300),
    "24h": (86_400, 900),
    "7d": (7 * 86_400, 7200),
    "30d": (30 * 86_400, 28_800),
}
USUAL = "24h"
SAID = {"3h": "3 hours", "24h": "24 hours", "7d": "7 days", "30d": "30 days"}
WIDTH, HEIGHT = 1000, 200
_STEPS = (1.0, 1.2, 1.6, 2.0, 2.4, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0)  # each of them still round when it is quartered
_TICKS = 4
_QUANTILES = (("p50", 0.5), ("p95", 0.95), ("p99", 0.99))


@dataclass(frozen=True, slots=True)
class Marker:
    """A deployment: where it is in percent of the width, and what is said of it."""

    at: datetime
    x: float
    label: str
    title: str
    side: str  # where its label has room: start or end


@dataclass(frozen=True, slots=True)
class Stretch:
    """A shaded time: maintenance, or a gap in which nothing was watched. In percent of the width."""

    x: float
    width: float
    title: str


@dataclass(frozen=True, slots=True)
class Figure:
    """One row of the table behind the chart."""

    at: datetime
    ticks: str
    p50: str
    p95: str
    p99: str
    bad: int


@dataclass(frozen=True, slots=True)
class Instant:
    """One label of the time axis."""

    at: datetime
    text: str


@dataclass(frozen=True, slots=True)
class Chart:
    """Everything that the template draws. Paths are in a box of WIDTH by HEIGHT that is stretched; the rest is in percent."""

    range: str
    empty: bool
    words: str
    lines: tuple[tuple[str, str], ...]
    band: str
    phases: tuple[tuple[str, str], ...]
    steps: tuple[str, ...]  # of the latency axis, from the top
    phase_steps: tuple[str, ...]
    times: tuple[Instant, ...]
    deploys: tuple[Marker, ...]
    maintained: tuple[Stretch, ...]
    gaps: tuple[Stretch, ...]
    bad: tuple[Stretch, ...]
    figures: tuple[Figure, ...]


def bounds(name: str, now: datetime) -> tuple[datetime, datetime, int]:
    """Return since, until and the length of a stretch in seconds, on the grid of the rollups."""
    length, span = RANGES_S[name]
    until = datetime.fromtimestamp((int(now.timestamp()) // span + 1) * span, now.tzinfo)
    return until - timedelta(seconds=length), until, span


def filled(buckets: Sequence[Bucket], since: datetime, until: datetime, span_s: int) -> list[Bucket]:
    """Return every stretch of the chart, oldest first: those that hold nothing are missing in what the store says."""
    by_start = {bucket.at: bucket for bucket in buckets}
    starts = (since + timedelta(seconds=span_s * place) for place in range(int((until - since).total_seconds()) // span_s))
    return [by_start.get(at) or Bucket(at, span_s, Counts()) for at in starts]


def chart(
    name: str,
    buckets: Sequence[Bucket],
    since: datetime,
    until: datetime,
    *,
    deploys: Sequence[tuple[datetime, str]] = (),
    gaps: Sequence[Gap] = (),
) -> Chart:
    """Return the chart of these buckets, oldest first. Where there was no good tick, lines are broken, not drawn through."""
    where = _scale(since, until)
    top = _nice(max((b.quantile_s(0.99) or 0.0 for b in buckets), default=0.0))
    phase_top = _nice(max((sum(b.phases_s.values()) for b in buckets), default=0.0))
    runs = list(_runs(buckets))
    lines = tuple((word, "".join(_line(run, q, top, where) for run in runs)) for word, q in reversed(_QUANTILES))
    return Chart(
        range=name,
        empty=not runs,
        words=_words(name, buckets),
        lines=lines if top else (),
        band="".join(_band(run, top, where) for run in runs) if top else "",
        phases=_phases(runs, phase_top, where) if phase_top else (),
        steps=_axis(top), phase_steps=_axis(phase_top), times=_times(since, until),
        deploys=tuple(_marker(at, version, where) for at, version in deploys if since <= at <= until),
        maintained=tuple(_maintained(buckets, where)),
        gaps=tuple(_gap(gap, since, until, where) for gap in gaps if gap.until_at > since and gap.from_at < until),
        bad=tuple(_bad(buckets, where)),
        figures=tuple(_figure(b) for b in reversed(buckets) if b.counts.asked or b.counts.maintained or b.counts.missed),
    )  # fmt: skip


Where = Callable[[datetime], float]  # an instant's place, 0 to 1


def _scale(since: datetime, until: datetime) -> Where:
    whole = (until - since).total_seconds()
    return lambda at: min(1.0, max(0.0, (at - since).total_seconds() / whole))


def _runs(buckets: Sequence[Bucket]) -> Iterator[list[Bucket]]:
    """Yield buckets that have durations and follow each other without a hole."""
    for has, run in groupby(buckets, key=lambda b: bool(b.durations)):
        part: list[Bucket] = []
        for bucket in run if has else ():
            if part and bucket.at - part[-1].at > timedelta(seconds=1.5 * bucket.length_s):
                yield part
                part = []
            part.append(bucket)
        if part:
            yield part


def _points(run: Sequence[Bucket], value: Callable[[Bucket], float], top: float, where: Where) -> list[str]:
    """Return points in the middle of each bucket; a single one becomes a short stroke, so that it can be seen."""
    middle = timedelta(seconds=run[0].length_s / 2)
    points = [(where(b.at + middle) * WIDTH, HEIGHT * (1 - min(1.0, value(b) / top))) for b in run]
    if len(points) == 1:
        x, y = points[0]
        points = [(x - 3, y), (x + 3, y)]
    return [f"{x:.1f} {y:.1f}" for x, y in points]


def _line(run: Sequence[Bucket], q: float, top: float, where: Where) -> str:
    return "M" + "L".join(_points(run, lambda b: b.quantile_s(q) or 0.0, top, where)) if top else ""


def _band(run: Sequence[Bucket], top: float, where: Where) -> str:
    upper = _points(run, lambda b: b.quantile_s(0.95) or 0.0, top, where)
    lower = _points(run, lambda b: b.quantile_s(0.5) or 0.0, top, where)
    return "M" + "L".join([*upper, *reversed(lower)]) + "z"


def _phases(runs: Sequence[Sequence[Bucket]], top: float, where: Where) -> tuple[tuple[str, str], ...]:
    """Return one area a phase, each standing on those before it."""
    drawn = []
    for place, phase in enumerate(PHASES):
        if not any(b.phases_s.get(phase) for run in runs for b in run):
            continue
        below, upto = PHASES[:place], PHASES[: place + 1]
        areas = (
            "M" + "L".join([*_points(run, _sum_of(upto), top, where), *reversed(_points(run, _sum_of(below), top, where))]) + "z"
            for run in runs
        )
        drawn.append((phase, "".join(areas)))
    return tuple(drawn)


def _sum_of(phases: Sequence[str]) -> Callable[[Bucket], float]:
    return lambda b: sum(b.phases_s.get(phase, 0.0) for phase in phases)


def _nice(most: float) -> float:
    """Return a round number that is not smaller: one of the steps of a power of ten."""
    if most <= 0:
        return 0.0
    power = 10.0 ** _floor_log10(most)
    return next(step * power for step in _STEPS if step * power >= most * 0.999999)


def _floor_log10(value: float) -> int:
    return int(f"{value:e}".partition("e")[2])


def _axis(top: float) -> tuple[str, ...]:
    return tuple(_short(top * place / _TICKS) for place in range(_TICKS, -1, -1)) if top else ()


def _short(value: float) -> str:
    if value == 0:
        return "0"
    return f"{value * 1000:g} ms" if value < 1 else f"{value:g} s"


def _times(since: datetime, until: datetime) -> tuple[Instant, ...]:
    step = (until - since) / _TICKS
    long = until - since > timedelta(days=2)
    instants = (since + step * place for place in range(_TICKS + 1))
    return tuple(Instant(at, f"{at:%d %b}" if long else f"{at:%H:%M}") for at in instants)


def _marker(at: datetime, version: str, where: Where) -> Marker:
    x = round(where(at) * 100, 2)
    return Marker(at, x, version, f"{version} was deployed on {at:%Y-%m-%d %H:%M} UTC", "end" if x > 80 else "start")


def _maintained(buckets: Sequence[Bucket], where: Where) -> Iterator[Stretch]:
    for marked, run in groupby(buckets, key=lambda b: b.counts.maintained > 0):
        part = list(run)
        if marked:
            start, end = part[0].at, part[-1].at + timedelta(seconds=part[-1].length_s)
            yield _stretch(start, end, "maintenance", where)


def _bad(buckets: Sequence[Bucket], where: Where) -> Iterator[Stretch]:
    """Yield the stretches in which something was not good, so that failures are seen beside what was deployed."""
    for bucket in buckets:
        c = bucket.counts
        many = c.failed + c.errors + c.inconclusive
        if many:
            end = bucket.at + timedelta(seconds=bucket.length_s)
            yield _stretch(bucket.at, end, f"{many} of {count(c.asked, 'tick')} not good", where)


def _gap(gap: Gap, since: datetime, until: datetime, where: Where) -> Stretch:
    return _stretch(max(gap.from_at, since), min(gap.until_at, until), "not watched: the service did not run", where)


def _stretch(start: datetime, end: datetime, what: str, where: Where) -> Stretch:
    x = round(where(start) * 100, 2)
    told = f"{what}, {start:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M} UTC ({age((end - start).total_seconds())})"
    return Stretch(x, max(0.2, round(where(end) * 100 - x, 2)), told)


def _figure(b: Bucket) -> Figure:
    p50, p95, p99 = (seconds(value) if (value := b.quantile_s(q)) is not None else "–" for _, q in _QUANTILES)
    c = b.counts
    told = [count(c.asked, "tick")]
    told += [f"{many} {word}" for many, word in ((c.maintained, "in maintenance"), (c.missed, "missed")) if many]
    return Figure(b.at, ", ".join(told), p50, p95, p99, c.failed + c.errors + c.inconclusive)


def _words(name: str, buckets: Sequence[Bucket]) -> str:
    """Return what the chart says, for those who do not see it."""
    durations: dict[int, int] = {}
    for bucket in buckets:
        for place, many in bucket.durations.items():
            durations[place] = durations.get(place, 0) + many
    if not durations:
        return f"No good tick in the last {SAID[name]}, so there is no latency to show."
    whole = Bucket(buckets[0].at, 0, buckets[0].counts, durations)
    told = ", ".join(f"{word} {seconds(whole.quantile_s(q) or 0.0)}" for word, q in _QUANTILES)
    return f"Latency of good ticks over the last {SAID[name]}: {told}."

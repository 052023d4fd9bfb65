"""This file is for saying a series of the board, its ticks, its chart and its strip as the API's answers."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any

from reports.store.watch.answers import WINDOWS_S, Bucket, Counts, Slot, TickSeen
from scenarios.schedule_spec import ScheduleSpec
from scenarios.watch.events import SeriesKey
from vedette.service.api.models import (
    BucketAnswer,
    CountsAnswer,
    ScheduleAnswer,
    SeriesBrief,
    SeriesDetail,
    SlotAnswer,
    TickAnswer,
)

if TYPE_CHECKING:
    from reports.board import Board
    from reports.line import Line
    from vedette.service.state import Service

_SAME = ("verdict", "sentence", "since_at", "last_at", "last_good_at", "duration_s", "in_row", "version", "maintenance",
         "outcome_id", "certificate_expires_at")  # fmt: skip
_OF_SUBJECT = ("kind", "environment", "severity", "tags", "owner", "runbook")


class Ordered:
    """The lines of a board in the order of their keys, sorted anew only where lines came or went."""

    def __init__(self, board: Board) -> None:
        self._board = board
        self._revision = -1
        self._lines: list[Line] = []

    def after(self, key: SeriesKey | None) -> Iterator[Line]:
        """Return the lines behind a key. To be called and read on the event loop's thread, without an `await` between."""
        lines = self._board.lines()  # also where they are the same: it marks those that are no longer asked
        if self._revision != self._board.revision:
            self._lines = sorted(lines, key=_key)
            self._revision = self._board.revision
        return islice(self._lines, 0 if key is None else bisect_right(self._lines, key, key=_key), None)


def ordered(state: Any) -> Ordered:
    """Return the ordered lines of an application, made when somebody asks for the first time."""
    if not hasattr(state, "ordered"):
        state.ordered = Ordered(state.service.board)
    return state.ordered  # type: ignore[no-any-return]


def _key(line: Line) -> SeriesKey:
    return line.key


def brief(service: Service, line: Line) -> SeriesBrief:
    """Return a series as a list shows it. To be called on the event loop's thread: the board changes there."""
    return SeriesBrief(**_brief(service, line))


def detail(service: Service, line: Line) -> SeriesDetail:
    """Return a series with all that is known of it. To be called on the event loop's thread."""
    watched = service.watcher.series.get(line.key)
    return SeriesDetail(
        **_brief(service, line),
        why=line.subject.why,
        sign_off=line.subject.sign_off,
        first_seen_at=line.first_seen_at,
        schedule=None if watched is None else schedule(watched.schedule),
        timeout_s=None if watched is None else watched.scenario.timeout,
        counts={window: counts(line.counts(window)) for window in WINDOWS_S},
    )


def schedule(spec: ScheduleSpec) -> ScheduleAnswer:
    return ScheduleAnswer(every_s=spec.every, cron=spec.cron, timezone=spec.timezone)


def counts(given: Counts) -> CountsAnswer:
    return CountsAnswer.model_validate(given)


def tick(seen: TickSeen) -> TickAnswer:
    return TickAnswer.model_validate(seen)


def bucket(given: Bucket) -> BucketAnswer:
    quantiles = {name: given.quantile_s(q) for name, q in (("p50_s", 0.5), ("p95_s", 0.95), ("p99_s", 0.99))}
    return BucketAnswer(
        at=given.at,
        length_s=given.length_s,
        counts=counts(given.counts),
        mean_s=given.mean_s,
        mean_phases_s=dict(given.phases_s),
        **quantiles,
    )


def slot(given: Slot) -> SlotAnswer:
    return SlotAnswer(at=given.at, length_s=given.length_s, worst=given.worst, counts=counts(given.counts))


def _brief(service: Service, line: Line) -> dict[str, Any]:
    return {
        "slug": line.slug,
        **line.key._asdict(),
        **{name: getattr(line.subject, name) for name in _OF_SUBJECT},
        **{name: getattr(line, name) for name in _SAME},
        "mark": line.mark,
        "is_problem": line.is_problem,
        "trouble": line.trouble if line.is_problem else "",
        "pass_ratio": dict(line.ratios()),
        "next_due_at": service.watcher.next_due(line.key),
    }

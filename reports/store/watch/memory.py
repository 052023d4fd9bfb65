"""This file is for what the writer of ticks remembers of each series, loaded once for many, so that a tick costs no query."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, func, select
from sqlalchemy.orm import aliased
from sqlmodel import col

from probes.outcome import Subject, Verdict
from reports.store.lines import subject, subject_json
from reports.store.rows import clean_text
from reports.store.watch.lines import Line, MissedLine, TickLine, instant
from reports.store.watch.rollups import COLUMNS, SPANS_S, Rollup
from reports.store.watch.standing import Standing
from reports.store.watch.tables import RollupRow, SeriesRow, TickRow
from reports.store.writer import insert_new
from scenarios.watch.events import SeriesKey

_NONE_YET = -1  # `at` of a rollup that stands for none


class Known:
    """What is remembered of one series. `rollups` holds the newest of each span: what comes later begins a new one."""

    __slots__ = ("certificate_at", "id", "newest_us", "outcome_id", "rollups", "standing", "subject", "told")

    def __init__(self, row: RowMapping) -> None:
        self.id: int = row["id"]
        self.subject: Subject = subject(row["subject"])
        self.standing = standing_of(row)
        self.outcome_id: str | None = row["outcome_id"]
        self.certificate_at: datetime | None = row["certificate_expires_at"]
        self.told: tuple[str, str, str] | None = None  # sentence, version and maintenance as they were told last
        self.newest_us = -1  # of its ticks
        self.rollups = [Rollup(_NONE_YET) for _ in SPANS_S]


class Memory:
    """The series that were written to. Right as long as nobody else writes to them: `forget` when in doubt."""

    def __init__(self) -> None:
        self._known: dict[SeriesKey, Known] = {}

    def forget(self) -> None:
        self._known.clear()

    @property
    def known(self) -> Mapping[SeriesKey, Known]:
        """Return the series that were `learned`."""
        return self._known

    def learn(self, connection: Connection, lines: Iterable[Line]) -> None:
        """Load the series of these lines, and make rows for those that have none."""
        unknown: dict[SeriesKey, TickLine | MissedLine] = {}
        for line in lines:
            if isinstance(line, TickLine | MissedLine) and line.key not in self._known:
                earlier = unknown.setdefault(line.key, line)
                if isinstance(earlier, MissedLine):  # it knows no more than names
                    unknown[line.key] = line
        if not unknown:
            return
        found = _rows(connection, unknown)
        new = [_new_row(line) for key, line in unknown.items() if _clean(key) not in found]
        if new:
            connection.execute(insert_new(connection, SeriesRow), new)
            found = _rows(connection, unknown)
        made = {key: Known(found[_clean(key)]) for key in unknown}
        _load_newest(connection, {known.id: known for known in made.values()})
        self._known.update(made)


def standing_of(row: Mapping[str, Any] | RowMapping) -> Standing:
    """Return how a series stands, as its row says."""
    return Standing(
        Verdict(row["verdict"]) if row["verdict"] else None,
        row["sentence"],
        row["since_at"],
        row["last_at"],
        row["last_good_at"],
        row["duration_s"],
        row["in_row"],
        row["good"],
        row["version"],
        row["maintenance"],
    )


def _rows(connection: Connection, keys: Iterable[SeriesKey]) -> dict[SeriesKey, RowMapping]:
    table = SeriesRow.__table__  # type: ignore[attr-defined]
    by_suite: defaultdict[str, set[str]] = defaultdict(set)
    for key in map(_clean, keys):
        by_suite[key.suite].add(key.scenario)
    found: dict[SeriesKey, RowMapping] = {}
    for suite, scenarios in by_suite.items():
        wanted = select(table).where(table.c.suite == suite, table.c.scenario.in_(scenarios))
        found.update((key_of(row), row) for row in connection.execute(wanted).mappings())
    return found


def key_of(row: Mapping[str, Any] | RowMapping) -> SeriesKey:
    return SeriesKey(row["suite"], row["scenario"], row["target"], row["location"])


def _clean(key: SeriesKey) -> SeriesKey:
    return SeriesKey(*map(clean_text, key))


def _new_row(line: TickLine | MissedLine) -> dict[str, Any]:
    if isinstance(line, MissedLine):  # the first tick tells the rest
        known, us = Subject(line.key.suite, line.key.scenario, "", line.key.target, ""), line.first_us
    else:
        known, us = line.subject, line.started_us
    return {
        **_clean(line.key)._asdict(),
        "subject": subject_json(known),
        "first_seen_at": instant(us),
        "sentence": "",
        "in_row": 0,
        "version": "",
        "maintenance": "",
    }


def _load_newest(connection: Connection, by_id: Mapping[int, Known]) -> None:
    """Load what tells whether something new really is newer: the newest tick, and the newest rollup of each span."""
    series = col(SeriesRow.id)
    newest = select(func.max(col(TickRow.started_us))).where(col(TickRow.series_id) == series).scalar_subquery()
    for series_id, us in connection.execute(select(series, newest).where(series.in_(by_id))):
        by_id[series_id].newest_us = -1 if us is None else us
    other = aliased(RollupRow)
    for place, span_s in enumerate(SPANS_S):
        last = (
            select(func.max(col(other.at))).where(col(other.series_id) == series, col(other.span_s) == span_s).scalar_subquery()
        )
        wanted = (
            select(*(getattr(RollupRow, name) for name in COLUMNS))
            .join(SeriesRow, col(RollupRow.series_id) == series)
            .where(series.in_(by_id), col(RollupRow.span_s) == span_s, col(RollupRow.at) == last)
        )
        for row in connection.execute(wanted):
            by_id[row[0]].rollups[place] = Rollup.of_row(row)


def stored_rollup(connection: Connection, series_id: int, span_s: int, at: int) -> Rollup:
    """Return the rollup of one stretch, an empty one where there is none."""
    wanted = select(*(getattr(RollupRow, name) for name in COLUMNS)).where(
        col(RollupRow.series_id) == series_id, col(RollupRow.span_s) == span_s, col(RollupRow.at) == at
    )
    row: Sequence[Any] | None = connection.execute(wanted).first()
    return Rollup(at) if row is None else Rollup.of_row(row)

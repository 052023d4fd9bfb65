"""This file is for what the queries of watching share: series by key, counts out of rows, lists cut into pieces."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from typing import Any

from sqlalchemy import Connection, Integer, RowMapping, cast, func, select
from sqlmodel import col

from probes.outcome import Verdict
from reports.store.lines import subject
from reports.store.watch.answers import Counts, SeriesState
from reports.store.watch.memory import key_of
from reports.store.watch.rollups import COUNTS
from reports.store.watch.tables import RollupRow, SeriesRow
from scenarios.watch.events import SeriesKey

AT_ONCE = 500  # series in one statement

SERIES: Any = SeriesRow.__table__  # type: ignore[attr-defined]
ROLLUPS: Any = RollupRow.__table__  # type: ignore[attr-defined]
ROLLUP_COUNTS = tuple(getattr(ROLLUPS.c, name) for name in COUNTS)
_NOTHING_MORE = (0,) * (len(COUNTS) - 1)

_WORST_FIRST = (
    (2, Verdict.FAIL), (3, Verdict.ERROR), (4, Verdict.INCONCLUSIVE),
    (1, Verdict.DEGRADED), (0, Verdict.PASS), (5, Verdict.SKIPPED),
)  # by place in COUNTS  # fmt: skip


def pieces(ids: Collection[int]) -> Iterator[Sequence[int]]:
    """Yield the ids in lists that one statement takes."""
    everything = list(ids)
    for start in range(0, len(everything), AT_ONCE):
        yield everything[start : start + AT_ONCE]


def added_up(connection: Connection, where: Sequence[Any], place: Any) -> Iterator[tuple[int, int, tuple[int, ...]]]:
    """Yield series, place and the sum of the counts there, in the order of both, of those rollups that fit.

    Most rollups hold passes and nothing else: passes are added up apart from the few rollups that hold more, because
    sorting ten thousands of rows of eight columns is what would take the time.
    """
    passed, *others = (cast(func.sum(column), Integer) for column in ROLLUP_COUNTS)  # PostgreSQL's sums are decimals
    at, series = place.label("place"), ROLLUPS.c.series_id
    by_place = select(series, at).where(*where).group_by(series, "place").order_by(series, "place")
    more = sum(ROLLUP_COUNTS[2:], ROLLUP_COUNTS[1]) > 0
    rest = {(row[0], row[1]): tuple(row[2:]) for row in connection.execute(by_place.add_columns(*others).where(more)).all()}
    for row in connection.execute(by_place.add_columns(passed)).all():
        yield row[0], row[1], (row[2], *rest.get((row[0], row[1]), _NOTHING_MORE))


def ids_of(connection: Connection, keys: Collection[SeriesKey]) -> dict[int, SeriesKey]:
    """Return the series that there are, by id."""
    by_suite: defaultdict[str, set[str]] = defaultdict(set)
    for key in keys:
        by_suite[key.suite].add(key.scenario)
    wanted = set(keys)
    found: dict[int, SeriesKey] = {}
    for suite, names in by_suite.items():
        scenarios = sorted(names)
        for start in range(0, len(scenarios), AT_ONCE):
            named = SERIES.c.scenario.in_(scenarios[start : start + AT_ONCE])
            query = select(SERIES.c.id, SERIES.c.suite, SERIES.c.scenario, SERIES.c.target, SERIES.c.location)
            for row in connection.execute(query.where(SERIES.c.suite == suite, named)):
                key = SeriesKey(*row[1:])
                if key in wanted:
                    found[row[0]] = key
    return found


def id_of(connection: Connection, key: SeriesKey) -> int | None:
    return connection.execute(select(col(SeriesRow.id)).where(*is_named(key))).scalar()


def is_named(key: SeriesKey) -> list[Any]:
    """Return the conditions of one series' row."""
    return [SERIES.c[name] == value for name, value in key._asdict().items()]


def state_of(row: RowMapping) -> SeriesState:
    """Return the state that a series' row holds."""
    return SeriesState(
        id=row["id"],
        key=key_of(row),
        subject=subject(row["subject"]),
        first_seen_at=row["first_seen_at"],
        verdict=Verdict(row["verdict"]) if row["verdict"] else None,
        sentence=row["sentence"],
        since_at=row["since_at"],
        last_at=row["last_at"],
        last_good_at=row["last_good_at"],
        duration_s=row["duration_s"],
        in_row=row["in_row"],
        outcome_id=row["outcome_id"],
        version=row["version"],
        certificate_expires_at=row["certificate_expires_at"],
        maintenance=row["maintenance"],
        good=row["good"],
        retired_at=row["retired_at"],
    )


class Counted:
    """Makes counts out of rows, each different one once: of thousands of slots most hold the same."""

    def __init__(self) -> None:
        self._made: dict[tuple[int, ...], tuple[Counts, Verdict | None]] = {}

    def of(self, values: Sequence[int]) -> tuple[Counts, Verdict | None]:
        """Return the counts of values in the order of COUNTS, and the worst verdict among them."""
        exactly = tuple(values)
        made = self._made.get(exactly)
        if made is None:
            numbers = [int(value) for value in exactly]  # PostgreSQL's sums are decimals
            worst = next((verdict for place, verdict in _WORST_FIRST if numbers[place]), None)
            made = self._made[exactly] = Counts(*numbers), worst
        return made

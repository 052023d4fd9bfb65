"""This file is for asking what watching left behind: how series stand, counts, strips, charts, ticks, gaps. It blocks."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import Connection, select, update

from probes.outcome import Outcome
from reports.store.database import Database
from reports.store.reading import outcome_by_id
from reports.store.watch import counting, drawing, lives, renaming
from reports.store.watch.answers import WINDOWS_S, Bucket, Counts, Gap, SeriesState, Slot, TickSeen
from reports.store.watch.pruning import Pruned, prune
from reports.store.watch.selecting import SERIES, id_of, ids_of, is_named, state_of
from scenarios.watch.events import SeriesKey

FINE_KEPT = timedelta(days=4)  # rollups of five minutes are younger
COARSE_KEPT = timedelta(days=400)  # and those of an hour

Counted = Sequence[tuple[float, Counts]]  # start of each stretch, in seconds since 1970


def utc_now() -> datetime:
    return datetime.now(UTC)


class WatchHistory:
    """The stored history of one database. For threads; every method raises StoreError where the store cannot be used."""

    def __init__(self, where: Path | str, *, clock: Callable[[], datetime] = utc_now) -> None:
        self._database = Database(where)
        self._clock = clock

    def close(self) -> None:
        self._database.close()

    # How series stand

    def states(self, location: str) -> list[SeriesState]:
        """Return every series of a location as it stood last, also those that are watched no longer."""
        with self._database.reading() as connection:
            found = connection.execute(select(SERIES).where(SERIES.c.location == location).order_by(SERIES.c.id))
            return [state_of(row) for row in found.mappings()]

    def state(self, key: SeriesKey) -> SeriesState | None:
        with self._database.reading() as connection:
            row = connection.execute(select(SERIES).where(*is_named(key))).mappings().first()
        return None if row is None else state_of(row)

    # Counts

    def counts_between(self, keys: Collection[SeriesKey], since: datetime, until: datetime) -> dict[SeriesKey, Counts]:
        """Return the counts of the ticks that began between two instants, exactly; of series without any, none are zero."""
        with self._database.reading() as connection:
            ids = ids_of(connection, keys)
            found = counting.counts_between(connection, ids, since, until, self._fine_from_s())
        return {key: Counts() for key in keys} | {ids[series]: counts for series, counts in found.items()}

    def window_counts(self, location: str, now: datetime) -> dict[SeriesKey, dict[str, Counts]]:
        """Return the counts of every watched series over each of the windows that end now."""
        until = now + timedelta(microseconds=1)
        with self._database.reading() as connection:
            ids = {series: key for some, keys in counting.series_of(connection, location) for series, key in keys.items()}
            told: dict[SeriesKey, dict[str, Counts]] = {key: {} for key in ids.values()}
            for name, length_s in WINDOWS_S.items():
                since = now - timedelta(seconds=length_s)
                found = counting.counts_between(connection, ids, since, until, self._fine_from_s())
                for series, key in ids.items():
                    told[key][name] = found.get(series, _NONE)
        return told

    def minute_counts(self, location: str, since: datetime) -> Iterator[tuple[SeriesKey, Counted]]:
        """Yield each watched series that has ticks with its counts by minute."""
        with self._database.reading() as connection:
            yield from counting.minute_counts(connection, location, since)

    def hour_counts(
        self,
        location: str,
        since: datetime,
        until: datetime | None = None,
        *,
        whole: datetime | None = None,
        whole_s: int = 3 * 3600,
    ) -> Iterator[tuple[SeriesKey, Counted]]:
        """Yield each watched series that has ticks with its counts by hour; before `whole`, by `whole_s` seconds."""
        with self._database.reading() as connection:
            yield from counting.hour_counts(connection, location, since, until, whole, whole_s)

    # What pages show

    def strips(self, keys: Collection[SeriesKey], slots: int, slot_s: int, until: datetime) -> dict[SeriesKey, list[Slot]]:
        """Return the newest slots of each series, the oldest first; `slot_s` is a multiple of 300. Slots lie on a fixed grid."""
        with self._database.reading() as connection:
            ids = ids_of(connection, keys)
            found = drawing.strips(connection, ids, slots, slot_s, until, self._fine_from_s())
        return found if len(found) == len(keys) else drawing.empty_strips(keys, slots, slot_s, until) | found

    def chart(self, key: SeriesKey, since: datetime, until: datetime, span_s: int) -> list[Bucket]:
        """Return the stretches that hold anything, the oldest first; `span_s` is a multiple of 300."""
        with self._of(key) as (connection, series):
            if series is None:
                return []
            return drawing.chart(connection, series, since, until, span_s, self._fine_from_s())

    def durations_between(
        self, keys: Collection[SeriesKey], since: datetime, until: datetime
    ) -> Mapping[SeriesKey, Mapping[int, int]]:
        """Return the durations of good ticks by bucket, by whole hours, in one go for all series of a page."""
        with self._database.reading() as connection:
            return drawing.durations_between(connection, ids_of(connection, keys), since, until)

    def recent(self, key: SeriesKey, limit: int, before: datetime | None = None, only_bad: bool = False) -> list[TickSeen]:
        """Return the newest ticks first, those that began before an instant."""
        with self._of(key) as (connection, series):
            return [] if series is None else drawing.recent(connection, series, limit, before, only_bad=only_bad)

    def outcome(self, outcome_id: str) -> Outcome | None:
        """Return a whole outcome with its evidence, None where it was not kept or is forgotten."""
        with self._database.reading() as connection:
            return outcome_by_id(connection, outcome_id)

    # Lives of services

    def begin(self, service_id: str, location: str, version: str, at: datetime) -> None:
        """Note that a service began; the tables are made where there are none."""
        self._database.make_ready()
        with self._database.writing() as connection:
            lives.begin(connection, service_id, location, version, at)

    def alive(self, service_id: str, at: datetime) -> None:
        with self._database.writing() as connection:
            lives.alive(connection, service_id, at)

    def stopped(self, service_id: str, at: datetime) -> None:
        with self._database.writing() as connection:
            lives.stopped(connection, service_id, at)

    def gaps(self, location: str, since: datetime) -> list[Gap]:
        """Return the times in which no service of a location ran, the oldest first, those that end after `since`."""
        with self._database.reading() as connection:
            return lives.gaps(connection, location, since)

    # What changes

    def rename(self, old: SeriesKey, new: SeriesKey) -> bool:
        """Let a series go on under another name; one that has it already becomes part of it. Return whether there was one."""
        with self._database.writing() as connection:
            return renaming.rename(connection, old, new)

    def retire(self, keys: Collection[SeriesKey], at: datetime) -> None:
        """Note that series are watched no longer; their next tick takes that back."""
        with self._database.writing() as connection:
            for series in ids_of(connection, keys):
                connection.execute(update(SERIES).where(SERIES.c.id == series).values(retired_at=at))

    def prune(
        self,
        ticks_before: datetime,
        fine_rollups_before: datetime | None = None,
        outcomes_before: datetime | None = None,
        limit: int = 100_000,
        *,
        rollups_before: datetime | None = None,
    ) -> Pruned:
        """Forget what is older, `limit` rows at most a call, in small transactions; ask again where there is `more`."""
        now = self._clock()
        return prune(
            self._database,
            ticks_before=ticks_before,
            fine_rollups_before=fine_rollups_before or now - FINE_KEPT,
            rollups_before=rollups_before or now - COARSE_KEPT,
            outcomes_before=outcomes_before or ticks_before,
            limit=limit,
        )

    @contextmanager
    def _of(self, key: SeriesKey) -> Iterator[tuple[Connection, int | None]]:
        with self._database.reading() as connection:
            yield connection, id_of(connection, key)

    def _fine_from_s(self) -> int:
        return int((self._clock() - FINE_KEPT + timedelta(hours=1)).timestamp())  # pruning may be a little late or early


_NONE = Counts()

"""This file is for asking the store: runs, one run whole, a scenario's timeline, and for forgetting what is old."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import Connection, RowMapping, Select, and_, delete, func, or_, select
from sqlmodel import col

from probes.outcome import Outcome, Severity, Verdict
from reports.store import rows
from reports.store.answers import OutcomeLine, Point, RunSummary
from reports.store.database import Database
from reports.store.errors import StoreError
from reports.store.lines import Record, from_line
from reports.store.reading import newest_outcomes, outcomes_of
from reports.store.tables import OutcomeRow, RunRow
from reports.store.writer import Writer
from scenarios.events import Ended, RunResult

ASKED_FOR = ("smoke", "deploy")  # kinds of runs that somebody asked for
_OF_A_STRETCH = 1000  # outcomes of a stretch of watching, which may hold a million

_GROUP = 500  # records in one transaction when a file is taken in
_BRIEF = ("scenario", "severity", "verdict", "sentence", "started_at", "duration_s")


class Store:
    """The stored runs of one SQLite file (a path) or one database (an address with `://`).

    Every method raises StoreError, with one sentence, where the store cannot be used.
    """

    def __init__(self, where: Path | str) -> None:
        self._database = Database(where)

    def runs(
        self,
        limit: int = 20,
        suite: str | None = None,
        target: str | None = None,
        *,
        kind: str | None = None,
        kinds: Collection[str] = ASKED_FOR,
        before: tuple[datetime, str] | None = None,
    ) -> list[RunSummary]:
        """Return the newest runs first, finished or not; those after `before` in the list (start and id of a run).

        Stretches of watching are left out unless asked for (`kind`, or several `kinds`): there is one a day and suite.
        """
        wanted = _newest_first(select(RunRow.__table__)).limit(limit)  # type: ignore[attr-defined]
        wanted = wanted.where(col(RunRow.kind).in_(sorted([kind] if kind is not None else kinds)))
        for column, value in ((RunRow.suite, suite), (RunRow.target, target)):
            if value is not None:
                wanted = wanted.where(col(column) == value)
        if before is not None:
            started_at, run_id = col(RunRow.started_at), col(RunRow.id)
            wanted = wanted.where(or_(started_at < before[0], and_(started_at == before[0], run_id < before[1])))
        with self._database.reading() as connection:
            found = connection.execute(wanted).mappings().all()
            counted = _counts(connection, [row["id"] for row in found])
        return [_summary(row, counted[row["id"]]) for row in found]

    def summary(self, run_id: str) -> RunSummary | None:
        """Return one run without its outcomes, or None where there is none."""
        wanted = select(RunRow.__table__).where(col(RunRow.id) == run_id)  # type: ignore[attr-defined]
        with self._database.reading() as connection:
            row = connection.execute(wanted).mappings().first()
            return None if row is None else _summary(row, _counts(connection, [run_id])[run_id])

    def briefs(self, run_id: str, limit: int, after: tuple[int, str] | None = None) -> list[OutcomeLine]:
        """Return the outcomes of a run in its order without what they stand on, those after a place and an id."""
        place, outcome_id = col(OutcomeRow.place), col(OutcomeRow.id)
        columns = (place, outcome_id, *(col(getattr(OutcomeRow, name)) for name in _BRIEF))
        wanted = select(*columns).where(col(OutcomeRow.run_id) == run_id).order_by(place, outcome_id).limit(limit)
        if after is not None:
            wanted = wanted.where(or_(place > after[0], and_(place == after[0], outcome_id > after[1])))
        with self._database.reading() as connection:
            found = connection.execute(wanted).mappings().all()
        typed = ({**row, "severity": Severity(row["severity"]), "verdict": Verdict(row["verdict"])} for row in found)
        return [OutcomeLine(**one) for one in typed]

    def run(self, run_id: str = "last") -> RunResult:
        """Return one run with everything in it. `last` is the newest that somebody asked for.

        A run whose process was killed comes back as interrupted, and its trouble says so. Of a stretch of watching
        come the newest outcomes that were kept whole, and its trouble says how many there are.
        """
        wanted = _newest_first(select(RunRow.__table__)).limit(1)  # type: ignore[attr-defined]
        wanted = wanted.where(col(RunRow.kind).in_(ASKED_FOR) if run_id == "last" else col(RunRow.id) == run_id)
        with self._database.reading() as connection:
            row = connection.execute(wanted).mappings().first()
            if row is None:
                what = "no run yet" if run_id == "last" else f"no run '{run_id}'"
                raise StoreError(f"the store '{self._database.name}' holds {what}")
            if row["kind"] == "watch":
                return _stretch(row, *newest_outcomes(connection, row["id"], _OF_A_STRETCH))
            outcomes = outcomes_of(connection, row["id"])
        return _result(row, outcomes)

    def history(self, scenario: str, target: str, limit: int = 50, *, suite: str | None = None) -> list[Point]:
        """Return a scenario's earlier outcomes on a target, the newest first."""
        started_at = col(OutcomeRow.started_at)
        wanted = (
            select(started_at, col(OutcomeRow.verdict), col(OutcomeRow.duration_s), col(OutcomeRow.run_id))
            .where(col(OutcomeRow.scenario) == scenario, col(OutcomeRow.target) == target)
            .order_by(started_at.desc())
            .limit(limit)
        )
        if suite is not None:
            wanted = wanted.where(col(OutcomeRow.suite) == suite)
        with self._database.reading() as connection:
            return [Point(at, Verdict(verdict), took, run) for at, verdict, took, run in connection.execute(wanted)]

    def prune(self, before: datetime) -> int:
        """Forget all runs that started before an instant, with all that belongs to them; return how many.

        What watching keeps is left alone: the service forgets it by rules of its own (`WatchHistory.prune`).
        """
        with self._database.writing() as connection:
            old = delete(RunRow).where(col(RunRow.started_at) < before, col(RunRow.kind).in_(ASKED_FOR))
            return len(connection.execute(old.returning(col(RunRow.id))).all())

    def import_jsonl(self, path: Path) -> int:
        """Take in a rescue file, or what `-r jsonl` wrote; return how many outcomes it held.

        What is in the store already stays as it is, so the same file may be taken in again.
        """
        records = _read(path)
        self._database.make_ready()
        writer = Writer(self._database)
        for start in range(0, len(records), _GROUP):
            writer.write(records[start : start + _GROUP])
        return sum(isinstance(r, Outcome) for r in records)

    def close(self) -> None:
        self._database.close()


def _read(path: Path) -> list[Record]:
    records = []
    try:
        with path.open(encoding="utf-8") as file:
            for number, line in enumerate(file, 1):
                try:
                    records.append(from_line(line))
                except (KeyError, ValueError, TypeError, AttributeError) as problem:
                    reason = f"line {number} is not a line of a run: {problem}"
                    raise StoreError(f"'{path}' was not taken in, {reason}") from problem
    except OSError as problem:
        raise StoreError(f"'{path}' cannot be read: {problem.strerror}") from problem
    except UnicodeDecodeError as problem:
        raise StoreError(f"'{path}' was not taken in: it is not UTF-8") from problem
    return records


def _newest_first(wanted: Select[RowMapping]) -> Select[RowMapping]:
    return wanted.order_by(col(RunRow.started_at).desc(), col(RunRow.id).desc())


def _counts(connection: Connection, run_ids: Sequence[str]) -> defaultdict[str, dict[Verdict, int]]:
    run_id, verdict = col(OutcomeRow.run_id), col(OutcomeRow.verdict)
    wanted = select(run_id, verdict, func.count()).where(run_id.in_(run_ids)).group_by(run_id, verdict)
    counted: defaultdict[str, dict[Verdict, int]] = defaultdict(dict)
    for run, word, number in connection.execute(wanted):
        counted[run][Verdict(word)] = number
    return counted


def _summary(row: RowMapping, counted: dict[Verdict, int]) -> RunSummary:
    ended = Ended(row["ended"]) if row["ended"] else None
    return RunSummary(rows.run_of(row), ended, row["finished_at"], row["wall_s"], counted)


def _result(row: RowMapping, outcomes: list[Outcome]) -> RunResult:
    run = rows.run_of(row)
    if row["ended"] is None:
        return _unfinished(row, outcomes)
    return RunResult(
        run=run,
        outcomes=tuple(outcomes),
        ended=Ended(row["ended"]),
        finished_at=row["finished_at"],
        wall_s=row["wall_s"],
        critical_path_s=row["critical_path_s"],
        signal=row["signal"],
        trouble=tuple(row["trouble"]),
    )


def _stretch(row: RowMapping, outcomes: list[Outcome], number: int) -> RunResult:
    """Return a stretch of watching, which never says that it is over: another one follows it."""
    run = rows.run_of(row)
    last_seen = max([run.started_at, *(o.started_at + timedelta(seconds=o.duration_s) for o in outcomes)])
    say = f"these are the newest {len(outcomes)} of {number} outcomes that were kept whole"
    wall_s = (last_seen - run.started_at).total_seconds()
    trouble = (say,) if number > len(outcomes) else ()
    return RunResult(run, tuple(outcomes), Ended.COMPLETED, last_seen, wall_s, wall_s, trouble=trouble)


def _unfinished(row: RowMapping, outcomes: list[Outcome]) -> RunResult:
    """Return what is known of a run that was killed (or still goes on): its last sign of life stands for its end."""
    run = rows.run_of(row)
    last_seen = max([run.started_at, *(o.started_at + timedelta(seconds=o.duration_s) for o in outcomes)])
    wall_s = (last_seen - run.started_at).total_seconds()
    missing = len(row["planned"]) - len(outcomes)
    say = f"the run never said that it was over; {max(missing, 0)} of {len(row['planned'])} planned scenarios have no outcome"
    return RunResult(run, tuple(outcomes), Ended.INTERRUPTED, last_seen, wall_s, wall_s, trouble=(say,))

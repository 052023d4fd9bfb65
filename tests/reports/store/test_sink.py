"""This file is for storing while a run goes, and for losing nothing: kill -9, a lock, a full disk."""

from __future__ import annotations

import os
import resource
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy

from reports.store import Store, StoreError, StoreSink, check_store
from reports.store import sink as sink_module
from reports.store.lines import Record, from_line
from reports.store.writer import Writer
from scenarios.events import Ended, OutcomeReady, RunStarted, ScenarioStarted
from tests.reports.store.stored_runs import a_run, feed, full_outcome, run_info

ROOT = Path(__file__).parents[3]

CHILD = """
import sys
from reports.store import StoreSink
from scenarios.events import OutcomeReady, RunStarted
from tests.reports.store.stored_runs import full_outcome, run_info

run = run_info()
sink = StoreSink(sys.argv[1], acknowledged=lambda outcome_id: print(outcome_id, flush=True))
sink.take(RunStarted(run, (full_outcome(run).subject,)))
while True:
    for _ in range(20):
        sink.take(OutcomeReady(full_outcome(run)))
    sink.flush()
"""


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder for temporary files, our own one."""
    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a locked store be given up at once."""
    monkeypatch.setattr("reports.store.database.LOCKED_WAIT_S", 0.05)


@pytest.fixture
def small_disk() -> Iterator[Callable[[int], None]]:
    """Return a way to let every SQLite database of this process be full after so many pages."""
    pages = [0]

    def limit(connection: sqlite3.Connection, _record: object) -> None:
        if pages[0]:
            connection.execute(f"PRAGMA max_page_count={pages[0]}")

    sqlalchemy.event.listen(sqlalchemy.engine.Engine, "connect", limit)
    yield lambda number: pages.__setitem__(0, number)
    sqlalchemy.event.remove(sqlalchemy.engine.Engine, "connect", limit)


def test_kill_9_loses_nothing_that_was_acknowledged(path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", CHILD, str(path)], cwd=ROOT, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        printed = [child.stdout.readline().strip() for _ in range(100)]
        child.send_signal(signal.SIGKILL)
        printed += [line.strip() for line in child.stdout if line.endswith("\n")]
    assert child.returncode == -signal.SIGKILL
    with sqlite3.connect(path) as connection:
        stored = {row[0] for row in connection.execute("SELECT id FROM outcomes")}
        checks = connection.execute("SELECT count(*) FROM checks").fetchone()[0]
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    connection.close()
    assert len(printed) >= 100
    assert set(printed) <= stored
    assert checks == 2 * len(stored)  # an outcome is there with its checks or not at all
    summary = Store(path).runs()[0]
    assert (summary.ended, summary.finished_at) == (None, None)
    assert Store(path).run().ended is Ended.INTERRUPTED
    check_store(path)


def test_an_outcome_is_acknowledged_only_after_its_commit(path: Path) -> None:
    seen: list[bool] = []

    def look(outcome_id: str) -> None:
        with sqlite3.connect(path) as connection:  # another connection sees only what is committed
            found = connection.execute("SELECT 1 FROM outcomes WHERE id = ?", (outcome_id,)).fetchone()
        connection.close()
        seen.append(found is not None)

    sink = StoreSink(path, acknowledged=look)
    feed(sink, a_run(3))
    sink.close()
    assert seen == [True] * 3


def test_nobody_who_flushes_or_closes_waits_for_a_group_to_fill(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sink_module, "LINGER_S", 3600.0)
    sink = StoreSink(path)
    feed(sink, a_run(2))
    sink.flush()
    assert len(Store(path).run().outcomes) == 2
    feed(sink, a_run(sink_module.GROUP + 1))
    sink.close()
    assert [sum(r.counts.values()) for r in Store(path).runs()] == [sink_module.GROUP + 1, 2]


def test_a_full_group_is_stored_at_once_and_a_lone_outcome_soon(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sink_module, "LINGER_S", 3600.0)
    acknowledged = threading.Event()
    sink = StoreSink(path, acknowledged=lambda outcome_id: acknowledged.set())
    feed(sink, a_run(sink_module.GROUP))
    assert acknowledged.wait(30)
    sink.close()
    monkeypatch.setattr(sink_module, "LINGER_S", 0.01)
    acknowledged.clear()
    sink = StoreSink(path, acknowledged=lambda outcome_id: acknowledged.set())
    feed(sink, a_run(1))
    assert acknowledged.wait(30)
    sink.close()


def test_every_commit_waits_for_the_disk(path: Path) -> None:
    from reports.store.database import Database

    database = Database(path)
    database.make_ready()
    with database.writing() as connection:
        told = [connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in ("journal_mode", "synchronous", "foreign_keys")]
    database.close()
    assert told == ["wal", 2, 1]  # 2 is FULL


def test_nothing_is_started_before_the_first_outcome(path: Path) -> None:
    before = threading.active_count()
    sink = StoreSink(path)
    run = run_info()
    sink.take(RunStarted(run, ()))
    sink.take(ScenarioStarted(run.id, full_outcome(run).subject))
    assert threading.active_count() == before
    sink.close()
    assert Store(path).run().run == run


def test_a_sink_that_was_told_nothing_makes_no_store(path: Path) -> None:
    sink = StoreSink(path)
    sink.flush()
    sink.close()
    sink.close()
    assert not path.exists()


def test_what_comes_after_close_is_refused(path: Path) -> None:
    sink = StoreSink(path)
    feed(sink, a_run())
    sink.close()
    with pytest.raises(StoreError, match="is closed already"):
        sink.take(RunStarted(run_info(), ()))


def test_two_processes_may_store_into_one_file_at_once(path: Path) -> None:
    code = (
        "import sys; from reports.store import StoreSink; from tests.reports.store.stored_runs import a_run, feed\n"
        "for _ in range(5):\n    sink = StoreSink(sys.argv[1]); feed(sink, a_run(4)); sink.close()"
    )
    children = [subprocess.Popen([sys.executable, "-c", code, str(path)], cwd=ROOT) for _ in range(2)]
    assert [child.wait(60) for child in children] == [0, 0]
    assert len(Store(path).runs()) == 10


def test_a_lock_of_another_process_loses_nothing(path: Path, hurried: None, temporary: Path) -> None:
    feed_and_close(path)
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    result = a_run(3)
    sink = StoreSink(path)
    feed(sink, result)
    with pytest.raises(StoreError, match=r"locked by another process.*3 outcomes not stored, kept in") as problem:
        sink.close()
    holder.close()
    rescued = path.parent / f"vedette-unsaved-{result.run.id}.jsonl"
    assert str(rescued) in str(problem.value)
    assert rescued.stat().st_mode & 0o777 == 0o600
    store = Store(path)
    assert (store.import_jsonl(rescued), store.import_jsonl(rescued)) == (3, 3)
    assert store.run(result.run.id) == result


def test_a_disk_that_fills_up_in_mid_run_loses_nothing(path: Path, small_disk: Callable[[int], None]) -> None:
    feed_and_close(path)
    small_disk(path.stat().st_size // 4096 + 8)
    acknowledged: list[str] = []
    sink = StoreSink(path, acknowledged=acknowledged.append)
    result = a_run(200)
    sink.take(RunStarted(result.run, ()))
    for outcome in result.outcomes:
        sink.take(OutcomeReady(outcome))
        if len(acknowledged) < 10 and "unsaved" not in str(list(path.parent.iterdir())):
            with_failure(sink.flush)
    with pytest.raises(StoreError, match=r"the disk is full, the store '.*' cannot grow; .* outcomes not stored, kept in"):
        sink.close()
    small_disk(2**31 - 2)
    rescued = next(path.parent.glob("vedette-unsaved-*.jsonl"))
    kept = {r.id for r in map(from_line, rescued.read_text().splitlines()) if hasattr(r, "sentence")}
    assert kept | set(acknowledged) == {o.id for o in result.outcomes}
    assert not kept & set(acknowledged)
    assert acknowledged
    store = Store(path)
    store.import_jsonl(rescued)
    assert {o.id for o in store.run(result.run.id).outcomes} == {o.id for o in result.outcomes}


def test_a_store_that_may_grow_no_further_loses_nothing(path: Path, temporary: Path) -> None:
    """RLIMIT_FSIZE stops every file of the child at 24 kB: the store's log at once, the rescue file not yet."""
    feed_and_close(path)

    def run_short_of_room() -> str:
        resource.setrlimit(resource.RLIMIT_FSIZE, (24_000, 24_000))
        sink = StoreSink(path)
        feed(sink, a_run(5))
        try:
            sink.close()
        except StoreError as problem:
            return str(problem)
        return "stored"

    said = in_child(run_short_of_room)
    assert "not stored, kept in" in said
    assert "5 outcomes" in said


def test_when_no_folder_takes_the_outcomes_it_is_said_and_not_hidden(path: Path, hurried: None, temporary: Path) -> None:
    result = a_run(2)
    for folder in (path.parent, temporary):  # somebody else's files are in the way: they must not be written to
        folder.mkdir(exist_ok=True)
        (folder / f"vedette-unsaved-{result.run.id}.jsonl").write_text("not ours")
    path.write_text("no database, but long enough to be taken for one" * 10)
    sink = StoreSink(path)
    feed(sink, result)
    with pytest.raises(StoreError, match=r"is not a SQLite database.*2 outcomes could be kept nowhere"):
        sink.close()
    assert (temporary / f"vedette-unsaved-{result.run.id}.jsonl").read_text() == "not ours"


def test_a_store_that_takes_nothing_never_holds_up_the_event_loop(
    path: Path, monkeypatch: pytest.MonkeyPatch, temporary: Path
) -> None:
    gate, inside = threading.Event(), threading.Event()
    real = Writer.write

    def slow(self: Writer, records: list[Record]) -> None:
        inside.set()
        gate.wait(30)
        real(self, records)

    monkeypatch.setattr(Writer, "write", slow)
    monkeypatch.setattr(sink_module, "QUEUE_EVENTS", 3)
    sink = StoreSink(path)
    result = a_run(10)
    sink.take(RunStarted(result.run, ()))
    sink.take(OutcomeReady(result.outcomes[0]))
    assert inside.wait(30)
    for outcome in result.outcomes[1:]:
        sink.take(OutcomeReady(outcome))  # would hang here if a full queue were waited for
    gate.set()
    with pytest.raises(StoreError, match="took nothing for too long"):
        sink.close()
    store = Store(path)
    store.import_jsonl(next(path.parent.glob("vedette-unsaved-*.jsonl")))
    assert {o.id for o in store.run().outcomes} == {o.id for o in result.outcomes}


def test_a_bug_in_the_writer_is_told_and_loses_nothing(path: Path, monkeypatch: pytest.MonkeyPatch, temporary: Path) -> None:
    def broken(self: Writer, records: list[Record]) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr(Writer, "write", broken)
    sink = StoreSink(path)
    feed(sink, a_run(2))
    with pytest.raises(StoreError, match="RuntimeError: a bug; 2 outcomes not stored, kept in"):
        sink.flush()
    with pytest.raises(StoreError, match="2 outcomes not stored"):
        sink.close()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("not JSON\n", "line 1 is not a line of a run"),
        ('{"event": "outcome", "schema_version": 2}\n', "not a line of schema_version 1"),
        ('{"event": "outcome", "schema_version": 1, "outcome": {}}\n', "line 1 is not a line of a run"),
    ],
    ids=["not JSON", "another version", "cut"],
)
def test_a_file_that_is_no_run_is_not_taken_in(path: Path, tmp_path: Path, text: str, reason: str) -> None:
    (tmp_path / "x.jsonl").write_text(text)
    with pytest.raises(StoreError, match=reason):
        Store(path).import_jsonl(tmp_path / "x.jsonl")
    assert not path.exists()


def feed_and_close(path: Path) -> None:
    sink = StoreSink(path)
    feed(sink, a_run())
    sink.close()


def with_failure(flush: Callable[[], None]) -> None:
    try:
        flush()
    except StoreError:
        return


def in_child(work: Callable[[], str]) -> str:
    """Return what `work` says in a forked child, whose limits die with it."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(writing, work().encode())
        except BaseException:
            os.write(writing, traceback.format_exc().encode())
        os._exit(0)
    os.close(writing)
    with open(reading) as told:
        said = told.read()
    os.waitpid(child, 0)
    return said

"""This file is for a store that is locked, gone, full or cut off: ticks wait, arrive, and are there once."""

from __future__ import annotations

import contextlib
import errno
import os
import resource
import shutil
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy
from sqlalchemy import Connection

from probes.outcome import Verdict
from reports.store import StoreError
from reports.store.database import Database
from reports.store.watch import delivery
from reports.store.watch import sink as sink_module
from reports.store.watch.lines import microseconds
from reports.store.watch.sink import StoreFigures, TickSink
from reports.store.watch.tick_writer import TickWriter
from scenarios.watch.events import Missed, MissedReason, SeriesKey, Tick
from tests.reports.store.test_sink import in_child
from tests.reports.store.watch.looking import assert_rollups_add_up, rows, starts
from tests.reports.store.watch.ticking import AT, a_key, a_run, a_tick, every

ROOT = Path(__file__).parents[4]


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a locked store be given up at once, and be tried again soon."""
    monkeypatch.setattr("reports.store.database.LOCKED_WAIT_S", 0.05)
    monkeypatch.setattr(delivery, "RETRY_S", (0.05,))
    monkeypatch.setattr(sink_module, "LINGER_S", 0.01)


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    return tmp_path / "spool"


def batch(number: int, nth: int = 0, verdict: Verdict = Verdict.PASS) -> list[Tick]:
    return [a_tick(verdict, at=at) for at in every(1, number, since=AT + timedelta(hours=nth))]


def tell(sink: TickSink, events: object) -> None:
    for event in events:  # type: ignore[attr-defined]
        sink.take_watched(event)


def until(holds: Callable[[], bool], within_s: float = 20.0) -> None:
    """Wait for something that another thread brings about."""
    end = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.005)


def at_of(ticks: list[Tick]) -> list[int]:
    return [microseconds(tick.outcome.started_at) for tick in ticks]


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Let another process hold the writer's lock."""
    code = (
        "import sqlite3, sys; c = sqlite3.connect(sys.argv[1], isolation_level=None); c.execute('BEGIN EXCLUSIVE'); "
        "print('held', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "held\n"
        yield
        child.kill()


def test_a_locked_store_loses_nothing_and_counts_nothing_twice(path: Path, spool: Path) -> None:
    """Regression: Gatus logs that a sample could not be stored, and drops it."""
    acknowledged: list[datetime] = []
    sink = TickSink(path, spool=spool, acknowledged=lambda key, at: acknowledged.append(at))
    run, first, second, third = a_run(), batch(5), batch(7, 1, Verdict.FAIL), batch(3, 2)
    tell(sink, [run, *first])
    assert sink.flush()
    with locked(path):
        tell(sink, [*second, Missed(a_key(), AT, MissedReason.OVERLAP, 4)])
        assert not sink.flush()
        figures = sink.figures()
        assert (figures.healthy, figures.spooled, figures.queued, figures.lost) == (False, 7, 0, 0)
        assert figures.write_errors >= 1
        assert "is locked by another process" in figures.last_error
        assert figures.spooled_bytes > 0
        assert acknowledged == [t.outcome.started_at for t in first + second]  # on the disk, though not in the store
        assert starts(path) == at_of(first)
    tell(sink, third)
    until(lambda: sink.figures().healthy and not sink.figures().spooled)
    assert sink.close()
    assert sink.figures().written == 15
    assert starts(path) == at_of(first + second + third)
    assert_rollups_add_up(path, [(1, int(AT.timestamp()), 4)])
    assert list(spool.glob("ticks-*")) == []


def test_what_waits_is_tried_again_without_anything_new(path: Path, spool: Path) -> None:
    sink = TickSink(path, spool=spool)
    assert sink.flush()
    tell(sink, batch(1))
    assert sink.flush()
    with locked(path):
        tell(sink, ticks := batch(2, 1))
        assert not sink.flush()
    until(lambda: len(starts(path)) == 3)
    assert starts(path)[1:] == at_of(ticks)
    assert sink.close()


def test_attempts_grow_rarer_while_the_store_is_gone(monkeypatch: pytest.MonkeyPatch, path: Path, tmp_path: Path) -> None:
    monkeypatch.setattr(delivery, "RETRY_S", (0.5, 1.0, 2.0))
    now, tried = [0.0], []

    class Gone:
        def write(self, lines: object, life: str = "") -> None:
            tried.append(now[0])
            raise StoreError("gone")

    from reports.store.watch.lines import tick_line
    from reports.store.watch.spool import Spool

    way = delivery.Delivery(Gone(), Spool(tmp_path / "s", life="x", most_bytes=10**9), store="x", monotonic=lambda: now[0])  # type: ignore[arg-type]
    while now[0] < 9:
        way.deliver([tick_line(1, a_tick(), whole=False)])
        assert way.wait_s() == pytest.approx(tried[-1] + (0.5, 1.0, 2.0)[min(len(tried), 3) - 1] - now[0])
        now[0] += 0.25
    assert tried == [0.0, 0.5, 1.5, 3.5, 5.5, 7.5]


@pytest.mark.parametrize("all_of_it", [True, False], ids=["with its log", "without its log"])
def test_a_database_that_is_moved_away_for_a_while_is_not_replaced(
    path: Path, spool: Path, tmp_path: Path, all_of_it: bool
) -> None:
    sink = TickSink(path, spool=spool)
    tell(sink, first := batch(5))
    assert sink.flush()
    away = tmp_path / "away"
    away.mkdir()
    moved = list(path.parent.glob("results.db*")) if all_of_it else [path]
    for file in moved:
        shutil.move(file, away)
    tell(sink, second := batch(5, 1))
    assert not sink.flush()
    assert not path.exists()
    assert "is gone: put it back" in sink.figures().last_error
    for file in away.iterdir():
        shutil.move(file, path.parent)
    until(lambda: sink.figures().healthy)
    assert sink.close()
    assert starts(path) == at_of(first + second)
    assert_rollups_add_up(path)


def test_a_database_that_was_replaced_by_another_is_taken_for_another(path: Path, spool: Path) -> None:
    sink = TickSink(path, spool=spool)
    tell(sink, [a_run(), *batch(5)])
    assert sink.flush()
    for file in list(path.parent.glob("results.db*")):
        file.unlink()
    Database(path).make_ready()
    tell(sink, second := batch(5, 1, Verdict.FAIL))
    assert sink.flush()
    assert sink.close()
    assert starts(path) == at_of(second)
    assert_rollups_add_up(path)


def test_what_a_killed_service_left_is_taken_in_at_the_next_start(path: Path, spool: Path) -> None:
    run = a_run()
    with locked_from_the_start(path):
        sink = TickSink(path, spool=spool)
        tell(sink, [run, *(first := [a_tick(Verdict.FAIL, at=at, run_id=run.run.id) for at in every(40, 5)])])
        assert not sink.flush()
        assert not sink.close()
    sink = TickSink(path, spool=spool)
    until(lambda: sink.figures().written == 5)
    tell(sink, second := batch(3, 1))
    assert sink.close()
    assert starts(path) == at_of(first + second)
    assert rows(
        path, "SELECT r.id, count(*) FROM runs r JOIN outcomes o ON o.run_id = r.id WHERE o.verdict = 'fail' GROUP BY 1"
    ) == [(run.run.id, 5)]
    assert_rollups_add_up(path)


@contextmanager
def locked_from_the_start(path: Path) -> Iterator[None]:
    path.parent.mkdir(parents=True, exist_ok=True)
    with locked(path):
        yield


def test_a_commit_that_was_not_answered_is_not_counted_twice(anywhere: str, spool: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The database took the group, and the answer was lost: the lines go to the spool and come again."""
    real, lost = Database.writing, [2]

    @contextmanager
    def unanswered(self: Database) -> Iterator[Connection]:
        with real(self) as connection:
            yield connection
        if lost[0]:
            lost[0] -= 1
            raise StoreError("the answer was lost")

    monkeypatch.setattr(Database, "writing", unanswered)
    sink = TickSink(anywhere, spool=spool)
    tell(sink, [a_tick(at=AT), a_tick(at=AT), Missed(a_key(), AT, MissedReason.CLOCK, 3)])  # two in one microsecond
    until(lambda: sink.figures().healthy and sink.figures().written == 2)
    tell(sink, batch(2, 1))
    assert sink.close()
    assert lost == [0]
    assert starts(anywhere) == [microseconds(AT), microseconds(AT) + 1, *at_of(batch(2, 1))]
    assert_rollups_add_up(anywhere, [(1, int(AT.timestamp()), 3)])


def test_a_service_that_dies_between_commit_and_clean_up_counts_nothing_twice(path: Path, spool: Path, tmp_path: Path) -> None:
    with locked_from_the_start(path):
        sink = TickSink(path, spool=spool)
        tell(sink, [*(ticks := batch(5)), Missed(a_key(), AT, MissedReason.CLOCK, 3)])
        assert not sink.close()
    shutil.copytree(spool, tmp_path / "as it was")
    for folder in (spool, tmp_path / "as it was"):
        sink = TickSink(path, spool=folder)
        assert sink.close()
        assert starts(path) == at_of(ticks)
        assert_rollups_add_up(path, [(1, int(AT.timestamp()), 3)])


def test_when_neither_store_nor_spool_takes_them_they_wait_in_memory_and_the_oldest_are_dropped_and_counted(
    path: Path, spool: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "MOST_WAITING", 20)
    sink = TickSink(path, spool=spool)
    tell(sink, first := batch(1))
    assert sink.flush()
    real = os.write

    def full(file: int, data: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    acknowledged: list[tuple[SeriesKey, datetime]] = []
    sink._delivery._acknowledged = lambda key, at: acknowledged.append((key, at))
    with locked(path), monkeypatch.context() as patched:
        patched.setattr(os, "write", lambda file, data: full(file, data) if on_spool(file) else real(file, data))
        tell(sink, second := batch(30, 1))
        assert not sink.flush()
        figures = sink.figures()
        assert (figures.queued, figures.spooled, figures.lost, figures.healthy) == (20, 0, 10, False)
        assert "the spool takes nothing either: No space left on device" in figures.last_error
        assert acknowledged == []
    until(lambda: sink.figures().queued == 0)
    assert sink.close()
    assert starts(path) == at_of(first + second[10:])
    assert_rollups_add_up(path)


def on_spool(file: int) -> bool:
    return "/spool/" in os.readlink(f"/proc/self/fd/{file}")


def test_a_full_spool_makes_ticks_wait_in_memory_until_there_is_room(path: Path, spool: Path) -> None:
    sink = TickSink(path, spool=spool, spool_bytes=6000)
    tell(sink, first := batch(1))
    assert sink.flush()
    with locked(path):
        for n in range(10):
            tell(sink, batch(10, n + 1))
            assert not sink.flush()
        figures = sink.figures()
        assert figures.spooled > 0
        assert figures.queued > 0
        assert (figures.spooled + figures.queued, figures.lost) == (100, 0)
        assert "the spool is full" in figures.last_error
    until(lambda: sink.figures().written == 101)
    assert sink.close()
    assert starts(path) == at_of(first + [tick for n in range(10) for tick in batch(10, n + 1)])


@pytest.mark.parametrize(("largest", "in_memory"), [(40_000, False), (5_000, True)], ids=["spool", "memory"])
def test_a_disk_that_takes_no_large_files_loses_nothing(path: Path, tmp_path: Path, largest: int, in_memory: bool) -> None:
    """RLIMIT_FSIZE stops every file of the child: the store's log, and the spool's files unless they are small."""
    Database(path).make_ready()
    spool = tmp_path / "spool"

    def run_short_of_room() -> str:
        resource.setrlimit(resource.RLIMIT_FSIZE, (largest, resource.RLIM_INFINITY))
        sink = TickSink(path, spool=spool)
        for n in range(40):
            tell(sink, batch(50, n))
            sink.flush()
        short = sink.figures()
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        until(sink.flush)
        sink.close()
        return f"{short.healthy} {short.queued > 0} {short.lost} {sink.figures().lost} {short.last_error}"

    said = in_child(run_short_of_room)
    assert said.startswith(f"False {in_memory} 0 0 "), said
    assert "cannot be opened" in said or "the disk under the store" in said
    assert ("the spool takes nothing either: File too large" in said) == in_memory
    assert starts(path) == [us for n in range(40) for us in at_of(batch(50, n))]
    assert_rollups_add_up(path)


def test_a_bug_in_the_writer_loses_nothing_and_ends_nothing(path: Path, spool: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What every line runs into is not the lines' fault: none of them is refused."""
    real, broken = TickWriter._write, [True]

    def write(self: TickWriter, *args: object) -> None:
        if broken[0]:
            raise RuntimeError("a bug")
        real(self, *args)  # type: ignore[arg-type]

    monkeypatch.setattr(TickWriter, "_write", write)
    sink = TickSink(path, spool=spool)
    tell(sink, ticks := batch(9))
    assert not sink.flush()
    assert (sink.figures().spooled, sink.figures().lost) == (9, 0)
    assert "RuntimeError: a bug" in sink.figures().last_error
    broken[0] = False
    until(lambda: sink.figures().written == 9)
    assert sink.close()
    assert starts(path) == at_of(ticks)


def test_an_odd_line_that_comes_alone_waits_for_others_to_tell_it_apart(path: Path, spool: Path) -> None:
    sink = TickSink(path, spool=spool)
    tell(sink, [a_tick(at=AT, duration_s=1e300)])
    assert not sink.flush()
    assert (sink.figures().spooled, sink.figures().lost) == (1, 0)
    tell(sink, ticks := batch(3, 1))
    until(lambda: sink.figures().written == 3)
    assert sink.close()
    assert sink.figures().lost == 1
    assert starts(path) == at_of(ticks)


def test_a_listener_that_fails_stops_nothing(path: Path, spool: Path, caplog: pytest.LogCaptureFixture) -> None:
    def fail(key: SeriesKey, at: datetime) -> None:
        raise RuntimeError("a bug of the listener")

    sink = TickSink(path, spool=spool, acknowledged=fail)
    tell(sink, ticks := batch(3))
    assert sink.flush()
    tell(sink, more := batch(3, 1))
    assert sink.close()
    assert starts(path) == at_of(ticks + more)
    assert "a listener to acknowledgements failed" in caplog.text


# PostgreSQL


class Relay:
    """A way to a server that can be closed and opened again, like the port of one that is restarted."""

    def __init__(self, host: str, port: int) -> None:
        self._server = host, port
        self._open: list[socket.socket] = []
        self.port = 0
        self._listener: socket.socket | None = None
        self.listen()

    def listen(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", self.port))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def close(self) -> None:
        """Refuse what comes, and cut what is there."""
        if self._listener is not None:
            with contextlib.suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            self._listener = None
        for one in self._open:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        self._open.clear()

    def _accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                near = listener.accept()[0]
                far = socket.create_connection(self._server)
                self._open += [near, far]
                for source, sink in ((near, far), (far, near)):
                    threading.Thread(target=self._pass_on, args=(source, sink), daemon=True).start()

    @staticmethod
    def _pass_on(source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError), source:
            while data := source.recv(65_536):
                sink.sendall(data)
        with contextlib.suppress(OSError):
            sink.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def relay(postgres: str) -> Iterator[tuple[str, Relay]]:
    url = sqlalchemy.make_url(postgres)
    made = Relay(url.host or "127.0.0.1", url.port or 5432)
    yield url.set(host="127.0.0.1", port=made.port).render_as_string(hide_password=False), made
    made.close()


def test_a_server_whose_port_is_closed_loses_nothing(postgres: str, relay: tuple[str, Relay], spool: Path) -> None:
    address, way = relay
    sink = TickSink(address, spool=spool)
    tell(sink, first := batch(5))
    assert sink.flush()
    way.close()
    tell(sink, second := batch(5, 1, Verdict.FAIL))
    assert not sink.flush()
    figures: StoreFigures = sink.figures()
    assert (figures.spooled, figures.lost, figures.healthy) == (5, 0, False)
    way.listen()
    tell(sink, third := batch(5, 2))
    until(lambda: sink.figures().written == 15)
    assert sink.close()
    assert starts(postgres) == at_of(first + second + third)
    assert_rollups_add_up(postgres)


def test_connections_cut_in_the_middle_lose_nothing_and_count_nothing_twice(postgres: str, spool: Path) -> None:
    name = f"vedette test {os.getpid()}"
    address = f"{postgres}&application_name={name.replace(' ', '%20')}"
    sink = TickSink(address, spool=spool)
    told: list[Tick] = []
    server = sqlalchemy.create_engine(postgres)
    cut = 0
    for n in range(15):
        tell(sink, some := batch(40, n))
        told += some
        with server.begin() as connection:
            cut += len(
                connection.exec_driver_sql(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = %s", (name,)
                ).all()
            )
    server.dispose()
    assert cut > 0
    until(lambda: sink.figures().written == len(told))
    assert sink.close()
    assert starts(postgres) == at_of(told)
    assert_rollups_add_up(postgres)


def test_a_server_that_does_not_get_on_with_it_is_given_up(postgres: str, spool: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reports.store.watch.tick_writer._SERVER_PATIENCE", ("SET LOCAL lock_timeout = '50ms'",))
    sink = TickSink(postgres, spool=spool)
    tell(sink, first := batch(3))
    assert sink.flush()
    server = sqlalchemy.create_engine(postgres)
    with server.begin() as connection:
        connection.exec_driver_sql("LOCK TABLE ticks IN ACCESS EXCLUSIVE MODE")
        tell(sink, second := batch(3, 1))
        assert not sink.flush()
        assert sink.figures().spooled == 3
    server.dispose()
    until(lambda: sink.figures().written == 6)
    assert sink.close()
    assert starts(postgres) == at_of(first + second)


def test_sqlite_is_asked_to_wait_no_longer_than_the_tests_say(path: Path) -> None:
    Database(path).make_ready()
    with locked(path), pytest.raises(StoreError, match="is locked"), Database(path).writing():
        pass
    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT count(*) FROM ticks").fetchone() == (0,)
    connection.close()


def test_a_store_that_another_service_took_over_is_written_to_no_more(path: Path, spool: Path) -> None:
    sink = TickSink(path, spool=spool)
    sink.take_watched(a_tick(at=AT))
    assert sink.flush(10)
    sink.let_go("another vedette service already keeps it")
    sink.take_watched(a_tick(at=AT + timedelta(seconds=1)))
    assert not sink.flush(10)
    figures = sink.figures()
    assert (figures.healthy, figures.spooled, figures.last_error) == (False, 1, "another vedette service already keeps it")
    assert not sink.close(10)
    assert len(starts(path)) == 1
    later = TickSink(path, spool=spool)  # the next life, which has the store for itself again
    assert later.flush(10) and later.close(10)
    assert len(starts(path)) == 2

"""The journal of heartbeats: what it acknowledged is there after `kill -9`, a full disk, a torn line, and tidying."""

from __future__ import annotations

import asyncio
import errno
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from vedette.service import heartbeat_journal
from vedette.service.heartbeat_journal import HeartbeatJournal, JournalFull, Report

pytestmark = pytest.mark.anyio
AT = datetime(2025, 6, 1, 12, 0, tzinfo=UTC)


def report(number: int, **more: object) -> Report:
    return Report(
        "a" * 16, AT + timedelta(seconds=number), "exit", number % 256, 1.5, f"nöte {number}\nline", f"id-{number}", **more
    )  # type: ignore[arg-type]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "heartbeats.jsonl"


def found_in(path: Path) -> list[Report]:
    return HeartbeatJournal(path).found


async def test_what_goes_in_comes_out_equal_and_nobody_else_may_read_it(path: Path) -> None:
    journal = HeartbeatJournal(path)
    for number in range(3):
        await journal.keep(report(number))
    await journal.close()
    assert found_in(path) == [report(number) for number in range(3)]
    assert path.stat().st_mode & 0o077 == 0


async def test_reports_that_come_together_share_one_wait_for_the_disk(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    waits = []
    real = os.fsync
    monkeypatch.setattr(heartbeat_journal.os, "fsync", lambda number: waits.append(number) or real(number))
    journal = HeartbeatJournal(path)
    await asyncio.gather(*[journal.keep(report(number)) for number in range(200)])
    await journal.close()
    assert (len(found_in(path)), len(waits) < 10) == (200, True)


async def test_a_report_is_not_acknowledged_before_the_disk_has_it(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal, hold = HeartbeatJournal(path), asyncio.Event()
    loop = asyncio.get_running_loop()
    monkeypatch.setattr(
        heartbeat_journal.os, "fsync", lambda number: asyncio.run_coroutine_threadsafe(hold.wait(), loop).result(timeout=5)
    )
    keeping = asyncio.create_task(journal.keep(report(1)))
    done, _ = await asyncio.wait([keeping], timeout=0.05)
    assert not done
    hold.set()
    await keeping
    await journal.close()


async def test_a_full_disk_leaves_no_half_line_and_the_next_report_is_whole(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = HeartbeatJournal(path)
    await journal.keep(report(1))
    real = os.pwrite

    def half(number: int, data: bytes, offset: int) -> int:
        if len(data) < 20:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real(number, data[: len(data) - 10], offset)

    with monkeypatch.context() as broken:
        broken.setattr(heartbeat_journal.os, "pwrite", half)
        refused = await asyncio.gather(*[journal.keep(report(2)) for _ in range(2)], return_exceptions=True)
    assert [type(problem) for problem in refused] == [OSError, OSError]
    assert found_in(path) == [report(1)]  # the first of the two was whole, and is not there: it was not acknowledged
    await journal.keep(report(3))
    await journal.close()
    assert found_in(path) == [report(1), report(3)]


async def test_what_a_power_cut_left_of_a_last_line_is_cut_off(path: Path) -> None:
    journal = HeartbeatJournal(path)
    await journal.keep(report(1))
    await journal.close()
    with path.open("ab") as file:
        file.write(b'{"slug": "aaaa')
    again = HeartbeatJournal(path)
    await again.keep(report(2))
    await again.close()
    assert found_in(path) == [report(1), report(2)]


async def test_a_line_that_is_none_does_not_cost_the_others(path: Path) -> None:
    journal = HeartbeatJournal(path)
    await journal.keep(report(1))
    await journal.close()
    path.write_bytes(b'garbage\n{"slug": 1}\n' + path.read_bytes())
    assert found_in(path) == [report(1)]


async def test_a_journal_that_nothing_leaves_refuses_at_its_bound(path: Path) -> None:
    journal = HeartbeatJournal(path, largest_bytes=320)
    await journal.keep(report(1))
    await journal.keep(report(2))
    with pytest.raises(JournalFull):
        await journal.keep(report(3))
    await journal.close()
    assert path.stat().st_size <= 320


async def test_tidying_leaves_what_is_not_stored_and_takes_what_comes_meanwhile(path: Path) -> None:
    journal = HeartbeatJournal(path, tidy_bytes=1)
    for number in range(5):
        await journal.keep(report(number))
    journal.tidy(lambda one: one.at < AT + timedelta(seconds=3))
    await asyncio.gather(*[journal.keep(report(number)) for number in range(5, 8)])
    await journal.close()
    assert found_in(path) == [report(number) for number in range(3, 8)]
    assert [file.name for file in path.parent.iterdir()] == [path.name]


async def test_a_small_journal_is_left_alone(path: Path) -> None:
    journal = HeartbeatJournal(path)
    await journal.keep(report(1))
    journal.tidy(lambda one: True)
    await journal.close()
    assert found_in(path) == [report(1)]


KILLED = """
import asyncio, sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from vedette.service.heartbeat_journal import HeartbeatJournal, Report

async def keep(journal, number):
    await journal.keep(Report("a" * 16, datetime(2025, 6, 1, tzinfo=UTC) + timedelta(seconds=number), "success", id=str(number)))
    sys.stdout.write(f"{number}\\n")
    sys.stdout.flush()

async def main():
    journal, number = HeartbeatJournal(Path(sys.argv[1])), int(sys.argv[2])
    while True:
        await asyncio.gather(*[keep(journal, number + place) for place in range(7)])
        number += 7

asyncio.run(main())
"""


def test_nothing_that_was_acknowledged_is_lost_by_a_kill(path: Path) -> None:
    acknowledged: set[str] = set()
    for life in range(5):
        child = subprocess.Popen([sys.executable, "-c", KILLED, str(path), str(life * 10**6)], stdout=subprocess.PIPE, text=True)
        assert child.stdout is not None
        for _ in range(20 + 13 * life):
            acknowledged.add(child.stdout.readline().strip())
        child.kill()
        rest, _ = child.communicate(timeout=10)
        acknowledged |= set(rest.splitlines()[:-1])  # the last line may be half
        kept = [one.id for one in found_in(path)]
        assert acknowledged - {""} <= set(kept)
        assert len(kept) == len(set(kept))


async def test_marks_say_after_a_kill_what_is_at_rest_and_outlive_tidying(path: Path) -> None:
    journal = HeartbeatJournal(path, tidy_bytes=1)
    await journal.keep(report(1))
    journal.mark("a" * 16, AT)
    journal.mark("a" * 16, AT + timedelta(seconds=1))
    assert HeartbeatJournal(path).marks == {"a" * 16: AT + timedelta(seconds=1)}
    journal.tidy(lambda one: True)
    await journal.close()
    journal.mark("b" * 16, AT)  # the last ticks come to rest when nothing is taken any more
    again = HeartbeatJournal(path)
    assert (again.found, again.marks) == ([], {"a" * 16: AT + timedelta(seconds=1), "b" * 16: AT})


async def test_a_journal_that_is_closed_takes_no_report(path: Path) -> None:
    journal = HeartbeatJournal(path)
    await journal.close()
    with pytest.raises(OSError, match="stopping"):
        await journal.keep(report(1))


async def test_marks_from_another_thread_do_not_tear_reports(path: Path) -> None:
    journal = HeartbeatJournal(path, tidy_bytes=4000)

    def marking() -> None:
        for number in range(300):
            journal.mark("a" * 16, AT + timedelta(seconds=number))

    marks = asyncio.create_task(asyncio.to_thread(marking))
    for number in range(0, 100, 5):
        await asyncio.gather(*[journal.keep(report(number + place)) for place in range(5)])
        journal.tidy(lambda one: False)
    await marks
    await journal.close()
    again = HeartbeatJournal(path)
    assert [one.id for one in again.found] == [f"id-{number}" for number in range(100)]
    assert again.marks == {"a" * 16: AT + timedelta(seconds=299)}

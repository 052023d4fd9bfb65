"""This file is for the spool: what it was given comes back in order, whatever the disk and a power cut do."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from probes.outcome import Verdict
from reports.store.watch import spool as spool_module
from reports.store.watch.lines import Line, MissedLine, RetiredLine, RunLine, TickLine, tick_line
from reports.store.watch.spool import Spool, SpoolFull
from tests.reports.store.watch.ticking import AT, a_key, a_run, a_tick, every

LARGE = 10**9


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "state" / "spool"


@pytest.fixture
def spool(folder: Path) -> Iterator[Spool]:
    made = Spool(folder, life="one", most_bytes=LARGE)
    yield made
    made.close()


def lines(number: int, *, first: int = 0, whole: bool = False) -> list[Line]:
    return [tick_line(first + n, a_tick(Verdict.FAIL, at=at), whole=whole) for n, at in enumerate(every(1, number))]


def emptied(spool: Spool, most: int = 3) -> list[Line]:
    """Return all that is in a spool, taken out of it."""
    taken: list[Line] = []
    while (batch := spool.first(most)) is not None:
        assert len(batch.lines) <= most
        taken += batch.lines
        spool.done()
    assert (spool.ticks, spool.size, spool.empty) == (0, 0, True)
    return taken


def test_every_kind_of_line_comes_back_equal(spool: Spool) -> None:
    given: list[Line] = [
        RunLine(1, a_run().run),
        tick_line(2, a_tick(Verdict.FAIL, sentence="broken \udcff", maintenance="w"), whole=True),
        MissedLine(3, a_key("never asked"), 5, 7),
        tick_line(4, a_tick(key=a_key("never asked")), whole=False),
        RetiredLine(5, (a_key(), a_key("other")), AT),
    ]
    spool.add(given[:2])
    spool.add(given[2:])
    assert emptied(spool) == given


def test_lines_come_back_in_the_order_they_came_over_files_and_lives(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool_module, "SEGMENT_BYTES", 1500)
    for life in range(3):
        spool = Spool(folder, life=str(life), most_bytes=LARGE)
        for start in range(0, 20, 4):
            spool.add(lines(4, first=start))
        spool.close()
    assert len(list(folder.glob("ticks-*"))) >= 6
    spool = Spool(folder, life="last", most_bytes=LARGE)
    assert spool.ticks == 60
    lives = []
    while (batch := spool.first(100)) is not None:
        lives += [(batch.life, line.seq) for line in batch.lines]
        spool.done()
    assert lives == [(str(life), seq) for life in range(3) for seq in range(20)]
    spool.close()


def test_lines_may_come_while_it_is_emptied(spool: Spool) -> None:
    given = lines(6)
    spool.add(given[:3])
    batch = spool.first(2)
    assert batch is not None
    spool.add(given[3:5])
    spool.done()
    spool.add(given[5:])
    assert [*batch.lines, *emptied(spool)] == given


def test_a_last_line_that_was_cut_off_is_left_out_and_nothing_else(folder: Path) -> None:
    spool = Spool(folder, life="one", most_bytes=LARGE)
    given = lines(3)
    spool.add(given)
    spool.close()
    (path,) = folder.glob("ticks-*")
    whole = path.read_bytes()
    last = len(whole) - len(whole.splitlines(keepends=True)[-1])
    for cut in range(last, len(whole)):
        path.write_bytes(whole[:cut])
        again = Spool(folder, life="two", most_bytes=LARGE)
        batch = again.first(10)
        assert batch is not None
        assert (batch.life, list(batch.lines), again.unreadable) == ("one", given[:2], 0)
        again.close()


def test_a_damaged_line_is_counted_and_the_others_come_back(folder: Path) -> None:
    spool = Spool(folder, life="one", most_bytes=LARGE)
    given = lines(3)
    spool.add(given)
    spool.close()
    (path,) = folder.glob("ticks-*")
    torn = path.read_bytes().split(b"\n")
    torn[3] = b'["t",\xff\x00'
    path.write_bytes(b"\n".join(torn))
    again = Spool(folder, life="two", most_bytes=LARGE)
    assert emptied(again) == [given[0], given[2]]
    assert again.unreadable == 1
    again.close()


def test_only_the_owner_may_read_it(folder: Path, spool: Spool) -> None:
    spool.add(lines(1))
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {p.stat().st_mode & 0o777 for p in folder.iterdir()} == {0o600}


def test_it_takes_no_more_than_it_may_and_says_so(folder: Path) -> None:
    spool = Spool(folder, life="one", most_bytes=20_000)
    kept: list[Line] = []
    while fits(spool, some := lines(5, first=len(kept))):
        kept += some
    assert 15_000 < spool.size <= 20_000
    assert sum(p.stat().st_size for p in folder.glob("ticks-*")) == spool.size
    for _ in range(5):
        with pytest.raises(SpoolFull):
            spool.add(lines(50))
    assert len(list(folder.glob("ticks-*"))) <= 2
    assert emptied(spool, 100) == kept
    spool.add(lines(5))
    spool.close()


def test_evidence_makes_room_for_ticks_first_that_of_passes(folder: Path) -> None:
    spool = Spool(folder, life="one", most_bytes=100_000)
    at = [a_tick(verdict, at=at) for at in every(1, 200) for verdict in (Verdict.PASS, Verdict.FAIL)]
    assert not all(fits(spool, [tick_line(n, tick, whole=True)]) for n, tick in enumerate(at))
    shed, taken = spool.shed, [line for line in emptied(spool, 1000) if isinstance(line, TickLine)]
    with_evidence = [[line.outcome is not None for line in taken if line.verdict == rank] for rank in (4, 0)]
    assert [sorted(found, reverse=True) for found in with_evidence] == with_evidence  # first with, later without
    assert 0 < sum(with_evidence[0]) < sum(with_evidence[1]) < len(with_evidence[1])
    assert shed == sum(not found for found in with_evidence[0] + with_evidence[1])
    spool.close()


@pytest.mark.parametrize("after", [0, 1, 40, 230], ids=["nothing", "a byte", "a part of a line", "a line and a part of one"])
def test_what_a_full_disk_took_in_part_is_not_in(spool: Spool, monkeypatch: pytest.MonkeyPatch, after: int) -> None:
    given = lines(4)
    spool.add(given[:1])
    real, taken = os.write, bytearray()

    def full(file: int, data: bytes) -> int:
        if after and not taken:
            taken.extend(data[:after])
            return real(file, data[:after])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(OSError, match="No space left"):
        spool.add(given[1:3])
    assert (b"\n" in taken) == (after > 200)
    monkeypatch.setattr(os, "write", real)
    spool.add(given[3:])
    assert emptied(spool) == [given[0], given[3]]
    assert spool.unreadable == 0


def test_it_returns_only_when_the_disk_has_it(folder: Path, spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[tuple[str, int]] = []
    real = os.fsync

    def sync(file: int) -> None:
        real(file)
        synced.append((os.path.basename(os.readlink(f"/proc/self/fd/{file}")), os.fstat(file).st_size))

    monkeypatch.setattr(os, "fsync", sync)
    for number in (2, 3):
        spool.add(lines(number))
        assert synced[-1] == ("ticks-0000000001.jsonl", spool.size)
    assert synced[0][0] == folder.name  # the file's name must survive a power cut too


def test_a_disk_that_takes_no_new_file_leaves_none(folder: Path, spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(file: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        for _ in range(3):
            with pytest.raises(OSError, match="No space left"):
                spool.add(lines(2))
    assert [p.name for p in folder.iterdir()] == ["lock"]
    assert spool.empty
    spool.add(given := lines(2))
    assert emptied(spool) == given


def test_a_folder_that_was_deleted_is_made_again(folder: Path, spool: Spool) -> None:
    (folder / "lock").unlink()
    folder.rmdir()
    spool.add(given := lines(2))
    assert emptied(spool) == given


def test_a_file_of_somebody_else_is_left_alone(folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / "ticks-notes.jsonl").write_text("mine")
    spool = Spool(folder, life="one", most_bytes=LARGE)
    spool.add(given := lines(2))
    assert emptied(spool) == given
    assert (folder / "ticks-notes.jsonl").read_text() == "mine"
    spool.close()


def fits(spool: Spool, some: list[Line]) -> bool:
    try:
        spool.add(some)
    except SpoolFull:
        return False
    return True

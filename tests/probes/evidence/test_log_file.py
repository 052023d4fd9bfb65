"""This file is for log files as they behave: growing, rotated, emptied, huge, broken or not there."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import ValidationError

from probes.evidence.log_file import LogFile
from probes.evidence.source import EvidenceError, LogWindow

pytestmark = pytest.mark.anyio


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "app.log"
    path.write_text("old 1\nold 2\n")
    return path


def _append(path: Path, text: str | bytes) -> None:
    with path.open("ab") as file:
        file.write(text if isinstance(text, bytes) else text.encode())


def _texts(window: LogWindow) -> list[str]:
    return [line.text for line in window.lines]


async def test_only_lines_after_the_mark_are_read_with_their_numbers(log: Path) -> None:
    source = LogFile(path=str(log))
    mark = await source.mark()
    assert (await source.read_since(mark)).lines == ()
    _append(log, "new 1\r\nnew 2\n\n")
    window = await source.read_since(mark)
    assert [(line.text, line.number, line.where) for line in window.lines] == [
        ("new 1", 3, str(log)),
        ("new 2", 4, str(log)),
        ("", 5, str(log)),
    ]
    assert not window.cut_short and window.remarks == ()


async def test_the_next_mark_continues_and_the_same_mark_reads_again(log: Path) -> None:
    source = LogFile(path=str(log))
    mark = await source.mark()
    _append(log, "a\n")
    first = await source.read_since(mark)
    _append(log, "b\n")
    second = await source.read_since(first.next_mark)
    assert (_texts(first), _texts(second), second.lines[0].number) == (["a"], ["b"], 4)
    assert _texts(await source.read_since(mark)) == ["a", "b"]


async def test_half_a_line_waits_and_is_given_out_whole(log: Path) -> None:
    source = LogFile(path=str(log))
    mark = await source.mark()
    _append(log, "a\nhal")
    first = await source.read_since(mark)
    _append(log, "f a line\n")
    second = await source.read_since(first.next_mark)
    assert (_texts(first), _texts(second)) == (["a"], ["half a line"])


async def test_half_a_line_that_stands_still_is_given_out_once(log: Path) -> None:
    source = LogFile(path=str(log))
    mark = await source.mark()
    _append(log, "no end")
    first = await source.read_since(mark)
    second = await source.read_since(first.next_mark)
    third = await source.read_since(second.next_mark)
    assert [_texts(w) for w in (first, second, third)] == [[], ["no end"], []]
    assert second.lines[0].number == 3


async def test_rotation_loses_nothing_and_adds_nothing(log: Path) -> None:
    source = LogFile(path=str(log))
    mark = await source.mark()
    _append(log, "before\nlast without end")
    log.rename(log.with_name("app.log.1"))
    log.write_text("after\n")
    window = await source.read_since(mark)
    assert [(line.text, line.number) for line in window.lines] == [("before", 3), ("last without end", 4), ("after", 1)]
    assert "rotated" in window.remarks[0] and not window.cut_short


async def test_what_was_rotated_and_deleted_is_still_read(log: Path) -> None:
    source = LogFile(path=str(log))
    mark = await source.mark()
    _append(log, "before\n")
    log.unlink()
    assert _texts(await source.read_since(mark)) == ["before"]
    log.write_text("after\n")
    assert _texts(await source.read_since(mark)) == ["before", "after"]


async def test_two_rotations_between_two_reads_lose_nothing(log: Path) -> None:
    source = LogFile(path=str(log))
    mark = await source.mark()
    _append(log, "one\n")
    log.rename(log.with_name("app.log.2"))
    log.with_name("app.log.1").write_text("two\n")
    log.write_text("three\n")
    assert _texts(await source.read_since(mark)) == ["one", "two", "three"]


async def test_an_emptied_file_is_read_from_its_beginning_and_what_may_be_lost_is_not_cleared(log: Path) -> None:
    source = LogFile(path=str(log))
    mark = await source.mark()
    log.write_text("x\n")
    window = await source.read_since(mark)
    assert _texts(window) == ["x"]
    assert window.cut_short and "emptied" in window.remarks[0]


async def test_an_emptied_file_that_grew_past_the_mark_is_noticed(log: Path) -> None:
    source = LogFile(path=str(log))
    mark = await source.mark()
    log.write_text("a line that is longer than the old ones\n")
    window = await source.read_since(mark)
    assert _texts(window) == ["a line that is longer than the old ones"] and window.cut_short


async def test_the_copy_of_an_emptied_file_is_read_so_that_nothing_is_lost(log: Path) -> None:
    source = LogFile(path=str(log))
    mark = await source.mark()
    _append(log, "before\n")
    log.with_name("app.log.1").write_bytes(log.read_bytes())
    log.write_text("after\n")
    window = await source.read_since(mark)
    assert _texts(window) == ["before", "after"] and not window.cut_short


async def test_the_hole_that_a_writer_leaves_in_an_emptied_file_is_skipped(log: Path) -> None:
    source = LogFile(path=str(log), max_bytes=100_000)
    with log.open("r+b") as writer:
        writer.truncate(2_000_000)
        writer.seek(2_000_000)
        writer.write(b"\nmark\n")
        writer.flush()
        mark = await source.mark()
        os.truncate(log, 0)
        writer.write(b"after the hole\n")
        writer.flush()
        assert _texts(await source.read_since(mark))[-1] == "after the hole"


async def test_a_file_of_two_gigabytes_is_read_only_from_the_mark(log: Path) -> None:
    os.truncate(log, 2 * 1024**3)
    source = LogFile(path=str(log), max_bytes=1000)
    mark = await source.mark()
    _append(log, "new\n")
    window = await source.read_since(mark)
    assert _texts(window) == ["new"] and not window.cut_short
    assert window.lines[0].number == 0  # unknown: counting would read it all
    assert window.next_mark.used == 4


async def test_what_is_written_while_it_reads_is_left_for_the_next_read(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from probes.evidence import log_file

    source, read_at = LogFile(path=str(log)), log_file._read_at
    mark = await source.mark()
    _append(log, "first\n")

    def read_and_grow(file: log_file._Opened, offset: int, length: int) -> bytes:
        found = read_at(file, offset, length)
        if b"first" in found and length == len("first\n"):
            _append(log, "second\n")
        return found

    monkeypatch.setattr(log_file, "_read_at", read_and_grow)
    first = await source.read_since(mark)
    monkeypatch.undo()
    assert _texts(first) == ["first"] and not first.cut_short
    assert _texts(await source.read_since(first.next_mark)) == ["second"]


async def test_more_than_may_be_read_makes_the_window_cut_short_for_good(log: Path) -> None:
    source = LogFile(path=str(log), max_bytes=10)
    mark = await source.mark()
    _append(log, "12345\n")
    first = await source.read_since(mark)
    _append(log, "67890\nmore\n")
    second = await source.read_since(first.next_mark)
    assert not first.cut_short
    assert second.cut_short and "10 bytes" in second.remarks[0]
    assert sum(map(len, _texts(first) + _texts(second))) <= 10


async def test_a_line_of_three_megabytes_comes_in_pieces_of_one_number(log: Path) -> None:
    source = LogFile(path=str(log))
    mark = await source.mark()
    _append(log, "x" * 3_000_000 + "end\nnext\n")
    window = await source.read_since(mark)
    assert max(len(line.text) for line in window.lines) <= 1024 * 1024
    assert [line.number for line in window.lines] == [3, 3, 3, 4]
    assert "".join(_texts(window)) == "x" * 3_000_000 + "endnext"


async def test_bytes_that_are_wrong_are_replaced_and_hide_nothing(log: Path) -> None:
    source = LogFile(path=str(log))
    mark = await source.mark()
    _append(log, b"a\xff\xfeb\nc\n")
    assert _texts(await source.read_since(mark)) == ["a��b", "c"]


async def test_a_file_with_the_date_in_its_name_is_found(tmp_path: Path) -> None:
    today = datetime.now(UTC).date().isoformat()
    (tmp_path / f"app-{today}.log").write_text("old\n")
    source = LogFile(path=str(tmp_path / "app-{{today}}.log"))
    mark = await source.mark()
    _append(tmp_path / f"app-{today}.log", "new\n")
    assert _texts(await source.read_since(mark)) == ["new"]


async def test_a_missing_file_is_an_error_and_may_be_allowed(tmp_path: Path) -> None:
    path = tmp_path / "none.log"
    with pytest.raises(EvidenceError, match=r"the log file '.*none\.log' does not exist"):
        await LogFile(path=str(path)).mark()
    source = LogFile(path=str(path), may_be_missing=True)
    mark = await source.mark()
    assert (await source.read_since(mark)).lines == ()
    path.write_text("first\n")
    assert [(line.text, line.number) for line in (await source.read_since(mark)).lines] == [("first", 1)]


async def test_a_directory_a_pipe_and_a_path_through_a_file_are_errors(tmp_path: Path, log: Path) -> None:
    with pytest.raises(EvidenceError, match="is a directory, not a log file"):
        await LogFile(path=str(tmp_path)).mark()
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(EvidenceError, match="no regular file"):
        await LogFile(path=str(tmp_path / "pipe")).mark()
    with pytest.raises(EvidenceError, match="cannot be read: not a directory"):
        await LogFile(path=str(log / "x")).mark()


@contextmanager
def _as_nobody() -> Iterator[None]:
    """Be an ordinary user for a while: root may read everything."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


async def test_an_unreadable_file_is_an_error(log: Path) -> None:
    log.chmod(0)
    with _as_nobody(), pytest.raises(EvidenceError, match="cannot be read: permission denied"):
        await LogFile(path=str(log)).mark()


async def test_marks_close_their_files(log: Path) -> None:
    source = LogFile(path=str(log))
    before = len(os.listdir("/proc/self/fd")) if Path("/proc/self/fd").exists() else None
    for _ in range(20):
        mark = await source.mark()
        window = await source.read_since(mark)
        del mark, window
    if before is not None:
        assert len(os.listdir("/proc/self/fd")) <= before + 2


@pytest.mark.parametrize("encoding", ["utf-16", "nonsense"])
async def test_an_encoding_in_which_lines_cannot_be_told_is_refused(encoding: str) -> None:
    with pytest.raises(ValidationError, match="encoding"):
        LogFile(path="x", encoding=encoding)

"""This file is for reading several log sources on from one set of marks."""

from __future__ import annotations

from pathlib import Path

import pytest

from probes.evidence.log_file import LogFile
from probes.log_watch import LogWatch

pytestmark = pytest.mark.anyio


async def test_lines_of_all_sources_are_gathered_once_and_trouble_is_remembered(tmp_path: Path) -> None:
    first, second = tmp_path / "a.log", tmp_path / "b.log"
    for path in (first, second):
        path.write_text("old\n")
    watch = await LogWatch.begin([("a", LogFile(path=str(first))), ("b", LogFile(path=str(second), max_bytes=8))])
    with first.open("a") as a, second.open("a") as b:
        a.write("a1\n")
        b.write("b1\n")
    await watch.read()
    assert [line.text for line in watch.lines] == ["a1", "b1"] and not watch.cut_short
    with second.open("a") as b:
        b.write("b2 is too long\n")
    await watch.read()
    await watch.read()
    assert [line.text for line in watch.lines][:2] == ["a1", "b1"]
    assert watch.cut_short and len(watch.remarks) == 1
    assert watch.names == f"log file {first}, log file {second}"
    assert watch.evidence().data == {"remarks": watch.remarks}


async def test_a_source_that_was_silent_is_told_beside_others_but_not_alone(tmp_path: Path) -> None:
    first, second = tmp_path / "a.log", tmp_path / "b.log"
    for path in (first, second):
        path.touch()
    both = [("a", LogFile(path=str(first))), ("b", LogFile(path=str(second)))]
    watch, alone = await LogWatch.begin(both), await LogWatch.begin(both[1:])
    first.write_text("a1\n")
    await watch.read()
    assert [(c.name, c.verdict.value) for c in watch.spoke()] == [
        ("something was written to 'a'", "pass"),
        ("something was written to 'b'", "inconclusive"),
    ]
    second.write_text("b1\n")
    await watch.read()
    await alone.read()
    assert all(c.verdict.value == "pass" for c in watch.spoke()) and not list(alone.spoke())


@pytest.mark.parametrize(("encoding", "understood"), [("utf-16-le", False), ("utf-16", False), ("utf-8", True)])
async def test_text_in_utf_16_counts_as_not_read(tmp_path: Path, encoding: str, understood: bool) -> None:
    path = tmp_path / "a.log"
    path.touch()
    watch = await LogWatch.begin([("a", LogFile(path=str(path)))])
    path.write_bytes("handled vera.canary@example.com well\nand\0 more\n".encode(encoding))
    await watch.read()
    assert watch.cut_short is not understood and len(watch.remarks) == int(not understood)

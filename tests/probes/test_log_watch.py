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

"""This file is for finding formats and for writing files whole or not at all."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

from reports.formats import reporter
from reports.formats.junit import Junit
from reports.formats.reporter import ReporterError, check_writable, deliver, parse, say


def test_a_format_is_found_by_its_name_with_or_without_a_path() -> None:
    assert parse("junit") == parse("junit=-") == (Junit, None)
    assert parse("junit=out/a=b.xml") == (Junit, Path("out/a=b.xml"))


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ("junti", "unknown report format 'junti': did you mean 'junit'?"),
        ("pdf", "unknown report format 'pdf': known are github, html, json, jsonl, junit, list, tap"),
        ("reporter", "unknown report format 'reporter'"),
        ("terminal=x", "unknown report format 'terminal'"),
        ("json=", "the report 'json=' names no file: write json=PATH, or only json for standard output"),
    ],
)
def test_a_wrong_wish_is_told_what_would_be_right(asked: str, told: str) -> None:
    with pytest.raises(ReporterError) as problem:
        parse(asked)
    assert str(problem.value).startswith(told)


def test_a_write_that_breaks_leaves_the_old_report_and_no_half_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "report.xml"
    path.write_text("the old one")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(reporter.os, "fsync", full)
    with pytest.raises(ReporterError, match=r"the report cannot be written to '.*': No space left on device"):
        deliver("the new one", path)
    assert [(p.name, p.read_text()) for p in tmp_path.iterdir()] == [("report.xml", "the old one")]


def test_who_may_read_a_report_is_what_the_umask_says(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        deliver("x", tmp_path / "report")
    finally:
        os.umask(before)
    assert (tmp_path / "report").stat().st_mode & 0o777 == 0o640


def test_a_link_stays_a_link_and_its_file_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "real").write_text("old")
    (tmp_path / "link").symlink_to("real")
    deliver("new", tmp_path / "link")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_text() == "new"


def test_a_pipe_is_written_to_and_not_replaced(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reading = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    check_writable(pipe)
    deliver("through", pipe)
    assert os.read(reading, 100) == b"through"
    os.close(reading)
    assert pipe.is_fifo()


def test_standard_output_that_leads_to_a_file_is_added_to_and_not_replaced(tmp_path: Path) -> None:
    code = (
        "from pathlib import Path; from reports.formats.reporter import deliver\n"
        "print('before', flush=True); deliver('the report', Path('/dev/stdout'))"
    )
    with (tmp_path / "out").open("w+") as out:
        subprocess.run([sys.executable, "-c", code], stdout=out, check=True, cwd=Path(__file__).parents[3])
        out.seek(0)
        assert out.read() == "before\nthe report"
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


def test_dev_null_survives() -> None:
    check_writable(Path("/dev/null"))
    deliver("away", Path("/dev/null"))
    assert Path("/dev/null").is_char_device()


@pytest.mark.parametrize(
    ("place", "told"),
    [("", "it is a folder"), ("no/report", "the folder '.*' is not there"), ("file/report", "the folder '.*' is not a folder")],
)
def test_a_place_that_cannot_hold_a_report_is_refused(tmp_path: Path, place: str, told: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ReporterError, match=told):
        check_writable(tmp_path / place)


def test_looking_whether_a_report_can_be_written_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "old").write_text("old")
    check_writable(tmp_path / "old")
    check_writable(tmp_path / "new")
    assert [(p.name, p.read_text()) for p in tmp_path.iterdir()] == [("old", "old")]


def test_a_stream_that_knows_only_ascii_gets_escapes_instead_of_breaking() -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    say("Zürich → 🦊", stream)
    assert raw.getvalue() == b"Z\\xfcrich \\u2192 \\U0001f98a"

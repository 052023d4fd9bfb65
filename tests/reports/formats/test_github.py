"""This file is for GitHub Actions: commands that cannot be forged, and a summary without foreign markup."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings

from reports.formats.github import Github, summary
from reports.formats.reporter import ReporterError
from scenarios.events import RunFinished
from tests.reports.formats.shown import mixed, odd_run, odd_text, show

COMMAND = re.compile(r"::(error|warning|notice) (?:[a-z]+=[^:,]*)(?:,[a-z]+=[^:,]*)*::[^\r\n]*")


def test_the_annotations_of_a_bad_run_read_well(golden: Callable[[str, str], None]) -> None:
    golden("github-mixed.txt", show("github", mixed()))


def test_the_summary_of_a_bad_run_reads_well(golden: Callable[[str, str], None]) -> None:
    golden("github-summary.md", summary(mixed()))


@given(text=odd_text)
@settings(max_examples=50, deadline=None)
def test_no_text_can_end_a_command_or_begin_another(text: str) -> None:
    lines = show("github", odd_run(text)).removesuffix("\n").split("\n")
    assert len(lines) == 5 + 2 + 1  # all but the pass, remark and trouble, the verdict
    assert all(COMMAND.fullmatch(line) for line in lines)


@given(text=odd_text)
@settings(max_examples=50, deadline=None)
def test_no_text_can_break_the_table_or_bring_markup(text: str) -> None:
    table = [line for line in summary(odd_run(text)).splitlines() if line.startswith("|")]
    assert len(table) == 2 + 6
    assert all(len(re.findall(r"(?<!\\)(?:\\\\)*\|", line)) == 6 for line in table)
    assert not re.search(r"<|(?<!\\)`", "".join(table[2:]))


def test_the_summary_is_added_to_what_other_steps_wrote(tmp_path: Path) -> None:
    path = tmp_path / "summary.md"
    path.write_text("# earlier\n")
    Github(io.StringIO(), environ={"GITHUB_STEP_SUMMARY": str(path)}).take(RunFinished(mixed()))
    assert path.read_text(encoding="utf-8") == "# earlier\n" + summary(mixed())


def test_a_summary_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    reporter = Github(io.StringIO(), environ={"GITHUB_STEP_SUMMARY": str(tmp_path)})
    with pytest.raises(ReporterError, match="the summary cannot be written"):
        reporter.take(RunFinished(mixed()))

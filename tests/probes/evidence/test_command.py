"""This file is for commands that print log lines: bounded in time and size, whatever they do."""

# ruff: noqa: ASYNC110  a test may block its own loop

from __future__ import annotations

import asyncio
import os
import re
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from probes.evidence.command import Command, CommandMark
from probes.evidence.source import EvidenceError, LogWindow

pytestmark = pytest.mark.anyio


def _python(code: str, *arguments: str) -> list[str]:
    return [sys.executable, "-c", code, *arguments]


def _texts(window: LogWindow) -> list[str]:
    return [line.text for line in window.lines]


async def test_only_lines_printed_after_the_mark_count_and_each_once(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("old\nsame\n")
    source = Command(argv=["cat", str(log)])
    mark = await source.mark()
    log.write_text("old\nsame\nsame\nnew\n")
    first = await source.read_since(mark)
    log.write_text("old\nsame\nsame\nnew\nnewer\n")
    second = await source.read_since(first.next_mark)
    assert (_texts(first), _texts(second)) == (["same", "new"], ["newer"])
    assert [(line.number, line.where) for line in second.lines] == [(5, f"command cat {log}")]


async def test_lines_on_standard_error_are_read_too(tmp_path: Path) -> None:
    """`docker logs` gives out there what the container wrote there, which is where many programs log."""
    log = tmp_path / "log"
    log.write_text("old\n")
    source = Command(argv=["sh", "-c", 'echo access >&1; cat "$0" >&2', str(log)])
    mark = await source.mark()
    log.write_text("old\nsent to vera@example.com\n")
    window = await source.read_since(mark)
    assert _texts(window) == ["sent to vera@example.com"]
    assert window.lines[0].where == "command sh -c, standard error" and window.lines[0].number == 2
    assert _texts(await source.read_since(window.next_mark)) == []


async def test_a_line_that_cannot_be_decoded_is_marked(tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(b"whole \xef\xbf\xbd\nbroken \xff\n")
    source = Command(argv=["cat", str(tmp_path / "log")])
    lines = (await source.read_since(CommandMark(datetime.now(UTC)))).lines
    assert [(line.text, line.damaged) for line in lines][1] == ("broken \ufffd", True)


async def test_a_flood_on_standard_error_cuts_the_window_short() -> None:
    source = Command(argv=_python("import sys; sys.stderr.write('x' * 5000)"), max_bytes=1000)
    assert (await source.read_since(CommandMark(datetime.now(UTC)))).cut_short


async def test_since_is_the_time_of_the_mark_in_rfc_3339() -> None:
    source = Command(argv=[*_python("import sys,os; print(sys.argv[1], os.urandom(4).hex())"), "--since-time={{since}}"])
    mark = await source.mark()
    [line] = _texts(await source.read_since(mark))
    stamp = mark.since.isoformat(timespec="microseconds").replace("+00:00", "Z")
    assert line.startswith(f"--since-time={stamp} ")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", stamp)


async def test_no_shell_reads_the_arguments() -> None:
    source = Command(argv=["echo", "$HOME; echo x", "$(id)"])
    assert _texts(await source.read_since(CommandMark(datetime.now(UTC)))) == ["$HOME; echo x $(id)"]


@pytest.mark.parametrize("argv", [["sleep", "60"], ["sh", "-c", "trap '' TERM; sleep 60 & sleep 60"]])
async def test_a_command_that_hangs_is_killed_with_its_children(argv: list[str]) -> None:
    began = time.monotonic()
    with pytest.raises(EvidenceError, match=r"was not done after 0\.3 s and was stopped"):
        await Command(argv=argv, timeout="0.3s").mark()
    assert time.monotonic() - began < 10


async def test_no_child_outlives_the_deadline(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    with pytest.raises(EvidenceError):
        await Command(argv=["sh", "-c", f"sleep 60 & echo $! > {pid}; wait"], timeout="0.5s").mark()
    child = Path(f"/proc/{pid.read_text().strip()}/stat")
    deadline = time.monotonic() + 5
    while child.exists() and child.read_text().split()[2] != "Z" and time.monotonic() < deadline:
        os.sched_yield()
    assert not child.exists() or child.read_text().split()[2] == "Z"


async def test_a_cancelled_read_kills_the_command(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    task = asyncio.create_task(Command(argv=["sh", "-c", f"echo $$ > {pid}.new; mv {pid}.new {pid}; sleep 60"]).mark())
    while not pid.exists():
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid.read_text()), 0)


@pytest.mark.parametrize("turns", range(1, 8))
async def test_a_read_that_is_cancelled_while_the_command_starts_leaves_nothing(turns: int, tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    task = asyncio.create_task(Command(argv=["sh", "-c", f"echo $$ > {pid}; sleep 60; true"]).mark())
    for _ in range(turns):
        await asyncio.sleep(0)
    task.cancel()
    async with asyncio.timeout(20):  # the command and what it started would hold its pipes for a minute
        with pytest.raises(asyncio.CancelledError):
            await task
    assert not pid.exists() or _alive_in_group(pid.read_text().strip()) == []


def _alive_in_group(group: str) -> list[str]:
    """Return the processes of a group that do anything; one that has ended may wait for its parent to notice."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, of = stat.read_text().rpartition(") ")[2].split()[:3]
        except (OSError, ValueError):
            continue
        if of == group and state != "Z":
            found.append(stat.parent.name)
    return found


async def test_an_exit_code_is_an_error_with_the_first_line_of_complaint_and_without_secrets(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CLUSTER_TOKEN", "cluster-token-value")
    code = (
        "import os, sys; sys.exit(print('denied for', os.environ['CLUSTER_TOKEN'], 'bob@firma.de\\nmore', file=sys.stderr) or 3)"
    )
    with pytest.raises(EvidenceError, match=r"ended with exit code 3: denied for \[CLUSTER_TOKEN\] \[email\]$"):
        await Command(argv=_python(code), env=["CLUSTER_TOKEN"]).mark()


async def test_a_silent_failure_and_a_signal_are_told() -> None:
    with pytest.raises(EvidenceError, match="exit code 1: it said nothing"):
        await Command(argv=["false"]).mark()
    with pytest.raises(EvidenceError, match="ended by signal 9"):
        await Command(argv=["sh", "-c", "kill -9 $$"]).mark()


async def test_a_command_that_is_not_there_is_an_error() -> None:
    with pytest.raises(EvidenceError, match=r"the command no-such-program-here could not be started: no such file"):
        await Command(argv=["no-such-program-here"]).mark()


async def test_the_environment_is_not_handed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OUR_SECRET", "x")
    monkeypatch.setenv("NEEDED", "yes")
    monkeypatch.setenv("KUBECONFIG", "here")
    code = "import os, time; print(*sorted(os.environ), time.monotonic_ns())"
    source = Command(argv=_python(code), env=["NEEDED"])
    [line] = _texts(await source.read_since(await source.mark()))
    assert {"NEEDED", "KUBECONFIG", "PATH"} <= set(line.split()) and "OUR_SECRET" not in line


async def test_more_than_may_be_read_makes_the_window_cut_short_and_the_command_is_stopped() -> None:
    source = Command(argv=["yes"], max_bytes=100_000, timeout="20s")
    window = await source.read_since(await source.mark())
    assert window.cut_short and "100000 bytes" in window.remarks[0]


async def test_a_flood_of_complaints_does_not_block_it() -> None:
    code = "import sys; sys.stderr.write('x' * 5_000_000); import os; print(os.urandom(4).hex())"
    source = Command(argv=_python(code))
    assert len((await source.read_since(await source.mark())).lines) == 1

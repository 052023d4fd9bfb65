"""This file is for the command lever: exit codes, time, groups of processes, and what it tells whom."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from probes.faults.command import Command
from probes.faults.lever import LeverError
from probes.fields import Expanded
from tests.probes.small_service import a_session, a_target


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("probes.faults.command.UNDO_WAITS_S", (0.0, 0.0))


async def inject(argv: list[Any], folder: Path, **more: Any) -> None:
    lever = Command.model_validate({"inject": argv, "undo": ["true"], "folder": str(folder), **more})
    await lever.inject(a_session(a_target("http://127.0.0.1:9")))


def shell(script: str) -> list[str]:
    return ["sh", "-c", script]


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


@pytest.mark.anyio
async def test_a_program_runs_in_its_folder_without_a_shell(tmp_path: Path) -> None:
    await inject(["touch", "$HOME; a b"], tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["$HOME; a b"]


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (shell("echo out; echo why >&2; exit 3"), "ended with exit code 3: out\nwhy"),
        (shell("kill -9 $$"), "was ended by signal 9"),
        (["no-such-program-here"], "could not be started in '.*' \\(No such file or directory\\)"),
        (["/"], "could not be started in '.*' \\(Permission denied\\)"),
        (["false"], "the fault was not put in: the command 'false' ended with exit code 1$"),
    ],
)
async def test_a_program_that_does_not_do_its_work_is_a_lever_error(tmp_path: Path, argv: list[str], words: str) -> None:
    with pytest.raises(LeverError, match=words):
        await inject(argv, tmp_path)


@pytest.mark.anyio
async def test_a_program_that_takes_too_long_is_killed_with_its_children(tmp_path: Path) -> None:
    with pytest.raises(LeverError, match=r"was killed, as it took more than 0\.3 s"):
        await inject(shell("sleep 60 & echo $! > pid; wait"), tmp_path, timeout="300ms")
    pid = int((tmp_path / "pid").read_text())
    await _until(lambda: not is_alive(pid))


@pytest.mark.anyio
async def test_a_program_is_killed_with_its_children_when_the_probe_is_cancelled(tmp_path: Path) -> None:
    task = asyncio.create_task(inject(shell("sleep 60 & echo $! > pid.new; mv pid.new pid; wait"), tmp_path))
    await _until((tmp_path / "pid").exists)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    pid = int((tmp_path / "pid").read_text())
    await _until(lambda: not is_alive(pid))


async def _until(holds: Any) -> None:
    """Look until it holds, within five seconds."""
    async with asyncio.timeout(5):
        while not holds():  # noqa: ASYNC110 - nobody tells when another process is gone
            await asyncio.sleep(0.01)


@pytest.mark.anyio
async def test_a_grandchild_that_stays_behind_holds_nobody_up(tmp_path: Path) -> None:
    began = time.monotonic()
    await inject(shell("sleep 5 & echo $! > pid"), tmp_path)
    assert time.monotonic() - began < 4
    pid = int((tmp_path / "pid").read_text())
    assert is_alive(pid), "a fault may well be a process that goes on"
    os.kill(pid, 9)


@pytest.mark.anyio
async def test_a_program_gets_a_minimal_environment_and_what_it_is_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OUR_TOKEN", "secret")
    await inject(shell("env > env"), tmp_path, env={"MODE": "down", "KEY": Expanded("k3y-value", "${KEY}")})
    names = {line.partition("=")[0] for line in (tmp_path / "env").read_text().splitlines()}
    assert "OUR_TOKEN" not in names
    assert {"PATH", "MODE", "KEY"} <= names
    assert "KEY=k3y-value" in (tmp_path / "env").read_text()


@pytest.mark.anyio
async def test_what_a_program_says_is_redacted_and_cut(tmp_path: Path) -> None:
    script = 'head -c 3000000 /dev/zero | tr "\\0" x; echo; echo "token $KEY"; exit 1'
    with pytest.raises(LeverError) as caught:
        await inject(shell(script), tmp_path, env={"KEY": Expanded("s3cret-token-value", "${KEY}")})
    assert "s3cret-token-value" not in str(caught.value)
    assert "token [fault lever secret]" in str(caught.value)
    assert len(str(caught.value)) < 500


@pytest.mark.anyio
async def test_an_undo_is_tried_three_times(tmp_path: Path) -> None:
    script = "echo x >> tries; test $(wc -l < tries) -ge 3"
    lever = Command.model_validate({"inject": ["true"], "undo": shell(script), "folder": str(tmp_path)})
    await lever.undo(a_session(a_target("http://127.0.0.1:9")))
    assert (tmp_path / "tries").read_text() == "x\n" * 3


def test_the_folder_is_kept_as_a_full_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    lever = Command.model_validate({"inject": ["a"], "undo": ["b"]})
    assert lever.folder == str(tmp_path)
    assert Command.model_validate({"inject": ["a"], "undo": ["b"], "folder": "sub"}).folder == str(tmp_path / "sub")


def test_an_empty_command_is_refused() -> None:
    with pytest.raises(ValidationError, match="at least 1 item"):
        Command.model_validate({"inject": [], "undo": ["b"]})

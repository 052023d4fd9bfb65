"""This file is for the undo journal: it outlives a kill, holds no secret, and its restore mends what dead runs left broken."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from probes.faults.command import Command
from probes.faults.http_hook import HttpHook
from probes.faults.lever import LeverError
from probes.fields import Expanded, Secret
from probes.target import Target
from probes.undo import Entry, Fate, Journal, JournalError, rebuild, restore
from tests.probes.small_service import BreakerService, a_session, a_target, serving, with_lever

GONE = 2**22 + 1  # above the highest process id of Linux


def an_entry(folder: Path, **more: Any) -> Entry:
    lever = Command.model_validate({"inject": ["touch", "broken"], "undo": ["rm", "-f", "broken"], "folder": str(folder)})
    entry = Entry.of(what="fault 'x'", target=a_target("http://127.0.0.1:9"), lever=lever, suite_path="suite.yaml")
    return Entry(**{**{name: getattr(entry, name) for name in Entry.__slots__}, **more})


def of_a_dead_run(folder: Path) -> Entry:
    return an_entry(folder, pid=GONE, process_started="another boot/1")


def test_an_entry_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "state" / "undo")
    entry = an_entry(tmp_path)
    assert journal.register(entry) == entry.id
    assert Journal(tmp_path / "state" / "undo").open_entries() == [entry]
    journal.done(entry.id)
    journal.done(entry.id)  # two may have mended the same
    assert journal.open_entries() == []


def test_only_the_owner_may_read_the_journal(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "undo")
    journal.register(an_entry(tmp_path))
    assert [path.stat().st_mode & 0o777 for path in (journal.folder, *journal.folder.iterdir())] == [0o700, 0o600]


def test_file_and_folder_are_synced_before_register_returns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[tuple[str, list[str]]] = []
    real = os.fsync

    def watch(handle: int) -> None:
        name = os.readlink(f"/proc/self/fd/{handle}")
        synced.append((Path(name).name, sorted(path.name for path in tmp_path.iterdir())))
        real(handle)

    monkeypatch.setattr(os, "fsync", watch)
    entry = an_entry(tmp_path)
    Journal(tmp_path).register(entry)
    assert synced == [(f".{entry.id}.draft", [f".{entry.id}.draft"]), (tmp_path.name, [f"{entry.id}.json"])]


def test_a_half_written_entry_does_not_count_and_hides_no_other(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    entry = an_entry(tmp_path)
    journal.register(entry)
    (tmp_path / ".half.draft").write_text('{"form": 1, "wh')
    assert journal.open_entries() == [entry]
    assert journal.damaged() == []


@pytest.mark.anyio
async def test_a_damaged_entry_is_told_and_kept(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    for name, text in (("a", '{"form": 1, "wh'), ("b", "[]"), ("c", '{"form": 99}'), ("d", '{"form": 1}')):
        (tmp_path / f"{name}.json").write_text(text)
    results = await restore(journal)
    assert [result.fate for result in results] == [Fate.FAILED] * 4
    assert all(f"{name}.json' cannot be read" in result.sentence for name, result in zip("abcd", results, strict=True))
    assert len(list(tmp_path.glob("*.json"))) == 4


@pytest.mark.parametrize(
    "text",
    [
        '{"what": 1}',
        '{"target": []}',
        '{"lever": {}}',
        '{"lever_options": 3}',
        '{"pid": "a"}',
        '{"process_started": 1}',
        '{"id": "../x"}',
        '{"at": 5}',
    ],
)
def test_an_entry_of_the_wrong_types_is_damaged_and_stops_nobody(text: str, tmp_path: Path) -> None:
    journal, entry = Journal(tmp_path), an_entry(tmp_path)
    journal.register(entry)
    (tmp_path / "odd.json").write_text(json.dumps(json.loads((tmp_path / f"{entry.id}.json").read_text()) | json.loads(text)))
    assert [path.name for path, _ in journal.damaged()] == ["odd.json"]
    assert journal.open_entries() == [entry]


def test_what_cannot_be_struck_out_is_told(tmp_path: Path) -> None:
    (tmp_path / "folder.json").mkdir()
    with pytest.raises(JournalError, match="'folder' could not be struck out of the journal"):
        Journal(tmp_path).done("folder")


def test_two_processes_write_at_once_and_nothing_is_lost(tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from probes.undo import Entry, Journal\n"
        "journal = Journal(Path(sys.argv[1]) / 'new')\n"
        "for n in range(40): journal.register(Entry(what=f'{sys.argv[2]}-{n}', target={}, lever='x', lever_options={}))\n"
    )
    children = [subprocess.Popen([sys.executable, "-c", script, str(tmp_path), name]) for name in "ab"]
    assert [child.wait(30) for child in children] == [0, 0]
    written = {entry.what for entry in Journal(tmp_path / "new").open_entries()}
    assert written == {f"{name}-{n}" for name in "ab" for n in range(40)}


SECRET = "s3cr3t-bearer-token"


def secretive(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Entry:
    """Return an entry of a target and a lever that are full of secrets."""
    monkeypatch.setenv("TOKEN", SECRET)
    (tmp_path / "key").write_text(SECRET)
    token = Expanded(SECRET, "${TOKEN}")
    target = a_target(
        "http://127.0.0.1:9",
        headers={"X-Key": {"file": str(tmp_path / "key")}, "X-Plain": "costs ${5}"},
        auth={"bearer": token},
        vars={"deep": [{"token": Expanded(f"x-{SECRET}", "x-${TOKEN}")}], "port": 1},
    )
    hook = {"path": Expanded(f"/{SECRET}", "/${TOKEN}"), "headers": {"A": token}, "json": {"k": [token, 1, None]}}
    lever = HttpHook.model_validate({"inject": hook, "undo": {**hook, "method": "DELETE"}})
    return Entry.of(what="fault", target=target, lever=lever)


def test_no_secret_is_written_to_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = Journal(tmp_path / "undo")
    journal.register(secretive(monkeypatch, tmp_path))
    assert not any(SECRET in path.read_text() for path in journal.folder.iterdir())


def test_target_and_lever_are_rebuilt_with_secrets_read_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = Journal(tmp_path / "undo")
    journal.register(secretive(monkeypatch, tmp_path))
    monkeypatch.setenv("TOKEN", "renewed")
    target, lever = rebuild(journal.open_entries()[0])
    assert isinstance(lever, HttpHook) and isinstance(lever.undo_hook.path, Secret)
    assert lever.undo_hook.path.reveal() == "/renewed"
    assert lever.undo_hook.json_body == {"k": ["renewed", 1, None]}
    assert target.auth is not None and target.auth.bearer is not None and target.auth.bearer.reveal() == "renewed"
    assert isinstance(target.headers["X-Key"], Secret) and target.headers["X-Key"].reveal() == SECRET
    assert target.headers["X-Plain"] == "costs ${5}"
    assert target.vars == {"deep": [{"token": "x-renewed"}], "port": 1}


def test_a_missing_environment_variable_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = secretive(monkeypatch, tmp_path)
    monkeypatch.delenv("TOKEN")
    with pytest.raises(JournalError, match="the environment variable 'TOKEN' is not set"):
        rebuild(entry)


def test_a_default_stands_in_for_an_unset_variable(tmp_path: Path) -> None:
    entry = an_entry(tmp_path, lever_options={"inject": ["a"], "undo": ["${NOBODY_SETS_THIS:-rm}", "$${x}"]})
    _, lever = rebuild(entry)
    assert isinstance(lever, Command) and isinstance(lever.undo_argv[0], Secret)
    assert (lever.undo_argv[0].reveal(), lever.undo_argv[1]) == ("rm", "${x}")


def test_an_unknown_lever_is_named_with_its_suite(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match=r"there is no fault lever 'toxic' here; load the plug-ins of its suite 'suite.yaml'"):
        rebuild(an_entry(tmp_path, lever="toxic"))


def test_a_secret_without_an_origin_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    target = a_target("http://127.0.0.1:9", headers={"A": Secret("clear")})
    lever = Command.model_validate({"inject": ["a"], "undo": ["b"]})
    with pytest.raises(
        JournalError, match=r"target\.headers\.A holds a secret that comes neither from the environment nor from a file"
    ):
        Entry.of(what="x", target=target, lever=lever)
    with pytest.raises(JournalError, match="without an origin"):
        Journal(tmp_path).register(an_entry(tmp_path, target=target.model_dump(mode="json")))
    assert list(tmp_path.iterdir()) == []


def test_secrets_that_the_undo_does_not_need_do_not_stand_in_its_way(tmp_path: Path) -> None:
    other = HttpHook.model_validate({"inject": {"path": Secret("clear")}, "undo": {"path": "/"}})
    lever = Command.model_validate({"inject": ["a"], "undo": ["b"]})
    entry = Entry.of(what="x", target=a_target("http://127.0.0.1:9", faults={"other": other}), lever=lever)
    assert (entry.target["faults"], entry.target["evidence"]) == ({}, {})


@pytest.mark.anyio
async def test_a_journal_that_cannot_be_written_stops_the_deed(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    service = BreakerService()
    async with serving(service.handle) as url:
        target = a_target(url, faults={"down": with_lever(HttpHook, service.lever())})
        session = a_session(target, journal=Journal(tmp_path / "file" / "undo"))
        with pytest.raises(LeverError, match="could not be written"):
            async with session.fault("down"):
                pass
        assert await session.close() == []
    assert service.seen == []


@pytest.mark.anyio
async def test_what_a_dead_run_left_broken_is_undone(tmp_path: Path) -> None:
    (tmp_path / "broken").touch()
    journal = Journal(tmp_path / "undo")
    journal.register(of_a_dead_run(tmp_path))
    (result,) = await restore(journal)
    assert (result.fate, result.target) == (Fate.UNDONE, "staging")
    assert result.sentence.startswith("'fault 'x'' on target 'staging' was undone (broken at ")
    assert not (tmp_path / "broken").exists()
    assert journal.open_entries() == []


@pytest.mark.anyio
async def test_a_living_run_is_left_alone_unless_forced(tmp_path: Path) -> None:
    (tmp_path / "broken").touch()
    journal = Journal(tmp_path / "undo")
    journal.register(an_entry(tmp_path))
    assert [result.fate for result in await restore(journal)] == [Fate.LEFT]
    assert (tmp_path / "broken").exists() and journal.open_entries()
    assert [result.fate for result in await restore(journal, force=True)] == [Fate.UNDONE]
    assert not (tmp_path / "broken").exists()


def test_a_process_id_that_was_given_away_anew_does_not_count_as_alive(tmp_path: Path) -> None:
    mine = an_entry(tmp_path)
    assert mine.is_of_living_run()
    assert not an_entry(tmp_path, process_started="another boot/1").is_of_living_run()
    assert not an_entry(tmp_path, process_started=mine.process_started + "0").is_of_living_run()


def test_without_start_times_the_process_id_decides(tmp_path: Path) -> None:
    assert an_entry(tmp_path, process_started="").is_of_living_run()
    assert not an_entry(tmp_path, pid=GONE, process_started="").is_of_living_run()


@pytest.mark.anyio
async def test_an_undo_that_fails_stays_open_and_keeps_no_other_from_being_undone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("probes.faults.command.UNDO_WAITS_S", ())
    journal = Journal(tmp_path / "undo")
    bad = of_a_dead_run(tmp_path)
    bad = Entry(**{**{n: getattr(bad, n) for n in Entry.__slots__}, "lever_options": {"inject": ["a"], "undo": ["false"]}})
    journal.register(bad)
    journal.register(of_a_dead_run(tmp_path))
    results = await restore(journal)
    assert [result.fate for result in results] == [Fate.FAILED, Fate.UNDONE]
    assert "is still broken: the fault was not taken out: the command 'false' ended with exit code 1" in results[0].sentence
    assert journal.open_entries() == [bad]


@pytest.mark.anyio
async def test_an_undo_that_hangs_is_given_up_in_time(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "undo")
    journal.register(of_a_dead_run(tmp_path))
    entry = journal.open_entries()[0]
    options = {**entry.lever_options, "undo": ["sleep", "60"]}
    path = journal.folder / f"{entry.id}.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "lever_options": options}))
    (result,) = await restore(journal, timeout_s=0.3)
    assert (result.fate, "it took more than 0.3 s" in result.sentence) == (Fate.FAILED, True)


CHILD = """
import asyncio, sys
from pathlib import Path
from probes.faults.http_hook import HttpHook
from probes.undo import Journal
from tests.probes.small_service import BreakerService, a_session, a_target, with_lever

async def main(url, folder):
    target = a_target(url, faults={"down": with_lever(HttpHook, BreakerService().lever())})
    async with a_session(target, journal=Journal(Path(folder))).fault("down"):
        print("broken", flush=True)
        await asyncio.sleep(600)

asyncio.run(main(*sys.argv[1:]))
"""


async def _broken_by_a_child(url: str, folder: Path) -> asyncio.subprocess.Process:
    root = Path(__file__).parents[2]
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        CHILD,
        url,
        str(folder),
        stdout=subprocess.PIPE,
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
    )
    assert child.stdout is not None
    assert await asyncio.wait_for(child.stdout.readline(), 20) == b"broken\n"
    return child


@pytest.mark.anyio
async def test_after_a_kill_in_the_middle_a_restore_takes_the_fault_out(tmp_path: Path) -> None:
    service = BreakerService()
    journal = Journal(tmp_path / "undo")
    async with serving(service.handle) as url:
        child = await _broken_by_a_child(url, journal.folder)
        assert service.down
        assert [result.fate for result in await restore(journal)] == [Fate.LEFT]
        assert service.down
        child.send_signal(signal.SIGKILL)
        await child.communicate()
        assert service.down, "a kill leaves the fault in, else this test shows nothing"
        assert [result.fate for result in await restore(journal)] == [Fate.UNDONE]
        assert not service.down
        assert await restore(journal) == []


class Stop(Exception):
    pass


async def _raise() -> None:
    raise Stop


async def _time_out() -> None:
    async with asyncio.timeout(0.01):
        await asyncio.Event().wait()


async def _be_cancelled() -> None:
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().call_soon(task.cancel)
    await asyncio.Event().wait()


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("leave", "raised"),
    [(_raise, Stop), (_time_out, TimeoutError), (_be_cancelled, asyncio.CancelledError)],
    ids=["exception", "time-out", "cancellation"],
)
async def test_the_undo_runs_however_the_block_is_left(
    tmp_path: Path, leave: Callable[[], Any], raised: type[BaseException]
) -> None:
    service = BreakerService()
    journal = Journal(tmp_path / "undo")
    async with serving(service.handle) as url:
        target: Target = a_target(url, faults={"down": with_lever(HttpHook, service.lever())})
        session = a_session(target, journal=journal)

        async def block() -> None:
            async with session.fault("down"):
                assert service.down and len(journal.open_entries()) == 1
                await leave()

        with pytest.raises(raised):
            await asyncio.create_task(block())
        assert await session.close() == []
    assert (service.down, service.undone, journal.open_entries()) == (False, 1, [])

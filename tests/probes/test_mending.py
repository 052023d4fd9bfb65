"""This file is for mending: what was broken is undone whatever happens, and it is told when that fails."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any, ClassVar
from unittest.mock import patch

import pytest

from probes import mending
from probes.faults.lever import Lever, LeverError
from probes.probe import NotGiven
from probes.request import RequestTemplate
from probes.session import Session
from probes.undo import Entry, Journal, JournalError
from tests.probes.badserver import answer, saying, serving
from tests.probes.sessions import session_at

pytestmark = pytest.mark.anyio


class Recorded(Lever, lever="recorded"):
    """Notes what it does; `said` may hold troubles to raise, by deed, the first first."""

    did: ClassVar[list[str]] = []
    troubles: ClassVar[dict[str, list[Any]]] = {}

    async def inject(self, session: Session) -> None:
        await self._do("inject")

    async def undo(self, session: Session) -> None:
        await self._do("undo")

    async def _do(self, deed: str) -> None:
        self.did.append(deed)
        left = self.troubles.get(deed, [])
        trouble = left.pop(0) if left else None
        if isinstance(trouble, asyncio.Event):
            await trouble.wait()
        elif trouble is not None:
            raise trouble
        self.did.append(f"{deed} done")


@pytest.fixture(autouse=True)
def did() -> list[str]:
    Recorded.did.clear()
    Recorded.troubles.clear()
    return Recorded.did


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path / "undo")


def breaking(journal: Journal | None = None, **options: Any) -> Session:
    options = {"allow": ["faults"], "faults": {"down": Recorded()}, **options}
    return session_at("http://127.0.0.1:9", session={"journal": journal}, **options)


async def test_a_fault_is_journalled_before_it_goes_in_and_struck_out_when_it_is_out(journal: Journal, did: list[str]) -> None:
    session = breaking(journal)
    async with session.fault("down"):
        assert did == ["inject", "inject done"]
        assert [entry.lever for entry in journal.open_entries()] == ["recorded"]
    assert did[2:] == ["undo", "undo done"]
    assert journal.open_entries() == []
    assert await session.close() == []
    assert did[4:] == []


async def test_nothing_is_broken_when_its_undo_cannot_be_written_down(tmp_path: Path, did: list[str]) -> None:
    class FullDisk(Journal):
        def register(self, entry: Entry) -> str:
            raise JournalError("the undo could not be written")

    with pytest.raises(LeverError, match="could not be written"):
        async with breaking(FullDisk(tmp_path)).fault("down"):
            pytest.fail("the fault went in")
    assert did == []


async def test_a_fault_needs_the_targets_grant(did: list[str]) -> None:
    with pytest.raises(NotGiven, match="target 'staging' does not grant faults"):
        async with breaking(allow=[]).fault("down"):
            pytest.fail("the fault went in")
    with pytest.raises(NotGiven, match="has no fault 'up' under 'faults'"):
        async with breaking().fault("up"):
            pytest.fail("the fault went in")
    assert did == [] and breaking().has_fault("down") and not breaking().has_fault("up")


async def test_a_fault_is_undone_when_the_probe_raises(did: list[str]) -> None:
    with pytest.raises(ZeroDivisionError):
        async with breaking().fault("down"):
            _ = 1 / 0
    assert did[-1] == "undo done"


async def test_an_inject_that_fails_is_undone_too(journal: Journal, did: list[str]) -> None:
    Recorded.troubles["inject"] = [LeverError("half of it went in")]
    with pytest.raises(LeverError, match="half of it went in"):
        async with breaking(journal).fault("down"):
            pytest.fail("the fault went in")
    assert did == ["inject", "undo", "undo done"]
    assert journal.open_entries() == []


async def test_an_inject_that_is_cancelled_is_undone_too(did: list[str]) -> None:
    Recorded.troubles["inject"] = [asyncio.Event()]
    session = breaking()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05), session.fault("down"):
            pytest.fail("the fault went in")
    assert did == ["inject", "undo", "undo done"]


async def test_an_undo_is_not_stopped_by_cancellations(did: list[str]) -> None:
    finish = asyncio.Event()
    Recorded.troubles["undo"] = [finish]
    inside = asyncio.Event()

    async def broken() -> None:
        async with breaking().fault("down"):
            inside.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(broken())
    await inside.wait()
    for _ in range(3):  # as an impatient operator does
        task.cancel("stopped")
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    assert did[2:] == ["undo"] and not task.done()
    finish.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert did[2:] == ["undo", "undo done"]


async def test_a_cancellation_that_comes_during_an_undo_goes_on_after_it(did: list[str]) -> None:
    finish, undoing = asyncio.Event(), asyncio.Event()
    session = breaking(journal=None)

    async def slow() -> None:
        undoing.set()
        await finish.wait()
        did.append("undo done")

    async def broken() -> None:
        with patch.object(Recorded, "undo", lambda *_: slow()):
            async with session.fault("down"):
                pass
        did.append("went on as if nothing had been")

    task = asyncio.create_task(broken())
    await undoing.wait()
    task.cancel()
    await asyncio.sleep(0)
    finish.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert did[-1] == "undo done"


async def test_a_failing_undo_is_tried_once_more_at_the_end(journal: Journal, did: list[str]) -> None:
    Recorded.troubles["undo"] = [LeverError("the hook answered 500")]
    session = breaking(journal)
    with pytest.raises(LeverError, match="fault 'down' was not undone: the hook answered 500; it is tried once more at the end"):
        async with session.fault("down"):
            pass
    assert len(journal.open_entries()) == 1
    assert await session.close() == []
    assert did[-2:] == ["undo", "undo done"]
    assert journal.open_entries() == []


async def test_an_undo_that_fails_for_good_is_told_and_stays_in_the_journal(journal: Journal) -> None:
    Recorded.troubles["undo"] = [LeverError("no"), ValueError("still no, by hunter2-hunter2")]
    session = breaking(journal)
    session.plant("hunter2-hunter2", "password")
    with pytest.raises(ZeroDivisionError):  # what was first is not hidden by what came of it
        async with session.fault("down"):
            _ = 1 / 0
    assert await session.close() == ["fault 'down' was not undone: still no, by [password]"]
    assert len(journal.open_entries()) == 1
    assert await session.close() == []


async def test_an_undo_without_end_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mending, "UNDO_S", 0.05)
    session, events = breaking(), []

    async def never() -> None:
        await asyncio.Event().wait()

    async def first() -> None:
        events.append("the first was undone")

    session.undo_later("the first thing", first)
    session.undo_later("the last thing", never)
    async with asyncio.timeout(3):
        assert await session.close() == ["the last thing was not undone: it took more than 0.05 s"]
    assert events == ["the first was undone"]


async def test_an_undo_that_will_not_be_cancelled_does_not_hold_the_run_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mending, "UNDO_S", 0.05)
    monkeypatch.setattr(mending, "_GRACE_S", 0.05)
    release = asyncio.Event()
    session = breaking()

    async def stubborn() -> None:
        while not release.is_set():
            try:
                await release.wait()
            except asyncio.CancelledError:
                continue

    session.undo_later("the thing", stubborn)
    async with asyncio.timeout(3):
        assert await session.close() == ["the thing was not undone: its undo did not end"]
    release.set()
    await asyncio.sleep(0.01)


async def test_undos_run_in_reverse_and_close_is_not_stopped_by_a_cancellation() -> None:
    session, order, started, finish = breaking(), [], asyncio.Event(), asyncio.Event()

    async def last() -> None:
        started.set()
        await finish.wait()
        order.append("last")

    async def first() -> None:
        order.append("first")

    session.undo_later("first", first)
    session.undo_later("last", last)
    task = asyncio.create_task(session.close())
    await started.wait()
    task.cancel()
    await asyncio.sleep(0)
    finish.set()
    assert await task == []
    assert order == ["last", "first"]


async def test_an_undo_may_send_beyond_every_limit() -> None:
    async with serving(saying(answer(b"ok"))) as server:
        slots = asyncio.Semaphore(1)
        session = session_at(server.url, limits={"requests": 1}, session={"slots": slots})
        await session.send(RequestTemplate())
        await slots.acquire()  # somebody else is at work, and will be for long

        async def mend() -> None:
            assert (await session.send(RequestTemplate(path="/mend"))).ok

        session.undo_later("the thing", mend)
        async with asyncio.timeout(3):
            assert await session.close() == []
    assert server.talks[-1].path == "/mend"


async def test_an_undo_that_cannot_be_struck_out_is_told_and_the_others_still_run(journal: Journal, did: list[str]) -> None:
    session = breaking(journal)
    session.undo_later("the other", lambda: Recorded()._do("other"))
    with patch.object(Journal, "done", side_effect=JournalError("the disk is gone")):
        with pytest.raises(LeverError, match="the disk is gone"):
            async with session.fault("down"):
                pass
        failures = await session.close()
    assert failures == ["fault 'down' was undone, but stays in the journal: the disk is gone"]
    assert did[-1] == "other done"

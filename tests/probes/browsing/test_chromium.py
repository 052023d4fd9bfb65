"""This file is for browsers that are missing, that hang, that die or that nobody waits for any more: nothing of them stays."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from probes.browsing.chromium import find_chromium, host_rules, is_installed
from probes.browsing.driver import NoBrowser
from probes.browsing.processes import family, kill_family
from probes.kinds.browser import Browser
from probes.outcome import Outcome, Verdict
from probes.probe import ask
from probes.session import Session
from probes.target import Target
from tests.probes.browsing.shared import SUBJECT, alive, said, site, visited
from tests.probes.listening import listening

pytestmark = [pytest.mark.anyio, pytest.mark.xdist_group("browser")]
HERE: dict[str, Any] = {"journey": [{"open": "/"}, {"expect": {"text": "Here"}}]}


@pytest.fixture
def installed(require: Callable[[str, bool], None]) -> None:
    require("Chromium", is_installed())
    pytest.importorskip("playwright")


def session_for(url: str) -> Session:
    return Session(
        target=Target.model_validate({"name": "loopback", "base_url": url, "private_networks": True}),
        subject=SUBJECT,
        run_id="run-1",
    )


def drivers() -> set[int]:
    """Return the drivers that we started."""
    own = [one for one in family(os.getpid()) if one != os.getpid()]
    return {one for one in own if b"run-driver" in _command(one)}


def _command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


async def gone(mark: str) -> bool:
    """Say whether nothing of a browser stays; what was killed needs a moment to be gone."""
    for _ in range(200):
        if not alive(mark) and not drivers():
            return True
        await asyncio.sleep(0.05)
    return False


@contextlib.asynccontextmanager
async def begun(page: bytes) -> AsyncIterator[tuple[asyncio.Task[Outcome], Session]]:
    """Yield a visit that has just been given that page, and its session."""
    asked = asyncio.Event()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: %d\r\n\r\n" % len(page) + page)
        await writer.drain()
        asked.set()
        await reader.read()

    async with listening(answer) as url:
        session = session_for(url)
        probe = Browser.model_validate({**HERE, "within": 20, "duration": 60, "keep": "never"})
        task = asyncio.create_task(ask(probe, session, run_id="run-1", deadline_s=90))
        await asyncio.wait_for(asked.wait(), 60)
        yield task, session


@pytest.mark.usefixtures("installed")
async def test_nothing_stays_of_a_browser_whose_page_hangs_when_it_is_cancelled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    async with begun(b"<script>while (true) {}</script>") as (task, session):
        assert alive(session.nonce) and drivers()
        began = time.monotonic()
        task.cancel("the run was stopped")
        outcome = await asyncio.wait_for(task, 30)
        assert outcome.verdict is Verdict.INCONCLUSIVE and "the run was stopped" in outcome.sentence
        assert await gone(session.nonce) and time.monotonic() - began < 20
        assert [path.name for path in tmp_path.iterdir() if path.name.startswith("vedette")] == []


@pytest.mark.usefixtures("installed")
async def test_a_browser_that_is_killed_is_our_error_and_is_told_at_once() -> None:
    async with begun(b"<script>while (true) {}</script>") as (task, session):
        (driver,) = drivers()
        kill_family(driver, spare_head=True)
        outcome = await asyncio.wait_for(task, 30)
        assert outcome.verdict is Verdict.ERROR and "the browser ended" in outcome.sentence, said(outcome)
        assert await gone(session.nonce)


@pytest.mark.usefixtures("installed")
async def test_a_driver_that_dies_is_our_error_and_leaves_no_browser() -> None:
    async with begun(b"<script>while (true) {}</script>") as (task, session):
        os.kill(next(iter(drivers())), signal.SIGKILL)
        outcome = await asyncio.wait_for(task, 30)
        assert outcome.verdict is Verdict.ERROR, said(outcome)
        assert await gone(session.nonce)


async def test_nothing_stays_of_a_driver_that_is_not_waited_for() -> None:
    pytest.importorskip("playwright")
    session = session_for("http://127.0.0.1:9")
    task = asyncio.create_task(ask(Browser.model_validate(HERE), session, run_id="run-1", deadline_s=60))
    while not drivers():  # noqa: ASYNC110  # a process tells nobody that it is there
        await asyncio.sleep(0.005)
    task.cancel("nobody waits")
    assert (await task).verdict is Verdict.INCONCLUSIVE
    assert await gone(session.nonce)


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("exec sleep 60", "did not start within 1.5 s"),
        ("echo no screen >&2; exit 3", "no screen"),
        (None, "no program that can be run"),
    ],
    ids=["hangs", "ends", "is not there"],
)
async def test_a_browser_that_does_not_start_is_our_error(
    script: str | None, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("playwright")
    fake = tmp_path / "chromium"
    if script is not None:
        fake.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
        fake.chmod(0o755)
    monkeypatch.setenv("VEDETTE_CHROMIUM", str(fake))
    if script == "exec sleep 60":
        monkeypatch.setattr("probes.browsing.chromium._START_S", 1.5)
    async with site({"/": "Here"}).running() as at:
        outcome = await visited(at.url, HERE)
    assert outcome.verdict is Verdict.ERROR and words in outcome.sentence and str(fake) in outcome.sentence, said(outcome)
    assert at.asked == [] and not drivers()


async def test_a_machine_without_a_browser_is_told_how_to_get_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("playwright")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("VEDETTE_CHROMIUM", raising=False)
    monkeypatch.setenv("PLAYWRIGHT_BROWSERS_PATH", str(tmp_path))
    assert find_chromium() is None and not is_installed()
    outcome = await visited("http://127.0.0.1:9", HERE)
    assert outcome.verdict is Verdict.ERROR and "apt-get install chromium-headless-shell" in outcome.sentence, said(outcome)
    assert "VEDETTE_CHROMIUM" in outcome.sentence


async def test_an_install_without_the_extra_is_told_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "playwright.async_api", None)
    outcome = await visited("http://127.0.0.1:9", HERE)
    assert outcome.verdict is Verdict.ERROR and "pip install 'vedette[browser]'" in outcome.sentence


async def test_an_authority_that_a_browser_cannot_be_given_is_told() -> None:
    outcome = await visited("https://127.0.0.1:9", HERE, tls={"ca_file": "ca.pem"})
    assert outcome.verdict is Verdict.ERROR and "tls.ca_file" in outcome.sentence


def test_the_named_browser_comes_first_and_must_be_there(tmp_path: Path) -> None:
    named, found = tmp_path / "mine", tmp_path / "chromium"
    for path in (named, found):
        path.write_text("", encoding="utf-8")
        path.chmod(0o755)
    assert find_chromium({"VEDETTE_CHROMIUM": str(named), "PATH": str(tmp_path)}) == str(named)
    assert find_chromium({"PATH": str(tmp_path)}) == str(found)
    with pytest.raises(NoBrowser, match="no program that can be run"):
        find_chromium({"VEDETTE_CHROMIUM": str(tmp_path / "gone"), "PATH": str(tmp_path)})


def test_every_host_that_was_not_judged_is_nobody() -> None:
    rules = host_rules({"shop.example": "192.0.2.1", "cdn.example": "2001:db8::1"})
    assert rules == "MAP shop.example 192.0.2.1,MAP cdn.example [2001:db8::1],MAP * ~NOTFOUND"


async def test_a_family_is_killed_though_it_left_its_group() -> None:
    script = (
        "import subprocess,time; subprocess.Popen(['sleep','60'],start_new_session=True); print(1,flush=True); time.sleep(60)"
    )
    head = await asyncio.create_subprocess_exec(sys.executable, "-c", script, stdout=asyncio.subprocess.PIPE)
    assert head.stdout is not None
    await head.stdout.readline()
    members = family(head.pid)
    assert len(members) == 2 and kill_family(head.pid) == members
    await head.wait()
    head._transport.close()  # type: ignore[attr-defined]  # the pipe
    assert not (family(head.pid) - {head.pid})

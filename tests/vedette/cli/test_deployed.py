"""This file is for `vedette deployed` and `vedette maintenance`: said to a real service, and waited for in bounded time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from probes.outcome import Verdict
from reports.store.ledger.maintenance import MaintenanceBook
from tests.vedette.service.conftest import empty_store, make_service, settings
from tests.vedette.service.deploys import World, suite_of
from tests.vedette.service.living import serving
from vedette.cli import deployment_talk as talk
from vedette.cli.main import build_parser
from vedette.cli.service_client import ServiceRefused, ServiceUnreachable
from vedette.cli.speech import UsageError
from vedette.exit_codes import Exit
from vedette.service.calendar import Calendar
from vedette.service.state import Service

__all__ = ["empty_store", "make_service", "settings"]  # fixtures
pytestmark = pytest.mark.anyio
TOLD = ("--target", "production", "--version", "1.4.2", "--suite", "shop")


@pytest.fixture
def world(empty_store: Path, tmp_path: Path) -> World:
    path = tmp_path / "results.db"
    path.write_bytes(empty_store.read_bytes())
    return World(path, suite_of("shop"), suite_of("blog", ("production", "staging")))


@pytest.fixture
def service(world: World, make_service: Callable[..., Service]) -> Iterator[Service]:
    made = make_service(burn_ins=world.burn_ins, watcher=world.watcher, settings={"port": 0})
    made.calendar = Calendar(MaintenanceBook(made.settings.store), world.suites, clock=lambda: world.clock.now)
    made.clock = lambda: world.clock.now
    yield made
    made.calendar.close()


@asynccontextmanager
async def going(world: World, service: Service, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    async with world.going(), serving(service) as url:
        monkeypatch.setenv("VEDETTE_SERVICE", url)
        yield


async def cli(*words: str) -> int:
    """Run a command beside the service."""
    args = build_parser(words[0]).parse_args(words)
    return await asyncio.to_thread(lambda: int(args.call(args)))


async def test_a_deployment_is_told_and_its_first_phase_waited_for(
    world: World, service: Service, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async with going(world, service, monkeypatch):
        assert await cli("deployed", *TOLD) == Exit.PASSED
        await world.quiet()
        (made,) = world.ledger.list()
        noted = f"1.4.2 on production (suite shop): noted as {made.id}, watched through verification, intensive, "
        assert capsys.readouterr().out == f"{noted}extended, validation\n"
        monkeypatch.setattr(talk, "EVERY_S", 0.01)
        world.watcher.verdicts["search"] = Verdict.FAIL  # so that the next one has its verdict at once
        waiting = asyncio.create_task(cli("deployed", *TOLD, "--wait", "--note", "again", "--timeout", "60s"))
        while not waiting.done():
            await world.quiet()
            await world.burn_ins.turn()
            await asyncio.wait([waiting], timeout=0.01)
        assert await waiting == Exit.FAILED
    assert "phase 'verification': fail, the run after the deployment failed: 'search' failed" in capsys.readouterr().out


async def test_deployments_are_listed_and_cancelled(
    world: World, service: Service, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async with going(world, service, monkeypatch):
        assert await cli("deployed", "--list") == Exit.PASSED
        assert capsys.readouterr().err == "no deployment was told\n"
        made = await world.deploy(suite="shop")
        await world.pass_time(300)
        assert await cli("deployed", "--cancel", made.id) == Exit.PASSED
        assert await cli("deployed", "--list", "--target", "production") == Exit.PASSED
    cancelled, listed = capsys.readouterr().out.splitlines()
    assert cancelled.startswith("1.4.2 on production (suite shop): cancelled since 2026-03-01")
    assert listed.startswith(made.id) and "cancelled  verification: pass  intensive: …" in listed


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--target", "production"), "give --target and --version"),
        (("--target", "prodction", "--version", "1"), "did you mean 'production'?"),
        (("--cancel", "../status"), "'../status' is no id"),
        (("--cancel", "nothing"), "there is no deployment with this id"),
        ((*TOLD, "--wait-for", "extendet"), "its burn-in has no phase 'extendet'; did you mean 'extended'?"),
    ],
)
async def test_a_wrong_line_is_told_with_what_would_be_right(
    words: tuple[str, ...], sentence: str, world: World, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with going(world, service, monkeypatch):
        with pytest.raises(UsageError) as refused:
            await cli("deployed", *words)
        await world.quiet()
    assert sentence in str(refused.value)


async def test_windows_are_opened_listed_and_ended(
    world: World, service: Service, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async with going(world, service, monkeypatch):
        assert await cli("maintenance", "start", "30m", "--target", "staging", "--target", "production", "--why", "we move") == 0
        (window,) = service.calendar.active()
        assert (window.targets, window.why) == (("staging", "production"), "we move")
        assert (window.ends_at - window.starts_at).seconds == 1800
        assert capsys.readouterr().out.startswith(f"{window.id}  ")
        assert await cli("maintenance", "list") == 0
        assert "  open    " in (listed := capsys.readouterr().out) and "target staging and production  (we move)" in listed
        world.clock.go(60)
        assert await cli("maintenance", "end", window.id) == 0
        assert service.calendar.active() == []
        assert await cli("maintenance", "list", "--past") == 0
        assert "  over    " in (listed := capsys.readouterr().out) and "ended by anonymous" in listed
        with pytest.raises(UsageError, match="there is no maintenance window"):
            await cli("maintenance", "end", "nothing")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("start", "30m"), "--why"),
        (("start", "soon", "--why", "x"), "should be a duration"),
        (("start", "1h", "--why", "x", "--at", "2026-11-01T02:00"), "has no time zone"),
        (("start", "1h", "--why", "x", "--at", "tomorrow"), "should be a time such as"),
        ((), "DEED"),
    ],
)
def test_a_wrong_line_of_maintenance_is_refused_before_anything_is_sent(
    words: tuple[str, ...], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        build_parser("maintenance").parse_args(("maintenance", *words))
    assert sentence in capsys.readouterr().err


# Waiting


@dataclass
class StandInClient:
    """Answers in turn as a test says; the last answer stays."""

    answers: list[Any]
    now_s: float = 0.0
    asked: int = 0
    paused: list[float] = field(default_factory=list)

    def get(self, path: str) -> Any:
        self.asked += 1
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def pause(self, seconds: float) -> None:
        self.paused.append(seconds)
        self.now_s += seconds


def standing(*verdicts: str | None, ended: str | None = None, state: str = "burning_in") -> dict[str, Any]:
    phases = [
        {"name": name, "verdict": verdict, "sentence": "because", "ends_at": f"2026-03-01T12:{place + 1:02}:00Z"}
        for place, (name, verdict) in enumerate(zip(("first", "second"), verdicts, strict=True))
    ]
    told = {"id": "a", "version": "1", "target": "t", "suite": "s", "now_at": "2026-03-01T12:00:00Z"}
    return {**told, "phases": phases, "ended_at": ended, "state": state}


OPEN = standing(None, None)
AWAY = ServiceUnreachable("nobody listens")


def wait(*answers: Any, name: str | None = None, timeout_s: float | None = None, many: int = 1) -> tuple[int, StandInClient]:
    client = StandInClient(list(answers))
    code = talk.wait(
        client, [OPEN] * many, name, timeout_s, pause=client.pause, monotonic=lambda: client.now_s  # type: ignore[arg-type]
    )  # fmt: skip
    return code, client


@pytest.mark.parametrize(
    ("answers", "name", "code"),
    [
        ([OPEN, standing("pass", None)], None, Exit.PASSED),
        ([standing("fail", None)], None, Exit.FAILED),
        ([standing("inconclusive", None)], None, Exit.INCONCLUSIVE),
        ([standing("pass", None), standing("pass", "fail")], "second", Exit.FAILED),
        ([standing("fail", None), standing("fail", "pass")], "second", Exit.PASSED),
        ([standing(None, None, ended="2026-03-01T12:00:30Z", state="superseded")], None, Exit.INCONCLUSIVE),
        ([standing("pass", None, ended="2026-03-01T12:01:30Z", state="cancelled")], "second", Exit.INCONCLUSIVE),
        ([AWAY, ServiceRefused("starting", 503, {}), standing("pass", None)], None, Exit.PASSED),
    ],
)
def test_the_exit_code_is_the_verdict_of_the_phase(answers: list[Any], name: str | None, code: Exit) -> None:
    assert wait(*answers, name=name)[0] == code


def test_waiting_ends_some_time_after_the_phase_should_have(capsys: pytest.CaptureFixture[str]) -> None:
    code, client = wait(OPEN)
    assert (code, client.now_s) == (Exit.DEADLINE, 60 + talk.LONGER_S)
    assert "no verdict of 1 on t (suite s) within 360 s; the burn-in goes on" in capsys.readouterr().err


def test_waiting_ends_when_it_was_told_to_and_says_why(capsys: pytest.CaptureFixture[str]) -> None:
    code, client = wait(AWAY, timeout_s=5)
    assert (code, client.paused) == (Exit.DEADLINE, [2, 2, 1])
    assert "within 5 s; nobody listens" in capsys.readouterr().err


def test_of_several_deployments_the_worst_decides() -> None:
    assert wait(standing("pass", None), OPEN, standing("fail", None), many=2)[0] == Exit.FAILED
    assert wait(standing("pass", None), OPEN, many=2, timeout_s=5)[0] == Exit.DEADLINE


def test_a_token_that_was_revoked_meanwhile_is_told_at_once() -> None:
    with pytest.raises(ServiceRefused, match="who are you"):
        wait(ServiceRefused("who are you", 401, {}))

"""This file is for `vedette gate` as a client: said to a service, waited for in bounded time, and never taken for more."""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.vedette.service.conftest import empty_store, make_service, settings, token_of
from tests.vedette.service.gate_world import KEY, World
from tests.vedette.service.gated import courses, gated, until
from tests.vedette.service.living import serving, serving_elsewhere
from tests.vedette.service.paging import with_pages
from vedette.cli.gate_waiting import AWAY_S, wait
from vedette.cli.main import build_parser, main
from vedette.cli.service_client import Client, Json, ServiceRefused, ServiceUnreachable
from vedette.cli.speech import UsageError
from vedette.exit_codes import Exit
from vedette.service import gate_going
from vedette.service.access import Scope
from vedette.service.state import Service

__all__ = ["empty_store", "make_service", "settings"]  # fixtures
pytestmark = pytest.mark.anyio
Capture = pytest.CaptureFixture[str]


# What a real service decided, in every state


@pytest.fixture
def service(make_service: Callable[..., Service], monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    with with_pages(make_service) as made, serving_elsewhere(made) as (url, _):
        monkeypatch.setenv("VEDETTE_SERVICE", url)
        monkeypatch.delenv("VEDETTE_TOKEN", raising=False)
        yield made


def stand(service: Service, *names: str) -> None:
    """Let the service have a gate in each of these states."""
    now = service.clock().timestamp()
    known = courses(now)
    for name in names:
        gated(service, name, until(known[name], now))


ENDS = {
    "pending": (3, 4), "early": (3, 4), "running": (3, 4), "shown": (0, 0), "held": (3, 4), "promoted": (0, 0),
    "rolled-back": (1, 1), "trigger": (1, 1), "inconclusive": (3, 3), "misrouted": (3, 3), "cancelled": (3, 3), "shadow": (3, 4),
}  # fmt: skip


def test_each_state_has_its_exit_code_and_its_words(service: Service, capsys: Capture) -> None:
    stand(service, *ENDS)
    seen = {}
    for name in ENDS:
        codes = main(["gate", "decision", name]), main(["gate", "wait", "--name", name, "--timeout", "10ms"])
        seen[name] = codes
        said = capsys.readouterr()
        assert said.out.startswith(f"{name}: ") and len(said.out.splitlines()) == 1 + (codes[1] != 4), said
        assert ("has not decided in time" in said.err) == (codes[1] == 4)
    assert seen == ENDS


def test_the_gates_are_listed(service: Service, capsys: Capture) -> None:
    stand(service, "held", "trigger", "pending")
    assert main(["gate", "list", "--limit", "50"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["pending", "trigger", "held"]
    assert next(line for line in lines if line.startswith("held ")).startswith(
        "held  shop/held 1.5.0  running  hold at 5 %: held by maria: "
    )
    assert main(["gate", "list", "--open", "--of", "shop/held", "--json"]) == 0
    (one,) = json.loads(capsys.readouterr().out)
    assert one["name"] == "held"
    assert main(["gate", "list", "--open", "--of", "nothing"]) == 0
    assert capsys.readouterr().err == "there is no gate that is open\n"


def test_one_stage_is_asked_for_and_answered(service: Service, capsys: Capture) -> None:
    stand(service, "running")
    assert main(["gate", "decision", "running", "--stage", "5"]) == Exit.PASSED
    assert main(["gate", "decision", "running", "--stage", "100", "--json"]) == Exit.INCONCLUSIVE
    assert json.loads(capsys.readouterr().out.partition("\n")[2])["reason_code"] == "stage_not_begun"
    assert main(["gate", "decision", "running", "--stage", "7"]) == Exit.USAGE
    assert "the gate has no stage of this weight; its stages have 0, 5, 25, 100 (percent)" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["../../status", "a b", "-x", "x" * 201, "a/b", "a%2Fb", "\x1b[31m", "ä", "a\n", "", "?stage=5"])
@pytest.mark.parametrize("deed", ["decision", "cancel", "wait"])
def test_a_hostile_name_is_asked_of_nobody(name: str, deed: str, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Client, "_ask", lambda *_: pytest.fail("it was asked"))
    words = [f"--name={name}"] if deed == "wait" else ["--", name]
    assert main(["gate", deed, "--service", "http://127.0.0.1:1", *words]) == Exit.USAGE
    assert capsys.readouterr().err.replace("\n", "").isprintable()


def test_a_gate_that_is_not_there_is_a_mistake_at_once(service: Service, capsys: Capture) -> None:
    assert main(["gate", "wait", "--name", "nothing"]) == Exit.USAGE
    assert "there is no gate of this name" in capsys.readouterr().err


# Waiting, by a clock turned by hand

DECISION: Mapping[str, Any] = {
    "schema_version": 1, "session": "shop", "stage": {"index": 1, "weight": 25.0, "since": None}, "decision": "hold",
    "final": False, "reason_code": "insufficient_evidence", "reason": "12 of about 344 rounds", "phase": "running",
    "fresh": True, "shadow": False, "warnings": [], "next_poll_s": 10.0,
}  # fmt: skip


class Scripted(Client):
    """A service that answers each question as it is told; the last answer goes on for ever."""

    def __init__(self, *answers: Json | Exception) -> None:
        super().__init__("http://127.0.0.1:1")
        self.answers, self.asked, self.now_s = list(answers), 0, 0.0

    def get(self, path: str, query: Mapping[str, Any] | None = None) -> Json:
        self.asked += 1
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def waited(self, *words: str) -> int:
        args = build_parser("gate").parse_args(["gate", "wait", "--name", "shop", *words])
        return wait(self, args, pause=self.pause, monotonic=lambda: self.now_s)

    def pause(self, seconds: float) -> None:
        assert seconds >= 0
        self.now_s += max(seconds, 0.001)


def says(**changes: Any) -> Json:
    return {**DECISION, **changes}


PROMOTE, ROLLBACK = says(decision="promote", final=True), says(decision="rollback", final=True, phase="rolled_back")
UNKNOWN = says(decision="inconclusive", final=True, phase="inconclusive", reason="not shown after 3600 s")
AWAY = ServiceUnreachable("nobody listens")


@pytest.mark.parametrize(
    ("words", "answers", "code"),
    [
        pytest.param((), (says(), PROMOTE), 0, id="promote"),
        pytest.param(("--stage", "25"), (says(), PROMOTE), 0, id="promote of the stage"),
        pytest.param((), (says(), ROLLBACK), 1, id="rollback"),
        pytest.param((), (UNKNOWN,), 3, id="inconclusive"),
        pytest.param(("--on-inconclusive", "pass"), (UNKNOWN,), 0, id="inconclusive, let pass"),
        pytest.param(("--on-inconclusive", "pass"), (ROLLBACK,), 1, id="rollback is never let pass"),
        pytest.param(("--on-inconclusive", "pass"), ({**UNKNOWN, "phase": "cancelled"},), 3, id="cancelled is never let pass"),
        pytest.param(("--timeout", "1h"), (says(),), 4, id="not in time"),
        pytest.param(("--timeout", "1m"), (says(decision="promote", final=False),), 4, id="a promise is no promotion"),
        pytest.param((), (says(decision="perhaps"),), 3, id="an unknown word is no decision"),
        pytest.param((), (AWAY, AWAY, says(), AWAY, PROMOTE), 0, id="away for a while"),
        pytest.param((), (ServiceRefused("busy", 503, {}), ServiceRefused("slow", 429, {}), PROMOTE), 0, id="busy for a while"),
        pytest.param((), (AWAY,), 3, id="away for long"),
        pytest.param(("--timeout", "1m"), (AWAY,), 4, id="away until the time is over"),
        pytest.param((), ({**PROMOTE, "session": "other"},), 3, id="another gate"),
        pytest.param(("--stage", "50"), (PROMOTE,), 3, id="another stage"),
        pytest.param((), ({**PROMOTE, "schema_version": 2},), 3, id="another form"),
        pytest.param((), ({**ROLLBACK, "shadow": True},), 0, id="shadow"),
    ],
)
def test_waiting_ends_with_what_was_decided(words: tuple[str, ...], answers: tuple[Json, ...], code: int) -> None:
    assert Scripted(*answers).waited(*words) == code


def test_waiting_is_bounded_and_not_too_eager() -> None:
    service = Scripted(says())
    assert service.waited("--timeout", "1h") == Exit.DEADLINE
    assert (service.now_s, service.asked) == (3600, 361)
    gone = Scripted(says(), AWAY)
    assert gone.waited() == Exit.INCONCLUSIVE
    assert AWAY_S <= gone.now_s <= AWAY_S + 30


def test_what_is_refused_for_good_is_told_at_once() -> None:
    for status in (401, 403, 404, 422):
        service = Scripted(ServiceRefused("no", status, {}))
        with pytest.raises(UsageError):
            service.waited()
        assert service.now_s == 0


def test_waiting_says_what_it_lets_pass(capsys: Capture) -> None:
    Scripted(UNKNOWN).waited("--on-inconclusive", "pass")
    Scripted({**ROLLBACK, "shadow": True}).waited()
    said = capsys.readouterr()
    assert "it could not be decided, and nothing is shown: let pass only because of --on-inconclusive pass" in said.err
    assert "shop: shadow mode, nobody is bound; rollback at 25 %: " in said.out


def test_what_a_service_says_goes_to_the_terminal_without_control_characters(capsys: Capture) -> None:
    Scripted({**ROLLBACK, "reason": "broken\x1b[2J\nexit 0"}).waited()
    assert capsys.readouterr().out == "shop: rollback at 25 %: broken [2J exit 0\n"


@pytest.mark.parametrize("body", [[], {}, {"decision": "promote"}, "promote", None, {**DECISION, "stage": 5}], ids=repr)
def test_what_is_no_service_of_ours_decides_nothing(body: Json, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    monkeypatch.setattr(Client, "get", lambda *_: body)
    for words in (("decision", "shop"), ("wait", "--name", "shop"), ("list",)):
        assert main(["gate", *words, "--service", "http://127.0.0.1:1"]) == Exit.INCONCLUSIVE
    assert "is no service of this version of vedette" in capsys.readouterr().err


# A whole rollout, told to a real service


@pytest.fixture
def world(tmp_path: Path, empty_store: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setattr(gate_going, "AGAIN_S", 0.01)
    where = tmp_path / "results.db"
    where.write_bytes(empty_store.read_bytes())
    (tmp_path / "policies").mkdir()
    made = World(tmp_path / "policies", where)
    yield made
    made.ledger.close()


@asynccontextmanager
async def going(world: World, service: Service, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    service.clock = lambda: world.clock.now
    async with world.going(), serving(service) as url:
        monkeypatch.setenv("VEDETTE_SERVICE", url)
        yield


async def cli(*words: str) -> int:
    """Run a command beside the service."""
    args = build_parser("gate").parse_args(["gate", *words])
    return await asyncio.to_thread(lambda: int(args.call(args)))


async def test_a_rollout_is_told_stage_by_stage(
    world: World, make_service: Callable[..., Service], monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    async with going(world, make_service(gates=world.gates, settings={"port": 0}), monkeypatch):
        for _ in range(2):  # the same again changes nothing
            assert await cli("open", "shop@2", "--policy", "shop", "--canary-version", "2", "--stage", "5") == 0
        assert capsys.readouterr().out == 2 * "shop@2: open for version 2 of shop/checkout against 1, stages 5, 50, 100 %\n"
        await world.rounds(15)
        assert await cli("wait", "--name", "shop@2", "--stage", "5", "--timeout", "30s") == 0
        assert await cli("stage", "shop@2", "50%") == 0
        assert await cli("hold", "shop@2", "--reason", "the database moves") == 0
        assert await cli("wait", "--name", "shop@2", "--timeout", "10ms") == Exit.DEADLINE
        assert await cli("resume", "shop@2") == 0
        assert await cli("promote", "shop@2", "--reason", "I looked myself") == 0
        assert await cli("decision", "shop@2") == 0
        assert await cli("rollback", "shop@2", "--reason", "customers call") == 0
        assert await cli("decision", "shop@2") == 1
        said = capsys.readouterr().out
    assert "shop@2: hold at 50 %: held by anonymous: the database moves" in said
    assert "promoted by anonymous: I looked myself" in said and "rolled back by anonymous: customers call" in said


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("open", "shop@2", "--policy", "shp"), "did you mean 'shop'?"),
        (("open", "shop@2", "--policy", "shop", "--canary-version", "1"), "version"),
        (("stage", "shop@2", "5"), "there is no gate of this name"),
        (("hold", "shop@2", "--reason", " "), "why? give --reason"),
        (("cancel", "nothing"), "there is no gate of this name"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else None,
)
async def test_a_wrong_line_is_told_with_what_would_be_right(
    words: tuple[str, ...], sentence: str, world: World, make_service: Callable[..., Service], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with going(world, make_service(gates=world.gates, settings={"port": 0}), monkeypatch):
        with pytest.raises(UsageError) as refused:
            await cli(*words)
    assert sentence in str(refused.value) and refused.value.exit is Exit.USAGE
    assert KEY not in str(refused.value)


async def test_without_the_right_to_it_nothing_is_decided(
    world: World, make_service: Callable[..., Service], monkeypatch: pytest.MonkeyPatch
) -> None:
    service = make_service(gates=world.gates, settings={"port": 0, "require_tokens": True})
    async with going(world, service, monkeypatch):
        monkeypatch.setenv("VEDETTE_TOKEN", token_of(service, Scope.READ)["Authorization"].removeprefix("Bearer "))
        with pytest.raises(UsageError, match="does not let this token do that"):
            await cli("open", "shop@2", "--policy", "shop")


def test_every_deed_is_explained() -> None:
    parser = build_parser("gate")
    (places,) = (a for a in parser._actions if isinstance(a, argparse._SubParsersAction))
    (deeds,) = (a for a in places.choices["gate"]._actions if isinstance(a, argparse._SubParsersAction))
    bare = [(name, o) for name, one in deeds.choices.items() for o in one._actions if not o.help]
    assert bare == [] and len(deeds.choices) == 15

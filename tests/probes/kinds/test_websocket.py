"""This file is for the kind `websocket`: what a talk proves, how refusals are told, and what bounds it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from pydantic import ValidationError

from probes.kinds.websocket import Websocket
from probes.outcome import Verdict
from tests.probes.kinds.loopback import outcome_of
from tests.probes.listening import listening, say_nothing

pytestmark = pytest.mark.anyio
sockets = pytest.importorskip("websockets.asyncio.server")

ECHO: dict[str, Any] = {"path": "/live", "echo": "hello {{nonce}}", "within": 10}
SAY = {"send": "{{nonce}}"}
HEAR = {"expect": {"text": {"contains": "{{nonce}}"}}}


@contextlib.asynccontextmanager
async def serving(talk: Callable[[Any], Awaitable[None]], **options: Any) -> AsyncIterator[tuple[str, list[Any]]]:
    """Serve a socket; yield its address and the handshakes that came."""
    asked: list[Any] = []

    async def handler(connection: Any) -> None:
        from websockets.exceptions import ConnectionClosed

        asked.append(connection.request)
        with contextlib.suppress(ConnectionClosed):
            await talk(connection)

    async with sockets.serve(handler, "127.0.0.1", 0, ping_interval=None, **options) as server:
        yield f"http://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}", asked


def saying(answer: bytes) -> contextlib.AbstractAsyncContextManager[str]:
    """Serve the same bytes to everybody, as an answer to the handshake."""

    async def say(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        await writer.drain()

    return listening(say)


async def echo(connection: Any) -> None:
    async for message in connection:
        await connection.send(message)


async def greet_then_echo(connection: Any) -> None:
    await connection.send("welcome")
    await connection.send(json.dumps({"type": "tick"}))
    await echo(connection)


async def test_an_echo_passes_and_is_proven_by_a_second_nonce(tmp_path: Any) -> None:
    (tmp_path / "token").write_text("a-very-secret-token", encoding="utf-8")
    async with serving(echo) as (url, asked):
        auth = {"bearer": {"file": str(tmp_path / "token")}}
        outcome = await outcome_of(Websocket.model_validate(ECHO), url, auth=auth, headers={"X-Gate": "open"})
    assert outcome.verdict is Verdict.PASS, outcome.sentence
    assert [one.name for one in outcome.controls] == ["another message gets another answer"] and len(asked) == 2
    assert all(one.headers["Origin"] == url and one.headers["X-Gate"] == "open" for one in asked)
    assert all(one.headers["Authorization"] == "Bearer a-very-secret-token" for one in asked)
    assert len({one.headers["X-Correlation-ID"] for one in asked}) == 2 and "vedette/" in asked[0].headers["User-Agent"]
    assert [(one.status, one.url.partition(":")[0]) for one in outcome.exchanges] == [(101, "ws"), (101, "ws")]


async def test_an_address_elsewhere_is_not_told_the_targets_secrets(tmp_path: Any) -> None:
    (tmp_path / "token").write_text("a-very-secret-token", encoding="utf-8")
    async with serving(echo) as (url, asked):
        there = url.replace("http://", "ws://") + "/live"
        auth = {"bearer": {"file": str(tmp_path / "token")}}
        outcome = await outcome_of(Websocket.model_validate({**ECHO, "path": there}), "http://127.0.0.1:9", auth=auth)
    assert outcome.verdict is Verdict.PASS and "Authorization" not in asked[0].headers, outcome.sentence


async def close_with(connection: Any) -> None:
    await connection.recv()
    await connection.close(4003, "no more seats")


async def canned(connection: Any) -> None:
    async for _ in connection:
        await connection.send(json.dumps({"type": "echo"}))


async def nothing(connection: Any) -> None:
    await connection.wait_closed()


async def babble(connection: Any) -> None:
    async for message in connection:
        await connection.send(message)
        await connection.send("and another thing")


async def leave(connection: Any) -> None:
    async for message in connection:
        await connection.send(message)
        await connection.close(1001)


async def large(connection: Any) -> None:
    async for _ in connection:
        await connection.send(["x" * 4000] * 4)  # one message of four fragments


async def no_text(connection: Any) -> None:
    await connection.recv()
    await connection.send(b"\xff\xfe", text=True)


TALKS: dict[str, tuple[Any, dict[str, Any], Verdict, str]] = {
    "after greetings": (
        greet_then_echo,
        {"steps": [SAY, {"expect": {"text": {"contains": "{{nonce}}"}, "skip": 2}}, {"ping": True}, {"quiet": "50ms"}]},
        Verdict.PASS,
        "5 checks held",
    ),
    "JSON": (
        echo,
        {"steps": [{"send": {"json": {"id": "{{nonce}}"}}}, {"expect": {"json": {"$.id": "{{nonce}}"}}}]},
        Verdict.PASS,
        "held",
    ),
    "binary": (echo, {"steps": [SAY, HEAR, {"send": {"binary": "AAE="}}, {"expect": {"binary": "AAE="}}]}, Verdict.PASS, "held"),
    "closed as promised": (close_with, {"steps": [SAY, {"closed": 4003}, HEAR]}, Verdict.FAIL, "did not stay for step 3"),
    "closed otherwise": (close_with, {"steps": [SAY, {"closed": 1000}, HEAR]}, Verdict.FAIL, "but it closed with code 4003"),
    "canned": (canned, {"steps": [SAY, {"expect": {"json": {"$.type": "echo"}}}]}, Verdict.INCONCLUSIVE, "canned message"),
    "not the nonce": (canned, {}, Verdict.FAIL, "expected that it contains"),
    "not JSON": (echo, {"steps": [SAY, {"expect": {"json": {"$.id": 1}}}]}, Verdict.FAIL, "is not JSON"),
    "not binary": (echo, {"steps": [SAY, {"expect": {"binary": "AAE="}}]}, Verdict.FAIL, "expected that it is the 2 bytes"),
    "silent": (nothing, {"within": 0.3}, Verdict.FAIL, "kept silent at step 2"),
    "not silent": (babble, {"steps": [SAY, HEAR, {"quiet": "5s"}]}, Verdict.FAIL, "was to be silent for 5 s"),
    "stays while idle": (echo, {"idle": "100ms"}, Verdict.PASS, "held"),
    "leaves while idle": (leave, {"idle": "5s"}, Verdict.FAIL, "did not keep the idle web socket: it closed with code 1001"),
    "too large": (large, {"max_bytes": 9000}, Verdict.FAIL, "we had to end it"),
    "no UTF-8": (no_text, {}, Verdict.FAIL, "expected that it contains"),
    "a subprotocol": (echo, {"subprotocols": ["v2", "v1"]}, Verdict.FAIL, "none of the subprotocols that it was offered: v2, v1"),
}


@pytest.mark.parametrize(("talk", "options", "verdict", "words"), TALKS.values(), ids=TALKS)
async def test_what_is_said_and_heard_is_judged(talk: Any, options: dict[str, Any], verdict: Verdict, words: str) -> None:
    base = {name: value for name, value in ECHO.items() if name != "echo" or "steps" not in options}
    async with serving(talk) as (url, _):
        outcome = await outcome_of(Websocket.model_validate({**base, **options}), url)
    assert outcome.verdict is verdict and words in outcome.sentence, outcome.sentence


ACCEPTED = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
ANSWERS = {
    "a page": (b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 0\r\n\r\n", "answered 200 with an HTML page"),
    "a redirect": (
        b"HTTP/1.1 302 Found\r\nLocation: /login?next=secret\r\nContent-Length: 0\r\n\r\n", "answered 302 and leads to '/login'",
    ),
    "no entry": (b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n", "answered 403 instead of"),
    "no upgrade": (b"HTTP/1.1 101 Switching Protocols\r\n\r\n", "a proxy on the way"),
    "no key": (ACCEPTED + b"\r\n", "Sec-WebSocket-Accept"),
    "another key": (ACCEPTED + b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n", "does not belong to our key"),
    "no HTTP": (b"SSH-2.0-OpenSSH_9.2\r\n", "did not answer in HTTP"),
    "nothing": (b"", "did not answer in HTTP"),
}  # fmt: skip


@pytest.mark.parametrize(("answer", "words"), ANSWERS.values(), ids=ANSWERS)
async def test_a_handshake_that_fails_is_told_in_a_sentence(answer: bytes, words: str) -> None:
    async with saying(answer) as url:
        outcome = await outcome_of(Websocket.model_validate(ECHO), url)
    assert outcome.verdict is Verdict.FAIL and words in outcome.sentence and "next=secret" not in outcome.sentence, (
        outcome.sentence
    )
    assert "correlation id" in outcome.sentence


async def test_strangers_may_be_refused_by_status_or_by_a_close() -> None:
    def admit(connection: Any, request: Any) -> Any:
        return connection.respond(403, "no\n") if "evil" in request.headers.get("Origin", "") else None

    async def talk(connection: Any) -> None:
        if "X-Gate" not in connection.request.headers:
            await connection.close(4401, "sign in")
            return
        await echo(connection)

    probe = Websocket.model_validate({**ECHO, "refuses_origin": "https://evil.example", "refuses_anonymous": True})
    async with serving(talk, process_request=admit) as (url, _):
        outcome = await outcome_of(probe, url, headers={"X-Gate": "open"})
    assert outcome.verdict is Verdict.PASS, outcome.sentence


async def test_a_server_that_is_silent_at_the_handshake_is_given_up_in_its_time() -> None:
    async with listening(say_nothing) as url:
        outcome = await outcome_of(Websocket.model_validate({**ECHO, "within": 0.3}), url)
    assert outcome.verdict is Verdict.FAIL and "no byte of an answer within 0.3 s (WEBSOCKET /live)" in outcome.sentence


@pytest.mark.parametrize(
    ("path", "private", "words"),
    [("ws://169.254.169.254/", True, "never permitted"), ("/live", False, "private_networks")],
    ids=["metadata", "private"],
)
async def test_the_egress_policy_holds_for_web_sockets(path: str, private: bool, words: str) -> None:
    outcome = await outcome_of(Websocket.model_validate({**ECHO, "path": path}), "http://127.0.0.1:9", private_networks=private)
    assert outcome.verdict is Verdict.ERROR and words in outcome.sentence, outcome.sentence


async def test_an_install_without_the_extra_is_told_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "websockets.client", None)
    async with saying(b"") as url:
        outcome = await outcome_of(Websocket.model_validate(ECHO), url)
    assert outcome.verdict is Verdict.ERROR and "pip install 'vedette[websocket]'" in outcome.sentence


MISTAKES = {
    "nothing said": ({}, "give either 'echo' or 'steps'"),
    "no nonce": ({"echo": "hello"}, "nonce"),
    "nothing heard": ({"steps": [SAY]}, "expect nothing"),
    "two in one step": ({"steps": [{**SAY, **HEAR}]}, "a step has one of"),
    "an http address": ({"echo": "{{nonce}}", "path": "http://x/"}, "ws://"),
    "an origin with a path": ({"echo": "{{nonce}}", "refuses_origin": "https://x/y"}, "without a path"),
    "no base64": ({"steps": [SAY, {"expect": {"binary": "?"}}]}, "base64"),
    "no path": ({"steps": [SAY, {"expect": {"json": {"id": 1}}}]}, "JSONPath|path"),
    "two forms": ({"steps": [{"send": {"text": "{{nonce}}", "json": 1}}, HEAR]}, "give one of 'text'"),
}


@pytest.mark.parametrize(("options", "words"), MISTAKES.values(), ids=MISTAKES)
def test_what_cannot_be_asked_is_refused_before_anything_is_sent(options: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        Websocket.model_validate(options)

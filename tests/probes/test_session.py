"""This file is for the session: what it adds to a request, to whom it gives credentials, what it counts and remembers."""

from __future__ import annotations

import asyncio
import base64
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from probes.evidence.source import KeySource, LogSource, LogWindow
from probes.fields import Secret
from probes.outcome import Check, Verdict, check, control
from probes.probe import NotGiven, Probe, ask
from probes.request import RequestTemplate, UnknownVariable
from probes.session import BadRequestTemplate, Phase, RequestLimit, Session, TargetError
from probes.target import Auth, Grant
from tests.probes import badserver
from tests.probes.badserver import Script, Talk, answer, echoing, saying, serving
from tests.probes.sessions import session_at

pytestmark = pytest.mark.anyio

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
CREDENTIALS = {
    "auth": Auth(bearer=Secret("tok-3n")),
    "headers": {"X-Api-Key": Secret("key-9f"), "X-Tenant": "15", "Cookie": "sid=c00kie"},
}
PRIVATE_TO_THE_TARGET = ("tok-3n", "key-9f", "X-Tenant", "c00kie", "mine-7", "biscuit")


def redirecting(*locations: str, status: str = "302 Found") -> Script:
    """Redirect request by request, then echo."""
    left = list(locations)

    async def script(talk: Talk) -> None:
        if left:
            await talk.send(answer(status=status, location=left.pop(0)))
        else:
            await talk.send(answer(talk.head))

    return script


# What is sent


async def test_every_request_can_be_found_by_the_targets_owners() -> None:
    async with serving(echoing()) as server:
        session = session_at(server.url, correlation_headers=("X-Correlation-ID", "X-Request-Id"))
        first, second = await session.send(RequestTemplate()), await session.send(RequestTemplate())
    one, two = server.talks
    assert one.header("X-Correlation-ID") == one.header("X-Request-Id") == first.correlation_id
    assert two.header("X-Correlation-ID") == second.correlation_id != first.correlation_id
    assert re.fullmatch(r"00-[0-9a-f]{32}-[0-9a-f]{16}-01", one.header("traceparent") or "")
    assert one.header("traceparent") != two.header("traceparent")
    assert one.header("X-Vedette-Nonce") == two.header("X-Vedette-Nonce") == session.nonce
    assert re.fullmatch(r"vedette/\S+ \(askpro/slots are shown; run run-1\)", one.header("User-Agent") or "")
    assert re.fullmatch(r"[0-9a-f]{12}", session.nonce)


async def test_a_header_of_the_template_wins_and_the_answer_follows_it() -> None:
    async with serving(echoing()) as server:
        template = RequestTemplate(headers={"x-correlation-id": "mine", "user-agent": "me", "TRACEPARENT": "t"})
        got = await session_at(server.url).send(template)
    assert got.correlation_id == "mine"
    said = server.talks[0].head.lower()
    assert b"x-correlation-id: mine" in said and b"user-agent: me\r" in said and b"traceparent: t\r" in said
    assert said.count(b"x-correlation-id") == said.count(b"user-agent") == said.count(b"traceparent") == 1


async def test_a_kind_can_take_a_header_off_and_the_answer_still_has_an_id_to_be_known_by() -> None:
    async with serving(echoing()) as server:
        template = RequestTemplate()
        got = await session_at(server.url).send(template.exactly(headers={"x-correlation-id": None, "X-Plain": "1"}))
    [talk] = server.talks
    assert talk.header("X-Correlation-ID") is None and talk.header("X-Plain") == "1"
    assert talk.header("traceparent").split("-")[1] == got.correlation_id.replace("-", "")


@pytest.mark.parametrize("hostile", ["", "<script>x</script>", "A" * 10_000, "a b"], ids=["empty", "script", "long", "space"])
async def test_a_hostile_id_is_sent_as_it_is_and_no_answer_is_known_by_it(hostile: str) -> None:
    async with serving(echoing()) as server:
        got = await session_at(server.url).send(RequestTemplate().exactly(headers={"X-Correlation-ID": hostile}))
    [talk] = server.talks
    assert (talk.header("X-Correlation-ID") or "") == hostile
    assert talk.header("traceparent").split("-")[1] == got.correlation_id.replace("-", "")


async def test_a_scenarios_name_in_any_script_makes_a_sound_user_agent() -> None:
    async with serving(echoing()) as server:
        plain = session_at(server.url)
        session = Session(target=plain.target, subject=replace(plain.subject, scenario="Ümlaut ✓ (x)\r\nEvil: 1"), run_id="r")
        await session.send(RequestTemplate())
    sent = server.talks[0].header("User-Agent") or ""
    assert "askpro/Ümlaut _ _x___Evil: 1; run r)" in sent
    assert server.talks[0].header("Evil") is None


BODIES = {
    "json": (RequestTemplate(method="POST", json={"a": "{{n}}", "b": "ü"}), b'{"a":7,"b":"\xc3\xbc"}', "application/json"),
    "form": (
        RequestTemplate(method="POST", form={"a": "x y&", "b": ["{{n}}", True], "c": None}),
        b"a=x+y%26&b=7&b=true&c=",
        "application/x-www-form-urlencoded",
    ),
    "text": (RequestTemplate(method="PUT", body="ü {{n}}"), "ü 7".encode(), None),
    "none": (RequestTemplate(method="POST"), b"", None),
}


@pytest.mark.parametrize(("template", "body", "content_type"), BODIES.values(), ids=BODIES.keys())
async def test_bodies_are_written_as_their_kind_asks(template: RequestTemplate, body: bytes, content_type: str | None) -> None:
    async with serving(echoing()) as server:
        await session_at(server.url).send(template, {"n": 7})
    assert server.talks[0].body == body
    assert server.talks[0].header("Content-Type") == content_type


async def test_path_query_and_cookies_are_put_together() -> None:
    template = RequestTemplate(
        path="v1/{{what}}?a=1", query={"d": "{{today+7d}}", "e": ["x", "y z"], "f": True}, cookies={"c": "1"}
    )
    async with serving(echoing()) as server:
        session = session_at(server.url + "/api/", headers={"Cookie": "sid=2"}, session={"clock": lambda: NOON})
        got = await session.send(template, {"what": "ü b#c"})
    assert server.talks[0].path == "/api/v1/%C3%BC%20b%23c?a=1&d=2026-11-28&e=x&e=y+z&f=true"
    assert server.talks[0].header("Cookie") == "sid=2; c=1"
    assert got.url == server.url + server.talks[0].path


async def test_a_path_cannot_lead_to_another_host_by_tricks() -> None:
    async with serving(echoing()) as server:
        session = session_at(server.url, **CREDENTIALS)
        for path in ("//evil.test/x", "@evil.test/", "\\evil.test", ":99@evil.test"):
            await session.send(RequestTemplate(path=path))
    assert len(server.talks) == 4


SPLITTING = {
    "a header's value": (RequestTemplate(headers={"X-A": "{{evil}}"}), "the header 'X-A' holds a control character"),
    "a header's name": (RequestTemplate(headers={"X-A\r\nX-B": "1"}), "is not a header name"),
    "the path": (RequestTemplate(path="/a{{evil}}"), "the path holds a control character"),
    "the path with a nul": (RequestTemplate(path="/a\0"), "the path holds a control character"),
    "a cookie": (RequestTemplate(cookies={"a": "b; admin=1"}), "the cookie 'a'"),
    "a cookie's line end": (RequestTemplate(cookies={"a": "{{evil}}"}), "the header 'Cookie' holds a control character"),
    "a password in the path": (RequestTemplate(path="http://u:p@127.0.0.1/"), "may not hold a user name"),
    "no number": (RequestTemplate(json={"a": float("nan")}), "the body cannot be written"),
}


@pytest.mark.parametrize(("template", "words"), SPLITTING.values(), ids=SPLITTING.keys())
async def test_what_would_split_a_request_never_reaches_the_wire(template: RequestTemplate, words: str) -> None:
    async with serving(echoing()) as server:
        with pytest.raises(BadRequestTemplate, match=re.escape(words)) as caught:
            await session_at(server.url).send(template, {"evil": "x-value\r\nX-Evil: 1"})
    assert server.connections == 0
    assert "x-value" not in str(caught.value)


async def test_an_unknown_name_is_told_before_anything_is_sent() -> None:
    with pytest.raises(UnknownVariable, match="nobody"):
        await session_at("http://127.0.0.1:9").send(RequestTemplate(path="/{{nobody}}"))


async def test_the_names_of_every_scenario_are_there() -> None:
    clock = {"now": NOON}
    session = session_at("http://x.test", vars={"event": {"type": 7}}, session={"clock": lambda: clock["now"]})
    filled = RequestTemplate(
        json=["{{now}}", "{{today}}", "{{today-1d}}", "{{today+9999d}}", "{{vars.event.type}}", "{{run_id}}"]
    )
    assert filled.filled(session.values).json_body == [
        "2026-11-21T12:00:00.000Z", "2026-11-21", "2026-11-20", "2054-04-07", 7, "run-1",
    ]  # fmt: skip
    clock["now"] = NOON - timedelta(days=365)  # somebody set the clock back
    assert session.values["today"] == "2025-11-21"
    assert set(session.values) == {"nonce", "run_id", "vars", "now", "today"}
    with pytest.raises(KeyError):
        session.values["today+x"]


# To whom credentials go


async def test_credentials_go_to_the_targets_own_origin() -> None:
    async with serving(echoing()) as server:
        await session_at(server.url, **CREDENTIALS).send(RequestTemplate())
    said = server.talks[0]
    assert (said.header("Authorization"), said.header("X-Api-Key"), said.header("X-Tenant")) == ("Bearer tok-3n", "key-9f", "15")


async def test_basic_credentials_are_sent_and_hidden_in_both_forms() -> None:
    async with serving(echoing()) as server:
        session = session_at(server.url, auth=Auth(username="kim", password=Secret("pässw0rd-9")))
        await session.send(RequestTemplate())
    sent = (server.talks[0].header("Authorization") or "").removeprefix("Basic ")
    assert base64.b64decode(sent).decode() == "kim:pässw0rd-9"
    assert sent not in session.redactor.text(f"x {sent} y") and "pässw0rd-9" not in session.redactor.text("is pässw0rd-9 it")


async def test_an_anonymous_request_carries_neither_credentials_nor_the_targets_headers() -> None:
    async with serving(echoing()) as server:
        await session_at(server.url, **CREDENTIALS).send(RequestTemplate(anonymous=True, headers={"X-Own": "1"}))
    said = server.talks[0].head.decode()
    assert not [word for word in PRIVATE_TO_THE_TARGET if word in said]
    assert "X-Own: 1" in said


OWN_SECRETS = RequestTemplate(path="/", headers={"X-Api-Key": "mine-7", "Authorization": "mine-7"}, cookies={"b": "biscuit"})


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"])
async def test_a_redirect_to_another_origin_carries_nothing_private(status: str) -> None:
    async with serving(echoing()) as foreign, serving(redirecting(foreign.url + "/there", status=status)) as own:
        session = session_at(own.url, **CREDENTIALS)
        got = await session.send(OWN_SECRETS.model_copy(update={"follow_redirects": 1}))
    assert own.talks[0].header("Authorization") == "mine-7"
    said = foreign.talks[0].head.decode()
    assert not [word for word in PRIVATE_TO_THE_TARGET if word in said]
    assert foreign.talks[0].header("X-Correlation-ID") == got.correlation_id
    assert got.hops == (own.url + "/",)


async def test_an_absolute_path_to_another_origin_carries_nothing_private() -> None:
    async with serving(echoing()) as foreign, serving(echoing()) as own:
        session = session_at(own.url, **CREDENTIALS)
        template = OWN_SECRETS.model_copy(
            update={"path": foreign.url + "/there", "headers": {**OWN_SECRETS.headers, "Accept": "a/b"}}
        )
        await session.send(template)
    assert own.talks == []
    assert not [word for word in PRIVATE_TO_THE_TARGET if word in foreign.talks[0].head.decode()]
    assert foreign.talks[0].header("Accept") == "a/b"


async def test_credentials_do_not_come_back_by_a_detour() -> None:
    async def at_home(talk: Talk) -> None:
        away = talk.path == "/"
        await talk.send(answer(status="302 Found", location=thief.url) if away else answer())

    async def at_the_thiefs(talk: Talk) -> None:
        await talk.send(answer(status="302 Found", location=home.url + "/stolen"))

    async with serving(at_the_thiefs) as thief, serving(at_home) as home:
        got = await session_at(home.url, **CREDENTIALS).send(RequestTemplate(follow_redirects=3))
    assert got.url == home.url + "/stolen"
    assert not [word for word in PRIVATE_TO_THE_TARGET if word in home.talks[1].head.decode()]


async def test_within_the_own_origin_a_redirect_keeps_the_credentials() -> None:
    async with serving(redirecting("/there?x=1#part")) as server:
        got = await session_at(server.url, **CREDENTIALS).send(RequestTemplate(method="POST", body="x", follow_redirects=1))
    then = server.talks[1]
    assert then.head.startswith(b"GET /there?x=1 HTTP/1.1") and then.body == b""
    assert then.header("Authorization") == "Bearer tok-3n"
    assert then.header("X-Correlation-ID") == got.correlation_id


async def test_a_body_is_sent_again_by_308_within_the_origin_and_never_abroad() -> None:
    async with serving(redirecting("/there", status="308 Permanent")) as server:
        await session_at(server.url).send(RequestTemplate(method="POST", json={"a": 1}, follow_redirects=1))
    assert (server.talks[1].body, server.talks[1].header("Content-Type")) == (b'{"a":1}', "application/json")
    async with serving(echoing()) as foreign, serving(redirecting(foreign.url, status="307 Temporary")) as own:
        with pytest.raises(TargetError, match="with its body to another origin, to which the body was not sent") as caught:
            await session_at(own.url).send(RequestTemplate(method="POST", json={"a": 1}, follow_redirects=1))
    assert caught.value.phase is Phase.REDIRECT
    assert foreign.connections == 0


# Redirects


@pytest.mark.parametrize("location", ["http://127.0.0.1:99999/", "http://127.0.0.1:0/", "http://xn--a.x/"])
async def test_a_redirect_to_an_address_that_is_none_is_the_targets_fault(location: str) -> None:
    async with serving(redirecting(location)) as server:
        with pytest.raises(TargetError):
            await session_at(server.url).send(RequestTemplate(follow_redirects=1))


@pytest.mark.parametrize("path", ["http://127.0.0.1:99999/", "http://127.0.0.1:0/"])
async def test_a_port_that_is_none_is_the_suites_fault(path: str) -> None:
    async with serving(echoing()) as server:
        with pytest.raises(BadRequestTemplate, match="a port that is none"):
            await session_at(server.url).send(RequestTemplate(path=path))


async def test_a_host_that_no_idna_knows_is_no_address() -> None:
    with pytest.raises(BadRequestTemplate, match="base address is none"):
        session_at("http://xn--a.x")
    with pytest.raises(BadRequestTemplate, match="do not make an address"):
        await session_at("http://127.0.0.1:9").send(RequestTemplate(path="http://xn--a.x/"))


async def test_a_redirect_is_an_answer_like_any_other_unless_following_is_asked_for() -> None:
    async with serving(redirecting("/b")) as server:
        got = await session_at(server.url).send(RequestTemplate(path="/a"))
    assert (got.status, got.header("Location"), got.hops) == (302, "/b", ())


async def test_an_endless_redirect_ends_and_names_its_hops() -> None:
    async def script(talk: Talk) -> None:
        await talk.send(answer(status="302 Found", location="/b?token=t" if talk.path.startswith("/a") else "/a?token=t"))

    async with serving(script) as server:
        session = session_at(server.url, limits={"redirects": 3})
        with pytest.raises(TargetError) as caught:
            await session.send(RequestTemplate(path="/a"))
    assert caught.value.phase is Phase.REDIRECT
    assert str(caught.value).startswith(f"GET /b was redirected more than 3 times: {server.url}/a → {server.url}/b → ")
    assert "token" not in str(caught.value)
    assert server.connections == len(session.exchanges) == 4


@pytest.mark.parametrize("location", ["ftp://127.0.0.1/x", "file:///etc/passwd", "javascript:alert(1)"])
async def test_a_redirect_to_what_is_no_web_address_is_a_failure(location: str) -> None:
    async with serving(redirecting(location)) as server:
        with pytest.raises(TargetError, match="was redirected to an address"):
            await session_at(server.url).send(RequestTemplate(follow_redirects=1))


async def test_the_deadline_is_for_the_whole_chain() -> None:
    async def script(talk: Talk) -> None:
        await asyncio.sleep(0.1)
        await talk.send(answer(status="302 Found", location="/again"))

    async with asyncio.timeout(5), serving(script) as server:
        with pytest.raises(TargetError) as caught:
            await session_at(server.url).send(RequestTemplate(follow_redirects=20, timeout=0.35))
    assert caught.value.phase is Phase.FIRST_BYTE
    assert server.connections <= 4


# What is counted and remembered


async def test_the_limit_on_requests_ends_in_an_error_of_ours() -> None:
    async with serving(echoing()) as server:
        session = session_at(server.url, limits={"requests": 2})
        await session.send(RequestTemplate())
        await session.send(RequestTemplate())
        with pytest.raises(RequestLimit, match="more than 2 requests"):
            await session.send(RequestTemplate())
    assert server.connections == 2


async def test_redirects_count_as_requests() -> None:
    async with serving(redirecting("/b", "/c")) as server:
        with pytest.raises(RequestLimit):
            await session_at(server.url, limits={"requests": 2}).send(RequestTemplate(follow_redirects=5))


async def test_a_burst_comes_back_in_order_and_keeps_within_the_targets_concurrency() -> None:
    now, most = 0, 0

    async def script(talk: Talk) -> None:
        nonlocal now, most
        now += 1
        most = max(most, now)
        await asyncio.sleep(0.01)
        now -= 1
        if talk.path == "/3":
            talk.reset()
        else:
            await talk.send(answer(talk.path.encode()))

    async with serving(script) as server:
        session = session_at(server.url, concurrency=4)
        got = await session.burst([(RequestTemplate(path="/{{i}}"), {"i": i}) for i in range(20)], concurrency=99)
        assert 1 < most <= 4
        most = 0
        await session.burst([(RequestTemplate(path="/x"), {})] * 5, concurrency=1)
    assert most == 1
    texts = [one.text if not isinstance(one, TargetError) else "trouble" for one in got]
    assert texts == [f"/{i}" if i != 3 else "trouble" for i in range(20)]


async def test_a_burst_beyond_the_limit_raises_the_limit_itself() -> None:
    async with serving(echoing()) as server:
        with pytest.raises(RequestLimit):
            await session_at(server.url, limits={"requests": 3}).burst([(RequestTemplate(), {})] * 5)


async def test_sessions_that_share_slots_keep_within_them_together() -> None:
    most, slots = 0, asyncio.Semaphore(2)

    async def script(talk: Talk) -> None:
        nonlocal most
        most = max(most, 2 - slots._value)
        await talk.send(answer())

    async with serving(script) as server:
        sessions = [session_at(server.url, session={"slots": slots}) for _ in range(4)]
        await asyncio.gather(*(session.burst([(RequestTemplate(), {})] * 5) for session in sessions))
    assert most == 2 and slots._value == 2


async def test_exchanges_are_kept_up_to_a_number_and_failing_ones_beyond_it() -> None:
    async def script(talk: Talk) -> None:
        if "bad" in talk.path:
            talk.reset()
        else:
            await talk.send(answer(b"abc"))

    async with serving(script) as server:
        session = session_at(server.url)
        await session.burst([(RequestTemplate(path="/good?token=s3cr3t-{{nonce}}"), {})] * 210)
        await session.burst([(RequestTemplate(path="/bad"), {})] * 60)
        session.plant(f"s3cr3t-{session.nonce}", "token")
    kept = session.exchanges
    assert [bool(one.trouble) for one in kept] == [False] * 200 + [True] * 50
    assert session.exchanges_left_out == 20
    assert (kept[0].method, kept[0].status, kept[0].body_bytes) == ("GET", 200, 3)
    assert 0 <= kept[0].offset_s <= kept[199].offset_s
    assert "s3cr3t" not in kept[0].url and "[token]" in kept[0].url


# What an outcome says of it


class Asking(Probe):
    template: RequestTemplate

    async def ask(self, session: Session) -> AsyncIterator[Check]:
        got = await session.send(self.template)
        yield check("it answered", holds=got.ok, observed=got.status)
        yield control("it was asked", holds=True)
        session.doing = "waiting for a log line"
        await session.sleep(60)


async def verdict_of(session: Session, template: RequestTemplate, deadline_s: float = 5.0) -> tuple[Verdict, str]:
    outcome = await ask(Asking(template=template), session, run_id="run-1", deadline_s=deadline_s)
    return outcome.verdict, outcome.sentence


async def test_an_exchange_tells_its_address_its_protocol_and_the_promised_length() -> None:
    async with serving(saying(answer(b"twelve bytes"))) as server:
        session = session_at(server.url.replace("127.0.0.1", "localhost"))
        await session.send(RequestTemplate())
    (exchange,) = session.exchanges
    assert (exchange.address, exchange.http_version, exchange.content_length) == ("127.0.0.1", "1.1", 12)


async def test_an_exchange_without_an_answer_tells_only_the_address() -> None:
    async with serving(saying(answer(b""))) as server:
        gone = server.url
    session = session_at(gone)
    with pytest.raises(TargetError):
        await session.send(RequestTemplate())
    (exchange,) = session.exchanges
    assert (exchange.address, exchange.http_version, exchange.content_length) == ("127.0.0.1", "", None)


async def test_a_target_that_cannot_be_reached_fails() -> None:
    async with serving(saying(b"")) as server:
        verdict, sentence = await verdict_of(session_at(server.url), RequestTemplate())
    assert verdict is Verdict.FAIL
    assert sentence.startswith("staging ended the connection at 127.0.0.1:")


async def test_what_our_own_rules_refuse_is_our_error() -> None:
    verdict, sentence = await verdict_of(session_at("http://127.0.0.1:9", private_networks=False), RequestTemplate())
    assert verdict is Verdict.ERROR
    assert sentence.startswith("nothing was sent to 127.0.0.1: ")
    assert sentence.endswith("permit it with 'private_networks: true' at the target")


async def test_the_scenarios_deadline_blames_the_target_only_if_it_was_waited_for() -> None:
    async with serving(badserver.silent()) as server:
        verdict, sentence = await verdict_of(session_at(server.url), RequestTemplate(path="/x"), deadline_s=0.2)
    assert verdict is Verdict.FAIL
    assert re.search(r"still waiting for the first byte of GET /x \(correlation id \S+\)$", sentence)
    async with serving(echoing()) as server:
        verdict, sentence = await verdict_of(session_at(server.url), RequestTemplate(path="/x"), deadline_s=0.3)
    assert verdict is Verdict.INCONCLUSIVE
    assert sentence == "the time of 0.3 s was over while waiting for a log line"


async def test_what_was_waited_for_is_forgotten_when_the_probe_does_something_else() -> None:
    async with serving(badserver.silent()) as server:
        session = session_at(server.url)
        for go_on in (lambda: setattr(session, "doing", "reading a log"), lambda: session.sleep(0)):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.05):
                    await session.send(RequestTemplate(path="/x"))
            assert "the first byte of GET /x" in session.in_flight
            waiting = go_on()
            if waiting is not None:
                await waiting
            assert session.in_flight == ""


async def test_a_secret_of_the_target_does_not_leave_by_an_outcome() -> None:
    async with serving(saying(answer(status="500 Oops"))) as server:
        session = session_at(server.url, **CREDENTIALS)
        outcome = await ask(Asking(template=RequestTemplate(path="/key-9f/tok-3n")), session, run_id="r", deadline_s=0.3)
    assert "key-9f" not in repr(outcome) and "tok-3n" not in repr(outcome)


# What the target has


class Log(LogSource, source="log_of_a_test"):
    async def mark(self) -> Any:
        return None

    async def read_since(self, mark: Any) -> LogWindow:
        return LogWindow((), None)


class Keys(KeySource, source="keys_of_a_test"):
    async def keys(self, pattern: str, limit: int = 10_000) -> frozenset[str]:
        return frozenset()


async def test_evidence_is_found_by_name_and_kind() -> None:
    session = session_at("http://x.test", evidence={"app": Log(), "web": Log(), "cache": Keys()})
    assert [name for name, _ in session.log_sources()] == ["app", "web"]
    assert [name for name, _ in session.log_sources(["web"])] == ["web"]
    assert isinstance(session.key_source("cache"), Keys)
    with pytest.raises(NotGiven, match="target 'staging' has no log source 'cache' under 'evidence'; it has app, web"):
        session.log_sources(["cache"])
    with pytest.raises(NotGiven, match="no source of cache keys 'app'"):
        session.key_source("app")
    with pytest.raises(NotGiven, match="has no log source; add one under 'evidence'"):
        session_at("http://x.test", evidence={"cache": Keys()}).log_sources()


async def test_grants_and_measurements_are_kept() -> None:
    session = session_at("http://x.test", allow=["burst"])
    session.measure("time to open", 1.5, "s")
    assert session.allows(Grant.BURST) and not session.allows(Grant.FAULTS)
    assert session.measurements == [("time to open", 1.5, "s")]
    assert session.now().tzinfo is UTC and session.monotonic() > 0

"""This file is for the kind `correlation`, asked of a real server that follows ids soundly, and with one bug at a time."""

from __future__ import annotations

import asyncio
import html
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from probes.correlation_ids import hostile_ids, misses
from probes.correlation_trace import Trace, fresh, invalid, read
from probes.evidence.log_file import LogFile
from probes.kinds.correlation import Correlation
from probes.outcome import Outcome, Verdict
from tests.probes.kinds.loopback import Asked, Loopback, Reply, outcome_of

pytestmark = pytest.mark.anyio

ID = "X-Correlation-ID"
OPTIONS: dict[str, Any] = {
    "request": {"path": "/things"},
    "refused": {"path": "/refused"},
    "hostile": "replaced",
    "traceparent": "continued",
    "logs": ["app"],
    "log_field": "$.correlation_id",
    "trace_field": "$.trace_id",
    "span_field": "$.span_id",
    "wait": "150ms",
    "settle": "10ms",
}
_PLAIN = re.compile(r"[A-Za-z0-9-]{8,64}")


@dataclass
class Service:
    """Takes over ids that are plain, makes others, goes on with valid traces, and logs both."""

    log: Path
    bug: str = ""
    last: str = field(default_factory=lambda: str(uuid4()))
    lines: list[dict[str, Any]] = field(default_factory=list)

    def id_for(self, asked: Asked) -> str:
        given = asked.headers.get("x-correlation-id", "")
        return given if _PLAIN.fullmatch(given) else str(uuid4())

    def trace_for(self, asked: Asked) -> Trace:
        seen = read(asked.headers.get("traceparent", ""))
        return Trace(seen.trace, fresh().span) if isinstance(seen, Trace) else fresh()

    def __call__(self, asked: Asked) -> Reply:
        one, trace = self.id_for(asked), self.trace_for(asked)
        status = 404 if asked.path == "/refused" else 200
        reply = Reply(status, b"{}", ((ID, one), ("traceparent", trace.header), ("Content-Type", "application/json")))
        line = {"correlation_id": one, "trace_id": trace.trace, "span_id": trace.span}
        made = BUGS[self.bug][0](self, asked, reply, line) if self.bug else reply
        with self.log.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(line) + "\n" if line else "")
        return made


def with_id(reply: Reply, *values: str) -> Reply:
    headers = [pair for pair in reply.headers if pair[0] != ID]
    return replace(reply, headers=(*headers, *((ID, value) for value in values)))


def with_trace(reply: Reply, value: str) -> Reply:
    return replace(reply, headers=(*(pair for pair in reply.headers if pair[0] != "traceparent"), ("traceparent", value)))


def raw(asked: Asked) -> str:
    return asked.headers.get("x-correlation-id", "")


def is_hostile(asked: Asked) -> bool:
    return "x-correlation-id" in asked.headers and not _PLAIN.fullmatch(raw(asked))


Bug = Callable[[Service, Asked, Reply, dict[str, Any]], Reply]


def echo_last(service: Service, asked: Asked, reply: Reply, line: dict[str, Any]) -> Reply:
    """Keep the id in a global: the answer carries that of the request before."""
    before, service.last = service.last, raw(asked) or service.last
    return with_id(reply, before)


def traced(change: Callable[[Trace, Trace | str], str]) -> Bug:
    def bug(service: Service, asked: Asked, reply: Reply, line: dict[str, Any]) -> Reply:
        now = read(dict(reply.headers)["traceparent"])
        assert isinstance(now, Trace)
        return with_trace(reply, change(now, read(asked.headers.get("traceparent", ""))))

    return bug


def goes_on_with_anything(service: Service, asked: Asked, reply: Reply, line: dict[str, Any]) -> Reply:
    _, trace, *_ = [*asked.headers.get("traceparent", "").split("-"), "", ""]
    return with_trace(reply, f"00-{trace}-{fresh().span}-01") if len(trace) == 32 else reply


def forge(service: Service, asked: Asked, reply: Reply, line: dict[str, Any]) -> Reply:
    if "%0d%0a" not in raw(asked):
        return reply
    before, after = raw(asked).split("%0d%0a")
    return replace(with_id(reply, before), headers=(*with_id(reply, before).headers, tuple(after.split(": "))))  # type: ignore[arg-type]


def logging(**changes: Any) -> Bug:
    def bug(service: Service, asked: Asked, reply: Reply, line: dict[str, Any]) -> Reply:
        line.update({key: value(asked) if callable(value) else value for key, value in changes.items()})
        return reply

    return bug


def log_forged(service: Service, asked: Asked, reply: Reply, line: dict[str, Any]) -> Reply:
    if "%0d%0a" in raw(asked):
        with service.log.open("a", encoding="utf-8") as stream:
            stream.write(raw(asked).replace("%0d%0a", "\n") + "\n")
    return reply


BUGS: dict[str, tuple[Bug, str]] = {
    "not echoed": (lambda s, a, r, _: with_id(r), "the answer carries no header X-Correlation-ID (GET /things answered 200"),
    "its own id always": (
        lambda s, a, r, _: with_id(r, str(uuid4())),
        "the answer carries another X-Correlation-ID than was sent",
    ),
    "in capitals": (lambda s, a, r, _: with_id(r, dict(r.headers)[ID].upper()), "(only its case was changed)"),
    "twice": (lambda s, a, r, _: with_id(r, dict(r.headers)[ID], "x"), "the answer carries 2 headers X-Correlation-ID"),
    "of the request before": (echo_last, "the answer carries another X-Correlation-ID than was sent"),
    "not on errors": (lambda s, a, r, _: with_id(r) if a.path == "/refused" else r, "(GET /refused answered 404"),
    "nothing is refused": (
        lambda s, a, r, _: replace(r, status=200),
        "the request that is meant to be refused was answered with 200 (GET /refused",
    ),
    "none is made": (
        lambda s, a, r, _: r if raw(a) else with_id(r),
        "the answer to a request without an id carries no header X-Correlation-ID (GET /things answered 200)",
    ),
    "no UUID is made": (
        lambda s, a, r, _: r if raw(a) else with_id(r, uuid4().hex),
        "the answer to a request without an id carries an id that is no UUID",
    ),
    "a UUID of time is made": (
        lambda s, a, r, _: r if raw(a) else with_id(r, "0190b2f0-5c1e-7b8e-9d3b-0f6f4b1c2d3e"),
        "carries an id that is a UUID of version 7, not 4",
    ),
    "one for all is made": (
        lambda s, a, r, _: r if raw(a) else with_id(r, s.last),
        "two requests without an id were given the same one (GET /things answered 200 with",
    ),
    "an error on hostile ids": (
        lambda s, a, r, _: replace(with_id(r, str(uuid4())), status=500) if is_hostile(a) else r,
        "a hostile id (an encoded line end) makes the target answer 500 (GET /things answered 500",
    ),
    "hostile ids are echoed": (
        lambda s, a, r, _: with_id(r, raw(a)) if "<script>" in raw(a) else r,
        "a hostile id (a script) comes through: the answer hands it on in the header X-Correlation-ID",
    ),
    "hostile ids are shown": (
        lambda s, a, r, _: replace(r, body=f"<p>{raw(a)}</p>".encode()) if "<script>" in raw(a) else r,
        "a hostile id (a script) comes through: the answer hands it on in the body as it is",
    ),
    "a header is forged": (
        forge,
        "a hostile id (an encoded line end) comes through: the answer makes the header X-Forged out of it",
    ),
    "a long id is echoed": (
        lambda s, a, r, _: with_id(r, raw(a)) if len(raw(a)) > 9000 else r,
        "a hostile id (10 kB) comes through: the answer hands it on in the header X-Correlation-ID",
    ),
    "an empty id is echoed": (
        lambda s, a, r, _: with_id(r, "") if a.headers.get("x-correlation-id") == "" else r,
        "a hostile id (an empty text) is not replaced by a UUID of version 4: the answer carries one that is empty",
    ),
    "hostile ids are dropped": (
        lambda s, a, r, _: with_id(r) if is_hostile(a) else r,
        "is not replaced by a UUID of version 4: the answer carries no header X-Correlation-ID",
    ),
    "another trace": (traced(lambda now, sent: fresh().header), "the answer shows another trace than the request was sent with"),
    "our span": (
        traced(lambda now, sent: sent.header if isinstance(sent, Trace) else now.header),
        "the answer shows the span of the request as if it were the target's own",
    ),
    "a trace in capitals": (traced(lambda now, sent: now.header.upper()), "shows a traceparent that is no traceparent"),
    "a trace of zeros": (
        traced(lambda now, sent: now.header if isinstance(sent, Trace) else f"00-{'0' * 32}-{now.span}-01"),
        "after an invalid traceparent (a trace id of zeros) the answer shows a traceparent that has a trace id of zeros",
    ),
    "invalid traces are gone on with": (goes_on_with_anything, "after an invalid traceparent (a trace id of zeros) the answer"),
    "ids are not logged": (
        logging(correlation_id=None),
        "no line of the log carries the id of our request at $.correlation_id, of 2 of 2",
    ),
    "another id is logged": (
        lambda s, a, r, line: line.update(correlation_id=str(uuid4())) or r,
        "of 2 of 2 ids that were sent",
    ),
    "the trace is not logged": (logging(trace_id=None), "does not carry the trace that our request was sent with at $.trace_id"),
    "our span is logged": (
        logging(span_id=lambda asked: [*asked.headers.get("traceparent", "--").split("-"), ""][2]),
        "carries no span of the target's own at $.span_id",
    ),
    "hostile ids are logged": (
        lambda s, a, r, line: line.update(note=raw(a)) or r,
        "a hostile id (an encoded line end) stands in the log as it was sent ({log} line ",
    ),
    "a line is forged": (log_forged, "a hostile id (an encoded line end) made a line of its own in the log ({log} line "),
}


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "app.log"
    path.touch()
    return path


async def asked_of(service: Callable[[Asked], Reply], log: Path, /, **options: Any) -> Outcome:
    probe = Correlation.model_validate({**OPTIONS, **options})
    async with Loopback(service).running() as server:
        return await outcome_of(probe, server.url, evidence={"app": LogFile(path=str(log))})


async def test_a_sound_service_passes_and_every_question_was_asked(log: Path) -> None:
    outcome = await asked_of(Service(log), log)
    assert outcome.verdict is Verdict.PASS, outcome.sentence
    assert {c.name for c in outcome.checks if c.control} == {
        "an id comes back with its own request only",
        "an id of ours is taken after the hostile ones",
        "something was logged for our requests",
        "all that was logged meanwhile was read",
    }
    held = [c.name for c in outcome.checks if not c.control]
    assert "of 4 requests at once each gets its own id back" in held
    assert "the id of a refused request comes back" in held
    assert held.count("without an id the target makes a UUID of version 4") == 2
    assert sum(name.startswith("a hostile id (") for name in held) == 8
    assert sum(name.startswith("an invalid trace (") for name in held) == 3
    assert "the target's span is its own" in held and "spans in the log are the target's own" in held


@pytest.mark.parametrize("bug", BUGS)
async def test_each_bug_fails_with_a_sentence_that_names_it(log: Path, bug: str) -> None:
    outcome = await asked_of(Service(log, bug), log)
    assert outcome.verdict is Verdict.FAIL, outcome.sentence
    said = [c.say for c in outcome.checks if c.verdict is Verdict.FAIL]
    assert any(BUGS[bug][1].format(log=log) in sentence for sentence in said), said


async def test_ids_that_are_mixed_up_under_load_are_caught(log: Path) -> None:
    """The id lies in a place that all requests share; only requests at once show it."""
    async with _Mixed().running() as url:
        outcome = await outcome_of(Correlation.model_validate({"hostile": "not_checked", "generated": "any"}), url)
    [wrong] = [c for c in outcome.checks if c.verdict is Verdict.FAIL]
    assert re.match(
        r"3 of 4 requests at once got a wrong id back, the first the id of another request \(GET / answered", wrong.say
    )


class _Mixed:
    """Answers four requests only when all of them are there, with the id of the last."""

    def __init__(self) -> None:
        self.waiting: list[asyncio.Future[str]] = []
        self.number = 0

    def running(self) -> Any:
        import contextlib

        @contextlib.asynccontextmanager
        async def run() -> Any:
            server = await asyncio.start_server(self.serve, "127.0.0.1", 0)
            async with server:
                yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"

        return run()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        match = re.search(r"(?i)x-correlation-id: (\S+)", head)
        one = match[1] if match else str(uuid4())
        self.number += 1
        if 3 <= self.number <= 6:
            mine: asyncio.Future[str] = asyncio.get_running_loop().create_future()
            self.waiting.append(mine)
            if len(self.waiting) == 4:
                for each in self.waiting:
                    each.set_result(one)
            one = await mine
        writer.write(f"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n{ID}: {one}\r\n\r\n".encode())
        await writer.drain()
        writer.close()


# What is permitted, and what proves nothing


def refusing(service: Service) -> Callable[[Asked], Reply]:
    def answer(asked: Asked) -> Reply:
        reply = service(asked)
        shown = f"bad id {html.escape(raw(asked))}".encode()
        return replace(with_id(reply, str(uuid4())), status=400, body=shown) if is_hostile(asked) else reply

    return answer


@pytest.mark.parametrize(("hostile", "verdict"), [("either", "pass"), ("refused", "pass"), ("replaced", "fail")])
async def test_a_refusal_is_held_against_what_the_scenario_wants(log: Path, hostile: str, verdict: str) -> None:
    outcome = await asked_of(refusing(Service(log)), log, hostile=hostile)
    plain = [c for c in outcome.checks if c.name.startswith("a hostile id (a script)")]
    assert [c.verdict for c in plain] == [verdict]


async def test_a_replacement_is_not_a_refusal(log: Path) -> None:
    outcome = await asked_of(Service(log), log, hostile="refused")
    assert outcome.sentence.startswith("a hostile id (an encoded line end) is not refused, but answered with 200")


async def test_a_rate_limit_on_hostile_ids_proves_nothing(log: Path) -> None:
    service = Service(log)

    def limited(asked: Asked) -> Reply:
        return replace(service(asked), status=429) if is_hostile(asked) else service(asked)

    outcome = await asked_of(limited, log, hostile="either")
    assert outcome.verdict is Verdict.INCONCLUSIVE
    assert outcome.sentence.startswith("our requests met a rate limit, so nothing shows what becomes of their ids (GET /things")


async def test_a_status_that_every_request_gets_is_no_refusal(log: Path) -> None:
    def locked(asked: Asked) -> Reply:
        return replace(with_id(Service(log)(asked), raw(asked)[:60] or str(uuid4())), status=401)

    outcome = await asked_of(locked, log, hostile="refused", expect_status=401)
    assert outcome.verdict is Verdict.FAIL


async def test_an_answer_that_is_not_expected_is_the_targets_fault(log: Path) -> None:
    outcome = await asked_of(lambda asked: replace(Service(log)(asked), status=503), log)
    assert outcome.sentence.startswith("the request was not answered as expected (GET /things answered 503, correlation id ")


async def test_a_log_that_says_nothing_is_inconclusive(log: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.log"
    other.touch()
    outcome = await asked_of(Service(other), log)
    assert outcome.verdict is Verdict.INCONCLUSIVE
    assert outcome.sentence.startswith("nothing at all was logged meanwhile, so ids could not be looked for (log file")


async def test_without_logs_the_report_says_that_they_were_not_looked_at(log: Path) -> None:
    options: dict[str, Any] = {"logs": [], "log_field": None, "trace_field": None, "span_field": None}
    outcome = await asked_of(Service(log), log, **options)
    assert outcome.verdict is Verdict.PASS
    assert "logs were not looked at: the scenario names none" in {c.say for c in outcome.checks}


async def test_an_id_in_the_clients_own_form_is_sent(log: Path) -> None:
    seen: list[str] = []
    service = Service(log)

    def noting(asked: Asked) -> Reply:
        seen.append(raw(asked))
        return service(asked)

    assert (await asked_of(noting, log, sent="req-{{unique}}")).verdict is Verdict.PASS
    assert re.fullmatch(r"req-[0-9a-f]{16}", seen[0]) and seen[0] != seen[1]


async def test_without_an_id_nothing_is_sent_that_one_could_be_made_of(log: Path) -> None:
    bare: list[Asked] = []
    service = Service(log)

    def noting(asked: Asked) -> Reply:
        bare.extend([asked] if "x-correlation-id" not in asked.headers else [])
        return service(asked)

    probe = Correlation.model_validate(OPTIONS)
    async with Loopback(noting).running() as server:
        marks = ["X-Correlation-ID", "X-Request-ID"]
        outcome = await outcome_of(probe, server.url, correlation_headers=marks, evidence={"app": LogFile(path=str(log))})
    assert outcome.verdict is Verdict.PASS
    assert len(bare) == 2
    assert not any({"traceparent", "x-request-id"} & one.headers.keys() for one in bare)
    assert all("x-vedette-nonce" in one.headers for one in bare)


async def test_a_trace_in_the_body_and_no_trace_at_all(log: Path) -> None:
    service = Service(log)

    def in_body(asked: Asked) -> Reply:
        reply = service(asked)
        seen = read(dict(reply.headers)["traceparent"])
        assert isinstance(seen, Trace)
        headers = tuple(pair for pair in reply.headers if pair[0] != "traceparent")
        return replace(reply, headers=headers, body=json.dumps({"meta": {"trace": seen.trace}}).encode())

    outcome = await asked_of(in_body, log, trace_in="$.meta.trace")
    assert outcome.verdict is Verdict.PASS, outcome.sentence
    assert "only a trace id is shown, so spans could not be compared" in {c.say for c in outcome.checks}
    assert (await asked_of(in_body, log, traceparent="absent")).verdict is Verdict.PASS
    shows = await asked_of(service, log, traceparent="absent")
    assert shows.sentence.startswith("the answer shows its trace to anybody who asks (GET /things")


MISTAKES: dict[str, tuple[dict[str, Any], str]] = {
    "an id that is always the same": ({"sent": "req-1"}, "'sent' needs '{{unique}}' in it"),
    "no form": ({"generated": "guid"}, "should be uuid4, uuid, any, or a regular expression"),
    "a bad expression": ({"generated": "^("}, "is not a regular expression"),
    "a trace that can be seen nowhere": (
        {"trace_in": None, "trace_field": None, "span_field": None},
        "needs 'trace_in' or 'trace_field'",
    ),
    "fields without logs": ({"logs": []}, "need 'logs'"),
    "a header that is none": ({"header": "X Y"}, "should match pattern"),
    "a path that is none": ({"trace_in": "$["}, "is not a JSONPath"),
}


@pytest.mark.parametrize(("options", "trouble"), MISTAKES.values(), ids=MISTAKES)
def test_what_cannot_be_meant_is_refused_before_anything_is_sent(options: dict[str, Any], trouble: str) -> None:
    with pytest.raises(ValidationError) as refused:
        Correlation.model_validate({**OPTIONS, **options})
    assert trouble in str(refused.value)


@pytest.mark.parametrize(
    ("options", "needed"),
    [({}, []), ({"request": {"method": "PUT"}}, ["write"]), ({"refused": {"method": "DELETE"}}, ["write"]),
     ({"request": {"method": "PUT"}, "writes": False}, []), ({"writes": True}, ["write"])],
)  # fmt: skip
def test_what_changes_data_needs_a_grant(options: dict[str, Any], needed: list[str]) -> None:
    assert sorted(Correlation.model_validate(options).needs()) == needed


# Forms


@given(st.uuids(version=4))
def test_every_uuid_of_version_4_has_that_form(one: UUID) -> None:
    assert misses(str(one), "uuid4") == misses(str(one).upper(), "uuid4") == misses(str(one), "uuid") == ""


@given(st.text(max_size=40))
def test_a_text_that_is_no_uuid_has_not_that_form(text: str) -> None:
    assert misses(text, "uuid4")


def test_hostile_ids_are_others_each_time_and_none_is_of_a_form() -> None:
    one, other = ({each.value for each in hostile_ids()} for _ in range(2))
    assert one & other == {""}
    assert all(misses(value, "uuid") for value in one)
    assert max(map(len, one)) == 10_240


TRACES = {
    "whole": ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", True),
    "trace id alone": ("4bf92f3577b34da6a3ce929d0e0e4736", True),
    "a later version with more": ("01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-x", True),
    "more in version 00": ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-x", False),
    "capitals": ("00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01", False),
    "a span of zeros": ("00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01", False),
    "nothing": ("", False),
}


@pytest.mark.parametrize(("text", "valid"), TRACES.values(), ids=TRACES)
def test_a_traceparent_is_read_as_its_standard_has_it(text: str, valid: bool) -> None:
    assert isinstance(read(text), Trace) is valid


def test_a_fresh_trace_is_valid_and_the_invalid_ones_are_not() -> None:
    assert isinstance(read(fresh().header), Trace)
    assert [name for name, header, _ in invalid() if isinstance(read(header), Trace)] == []

"""This file is for the kind `log_contract`, asked of a real server that logs to a real file, soundly and in broken ways."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from pydantic import ValidationError

from probes.evidence.log_file import LogFile
from probes.kinds.log_contract import LogContract
from probes.outcome import Outcome, Verdict, to_json
from tests.probes.kinds.loopback import Asked, Loopback, Reply, as_json, outcome_of

pytestmark = pytest.mark.anyio

JOB = {"name": "the mail job", "where": {"$.module": "jobs"}, "fields": {"$.tenant_id": 42}}
CAUSED = {"name": "the payment webhook", "where": {"$.module": "webhooks"}, "links": "evt-{{nonce}}"}
BOOKING = {
    "name": "a booking",
    "request": {"method": "POST", "path": "/bookings", "json": {"note": "{{nonce}}"}},
    "expect_status": 201,
    "spawns": [JOB, CAUSED],
}
ERROR = {"name": "a crash", "request": {"path": "/crash?{{nonce}}"}, "error": True}
HOOK = {
    "name": "a webhook",
    "request": {"method": "POST", "path": "/hook", "json": {"id": "evt-{{nonce}}"}},
    "links": "evt-{{nonce}}",
}
OPTIONS: dict[str, Any] = {
    "contract": "bookando-log",
    "requests": [BOOKING, ERROR, HOOK],
    "error_fields": ["$.context.type", "$.context.stack"],
    "fields": {"$.duration_ms": {"ge": 0}},
    "wait": "150ms",
    "settle": "20ms",
}
NEW_ID = "0d9a8a51-5c1e-4b8e-9d3b-0f6f4b1c2d3e"  # of nobody's request

Line = dict[str, Any] | str
Change = Callable[[list[Line]], Any]


def stamp(**shift: float) -> str:
    return (datetime.now(UTC) + timedelta(**shift)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def line(asked: Asked, **more: Any) -> dict[str, Any]:
    made = {"timestamp": stamp(), "level": "info", "message": "done", "correlation_id": asked.headers["x-correlation-id"]}
    return {**made, "tenant_id": 42, "duration_ms": 3, **more}


@dataclass
class Service:
    """Books, crashes and takes webhooks, and writes what it should to its log, but for a change of the lines."""

    log: Path
    change: Change = lambda lines: None
    at: str = "/bookings"  # the path whose lines are changed
    end: str = "\n"
    number: int = field(default=0)

    def __call__(self, asked: Asked) -> Reply:
        path = asked.path.partition("?")[0]
        lines, reply = self._sound(asked, path)
        if path == self.at:
            changed = self.change(lines)
            lines = lines if changed is None else changed
        with self.log.open("a", encoding="utf-8", errors="surrogateescape", newline="") as stream:
            texts = [one if isinstance(one, str) else json.dumps(one) for one in lines]
            stream.write("\n".join(texts) + (self.end if path == self.at else "\n") if texts else "")
        return reply

    def _sound(self, asked: Asked, path: str) -> tuple[list[Line], Reply]:
        if path == "/bookings":
            event = f"{uuid4()} linked:evt-{json.loads(asked.body)['note']}"
            job, hook = line(asked, module="jobs"), line(asked, module="webhooks", correlation_id=event)
            return [line(asked, message="Appointment created"), job, hook], as_json({}, 201)
        if path == "/crash":
            context = {"type": "RuntimeException", "stack": "#0 index.php(3): run()"}
            return [line(asked, level="error", context=context)], as_json({}, 500)
        return [line(asked, correlation_id=f"{uuid4()} linked:{json.loads(asked.body)['id']}")], as_json({})


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "app.log"
    path.write_text("what stood there before is nobody's concern\n", encoding="utf-8")
    return path


async def asked_of(service: Callable[[Asked], Reply], log: Path, /, **options: Any) -> Outcome:
    probe = LogContract.model_validate({**OPTIONS, **options})
    async with Loopback(service).running() as server:
        return await outcome_of(probe, server.url, evidence={"app": LogFile(path=str(log))})


async def test_a_sound_log_passes_with_its_jobs_webhooks_and_errors(log: Path) -> None:
    outcome = await asked_of(Service(log), log)
    assert outcome.verdict is Verdict.PASS, outcome.sentence
    held = {c.name for c in outcome.checks if c.verdict is Verdict.PASS and not c.control}
    assert held >= {
        "each line is one JSON object",
        "each line fits the contract bookando-log",
        "each line was written when it says, within 300 s",
        "all lines of our request 'a booking' carry one correlation id",
        "different requests have different correlation ids",
        "'the mail job' carries the id of our request 'a booking' on",
        "'the payment webhook' links the event of our request 'a booking'",
        "the error of our request 'a crash' is logged with $.context.type, $.context.stack",
        "$.duration_ms is at least 0.0 in the lines of our request 'a webhook'",
        "$.tenant_id equals 42 in the lines of 'the mail job'",
    }
    assert "a line of ours made wrong would be refused" in {c.name for c in outcome.checks if c.control}


async def test_where_no_line_can_be_read_none_is_said_to_fit(log: Path) -> None:
    def as_text(lines: list[Line]) -> list[Line]:
        return [f"plain text of {one['correlation_id']}" for one in lines if isinstance(one, dict)]

    outcome = await asked_of(Service(log, as_text), log, requests=[{**BOOKING, "spawns": []}])
    told = {c.name: c.verdict for c in outcome.checks}
    assert told["each line is one JSON object"] is Verdict.FAIL
    assert told["each line fits the contract bookando-log"] is Verdict.SKIPPED
    assert told["each line was written when it says, within 300 s"] is Verdict.SKIPPED


def first(**changes: Any) -> Change:
    """Change fields of the first line; `...` takes a field away."""

    def change(lines: list[Line]) -> None:
        assert isinstance(lines[0], dict)
        lines[0] = {key: value for key, value in {**lines[0], **changes}.items() if value is not ...}

    return change


def text(make: Callable[[str], str]) -> Change:
    """Write the first line as another text."""

    def change(lines: list[Line]) -> None:
        lines[0] = make(json.dumps(lines[0]))

    return change


def logged_as(other: str) -> Change:
    """Log the first line under another id; it is known by the id that we sent, which stands in its message."""
    return lambda lines: first(correlation_id=other, message=f"got {lines[0]['correlation_id']}")(lines)  # type: ignore[index]


PRETTY = "is a part of JSON that is spread over several lines"
BUGS: dict[str, tuple[Change, str]] = {
    "no tenant": (first(tenant_id=...), "line 2 lacks 'tenant_id' (our request 'a booking', correlation id"),
    "no tenant in a system line": (first(tenant_id=None), "line 2 'tenant_id' is null, not an integer"),
    "a tenant as text": (first(tenant_id="42"), "line 2 'tenant_id' is a string, not an integer"),
    "a level in capitals": (first(level="INFO"), "line 2 'level' is 'INFO', not debug, info, warning, error or critical"),
    "no message": (first(message=...), "line 2 lacks 'message'"),
    "no correlation id": (first(correlation_id=...), "line 2 lacks 'correlation_id'"),
    "local time": (first(timestamp="2026-01-15 14:30:00"), "line 2 'timestamp' is '2026-01-15 14:30:00', no date-time"),
    "local time that says it is UTC": (first(timestamp=stamp(hours=2)), "in the future at $.timestamp"),
    "a time that stood still": (first(timestamp=stamp(minutes=-6)), "s before our first request at $.timestamp"),
    "another id": (logged_as(NEW_ID), "carries another correlation id than the request was sent with"),
    "text": (
        text(lambda t: f"[2026-01-15] local.INFO: saved {json.loads(t)['correlation_id']}"),
        "line 2 is text instead of JSON (our request 'a booking'",
    ),
    "text before": (text(lambda t: f"INFO {t}"), "line 2 has 5 characters of text before its JSON object"),
    "two objects": (text(lambda t: t + t), "line 2 holds 2 JSON values instead of one"),
    "colours": (text(lambda t: f"\x1b[32m{t}\x1b[0m"), "line 2 holds terminal colour codes (ANSI)"),
    "an array": (text(lambda t: f"[{t}]"), "line 2 is an array instead of an object"),
    "a key twice": (text(lambda t: t[:-1] + ', "level": "info"}'), "line 2 names the key 'level' twice"),
    "NaN": (text(lambda t: t.replace('"duration_ms": 3', '"duration_ms": NaN')), "line 2 holds NaN, which is no JSON value"),
    "wrong bytes": (
        text(lambda t: t.replace("Appointment", "Gr\udcfc\udcdfe")),
        "line 2 holds bytes that are not in the log's encoding",
    ),
    "byte order mark": (text(lambda t: "\ufeff" + t), "line 2 starts with a byte order mark"),
    "pretty": (
        text(lambda t: json.dumps(json.loads(t), indent=2)),
        f"line 2 {PRETTY}; and 7 more of 12 lines are no JSON object",
    ),
    "empty": (lambda lines: ["", *lines], "line 2 is empty"),
    "no duration": (
        first(duration_ms=...),
        "line 2, of our request 'a booking', it does not hold that $.duration_ms is at least 0",
    ),
    "a job without the id": (
        lambda lines: lines[1].update(correlation_id=NEW_ID),  # type: ignore[union-attr]
        "'the mail job' cannot be traced back to our request 'a booking': {log} line 3 carries another id or none",
    ),
    "no job": (
        lambda lines: lines.pop(1),
        "nothing of 'the mail job', which our request 'a booking' spawns, was logged within 0.15 s",
    ),
    "a job of another tenant": (
        lambda lines: lines[1].update(tenant_id=15),  # type: ignore[union-attr]
        "in {log} line 3, of 'the mail job', it does not hold that $.tenant_id equals 42",
    ),
    "a webhook that links nothing": (
        lambda lines: lines[2].update(correlation_id=NEW_ID),  # type: ignore[union-attr]
        "'the payment webhook' cannot be traced back to our request 'a booking': {log} line 4 does not link its event",
    ),
}


@pytest.mark.parametrize("name", BUGS)
async def test_each_bug_fails_with_the_line_and_what_is_wrong_with_it(log: Path, name: str) -> None:
    change, hint = BUGS[name]
    outcome = await asked_of(Service(log, change), log)
    assert outcome.verdict is Verdict.FAIL, outcome.sentence
    assert any(hint.format(log=log) in c.say for c in outcome.checks if c.verdict is Verdict.FAIL), outcome.sentence
    assert str(log) in outcome.sentence


ERRORS = {
    "without its stack": (first(context={"type": "E"}), "line 5 tells of an error without $.context.stack"),
    "an empty stack": (first(context={"type": "E", "stack": " "}), "line 5 tells of an error without $.context.stack"),
    "without any of its fields": (
        first(context={}),
        "line 5 says that it is an error, but has no $.context.type, $.context.stack",
    ),
    "as information": (first(level="info"), "but it does not hold that $.level is one of"),
    "not at all": (first(level="info", context={}), "the server error of our request 'a crash' left no line that tells of it"),
}


@pytest.mark.parametrize(("change", "hint"), ERRORS.values(), ids=ERRORS)
async def test_an_error_that_is_logged_badly_fails(log: Path, change: Change, hint: str) -> None:
    outcome = await asked_of(Service(log, change, at="/crash"), log)
    assert outcome.verdict is Verdict.FAIL
    assert hint in outcome.sentence


HOOKS: dict[str, tuple[Callable[[Asked, str], dict[str, Any]], str]] = {
    "the id that came with it": (
        lambda asked, event: line(asked, correlation_id=f"{asked.headers['x-correlation-id']} linked:{event}"),
        "carries the id that came with the webhook instead of a new one at $.correlation_id",
    ),
    "no link": (
        lambda asked, event: line(asked, correlation_id=NEW_ID, message=event),
        "no line of our webhook 'a webhook' links its event, as 'ID linked:EVENT' at $.correlation_id",
    ),
}


@pytest.mark.parametrize(("make", "hint"), HOOKS.values(), ids=HOOKS)
async def test_a_webhook_needs_a_new_id_that_links_its_event(
    log: Path, make: Callable[[Asked, str], dict[str, Any]], hint: str
) -> None:
    def service(asked: Asked) -> Reply:
        return Service(log, lambda lines: [make(asked, json.loads(asked.body)["id"])], at="/hook")(asked)

    outcome = await asked_of(service, log)
    assert outcome.verdict is Verdict.FAIL
    assert hint in outcome.sentence


async def test_two_ids_of_one_request_fail_and_name_both_lines(log: Path) -> None:
    def change(lines: list[Line]) -> None:
        lines.insert(1, {**lines[0], "correlation_id": "another", "message": lines[0]["correlation_id"]})  # type: ignore[index, dict-item]

    outcome = await asked_of(Service(log, change), log, adopts=False)
    assert f"the lines of our request 'a booking' carry 2 correlation ids, at {log} line 2 and {log} line 3" in outcome.sentence


async def test_one_id_for_every_request_fails(log: Path) -> None:
    """A worker that lives on keeps the id of the first request."""

    requests = [{"name": name, "request": {"path": "/x"}, "expect_status": 200} for name in ("one", "two")]

    def unsound(asked: Asked) -> Reply:
        own = line(asked, correlation_id="the-only-one", message=asked.headers["x-correlation-id"])
        with log.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(own) + "\n")
        return as_json({})

    outcome = await asked_of(unsound, log, adopts=False, requests=requests)
    assert outcome.sentence.startswith("our requests 'one' and 'two' were logged under one correlation id at $.correlation_id")


async def test_the_id_that_is_made_for_each_request_passes_where_the_target_does_not_adopt_ours(log: Path) -> None:
    def sound(asked: Asked) -> Reply:
        own = line(
            asked, correlation_id=f"own-{asked.headers['x-correlation-id'][::-1]}", message=asked.headers["x-correlation-id"]
        )
        late = {**own, "message": "job done", "module": "jobs"}  # known by nothing but the target's own id
        with log.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(own) + "\n" + json.dumps(late) + "\n")
        return as_json({})

    requests = [{"name": name, "request": {"path": "/x"}, "spawns": [JOB]} for name in ("one", "two")]
    outcome = await asked_of(sound, log, adopts=False, requests=requests)
    assert outcome.verdict is Verdict.PASS, outcome.sentence


async def test_half_a_line_at_the_end_is_degraded_because_it_may_still_be_written(log: Path) -> None:
    outcome = await asked_of(Service(log, lambda lines: [*lines, '{"timestamp": "2026-0'], at="/hook", end=""), log)
    assert outcome.verdict is Verdict.DEGRADED
    assert (
        outcome.sentence
        == f"{log} line 7 is half a line at the end: it is cut off after 21 characters, within its JSON, and stayed so"
    )


async def test_a_line_of_a_mebibyte_is_read_and_degraded(log: Path) -> None:
    outcome = await asked_of(Service(log, first(message="x" * 1024 * 1024)), log)
    assert outcome.verdict is Verdict.DEGRADED
    assert "line 2 has 10" in outcome.sentence and "bytes, more than 262144" in outcome.sentence


# What cannot be proven


async def test_a_log_in_which_nothing_of_ours_stands_is_inconclusive(log: Path) -> None:
    stranger = json.dumps({"timestamp": stamp(), "level": "info", "message": "x", "correlation_id": "other", "tenant_id": 0})
    plain = [{"name": "a look", "request": {"path": "/x"}}]

    def service(asked: Asked) -> Reply:
        with log.open("a", encoding="utf-8") as stream:
            stream.write(stranger + "\n")
        return as_json({})

    outcome = await asked_of(service, log, requests=plain)
    assert outcome.verdict is Verdict.INCONCLUSIVE
    assert outcome.sentence.startswith(
        "nothing was logged for our request 'a look' within 0.15 s, so its lines could not be held"
    )
    assert "1 line written meanwhile" in outcome.sentence


async def test_a_log_that_says_nothing_is_inconclusive(log: Path) -> None:
    plain = [{"name": "a look", "request": {"path": "/x"}}]
    outcome = await asked_of(lambda asked: as_json({}), log, requests=plain)
    assert outcome.verdict is Verdict.INCONCLUSIVE


@pytest.mark.parametrize("schema", [{}, {"type": "object"}, {"properties": {"nowhere": {"type": "string"}}}], ids=str)
async def test_a_schema_that_accepts_everything_proves_nothing(log: Path, schema: dict[str, Any]) -> None:
    outcome = await asked_of(Service(log), log, schema=schema)
    assert outcome.verdict is Verdict.INCONCLUSIVE
    assert outcome.sentence.startswith("the schema of the scenario would also accept")


async def test_a_log_of_which_not_all_was_read_is_inconclusive(log: Path) -> None:
    probe = LogContract.model_validate({**OPTIONS, "requests": [{"name": "a look", "request": {"path": "/hook", "method": "POST",
                                        "json": {"id": "evt-{{nonce}}"}}, "links": "evt-{{nonce}}"}]})  # fmt: skip
    async with Loopback(Service(log, lambda lines: [*lines, {"message": "x" * 4000}], at="/hook")).running() as server:
        outcome = await outcome_of(probe, server.url, evidence={"app": LogFile(path=str(log), max_bytes=1000)})
    assert outcome.verdict is Verdict.INCONCLUSIVE
    assert "could not all be read" in outcome.sentence


# Options


async def test_all_that_is_given_must_hold(log: Path, tmp_path: Path) -> None:
    file = tmp_path / "own.json"
    file.write_text('{"required": ["region"]}', encoding="utf-8")
    outcome = await asked_of(Service(log), log, schema_file=str(file))
    assert "line 2 lacks 'region'" in outcome.sentence
    assert "4 more of 5 lines do not fit the schema in own.json" in outcome.sentence
    outcome = await asked_of(Service(log), log, schema={"required": ["zone"]})
    assert "line 2 lacks 'zone'" in outcome.sentence or "lacks 'zone'" in outcome.sentence


async def test_lines_of_other_programs_are_left_out_only_where_the_scenario_says_so(log: Path) -> None:
    def noisy(lines: list[Line]) -> list[Line]:
        return ["PHP Warning: something", *lines]

    assert "is text instead of JSON" in (await asked_of(Service(log, noisy), log)).sentence
    quiet = await asked_of(Service(log, noisy), log, only_ours=True)
    assert quiet.verdict is Verdict.PASS, quiet.sentence
    assert "1 line without an id of ours were not judged (only_ours)" in {c.say for c in quiet.checks}
    ignoring = await asked_of(Service(log, noisy), log, ignore=["^PHP Warning: "])
    assert ignoring.verdict is Verdict.PASS, ignoring.sentence


async def test_lines_that_docker_wrapped_are_unwrapped(log: Path) -> None:
    def wrapped(lines: list[Line]) -> list[Line]:
        return [json.dumps({"log": json.dumps(one) + "\n", "stream": "stdout", "time": stamp()}) for one in lines]

    assert (await asked_of(Service(log, wrapped), log)).verdict is Verdict.PASS
    assert "lacks 'timestamp'" in (await asked_of(Service(log, wrapped), log, wrapped="none")).sentence


async def test_the_fields_of_one_request_are_its_own(log: Path) -> None:
    other = {**HOOK, "fields": {"$.tenant_id": "{{vars.tenant}}"}}
    probe = LogContract.model_validate({**OPTIONS, "requests": [BOOKING, other]})
    async with Loopback(Service(log)).running() as server:
        outcome = await outcome_of(probe, server.url, vars={"tenant": 15}, evidence={"app": LogFile(path=str(log))})
    assert outcome.sentence.startswith(
        f"in {log} line 5, of our request 'a webhook', it does not hold that $.tenant_id equals 15"
    )


async def test_a_request_that_takes_another_way_is_the_targets_fault(log: Path) -> None:
    def refuses(asked: Asked) -> Reply:
        Service(log)(asked)
        return as_json({}, 404)

    outcome = await asked_of(refuses, log)
    assert outcome.sentence.startswith("the request 'a booking' was answered with 404, expected that it is 201 (correlation id")


async def test_no_value_of_a_line_leaves_the_process(log: Path) -> None:
    secret = "hunter2hunter2hunter2"
    bug = first(message=[secret], level=secret, timestamp=secret, tenant_id=secret, duration_ms=secret, context=secret)
    outcome = await asked_of(Service(log, bug), log)
    assert outcome.verdict is Verdict.FAIL
    assert secret not in json.dumps(to_json(outcome))


PLAIN: list[dict[str, Any]] = [{"name": "a look", "request": {"path": "/x"}}]
MISTAKES: dict[str, tuple[dict[str, Any], str]] = {
    "no contract": ({"contract": None}, "give at least one of 'contract', 'schema' and 'schema_file'"),
    "no such contract": ({"contract": "bokando-log"}, "did you mean 'bookando-log'?"),
    "another sort": ({"contract": "travel-live"}, "a contract of sort 'health', not 'log'"),
    "bad schema": ({"schema": {"type": "strin"}}, "this is not a usable JSON Schema"),
    "bad path": ({"fields": {"tenant_id": 1}}, "is not a JSONPath"),
    "bad regex": ({"ignore": ["("]}, "is not a regular expression"),
    "no such file": ({"schema_file": "/nowhere/own.json"}, "'/nowhere/own.json' cannot be read: no such file"),
    "same name": ({"requests": PLAIN * 2}, "each of 'requests' needs a name of its own"),
    "one request, ids of the target's": ({"requests": PLAIN, "adopts": False}, "'adopts: false' needs a second request"),
    "spawns without a place for ids": ({"contract": None, "schema": {"required": ["a"]}}, "need 'correlation_field'"),
    "an error without terms": (
        {"contract": None, "schema": {"required": ["a"]}, "error_fields": None, "correlation_field": "$.id"},
        "needs 'error_fields' or 'error_says'",
    ),
}


@pytest.mark.parametrize(("options", "trouble"), MISTAKES.values(), ids=MISTAKES)
def test_what_cannot_be_meant_is_refused_before_anything_is_sent(options: dict[str, Any], trouble: str) -> None:
    with pytest.raises(ValidationError) as refused:
        LogContract.model_validate({**OPTIONS, **options})
    assert trouble in str(refused.value)


def test_a_request_that_changes_data_needs_a_grant() -> None:
    put = {**PLAIN[0], "request": {"method": "PUT", "path": "/x"}}
    assert LogContract.model_validate({**OPTIONS, "requests": PLAIN}).needs() == frozenset()
    assert LogContract.model_validate({**OPTIONS, "requests": [put]}).needs() == {"write"}
    assert LogContract.model_validate({**OPTIONS, "requests": [put], "writes": False}).needs() == frozenset()


async def test_ids_are_not_said_to_be_shared_where_no_line_could_be_read(log: Path) -> None:
    outcome = await asked_of(Service(log, text(lambda t: f"saved {json.loads(t)['correlation_id']}")), log)
    assert not any(c.name == "all lines of our request 'a booking' carry one correlation id" for c in outcome.checks)


def test_a_schema_file_without_json_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "own.json"
    file.write_text("required: [a]", encoding="utf-8")
    with pytest.raises(ValidationError, match="holds no JSON"):
        LogContract.model_validate({**OPTIONS, "schema_file": str(file)})

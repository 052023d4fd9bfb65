"""This file is for the kind `input_validation`: a sound form passes, and each broken one is caught by its cause."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote

import pytest
from pydantic import ValidationError

from probes.kinds.input_validation import InputValidation
from probes.outcome import Outcome, Verdict
from probes.target import Grant
from tests.probes.kinds.loopback import Asked, Loopback, Reply, as_json, outcome_of

pytestmark = pytest.mark.anyio

NOSNIFF = ("X-Content-Type-Options", "nosniff")
OPTIONS: dict[str, Any] = {
    "request": {
        "method": "POST",
        "path": "/api/bookings",
        "json": {"call": "c-{{nonce}}-{{attempt}}", "args": {"service": "Haircut"}},
    },
    "fields": [{"at": "$.args.service", "max_length": 60}],
    "error_form": {"$.success": False, "$.message": {"type": "string"}},
}
_WORD = re.compile(r"[A-Za-zÀ-ɏ一-鿿 '’.-]{1,60}")


class Refused(Exception):
    """The value is refused. The text is the answer's message."""


@dataclass
class Desk:
    """A booking service that validates as it should, but for its `bug`."""

    bug: str = ""
    seen: int = 0
    refused: int = 0
    kept: dict[str, Any] = field(default_factory=dict)
    polluted: dict[str, Any] = field(default_factory=dict)

    def __call__(self, asked: Asked) -> Reply:
        self.seen += 1
        if asked.method == "DELETE":
            self.kept.pop(asked.path.rpartition("/")[2], None)
            return Reply(204)
        if asked.method == "GET" and asked.path.startswith("/page/"):
            return self._page(asked.path.rpartition("/")[2])
        try:
            return self._book(asked)
        except Refused as reason:
            self.refused += 1
            return self._error(str(reason), 422)

    def _book(self, asked: Asked) -> Reply:
        text = self._text(asked)
        service = self._value(text)
        if self.bug == "down after" and self.refused:
            return Reply(400, b"{}")
        if self.bug == "limiter" and self.seen > 4:
            return as_json({"success": False, "message": "slow down"}, 429)
        odd = self._odd(service, text)
        if odd is not None:
            return odd
        self._check(service, text)
        self.kept[f"b{self.seen}"] = service
        return as_json({"id": f"b{self.seen}", "service": service, **self.polluted}, 201, NOSNIFF)

    def _text(self, asked: Asked) -> str:
        try:
            text = asked.body.decode()
        except UnicodeDecodeError:
            if self.bug == "utf-8 crash":
                return "{}" if self.bug == "" else ""
            raise Refused("the body is no UTF-8") from None
        return text

    def _value(self, text: str) -> Any:
        if self.bug == "utf-8 crash" and not text:
            raise _Crash
        pairs: Callable[[list[tuple[str, Any]]], Any] = dict
        if self.bug not in ("duplicates",):
            pairs = _once
        try:
            document = json.loads(text, object_pairs_hook=pairs)
            args = document["args"]
            self._others(args)
            return args["service"]
        except RecursionError:
            if self.bug == "nesting crash":
                raise _Crash from None
            raise Refused("too deep") from None
        except (ValueError, KeyError, TypeError):
            raise Refused("no booking") from None

    def _others(self, args: dict[str, Any]) -> None:
        if self.bug == "prototype" and "__proto__" in args:
            self.polluted.update(args["__proto__"])
        if self.bug != "extra" and set(args) - {"service", "__proto__", "constructor"}:
            raise Refused("unknown field")

    def _check(self, service: Any, text: str) -> None:
        if self.bug == "all":
            return
        if self.bug == "wrong type" and not isinstance(service, str):
            return
        if not isinstance(service, str):
            raise Refused("the service is no text")
        if len(service) > 60 and self.bug != "length":
            raise Refused("too long")
        if self.bug == "over-blocking" and "'" in service:
            raise Refused("quotes are evil")
        if "\0" in service and self.bug == "null byte":
            return
        if self.bug == "markup" and "<" in service and "\0" not in service:
            return
        if self.bug == "control characters" and "\n" in service:
            return
        if not _WORD.fullmatch(service[:60]):
            raise Refused("the service is no name")

    def _odd(self, service: Any, text: str) -> Reply | None:
        """Return what a bug answers before anything is looked at."""
        value = service if isinstance(service, str) else ""
        page, sql = "<h1>No such service</h1>", value.count("'") % 2 and "O'Brien" not in value
        answers: dict[str, Callable[[], Reply | None]] = {
            "html echo": lambda: _html(page + value) if "<" in value else None,
            "html echo in 200": lambda: _html(page + value, 200) if "<" in value else None,
            "attribute echo": lambda: _html(f'<input value="{html.escape(value, quote=False)}">') if '"' in value else None,
            "href echo": lambda: _html(f'<a href="{html.escape(value)}">x</a>') if "javascript" in value else None,
            "html escaped": lambda: _html(page + html.escape(value)) if "<" in value else None,
            "script echo": lambda: _html(f'<script>var q = "{value}"</script>') if '"' in value else None,
            "json by hand": lambda: (
                Reply(422, b'{"success": false, "message": "' + value.encode() + b'"}', (("Content-Type", "application/json"),))
                if '"' in value
                else None
            ),
            "json echo": lambda: as_json({"success": False, "message": f"no {value}"}, 422, NOSNIFF) if "<" in value else None,
            "json sniffed": lambda: as_json({"success": False, "message": f"no {value}"}, 422) if "<" in value else None,
            "sql": lambda: Reply(500, b"oops") if sql else None,
            "sql text": lambda: as_json({"success": False, "message": "SQLSTATE[42000]: Syntax error"}, 422) if sql else None,
            "stack": lambda: (
                as_json({"success": False, "message": 'File "/srv/app/x.py", line 3, in f'}, 422) if "'" in value else None
            ),
            "template": lambda: as_json({"success": False, "message": _evaluated(value)}, 422) if "{{" in value else None,
            "header": lambda: Reply(422, b"{}", tuple(_header(value))) if "\r\n" in value else None,
            "file": lambda: as_json({"success": False, "message": "Linux version 6.1.0"}, 422) if "../" in value else None,
            "hang up": lambda: Reply(hang_up=True) if "\0" in value else None,
            "redirect": lambda: Reply(302, b"", (("Location", "/login"),)) if "<" in value else None,
            "other form": lambda: as_json({"error": "bad"}, 422) if "<" in value else None,
        }
        return answers[self.bug]() if self.bug in answers else None

    def _page(self, number: str) -> Reply:
        value = str(self.kept.get(number, ""))
        return _html(
            f"<p>{value if self.bug == 'stored' else '' if self.bug == 'shown nowhere' else html.escape(value)}</p>", 200
        )

    def _error(self, message: str, status: int) -> Reply:
        return as_json({"success": False, "message": message}, status, NOSNIFF)


class _Crash(Exception):
    pass


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({key for key, _ in pairs}) != len(pairs):
        raise ValueError("a key twice")
    return dict(pairs)


def _html(text: str, status: int = 422) -> Reply:
    return Reply(status, text.encode(), (("Content-Type", "text/html; charset=utf-8"),))


def _evaluated(value: str) -> str:
    found = re.search(r"\{\{(\d+)\*(\d+)\}\}", value)
    return str(int(found.group(1)) * int(found.group(2))) if found else ""


def _header(value: str) -> list[tuple[str, str]]:
    name, _, rest = value.partition("\r\n")[2].partition(": ")
    return [("X-Service", "x"), (name, rest)]


async def ask_about(desk: Callable[[Asked], Reply], **options: Any) -> Outcome:
    def safely(asked: Asked) -> Reply:
        try:
            return desk(asked)
        except _Crash:
            return Reply(500, b"crashed")

    async with Loopback(safely).running() as server:
        return await outcome_of(InputValidation.model_validate({**OPTIONS, **options}), server.url, allow=["write"])


def one(**options: Any) -> dict[str, Any]:
    return {"fields": [{"at": "$.args.service", "max_length": 60, **options}]}


def told(outcome: Outcome) -> str:
    return "\n".join(c.say for c in outcome.checks if c.verdict not in (Verdict.PASS, Verdict.SKIPPED))


@pytest.mark.parametrize("payloads", ["basic", "full"])
async def test_a_sound_form_passes(payloads: str) -> None:
    desk = Desk()
    outcome = await ask_about(desk, payloads=payloads, **one(good=["O'Brien", "Zoë", "日本語"]))
    assert (outcome.verdict, told(outcome)) == (Verdict.PASS, "")
    assert desk.refused > (25 if payloads == "basic" else 50)
    assert [c.name for c in outcome.controls] == [
        "the good request is accepted before any payload",
        "the good request is accepted after the payloads for $.args.service",
    ]


BROKEN: list[Any] = [
    pytest.param("all", {}, "the field $.args.service accepted a script tag, and 6 more of the 7 payloads", id="accepts-all"),
    pytest.param("markup", {}, "accepted a script tag", id="accepts-markup"),
    pytest.param("wrong type", {}, "the field $.args.service accepted an object", id="accepts-wrong-types"),
    pytest.param("length", {}, "accepted one sign more than its 60", id="no-length-limit"),
    pytest.param(
        "null byte", {}, "accepted a null byte behind it (payload null_byte.behind; POST /api/bookings answered 201", id="null"
    ),
    pytest.param("html echo", {}, "gave a script tag back unescaped in an HTML answer, where it became a script", id="reflects"),
    pytest.param("html echo in 200", {}, "back unescaped in an HTML answer", id="reflects-in-200"),
    pytest.param("attribute echo", {}, "where it became an event handler", id="attribute"),
    pytest.param("href echo", {}, "where it became an address that runs a script", id="javascript-url"),
    pytest.param("script echo", {"payloads": "full"}, "unescaped in an HTML answer, where it became", id="in-script"),
    pytest.param("json by hand", {}, "back in JSON that is not encoded", id="json-by-hand"),
    pytest.param("sql", {}, "in the field $.args.service broke the target, and so did", id="sql-500"),
    pytest.param("sql text", {}, "shows a database's error or query", id="sql-text"),
    pytest.param("stack", {}, "shows a stack trace", id="stack-trace"),
    pytest.param("template", {}, "the template expression {{…}} in the field $.args.service was computed", id="template"),
    pytest.param("header", {}, "a line break with a header in the field $.args.service made a header of its own", id="header"),
    pytest.param("file", {}, "a path upwards in the field $.args.service was served a file of the target's system", id="file"),
    pytest.param(
        "hang up", {}, "a null byte behind it in the field $.args.service left the target without an answer", id="hangs-up"
    ),
    pytest.param("redirect", {}, "answered a script tag with 302 instead of 4xx", id="redirects"),
    pytest.param("other form", {}, "a refusal for the field $.args.service has not the declared form", id="form"),
    pytest.param("utf-8 crash", {}, "a byte that is no UTF-8 in the field $.args.service broke the target", id="utf-8"),
    pytest.param(
        "nesting crash",
        {"payloads": "full"},
        "arrays nested 10000 deep in the field $.args.service broke the target",
        id="nesting",
    ),
    pytest.param("prototype", {"payloads": "full"}, "by a key __proto__ beside it shows up in later answers", id="prototype"),
    pytest.param(
        "over-blocking", one(good=["Zoë", "O'Brien"]), "refused the legal value 2 of 2, so honest people are", id="over-blocking"
    ),
    pytest.param("extra", one(kinds=["extra_field"]), "accepted an unknown field beside it", id="extra-field"),
    pytest.param("json echo", {"may_echo": False}, "back as it is in an answer of the type application/json", id="may-not-echo"),
]


@pytest.mark.parametrize(("bug", "options", "words"), BROKEN)
async def test_a_broken_form_fails_and_the_sentence_names_the_cause(bug: str, options: dict[str, Any], words: str) -> None:
    outcome = await ask_about(Desk(bug), **options)
    assert outcome.verdict is Verdict.FAIL, outcome.sentence
    assert words in told(outcome)
    assert all("vedette-hole" not in c.say and "()" not in c.say for c in outcome.checks)


@pytest.mark.parametrize("bug", ["html escaped", "json echo", "duplicates"])
async def test_a_value_that_comes_back_harmless_is_no_failure(bug: str) -> None:
    outcome = await ask_about(Desk(bug), error_form={})
    assert (outcome.verdict, told(outcome)) == (Verdict.PASS, "")


async def test_json_that_a_browser_may_guess_from_is_degraded() -> None:
    outcome = await ask_about(Desk("json sniffed"))
    assert outcome.verdict is Verdict.DEGRADED and "without 'X-Content-Type-Options: nosniff'" in outcome.sentence


@pytest.mark.parametrize(
    ("bug", "words"),
    [
        ("down after", "the good request was not accepted after the payloads for $.args.service, so a refusal proves nothing"),
        ("limiter", "were answered 429, which says nothing about the value"),
    ],
)
async def test_a_target_that_refuses_everything_does_not_pass(bug: str, words: str) -> None:
    outcome = await ask_about(Desk(bug), error_form={})
    assert outcome.verdict is Verdict.INCONCLUSIVE, outcome.sentence
    assert words in told(outcome)


async def test_a_target_that_refuses_the_good_request_proves_nothing_and_is_sent_no_payload() -> None:
    desk = Desk("limiter", seen=9)
    outcome = await ask_about(desk)
    assert outcome.verdict is Verdict.INCONCLUSIVE and desk.seen == 10
    assert "the good request was not accepted before any payload" in outcome.sentence


SHOWN: dict[str, Any] = {
    "read_back": {"path": "/page/{{id}}"},
    "capture": {"id": {"json": "$.id"}},
    "undo": [{"request": {"method": "DELETE", "path": "/api/bookings/{{id}}"}}],
    "error_form": {},
}


@pytest.mark.parametrize(
    ("bug", "verdict", "words"),
    [
        ("markup", Verdict.PASS, ""),
        ("markup+stored", Verdict.FAIL, "gave a script tag, when it was read back, back unescaped in an HTML answer"),
        ("markup+shown nowhere", Verdict.INCONCLUSIVE, "was not found where `read_back` looks"),
    ],
)
async def test_what_is_legal_text_is_judged_where_it_is_shown(bug: str, verdict: Verdict, words: str) -> None:
    first, _, then = bug.partition("+")
    desk = Desk(first)
    shows = Desk(then, kept=desk.kept)

    def serve(asked: Asked) -> Reply:
        return shows(asked) if asked.path.startswith("/page") else desk(asked)

    outcome = await ask_about(serve, **one(accepts_literally=True), **SHOWN)
    assert outcome.verdict is verdict, outcome.sentence
    assert words in told(outcome)
    assert desk.kept == {}


async def test_everything_that_was_accepted_is_taken_back() -> None:
    desk = Desk("markup")
    outcome = await ask_about(desk, **SHOWN)
    assert outcome.verdict is Verdict.FAIL and desk.kept == {} and outcome.undo_failures == ()


async def test_what_was_accepted_and_cannot_be_named_is_told() -> None:
    outcome = await ask_about(Desk("all"), **{**SHOWN, "read_back": None})
    assert len(outcome.undo_failures) == 1
    assert "so what 'wrong_type.huge_number' wrote may still be there" in outcome.undo_failures[0]


class Search:
    """A search by query, form, header and path, which takes letters only, but for its `bug`."""

    def __init__(self, bug: str = "") -> None:
        self.bug = bug

    def __call__(self, asked: Asked) -> Reply:
        path, _, query = asked.path.partition("?")
        fields = parse_qs(query or asked.body.decode("latin-1"), keep_blank_values=True, errors="surrogateescape")
        values = fields.get("q", [])
        try:
            unquote(query, errors="strict").encode()
            path, values = unquote(path, errors="strict"), [v.encode("utf-8", "surrogateescape").decode() for v in values]
        except ValueError:
            return as_json({"success": False}, 400)
        header = asked.headers.get("x-service", "Haircut")
        if self.bug == "header path":
            return as_json({"ok": True})
        known = set(fields) == {"q"} and len(values) == 1
        words = (*values, header, path.removeprefix("/s/"))
        good = known and all(re.fullmatch("[A-Za-z]{1,40}", word) for word in words)
        return as_json({"ok": True}) if good else as_json({"success": False}, 400)


PLACES = [
    pytest.param({"path": "/s/Haircut?q=Haircut"}, "query q", id="query-in-path"),
    pytest.param({"path": "/s/Haircut", "query": {"q": "Haircut"}}, "query q", id="query"),
    pytest.param({"path": "/s/Haircut?q=Haircut", "headers": {"X-Service": "Haircut"}}, "header x-service", id="header"),
    pytest.param({"path": "/s/Haircut?q=Haircut"}, "path segment 2", id="path"),
    pytest.param({"path": "/s/Haircut", "method": "POST", "form": {"q": "Haircut"}}, "form q", id="form"),
]


@pytest.mark.parametrize(("request_", "at"), PLACES)
@pytest.mark.parametrize("bug", ["", "header path"], ids=["sound", "broken"])
async def test_every_place_of_a_request_can_be_tried(request_: dict[str, Any], at: str, bug: str) -> None:
    field_ = {"at": at, "max_length": 40, "required": not at.startswith("header")}
    outcome = await ask_about(Search(bug), request=request_, fields=[field_], payloads="full", error_form={})
    assert outcome.verdict is (Verdict.FAIL if bug else Verdict.PASS), told(outcome)
    if bug:
        assert f"the field {at} accepted" in told(outcome)


TYPES = [
    ("integer", 7, lambda v: isinstance(v, int) and not isinstance(v, bool) and 0 <= v < 10**6),
    ("number", 1.5, lambda v: isinstance(v, int | float) and not isinstance(v, bool) and abs(v) < 10**6),
    ("boolean", True, lambda v: isinstance(v, bool)),
    ("date", "2026-02-03", lambda v: v == "2026-02-03"),
    ("email", "a@example.com", lambda v: v == "a@example.com"),
    ("phone", "+12025550123", lambda v: v == "+12025550123"),
    ("uuid", "123e4567-e89b-12d3-a456-426614174000", lambda v: v == "123e4567-e89b-12d3-a456-426614174000"),
    ("enum", "open", lambda v: v == "open"),
]


@pytest.mark.parametrize(("sort", "good", "right"), TYPES, ids=[t[0] for t in TYPES])
@pytest.mark.parametrize("strict", [True, False], ids=["sound", "lax"])
async def test_every_type_of_field_can_be_tried(sort: str, good: Any, right: Callable[[Any], bool], strict: bool) -> None:
    def serve(asked: Asked) -> Reply:
        try:
            value = json.loads(asked.body.decode(), object_pairs_hook=_once, parse_constant=_no)["x"]
        except (ValueError, LookupError, TypeError, RecursionError):
            return as_json({}, 400)
        return as_json({}, 200 if right(value) or (not strict and isinstance(value, str)) else 400)

    request = {"method": "POST", "path": "/x", "json": {"x": good}}
    lenient = ["wrong_type.negative"] if sort in ("integer", "number") else []
    fields = [{"at": "$.x", "type": sort, "may_accept": lenient, "kinds": ["wrong_type", "missing", "unicode", "sql"]}]
    outcome = await ask_about(serve, request=request, fields=fields, payloads="full", error_form={})
    assert outcome.verdict is (Verdict.PASS if strict else Verdict.FAIL), told(outcome)


def _no(name: str) -> Any:
    raise ValueError(name)


async def test_each_request_bears_a_number_of_its_own() -> None:
    calls: list[str] = []

    def serve(asked: Asked) -> Reply:
        found = re.search(rb'"call": ?"([^"]+)"', asked.body)
        calls.append(found.group(1).decode() if found else "")
        return Desk()(asked)

    await ask_about(serve)
    assert len(set(calls)) == len(calls) > 30


async def test_a_plan_beyond_the_targets_limit_sends_nothing() -> None:
    desk = Desk()
    async with Loopback(desk).running() as server:
        probe = InputValidation.model_validate(OPTIONS)
        outcome = await outcome_of(probe, server.url, allow=["write"], limits={"requests": 10})
    assert outcome.verdict is Verdict.ERROR and desk.seen == 0
    assert "more than the target's 10 (limit requests)" in outcome.sentence


HOSTILE = [
    pytest.param(Reply(422, b"{" * 100_000, (("Content-Type", "application/json"),)), id="broken-json"),
    pytest.param(Reply(422, b'{"a":' * 5000 + b"1" + b"}" * 5000, (("Content-Type", "application/json"),)), id="deep-json"),
    pytest.param(Reply(422, b"<a " * 60_000, (("Content-Type", "text/html"),)), id="large-page"),
    pytest.param(Reply(422, bytes(range(256)) * 100, (("Content-Type", "text/html; charset=utf-7"),)), id="binary"),
]


@pytest.mark.parametrize("reply", HOSTILE)
async def test_hostile_refusals_are_read_within_bounds(reply: Reply) -> None:
    def serve(asked: Asked) -> Reply:
        return (
            Reply(201) if b'"service":"Haircut"' in asked.body.replace(b" ", b"") and asked.body.count(b"service") == 1 else reply
        )

    outcome = await ask_about(serve, error_form={}, **one(kinds=["script", "null_byte"]))
    assert outcome.verdict is Verdict.PASS, told(outcome)


async def test_a_target_without_any_answer_is_left_alone() -> None:
    count = 0

    def serve(asked: Asked) -> Reply:
        nonlocal count
        count += 1
        return Reply(201) if b'"service":"Haircut"' in asked.body.replace(b" ", b"") else Reply(hang_up=True)

    outcome = await ask_about(serve)
    assert outcome.verdict is Verdict.FAIL and count == 5
    assert any("payloads were not sent" in c.say for c in outcome.checks)


async def test_closing_instead_of_reading_what_is_too_large_is_a_refusal() -> None:
    def serve(asked: Asked) -> Reply:
        return Reply(201) if len(asked.body) < 1000 else Reply(hang_up=True)

    outcome = await ask_about(serve, error_form={}, payloads="full", fields=[{"at": "$.args.service", "kinds": ["oversized"]}])
    assert outcome.verdict is Verdict.PASS, told(outcome)


MISTAKES: list[Any] = [
    ({"fields": [{"at": "$.args.servce"}]}, "the request has nothing at '$.args.servce'"),
    ({"fields": [{"at": "$..service"}]}, "should be a plain path"),
    ({"fields": [{"at": "body x"}]}, "is no place: write $.a.b"),
    ({"fields": [{"at": "query q"}]}, "the request has nothing at 'query q'"),
    ({"fields": [{"at": "path segment 9"}]}, "the request has nothing at"),
    ({"fields": []}, "at least 1 item"),
    (one(may_accept=["script.tagg"]), "did you mean 'script.tag'?"),
    (one(kinds=["scripts"]), "Input should be"),
    (one(kinds=[]), "should name at least one family"),
    ({"fields": [{"at": "$.args.service"}] * 2}, "stands there twice"),
    ({"refused_with": ["2xx", 422]}, "a good and a bad value would both be answered 200"),
    ({"error_form": {"$.[": 1}}, "is not a JSONPath"),
]


@pytest.mark.parametrize(("options", "words"), MISTAKES, ids=[words for _, words in MISTAKES])
def test_a_mistake_is_told_when_the_file_is_read(options: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=re.escape(words)):
        InputValidation.model_validate({**OPTIONS, **options})


def test_it_needs_the_grant_to_write() -> None:
    assert InputValidation.model_validate(OPTIONS).needs() == {Grant.WRITE}

"""This file is for the kind `http`: steps, captures, cookies, retries, undo, and its control."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import ValidationError

from probes.kinds.http import Http
from probes.outcome import Outcome, Verdict, to_json
from probes.target import Grant
from tests.probes.kinds.loopback import Asked, Handler, Loopback, Reply, as_json, outcome_of

pytestmark = pytest.mark.anyio


def http(**options: Any) -> Http:
    return Http.model_validate(options)


async def asking(handler: Handler, options: dict[str, Any], **more: Any) -> tuple[Outcome, list[Asked]]:
    async with Loopback(handler).running() as server:
        outcome = await outcome_of(http(**options), server.url, **more)
        return outcome, server.asked


def notes(outcome: Outcome) -> list[str]:
    return [c.say for c in outcome.checks if c.verdict is Verdict.SKIPPED]


async def test_one_request_that_is_answered_as_expected_passes() -> None:
    outcome, _ = await asking(
        lambda asked: as_json({"status": "ok"}), {"request": {"path": "/x"}, "expect": {"json": {"$.status": "ok"}}}
    )
    assert outcome.verdict is Verdict.PASS, outcome.sentence
    assert outcome.sentence == "2 checks held; proven by: a broken answer would be refused"


@pytest.mark.parametrize("status", [404, 500, 503])
async def test_without_expectations_an_error_is_never_a_pass(status: int) -> None:
    outcome, _ = await asking(lambda asked: Reply(status), {"request": {"path": "/x"}})
    assert outcome.verdict is Verdict.FAIL
    assert outcome.sentence.startswith(f"GET /x answered {status} instead of 2xx (correlation id ")


async def test_expectations_that_anything_meets_prove_nothing() -> None:
    outcome, _ = await asking(lambda asked: Reply(200), {"request": {}, "expect": {"status": {"ge": 100}}})
    assert outcome.verdict is Verdict.INCONCLUSIVE
    accepted = "would also accept an empty 500, a gateway's HTML 502 page and an empty 200, so a pass proves nothing"
    assert accepted in outcome.sentence


async def test_an_expected_server_error_must_be_told_from_an_empty_200_and_from_any_500() -> None:
    sound = {"request": {}, "expect": {"status": 503, "headers": {"Retry-After": {"exists": True}}}}
    passed, _ = await asking(lambda asked: Reply(503, b"", (("Retry-After", "5"),)), sound)
    assert passed.verdict is Verdict.PASS, passed.sentence
    weak, _ = await asking(lambda asked: Reply(500), {"request": {}, "expect": {"status": 500}})
    assert weak.verdict is Verdict.INCONCLUSIVE and "would also accept an empty 500" in weak.sentence


async def test_a_target_that_hangs_up_fails_with_the_phase() -> None:
    outcome, _ = await asking(lambda asked: Reply(hang_up=True), {"request": {"path": "/x"}})
    assert outcome.verdict is Verdict.FAIL and "the target answers (" in outcome.checks[-1].name


async def test_steps_after_one_that_was_not_answered_are_accounted_for() -> None:
    steps = [{"name": "make", "request": {"path": "/a"}}, {"name": "use", "request": {"path": "/b"}}]
    outcome, _ = await asking(lambda asked: Reply(hang_up=True), {"steps": steps})
    assert outcome.verdict is Verdict.FAIL and outcome.sentence.startswith("make: ")
    assert notes(outcome) == ["not made, because the step 'make' failed"]


@pytest.mark.parametrize(
    ("capture", "expected"),
    [
        ({"json": "$.id"}, "007"),
        ({"json": "$.number"}, 7),
        ({"json": "$.list"}, [1, "2"]),
        ({"json": "$.items[?@.ok].id"}, "b"),
        ({"header": "x-id"}, "0815"),
        ({"regex": r'"id": "(\d+)"'}, "007"),
        ({"regex": r"0{2}7"}, "007"),
        ({"cookie": "sid"}, "c00kie"),
    ],
    ids=str,
)
async def test_a_captured_value_keeps_its_type_in_the_next_step(capture: dict[str, str], expected: Any) -> None:
    """Regression: other tools turn "007" into 7, so that ids lose their zeros."""

    def handler(asked: Asked) -> Reply:
        body = {"id": "007", "number": 7, "list": [1, "2"], "items": [{"id": "a"}, {"id": "b", "ok": True}]}
        return as_json(body, 200, ("X-Id", "0815"), ("Set-Cookie", "sid=c00kie; Path=/"))

    steps = [
        {"name": "make", "request": {"path": "/a"}, "capture": {"it": capture}},
        {"name": "use", "request": {"method": "POST", "path": "/b", "json": {"it": "{{it}}"}}},
    ]
    outcome, asked = await asking(handler, {"steps": steps})
    assert outcome.verdict is Verdict.PASS, outcome.sentence
    assert json.loads(asked[1].body) == {"it": expected}


@pytest.mark.parametrize(
    ("capture", "trouble"),
    [
        ({"json": "$.nope"}, "there is nothing at $.nope"),
        ({"json": "$.nothing"}, "there is null at $.nothing"),
        ({"json": "$.many[*]"}, "$.many[*] selects 2 values, not one"),
        ({"header": "x-id"}, "there is no header 'x-id'"),
        ({"regex": "id=([0-9]+)"}, "the body holds nothing that matches"),
        ({"regex": "(nope)?many"}, "the group of '(nope)?many' matched nothing"),
        ({"cookie": "sid"}, "there is no cookie 'sid'"),
    ],
    ids=str,
)
async def test_a_capture_that_finds_nothing_fails_and_stops_the_later_steps(capture: dict[str, str], trouble: str) -> None:
    steps = [{"name": "make", "request": {"path": "/a"}, "capture": {"it": capture}}]
    steps.append({"name": "use", "request": {"path": "/{{it}}"}})
    outcome, asked = await asking(lambda asked: as_json({"many": [1, 2], "nothing": None}), {"steps": steps})
    assert outcome.verdict is Verdict.FAIL
    assert outcome.sentence.startswith("'it' could not be captured from the answer to GET /a: ") and trouble in outcome.sentence
    assert notes(outcome) == ["not made, because the step 'make' failed"] and len(asked) == 1


async def test_a_capture_from_html_says_that_it_was_html() -> None:
    outcome, _ = await asking(
        lambda asked: Reply(200, b"<html>hello</html>", (("Content-Type", "text/html"),)),
        {"request": {}, "capture": {"it": {"json": "$.id"}}},
    )
    assert outcome.verdict is Verdict.FAIL and "the body is HTML instead of JSON" in outcome.sentence


async def test_captured_values_are_known_to_later_expectations() -> None:
    steps = [
        {"name": "make", "request": {"path": "/a"}, "capture": {"it": {"json": "$.id"}}},
        {"name": "read", "request": {"path": "/{{it}}"}, "expect": {"json": {"$.id": "{{it}}", "$.at": {"matches": "^{{it}}$"}}}},
    ]
    sound, _ = await asking(lambda asked: as_json({"id": "a.b", "at": "a.b"}), {"steps": steps})
    assert sound.verdict is Verdict.PASS, sound.sentence
    wrong, _ = await asking(lambda asked: as_json({"id": "a.b", "at": "axb"}), {"steps": steps})
    assert wrong.verdict is Verdict.FAIL and wrong.sentence.startswith("read: $.at is 'axb', expected that it matches '^a")


async def test_a_captured_value_that_an_operator_cannot_take_is_our_error_and_stops_the_later_steps() -> None:
    steps = [
        {"name": "make", "request": {}, "capture": {"it": {"json": "$.id"}}},
        {"name": "read", "request": {}, "expect": {"json": {"$.n": {"lt": "{{it}}"}}}},
        {"name": "end", "request": {}},
    ]
    outcome, asked = await asking(lambda asked: as_json({"id": "many"}), {"steps": steps})
    assert outcome.verdict is Verdict.ERROR and len(asked) == 1
    said = "the expectations of read do not take the captured values: should be a number, not 'many'"
    assert outcome.sentence == said and notes(outcome) == ["not made, because the step 'read' failed"]


async def test_a_captured_secret_is_never_shown() -> None:
    def handler(asked: Asked) -> Reply:
        return as_json({"token": "s3cr3t-t0k3n-value"}) if asked.path == "/login" else Reply(403, b"s3cr3t-t0k3n-value is bad")

    steps = [
        {"name": "log in", "request": {"path": "/login"}, "capture": {"token": {"json": "$.token", "secret": True}}},
        {"name": "use", "request": {"path": "/x", "headers": {"Authorization": "Bearer {{token}}"}}},
    ]
    outcome, asked = await asking(handler, {"steps": steps})
    assert asked[1].headers["authorization"] == "Bearer s3cr3t-t0k3n-value"
    assert outcome.verdict is Verdict.FAIL and "s3cr3t" not in str(to_json(outcome))


async def test_cookies_go_to_later_steps_until_they_are_deleted_and_to_their_path_only() -> None:
    def handler(asked: Asked) -> Reply:
        given = {
            "/login": (("Set-Cookie", "sid=1; Path=/; HttpOnly"), ("Set-Cookie", "admin=2; Path=/admin")),
            "/logout": (("Set-Cookie", "sid=; Max-Age=0; Path=/"),),
        }
        return Reply(200, b"", given.get(asked.path, ()))

    steps = [{"request": {"path": path}} for path in ("/login", "/a", "/admin/b", "/logout", "/c")]
    outcome, asked = await asking(handler, {"steps": steps})
    assert outcome.verdict is Verdict.PASS, outcome.sentence
    sent = [one.headers.get("cookie", "") for one in asked]
    assert sent[:2] == ["", "sid=1"] and set(sent[2].split("; ")) == {"sid=1", "admin=2"} and sent[4] == ""
    _, without = await asking(handler, {"steps": steps, "cookies": False})
    assert [one.headers.get("cookie") for one in without] == [None] * 5


async def test_a_cookie_never_goes_to_another_origin() -> None:
    async with Loopback(lambda asked: Reply(200)).running() as other:
        steps = [{"request": {"path": "/a"}}, {"request": {"path": f"{other.url}/b"}}, {"request": {"path": "/c"}}]

        def handler(asked: Asked) -> Reply:
            return Reply(200, b"", (("Set-Cookie", "sid=1"),))

        outcome, mine = await asking(handler, {"steps": steps})
        assert outcome.verdict is Verdict.PASS, outcome.sentence
        assert "cookie" not in other.asked[0].headers and mine[1].headers["cookie"] == "sid=1"


class Flaky:
    def __init__(self, failures: int, reply: Reply) -> None:
        self.left, self.reply = failures, reply

    def __call__(self, asked: Asked) -> Reply:
        self.left -= 1
        return self.reply if self.left >= 0 else Reply(200)


async def test_what_may_come_a_moment_later_is_waited_for_and_passes() -> None:
    answers = iter([Reply(404), as_json({"state": "queued"}), as_json({"state": "done"})])
    options = {"request": {"path": "/job"}, "expect": {"json": {"$.state": "done"}}, "within": "20s"}
    outcome, asked = await asking(lambda _: next(answers), options)
    assert (outcome.verdict, len(asked)) == (Verdict.PASS, 3), outcome.sentence


async def test_what_does_not_come_in_time_fails_and_says_how_long_it_was_waited_for() -> None:
    options = {"request": {"path": "/job"}, "expect": {"json": {"$.state": "done"}}, "within": "150ms"}
    outcome, _ = await asking(lambda _: as_json({"state": "queued"}), options)
    assert outcome.verdict is Verdict.FAIL, outcome.sentence
    assert ", also after 0.15 s of asking" in outcome.sentence


@pytest.mark.parametrize("failure", [Reply(503), Reply(hang_up=True)], ids=["503", "hang up"])
async def test_a_pass_on_a_retry_is_degraded_and_called_flaky(failure: Reply) -> None:
    options = {"request": {"path": "/x"}, "retry": {"times": 2, "pause": "1ms"}}
    outcome, asked = await asking(Flaky(2, failure), options)
    assert outcome.verdict is Verdict.DEGRADED and len(asked) == 3
    assert outcome.sentence.startswith("the request is flaky: it passed on attempt 3 only; the first time ")
    failed, asked = await asking(Flaky(3, failure), options)
    assert failed.verdict is Verdict.FAIL and len(asked) == 3


async def test_nothing_is_tried_again_unless_the_scenario_asks() -> None:
    outcome, asked = await asking(Flaky(1, Reply(503)), {"request": {"path": "/x"}})
    assert outcome.verdict is Verdict.FAIL and len(asked) == 1


class Shop:
    """Makes things that can be deleted; `bug` decides what goes wrong."""

    def __init__(self, bug: str = "") -> None:
        self.things: set[str] = set()
        self.bug = bug

    def __call__(self, asked: Asked) -> Reply:
        if asked.method == "POST":
            if self.bug == "refused":
                return Reply(422)
            self.things.add("t1")
            return Reply(hang_up=True) if self.bug == "hang up" else as_json({"id": "t1"}, 201)
        if asked.method == "DELETE" and self.bug != "stuck":
            self.things.discard(asked.path.rpartition("/")[2])
            return Reply(204)
        return Reply(500)


MAKE = {"name": "make", "request": {"method": "POST", "path": "/things"}, "capture": {"id": {"json": "$.id"}}}
UNDO = [{"name": "delete", "request": {"method": "DELETE", "path": "/things/{{id}}"}}]


async def test_undo_runs_though_a_later_step_fails() -> None:
    shop = Shop()
    options = {"steps": [MAKE, {"name": "look", "request": {"path": "/nope"}}], "undo": UNDO}
    outcome, _ = await asking(shop, options, allow=["write"])
    assert outcome.verdict is Verdict.FAIL and outcome.sentence.startswith("look: GET /nope answered 500")
    assert shop.things == set() and outcome.undo_failures == ()


async def test_an_undo_that_fails_is_told() -> None:
    outcome, _ = await asking(Shop("stuck"), {"steps": [MAKE], "undo": UNDO}, allow=["write"])
    assert outcome.verdict is Verdict.ERROR and "delete: DELETE /things/t1 answered 500" in outcome.undo_failures[0]


async def test_what_may_have_been_made_and_cannot_be_named_is_told() -> None:
    outcome, _ = await asking(Shop("hang up"), {"steps": [MAKE], "undo": UNDO}, allow=["write"])
    assert "so what 'make' wrote may still be there" in outcome.undo_failures[0]


async def test_what_was_refused_needs_no_undo() -> None:
    outcome, asked = await asking(Shop("refused"), {"steps": [MAKE], "undo": UNDO}, allow=["write"])
    assert outcome.verdict is Verdict.FAIL and outcome.undo_failures == () and len(asked) == 1


async def test_undo_runs_when_the_deadline_cuts_the_scenario() -> None:
    shop = Shop()

    async with Loopback(shop).running() as server:
        steps = [MAKE, {"name": "wait", "request": {"path": "/nope"}, "retry": {"times": 100, "pause": "1h"}}]
        outcome = await outcome_of(http(steps=steps, undo=UNDO), server.url, deadline_s=0.3, allow=["write"])
    assert outcome.verdict is Verdict.INCONCLUSIVE and shop.things == set()


@pytest.mark.parametrize(
    ("options", "needs"),
    [
        ({"request": {"method": "POST"}}, set()),
        ({"request": {"method": "POST"}, "writes": True}, {Grant.WRITE}),
        ({"request": {"method": "delete"}}, {Grant.WRITE}),
        ({"request": {"method": "PUT"}, "writes": False}, set()),
        ({"request": {"method": "POST"}, "undo": [{"request": {"method": "POST"}}]}, {Grant.WRITE}),
    ],
    ids=str,
)
def test_writing_needs_the_grant(options: dict[str, Any], needs: set[Grant]) -> None:
    assert http(**options).needs() == needs


async def test_without_the_grant_nothing_is_sent() -> None:
    outcome, asked = await asking(lambda asked: Reply(200), {"request": {"method": "POST"}, "writes": True})
    assert outcome.verdict is Verdict.SKIPPED and asked == []


def test_the_names_of_captures_are_known_before_the_run() -> None:
    assert http(steps=[MAKE]).variables() == {"id"}


@pytest.mark.parametrize(
    ("options", "trouble"),
    [
        ({}, "give 'request', or 'steps'"),
        ({"steps": []}, "give 'request', or 'steps'"),
        ({"request": {}, "steps": [MAKE]}, "either 'steps' or 'request'"),
        ({"expect": {"status": 200}, "steps": [MAKE]}, "either 'steps' or 'expect'"),
        ({"steps": [MAKE, MAKE]}, "two steps are named 'make'"),
        ({"request": {}, "capture": {"a-b": {"json": "$.x"}}}, "a-b"),
        ({"request": {}, "capture": {"a": {}}}, "exactly one of 'json', 'header', 'regex' and 'cookie'"),
        ({"request": {}, "capture": {"a": {"json": "$.x", "header": "y"}}}, "exactly one of"),
        ({"request": {}, "capture": {"a": {"json": "$.["}}}, "not a JSONPath"),
        ({"request": {}, "capture": {"a": {"regex": "(a"}}}, "not a regular expression"),
        ({"request": {}, "capture": {"a": {"regex": "(?=a)"}}}, "not a regular expression"),
        ({"request": {}, "retry": {"times": 0}}, "greater than 0"),
        ({"request": {}, "retry": {}, "within": "1s"}, "give either 'within' or 'retry'"),
        ({"steps": [{"request": {"method": "POST"}, "within": "1s"}]}, "'within' asks again and again, and POST may write"),
    ],
    ids=str,
)
def test_options_that_cannot_be_meant_are_refused(options: dict[str, Any], trouble: str) -> None:
    with pytest.raises(ValidationError, match=trouble.replace("(", r"\(")):
        http(**options)

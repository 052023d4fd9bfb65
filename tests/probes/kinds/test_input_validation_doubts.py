"""This file is for targets that seem to validate and do not: what `input_validation` says of them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import pytest

from probes.markup import became
from probes.outcome import Verdict
from tests.probes.kinds.loopback import Asked, Reply, as_json
from tests.probes.kinds.test_input_validation import Desk, ask_about, one, told

pytestmark = pytest.mark.anyio

KNOWN_WORDS = re.compile(rb"(?i)script|onerror|onload|onfocus|union|select|1'='1|\.\./|%0d|\{\{|\$\{|<%")


async def test_a_firewall_for_known_words_before_a_form_that_takes_everything_is_not_enough() -> None:
    def serve(asked: Asked) -> Reply:
        return Reply(403) if KNOWN_WORDS.search(asked.body) else as_json({}, 201)

    outcome = await ask_about(serve, error_form={}, **one(kinds=["script"]))
    assert outcome.verdict is Verdict.FAIL, told(outcome)
    assert "accepted a tag that no browser knows" in told(outcome)


@pytest.mark.parametrize("kind", ["application/rss+xml", "application/vnd.office+xml", "text/xsl"])
async def test_markup_comes_back_in_every_type_that_a_browser_renders(kind: str) -> None:
    def serve(asked: Asked) -> Reply:
        value = json.loads(asked.body)["args"].get("service", "") if b"args" in asked.body else ""
        if "svg" in str(value):
            return Reply(422, f"<feed>{value}</feed>".encode(), (("Content-Type", kind),))
        return as_json({}, 201 if value == "Haircut" else 422)

    outcome = await ask_about(_safely(serve), error_form={}, **one(kinds=["script"]))
    assert outcome.verdict is Verdict.FAIL
    assert f"back unescaped in an answer of the type {kind}, where it became" in told(outcome)


async def test_a_page_in_turkish_hides_no_markup() -> None:
    """The small form of the dotted capital I is two signs long, so that places in it are others."""

    def serve(asked: Asked) -> Reply:
        value = json.loads(asked.body)["args"].get("service", "")
        if "svg" in str(value):
            page = f"<p>{'İ' * 60}</p><title>Randevu</title>{value}"
            return Reply(422, page.encode(), (("Content-Type", "text/html; charset=utf-8"),))
        return as_json({}, 201 if value == "Haircut" else 422)

    outcome = await ask_about(_safely(serve), error_form={}, **one(kinds=["script"]))
    assert outcome.verdict is Verdict.FAIL and "unescaped in an HTML answer" in told(outcome)


async def test_closing_on_a_value_that_is_a_little_too_long_is_no_refusal() -> None:
    def serve(asked: Asked) -> Reply:
        return as_json({}, 201) if asked.body.count(b"a") < 50 else Reply(hang_up=True)

    outcome = await ask_about(serve, error_form={}, **one(kinds=["oversized"]))
    assert outcome.verdict is Verdict.FAIL
    assert "one sign more than its 60 in the field $.args.service left the target without an answer" in told(outcome)


async def test_families_that_do_not_fit_into_a_short_field_are_not_said_to_be_refused() -> None:
    outcome = await ask_about(Desk(), fields=[{"at": "$.args.service", "max_length": 9, "kinds": ["script", "wrong_type"]}])
    assert not any("refuses script injection" in made.name for made in outcome.checks)
    say = "no payload of script injection was sent: none fits into the field's 9 signs, or can be said at this place"
    assert say in [made.say for made in outcome.checks if made.verdict is Verdict.SKIPPED]


def _safely(serve: Callable[[Asked], Reply]) -> Callable[[Asked], Reply]:
    def safe(asked: Asked) -> Reply:
        try:
            return serve(asked)
        except (ValueError, LookupError, TypeError, AttributeError):
            return as_json({}, 422)

    return safe


async def test_a_stack_trace_is_seen_on_values_that_are_no_text() -> None:
    def serve(asked: Asked) -> Reply:
        value = json.loads(asked.body)["args"].get("service", "")
        if not isinstance(value, str):
            return as_json({"message": 'File "/srv/app/x.py", line 3, in f'}, 422)
        return as_json({}, 201 if value == "Haircut" else 422)

    outcome = await ask_about(_safely(serve), error_form={}, **one(kinds=["wrong_type"]))
    assert outcome.verdict is Verdict.FAIL and "shows a stack trace" in told(outcome)


@pytest.mark.parametrize(
    ("page", "what"),
    [
        ('<iframe srcdoc="<img src=x onerror=vab1c001()>">', "a page in a frame"),
        ('<iframe srcdoc="<p title=vab1c001>">', ""),
        ('<iframe srcdoc="<script>other()</script><p>vab1c001">', ""),
    ],
    ids=["handler", "title", "text beside a script"],
)
def test_a_page_in_a_frame_is_looked_at_as_a_page(page: str, what: str) -> None:
    assert became(page, "vab1c001") == what

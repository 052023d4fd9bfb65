"""This file is for the kind `rate_limit`: a sound limiter passes, and each broken one is caught by its cause."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import Any

import pytest
from pydantic import ValidationError

from probes.kinds.rate_limit import Escape, RateLimit
from probes.outcome import Outcome, Verdict
from tests.probes.kinds.serving import Call, Said, outcome_of, serving

pytestmark = pytest.mark.anyio

OPTIONS: dict[str, Any] = {
    "request": {"method": "POST", "path": "/hook", "json": {"call_id": "{{identity}}"}},
    "limit": 10,
    "tolerance": 0,
    "window": "60s",
}


@dataclass
class Limiter:
    """A limiter of 10 requests per caller and window, sound but for what a test changes."""

    limit: int = 10
    key: Callable[[Call], str] = lambda call: call.data["call_id"].strip().lower()
    refusal: int = 429
    retry_after: Callable[[], str | None] = lambda: "60"
    fields: Callable[[int, int], dict[str, str]] = lambda limit, left: {}
    answer: Callable[[Call, int], Said | None] = lambda call, count: None
    seen: Counter[str] = field(default_factory=Counter)

    async def serve(self, call: Call) -> Said:
        key = self.key(call)
        self.seen[key] += 1
        odd = self.answer(call, self.seen[key])
        if odd is not None:
            return odd
        left = self.limit - self.seen[key]
        extra = tuple(self.fields(self.limit, max(left, 0)).items())
        if left >= 0:
            return Said({"ok": True}, 200, extra)
        wait = self.retry_after()
        return Said({"error": "too many"}, self.refusal, extra if wait is None else (("Retry-After", wait), *extra))


async def ask_about(limiter: Limiter, **options: Any) -> Outcome:
    async with serving(limiter.serve) as url:
        return await outcome_of(RateLimit.model_validate({**OPTIONS, **options}), url)


def both(limit: int, left: int) -> dict[str, str]:
    return {"X-RateLimit-Limit": str(limit), "X-RateLimit-Remaining": str(left)}


async def test_a_sound_limiter_passes() -> None:
    outcome = await ask_about(Limiter())
    assert (outcome.verdict, [c.say for c in outcome.checks if c.verdict is Verdict.FAIL]) == (Verdict.PASS, [])
    assert [c.name for c in outcome.controls] == [
        "the caller's first request was served",
        "the first caller was blocked while the other one was tried",
    ]


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param(both, id="x-ratelimit"),
        pytest.param(lambda limit, left: both(limit, left) | {"X-RateLimit-Reset": "60"}, id="with reset in seconds"),
        pytest.param(lambda limit, left: both(limit, left) | {"X-RateLimit-Reset": str(int(time.time()) + 60)}, id="reset at"),
        pytest.param(lambda limit, left: {"RateLimit": f"limit={limit}, remaining={left}, reset=60"}, id="draft 7"),
        pytest.param(
            lambda limit, left: {"RateLimit": f'"d";r={left};t=60', "RateLimit-Policy": f'"d";q={limit};w=60'}, id="draft 10"
        ),
        pytest.param(lambda limit, left: both(limit, min(left + 1, limit) if left else 0), id="counted before the request"),
    ],
)
async def test_sound_limit_fields_pass_when_they_are_wanted(fields: Callable[[int, int], dict[str, str]]) -> None:
    outcome = await ask_about(Limiter(fields=fields), limit_headers="on")
    assert outcome.verdict is Verdict.PASS, outcome.sentence
    assert any(c.name == "the remaining field falls with the requests" for c in outcome.checks)


@pytest.mark.parametrize(
    "wait", [lambda: "1", lambda: "60", lambda: formatdate(time.time() + 50, usegmt=True)], ids=["1 s", "60 s", "a date"]
)
async def test_a_sane_time_to_come_back_passes(wait: Callable[[], str]) -> None:
    outcome = await ask_about(Limiter(retry_after=wait))
    assert outcome.verdict is Verdict.PASS, outcome.sentence


async def test_a_date_counts_from_the_targets_own_clock() -> None:
    then = 1_700_000_000

    def old_clock(call: Call, count: int) -> Said | None:
        refused = (("Date", formatdate(then, usegmt=True)), ("Retry-After", formatdate(then + 30, usegmt=True)))
        return Said({}, 429, refused) if count > 10 else None

    outcome = await ask_about(Limiter(answer=old_clock))
    assert outcome.verdict is Verdict.PASS, outcome.sentence


async def test_all_requests_of_one_caller_bear_one_identity_that_is_fresh_in_each_run() -> None:
    limiter = Limiter()
    await ask_about(limiter)
    await ask_about(limiter)
    noisy = [key for key in limiter.seen if key.endswith("-noisy")]
    assert len(noisy) == 2 and all(limiter.seen[key] >= 20 for key in noisy)


BROKEN: list[Any] = [
    pytest.param(Limiter(limit=10**6), "20 requests of one caller were all served; the limit of 10 does not hold", id="absent"),
    pytest.param(Limiter(limit=13), "13 of 20 requests of one caller were served; the limit of 10", id="too high"),
    pytest.param(Limiter(limit=4), "legitimate traffic is blocked: only 4 of 10 were served", id="too low"),
    pytest.param(
        Limiter(key=lambda call: "all"),
        "another caller was refused while the first one was blocked: the limit is not kept per caller",
        id="global",
    ),
    pytest.param(
        Limiter(key=lambda call: call.peer),
        "another caller was refused while the first one was blocked: the limit is not kept per caller",
        id="by address",
    ),
    pytest.param(
        Limiter(answer=lambda call, count: Said({}, 500) if count > 10 else None),
        "10 of 20 requests were answered HTTP 500",
        id="500 beyond the limit",
    ),
    pytest.param(
        Limiter(answer=lambda call, count: Said({}, 503) if count == 7 else None),
        "1 of 20 requests was answered HTTP 503",
        id="one 503 within the limit",
    ),
    pytest.param(
        Limiter(refusal=403), "10 of 20 requests were answered HTTP 403, neither served nor refused with 429", id="403 for 429"
    ),
    pytest.param(Limiter(retry_after=lambda: None), "10 of 10 refusals have no 'Retry-After'", id="no Retry-After"),
    pytest.param(Limiter(retry_after=lambda: "soon"), "'Retry-After: soon' is not whole seconds", id="nonsense"),
    pytest.param(Limiter(retry_after=lambda: "-5"), "'Retry-After: -5' is not", id="negative"),
    pytest.param(Limiter(retry_after=lambda: "1.5"), "'Retry-After: 1.5' is not", id="a fraction"),
    pytest.param(Limiter(retry_after=lambda: "0"), "'Retry-After: 0' is not", id="zero"),
    pytest.param(Limiter(retry_after=lambda: "86400"), "'Retry-After: 86400' is not", id="longer than the window"),
    pytest.param(Limiter(retry_after=lambda: formatdate(1, usegmt=True)), "1970 00:00:01 GMT' is not", id="in the past"),
    pytest.param(Limiter(key=lambda call: call.data["call_id"].strip()), "escaped by writing its id in another case", id="case"),
    pytest.param(Limiter(key=lambda call: call.data["call_id"].lower()), "escaped by a space after its id", id="space"),
    pytest.param(
        Limiter(key=lambda call: call.headers.get("x-forwarded-for", "") + call.data["call_id"].strip().lower()),
        "escaped by a spoofed X-Forwarded-For",
        id="forwarded for",
    ),
    pytest.param(Limiter(fields=lambda limit, left: both(50, left)), "-Limit: 50' is not the limit", id="limit field"),
    pytest.param(Limiter(fields=lambda limit, left: both(limit, 10)), "the remaining field does not fall", id="remaining fixed"),
    pytest.param(Limiter(fields=lambda limit, left: both(limit, -1)), "'X-RateLimit-Remaining: -1' is not", id="remaining odd"),
    pytest.param(
        Limiter(fields=lambda limit, left: both(limit, left or 3)),
        "a refusal says that 3 requests remain",
        id="refused with some",
    ),
    pytest.param(
        Limiter(fields=lambda limit, left: both(limit, left) | {"X-RateLimit-Reset": "7"}), "say different times", id="reset"
    ),
]


@pytest.mark.parametrize(("limiter", "sentence"), BROKEN)
async def test_a_broken_limiter_fails_by_its_cause(limiter: Limiter, sentence: str) -> None:
    outcome = await ask_about(limiter)
    assert (outcome.verdict, sentence in outcome.sentence) == (Verdict.FAIL, True), outcome.sentence


async def test_missing_limit_fields_fail_only_when_they_are_wanted() -> None:
    outcome = await ask_about(Limiter(), limit_headers="on")
    assert outcome.verdict is Verdict.FAIL and "no answer has limit fields" in outcome.sentence
    assert (await ask_about(Limiter(fields=lambda limit, left: both(9, 9)), limit_headers="off")).verdict is Verdict.PASS


async def test_limit_fields_that_only_some_answers_have_fail_when_they_are_wanted() -> None:
    only_when_served = Limiter(fields=lambda limit, left: both(limit, left) if left else {})
    outcome = await ask_about(only_when_served, limit_headers="on")
    assert outcome.verdict is Verdict.FAIL and "11 answers have no limit fields while others do" in outcome.sentence


async def test_a_limiter_that_forgets_its_refusals_before_their_time_fails() -> None:
    """It refuses only what comes in the burst, as one that counts requests in flight would."""
    limiter = Limiter(answer=lambda call, count: Said({"ok": True}) if count > 20 else None)
    outcome = await ask_about(limiter)
    assert outcome.verdict is Verdict.FAIL
    assert "served again before the time that 'Retry-After' gave" in outcome.sentence


async def test_without_a_time_to_come_back_a_caller_that_is_no_longer_blocked_proves_nothing() -> None:
    limiter = Limiter(answer=lambda call, count: Said({"ok": True}) if count > 20 else None)
    outcome = await ask_about(limiter, retry_after_header=None)
    assert outcome.verdict is Verdict.INCONCLUSIVE
    assert "no longer blocked when another one was tried" in outcome.sentence


async def test_escapes_are_not_judged_when_the_caller_was_not_blocked_all_the_while() -> None:
    limiter = Limiter(answer=lambda call, count: Said({"ok": True}) if count > 21 else None)
    outcome = await ask_about(limiter, retry_after_header=None)
    assert outcome.verdict is Verdict.INCONCLUSIVE
    assert {c.verdict for c in outcome.checks if "escaped" in c.name} == {Verdict.SKIPPED}


@pytest.mark.parametrize("status", [401, 404, 422])
async def test_a_target_that_serves_nobody_is_inconclusive(status: int) -> None:
    outcome = await ask_about(Limiter(answer=lambda call, count: Said({}, status)))
    assert outcome.verdict is Verdict.INCONCLUSIVE
    assert f"first request was answered HTTP {status}, so the limit could not be tried" in outcome.sentence


async def test_a_target_that_always_refuses_fails() -> None:
    outcome = await ask_about(Limiter(answer=lambda call, count: Said({}, 429, (("Retry-After", "60"),))))
    assert outcome.verdict is Verdict.FAIL
    assert "a caller that was never seen before was refused with 429 at its first request" in outcome.sentence


async def test_a_target_that_always_breaks_fails() -> None:
    outcome = await ask_about(Limiter(answer=lambda call, count: Said({}, 500)))
    assert outcome.verdict is Verdict.FAIL and "HTTP 500" in outcome.sentence


async def test_a_window_that_began_anew_in_the_first_burst_is_no_failure() -> None:
    """A limiter aligned to the clock serves twice the limit over a boundary; a second caller meets no boundary."""
    rolled = False

    def roll(call: Call, count: int) -> Said | None:
        nonlocal rolled
        if count == 6 and not rolled:
            rolled = True
            limiter.seen[limiter.key(call)] = 1
        return None

    limiter = Limiter(answer=roll)
    outcome = await ask_about(limiter, send=12)
    assert rolled and outcome.verdict is Verdict.PASS, outcome.sentence


async def test_a_burst_that_takes_longer_than_the_window_is_inconclusive() -> None:
    outcome = await ask_about(Limiter(limit=10**6), window="1ms")
    assert outcome.verdict is Verdict.INCONCLUSIVE
    assert "the window is 0.001 s, so it may have begun anew" in outcome.sentence


async def test_a_few_more_or_less_are_tolerated_where_the_scenario_says_so() -> None:
    for limit in (8, 12):
        outcome = await ask_about(Limiter(limit=limit), tolerance=2, limit_headers="off")
        assert outcome.verdict is Verdict.PASS, outcome.sentence
    for limit in (7, 13):
        assert (await ask_about(Limiter(limit=limit), tolerance=2)).verdict is Verdict.FAIL


async def test_a_request_without_an_answer_fails() -> None:
    def cut(call: Call, count: int) -> Said | None:
        if count == 5:
            raise ConnectionResetError
        return None

    outcome = await ask_about(Limiter(answer=cut))
    assert outcome.verdict is Verdict.FAIL and "1 of 20 requests got no answer" in outcome.sentence


async def test_the_caller_must_be_served_again_after_the_window_where_that_is_asked() -> None:
    asked_while_blocked = 25  # 20 at once, then 5 with the disguises
    limiter = Limiter(answer=lambda call, count: Said({"ok": True}) if count > asked_while_blocked else None)
    outcome = await ask_about(limiter, recover_after="1ms")
    assert outcome.verdict is Verdict.PASS, outcome.sentence
    stuck = await ask_about(Limiter(), recover_after="1ms")
    assert stuck.verdict is Verdict.FAIL and "still answered HTTP 429, 0.001 s after its last refusal" in stuck.sentence


async def test_spreading_over_connections_can_be_asked_for() -> None:
    assert (await ask_about(Limiter(), escapes=["connections"])).verdict is Verdict.PASS
    leaky = Limiter(answer=lambda call, count: Said({"ok": True}) if 22 < count < 25 else None)
    outcome = await ask_about(leaky, escapes=["connections"])
    assert outcome.verdict is Verdict.FAIL and "escaped by spreading over connections" in outcome.sentence


async def test_without_the_grant_nothing_is_sent() -> None:
    limiter = Limiter()
    async with serving(limiter.serve) as url:
        outcome = await outcome_of(RateLimit.model_validate(OPTIONS), url, allow=[])
    assert outcome.verdict is Verdict.SKIPPED and not limiter.seen


def test_case_and_white_space_are_tried_only_where_they_are_ours_to_change() -> None:
    in_body = RateLimit.model_validate(OPTIONS)
    in_header = RateLimit.model_validate({**OPTIONS, "request": {"headers": {"X-Key": "{{identity}}"}}})
    assert in_body._escapes == (Escape.FORWARDED_FOR, Escape.CASE, Escape.WHITESPACE)
    assert in_header._escapes == (Escape.FORWARDED_FOR,)


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        pytest.param({"request": {"path": "/x"}}, "should hold {{identity}}", id="no identity"),
        pytest.param({"identity": "caller-{{caller}}"}, "should hold {{nonce}} and {{caller}}", id="not fresh"),
        pytest.param({"identity": "caller-{{nonce}}"}, "should hold {{nonce}} and {{caller}}", id="one for all"),
        pytest.param({"send": 10}, "at least limit + tolerance + 1 = 11", id="too few"),
        pytest.param({"limit": 0}, "greater than 0", id="no limit"),
    ],
)
def test_options_that_could_prove_nothing_are_refused(wrong: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValidationError) as caught:
        RateLimit.model_validate({**OPTIONS, **wrong})
    assert sentence in str(caught.value)

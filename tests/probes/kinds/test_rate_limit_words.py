"""This file is for limiters that hold but say what is not true, and for sound ones of less usual make."""

from __future__ import annotations

import time
from typing import Any

import pytest

from probes.outcome import Verdict
from tests.probes.kinds.serving import Call, Said
from tests.probes.kinds.test_rate_limit import Limiter, ask_about, both

pytestmark = pytest.mark.anyio


async def test_an_instant_in_retry_after_fails_even_where_it_would_fit_the_window() -> None:
    outcome = await ask_about(Limiter(retry_after=lambda: str(int(time.time()) + 30)))
    assert outcome.verdict is Verdict.FAIL and "'Retry-After: 1" in outcome.sentence, outcome.sentence


async def test_an_instant_is_right_in_a_header_of_the_targets_own() -> None:
    def fields(limit: int, left: int) -> dict[str, str]:
        return {"X-Reset-At": str(int(time.time()) + 30)}

    outcome = await ask_about(Limiter(fields=fields), retry_after_header="X-Reset-At")
    assert outcome.verdict is Verdict.PASS, outcome.sentence


@pytest.mark.parametrize("wait", ["999999999999999", "Mon, 01 Jan 2026 00:00:00 +99999999999999999999"])
async def test_a_time_beyond_all_calendars_is_the_targets_fault_and_not_ours(wait: str) -> None:
    outcome = await ask_about(Limiter(retry_after=lambda: wait))
    assert outcome.verdict is Verdict.FAIL and f"'Retry-After: {wait}' is not" in outcome.sentence, outcome.sentence


async def test_a_remaining_field_that_is_0_from_the_first_answer_on_fails() -> None:
    outcome = await ask_about(Limiter(fields=lambda limit, left: both(limit, 0)))
    assert outcome.verdict is Verdict.FAIL and "says that 0 requests remain" in outcome.sentence, outcome.sentence


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        pytest.param({"X-RateLimit-Remaining": "{left}"}, "the limit field states the limit", id="no limit"),
        pytest.param({"X-RateLimit-Limit": "10"}, "the remaining field falls with the requests", id="no remaining"),
    ],
)
async def test_a_field_that_no_answer_has_is_not_said_to_be_right(fields: dict[str, str], name: str) -> None:
    def said(limit: int, left: int) -> dict[str, str]:
        return {key: value.format(left=left) for key, value in fields.items()}

    seen = {c.name: c.verdict for c in (await ask_about(Limiter(fields=said))).checks}
    assert seen[name] is Verdict.SKIPPED
    wanted = await ask_about(Limiter(fields=said), limit_headers="on")
    assert wanted.verdict is Verdict.FAIL, wanted.sentence


class Bucket(Limiter):
    """Gives the caller one more request at the `refills`-th after its first refusal, as a token bucket does."""

    refills: tuple[int, ...] = ()

    async def serve(self, call: Call) -> Said:
        key = self.key(call)
        if "noisy" in key and self.seen[key] >= self.limit:
            self.refused = getattr(self, "refused", 0) + 1
            if self.refused in self.refills:
                return Said({"ok": True})
        return await super().serve(call)


@pytest.mark.parametrize(("refills", "verdict"), [((12,), Verdict.PASS), ((12, 13), Verdict.INCONCLUSIVE)])
async def test_a_bucket_that_refills_just_when_a_disguise_comes_is_not_escaped(refills: Any, verdict: Verdict) -> None:
    """Refusals 1 to 10 are of the burst, the next is the blocked caller's own, the twelfth the first disguise."""
    bucket = Bucket(retry_after=lambda: "1")
    bucket.refills = refills
    outcome = await ask_about(bucket)
    assert outcome.verdict is verdict, outcome.sentence

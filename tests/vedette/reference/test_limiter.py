"""The reference target's rate limit: fifty a call, however the call is written."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from tests.vedette.reference.conftest import Start
from vedette.reference.limiter import Limiter
from vedette.reference.server import Request
from vedette.reference.settings import Settings

pytestmark = pytest.mark.anyio
_REQUEST = Request("POST", "/", "", {}, b"", "127.0.0.1:1")


async def test_sixty_at_once_are_fifty_served_and_ten_refused(start: Start) -> None:
    async with start() as target:
        spellings = ["rate-1", " RATE-1", "Rate-1 "]
        answers = await asyncio.gather(*[target.call(spellings[n % 3], **{"X-Forwarded-For": f"192.0.2.{n}"}) for n in range(60)])
        bystander = await target.call("rate-2")
    assert Counter(a.status_code for a in answers) == {200: 50, 429: 10}
    assert bystander.status_code == 200
    refused = next(a for a in answers if a.status_code == 429)
    assert 1 <= int(refused.headers["retry-after"]) <= 60
    assert refused.headers["x-ratelimit-remaining"] == "0"


async def test_remaining_falls_with_each_request(start: Start) -> None:
    async with start(limit=3) as target:
        left = [(await target.call("a")).headers["x-ratelimit-remaining"] for _ in range(4)]
    assert left == ["2", "1", "0", "0"]


async def test_after_the_window_the_caller_is_served_again() -> None:
    now = 0.0
    limiter = Limiter(Settings(limit=1), frozenset(), lambda: now)
    assert (await limiter.admit("a", _REQUEST))[0] is None
    assert (await limiter.admit("a", _REQUEST))[0] is not None
    now = 60.0
    assert (await limiter.admit("a", _REQUEST))[0] is None

"""This file is for the signs of an answer that was kept: each is known, and none is seen where there is none."""

from __future__ import annotations

import pytest

from probes.staleness import came_from_cache, may_be_kept
from tests.probes.net.test_answer import answer


@pytest.mark.parametrize(
    ("header", "kept"),
    [
        (("Age", "12"), True),
        (("Age", "0"), False),
        (("X-Cache", "HIT, MISS"), True),
        (("X-Cache", "TCP_MEM_HIT from edge"), True),
        (("X-Cache", "Miss from cloudfront"), False),
        (("CF-Cache-Status", "HIT"), True),
        (("CF-Cache-Status", "DYNAMIC"), False),
        (("X-Cache", "white"), False),
    ],
)
def test_an_answer_out_of_a_cache_is_known_by_its_headers(header: tuple[str, str], kept: bool) -> None:
    assert bool(came_from_cache(answer(b"{}", header))) is kept


@pytest.mark.parametrize(
    ("headers", "kept"),
    [
        ((), False),
        ((("Cache-Control", "max-age=60"),), True),
        ((("Cache-Control", "no-cache, max-age=60"),), False),
        ((("Expires", "Thu, 01 Jan 2099 00:00:00 GMT"),), True),
        ((("Expires", "Thu, 01 Jan 2099 00:00:00 GMT"), ("Date", "Thu, 01 Jan 2099 00:00:00 GMT")), False),
        ((("Expires", "Thu, 01 Jan 2099 00:00:00 GMT"), ("Cache-Control", "no-store")), False),
        ((("Expires", "-1"),), False),
        ((("Expires", "Mon, 01 Jan 2026 00:00:00 +99999999999999999999"),), False),
    ],
)
def test_an_answer_that_caches_may_keep_is_known_by_its_headers(headers: tuple[tuple[str, str], ...], kept: bool) -> None:
    assert bool(may_be_kept(answer(b"{}", *headers))) is kept

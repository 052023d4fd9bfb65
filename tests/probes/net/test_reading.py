"""This file is for what an exchange leaves behind in memory: nothing, so that it does not grow with what targets send."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from probes.net.reading import Reading
from probes.request import RequestTemplate
from probes.session import TargetError
from tests.probes.badserver import answer, saying, serving
from tests.probes.sessions import session_at

pytestmark = pytest.mark.anyio

LIMIT = 1024 * 1024


@pytest.fixture(autouse=True)
def no_garbage_collection() -> Iterator[None]:
    """Bodies are big and few, so the collector, which counts objects, comes much too late for them."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def bodies_kept() -> int:
    """Return the bytes of bodies that readings still hold."""
    readings = [thing for thing in gc.get_objects() if isinstance(thing, Reading)]
    return sum(len(r._body.data) for r in readings if r._body) + sum(len(r._reply.body) for r in readings if r._reply)


async def test_a_body_is_gone_when_its_answer_is_dropped() -> None:
    async with serving(saying(answer(b"x" * LIMIT))) as server:
        got = await session_at(server.url).send(RequestTemplate())
    assert len(got.body) == LIMIT
    assert bodies_kept() == 0


async def test_a_body_that_is_too_long_is_gone_when_that_is_told() -> None:
    endless = b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * LIMIT * 2
    async with serving(saying(endless)) as server:
        with pytest.raises(TargetError, match="longer than 1 MiB"):
            await session_at(server.url).send(RequestTemplate())
    assert bodies_kept() == 0

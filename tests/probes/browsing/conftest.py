"""This file is for one browser that the tests of a module share: starting one takes a second, what a probe does in it a tenth."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from typing import Any

import pytest

from probes.browsing.artifacts import Artifacts, Keep
from probes.browsing.chromium import is_installed, launched
from probes.browsing.traffic import Traffic
from probes.browsing.walk import Walk
from probes.session import Session
from probes.target import Target
from tests.probes.browsing.shared import HOSTS, SUBJECT


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
async def chromium() -> AsyncIterator[Any]:
    """Yield a browser that finds the hosts of HOSTS only, None where there is none."""
    if not is_installed():
        yield None
        return
    pytest.importorskip("playwright")
    async with launched(HOSTS) as browser:
        yield browser


@pytest.fixture
def browsing(chromium: Any, require: Callable[[str, bool], None], monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Let probes use the shared browser instead of one of their own."""
    require("Chromium", chromium is not None)

    @contextlib.asynccontextmanager
    async def shared(addresses: Mapping[str, str], *, mark: str = "") -> AsyncIterator[Any]:
        try:
            yield chromium
        finally:
            for context in list(chromium.contexts):
                await context.close()

    monkeypatch.setattr("probes.browsing.visit.launched", shared)
    return chromium


@pytest.fixture
async def walking(browsing: Any) -> AsyncIterator[Callable[..., Awaitable[Walk]]]:
    """Yield a way to begin a walk in a tab of its own, without all that is done before and after a visit."""
    contexts, traffics = [], []

    async def begin(url: str, within_s: float) -> Walk:
        aim = Target.model_validate({"name": "loopback", "base_url": url, "private_networks": True})
        session = Session(target=aim, subject=SUBJECT, run_id="run-1")
        traffic = Traffic(url, {"127.0.0.1": "127.0.0.1"}, session.builder.build, 100, 1_000_000)
        contexts.append(context := await browsing.new_context())
        traffics.append(traffic)
        await traffic.watch(context)
        page = await context.new_page()
        await traffic.guard(page)
        return Walk(page, session, traffic, Artifacts(session, Keep.NEVER, traces=False), within_s, 2)

    yield begin
    for traffic in traffics:
        await traffic.close()
    for context in contexts:
        await context.close()

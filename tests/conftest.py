"""This file is for what all tests share: the async backend, and the rule for missing services."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator

import pytest
from hypothesis import settings

from probes.registry import KINDS, LEVERS, SOURCES

# Properties that do not say how often they are tried: a hundred times at a desk, less where the whole suite waits for them.
settings.register_profile("shared", parent=settings.default, max_examples=20)
if os.environ.get("CI"):
    settings.load_profile("shared")


@pytest.fixture(autouse=True)
def _same_plugins_after_each_test() -> Iterator[None]:
    """Forget the plug-ins that a test loaded, so that the next one sees only those of the house."""
    registries = (KINDS, SOURCES, LEVERS)
    before = [dict(registry._loaded) for registry in registries]
    yield
    for registry, loaded in zip(registries, before, strict=True):
        registry._loaded.clear()
        registry._loaded.update(loaded)  # type: ignore[arg-type]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def _skip_or_fail(reason: str) -> None:
    """Skip with the reason, or fail where CI says that everything must be there."""
    if os.environ.get("VEDETTE_REQUIRE_ALL") == "1":
        pytest.fail(f"VEDETTE_REQUIRE_ALL=1, but {reason}")
    pytest.skip(reason)


@pytest.fixture
def require() -> Callable[[str, bool], None]:
    """Return `require(what, there)`: go on where it is there, skip with the reason where not, fail under CI."""

    def check(what: str, there: bool) -> None:
        if not there:
            _skip_or_fail(f"{what} is not there")

    return check


@pytest.fixture
def redis_url(require: Callable[[str, bool], None]) -> str:
    """Return the address of a real Redis on loopback (VEDETTE_TEST_REDIS_URL changes it)."""
    url = os.environ.get("VEDETTE_TEST_REDIS_URL", "redis://127.0.0.1:6379/9")
    host, _, port = url.split("://")[1].split("/")[0].partition(":")
    try:
        socket.create_connection((host, int(port or 6379)), timeout=1).close()
        there = True
    except OSError:
        there = False
    require(f"a Redis server at {host}:{port or 6379}", there)
    return url


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Under VEDETTE_REQUIRE_ALL=1 let every skip fail, also one that did not come through `require`."""
    result = yield
    report = result.get_result()  # type: ignore[attr-defined]
    if report.skipped and os.environ.get("VEDETTE_REQUIRE_ALL") == "1":
        report.outcome = "failed"
        report.longrepr = f"VEDETTE_REQUIRE_ALL=1, but this test was skipped: {report.longrepr}"

"""This file is for a real browser before real pages: Chromium, a service on a socket, and axe-core where it was installed."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from scenarios.watch.events import Tick
from tests.vedette.service.conftest import empty_store, make_service, settings  # noqa: F401  # fixtures
from tests.vedette.service.living import serving_elsewhere, tell
from tests.vedette.service.paging import with_pages
from vedette.service.state import Service

QUIET = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update",
         "--disable-sync", "--disable-dev-shm-usage"]  # fmt: skip
AXE = Path(os.environ.get("VEDETTE_TEST_AXE", Path(__file__).parents[2] / ".axe/node_modules/axe-core/axe.min.js"))


@dataclass
class Site:
    """A service that can be looked at while things happen to it."""

    service: Service
    url: str
    loop: asyncio.AbstractEventLoop

    def happens(self, *ticks: Tick) -> None:
        """Let ticks be told where they are told in a real service: on its loop's thread."""

        async def told() -> None:
            tell(self.service, *ticks)

        asyncio.run_coroutine_threadsafe(told(), self.loop).result(10)


@dataclass
class Window:
    """A tab, with what it asked for and what it complained about."""

    tab: Any
    asked: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """Yield a headless Chromium, None where there is none. It lives for a module: its driver holds the thread's event loop."""
    path = next((p for name in ("chromium", "chromium-browser", "google-chrome") if (p := shutil.which(name))), None)
    if path is None:
        yield None
        return
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as play:
        browser = play.chromium.launch(executable_path=path, args=QUIET)
        yield browser
        browser.close()


@pytest.fixture
def look(chromium: Any, require: Callable[[str, bool], None]) -> Iterator[Callable[..., Window]]:
    """Yield a way to open tabs; `clock` lets a test turn the tab's clock, other keywords are those of `new_context`."""
    require("Chromium", chromium is not None)
    contexts = []

    def open_tab(url: str, *, clock: bool = False, **options: Any) -> Window:
        context = chromium.new_context(**{"viewport": {"width": 1280, "height": 900}, **options})
        context.set_default_timeout(10_000)
        contexts.append(context)
        window = Window(context.new_page())
        window.tab.on("request", lambda request: window.asked.append(request.url))
        window.tab.on("console", lambda message: window.complaints.append(message.text))
        window.tab.on("pageerror", lambda problem: window.complaints.append(str(problem)))
        if clock:
            window.tab.clock.install()
        window.tab.goto(url)
        return window

    yield open_tab
    for context in contexts:
        context.close()


@pytest.fixture
def open_site(make_service: Callable[..., Service]) -> Iterator[Callable[..., Site]]:  # noqa: F811
    """Yield a way to serve a service with every part that pages read, on a socket of its own."""
    from contextlib import ExitStack

    with ExitStack() as stack:

        def serve(*suites: Any, **settings: Any) -> Site:
            service = stack.enter_context(with_pages(make_service, *suites, settings={"port": 0, **settings}))
            url, loop = stack.enter_context(serving_elsewhere(service))
            return Site(service, url.rstrip("/"), loop)

        yield serve


@pytest.fixture
def axe(require: Callable[[str, bool], None]) -> str:
    """Return the accessibility engine's script. `npm install --prefix .axe axe-core` puts it where it is looked for."""
    require(f"axe-core (npm install --prefix .axe axe-core; looked for at {AXE})", AXE.is_file())
    return AXE.read_text(encoding="utf-8")

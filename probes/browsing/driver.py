"""This file is for Playwright's driver, the process between us and the browser: started, known by its id, and surely ended."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
from pathlib import Path
from typing import Any

from probes.browsing.processes import argument, family, kill_family

_POLITE_S = 3.0  # that the driver is given to end by itself
_AFTER_KILL_S = 2.0
_PROFILE = "playwright_chromiumdev_profile-"  # how the driver calls the folder of a browser that it starts


class NoBrowser(Exception):
    """There is no browser, or none that starts, on our side. The text is one sentence."""


class Driver:
    """Playwright, once. `start` before all else; `end` or `kill` afterwards, whatever happened."""

    def __init__(self) -> None:
        try:
            from playwright.async_api import async_playwright
        except ImportError as problem:
            raise NoBrowser("the kind 'browser' needs the extra 'browser': pip install 'vedette[browser]'") from problem
        self._manager: Any = async_playwright()
        self._starting: asyncio.Future[Any] | None = None

    async def start(self) -> Any:
        """Return Playwright's front. A cancellation meanwhile leaves no process behind once `kill` was called."""
        self._starting = asyncio.ensure_future(self._manager.start())
        return await asyncio.shield(self._starting)

    @property
    def pid(self) -> int | None:
        transport = self._transport()
        process = getattr(transport, "_proc", None)
        return process.pid if process is not None and process.returncode is None else None

    async def end(self) -> None:
        """Let it end politely, for a short time. What is left then is for `kill`."""
        with contextlib.suppress(Exception):  # whatever it says in going, it is going
            async with asyncio.timeout(_POLITE_S):
                await self._manager.__aexit__()

    def kill_browser(self) -> None:
        """Kill what the driver has started, and let the driver live, so that it tidies up. It never waits."""
        pid = self.pid
        if pid is not None:
            kill_family(pid, spare_head=True)

    def kill(self) -> None:
        """Kill the driver, the browser and all their children now, though the driver be only starting. It never waits."""
        if self._starting is not None and not self._starting.done():
            self._starting.add_done_callback(lambda started: None if started.cancelled() or started.exception() else self.kill())
            return
        pid = self.pid
        if pid is None:
            return
        self._forget()
        profiles = {argument(one, "user-data-dir") for one in family(pid)}
        kill_family(pid)
        for profile in profiles:
            if Path(profile).name.startswith(_PROFILE):
                shutil.rmtree(profile, ignore_errors=True)

    async def killed(self) -> None:
        """Wait briefly until what was killed is known to be gone."""
        if self._starting is not None:
            await asyncio.wait({self._starting}, timeout=_AFTER_KILL_S)
        gone = getattr(getattr(self._manager, "_client", None), "_close_promise", None)
        if gone is not None:
            await asyncio.wait({gone}, timeout=_AFTER_KILL_S)

    def _transport(self) -> Any:
        """Playwright does not show its process; where that changes, the tests of this file say so."""
        return getattr(getattr(self._manager, "_client", None), "_transport", None)

    def _forget(self) -> None:
        """Tell Playwright that the end is meant, so that it does not complain of it."""
        with contextlib.suppress(Exception):  # its pipe may be broken already
            self._transport().request_stop()

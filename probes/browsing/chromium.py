"""This file is for Chromium: which one is used, how it is started so that it goes nowhere it may not, and its certain end."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Mapping
from typing import Any

from probes.browsing.driver import Driver, NoBrowser
from probes.shorten import shorten

SETTING = "VEDETTE_CHROMIUM"
# The shell first: the same engine without the window's furniture, a quarter of the processor's time for a visit
_NAMES = ("chromium-headless-shell", "chrome-headless-shell", "chromium", "google-chrome", "chromium-browser",
          "google-chrome-stable", "msedge", "microsoft-edge")  # fmt: skip
_HEAP_MIB = 512  # of one page's script
_START_S = 20.0
_POLITE_S = 3.0
_LONGEST = 50  # a longer folder has no room for the browser's socket: 108 bytes in all, unix(7)
_TRIES, _PAUSE_S = 20, 0.05  # of removing a folder that a dying browser still writes into
_PASSED_ON = ("PATH", "LANG", "LC_ALL", "TZ")  # no token of ours
_QUIET = (
    "--disable-gpu",
    "--disable-quic",  # would go round the host rules' one address
    "--disable-background-networking",  # without it Chromium calls home
    "--disable-component-update",
    "--disable-sync",
    "--disable-breakpad",
    "--disable-dev-shm-usage",  # /dev/shm is 64 MB in most containers
    "--no-first-run",
    "--no-proxy-server",  # a proxy would resolve names for us
    "--webrtc-ip-handling-policy=disable_non_proxied_udp",
    "--force-webrtc-ip-handling-policy",
    f"--js-flags=--max-old-space-size={_HEAP_MIB}",
)
_INSTALL = (
    "install one, such as `apt-get install chromium-headless-shell` or `playwright install chromium`, "
    f"or name it by the variable {SETTING}"
)


def find_chromium(environ: Mapping[str, str] | None = None) -> str | None:
    """Return the path of the Chromium that is installed, None where only Playwright's own is left. Raises: NoBrowser."""
    environ = os.environ if environ is None else environ
    named = environ.get(SETTING, "")
    if named:
        path = shutil.which(named, path=environ.get("PATH"))
        if path is None:
            raise NoBrowser(f"the browser that {SETTING} names is no program that can be run: '{named}'")
        return path
    return next((path for name in _NAMES if (path := shutil.which(name, path=environ.get("PATH")))), None)


def is_installed() -> bool:
    """Say whether there is a browser of the machine's own; that of Playwright is found only by starting it."""
    try:
        return find_chromium() is not None
    except NoBrowser:
        return False


def host_rules(addresses: Mapping[str, str]) -> str:
    """Return the rules by which the browser finds the addresses that were judged, and no other, not even by number."""
    return ",".join([*(f"MAP {host} {_bracketed(address)}" for host, address in addresses.items()), "MAP * ~NOTFOUND"])


@contextlib.asynccontextmanager
async def launched(addresses: Mapping[str, str], *, mark: str = "") -> AsyncIterator[Any]:
    """Yield a browser of its own that can reach these hosts only, and end it at the end, by force where it must be.

    `mark` stands in the browser's environment. Raises: NoBrowser.
    """
    driver = Driver()
    home = tempfile.mkdtemp(prefix="vedette-browser-")
    whole = False
    try:
        browser = await _started(driver, addresses, home, mark)
        yield browser
        whole = True
    finally:
        try:
            if not whole:
                driver.kill_browser()
            await _ended(driver, browser if whole else None)
        finally:
            driver.kill()  # without waiting: a second cancellation may not leave anything running
            shutil.rmtree(home, ignore_errors=True)
        await driver.killed()
        await _removed(home)


async def _started(driver: Driver, addresses: Mapping[str, str], home: str, mark: str) -> Any:
    path = find_chromium()
    named = path or "Playwright's own Chromium"
    limit = asyncio.timeout(_START_S)
    try:
        async with limit:
            front = await driver.start()
            if path is None and not os.path.isfile(front.chromium.executable_path):  # noqa: ASYNC240  # a local look
                raise NoBrowser(f"there is no Chromium on this machine; {_INSTALL}")
            return await front.chromium.launch(**_options(path, addresses, home, mark))
    except TimeoutError as problem:
        if limit.expired():
            raise NoBrowser(f"the browser did not start within {_START_S:g} s ({named})") from problem
        raise
    except NoBrowser:
        raise
    except Exception as problem:  # Playwright's own errors, and those of a program that is none
        raise NoBrowser(f"the browser could not be started ({named}): {_reason(problem)}") from problem


def _options(path: str | None, addresses: Mapping[str, str], home: str, mark: str) -> dict[str, Any]:
    environ = {name: value for name in _PASSED_ON if (value := os.environ.get(name))}
    if len(home) <= _LONGEST:
        environ["TMPDIR"] = home
    return {
        "executable_path": path,
        "headless": True,
        "args": [*_QUIET, f"--host-resolver-rules={host_rules(addresses)}"],
        "chromium_sandbox": getattr(os, "geteuid", lambda: 1)() != 0,  # it cannot be had as root
        "env": {**environ, "HOME": home, "VEDETTE_BROWSER": mark},
        "handle_sigint": False,  # whoever is stopped here stops the browser himself
        "handle_sigterm": False,
        "handle_sighup": False,
        "downloads_path": home,
        "traces_dir": home,
        "timeout": (_START_S + 5) * 1000,
    }


async def _ended(driver: Driver, browser: Any | None) -> None:
    if browser is not None:
        with contextlib.suppress(Exception):  # a browser that is gone already cannot be closed
            async with asyncio.timeout(_POLITE_S):
                await browser.close()
    await driver.end()


async def _removed(folder: str) -> None:
    """Remove the folder for good: what is dying may have written into it once more."""
    for _ in range(_TRIES):
        shutil.rmtree(folder, ignore_errors=True)
        if not os.path.exists(folder):  # noqa: ASYNC240  # a local look
            return
        await asyncio.sleep(_PAUSE_S)


def _bracketed(address: str) -> str:
    return f"[{address}]" if ":" in address else address


def _reason(problem: Exception) -> str:
    """Return what the browser said last of all that is fatal, or first of all, or what Playwright says of it."""
    text = str(problem)
    said = [line.partition("[err]")[2].strip() for line in text.splitlines() if "[err]" in line]
    fatal = [line.partition("FATAL:")[2] for line in said if "FATAL:" in line]
    first = text.partition("\n")[0].removeprefix("BrowserType.launch: ")
    return shorten((fatal or said or [first])[0], 240)

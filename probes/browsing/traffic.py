"""This file is for what a page asks for: each request judged, marked where it goes to the target itself, and remembered."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import SplitResult, urlsplit

from probes.browsing.blame import in_words
from probes.net.building import Built
from probes.net.egress import NotSent
from probes.request import RequestTemplate

_KEPT = 50  # of each list
_SHOWN = 300  # characters of one line of the console
_POPUPS = 5
_ICON = "/favicon.ico"  # the browser asks for it, not the page
_OURS = frozenset({"host", "user-agent", "accept", "accept-encoding", "connection", "content-length"})  # the browser has its own
_INSIDE = frozenset({"data", "blob", "about"})  # schemes that ask nobody

_LINE = re.compile(r"://[^/\s]{1,255}(/[^\s?#():]{0,200}:\d{1,9}):\d")  # of a script, in a stack

Origin = tuple[str, str, int]


@dataclass(frozen=True, slots=True)
class Bad:
    """One request of the page to the target itself that came to nothing."""

    method: str
    path: str  # never the query
    what: str  # such as `answered 404`
    kind: str  # what the page wanted: document, script, stylesheet, image, fetch …


@dataclass(slots=True)
class Traffic:
    """What one browser asks for and says, over all its pages."""

    base_url: str
    hosts: Mapping[str, str]  # that may be asked, with the address of each
    build: Callable[[RequestTemplate], Built]
    limit: int  # requests
    max_bytes: int  # of all answers as they come over the wire
    refused: Counter[str] = field(default_factory=Counter)  # by host
    bad: list[Bad] = field(default_factory=list)
    console: list[str] = field(default_factory=list)  # everything that was written there
    errors: list[str] = field(default_factory=list)  # of scripts
    dialogs: list[str] = field(default_factory=list)
    sent: int = 0
    received: int = 0
    page_id: str = ""  # the correlation id of the last document of the target
    last_page: str = ""  # its address
    trouble: str = ""  # why no more is let through
    crashed: bool = False  # a tab has died
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _pages: int = 0

    @property
    def own(self) -> Origin:
        return origin(self.base_url)

    async def watch(self, context: Any) -> None:
        """See everything that happens in a context; call it before the first page."""
        # Playwright writes upon the owner of a bound method, hence the lambdas
        context.on("page", lambda page: self._guarded(page))
        context.on("request", lambda request: self._count())
        context.on("response", lambda response: self._answered(response))
        context.on("requestfailed", lambda request: self._failed(request))
        context.on("console", lambda message: self._written(message))
        context.on("weberror", lambda problem: self._raised(problem.error))
        context.on("dialog", lambda dialog: self._asked(dialog))

    async def guard(self, page: Any) -> None:
        """Let nothing of the page out that was not judged. Raises: Playwright's errors where the page is gone."""
        page.on("crash", lambda page: self._crash(page))
        talk = await page.context.new_cdp_session(page)
        talk.on("Fetch.requestPaused", lambda event: self._own(self._paused(talk, event)))
        talk.on("Network.dataReceived", lambda event: self._received(page, int(event.get("encodedDataLength", 0))))
        await talk.send("Network.enable")
        await talk.send("Fetch.enable", {"patterns": [{"urlPattern": "*"}]})

    async def close(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def permits(self, url: str) -> bool:
        """Say whether an address may be asked, by its scheme and its host; the host's address was judged before."""
        parts = urlsplit(url)
        return parts.scheme in _INSIDE or (parts.scheme in ("http", "https", "ws", "wss") and _host(parts) in self.hosts)

    def is_own(self, url: str) -> bool:
        return origin(url) == self.own

    def below(self, url: str) -> str:
        """Return the path, query and fragment below the base address for an address of the target, else the whole address."""
        if not self.is_own(url):
            return url
        parts, base = urlsplit(url), urlsplit(self.base_url).path.rstrip("/")
        rest = parts._replace(scheme="", netloc="").geturl() or "/"
        return (rest.removeprefix(base) or "/") if base and (rest + "/").startswith(base + "/") else rest

    def _own(self, work: Any) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _guarded(self, page: Any) -> None:
        """Guard a page that the site opened; the first one is guarded by who made it."""
        self._pages += 1
        if self._pages > _POPUPS:
            self._own(_quietly(page.close()))
        elif self._pages > 1:
            self._own(_quietly(self.guard(page)))

    async def _paused(self, talk: Any, event: Mapping[str, Any]) -> None:
        request, which = event["request"], {"requestId": event["requestId"]}
        url = str(request["url"])
        if not self.permits(url) or self.trouble:
            if not self.trouble:
                self.refused[_host(urlsplit(url)) or urlsplit(url).scheme] += 1
            await _quietly(talk.send("Fetch.failRequest", {**which, "errorReason": "BlockedByClient"}))
            return
        more = self._marks(str(request["method"]), url, event.get("resourceType") == "Document")
        if not more:
            await _quietly(talk.send("Fetch.continueRequest", which))
            return
        given = {name.lower(): (name, value) for name, value in request["headers"].items()}
        given |= {name: pair for name, pair in more.items() if name != "authorization" or name not in given}
        headers = [{"name": name, "value": value} for name, value in given.values()]
        await _quietly(talk.send("Fetch.continueRequest", {**which, "headers": headers}))

    def _marks(self, method: str, url: str, document: bool) -> dict[str, tuple[str, str]]:
        """Return the headers that say who asks, and the target's own; for its own origin only."""
        if not self.is_own(url):
            return {}
        try:
            built = self.build(RequestTemplate.model_construct(method=method, path=url))
        except NotSent:  # an address that the browser can ask for and we cannot write
            return {}
        if document:
            self.page_id, self.last_page = built.correlation_id, url
        pairs = ((name.decode("ascii"), value.decode("latin-1")) for name, value in built.request.headers)
        return {name.lower(): (name, value) for name, value in pairs if name.lower() not in _OURS}

    def _crash(self, page: Any) -> None:
        """Close the tab, or whoever waits for something in it would wait for ever."""
        self.crashed = True
        self._own(_quietly(page.close()))

    def _count(self) -> None:
        self.sent += 1
        if self.sent > self.limit and not self.trouble:
            self.trouble = f"the page asks for more than {self.limit} things (limit requests), so nothing more was let through"

    def _received(self, page: Any, length: int) -> None:
        self.received += length
        if self.received > self.max_bytes and not self.trouble:
            self.trouble = f"the pages sent more than {self.max_bytes} bytes (max_bytes), so nothing more was read"
            self._own(_quietly(page.close()))

    def _answered(self, response: Any) -> None:
        if response.status >= 400 and self.is_own(response.url):
            self._keep_bad(response.request, f"answered {response.status}")

    def _failed(self, request: Any) -> None:
        reason = str(request.failure or "failed")
        given_up = "ERR_ABORTED" in reason or "BLOCKED_BY_CLIENT" in reason  # by a page that is left, and by us
        if self.is_own(request.url) and not given_up:
            self._keep_bad(request, f"failed: {in_words(reason)}")

    def _keep_bad(self, request: Any, what: str) -> None:
        path = urlsplit(request.url).path or "/"
        if len(self.bad) < _KEPT and not path.endswith(_ICON):
            self.bad.append(Bad(request.method, path, what, request.resource_type))

    def _written(self, message: Any) -> None:
        kind, text = str(message.type), str(message.text)
        if str((message.location or {}).get("url", "")).endswith(_ICON):
            return
        if len(self.console) < _KEPT:
            self.console.append(f"{kind}: {text[:_SHOWN]}")
        if kind == "error" and not text.startswith("Failed to load resource"):  # that is among the bad requests
            self._keep_error(text)

    def _raised(self, problem: Any) -> None:
        if len(self.console) < _KEPT:
            self.console.append(f"uncaught: {str(problem)[:_SHOWN]}")
        where = _LINE.search(str(problem.stack or ""))
        self._keep_error(f"{problem.name}: {problem.message}" + (f" ({where.group(1)})" if where else ""))

    def _keep_error(self, text: str) -> None:
        if len(self.errors) < _KEPT:
            self.errors.append(" ".join(text.split())[:_SHOWN])

    def _asked(self, dialog: Any) -> None:
        """Dismiss what would hold up the page for ever; an `alert` in an endless loop is bounded by the journey's time."""
        if len(self.dialogs) < _KEPT:
            self.dialogs.append(f"{dialog.type}: {str(dialog.message)[:80]}")
        self._own(_quietly(dialog.accept() if dialog.type == "beforeunload" else dialog.dismiss()))


def origin(url: str) -> Origin:
    """Return scheme, host and port; of a web socket those of the page that may open it."""
    parts = urlsplit(url)
    scheme = {"ws": "http", "wss": "https"}.get(parts.scheme, parts.scheme)
    try:
        port = parts.port
    except ValueError:
        port = 0
    return scheme, _host(parts), port or (443 if scheme == "https" else 80)


def _host(parts: SplitResult) -> str:
    try:
        host = parts.hostname or ""
    except ValueError:
        return ""
    with contextlib.suppress(UnicodeError):
        return host if host.isascii() else host.encode("idna").decode("ascii")
    return host


async def _quietly(call: Any) -> None:
    """Await a call to a page that may be gone by now."""
    with contextlib.suppress(Exception):  # Playwright's errors of a closed page; whoever walks the journey is told of it
        await call

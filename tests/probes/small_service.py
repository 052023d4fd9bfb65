"""This file is for small services on loopback that tests break at will: JSON in, JSON out, one connection a request."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from probes.faults.lever import Lever
from probes.outcome import Outcome, Subject
from probes.probe import Probe, ask
from probes.session import Session
from probes.target import Target
from probes.undo import Journal


@dataclass(frozen=True)
class Asked:
    """One request as the service got it."""

    method: str
    path: str
    headers: dict[str, str]
    body: Any


Reply = tuple[int, dict[str, str], Any]
Handler = Callable[[Asked], Awaitable[Reply]]


@asynccontextmanager
async def serving(handle: Handler) -> AsyncIterator[str]:
    """Serve on a free loopback port for the time of the block, and give the base address."""
    tasks: set[asyncio.Task[None]] = set()

    async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            await _answer(handle, reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the other side went away
        finally:
            writer.close()
            tasks.discard(task)

    server = await asyncio.start_server(one, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await server.wait_closed()


async def _answer(handle: Handler, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    method, path, _ = head[0].split(" ", 2)
    headers = {key.lower(): value.strip() for key, _, value in (line.partition(":") for line in head[1:] if line)}
    raw = await reader.readexactly(int(headers.get("content-length", "0")))
    status, extra, body = await handle(Asked(method, path, headers, json.loads(raw) if raw else None))
    payload = b"" if body is None else json.dumps(body).encode()
    lines = [f"HTTP/1.1 {status} X", "content-type: application/json", f"content-length: {len(payload)}", "connection: close"]
    lines += [f"{key}: {value}" for key, value in extra.items()]
    writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + payload)
    await writer.drain()


def a_target(url: str, *, allow: tuple[str, ...] = ("faults",), **more: Any) -> Target:
    return Target.model_validate({"name": "staging", "base_url": url, "allow": list(allow), "private_networks": True, **more})


def a_session(target: Target, *, journal: Journal | None = None, clock: Callable[[], datetime] | None = None) -> Session:
    subject = Subject("suite", "scenario", "kind", target.name, str(target.environment))
    more: dict[str, Any] = {"clock": clock} if clock else {}
    return Session(target=target, subject=subject, run_id="run-1", journal=journal, **more)


async def asked(probe: Probe, session: Session, *, deadline_s: float = 30.0) -> Outcome:
    return await ask(probe, session, run_id="run-1", deadline_s=deadline_s)


@dataclass
class BreakerService:
    """A service with a circuit breaker before its dependency; `bugs` names what is wrong with it.

    Sound: 5 failures one after the other open it for `pause_s`, then one trial call closes it or opens it anew.
    """

    bugs: frozenset[str] = frozenset()
    threshold: int = 5
    pause_s: float = 0.3
    down: bool = False
    calls: int = 0
    failures: int = 0
    opened_at: float | None = None
    seen: list[Asked] = field(default_factory=list)
    undone: int = 0

    @property
    def state(self) -> str:
        if self.opened_at is None:
            return "closed"
        due = time.monotonic() - self.opened_at >= self.pause_s
        return "half_open" if due and "never_half_opens" not in self.bugs else "open"

    def lever(self) -> dict[str, Any]:
        return {
            "lever": "http_hook",
            "inject": {"method": "POST", "path": "/_down"},
            "undo": {"method": "DELETE", "path": "/_down", "expect_status": 204},
        }

    async def handle(self, request: Asked) -> Reply:
        self.seen.append(request)
        path = request.path.partition("?")[0]
        if path == "/_down":
            if request.method == "DELETE":
                self.undone += 1
                self.down = False
            else:
                self.down = "lever_does_nothing" not in self.bugs
            return 204, {}, None
        if path == "/_calls":
            return 200, {}, {"calls": self.calls}
        if path == "/health":
            return 200, {}, {"circuit_breakers": {"calcom_api": self._told()}}
        if path == "/slots":
            return await self._slots()
        return 404, {}, {"error": "no such path"}

    def _told(self) -> dict[str, Any]:
        state, bugs = self.state, self.bugs
        if "frozen_state" in bugs or ("says_closed" in bugs and state == "open"):
            return {**_CLOSED, "failure_threshold": self.threshold}
        left = None if self.opened_at is None else max(round(self.pause_s - (time.monotonic() - self.opened_at), 3), 0)
        told = {**_CLOSED, "state": state, "failure_count": self.failures, "seconds_until_retry": left}
        told["failure_threshold"] = 5 if "lies_about_threshold" in bugs else self.threshold
        return told

    async def _slots(self) -> Reply:
        if "cached" in self.bugs:
            return 200, {}, {"slots": ["10:00"]}
        trial = self.state == "half_open"
        if self.opened_at is not None and not trial:
            if "open_but_calls" in self.bugs:
                self.calls += 1
            if "slow_when_open" in self.bugs:
                await asyncio.sleep(0.9)
            if "wrong_form" in self.bugs:
                return 500, {}, {"error": "boom"}
            retry = {} if "no_retry_after" in self.bugs else {"Retry-After": "1"}
            return 503, retry, {"error": "open"}
        self.calls += 1
        if not self.down and not (trial and "stuck_half_open" in self.bugs):
            self.failures, self.opened_at = self.failures if "never_resets" in self.bugs else 0, None
            return 200, {}, {"slots": ["10:00"]}
        if trial and "stuck_half_open" in self.bugs and not self.down:
            return 503, {"Retry-After": "1"}, {"error": "on trial for ever"}
        self.failures += 1
        if "absent" not in self.bugs and (trial or self.failures >= self.threshold):
            self.opened_at = time.monotonic()
        return 502, {}, {"error": "the dependency is down"}


_CLOSED = {"service": "calcom_api", "state": "closed", "failure_count": 0, "failure_threshold": 5, "seconds_until_retry": None}


def with_lever(kind: type[Lever], options: dict[str, Any]) -> Lever:
    """Return the lever that a suite file's options describe."""
    return kind.model_validate({key: value for key, value in options.items() if key != "lever"})

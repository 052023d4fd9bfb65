"""This file is for the rate limiter: so many requests of one call in a fixed window, then 429."""

from __future__ import annotations

import asyncio
import math
import secrets
from collections.abc import Callable, Set
from dataclasses import dataclass

from vedette.reference.server import Request, Response, json_response
from vedette.reference.settings import Settings


@dataclass(slots=True)
class _Window:
    began: float
    count: int = 0


class Limiter:
    """Counts per call id, trimmed and case-folded, so that writing it otherwise gains nothing."""

    def __init__(self, settings: Settings, faults: Set[str], clock: Callable[[], float]) -> None:
        self._settings = settings
        self._faults = faults
        self._clock = clock
        self._limit = self._real_limit()
        self._windows: dict[str, _Window] = {}
        self._blocking = False

    async def admit(self, call_id: str, request: Request) -> tuple[Response | None, dict[str, str]]:
        """Count one request; return the refusal (None when it may pass) and the headers that tell of the limit."""
        if "limit_off" in self._faults:
            return None, {}
        now = self._clock()
        window = self._window(self._key(call_id, request), now)
        await self._count(window)
        over = window.count > self._limit
        if "limit_bystander_blocked" in self._faults:
            over = self._blocking = self._blocking or over
        if "limit_leaky" in self._faults and window.count % 3 == 0:
            over = False
        headers = self._headers(window, now)
        if not over and "limit_blocks_everyone" not in self._faults:
            return None, headers
        return self._refusal(window, now, headers), headers

    async def _count(self, window: _Window) -> None:
        if "limit_not_atomic" in self._faults:
            seen = window.count
            await asyncio.sleep(self._settings.database_s)  # a round trip between reading and writing the counter
            window.count = seen + 1
            return
        window.count += 1

    def _window(self, key: str, now: float) -> _Window:
        window = self._windows.get(key)
        if window is None or now - window.began >= self._settings.window_s:
            window = self._windows[key] = _Window(began=now)
        return window

    def _key(self, call_id: str, request: Request) -> str:
        trimmed = call_id if "limit_whitespace_escape" in self._faults else call_id.strip()
        key = trimmed if "limit_case_escape" in self._faults else trimmed.casefold()
        if "limit_global" in self._faults:
            return request.peer.partition(":")[0]
        if "limit_per_connection" in self._faults:
            return f"{key}|{request.peer}"
        if "limit_key_random" in self._faults:
            return f"{key}|{secrets.token_hex(4)}"
        if "limit_forwarded_for_escape" in self._faults:
            return f"{key}|{request.headers.get('x-forwarded-for', '')}"
        return key

    def _headers(self, window: _Window, now: float) -> dict[str, str]:
        left = max(0, self._limit - window.count)
        return {
            "X-RateLimit-Limit": str(self._limit),
            "X-RateLimit-Remaining": str(self._limit if "limit_remaining_frozen" in self._faults else left),
            "X-RateLimit-Reset": str(self._seconds_left(window, now)),
        }

    def _refusal(self, window: _Window, now: float, headers: dict[str, str]) -> Response:
        if "limit_answers_500" in self._faults:
            return json_response(500, {"success": False, "error": "server_error"}, headers)
        wait = str(self._seconds_left(window, now))
        if "limit_retry_after_absurd" in self._faults:
            wait = "1893456000"  # an instant of 2030 where a number of seconds belongs
        if "limit_retry_after_missing" not in self._faults:
            headers = {**headers, "Retry-After": wait}
        return json_response(429, {"success": False, "error": "rate_limit_exceeded"}, headers)

    def _seconds_left(self, window: _Window, now: float) -> int:
        return max(1, math.ceil(window.began + self._settings.window_s - now))

    def _real_limit(self) -> int:
        if "limit_500" in self._faults:
            return self._settings.limit * 10
        return 20 if "limit_20" in self._faults else self._settings.limit

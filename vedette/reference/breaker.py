"""This file is for the circuit breaker: after failures in a row it stops asking, and asks again with one trial."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Set
from typing import Any, TypeVar

from vedette.reference.dependencies import DependencyDown
from vedette.reference.settings import Settings

Result = TypeVar("Result")


class BreakerOpen(Exception):
    """The breaker refuses to ask. `retry_after_s` is how long from now."""

    def __init__(self, retry_after_s: float) -> None:
        super().__init__("circuit breaker is open")
        self.retry_after_s = retry_after_s


class Breaker:
    """Closed, open, half-open, as in Nygard's Release It!, chapter 5. Times are of the monotonic clock."""

    def __init__(
        self, settings: Settings, faults: Set[str], tell: Callable[[str, dict[str, Any]], None], clock: Callable[[], float]
    ) -> None:
        self._faults = faults
        self._tell = tell
        self._clock = clock
        self._declared = settings.threshold
        self._threshold = self._real_threshold()
        self._open_s = settings.open_s * (20 if "breaker_recovers_late" in faults else 1)
        self._failures = 0
        self._opened_at: float | None = None
        self._trial = False
        if "breaker_open_at_start" in faults:
            self._opened_at = clock()
            self._open_s = 3600.0

    async def call(self, ask: Callable[[], Awaitable[Result]]) -> Result:
        """Ask through the breaker. Raises: BreakerOpen, and DependencyDown as it came."""
        if "breaker_absent" in self._faults:
            return await ask()
        trial = self._admit()
        if trial is None:
            if "breaker_open_still_calls" in self._faults:
                await self._ask_all_the_same(ask)
            raise BreakerOpen(self._seconds_left())
        try:
            result = await ask()
        except DependencyDown:
            self._failed(trial)
            raise
        finally:
            if trial:
                self._trial = False
        self._succeeded(trial)
        return result

    def status(self) -> dict[str, Any]:
        """Return what the detailed health endpoint shows, in the field names of the operations manual."""
        state = "closed" if "breaker_state_frozen" in self._faults else self._state()
        waiting = state == "open"
        return {
            "service": "calcom_api",
            "state": state,
            "failure_count": 0 if "breaker_state_frozen" in self._faults else self._failures,
            "failure_threshold": 50 if "breaker_threshold_misdeclared" in self._faults else self._declared,
            "seconds_until_retry": math.ceil(self._seconds_left() * 10) / 10 if waiting else None,
        }

    def _state(self) -> str:
        if self._opened_at is None:
            return "closed"
        if self._seconds_left() > 0 or "breaker_never_half_opens" in self._faults:
            return "open"
        return "half_open"

    def _admit(self) -> bool | None:
        """Return False for an ordinary call, True for the one trial, None for a refusal."""
        state = self._state()
        if state == "closed":
            return False
        if state == "half_open" and not self._trial:
            self._trial = True
            return True
        return None

    def _failed(self, trial: bool) -> None:
        self._failures += 1
        if trial or (self._opened_at is None and self._failures >= self._threshold):
            self._opened_at = self._clock()
            self._tell("Circuit breaker opened", {"service": "calcom_api", "failure_count": self._failures})

    def _succeeded(self, trial: bool) -> None:
        if trial:
            self._opened_at = None
            self._tell("Circuit breaker closed", {"service": "calcom_api"})
        if "breaker_counter_never_resets" not in self._faults:
            self._failures = 0

    def _seconds_left(self) -> float:
        if self._opened_at is None:
            return 0.0
        return max(0.0, self._opened_at + self._open_s - self._clock())

    def _real_threshold(self) -> int:
        if "breaker_threshold_10" in self._faults:
            return 10
        if "breaker_threshold_2" in self._faults:
            return 2
        return 1 if "breaker_opens_at_once" in self._faults else self._declared

    @staticmethod
    async def _ask_all_the_same(ask: Callable[[], Awaitable[Any]]) -> None:
        try:
            await ask()
        except DependencyDown:
            return

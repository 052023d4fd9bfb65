"""This file is for SIGINT and SIGTERM: the first one stops a job cleanly, and no further one takes that from it."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Callable, Iterator
from typing import Protocol

from vedette.cli.speech import tell


class Stoppable(Protocol):
    """What can be stopped from its event loop; `reason` finishes the sentence `not run: …`."""

    def request_stop(self, reason: str, signal: int = 0) -> None: ...


class Signals:
    """Lets the first SIGINT or SIGTERM stop the run cleanly: undo done, what was seen stored and reported.

    A further one, or one while the results are being stored, changes nothing: each of these steps is bounded in time,
    and to die in the midst of them would lose what was seen. asyncio's own handlers would be gone before the storing.
    """

    _NUMBERS = (signal.SIGINT, signal.SIGTERM)

    def __init__(self) -> None:
        self._stop: Callable[[int], None] | None = None
        self._early = 0  # what came before the run could be stopped

    def __enter__(self) -> Signals:
        self._before = {number: signal.signal(number, self._came) for number in self._NUMBERS}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    @contextlib.contextmanager
    def stop(self, running: Stoppable) -> Iterator[None]:
        """Let signals stop this run, from within its event loop."""
        loop = asyncio.get_running_loop()

        def stop(number: int) -> None:
            name = signal.Signals(number).name
            tell(f"{name}: stopping, faults are being taken out")
            running.request_stop(f"it was interrupted by {name}", number)

        def soon(number: int) -> None:
            loop.call_soon_threadsafe(stop, number)

        self._stop = soon
        if self._early:
            soon(self._early)
        try:
            yield
        finally:
            self._stop = None

    def _came(self, number: int, _frame: object) -> None:
        if self._stop is not None:
            self._stop(number)
        else:
            self._early = number

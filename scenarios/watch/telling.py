"""This file is for telling what came of watching: every sink gets every event, whatever another one does."""

from __future__ import annotations

import logging
from collections import Counter, deque
from collections.abc import Sequence

from scenarios.watch.events import Missed, MissedReason, Tick, WatchEvent, WatchSink

_REMEMBERED = 50  # sentences of trouble
_log = logging.getLogger("vedette.watch")


class Telling:
    """Tells the sinks, counts, and keeps the newest sentences of what went wrong on our side.

    A sink that raises is told the next event all the same: a service goes on for months, and one bad event must not
    cost all that come after it.
    """

    def __init__(self, sinks: Sequence[WatchSink]) -> None:
        self._sinks = tuple(sinks)
        self._trouble: deque[str] = deque(maxlen=_REMEMBERED)
        self.answered = 0
        self.missed: Counter[MissedReason] = Counter()
        self.sink_errors = 0

    @property
    def troubles(self) -> tuple[str, ...]:
        return tuple(self._trouble)

    def trouble(self, sentence: str) -> None:
        """Keep a sentence and log it, once while it is among the newest."""
        if sentence not in self._trouble:
            self._trouble.append(sentence)
            _log.error("%s", sentence)

    def tell(self, event: WatchEvent) -> None:
        if type(event) is Tick:
            self.answered += 1
        elif type(event) is Missed:
            self.missed[event.reason] += event.ticks
        for sink in self._sinks:
            try:
                sink.take_watched(event)
            except Exception as problem:  # whatever a sink does, the others are told and watching goes on
                self.sink_errors += 1
                why = next(iter(str(problem).splitlines()), "") or type(problem).__name__
                self.trouble(f"{type(sink).__name__} did not take what was told: {why}")

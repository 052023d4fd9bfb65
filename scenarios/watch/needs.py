"""This file is for ticks that are put off, because what their scenario needs was not asked yet."""

from __future__ import annotations

from collections.abc import Iterator

from scenarios.watch.asks import Ask
from scenarios.watch.desk import Desk, Series

PUT_OFF_S = 60.0  # at most, and never longer than the interval


class PutOff:
    """At most one tick of each series, until what it needs has an outcome or its time of waiting is over."""

    def __init__(self) -> None:
        self._asks: dict[Series, Ask] = {}

    def __len__(self) -> int:
        return len(self._asks)

    def add(self, ask: Ask) -> None:
        self._asks[ask.series] = ask

    def take(self, series: Series) -> Ask | None:
        """Return the tick of a series that was put off; it is no longer."""
        return self._asks.pop(series, None)

    def get(self, series: Series) -> Ask | None:
        return self._asks.get(series)

    def ready(self, desk: Desk) -> Iterator[Ask]:
        """Take out those of one suite at one target for which nothing is missing any more."""
        if not self._asks:
            return
        for series, ask in list(self._asks.items()):
            if series.desk is desk and series in self._asks and not desk.unasked_needs(series.scenario):
                del self._asks[series]
                yield ask

    def expired(self, now_s: float) -> Iterator[Ask]:
        """Take out those that have waited for long enough."""
        for series, ask in list(self._asks.items()):
            longest_s = min(PUT_OFF_S, series.watched.schedule.every or PUT_OFF_S)
            if now_s - ask.due_s >= longest_s:
                del self._asks[series]
                yield ask

    def all(self) -> Iterator[Ask]:
        """Take out all."""
        while self._asks:
            yield self._asks.popitem()[1]

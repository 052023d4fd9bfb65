"""This file is for which jobs are watched, and whose silence is due next: in a heap, so that ten thousand cost little."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from heapq import heapify, heappop, heappush
from typing import TYPE_CHECKING

from probes.kinds.heartbeat import Heartbeat
from scenarios.heartbeat_times import Deadline, Standing, Terms, deadline, shifted

if TYPE_CHECKING:
    from scenarios.watch.series import Watched


@dataclass(slots=True)
class Beat:
    """One job that is watched. `tokens` and `filled_s` bound how often it may report."""

    slug: str
    watched: Watched
    probe: Heartbeat
    terms: Terms
    standing: Standing
    deadline: Deadline
    tokens: float = 0.0
    filled_s: float = float("-inf")
    last_at: datetime | None = None
    recent: deque[tuple[str, str]] = field(default_factory=lambda: deque(maxlen=8))  # what was said, under which id
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)  # the reports of one job are taken one after the other


class Register:
    """The jobs by slug. `dirty` and `gone` are the slugs whose standing is to be kept, or forgotten."""

    def __init__(self, known: Mapping[str, Standing]) -> None:
        self._known = dict(known)  # of those that nobody watches at present
        self._aliases: dict[str, str] = {}  # the slug of a former name -> the slug
        self._heap: list[tuple[datetime, str]] = []
        self.beats: dict[str, Beat] = {}
        self.dirty: set[str] = set()
        self.gone: set[str] = set()

    def watch(self, series: Sequence[Watched], now: datetime) -> None:
        """Watch these from now on. What is known of a job that goes on, also under a new name, stays."""
        before, self.beats, self._aliases = self.beats, {}, {}
        self._known.update({slug: beat.standing for slug, beat in before.items()})
        for watched in series:
            probe = watched.scenario.probe
            if isinstance(probe, Heartbeat):
                self._add(watched, probe, before, now)
        for slug in set(before) - set(self.beats):
            self._known.pop(slug, None)
            self.gone.add(slug)
        self.gone -= set(self.beats)
        self._rebuild()

    def find(self, slug: str) -> Beat | None:
        """Return the job of a slug, which may be that of a former name."""
        return self.beats.get(self._aliases.get(slug, slug))

    def moved(self, beat: Beat) -> None:
        """Take note of a new standing. The old deadline stays in the heap and is passed over when its time comes."""
        beat.deadline = deadline(beat.terms, beat.standing)
        heappush(self._heap, (beat.deadline.at, beat.slug))
        self.dirty.add(beat.slug)
        if len(self._heap) > 4 * len(self.beats) + 100:
            self._rebuild()

    def due(self, now: datetime, at_once: int) -> Iterator[Beat]:
        """Yield the jobs whose silence is to be told now, at most so many; each must be moved on before the next is asked for."""
        while self._heap and self._heap[0][0] <= now and at_once > 0:
            at, slug = heappop(self._heap)
            beat = self.beats.get(slug)
            if beat is not None and beat.deadline.at == at:
                at_once -= 1
                yield beat

    def shift(self, by: timedelta) -> None:
        """Take note that the clock was set by so much."""
        for beat in self.beats.values():
            beat.standing = shifted(beat.standing, by, every=beat.terms.schedule.every is not None)
            beat.deadline = deadline(beat.terms, beat.standing)
        self.dirty |= set(self.beats)
        self._rebuild()

    def _add(self, watched: Watched, probe: Heartbeat, before: Mapping[str, Beat], now: datetime) -> None:
        slug = watched.key.slug
        former = [watched.key._replace(scenario=name).slug for name in watched.scenario.formerly]
        self._aliases.update(dict.fromkeys(former, slug))
        standing = next((self._known.pop(one) for one in (slug, *former) if one in self._known), None)
        standing = standing or Standing(watched_since=now)
        longest = None if probe.longest is None else timedelta(seconds=probe.longest)
        terms = Terms(watched.schedule, timedelta(seconds=probe.grace), longest)
        beat = Beat(slug, watched, probe, terms, standing, deadline(terms, standing))
        old = next((before[one] for one in (slug, *former) if one in before), None)
        if old is not None:  # a report may be waiting for the disk at this moment
            beat.turn, beat.recent, beat.last_at = old.turn, old.recent, old.last_at
            beat.tokens, beat.filled_s = old.tokens, old.filled_s
        self.beats[slug] = beat
        self.dirty.add(slug)

    def _rebuild(self) -> None:
        self._heap = [(beat.deadline.at, slug) for slug, beat in self.beats.items()]
        heapify(self._heap)

"""This file is for reading counters of real requests from both sides' own metrics."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime

from probes.exposition import PIECE_BYTES, Exposition, Reader
from probes.ids import new_id
from probes.metric_moves import matching
from probes.net.egress import NotSent
from probes.net.trouble import TargetError
from probes.outcome import Subject
from probes.request import RequestTemplate, UnknownVariable
from scenarios.asking import Asking
from scenarios.gates.counting import Counts, Unread
from scenarios.gates.identity import Proof
from scenarios.gates.policy import Identity, TrafficMetric
from scenarios.gates.sides import OneSide, Sides, selectors_of
from scenarios.hidden import secrets_of

LONGEST_BYTES = 16 * 1024 * 1024  # of one side's metrics
_ACCEPT = "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.4,*/*;q=0.1"
_START = "process_start_time_seconds"


class Scrapes:
    """Reads both sides' metrics at the same time. A side is one process: where several answer in turn, it says so."""

    def __init__(self, sides: Sides, metric: TrafficMetric, clock: Callable[[], datetime]) -> None:
        self._sides = tuple(_Scrape(side, sides.identity, metric, clock) for side in (sides.canary, sides.baseline))

    async def read(self, at_s: float) -> Mapping[str, Counts]:
        """Return the counters by part; they are as of now. Raises: Unread."""
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(side.read()) for side in self._sides]
        except BaseExceptionGroup as several:
            raise several.exceptions[0] from None
        return {part: counts for task in tasks for part, counts in task.result().items()}


class _Scrape:
    """Reads the metrics of one side."""

    def __init__(self, side: OneSide, identity: Identity, metric: TrafficMetric, clock: Callable[[], datetime]) -> None:
        self._side, self._identity, self._path = side, identity, metric.path
        self._selectors = {part: one for part, one in selectors_of(metric).items() if part.startswith(f"{side.name}_")}
        limits = side.target.limits.model_copy(update={"body_bytes": LONGEST_BYTES})
        target = side.target.model_copy(update={"limits": limits})
        self._asking = Asking(side.suite, target, secrets_of(side.suite, target, []), clock=clock)
        self._start = ""  # of the process that answered last
        self._before: set[str] = set()  # starts of those before it
        self._several = False

    async def read(self) -> Mapping[str, Counts]:
        made = await self._scraped()
        process = self._process(made)
        return {part: self._counts(made, part, process) for part in self._selectors}

    async def _scraped(self) -> Exposition:
        target = self._side.target
        subject = Subject(self._side.suite.name, "what real requests met", "gate", target.name, target.environment.value)
        try:
            session = self._asking.session(self._asking.plain.own(subject), new_id())
            asked = RequestTemplate.model_validate({"path": self._path, "headers": {"Accept": _ACCEPT}})
            answer = await session.send(asked)
        except (TargetError, NotSent, UnknownVariable, OSError, ValueError) as problem:
            raise Unread(f"the metrics of the {self._side.name} could not be read: {problem}") from None
        if not answer.ok:
            raise Unread(f"the metrics of the {self._side.name} could not be read: {self._path} answered {answer.status}")
        proof = Proof(self._identity, self._side.version, self._asking.plain.text)
        proof.take("", answer)
        if proof.wrong or proof.unmarked:
            said = f"version '{proof.said_versions[0]}'" if proof.said_versions else "no version"
            raise Unread(f"the metrics that answered for the {self._side.name} say {said}")
        families = {one.name for one in self._selectors.values()} | {_START}
        reader = Reader(openmetrics=answer.content_type == "application/openmetrics-text", keep=families.__contains__)
        for start in range(0, len(answer.body), PIECE_BYTES):
            reader.feed(answer.body[start : start + PIECE_BYTES])
            await asyncio.sleep(0)  # a long exposition does not hold up what else is asked
        made = reader.close()
        if not made.samples_total:
            raise Unread(
                f"the metrics of the {self._side.name} are none: {made.mistakes[0] if made.mistakes else 'nothing stands there'}"
            )
        return made

    def _process(self, made: Exposition) -> str:
        """Return which process answered, as far as it says so. Raises: Unread where several answer in turn."""
        family = made.family(_START)
        start = f"{family.samples[0].value!r}" if family is not None and len(family.samples) == 1 else ""
        self._several = self._several or start in self._before
        if self._several:
            raise Unread(f"several processes answer for the {self._side.name} in turn, so name a 'source' that knows all of them")
        if start != self._start:
            self._before, self._start = {*self._before, self._start} - {""}, start
        return start

    def _counts(self, made: Exposition, part: str, process: str) -> Counts:
        wanted = self._selectors[part]
        found = matching(made, wanted)
        if found is None and part.endswith("_total"):
            raise Unread(f"the metrics of the {self._side.name} have no family '{wanted.name}'")
        if not found and part.endswith("_total") and (family := made.owner(wanted.name)) is not None and family.count:
            raise Unread(f"no series of '{wanted.name}' has the labels of '{part}'")  # one without any just has no requests yet
        # a process that began anew has other series, which are counted from nothing
        return Counts({frozenset((*one.labels, ("", process), (" ", one.name))): one.value for one in found or ()}, raw=True)

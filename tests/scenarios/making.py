"""This file is for small suites made in memory, with probes that send nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from probes.fields import FaultRef
from probes.outcome import Check, check, control
from probes.probe import Probe
from probes.session import Session
from probes.target import Grant, Target
from scenarios.events import Event, OutcomeReady
from scenarios.model import Scenario, Suite


class Gate:
    """Lets a test see which scenarios are at work, and hold them there."""

    def __init__(self) -> None:
        self.at_work: set[str] = set()
        self.begun: list[str] = []
        self.seen_together: set[frozenset[str]] = set()
        self.open = asyncio.Event()
        self.changed = asyncio.Event()

    def enter(self, name: str) -> None:
        self.at_work.add(name)
        self.begun.append(name)
        self.seen_together.add(frozenset(self.at_work))
        self.changed.set()

    async def until(self, count: int) -> None:
        """Wait until so many have begun."""
        while len(self.begun) < count:
            self.changed.clear()
            await self.changed.wait()


class Says(Probe, kind="test_says"):
    """Yield the verdict that it is told, after a while or when its gate opens."""

    says: str = "pass"
    gate: Any = None
    turns: int = 0  # how often to give way to others before answering
    fault: FaultRef | None = None
    secret: str = ""

    async def ask(self, session: Session) -> AsyncIterator[Check]:
        name = session.subject.scenario
        if self.gate is not None:
            self.gate.enter(name)
        try:
            yield control("it was asked", holds=self.says != "inconclusive", say="nothing was seen")
            for _ in range(self.turns):
                await asyncio.sleep(0)
            if self.gate is not None:
                await self.gate.open.wait()
            if self.says == "error":
                raise RuntimeError("a bug")
            say = f"it said {self.says}{' ' + self.secret if self.secret else ''}"
            yield check("it says yes", holds=self.says in ("pass", "inconclusive"), say=say, soft=self.says == "degraded")
        finally:
            if self.gate is not None:
                self.gate.at_work.discard(name)


class Granted(Says, kind="test_granted", grants={Grant.FAULTS}):
    """The same, with the grant to break things."""


class Flaky(Probe, kind="test_flaky"):
    """Fail as often as it is told, then pass."""

    failures: int
    sessions: list[str]

    async def ask(self, session: Session) -> AsyncIterator[Check]:
        self.sessions.append(session.nonce)
        yield control("it was asked", holds=True)
        yield check("it says yes", holds=len(self.sessions) > self.failures, say=f"no, attempt {len(self.sessions)}")


class Keeper:
    """A sink that keeps what it is told."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def take(self, event: Event) -> None:
        self.events.append(event)

    @property
    def told(self) -> list[str]:
        return [e.outcome.subject.scenario for e in self.events if isinstance(e, OutcomeReady)]


def scenario(name: str, probe: Probe | None = None, **keys: Any) -> Scenario:
    return Scenario(name=name, probe=probe or Says(), **keys)


def suite(*scenarios: Scenario, **target: Any) -> Suite:
    made = Target(name="staging", base_url="http://127.0.0.1:9", **target)
    return Suite(name="tiny", path="tiny.yaml", targets={"staging": made}, target_names=("staging",), scenarios=scenarios)

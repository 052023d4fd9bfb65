"""This file is for a probe kind, an evidence source and a lever outside the packages, as a suite's author would write them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

from pydantic import PositiveInt

from probes.evidence.source import LogSource, LogWindow
from probes.faults.lever import Lever
from probes.fields import Configured, Duration, EvidenceRef, FaultRef, Secret
from probes.outcome import Check, check, control
from probes.probe import Probe
from probes.request import RequestTemplate

if TYPE_CHECKING:
    from probes.session import Session


class Wanted(Configured):
    status: int = 200
    words: str | tuple[str, ...] = ()
    within: Duration | None = None


class Step(Configured):
    request: RequestTemplate
    log: EvidenceRef | None = None


class Greeting(Probe, kind="test_greeting"):
    """Ask for a greeting.

    It is polite to do so.
    """

    request: RequestTemplate  # how to ask
    expect: Wanted = Wanted()
    threshold: PositiveInt = 3  # greetings in a row
    logs: tuple[EvidenceRef, ...] = ()
    steps: tuple[Step, ...] = ()
    fault: FaultRef | None = None
    password: Secret | None = None

    def variables(self) -> frozenset[str]:
        return frozenset({"tenant", "planted."})

    async def ask(self, session: Session) -> AsyncIterator[Check]:
        answer = await session.send(self.request)
        yield control("somebody answered", holds=answer.status > 0)
        yield check("the greeting is friendly", expected=self.expect.status, observed=answer.status, holds=answer.ok)


class Silent(Probe, kind="test_silent"):
    """Send nothing and pass, as far as it was told to."""

    passes: bool = True

    async def ask(self, session: Session) -> AsyncIterator[Check]:
        yield control("it was asked", holds=True)
        yield check("it passes", holds=self.passes, say="it was told to fail")


class Greedy(Probe, kind="test_greedy"):
    """A kind whose option has the name of a common key."""

    timeout: int = 1

    async def ask(self, session: Session) -> AsyncIterator[Check]:
        yield check("never asked", holds=False)


class Diary(LogSource, source="test_diary"):
    path: str
    secret: Secret | None = None

    async def mark(self) -> Any:
        return 0

    async def read_since(self, mark: Any) -> LogWindow:
        return LogWindow((), 0)


class Switch(Lever, lever="test_switch"):
    room: str

    async def inject(self, session: Session) -> None: ...

    async def undo(self, session: Session) -> None: ...

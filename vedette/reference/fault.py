"""This file is for what a fault is: a mistake that a developer could make on a Friday, and what must come of it."""

from __future__ import annotations

from dataclasses import dataclass

from probes.outcome import Verdict

_BROKEN = frozenset({Verdict.FAIL})
_UNPROVEN = frozenset({Verdict.FAIL, Verdict.INCONCLUSIVE})


@dataclass(frozen=True, slots=True)
class Fault:
    """A bug of one of the reference systems, and what must come of it.

    `owner` is the probe kind that has to catch it; `hint` holds words that its sentence or a failed check must
    contain, so that the bug is caught for the right reason. A `vacuity` fault takes away what the probe looks
    at, so that a careless probe would pass; it may be called inconclusive as well as failed. `breaks` holds the ids of
    the statements of the suite that are no longer true with it: a scenario that covers them must be the one to catch it.
    `bug` is what the system's code asks for, where another system has the same bug under its own name. `target` is where
    it is looked for, where that is not the first of the system's targets.
    """

    name: str
    owner: str
    story: str
    hint: tuple[str, ...]
    vacuity: bool = False
    system: str = "demo"
    breaks: tuple[str, ...] = ()
    bug: str = ""
    target: str = ""

    @property
    def expected(self) -> frozenset[Verdict]:
        return _UNPROVEN if self.vacuity else _BROKEN

    @property
    def asked_for(self) -> str:
        """The name by which the system's code knows it."""
        return self.bug or self.name

"""This file is for what a probe is told when the target did not answer as HTTP asks."""

from __future__ import annotations

from probes.net.flight import Phase
from probes.outcome import Check, Evidence, Exchange, check


class TargetError(Exception):
    """The target could not be reached, or its answer could not be read to the end. The text is one sentence."""

    def __init__(self, phase: Phase, sentence: str, exchange: Exchange | None = None) -> None:
        super().__init__(sentence)
        self.phase = phase
        self.exchange = exchange

    def as_check(self) -> Check:
        """Return the failed check that this is: reaching the target is part of the contract."""
        name = f"the target answers ({self.phase})"
        return check(name, holds=False, expected="an answer", observed=str(self), say=str(self), evidence=self._evidence())

    def _evidence(self) -> tuple[Evidence, ...]:
        seen = self.exchange
        if seen is None:
            return ()
        data = {"correlation_id": seen.correlation_id, "duration_s": seen.duration_s, "body_bytes": seen.body_bytes}
        return (Evidence("exchange", f"{seen.method} {seen.url} stopped ({self.phase})", data),)

"""This file is for asking a kind that speaks no HTTP, as the frame does."""

from __future__ import annotations

from typing import Any

from probes.outcome import Check, Outcome
from probes.probe import Probe, ask
from tests.probes.sessions import session_at


async def asked(
    probe: Probe,
    *,
    session: dict[str, Any] | None = None,
    url: str = "http://127.0.0.1:9",
    deadline_s: float = 20.0,
    **target: Any,
) -> Outcome:
    """Return the outcome of the probe against a target with these options."""
    return await ask(probe, session_at(url, session=session, **target), run_id="run-1", deadline_s=deadline_s)


def the(outcome: Outcome, name: str) -> Check:
    """Return the one check whose name holds the text."""
    (found,) = [one for one in outcome.checks if name in one.name]
    return found

"""This file is for making sessions in tests."""

from __future__ import annotations

from typing import Any

from probes.outcome import Subject
from probes.session import Session
from probes.target import Target

SUBJECT = Subject("askpro", "slots are shown", "http", "staging", "staging")


def target_at(url: str, **options: Any) -> Target:
    return Target.model_validate({"name": "staging", "base_url": url, "private_networks": True, **options})


def session_at(url: str, *, session: dict[str, Any] | None = None, **options: Any) -> Session:
    """Return a session with a target at that address; options are the target's, `session` the session's."""
    return Session(target=target_at(url, **options), subject=SUBJECT, run_id="run-1", **(session or {}))

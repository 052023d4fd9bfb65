"""This file is for the last word of a gate that ran alone: one sentence for people, or one JSON document for programs."""

from __future__ import annotations

import json
import sys
from typing import Any

from reports.judgement.gate import Verb
from vedette.cli.service_client import one_line
from vedette.exit_codes import Exit
from vedette.jobs.gate_walk import End, Walk


def tell_verdict(end: End, walk: Walk, code: Exit, *, as_json: bool) -> None:
    """Write the verdict to standard output."""
    text = json.dumps(document(end, walk, code), allow_nan=False, indent=2) if as_json else one_line(sentence(end, walk))
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def sentence(end: End, walk: Walk) -> str:
    """Return what was decided, why, and where it can be read."""
    policy, now = walk.loaded.policy, end.decision
    what = f"version {policy.canary.version} of {policy.service}"
    at = f" at {now.weight:g} %" if now.stage >= 0 else ""
    kept = f"(evidence: {walk.evidence.path})"
    if not end.is_decided:
        return f"undecided{at}: {end.say}; {_less_shadow(now.reason)}; --resume goes on {kept}"
    reason = _less_shadow(now.reason)
    if now.verb is Verb.PROMOTE:
        weights = ", ".join(f"{policy.stages[place].weight:g}" for place in walk.path)
        verdict = f"promote: {what} is shown at {weights} %; {reason}"
    elif now.verb is Verb.ROLLBACK:
        verdict = f"rollback{at}: {what}: {reason}"
    else:
        verdict = f"inconclusive{at}, so no promotion: {what}: {reason}"
    if policy.shadow:
        return f"shadow mode, nobody is bound; it would have been {verdict} {kept}"
    return f"{verdict} {kept}"


def document(end: End, walk: Walk, code: Exit) -> dict[str, Any]:
    """Return the verdict for programs: the decision, and what became of it."""
    return {
        **end.decision.as_json(session=end.decision.gate),
        "decided": end.is_decided,
        "undecided_because": end.say or None,
        "shadow": walk.loaded.policy.shadow,
        "would_exit": int(end.code),
        "exit_code": int(code),
        "evidence": str(walk.evidence.path),
        "evidence_hash": walk.evidence.newest_hash,
    }


def _less_shadow(reason: str) -> str:
    return reason.removeprefix("shadow mode, binds nobody: ")

"""This file is for a decision as JSON, as Argo Rollouts, Flagger and people's scripts read it: small, and every number finite."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from reports.judgement.e_values import CAP

if TYPE_CHECKING:
    from reports.judgement.gate_decision import Decision, TriggerStands

SCHEMA_VERSION = 1
BYTES_MAX = 1800  # Argo keeps each answer in the rollout's status; below 2 kB with what a service adds about freshness
_ORDER = ("fired", "watched", "unproven", "clear")  # of triggers, where not all can be told

Body = dict[str, Any]


def told(decision: Decision, *, session: str, evidence_url: str, next_poll_s: float) -> Body:
    """Return the decision in the form of docs/gate.md, shortened until it is small enough."""
    body = _whole(decision, session, evidence_url, next_poll_s)
    for shorten in _SHORTER:
        if size(body) <= BYTES_MAX:
            break
        shorten(body)
    return body


def size(body: Body) -> int:
    """Return the bytes of a body, however its characters are written."""
    return len(json.dumps(body, separators=(",", ":"), allow_nan=False))


def _whole(decision: Decision, session: str, evidence_url: str, next_poll_s: float) -> Body:
    stage = {"index": decision.stage, "weight": _number(decision.weight), "since": _instant(decision.stage_since)}
    has_margin = decision.margin is not None
    return {
        "schema_version": SCHEMA_VERSION,
        "session": session or decision.gate,
        "phase": decision.phase.value,
        "stage": stage if decision.stage >= 0 else None,
        "decision": decision.verb.value,
        "final": decision.final,
        "reason_code": decision.reason_code,
        "reason": decision.reason,
        "shadow": decision.shadow,
        "held_by": decision.held_by,
        "rollback": {"e": _number(decision.e), "threshold": _number(decision.e_threshold), "alpha": decision.alpha},
        "promote": {
            "k": _number(decision.k) if has_margin else None,
            "threshold": _number(decision.k_threshold),
            "beta": decision.beta,
            "margin_pp": decision.margin,
            "upper_bound_pp": _number(decision.upper_bound),
        },
        "samples": {
            "pairs": decision.rounds,
            "expected": decision.rounds_expected,
            "all_stages": decision.rounds_all,
            "canary_failed": decision.canary_failed,
            "baseline_failed": decision.baseline_failed,
            "min": decision.min_rounds,
            "max": decision.max_rounds,
            "no_data": decision.no_evidence,
        },
        "hard_triggers": [_trigger(one) for one in sorted(decision.triggers, key=lambda one: _ORDER.index(one.state))],
        "metrics": [{"id": one.id, "weight": _number(one.weight), "e": _number(one.e)} for one in decision.metrics],
        "warnings": list(decision.warnings),
        "next_poll_s": _number(next_poll_s),
        "evidence_url": evidence_url,
        "generated_at": _instant(decision.at),
    }


def _trigger(one: TriggerStands) -> Body:
    control = "ok" if one.armed_rounds else "missing"
    return {"id": one.id, "state": one.state, "ran": one.armed_rounds, "positive_control": control}


def _number(value: float | None) -> float | None:
    """Return a finite number of at most seven digits, None where there is none."""
    if value is None or not math.isfinite(value):
        return None
    return float(f"{min(CAP, value):.7g}")


def _instant(at: float | None) -> str | None:
    return None if at is None else datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _cut(text: str, longest: int) -> str:
    """Return the text in at most so many bytes of JSON. A letter may take 12 of them."""
    if len(json.dumps(text)) <= longest:
        return text
    kept, room = 0, longest - 8  # for quotes, and the mark that something is left out
    while kept < len(text) and (room := room - len(json.dumps(text[kept])) + 2) >= 0:
        kept += 1
    return f"{text[:kept]}…"


def _fewer(name: str, kept: int) -> Callable[[Body], None]:
    """Keep the first few of a list, and say how many more there are."""

    def shorten(body: Body) -> None:
        more = len(body[name]) - kept
        if more > 0:
            body[f"{name}_more"] = body.get(f"{name}_more", 0) + more
            body[name] = body[name][:kept]

    return shorten


def _shorter(name: str, longest: int) -> Callable[[Body], None]:
    def shorten(body: Body) -> None:
        body[name] = _cut(body[name], longest)

    return shorten


def _short_warnings(body: Body) -> None:
    body["warnings"] = [_cut(one, 80) for one in body["warnings"]]


def _without_url(body: Body) -> None:
    body["evidence_url"] = ""  # one that is cut would be wrong


_SHORTER: tuple[Callable[[Body], None], ...] = (
    _short_warnings,
    _fewer("hard_triggers", 8),
    _fewer("warnings", 3),
    _shorter("held_by", 100),
    _shorter("reason", 240),
    _fewer("metrics", 5),
    _fewer("hard_triggers", 4),
    _shorter("reason", 120),
    _fewer("warnings", 0),
    _shorter("held_by", 30),
    _shorter("reason", 60),
    _shorter("session", 60),
    _fewer("hard_triggers", 1),
    _fewer("metrics", 1),
    _without_url,
)

"""This file is for the decision of a gate as it is told: about the stage that is asked for, and whether it speaks for now."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from reports.gates import Gate, Standing, is_fresh
from reports.judgement.gate import Phase, Verb

STALE_AFTER = 3  # times `every`: a round that is older does not speak for now
NOT_BEGUN = "stage_not_begun"
SHADOW = "shadow mode, binds nobody: "
NO_ROUND, NOT_FRESH = "no round was asked yet", "rounds are no longer asked: the newest is older than {after:g} s"


class NoSuchStage(Exception):
    """A gate has no stage of this weight. The text is one sentence for a person."""


def told(standing: Standing | Gate, now: datetime, weight: float | None = None) -> dict[str, Any]:
    """Return the decision about the stage of a weight, without one about the stage that the gate is at.

    Raises: NoSuchStage.
    """
    decision = dict(standing.decision)
    if weight is not None:
        decision = _of_stage(standing, decision, weight)
    fresh = is_fresh(standing, now)
    decision["fresh"] = fresh
    if not fresh and standing.phase is Phase.RUNNING:
        say = NO_ROUND if standing.fresh_until is None else NOT_FRESH.format(after=STALE_AFTER * standing.every_s)
        decision["warnings"] = [*decision.get("warnings", ()), say]
        if decision.get("decision") == Verb.PROMOTE.value and decision.get("reason_code") != "told":
            # What was shown may no longer be so, and nobody would see it. A person's word stands without rounds.
            decision |= {
                "decision": Verb.HOLD.value,
                "final": False,
                "reason_code": "not_fresh",
                "reason": f"this was shown, but {say}",
            }
    return decision


def place_of(weights: tuple[float, ...], weight: float) -> int:
    """Return the place of the stage of a weight. Raises: NoSuchStage."""
    if weight in weights:
        return weights.index(weight)
    known = ", ".join(f"{one:g}" for one in weights)
    raise NoSuchStage(f"the gate has no stage of this weight; its stages have {known} (percent)")


def _of_stage(standing: Standing | Gate, decision: dict[str, Any], weight: float) -> dict[str, Any]:
    """Return what `decide` says of another stage than the gate's own, without its state."""
    asked, here = place_of(standing.weights, weight), _stage(standing)
    if asked == here or standing.phase in (Phase.ROLLED_BACK, Phase.CANCELLED):
        return decision
    is_behind = asked < here
    if (is_behind and decision.get("held_by")) or (not is_behind and standing.phase is Phase.INCONCLUSIVE):
        return decision
    said = {"decision": Verb.HOLD.value, "final": False, "reason_code": NOT_BEGUN}
    reason = f"the stage of {weight:g} % has not begun"
    if is_behind and asked < standing.shown_upto:
        said = {"decision": Verb.PROMOTE.value, "final": True, "reason_code": "shown"}
        reason = f"the stage of {weight:g} % was shown, and the gate is behind it"
    elif is_behind:
        said["reason_code"] = "stage_skipped"
        reason = f"the stage of {weight:g} % was skipped, and not shown since"
    stage = {"index": asked, "weight": weight, "since": None}
    return {**decision, "stage": stage, **said, "reason": f"{SHADOW}{reason}" if decision.get("shadow") else reason}


def _stage(standing: Standing | Gate) -> int:
    """Return the place of the stage that the gate is at, -1 before the first."""
    place = (standing.decision.get("stage") or {}).get("index")
    return place if isinstance(place, int) else -1

"""This file is for the rounds of a gate as its page shows them: what was seen on each side, in a few words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from reports.page import seconds
from reports.status.words import clipped, count
from scenarios.gates.records import RoundSeen, ScenarioSeen, Seat, SideSeen

_SAID = 300  # characters of one sentence
_SENTENCES = 3


@dataclass(frozen=True, slots=True)
class ShownSide:
    """One side in one round. `tone` is the worst of its scenarios."""

    tone: str
    word: str
    slowest: str
    answers: str  # by which version they were given, empty where all are right
    sentences: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ShownRound:
    """One round, with both of its sides."""

    at: datetime
    canary: ShownSide
    baseline: ShownSide


def shown_round(one: RoundSeen) -> ShownRound:
    """Return one round as the page shows it."""
    return ShownRound(datetime.fromtimestamp(one.at, UTC), _side(one.canary), _side(one.baseline))


def _side(side: SideSeen) -> ShownSide:
    bad = _of(side, Seat.BAD)
    unproven = _of(side, Seat.NONE)
    tone, word = "pass", f"{count(len(side.scenarios), 'scenario')} good"
    if not side.scenarios:
        tone, word = "inconclusive", "nothing was asked"
    elif side.unreachable:
        tone, word = "fail", "nothing answered"
    elif side.wrong:
        tone, word = "inconclusive", "answered by another version"
    elif bad:
        tone, word = "fail", f"{len(bad):,} of {count(len(side.scenarios), 'scenario')} bad"
    elif unproven:
        tone, word = "inconclusive", f"{len(unproven):,} of {count(len(side.scenarios), 'scenario')} not proven"
    slowest = max((one.seconds for one in side.scenarios.values() if one.seconds is not None), default=None)
    told = [f"{name}: {one.say or 'not good'}" for name, one in {**bad, **unproven}.items()]
    more = [f"and {len(told) - _SENTENCES} more"] if len(told) > _SENTENCES else []
    return ShownSide(
        tone=tone,
        word=word,
        slowest="" if slowest is None else seconds(slowest),
        answers=_answers(side),
        sentences=tuple(clipped(say, _SAID) for say in [*told[:_SENTENCES], *more]),
    )


def _of(side: SideSeen, seat: Seat) -> Mapping[str, ScenarioSeen]:
    return {name: one for name, one in side.scenarios.items() if one.seat is seat}


def _answers(side: SideSeen) -> str:
    if side.wrong:
        versions = f" ({', '.join(side.said_versions)})" if side.said_versions else ""
        return f"{side.wrong:,} of {count(side.right + side.wrong + side.unmarked, 'answer')} by another version{versions}"
    if side.unmarked:
        return f"{count(side.unmarked, 'answer')} without a version"
    return ""

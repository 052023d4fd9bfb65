"""This file is for the proof that answers came from the side that was asked: the version that each of them says."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, timedelta
from email.utils import parsedate_to_datetime
from statistics import median

from probes.jsonpath import find
from probes.net.answer import Answer
from probes.outcome import Json
from scenarios.gates.policy import Identity

KEPT = 3  # other versions than the wanted one
SHOWN = 100  # characters of each
_LOOKED_AT = 4096  # characters of a version that are redacted; far more than are shown, so that no half of a secret is left
_VALUES = 50  # of a JSONPath that are looked at
_CLOCKS = 50  # answers of a round whose Date is read
_LONGEST_DATE = 64  # characters; RFC 9110 section 5.6.7 needs 33 at most


@dataclass(slots=True)
class Proof:
    """What one side's answers of one round said: their versions, their times, how long each took."""

    identity: Identity
    version: str  # that is wanted
    redacted: Callable[[str], str]
    right: int = 0
    wrong: int = 0
    unmarked: int = 0
    slowest_s: dict[str, float] = field(default_factory=dict)  # by scenario
    _others: list[str] = field(default_factory=list)
    _offsets_s: list[float] = field(default_factory=list)

    def take(self, scenario: str, answer: Answer) -> None:
        """Look at one answer of a probe."""
        self.slowest_s[scenario] = max(self.slowest_s.get(scenario, 0.0), answer.duration_s)
        self._read_clock(answer)
        identity = self.identity
        if identity.header is None:
            return
        said = answer.all_headers(identity.header)
        if said or identity.path is None or identity.field is not None:  # else only the answers of `path` must say it
            self._count(said, was_kept=_was_kept(answer))

    def take_asked(self, answer: Answer) -> None:
        """Look at the answer of `identity.path`."""
        self._read_clock(answer)
        identity = self.identity
        said = _said_in(answer, identity.field) if identity.field is not None else answer.all_headers(identity.header or "")
        self._count(said, was_kept=_was_kept(answer))

    @property
    def said_versions(self) -> tuple[str, ...]:
        return tuple(self._others)

    @property
    def clock_offset_s(self) -> float | None:
        """Return by how much the side's clock is ahead of ours; None where no answer told its time."""
        return round(median(self._offsets_s), 1) if self._offsets_s else None

    def _count(self, said: list[str], *, was_kept: bool) -> None:
        """Count one answer; one that says several versions is of the right one only if all are that.

        One of the right version that a cache had kept was given by nobody: its side may be dead by now.
        """
        texts = [text for text in said if text.strip()]
        if not texts:
            self.unmarked += 1
            return
        others = [text for text in texts if text.strip() != self.version]
        if not others:
            self.right += not was_kept
            self.unmarked += was_kept
            return
        self.wrong += 1
        if len(self._others) < KEPT and (shown := self._shown(others[0])) not in self._others:
            self._others.append(shown)

    def _shown(self, text: str) -> str:
        printable = "".join(sign if sign.isprintable() else "�" for sign in text[:_LOOKED_AT].strip())
        return self.redacted(printable)[:SHOWN]

    def _read_clock(self, answer: Answer) -> None:
        date = answer.header("date")
        if date is None or len(date) > _LONGEST_DATE or len(self._offsets_s) >= _CLOCKS:
            return
        try:
            theirs = parsedate_to_datetime(date)
            theirs = theirs if theirs.tzinfo else theirs.replace(tzinfo=UTC)
            ours = answer.sent_at + timedelta(seconds=answer.duration_s / 2)
            # a Date is cut to whole seconds, so on the average it is half a second behind
            offset_s = (theirs - ours).total_seconds() + 0.5
        except (ValueError, OverflowError, TypeError):
            return
        if math.isfinite(offset_s):
            self._offsets_s.append(offset_s)


def _was_kept(answer: Answer) -> bool:
    """Return whether a cache gave the answer without asking the side. Source: RFC 9111 section 5.1."""
    age = (answer.header("age") or "").strip()
    return age.isascii() and age.isdigit() and bool(age.strip("0"))


def _said_in(answer: Answer, path: str) -> list[str]:
    try:
        found = find(path, answer.json())
    except ValueError:  # no JSON, or a path that cannot be followed in it
        return []
    return [text for value in found[:_VALUES] if (text := _as_text(value))]


def _as_text(value: Json) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool) or not isinstance(value, int | float):
        return ""
    try:
        return str(value)
    except ValueError:  # an integer of thousands of digits is no version
        return ""

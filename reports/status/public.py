"""This file is for the public page as data: chosen scenarios, their names, words, strips and ratios. Nothing else is in it.

What may not leave is not left out by the template: it never gets there. Targets have no names here: a scenario that is
asked of several of one environment is one part.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import zip_longest

from probes.outcome import Verdict
from reports.line import Line, Mark
from reports.status.strip import Strip, strip
from reports.status.words import ratio
from reports.store.watch.answers import Counts, Slot
from scenarios.watch.events import SeriesKey

MOST = 200  # parts; the banner counts all

WORDS = {
    "pass": "works", "degraded": "works, slower than it should", "fail": "is disturbed", "maintenance": "is in maintenance",
}  # fmt: skip
_UNKNOWN = "is not known at the moment"  # what could not be judged is our trouble, not the public's
_WORST = ("fail", "unasked", "maintenance", "degraded", "pass")
_TOLD = (Verdict.FAIL, Verdict.DEGRADED, Verdict.PASS)


@dataclass(frozen=True, slots=True)
class Part:
    """One scenario in one environment, at all its targets."""

    environment: str
    name: str
    lines: tuple[Line, ...]

    @property
    def tone(self) -> str:
        """Return the worst tone: what we could not prove is unknown, neither good nor the target's fault."""
        tones = {str(one.mark) if str(one.mark) in WORDS else "unasked" for one in self.lines}
        return next(tone for tone in _WORST if tone in tones)

    @property
    def disturbed_since(self) -> datetime | None:
        """Return since when the first of its failing targets fails."""
        return min((one.since_at for one in self.lines if one.mark is Mark.FAIL and one.since_at is not None), default=None)

    @property
    def keys(self) -> list[SeriesKey]:
        return [line.key for line in self.lines]


@dataclass(frozen=True, slots=True)
class Entry:
    """One part as the public sees it."""

    name: str
    tone: str
    words: str
    since_at: datetime | None  # of what is disturbed
    day: str
    month: str
    strip: Strip


@dataclass(frozen=True, slots=True)
class Place:
    """The parts of one environment."""

    name: str
    entries: tuple[Entry, ...]


def parts(lines: Sequence[Line], tags: Collection[str]) -> list[Part]:
    """Return what has one of the public tags, in the order of the page. Without public tags there is nothing.

    What is skipped and was never asked is left out. Once it was, being skipped means that what it needs is not well, and
    then leaving it out would let everything seem to work.
    """
    wanted = frozenset(tags)
    found: dict[tuple[str, str, str], list[Line]] = {}
    for line in lines:
        if (line.mark is not Mark.SKIPPED or line.good is not None) and wanted.intersection(line.subject.tags):
            found.setdefault((line.subject.environment, line.key.scenario, line.key.suite), []).append(line)
    return [Part(environment, name, tuple(members)) for (environment, name, _), members in sorted(found.items(), key=_first)]


def ratios(shown: Sequence[Part]) -> list[tuple[str, str]]:
    """Return the pass ratios of each part over a day and a month. To be called on the loop's thread: windows move there."""
    return [(_ratio(part, "24h"), _ratio(part, "30d")) for part in shown]


def places(shown: Sequence[Part], passed: Sequence[tuple[str, str]], slots: Mapping[SeriesKey, Sequence[Slot]]) -> list[Place]:
    """Return the page's entries by environment; `passed` are the ratios of each part."""
    found: dict[str, list[Entry]] = {}
    for part, (day, month) in zip(shown, passed, strict=True):
        drawn = strip(_joined([slots.get(key, ()) for key in part.keys]))
        entry = Entry(part.name, part.tone, WORDS.get(part.tone, _UNKNOWN), part.disturbed_since, day, month, drawn)
        found.setdefault(part.environment, []).append(entry)
    return [Place(name, tuple(entries)) for name, entries in found.items()]


def _ratio(part: Part, window: str) -> str:
    return ratio(sum((line.counts(window) for line in part.lines), Counts()).pass_ratio)


def headline(shown: Sequence[Part]) -> tuple[str, str]:
    """Return tone and sentence of the banner, over all parts."""
    tones = [part.tone for part in shown]
    if not tones:
        return "skipped", "Nothing is shown here yet"
    if "fail" in tones:
        broken = tones.count("fail")
        return "fail", "One part is disturbed" if broken == 1 else f"{broken} parts are disturbed"
    if "unasked" in tones:
        return "inconclusive", "Not everything is known at the moment"
    if "degraded" in tones:
        return "degraded", "Everything works, some of it slower than it should"
    return ("maintenance", "Maintenance is going on") if "maintenance" in tones else ("pass", "Everything works")


def _first(item: tuple[tuple[str, str, str], list[Line]]) -> tuple[str, str, str]:
    return item[0]


def _joined(strips: Sequence[Sequence[Slot]]) -> list[Slot]:
    """Return one strip of those of several targets. What we could not prove, or did not ask, is the same grey."""
    return [_worst([slot for slot in slots if slot is not None]) for slots in zip_longest(*strips)]


def _worst(slots: Sequence[Slot]) -> Slot:
    counts = sum((slot.counts for slot in slots), Counts())
    told = next((verdict for verdict in _TOLD if any(slot.worst is verdict for slot in slots)), None)
    return Slot(
        slots[0].at, slots[0].length_s, Counts(passed=counts.good, failed=counts.failed, maintained=counts.maintained), told
    )

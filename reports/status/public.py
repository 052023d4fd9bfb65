"""This file is for the public page as data: chosen scenarios, their names, words, strips and ratios. Nothing else is in it.

What may not leave is not left out by the template: it never gets there.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from probes.outcome import Verdict
from reports.line import Line, Mark
from reports.status.strip import Strip
from reports.status.words import ratio
from reports.store.watch.answers import Slot
from scenarios.watch.events import SeriesKey

MOST = 200  # entries; the banner counts all

WORDS = {
    "pass": "works", "degraded": "works, slower than it should", "fail": "is disturbed", "maintenance": "is in maintenance",
}  # fmt: skip
_UNKNOWN = "is not known at the moment"  # what could not be judged is our trouble, not the public's


@dataclass(frozen=True, slots=True)
class Entry:
    """One scenario as the public sees it."""

    name: str
    tone: str
    words: str
    day: str
    month: str
    strip: Strip


@dataclass(frozen=True, slots=True)
class Place:
    """The chosen scenarios of one environment, which is all that is said of where they run."""

    name: str
    entries: tuple[Entry, ...]


def chosen(lines: Sequence[Line], tags: Collection[str]) -> list[Line]:
    """Return the lines with one of the public tags, in the order of the page. Without public tags there are none."""
    wanted = frozenset(tags)
    found = (line for line in lines if wanted.intersection(line.subject.tags))
    return sorted(found, key=lambda line: (line.subject.environment, line.key.scenario, line.key.target))


def entries(lines: Sequence[Line], strips: Mapping[SeriesKey, Strip]) -> list[Place]:
    """Return what the page shows. To be called on the loop's thread; `strips` hold what was made for the public."""
    places: dict[str, list[Entry]] = {}
    for line in lines:
        tone, ratios = tone_of(line), line.ratios()
        entry = Entry(
            line.key.scenario, tone, WORDS.get(tone, _UNKNOWN), ratio(ratios["24h"]), ratio(ratios["30d"]), strips[line.key]
        )
        places.setdefault(line.subject.environment, []).append(entry)
    return [Place(name, tuple(found)) for name, found in places.items()]


def public_slot(slot: Slot) -> Slot:
    """Return a slot as the public sees it: what we could not prove, or did not ask, is the same grey."""
    told = slot.worst if slot.worst in (Verdict.PASS, Verdict.DEGRADED, Verdict.FAIL) else None
    return Slot(slot.at, slot.length_s, replace(slot.counts, missed=0), told)


def tone_of(line: Line) -> str:
    """Return the public tone of a line: what we could not prove is unknown, neither good nor the target's fault."""
    return str(line.mark) if line.mark in (Mark.PASS, Mark.DEGRADED, Mark.FAIL, Mark.MAINTENANCE) else "unasked"


def headline(lines: Sequence[Line]) -> tuple[str, str]:
    """Return tone and sentence of the banner, over all chosen lines."""
    tones = [tone_of(line) for line in lines]
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

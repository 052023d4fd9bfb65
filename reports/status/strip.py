"""This file is for the heat strip: ninety slots of one series as a few SVG paths, where shape tells what colour tells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from reports.status.words import age, ratio
from reports.store.watch.answers import Slot

SLOTS = 90
RANGES_S = {"7.5h": 300, "30h": 1200, "30d": 28_800}  # the slot's length by the name of the range
USUAL = "7.5h"
SAID = {"7.5h": "7.5 hours", "30h": "30 hours", "30d": "30 days"}
WIDTH, HEIGHT = 5 * SLOTS, 20
# Each verdict has a shape of its own, (y, height) from the top: what is bad stands tall, and each kind is cut elsewhere.
_SHAPES = {
    "fail": ((0, 20),),
    "error": ((0, 13), (16, 4)),
    "inconclusive": ((0, 5), (7, 6), (15, 5)),
    "degraded": ((5, 15),),
    "pass": ((9, 11),),
    "skipped": ((15, 5),),
    "maintenance": ((9, 3), (17, 3)),
    "missed": ((17, 3),),
    "none": ((19, 1),),
}


@dataclass(frozen=True, slots=True)
class Path:
    """All slots of one kind, as the `d` of one path."""

    kind: str
    d: str


@dataclass(frozen=True, slots=True)
class Place:
    """One slot to point at: where it is, and what is said of it."""

    x: int
    title: str


@dataclass(frozen=True, slots=True)
class Strip:
    """One strip. `kinds` is a letter a slot (`page.js` speaks it on hover); `words` is what a screen reader says."""

    paths: tuple[Path, ...]
    words: str
    kinds: str
    from_at: datetime
    slot_s: int
    places: tuple[Place, ...] = ()


LEGEND = (
    ("pass", "passed"), ("degraded", "degraded"), ("fail", "failed"), ("error", "could not be judged"),
    ("inconclusive", "proved nothing"), ("skipped", "skipped"), ("maintenance", "in maintenance"),
    ("missed", "due and not asked"), ("none", "not asked"),
)  # fmt: skip
LETTERS = {"fail": "f", "error": "e", "inconclusive": "i", "degraded": "d", "pass": "p", "skipped": "s",
           "maintenance": "m", "missed": "x", "none": "n"}  # fmt: skip


def until(now: datetime, slot_s: int) -> datetime:
    """Return the end of the slot that is going on: strips end there, so that slots never move within themselves."""
    return datetime.fromtimestamp((int(now.timestamp()) // slot_s + 1) * slot_s, UTC)


def strip(slots: Sequence[Slot], *, spoken: bool = False) -> Strip:
    """Return the strip of these slots, oldest first; with `spoken` every slot has its own words to point at."""
    kinds = [kind_of(slot) for slot in slots]
    present = set(kinds)
    paths = tuple(Path(kind, _d(kinds, kind)) for kind in _SHAPES if kind in present)
    places = (
        [Place(5 * at, _title(slot, kind)) for at, (slot, kind) in enumerate(zip(slots, kinds, strict=True))] if spoken else ()
    )
    start, slot_s = (slots[0].at, slots[0].length_s) if slots else (datetime.fromtimestamp(0, UTC), 0)
    return Strip(paths, _words(slots, kinds), "".join([LETTERS[kind] for kind in kinds]), start, slot_s, tuple(places))


def legend() -> list[tuple[str, str, str]]:
    """Return every kind with its words and a bar of it."""
    return [(kind, said, "".join(f"M3 {y}h4v{high}h-4z" for y, high in _SHAPES[kind])) for kind, said in LEGEND]


def kind_of(slot: Slot) -> str:
    """Return the kind of one slot: its worst verdict, else why there is none."""
    if slot.worst is not None:
        return slot.worst.value
    if slot.counts.maintained:
        return "maintenance"
    return "missed" if slot.counts.missed else "none"


def _d(kinds: Sequence[str], wanted: str) -> str:
    """Return bars of one kind as path commands. Each bar is 4 wide, and 1 is left free beside it."""
    shapes = [f" {y}h4v{high}h-4z" for y, high in _SHAPES[wanted]]
    return "".join([f"M{5 * at}{shape}" for at, kind in enumerate(kinds) if kind == wanted for shape in shapes])


def _words(slots: Sequence[Slot], kinds: Sequence[str]) -> str:
    if not slots:
        return "no history"
    length = age(len(slots) * slots[0].length_s)
    good = asked = 0
    for slot in slots:  # fifty strips are made for a page: adding Counts up would take longer than all else
        c = slot.counts
        good += c.passed + c.degraded
        asked += c.passed + c.degraded + c.failed + c.errors + c.inconclusive
    if not asked:
        return f"last {length}: nothing was asked"
    bad = sum(kind in ("fail", "error", "inconclusive") for kind in kinds)
    of_bad = f"not good in {bad} of {len(slots)} slots" if bad else "good throughout"
    unseen = sum(kind in ("none", "missed") for kind in kinds)
    of_unseen = f", not watched in {unseen}" if unseen else ""
    return f"last {length}: {ratio(good / asked)} passed, {of_bad}{of_unseen}"


def _title(slot: Slot, kind: str) -> str:
    c = slot.counts
    named = (
        (c.failed, "failed"), (c.errors, "not judged"), (c.inconclusive, "proved nothing"), (c.degraded, "degraded"),
        (c.passed, "passed"), (c.skipped, "skipped"), (c.maintained, "in maintenance"), (c.missed, "missed"),
    )  # fmt: skip
    told = ", ".join(f"{many} {word}" for many, word in named if many) or "nothing was asked"
    return f"{slot.at:%Y-%m-%d %H:%M} UTC, {age(slot.length_s)}: {told}"

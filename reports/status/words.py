"""This file is for the words of the status page: ages, instants, ratios and verdicts, as people say them."""

from __future__ import annotations

from datetime import datetime

from reports.page import MARKS

ALL_MARKS = {**MARKS, "maintenance": "◐", "unasked": "·", "stale": "…", "missed": "×", "none": "·",
             "running": "▸", "coming": "○"}  # fmt: skip
# A mark as a person says it of several scenarios: `2 failing, 1 not being asked`.
COUNTED = {
    "fail": "failing", "error": "not judged", "inconclusive": "not proven", "degraded": "degraded", "pass": "passing",
    "skipped": "skipped", "maintenance": "in maintenance", "unasked": "not asked yet", "stale": "not being asked",
}  # fmt: skip
# And as a person says it of one.
SAID = {
    "fail": "Fails", "error": "Could not be judged", "inconclusive": "Proves nothing", "degraded": "Passes, degraded",
    "pass": "Passes", "skipped": "Skipped", "maintenance": "In maintenance", "unasked": "Not asked yet",
    "stale": "Not being asked",
}  # fmt: skip


def age(seconds: float) -> str:
    """Return how long ago or how long for: `4 s`, `12 min`, `3 h 5 min`, `2 d 4 h`. `page.js` has the same rule."""
    left = max(0, int(seconds))
    if left < 60:
        return f"{left} s"
    if left < 3600:
        return f"{left // 60} min"
    if left < 86_400:
        return _two(left // 3600, "h", left % 3600 // 60, "min")
    return _two(left // 86_400, "d", left % 86_400 // 3600, "h")


def since(at: datetime | None, now: datetime) -> str:
    """Return the age of an instant, or `never`."""
    return "never" if at is None else age((now - at).total_seconds())


def instant(at: datetime) -> str:
    """Return an instant for people without a clock of their own in the page: `2026-11-21 10:42:03 UTC`."""
    return at.strftime("%Y-%m-%d %H:%M:%S UTC")


def ratio(value: float | None) -> str:
    """Return a pass ratio: `100 %` only where every tick was good, `–` where none was asked; never rounded up."""
    if value is None:
        return "–"
    if value in (0, 1):
        return f"{value * 100:.0f} %"
    return f"{min(int(value * 10_000) / 100, 99.99):.2f} %"


def number(count: int) -> str:
    """Return a count with its thousands set apart."""
    return f"{count:,}"


def count(many: int, one: str, more: str = "") -> str:
    """Return `1 scenario`, `143 scenarios`."""
    return f"{number(many)} {one if many == 1 else more or one + 's'}"


def clipped(text: str, most: int) -> str:
    """Return a text that is no longer than so many characters."""
    return text if len(text) <= most else text[: most - 1] + "…"


def _two(first: int, unit: str, second: int, smaller: str) -> str:
    return f"{first} {unit} {second} {smaller}" if second else f"{first} {unit}"

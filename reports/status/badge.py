"""This file is for badges: small SVG pictures of a verdict or a pass ratio, for a README or a wiki."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape, quoteattr

from reports.line import Line, Mark
from reports.status.words import clipped, number, ratio

LABEL_MOST = 60
_COLOURS = {
    "pass": "#1b6b3a", "degraded": "#7a5f00", "fail": "#b3261e", "error": "#8a4b00", "inconclusive": "#6a4bb5",
    "stale": "#8a4b00",
}  # fmt: skip
_GREY = "#5a6572"
_WORST = (Mark.FAIL, Mark.ERROR, Mark.INCONCLUSIVE, Mark.STALE, Mark.DEGRADED, Mark.PASS)
_SAID = {
    "pass": "passing", "degraded": "degraded", "fail": "failing", "error": "not judged", "inconclusive": "not proven",
    "stale": "not asked", "maintenance": "maintenance", "unasked": "unknown", "skipped": "skipped",
}  # fmt: skip
# Widths of the font's letters in tenths of a pixel at 11 px, close enough: the text is then fitted by `textLength`.
_NARROW, _WIDE, _USUAL = "iljtf.,:;'| !()[]", "mwMW@%", 66


@dataclass(frozen=True, slots=True)
class Badge:
    """What a badge says. `tone` colours its right half; any that is not known is grey."""

    label: str
    message: str
    tone: str


def of_line(line: Line | None, window: str = "") -> Badge:
    """Return the badge of one series: its verdict, or its pass ratio over a window. An unknown one is grey."""
    if line is None:
        return Badge("vedette", "unknown", "none")
    if window:
        value = line.ratios().get(window)
        return Badge(line.key.scenario, f"{ratio(value)} in {window}" if value is not None else "unknown", _tone(value))
    return Badge(line.key.scenario, _SAID[line.mark], str(line.mark))


def of_group(suite: str, target: str, lines: Sequence[Line], window: str = "") -> Badge:
    """Return the badge of a suite at a target: how many are broken, or the good share of all its ticks."""
    label = f"{suite} at {target}"
    if not lines:
        return Badge("vedette", "unknown", "none")
    if window:
        counts = [line.counts(window) for line in lines]
        asked = sum(one.asked for one in counts)
        value = sum(one.good for one in counts) / asked if asked else None
        return Badge(label, f"{ratio(value)} in {window}" if value is not None else "unknown", _tone(value))
    worst = next((mark for mark in _WORST if any(line.mark is mark for line in lines)), None)
    if worst is None:
        return Badge(label, "unknown", "none")
    many = sum(line.mark is worst for line in lines)
    said = _SAID[worst] if worst is Mark.PASS else f"{number(many)} of {number(len(lines))} {_SAID[worst]}"
    return Badge(label, said, str(worst))


def svg(badge: Badge) -> str:
    """Return the picture. Whatever the texts hold, they stay texts."""
    label, message = _plain(clipped(badge.label, LABEL_MOST)), _plain(badge.message)
    left, right = _width(label) + 12, _width(message) + 12
    title = f"{label}: {message}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{left + right}" height="20" role="img" aria-label={quoteattr(title)}>'
        f"<title>{escape(title)}</title>"
        f'<clipPath id="r"><rect width="{left + right}" height="20" rx="4"/></clipPath><g clip-path="url(#r)">'
        f'<rect width="{left}" height="20" fill="#3b4450"/>'
        f'<rect x="{left}" width="{right}" height="20" fill="{_COLOURS.get(badge.tone, _GREY)}"/></g>'
        '<g fill="#fff" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11">'
        f'<text x="6" y="14" textLength="{left - 12}" lengthAdjust="spacingAndGlyphs">{escape(label)}</text>'
        f'<text x="{left + 6}" y="14" textLength="{right - 12}" lengthAdjust="spacingAndGlyphs">{escape(message)}</text>'
        "</g></svg>"
    )


def _tone(value: float | None) -> str:
    if value is None:
        return "none"
    return "pass" if value >= 0.999 else "degraded" if value >= 0.99 else "fail"


def _plain(text: str) -> str:
    """Return a text without what XML does not allow at all, escaped or not. Source: XML 1.0, section 2.2."""
    return "".join(c if c.isprintable() else "�" for c in text)


def _width(text: str) -> int:
    return sum(35 if c in _NARROW else 95 if c in _WIDE or ord(c) > 0x2E80 else _USUAL for c in text) // 10 + 1

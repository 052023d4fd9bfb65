"""This file is for what pages load beside themselves: style, script and icons, each named by what it holds."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from hashlib import sha256
from typing import NamedTuple

from reports.stage import TEMPLATES, stylesheet

_TYPES = {"css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8", "svg": "image/svg+xml"}
# The icon of a page by its tone: colour and shape, drawn in a box of 32.
_ICONS = {
    "pass": ("#1b6b3a", "M9 17l5 5 9-12"),
    "degraded": ("#8a6d00", "M16 8l9 16H7z"),
    "fail": ("#b3261e", "M10 10l12 12M22 10L10 22"),
    "error": ("#8a4b00", "M16 7v11M16 23v2"),
    "inconclusive": ("#6a4bb5", "M11 12a5 5 0 1 1 6 5v2M17 23v2"),
    "skipped": ("#5a6572", "M9 16h14"),
}


class Asset(NamedTuple):
    """One file as it is sent."""

    content: bytes
    media_type: str


def asset(name: str) -> str:
    """Return the address of `page.css`, `page.js` or `icon-TONE.svg`. It changes with the content, so it is kept for ever."""
    return f"/assets/{_hashed()[name]}"


def icon_of(tone: str) -> str:
    """Return the address of the icon that shows a tone."""
    return asset(f"icon-{tone if tone in _ICONS else 'error' if tone == 'stale' else 'skipped'}.svg")


def find(hashed: str) -> Asset | None:
    """Return the file of that name with its hash, None for any other."""
    return _by_hashed_name().get(hashed)


@cache
def _hashed() -> Mapping[str, str]:
    names = {}
    for name, text in _sources().items():
        stem, _, ending = name.rpartition(".")
        names[name] = f"{stem}.{sha256(text.encode()).hexdigest()[:12]}.{ending}"
    return names


@cache
def _by_hashed_name() -> Mapping[str, Asset]:
    return {_hashed()[name]: Asset(text.encode(), _TYPES[name.rpartition(".")[2]]) for name, text in _sources().items()}


@cache
def _sources() -> Mapping[str, str]:
    icons = {f"icon-{tone}.svg": _icon(*drawn) for tone, drawn in _ICONS.items()}
    css = stylesheet("report.css") + stylesheet("page.css")
    return {"page.css": css, "page.js": (TEMPLATES / "page.js").read_text(encoding="utf-8"), **icons}


def _icon(colour: str, d: str) -> str:
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">'
        f'<rect width="32" height="32" rx="7" fill="{colour}"/>'
        f'<path d="{d}" fill="none" stroke="#fff" stroke-width="4" stroke-linecap="round" stroke-linejoin="round"/></svg>'
    )

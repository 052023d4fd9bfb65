"""This file is for setting a page of the service: the frame around every page, and what all templates may call."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlencode

from reports.page import seconds
from reports.stage import rendered
from reports.status import words
from reports.status.assets import asset, icon_of

NAV = (("overview", "/", "Overview"), ("deployments", "/deployments", "Deployments"), ("gates", "/gates", "Gates"),
       ("maintenance", "/maintenance", "Maintenance"), ("runs", "/runs", "Runs"))  # fmt: skip


@dataclass(frozen=True, slots=True)
class Frame:
    """What stands around a page. `events` is the address of live updates, empty where a page has none."""

    now: datetime
    version: str = ""
    csrf: str = ""
    who: str = ""  # who is signed in, empty without authentication
    sign_out: str = ""  # where to sign out, empty where nobody is signed in
    may_write: bool = False
    events: str = "/api/v1/events"
    public: bool = False


def page(template: str, frame: Frame, *, title: str, tone: str, here: str = "", **given: Any) -> str:
    """Return a whole page. Everything given is escaped; `tone` colours the icon of the tab."""
    now = frame.now
    return rendered(
        template, frame=frame, title=title, tone=tone, here=here, nav=NAV, now=now, icon=icon_of(tone), asset=asset,
        marks=words.ALL_MARKS, seconds=seconds, number=words.number, ratio=words.ratio, instant=words.instant,
        age=lambda at: words.since(at, now), count=words.count, query=link, segment=segment, **given,
    )  # fmt: skip


def link(path: str, query: dict[str, str]) -> str:
    """Return an address with a query, which may be empty."""
    return f"{path}?{urlencode(query)}" if query else path


def segment(text: str) -> str:
    """Return a text as one segment of a path."""
    return quote(text, safe="")

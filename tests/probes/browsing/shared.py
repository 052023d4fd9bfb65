"""This file is for sites on loopback that a browser looks at, and for what it said of them."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from probes.kinds.browser import Browser
from probes.outcome import Outcome, Subject
from probes.probe import ask
from probes.session import Session
from probes.target import Target
from tests.probes.kinds.loopback import Asked, Loopback, Reply

SUBJECT = Subject("test", "a visitor books", "browser", "loopback", "development")
HOSTS = {"127.0.0.1": "127.0.0.1", "cdn.test": "127.0.0.1", "api.test": "127.0.0.1"}


def html(body: str, *, title: str = "A page", status: int = 200) -> Reply:
    page = f"<!doctype html><html><head><title>{title}</title></head><body>{body}</body></html>"
    return Reply(status, page.encode(), (("Content-Type", "text/html; charset=utf-8"),))


def site(pages: Mapping[str, str | Reply]) -> Loopback:
    """Return a site of these paths; all else is not found."""

    def answer(asked: Asked) -> Reply:
        page = pages.get(asked.path.partition("?")[0])
        return html("<h1>Nothing here</h1>", status=404) if page is None else html(page) if isinstance(page, str) else page

    return Loopback(answer)


async def resolve(host: str, port: int) -> list[str]:
    if host not in HOSTS:
        raise OSError(f"{host} is nobody")
    return [HOSTS[host]]


async def visited(
    url: str, options: Mapping[str, Any], *, artifacts: Path | None = None, deadline_s: float = 60.0, **target: Any
) -> Outcome:
    """Walk a journey at that address through the real frame; options are the probe's, the others the target's."""
    aim = Target.model_validate({"name": "loopback", "base_url": url, "private_networks": True, **target})
    session = Session(target=aim, subject=SUBJECT, run_id="run-1", resolve=resolve, artifacts=artifacts)
    probe = Browser.model_validate({"within": 5, "keep": "never" if artifacts is None else "on_failure", **options})
    return await ask(probe, session, run_id="run-1", deadline_s=deadline_s)


def said(outcome: Outcome) -> str:
    return "\n".join([outcome.sentence, *(one.say for one in outcome.checks if one.say)])


def alive(mark: str) -> list[int]:
    """Return the processes that live in the environment of a browser with that mark."""
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            with contextlib.suppress(OSError):
                environ = Path(f"/proc/{entry}/environ").read_bytes()
                if f"VEDETTE_BROWSER={mark}\0".encode() in environ:
                    found.append(int(entry))
    return found

"""This file is for asking as a visitor does: a journey through pages, in a real browser."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, PositiveInt, field_validator, model_validator

from probes.browsing.artifacts import Keep
from probes.browsing.driver import NoBrowser
from probes.browsing.journey_file import checked
from probes.browsing.steps import Look, Step
from probes.fields import Configured, Duration
from probes.outcome import Check, broken
from probes.probe import Probe

if TYPE_CHECKING:
    from probes.session import Session


def _host_alone(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9.-]+", value):
        raise ValueError("should be the name of a host alone, without scheme, port and path")
    return value


HostAlone = Annotated[str, AfterValidator(_host_alone)]


class Mind(StrEnum):
    """What a complaint of the pages means."""

    FAIL = "fail"
    WARN = "warn"
    IGNORE = "ignore"


class Viewport(Configured):
    """The size of the window, in CSS pixels."""

    width: int = Field(1280, ge=100, le=7680)  # from the left to the right
    height: int = Field(800, ge=100, le=4320)  # from the top to the bottom


class Browser(Probe, kind="browser"):
    """Walk a journey through the target's pages in a real Chromium: `journey`, or `file` with `expect`.

    One browser for each probe, with nothing in it; it reaches the target's host and `allow_hosts` only. Needs the extra
    `browser` and a Chromium: the one that VEDETTE_CHROMIUM names, one on the PATH, or Playwright's own.
    The control: what the journey expects last is looked for on a page that cannot exist, and must not be there.
    """

    extra: ClassVar[str] = "browser"

    journey: tuple[Step, ...] = ()  # what the visitor does, and must see
    file: Path | None = None  # a Python file with `async def journey(page, values)` instead; needs `expect`
    expect: Look | None = None  # what the page must show when the journey of a `file` is done
    viewport: Viewport | None = None  # default: 1280 x 800, or that of a telephone
    mobile: bool = False  # true: a telephone with a touch screen
    dark: bool = False  # true: the visitor likes it dark
    locale: str | None = Field(
        default=None, pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$"
    )  # the visitor's language, such as de-DE
    timezone: str | None = None  # where the visitor is, such as Europe/Berlin
    allow_hosts: tuple[HostAlone, ...] = ()  # hosts beside the target's own that may be asked
    console_errors: Mind = Mind.WARN  # errors of scripts; `fail`, `warn` or `ignore`
    failed_requests: Mind = Mind.WARN  # answers of 400 and more from the target to what its pages ask for
    within: Annotated[Duration, Field(gt=0)] = 5.0  # of one step that does not say
    duration: Annotated[Duration, Field(gt=0)] = 25.0  # hard: of the whole journey; should be below the scenario's `timeout`
    warn_above: Duration | None = None  # soft: a longer journey is degraded
    max_bytes: PositiveInt = 64 * 1024 * 1024  # of all that the pages load, as it comes over the wire
    keep: Keep = Keep.ON_FAILURE  # pictures, console and trace: `on_failure`, `always` or `never`

    @field_validator("file")
    @classmethod
    def _a_journey(cls, file: Path | None) -> Path | None:
        if file is not None:
            checked(file)
        return file

    @model_validator(mode="after")
    def _one_way(self) -> Browser:
        if bool(self.journey) == (self.file is not None):
            raise ValueError("give either 'journey' or 'file'")
        if self.file is not None:
            if self.expect is None:
                raise ValueError("beside 'file' give 'expect': what the page must show when the journey is done")
        elif self.expect is not None:
            raise ValueError("'expect' stands beside 'file'; in a 'journey' it is a step")
        elif not any(step.expect is not None for step in self.journey):
            raise ValueError("the journey expects nothing, so it would prove nothing: end it with a step 'expect'")
        elif self.journey[0].open is None:
            raise ValueError("a journey begins with 'open'")
        if self.warn_above is not None and self.warn_above >= self.duration:
            raise ValueError("'warn_above' should be shorter than 'duration', or it never warns")
        return self

    @property
    def last_look(self) -> Look:
        """Return what is expected last."""
        return self.expect or next(step.expect for step in reversed(self.journey) if step.expect is not None)

    @property
    def types_secrets(self) -> bool:
        return any(step.types_a_secret for step in self.journey)

    def variables(self) -> frozenset[str]:
        return frozenset(step.capture.into for step in self.journey if step.capture is not None)

    async def ask(self, session: Session) -> AsyncIterator[Check]:
        from probes.browsing.visit import Visit

        why_not = _unfit(session)
        if why_not:
            yield broken("the browser can reach the target as it is described", why_not)
            return
        try:
            async for made in Visit(self, session).checks():
                yield made
        except NoBrowser as problem:
            yield broken("there is a browser that starts", str(problem))


def _unfit(session: Session) -> str:
    """Return why a browser cannot be used with this target, or an empty text."""
    tls = session.target.tls
    given = [name for name in ("ca_file", "server_name", "client_certificate") if getattr(tls, name) is not None]
    if given and urlsplit(session.target.base_url).scheme == "https":
        return (
            f"a browser cannot be given 'tls.{given[0]}' of target '{session.target.name}'; "
            "let the machine trust the authority, or leave the kind 'browser' to another target"
        )
    return ""

"""This file is for walking a journey: each step done within its time, and said in words where it could not be."""

from __future__ import annotations

import asyncio
import contextlib
from collections import ChainMap
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from probes.browsing.artifacts import Artifacts
from probes.browsing.blame import CRASHED, LED_TO, Blame, blame
from probes.browsing.seeing import Sight, excerpt, located, reasons_now, sights, until_all_hold
from probes.browsing.steps import Look, Place, Step
from probes.browsing.traffic import Traffic
from probes.expect import reason_of
from probes.fields import Secret
from probes.net.building import BadRequestTemplate
from probes.outcome import Check, Evidence, broken, check
from probes.request import RequestTemplate, UnknownVariable, fill
from probes.shorten import shorten

if TYPE_CHECKING:
    from probes.session import Session

_HANG_S = 1.0  # more than Playwright's own time-out, for what it cannot bound in a page that hangs
_LOOK_S = 2.0  # for what is only looked at to explain a failure
_TEXT = 1000  # characters of a captured text


@dataclass(slots=True)
class Walk:
    """One walk through the pages in one tab."""

    page: Any
    session: Session
    traffic: Traffic
    artifacts: Artifacts
    within_s: float  # of a step that does not say
    steps: int = 0  # how many there are
    captured: dict[str, Any] = field(default_factory=dict)
    is_over: bool = False  # nothing can follow
    last_look_s: float = 0.0  # how long the last expectation took to hold

    @property
    def values(self) -> Mapping[str, Any]:
        return ChainMap(self.captured, self.session.values)  # type: ignore[arg-type]

    @property
    def where(self) -> str:
        """Return the page that the visitor is on, never its query."""
        url = self.page.url if self.page.url.startswith("http") else self.traffic.last_page
        return self.traffic.below(url).partition("?")[0].partition("#")[0] or "an empty tab"

    async def take(self, step: Step, number: int) -> list[Check]:
        """Do one step and return what came of it."""
        name = f"step {number}: {step}"
        self.session.doing = f"the browser was at step {number} of {self.steps} ({step})"
        try:
            look = step.wait_for.as_look() if step.wait_for is not None else step.expect
            if look is not None:
                return await self._look(look, number, step.within or self.within_s, promised=step.expect is not None)
        except UnknownVariable:
            raise
        except ValueError as problem:
            return [broken(name, f"step {number} does not take the captured values: {reason_of(problem)}")]
        found = await self.bounded(self._deed(step), step.within or self.within_s)
        if found is None:
            return [check(name, holds=True, expected="done", observed="done")]
        return [await self.failed(name, f"step {number} of {self.steps} ({step})", found)]

    async def bounded(self, work: Any, within_s: float) -> Blame | None:
        """Await a deed within its time, though the page hang, and return who is to blame where it fails."""
        limit = asyncio.timeout(within_s + _HANG_S)
        try:
            async with limit:
                found: Blame | None = await work
                return found
        except (UnknownVariable, BadRequestTemplate):
            raise
        except TimeoutError as problem:
            return blame(problem, within_s)
        except Exception as problem:  # Playwright's errors, of which some are plain ones
            return blame(problem, within_s)

    async def failed(self, name: str, at: str, found: Blame) -> Check:
        """Return the check of a deed that could not be done, with a picture of the page."""
        if self.traffic.crashed:
            found = CRASHED
        self.is_over = found.dead
        if self.traffic.trouble:
            found = Blame(self.traffic.trouble, ours=True, dead=True)  # whatever came of it
        where, last = self.where, self.traffic.below(self.traffic.last_page).partition("?")[0]
        why = found.why.replace(LED_TO, f"{LED_TO} ({last})") if last else found.why
        instead, evidence = await self._explained(found)
        say = f"a visitor gets no further than {at} on {where}: {why}{instead}"
        if found.ours:
            return broken(name, say, evidence)
        return check(name, holds=False, expected="done", observed=why, say=say, evidence=evidence)

    async def _look(self, look: Look, number: int, within_s: float, *, promised: bool) -> list[Check]:
        wanted = sights(look, self.traffic, self.values, self.session.now)
        names = [f"step {number}: the page {sight.phrase}" for sight in wanted]
        began = self.session.monotonic()
        try:
            async with asyncio.timeout(within_s):
                await until_all_hold(self.page, wanted, lambda: self.traffic.trouble)
        except TimeoutError:
            return await self._unseen(wanted, names, number, within_s, promised=promised)
        except Exception as problem:  # Playwright's errors: a bad selector, a page that is gone
            return [await self.failed(names[0], f"step {number} of {self.steps}", blame(problem, within_s))]
        self.last_look_s = self.session.monotonic() - began
        return [
            check(name, holds=True, expected=sight.phrase, observed="so it is") for name, sight in zip(names, wanted, strict=True)
        ]

    async def _unseen(
        self, wanted: list[Sight], names: list[str], number: int, within_s: float, *, promised: bool
    ) -> list[Check]:
        try:
            async with asyncio.timeout(_LOOK_S):
                reasons = await reasons_now(self.page, wanted)
        except Exception as problem:  # a page that hangs or is gone shows nothing
            found = blame(problem, within_s)
            found = found if found.dead else Blame(f"the page did not react within {within_s:g} s", hangs=True)
            return [await self.failed(names[0], f"step {number} of {self.steps}", found)]
        if not any(reasons):  # it came late
            reasons = [f"it took longer than {within_s:g} s"] * len(reasons)
        if self.traffic.trouble:
            return [await self.failed(names[0], f"step {number} of {self.steps}", Blame(self.traffic.trouble, ours=True))]
        instead, evidence = await self._explained(Blame(""))
        made = []
        deed = "does not see what it should" if promised else "waits in vain"
        for sight, name, reason in zip(wanted, names, reasons, strict=True):
            say = f"a visitor of {self.where} {deed} (step {number} of {self.steps}: the page {sight.phrase}): "
            say += f"{reason} after {within_s:g} s{instead}"
            kept = evidence if reason else ()
            made.append(
                check(name, holds=not reason, expected=sight.phrase, observed=reason or "so it is", say=say, evidence=kept)
            )
        return made

    async def _explained(self, found: Blame) -> tuple[str, list[Evidence]]:
        """Return what the page shows and complains of instead, for the end of a sentence, and the evidence."""
        shows, traffic = "", self.traffic
        seen = not found.dead and not found.hangs and self.page.url.startswith("http")
        if seen:
            with contextlib.suppress(Exception):  # a page that hangs or is gone shows nothing
                async with asyncio.timeout(_LOOK_S):
                    shows = f"; the page shows {await excerpt(self.page)}"
        causes = [f"{bad.method} {bad.path} {bad.what}" for bad in traffic.bad[-1:]]
        causes += [f"its script says '{shorten(text, 120)}'" for text in traffic.errors[-1:]]
        trail = f" (correlation id {traffic.page_id})" if traffic.page_id else ""
        data = {"console": traffic.console[-10:], "dialogs": traffic.dialogs[-3:], "correlation_id": traffic.page_id}
        evidence = [Evidence("page", f"{self.where} as the visitor saw it last", data)]
        evidence += await self.artifacts.picture(self.page, "failed") if seen else []
        return shows + "".join(f"; {cause}" for cause in causes) + trail, evidence

    async def _deed(self, step: Step) -> Blame | None:
        within_ms = (step.within or self.within_s) * 1000
        deed, what = step.deed, step.what
        if deed == "open":
            return await self.opened(str(fill(what.path, self.values)), what.status, within_ms)
        if deed == "press":
            await self.page.keyboard.press(what)
        elif deed == "screenshot":
            await self.artifacts.picture(self.page, what, asked_for=True)
        else:
            await self._at_place(deed, what, located(self.page, Place.filled(what, self.values)), within_ms)
        return None

    async def _at_place(self, deed: str, what: Any, found: Any, within_ms: float) -> None:
        if deed == "fill":
            await self._fill(what.value, found, within_ms)
        elif deed == "select":
            await found.select_option(label=str(fill(what.option, self.values)), timeout=within_ms)
        elif deed == "capture":
            await self._capture(what, found, within_ms)
        else:  # click, check and uncheck are called so by Playwright too
            await getattr(found, deed)(timeout=within_ms)

    async def _fill(self, value: str | Secret, found: Any, within_ms: float) -> None:
        if isinstance(value, Secret):
            self.artifacts.hide(found)
            await found.fill(value.reveal(), timeout=within_ms)
            return
        await found.fill(str(fill(value, self.values)), timeout=within_ms)

    async def _capture(self, what: Any, found: Any, within_ms: float) -> None:
        if what.attribute is not None:
            taken = await found.get_attribute(what.attribute, timeout=within_ms)
        else:
            taken = await found.evaluate("e => 'value' in e && e.tagName !== 'LI' ? e.value : e.innerText", timeout=within_ms)
        self.captured[what.into] = str(taken or "").strip()[:_TEXT]

    async def opened(self, path: str, status: int | None, within_ms: float) -> Blame | None:
        """Go to a page. Raises: Playwright's errors, BadRequestTemplate."""
        url = self._url(path)
        if not self.traffic.permits(url):
            return Blame("that host is not permitted; permit it with 'allow_hosts'", ours=True)
        answer = await self.page.goto(url, timeout=within_ms, wait_until="load")
        if answer is None:
            return None  # only the fragment has changed
        wrong = answer.status != status if status is not None else answer.status >= 400
        return Blame(f"it answered {answer.status}" + (f" instead of {status}" if status else "")) if wrong else None

    async def strange(self, page: Any, path: str) -> None:
        """Go to a page in another tab, whatever it answers. Raises: Playwright's errors."""
        await page.goto(self._url(path), timeout=self.within_s * 1000, wait_until="load")

    def _url(self, path: str) -> str:
        """Return the address of a path, with the fragment that is never sent. Raises: BadRequestTemplate."""
        before, sign, fragment = path.partition("#")
        return f"{self.session.builder.build(RequestTemplate.model_construct(path=before)).request.url}{sign}{fragment}"

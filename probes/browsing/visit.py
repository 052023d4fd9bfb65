"""This file is for one visit: a browser started for it, the journey walked, the control tried, and all that is seen told."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

from probes.browsing.artifacts import Artifacts
from probes.browsing.blame import Blame
from probes.browsing.chromium import launched
from probes.browsing.control import seen_elsewhere
from probes.browsing.journey_file import JourneyBroke, loaded, whose_fault
from probes.browsing.steps import Step
from probes.browsing.traffic import Traffic, origin
from probes.browsing.vitals import measure_first_page
from probes.browsing.walk import Walk
from probes.net.trouble import TargetError
from probes.outcome import Check, Evidence, Verdict, broken, check, note

if TYPE_CHECKING:
    from probes.kinds.browser import Browser
    from probes.session import Session

_STOPPED = (Verdict.FAIL, Verdict.ERROR)
_PHONE = {"width": 390, "height": 844}
_DESK = {"width": 1280, "height": 800}


class Visit:
    """One probe's visit to one target."""

    def __init__(self, probe: Browser, session: Session) -> None:
        self._probe = probe
        self._session = session
        self._unknown: list[str] = []  # permitted hosts that nobody knows
        self._took_s = 0.0

    async def checks(self) -> AsyncIterator[Check]:
        """Yield everything that the visit shows. Raises: NoBrowser, TargetError, NotSent, UnknownVariable."""
        session, probe = self._session, self._probe
        traffic = await self._traffic()
        secret = probe.types_secrets or session.target.auth is not None or bool(session.target.headers)
        artifacts = Artifacts(session, probe.keep, traces=not secret)
        session.doing = "the browser was started"
        async with launched(traffic.hosts, mark=session.nonce) as browser:
            made: list[Check] = []
            try:
                context = await browser.new_context(**self._context_options(browser))
                await traffic.watch(context)
                page = await context.new_page()
                await traffic.guard(page)
                await artifacts.begin(context)
                walk = Walk(page, session, traffic, artifacts, probe.within, max(len(probe.journey), 1))
                async for one in self._walked(walk):
                    made.append(one)
                    yield one
                stopped = any(one.verdict in _STOPPED for one in made)
                for one in self._complaints(traffic):
                    made.append(one)
                    yield one
                if not stopped and not traffic.trouble:
                    yield await seen_elsewhere(browser, self._context_options(browser), traffic, walk, probe.last_look)
                failed = any(one.verdict is not Verdict.PASS for one in made)
                kept = await artifacts.finish(traffic, failed=failed)
            finally:
                await traffic.close()
        for one in self._asides(traffic, artifacts, secret=secret, kept=kept):
            yield one

    async def _traffic(self) -> Traffic:
        """Find and judge the address of every host that may be asked."""
        session, probe = self._session, self._probe
        limits = session.target.limits
        _, host, port = origin(session.target.base_url)
        hosts: dict[str, str] = {}
        async with session.find(host, port, scheme="browser", request=f"BROWSER {host}:{port}") as found:
            hosts[host] = found.address
        for name in probe.allow_hosts:
            try:
                async with session.find(name.lower(), 443, scheme="browser", request=f"BROWSER {name}") as found:
                    hosts[name.lower()] = found.address
            except TargetError:  # what the page loads from elsewhere is not the target
                self._unknown.append(name)
        return Traffic(session.target.base_url, hosts, session.builder.build, limits.requests, probe.max_bytes)

    def _context_options(self, browser: Any) -> dict[str, Any]:
        probe, target = self._probe, self._session.target
        size = probe.viewport.model_dump() if probe.viewport is not None else _PHONE if probe.mobile else _DESK
        return {
            "user_agent": user_agent(browser.version, self._session.builder.user_agent, mobile=probe.mobile),
            "viewport": size,
            "is_mobile": probe.mobile,
            "has_touch": probe.mobile,
            "color_scheme": "dark" if probe.dark else "light",
            "locale": probe.locale,
            "timezone_id": probe.timezone,
            "accept_downloads": False,
            "service_workers": "block",  # what they ask for is not seen
            "ignore_https_errors": not target.tls.verify,
        }

    async def _walked(self, walk: Walk) -> AsyncIterator[Check]:
        """Walk the journey within its time."""
        probe, session = self._probe, self._session
        began = session.monotonic()
        async for made in self._steps(walk, began + probe.duration):
            yield made
            if made.verdict in _STOPPED and walk.is_over:
                break
        self._took_s = took_s = session.monotonic() - began
        session.measure("journey", took_s, "s")
        bounds = [(probe.duration, False), *([(probe.warn_above, True)] if probe.warn_above is not None else [])]
        for bound_s, soft in bounds:
            say = f"the journey took {took_s:.1f} s, which is more than {bound_s:g} s"
            name = f"the journey takes at most {bound_s:g} s"
            yield check(
                name, holds=took_s <= bound_s, soft=soft, expected=f"≤ {bound_s:g} s", observed=f"{took_s:.1f} s", say=say
            )

    async def _steps(self, walk: Walk, until: float) -> AsyncIterator[Check]:
        probe, session = self._probe, self._session
        if probe.file is not None:
            made = await self._from_file(walk, until)
            yield made
            if made.verdict is Verdict.PASS and probe.expect is not None:
                for one in await walk.take(Step(expect=probe.expect), 1):
                    yield one
            return
        opened = False
        for number, step in enumerate(probe.journey, 1):
            left_s = until - session.monotonic()
            if left_s <= 0:
                yield note(f"step {number}: {step}", "not made, because the journey's time was over")
                continue
            within_s = min(step.within or probe.within, max(round(left_s, 1), 0.1))
            checks = await walk.take(step.model_copy(update={"within": within_s}), number)
            for one in checks:
                yield one
            if any(one.verdict in _STOPPED for one in checks):
                for later, left in enumerate(probe.journey[number:], number + 1):
                    yield note(f"step {later}: {left}", f"not made, because step {number} failed")
                return
            if step.open is not None and not opened:
                opened = True
                await measure_first_page(walk.page, session)

    async def _from_file(self, walk: Walk, until: float) -> Check:
        """Run the journey that stands in a file."""
        path = self._probe.file
        assert path is not None
        name = f"the journey of {path.name}"
        self._session.doing = f"the browser walked the journey of {path.name}"
        within_s = until - self._session.monotonic()
        walk.page.set_default_timeout(self._probe.within * 1000)
        try:
            function = loaded(path)
        except JourneyBroke as problem:
            return broken(name, str(problem))

        async def run() -> Blame | None:
            try:
                await function(walk.page, walk.values)
            except (Exception, SystemExit) as problem:  # whatever a stranger's file raises is told with its line
                return whose_fault(path, problem, self._probe.within)
            return None

        found = await walk.bounded(run(), within_s)
        if found is None:
            return check(name, holds=True, expected="done", observed="done")
        return await walk.failed(name, name, found)

    def _complaints(self, traffic: Traffic) -> list[Check]:
        """Return the checks of what the pages complained of."""
        if traffic.trouble:  # they complain of us, then
            return [broken("the pages ask for no more than they may", traffic.trouble)]
        probe, made = self._probe, []
        if probe.console_errors != "ignore":
            first = traffic.errors[:1]
            say = f"a script of the pages broke: '{''.join(first)}'" + _and_more(traffic.errors) + _trail(traffic)
            name = "no script complains"
            made.append(
                _complaint(name, not first, probe.console_errors == "warn", f"{len(traffic.errors)} errors", say, traffic.errors)
            )
        if probe.failed_requests != "ignore":
            bad = [f"{one.method} {one.path} {one.what}" for one in traffic.bad]
            kinds = f" (a {traffic.bad[0].kind} of the page)" if bad else ""
            say = f"the pages ask for what does not come: {''.join(bad[:1])}{kinds}" + _and_more(bad) + _trail(traffic)
            name = "everything that the pages ask of the target comes"
            made.append(_complaint(name, not bad, probe.failed_requests == "warn", f"{len(bad)} failed", say, bad))
        return made

    def _asides(self, traffic: Traffic, artifacts: Artifacts, *, secret: bool, kept: Any) -> list[Check]:
        """Return what a reader should know beside the verdict."""
        made = []
        if traffic.refused:
            hosts = ", ".join(f"{host} ({many})" for host, many in traffic.refused.most_common(5))
            say = f"requests to hosts that are not permitted were not let through: {hosts}; permit them with 'allow_hosts'"
            made.append(note("requests to other hosts", say))
        if self._unknown:
            made.append(note("permitted hosts", f"these names could not be resolved: {', '.join(self._unknown)}"))
        if kept:
            say = f"kept: {len(kept)} file{'s' * (len(kept) != 1)}"
            made.append(Check("what was kept of the journey", Verdict.SKIPPED, say=say, evidence=tuple(kept)))
        if artifacts.trouble:
            made.append(note("what was kept of the journey", artifacts.trouble))
        if secret and self._probe.keep != "never":
            made.append(note("the trace", "no trace was written, because it would hold a secret"))
        return made


def user_agent(version: str, product: str, *, mobile: bool) -> str:
    """Return the browser's own User-Agent with our product behind it, so that sites treat it as what it is."""
    major = version.partition(".")[0]
    system = "Linux; Android 10; K" if mobile else "X11; Linux x86_64"
    phone = " Mobile" if mobile else ""
    chrome = f"Chrome/{major}.0.0.0{phone} Safari/537.36"
    return f"Mozilla/5.0 ({system}) AppleWebKit/537.36 (KHTML, like Gecko) {chrome} {product}"


def _complaint(name: str, holds: bool, soft: bool, observed: str, say: str, seen: list[str]) -> Check:
    evidence = Evidence("complaints", observed, {"seen": seen[:10]})
    return check(name, holds=holds, soft=soft, expected="none", observed=observed, say=say, evidence=() if holds else evidence)


def _and_more(many: list[str]) -> str:
    return f" and {len(many) - 1} more" if len(many) > 1 else ""


def _trail(traffic: Traffic) -> str:
    return f" (correlation id {traffic.page_id})" if traffic.page_id else ""

"""This file is for one web socket from its handshake to its end: what a suite wants said and heard, and what came of it."""

from __future__ import annotations

import asyncio
from collections import ChainMap
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from probes.expect import reason_of
from probes.net.building import Built
from probes.operators import shown
from probes.outcome import Check, Evidence, Verdict, broken, check, note
from probes.request import RequestTemplate, UnknownVariable, fill
from probes.socket_steps import Heard, Step, described
from probes.socket_talk import Closed, Refused, Talk, talking

if TYPE_CHECKING:
    from probes.kinds.websocket import Websocket
    from probes.session import Session

_ENDED_BY_POLICY = (1008, *range(4000, 5000))  # RFC 6455 sections 7.4.1 and 7.4.2: policy violation, and the application's own
_AT_ONCE_S = 1.0


@dataclass(slots=True)
class SocketExchange:
    """One web socket from its handshake to its end."""

    probe: Websocket
    session: Session
    nonce: str
    origin: str = ""
    anonymous: bool = False
    texts: list[str] = field(default_factory=list)  # that were heard
    stopped: bool = False
    built: Built | None = None

    @property
    def values(self) -> Mapping[str, Any]:
        return ChainMap({"nonce": self.nonce}, self.session.values)  # type: ignore[arg-type]

    @property
    def title(self) -> str:
        assert self.built is not None
        path = self.built.title.removeprefix("GET ")
        return f"WEBSOCKET {path}, correlation id {self.built.correlation_id}"

    def _open(self) -> Any:
        probe, session = self.probe, self.session
        path = str(fill(probe.path, self.values))
        path = "http" + path[2:] if path.startswith(("ws://", "wss://")) else path
        headers = {name: str(value) for name, value in fill(probe.headers, self.values).items()}
        anonymous = probe.anonymous or self.anonymous
        template = RequestTemplate.model_construct(path=path, headers={} if self.anonymous else headers, anonymous=anonymous)
        self.built = built = session.builder.build(template)
        parts = urlsplit(session.target.base_url)
        origin = self.origin or probe.origin or f"{parts.scheme}://{parts.netloc}"
        return talking(
            session, built, subprotocols=probe.subprotocols, origin=origin, max_bytes=probe.max_bytes, within_s=probe.within
        )

    async def checks(self) -> AsyncIterator[Check]:
        """Yield what a talk shows. Raises: TargetError, NotSent, NoExtra, UnknownVariable."""
        session, name = self.session, "the web socket opens"
        session.doing = "the web socket was opened"
        try:
            async with self._open() as talk:
                yield check(name, holds=True, expected="101", observed="101")
                if self.probe.subprotocols:
                    yield self._subprotocol(talk)
                async for made in self._talk(talk):
                    yield made
                self.texts = [one if isinstance(one, str) else one.decode("utf-8", "replace") for one in talk.heard]
        except Refused as no:
            self.stopped = True
            say = f"{session.target.name} {no.why} ({self.title})"
            yield check(name, holds=False, expected="101", observed=str(no.status or no.why), say=say)

    async def refused(self, name: str, who: str, harm: str) -> Check:
        """Return the check that this caller is not let in."""
        self.session.doing = f"{who} tried to open the web socket"
        try:
            async with self._open() as talk:
                ended = await self._ended_at_once(talk)
        except Refused as no:
            fine = no.status is not None and 400 <= no.status < 500
            say = f"{who} is not refused, but breaks something: {self.session.target.name} {no.why} ({self.title})"
            return check(name, holds=fine, expected="401 or 403", observed=str(no.status or no.why), say=say)
        fine = ended is not None and ended.code in _ENDED_BY_POLICY
        observed = "101" if ended is None else f"101, then {ended}"
        return check(
            name,
            holds=fine,
            expected="401, 403, or closed with 1008 or a code of its own",
            observed=observed,
            say=f"{who} is let into the web socket, {harm} ({self.title})",
        )

    async def _ended_at_once(self, talk: Talk) -> Closed | None:
        """Return how the other side ends before it says anything, None where it does not."""
        try:
            async with asyncio.timeout(min(self.probe.within, _AT_ONCE_S)):
                await talk.hear()
        except Closed as end:
            return end
        except TimeoutError:
            pass
        return None

    def _subprotocol(self, talk: Talk) -> Check:
        offered = ", ".join(self.probe.subprotocols)
        say = f"{self.session.target.name} chose none of the subprotocols that it was offered: {offered} ({self.title})"
        seen = talk.subprotocol or "none"
        return check("a subprotocol is chosen", holds=talk.subprotocol is not None, expected=offered, observed=seen, say=say)

    async def _talk(self, talk: Talk) -> AsyncIterator[Check]:
        probe = self.probe
        steps = probe.steps or (Step(send=probe.echo), _ECHO)
        for number, step in enumerate(steps, 1):
            self.session.doing = f"step {number} of the talk was under way"
            checks = await self._step(talk, step, number)
            for made in checks:
                yield made
            if any(made.verdict in (Verdict.FAIL, Verdict.ERROR) for made in checks):
                self.stopped = True
                for later in range(number + 1, len(steps) + 1):
                    yield note(f"step {later}", f"not made, because step {number} failed")
                return
        if probe.idle is not None:
            made = await self._stays_open(talk, probe.idle)
            self.stopped = made.verdict is Verdict.FAIL
            yield made

    async def _step(self, talk: Talk, step: Step, number: int) -> list[Check]:
        within_s = step.within or self.probe.within
        name = f"step {number}: {_spoken(step)}"
        limit = asyncio.timeout(within_s if step.quiet is None else None)
        try:
            async with limit:
                return await self._deed(talk, step, name)
        except Closed as end:
            wanted = _wanted(step)
            say = f"{self.session.target.name} did not stay for step {number}: {end} before {wanted} ({self.title})"
            return [check(name, holds=False, expected=wanted, observed=str(end), say=say)]
        except TimeoutError:
            if not limit.expired():
                raise
            wanted = _wanted(step)
            say = f"{self.session.target.name} kept silent at step {number}: not {wanted} within {within_s:g} s ({self.title})"
            return [check(name, holds=False, expected=wanted, observed="nothing", say=say)]

    async def _deed(self, talk: Talk, step: Step, name: str) -> list[Check]:
        if step.send is not None:
            await talk.send(step.send.filled(self.values))
        elif step.expect is not None:
            return await self._heard(talk, step, name)
        elif step.ping:
            await talk.ping(self.nonce.encode("ascii"))
        elif step.closed is not None:
            end = await talk.closed()
            say = f"{self.session.target.name} was to close with code {step.closed}, but {end} ({self.title})"
            return [check(name, holds=end.code == step.closed, expected=str(step.closed), observed=str(end), say=say)]
        elif step.quiet is not None:
            return [await self._stays_quiet(talk, step.quiet, name)]
        return [check(name, holds=True, expected="done", observed="done")]

    async def _heard(self, talk: Talk, step: Step, name: str) -> list[Check]:
        assert step.expect is not None
        try:
            wanted = step.expect.filled(self.values) if step is not _ECHO else _echoed(self.nonce)
        except UnknownVariable:
            raise
        except ValueError as problem:
            return [broken(name, f"{name} does not take the values: {reason_of(problem)}")]
        for left in range(step.expect.skip, -1, -1):
            message = await talk.hear()
            judged = list(wanted.judge(message, self.session.now()))
            if all(finding.holds for _, finding in judged) or not left:
                break
        seen = Evidence("message", "what was heard last", {"message": described(message)})
        made = []
        for subject, finding in judged:
            phrase = f"{subject} {finding.phrase}"
            say = f"a listener of {self.session.target.name} hears the wrong thing: {subject} {finding.reason}, "
            say += f"expected that it {finding.phrase} ({self.title})"
            kept = () if finding.holds else (seen,)
            made.append(
                check(
                    f"{name}: {phrase}",
                    holds=finding.holds,
                    expected=finding.phrase,
                    observed=finding.observed,
                    say=say,
                    evidence=kept,
                )
            )
        return made

    async def _stays_quiet(self, talk: Talk, for_s: float, name: str) -> Check:
        try:
            async with asyncio.timeout(for_s):
                message = await talk.hear()
        except TimeoutError:
            return check(name, holds=True, expected="nothing", observed="nothing")
        say = f"{self.session.target.name} was to be silent for {for_s:g} s, but said {shown(described(message))} ({self.title})"
        return check(name, holds=False, expected="nothing", observed=described(message), say=say)

    async def _stays_open(self, talk: Talk, for_s: float) -> Check:
        name, began = f"it stays open for {for_s:g} s though nothing is said", self.session.monotonic()
        self.session.doing = "the web socket was left idle"
        try:
            async with asyncio.timeout(for_s):
                end = await talk.closed()
        except TimeoutError:
            return check(name, holds=True, expected="open", observed="open")
        after_s = self.session.monotonic() - began
        say = f"{self.session.target.name} did not keep the idle web socket: {end} after {after_s:.1f} s ({self.title})"
        return check(name, holds=False, expected="open", observed=str(end), say=say)


_ECHO = Step(expect="the nonce")  # type: ignore[arg-type]  # what is heard is made of the nonce for each talk


def _echoed(nonce: str) -> Heard:
    return Heard.model_validate({"text": {"contains": nonce}})


def _spoken(step: Step) -> str:
    if step.send is not None:
        return "send a message"
    if step.closed is not None:
        return f"closed with code {step.closed}"
    return "ping" if step.ping else "hear nothing" if step.quiet is not None else "hear a message"


def _wanted(step: Step) -> str:
    if step.closed is not None:
        return f"closed with code {step.closed}"
    return "a pong" if step.ping else "the message taken" if step.send is not None else "silence" if step.quiet else "a message"

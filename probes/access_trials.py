"""This file is for asking as everybody who should be refused, and as the rightful owner, who should not."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from probes.access_csrf import TOKEN, Csrf, wrong_tokens
from probes.access_identity import Identity, as_anonymous, as_identity, target_token, with_token
from probes.access_refusals import Owned, Refusal, judge_method, judge_refusal, judge_trace, shown
from probes.access_webhook import Webhook
from probes.cookies import CookieJar
from probes.expect import Expectation, trail
from probes.net.answer import Answer
from probes.outcome import Check, Verdict, control, note
from probes.request import RequestTemplate
from probes.session import Session, TargetError
from probes.status import StatusMatcher
from probes.taking_back import READING_METHODS, TakingBack, UndoStep
from probes.tokens import Jwt, Tamper, called, tampered


@dataclass
class Trials:
    """What one run asks. Each request has a number of its own, and those that may write are taken back."""

    session: Session
    owner: Identity | None  # None: by the target's own credentials
    owned: Owned
    undo: Sequence[UndoStep] = ()
    refusals: list[Refusal] = field(default_factory=list)
    _sent: int = 0
    _back: TakingBack | None = None

    @property
    def token(self) -> str | None:
        """Return the owner's bearer token."""
        return self.owner.token if self.owner is not None else target_token(self.session)

    def names(self) -> Mapping[str, Any]:
        """Return the values for the next request."""
        self._sent += 1
        return ChainMap({"attempt": self._sent}, self.session.values)  # type: ignore[arg-type]

    async def send(self, template: RequestTemplate) -> Answer:
        """Send a filled request. Raises: TargetError."""
        if template.method.upper() in READING_METHODS or not self.undo:
            return await self.session.send(template)
        if self._back is None:
            self._back = TakingBack(self.session, self.undo, {}, self._send_or_undo)
            self._back.register("taking back what was let in")
        return await self._back.send_writing("a request", template)

    async def _send_or_undo(self, template: RequestTemplate) -> Answer:
        """Send: what is asked has its caller already, and an undo is the owner's to make."""
        return await self.session.send(template if template.anonymous else self.as_owner(template))

    def as_owner(self, template: RequestTemplate) -> RequestTemplate:
        if self.owner is not None:
            return as_identity(self.session, template, self.names(), self.owner)
        return template.filled(self.names()).exactly(follow_redirects=0)

    async def refused(self, who: str, wanted: StatusMatcher, template: RequestTemplate) -> tuple[Check, Answer | None]:
        """Send as somebody who should be refused, and judge what came."""
        self.session.doing = f"asking as {who}"
        try:
            seen = Refusal(who, wanted, await self.send(template))
        except TargetError as problem:
            seen = Refusal.silent(who, wanted, problem)
        self.refusals.append(seen)
        return judge_refusal(seen, self.owned), seen.answer

    async def anonymous(self, wanted: StatusMatcher, request: RequestTemplate) -> tuple[Check, Answer | None]:
        return await self.refused("a caller without credentials", wanted, as_anonymous(self.session, request, self.names()))

    async def tampered(self, wanted: StatusMatcher, request: RequestTemplate, ways: Iterable[Tamper]) -> AsyncIterator[Check]:
        """Send the owner's token after somebody tampered with it."""
        token = self.token
        if token is None:
            yield note("a caller with a tampered token is refused", "not tried: the owner has no bearer token")
            return
        jwt, wanted_ways = Jwt.read(token) is not None, frozenset(ways)
        for way, changed in tampered(token):
            if way in wanted_ways:
                self.session.plant(changed, "tampered token") if changed else None
                template = with_token(self.session, request, self.names(), self.owner, changed)
                yield (await self.refused(f"a caller with {called(way, jwt=jwt)}", wanted, template))[0]
        if Tamper.IN_QUERY in wanted_ways:
            moved = as_anonymous(self.session, request, self.names())
            template = moved.exactly(query={**moved.query, "access_token": token})
            yield (await self.refused(f"a caller with {called(Tamper.IN_QUERY, jwt=jwt)}", wanted, template))[0]

    async def methods(self, request: RequestTemplate, methods: Iterable[str], *, trace: bool) -> AsyncIterator[Check]:
        """Ask by other methods: those that are not allowed, and TRACE."""
        for method in methods:
            bare = request.model_copy(update={"method": method, "json_body": None, "form": None, "body": None})
            for made in judge_method(method.upper(), await self.send(self.as_owner(bare))):
                yield made
        if trace:
            planted = f"vedette-{self.session.nonce}-trace"
            bare = request.model_copy(update={"method": "TRACE", "json_body": None, "form": None, "body": None})
            template = as_anonymous(self.session, bare, self.names())
            try:
                seen = await self.session.send(template.exactly(headers={**template.headers, "X-Vedette-Trace": planted}))
            except TargetError as problem:
                yield note("TRACE does not give a request back", f"it gave no answer: {problem}")
                return
            yield judge_trace(seen, planted)

    async def webhook(self, hook: Webhook) -> AsyncIterator[Check]:
        """Deliver with the right signature, with all wrong ones, and with the right one again."""
        self.session.plant(hook.secret.reveal(), "webhook secret")
        yield await self._delivered(hook, "before the wrong ones")
        made = hook.signed(self.names(), self.session.now().timestamp())
        for who, template in made.wrong():
            yield (await self.refused(who, hook.refused_with, _bare(self.session, template)))[0]
        if hook.tolerance is None:
            yield note("a delivery that is old is refused", "not tried: `tolerance` is not given")
        yield await self._delivered(hook, "after the wrong ones")

    async def _delivered(self, hook: Webhook, when: str) -> Check:
        made = hook.signed(self.names(), self.session.now().timestamp())
        answer = await self.send(_bare(self.session, made.right()))
        return accepted(f"a delivery with the right signature is accepted {when}", hook.accepted, answer)

    async def csrf(self, form: Csrf) -> AsyncIterator[Check]:
        """Send the form with its token, without it, with wrong ones, and with it again."""
        for when in ("before", "after"):
            token, jar, trouble = await self._page(form)
            if trouble is not None:
                yield trouble
                return
            answer = await self._send_form(form.request, token, jar)
            yield accepted(f"the form with its token is accepted {when} the wrong ones", form.accepted, answer)
            if when == "before" and not _holds(form.accepted, answer):
                return
            if when == "before":
                async for made in self._wrong_forms(form):
                    yield made

    async def _wrong_forms(self, form: Csrf) -> AsyncIterator[Check]:
        token, jar, trouble = await self._page(form)
        if trouble is not None:
            yield trouble
            return
        wanted, template = form.refused_with, self._form(form.without_token(), "", jar)
        yield (await self.refused("a form without a token", wanted, template))[0]
        for who, wrong in wrong_tokens(token):
            yield (await self.refused(who, wanted, self._form(form.request, wrong, jar)))[0]
        foreign = await self._foreign_token(form)
        name = "a form with the token of another visitor"
        if foreign is None or foreign == token:
            yield note(f"{name} is refused", "not tried: a visitor without credentials is given no token of its own")
            return
        yield (await self.refused(name, wanted, self._form(form.request, foreign, jar)))[0]

    async def _page(self, form: Csrf) -> tuple[str, CookieJar, Check | None]:
        jar = CookieJar(self.session.target.base_url)
        answer = await self.session.send(self.as_owner(form.page))
        jar.keep(answer)
        value, trouble = form.token.take(answer)
        if trouble:
            say = f"the page gave no token, so the form could not be tried: {trouble} {trail(answer)}"
            return "", jar, control("the page gives a token", holds=False, observed=str(answer.status), say=say)
        return self.session.plant(str(value), "csrf token"), jar, None

    async def _foreign_token(self, form: Csrf) -> str | None:
        answer = await self.session.send(as_anonymous(self.session, form.page, self.names()))
        value, trouble = form.token.take(answer)
        return None if trouble else self.session.plant(str(value), "csrf token")

    async def _send_form(self, request: RequestTemplate, token: str, jar: CookieJar) -> Answer:
        return await self.send(self._form(request, token, jar))

    def _form(self, request: RequestTemplate, token: str, jar: CookieJar) -> RequestTemplate:
        filled = request.filled(ChainMap({TOKEN: token}, dict(self.names())))
        dressed = self.as_owner(filled.exactly())
        return dressed.exactly(cookies={**dressed.cookies, **jar.for_path(dressed.path)})


def accepted(name: str, wanted: Expectation, answer: Answer) -> Check:
    """Return the control that the right one is let in. What it was served is not shown: that is what nobody else may see."""
    broken = _broken(wanted, answer)
    why = f": it does not hold that {broken}" if broken and answer.ok else ""
    return control(
        name,
        holds=not broken,
        expected="accepted",
        observed=str(answer.status),
        say=f"not proven, because this did not hold: {name}{why} {trail(answer)}",
        evidence=shown(answer, hide=answer.ok) if broken else (),
    )


def _holds(wanted: Expectation, answer: Answer) -> bool:
    return not _broken(wanted, answer)


def _broken(wanted: Expectation, answer: Answer) -> str:
    """Return the name of what is not as expected of an answer, or an empty text."""
    return next((made.name for made in wanted.judge(answer) if made.verdict is Verdict.FAIL), "")


def _bare(session: Session, template: RequestTemplate) -> RequestTemplate:
    """Return a delivery without anybody's credentials: the signature is all it has."""
    return as_anonymous(session, template, {})

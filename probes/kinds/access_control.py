"""This file is for asking whether those who may not are refused: strangers, tampered tokens, forged deliveries, other methods."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from typing import Annotated, Any

from pydantic import Field, field_validator, model_validator

from probes.access_csrf import TOKEN, Csrf
from probes.access_identity import Identity, as_identity, is_credential, target_token
from probes.access_refusals import SHORTEST_MARKER, Owned, judge_alike, judge_challenge, judge_words, look_alike, shown
from probes.access_trials import Trials, accepted
from probes.access_webhook import Webhook
from probes.capture import Capture
from probes.expect import Expectation, JsonPath, trail
from probes.fields import Configured
from probes.matchers import Matcher
from probes.net.answer import Answer
from probes.outcome import Check, Verdict, control, note
from probes.probe import Probe
from probes.request import RequestTemplate
from probes.session import Session
from probes.status import StatusMatcher
from probes.taking_back import READING_METHODS, UndoStep
from probes.target import Grant
from probes.tokens import DEFAULT, Jwt, Tamper

_UNAUTHORIZED = StatusMatcher.model_validate(401)
_ANY_ANSWER = StatusMatcher.model_validate(["2xx", "3xx", "4xx"])
_NEEDS_OWN = "'{}' needs 'own', a request that it may make: else nobody knows that its credentials are good"
_NEEDS_REQUEST = ("marker", "refused", "claims", "methods", "unknown")


class Claim(Configured):
    """A caller that says, in a header, the query or the body, that it is somebody else, or of another tenant."""

    who: str = Field(alias="as")  # one of `identities`
    headers: dict[str, str] = Field(default_factory=dict)  # laid over those of the request
    query: dict[str, Any] = Field(default_factory=dict)  # the same
    json_fields: dict[str, Any] = Field(default_factory=dict, alias="json")  # laid over the request's JSON
    form: dict[str, Any] = Field(default_factory=dict)  # laid over the request's form
    answer: dict[JsonPath, Matcher] = Field(default_factory=dict)  # what a 2xx must show, such as whose the thing became

    @model_validator(mode="after")
    def _claims_something(self) -> Claim:
        if not (self.headers or self.query or self.json_fields or self.form):
            raise ValueError("give what is claimed: 'headers', 'query', 'json' or 'form'")
        return self

    @property
    def said(self) -> str:
        """Return by what it is claimed, for a sentence."""
        named = (("header", self.headers), ("query", self.query), ("JSON field", self.json_fields), ("form field", self.form))
        return " and ".join(f"{what} {', '.join(fields)}" for what, fields in named if fields)

    def made(self, request: RequestTemplate) -> RequestTemplate:
        """Return the request with the claim in it."""
        updates: dict[str, Any] = {"headers": {**request.headers, **self.headers}, "query": {**request.query, **self.query}}
        if self.json_fields:
            updates["json_body"] = {**(request.json_body or {}), **self.json_fields}
        if self.form:
            updates["form"] = {**(request.form or {}), **self.form}
        return RequestTemplate.model_validate({**request.model_dump(by_alias=True), **_by_alias(updates)})


class AccessControl(Probe, kind="access_control"):
    """Ask for what is the owner's as everybody else, and expect that each is refused as declared and given nothing of it.

    Nobody: a caller without credentials. `refused`: the other `identities`, such as another tenant's (403 or 404), a lesser
    role's (403; `request` is then the administrator's, asked `as` one), or an expired token's (401). Tampered
    tokens are made of the owner's. `claims` try to be somebody else by a header or a field, `methods` must not be allowed,
    `webhook` and `csrf` are tried with wrong signatures and tokens.
    What is the owner's is known by `marker`; it may be in no refusal, body or header, in no encoding.
    Control: the owner is served, with the marker, before and after; the others are good callers, as their `own` request shows.
    Source: OWASP ASVS 4.0.3 chapter 4, RFC 9110 sections 11.6.1 and 15.5.6, RFC 8725 (JSON web tokens).
    """

    request: RequestTemplate | None = None  # for what only the owner may have; without credentials in it
    content: str = "what is the owner's"  # what that is, for sentences, such as "tenant 20's invoices"
    identities: dict[str, Identity] = Field(default_factory=dict)  # callers by name
    rightful: str | None = Field(None, alias="as")  # the owner, one of `identities`; default: by the target's own credentials
    marker: Capture | None = None  # in the owner's answer: what is nobody else's, of 6 signs or more
    accepted: Expectation = Expectation()  # what the owner is answered; default: 2xx
    anonymous: StatusMatcher | None = _UNAUTHORIZED  # how a caller without credentials is refused; null: it is not tried
    refused: dict[str, StatusMatcher] = Field(default_factory=dict)  # how each of these `identities` is refused
    tampered: StatusMatcher | None = _UNAUTHORIZED  # how a tampered token of the owner is refused; null: none is tried
    tamper: tuple[Tamper, ...] = DEFAULT  # what is done to the token; default: all but in_query, which puts it into logs
    unknown: RequestTemplate | None = None  # the same for an id that does not exist: others must be answered alike (soft)
    claims: tuple[Claim, ...] = ()  # what others say they are
    methods: tuple[Annotated[str, Field(pattern="^[A-Za-z]{1,20}$")], ...] = ()  # that must be answered 405, as the owner
    trace: bool = True  # try that TRACE gives nothing back
    webhook: Webhook | None = None  # deliveries that are signed
    csrf: Csrf | None = None  # a form that needs the token of its page
    undo: tuple[UndoStep, ...] = ()  # requests that take back what was let in
    writes: bool | None = None  # whether the grant `write` is needed; default: where any method may write

    @field_validator("request", "unknown")
    @classmethod
    def _without_credentials(cls, value: RequestTemplate | None) -> RequestTemplate | None:
        named = next((name for name in (value.headers if value else {}) if is_credential(name)), None)
        if value is not None and value.at is not None:
            raise ValueError("'at' leads to an evidence source; who may is asked of the target itself")
        if named is not None or (value is not None and value.cookies):
            raise ValueError(f"holds the credentials '{named or 'cookies'}'; put them into one of 'identities'")
        return value

    @model_validator(mode="after")
    def _can_decide(self) -> AccessControl:
        if self.request is None:
            given = next((name for name in _NEEDS_REQUEST if getattr(self, name)), None)
            if given is not None or (self.webhook is None and self.csrf is None):
                raise ValueError(f"'{given}' needs 'request'" if given else "give 'request', 'webhook' or 'csrf'")
        self._know_everybody()
        for name, wanted in self.refused.items():
            if wanted.codes != ("401",) and self.identities[name].own is None:
                raise ValueError(_NEEDS_OWN.format(name))
        if self.request is not None and any(m.upper() == self.request.method.upper() for m in self.methods):
            raise ValueError(f"'methods' holds the request's own method '{self.request.method}'")
        for claim in self.claims:
            self._can_claim(claim)
        return self

    def _know_everybody(self) -> None:
        named = [*self.refused, *(claim.who for claim in self.claims), *([self.rightful] if self.rightful is not None else [])]
        for name in named:
            if name not in self.identities:
                known = ", ".join(sorted(self.identities)) or "none"
                raise ValueError(f"there is no identity '{name}'; known are {known}")
        if self.rightful in self.refused:
            raise ValueError(f"'{self.rightful}' is the owner and cannot be refused")
        owner = self.identities[self.rightful] if self.rightful is not None else None
        twin = next((one for one in named if owner and one != self.rightful and self.identities[one].is_as(owner)), None)
        if twin is not None:
            raise ValueError(f"'{twin}' has the very credentials of the owner '{self.rightful}', so it cannot be refused")

    def _can_claim(self, claim: Claim) -> None:
        if claim.who == self.rightful:
            if not claim.answer:
                raise ValueError("a claim of the owner's needs 'answer': what shows that it was not believed")
        elif self.identities[claim.who].own is None:
            raise ValueError(_NEEDS_OWN.format(claim.who))
        elif self.marker is None and not claim.answer:
            raise ValueError(f"a claim of '{claim.who}' needs 'marker', or 'answer': else what it is served looks like its own")
        body = self.request.json_body if self.request is not None else None
        if claim.json_fields and not isinstance(body, dict | None):
            raise ValueError("'json' of a claim needs a request whose JSON is an object")
        if self.request is not None:
            claim.made(self.request)

    def needs(self) -> frozenset[Grant]:
        """Return `write` where somebody might be let in who changes something."""
        sent = [r.method for r in (self.request, self.unknown, *(i.own for i in self.identities.values())) if r is not None]
        sent += [part.request.method for part in (self.webhook, self.csrf) if part is not None] + list(self.methods)
        writes = bool(self.undo) or any(method.upper() not in READING_METHODS for method in sent)
        return frozenset({Grant.WRITE}) if (writes if self.writes is None else self.writes) else frozenset()

    def variables(self) -> frozenset[str]:
        """Return the names that this kind fills."""
        return frozenset({"attempt", "signature", "timestamp", "body", TOKEN})

    async def ask(self, session: Session) -> AsyncIterator[Check]:
        """Ask as the owner, as everybody else, and as the owner again."""
        for name, who in self.identities.items():
            who.hide(session, name)
        trials = Trials(session, self.identities[self.rightful] if self.rightful else None, Owned(self.content), self.undo)
        if self.request is not None:
            async for made in self._of_request(trials, self.request):
                yield made
        if self.webhook is not None:
            async for made in trials.webhook(self.webhook):
                yield made
        if self.csrf is not None:
            async for made in trials.csrf(self.csrf):
                yield made
        if trials.refusals:
            yield judge_words(trials.refusals, trials.owned)
        session.measure("refusals", len(trials.refusals), "answers")

    async def _of_request(self, trials: Trials, request: RequestTemplate) -> AsyncIterator[Check]:
        template = trials.as_owner(request)
        first = await trials.send(template)
        is_served = accepted("the rightful owner is served before the others are tried", self.accepted, first)
        yield is_served
        if is_served.say:
            return
        yield self._known_again(trials, template, first)
        if self.anonymous is not None:
            made, answer = await trials.anonymous(self.anonymous, request)
            yield made
            if answer is not None and answer.status == 401:
                yield judge_challenge(answer)
        async for made in self._others(trials, request):
            yield made
        if self.tampered is not None:
            async for made in trials.tampered(self.tampered, request, self.tamper):
                yield made
        for claim in self.claims:
            async for made in self._claimed(trials, request, claim):
                yield made
        async for made in trials.methods(request, self.methods, trace=self.trace):
            yield made
        yield self._still_served(trials, await trials.send(trials.as_owner(request)))

    def _known_again(self, trials: Trials, template: RequestTemplate, first: Answer) -> Check:
        """Learn by what the owner's content is known, and return whether it can be."""
        trials.owned.bodies.add(first.body)
        name = "the owner's content can be told from anybody's"
        if self.marker is None:
            return note(name, "there is no `marker`: only an answer that is the very same would be seen as the owner's")
        value, trouble = self.marker.take(first)
        marker = str(value)
        if not trouble and len(marker) < SHORTEST_MARKER:
            trouble = f"the value at {self.marker} has {len(marker)} signs, and could stand in any answer"
        elif not trouble and marker in f"{template.path} {template.query} {template.json_body} {template.form} {template.body}":
            trouble = f"the value at {self.marker} is part of the request, and may stand in any refusal"
        if not trouble:
            trials.owned.markers = (trials.session.plant(marker, "marker"),)
        say = f"the owner's content cannot be told from anybody's: {trouble} {trail(first)}"
        return control(name, holds=not trouble, expected=f"a value at {self.marker}", observed=trouble or "found", say=say)

    def _still_served(self, trials: Trials, last: Answer) -> Check:
        name = "the rightful owner is served after the others were tried"
        made = accepted(name, self.accepted, last)
        if made.say or not trials.owned.markers or trials.owned.is_in(last):
            return made
        say = f"the owner was answered without its own content after the others were tried {trail(last)}"
        return control(name, holds=False, expected="the marker", observed=f"{last.status}, without the marker", say=say)

    async def _others(self, trials: Trials, request: RequestTemplate) -> AsyncIterator[Check]:
        for name, wanted in self.refused.items():
            who = self.identities[name]
            if who.token is not None and trials.owner is None and who.token == target_token(trials.session):
                say = f"'{name}' has the very credentials of the owner, which are the target's, so it cannot be refused"
                yield control(f"the caller '{name}' is another than the owner", holds=False, say=say)
                continue
            for made in await self._is_good(trials, name, who):
                yield made
            caller = f"the caller '{name}'"
            template = as_identity(trials.session, request, trials.names(), who)
            made, answer = await trials.refused(caller, wanted, template)
            yield made
            hides = wanted.holds(404) and made.verdict is Verdict.PASS  # else it may know, or it was told more than that already
            if self.unknown is not None and answer is not None and who.own is not None and hides:
                unknown = await trials.send(as_identity(trials.session, self.unknown, trials.names(), who))
                yield judge_alike(caller, answer, unknown, look_alike(answer, unknown))

    async def _is_good(self, trials: Trials, name: str, who: Identity) -> list[Check]:
        """Return the control that a caller is what the suite says: a good one, or one whose token is over."""
        if who.own is not None:
            answer = await trials.send(as_identity(trials.session, who.own, trials.names(), who))
            return [accepted(f"the caller '{name}' is served what is its own", Expectation(), answer)]
        jwt = Jwt.read(who.token or "")
        until = jwt.expires_at if jwt is not None else None
        if jwt is None or until is None:
            return [note(f"the token of '{name}' is over", "not known: it is no JWT with a time")]
        over, good = until < trials.session.now(), trials.token
        say = f"the token of '{name}' is good until {until:%Y-%m-%d %H:%M} UTC; without 'own' it should be one that is over"
        made = [control(f"the token of '{name}' is over", holds=over, observed=f"until {until:%Y-%m-%d %H:%M} UTC", say=say)]
        if good is not None and (other := Jwt.read(good)) is not None:
            differs = jwt.differs_in(other)
            say = f"the token of '{name}' differs from the owner's in {' and '.join(differs)}, and may be refused for that"
            made.append(control(f"the token of '{name}' is like the owner's, but for its time", holds=not differs, say=say))
        return made

    async def _claimed(self, trials: Trials, request: RequestTemplate, claim: Claim) -> AsyncIterator[Check]:
        who = self.identities[claim.who]
        caller = f"the caller '{claim.who}', who claimed to be somebody else by the {claim.said},"
        template = as_identity(trials.session, claim.made(request), trials.names(), who)
        if claim.who != self.rightful:
            if claim.who not in self.refused:
                for made in await self._is_good(trials, claim.who, who):
                    yield made
            made, answer = await trials.refused(caller, _ANY_ANSWER, template)
            yield made
        else:
            answer = await trials.send(template)
        if claim.answer and answer is not None and answer.ok:
            wanted = Expectation.model_validate({"json": claim.answer})
            for made in wanted.judge(answer, label=f"the claim of '{claim.who}' by the {claim.said} is not believed"):
                hide = claim.who != self.rightful and bool(made.evidence)
                yield replace(made, evidence=(shown(answer, hide=True),)) if hide else made


def _by_alias(updates: Mapping[str, Any]) -> dict[str, Any]:
    return {{"json_body": "json"}.get(name, name): value for name, value in updates.items()}

"""This file is for asking whether what must not come in is refused: payloads for the fields of a request, one at a time."""

from __future__ import annotations

import difflib
from collections.abc import AsyncIterator, Iterator
from functools import lru_cache
from typing import Annotated, Any, Literal

from pydantic import Field, PositiveInt, PrivateAttr, field_validator, model_validator

from probes.capture import Capture, CaptureName
from probes.expect import Expectation, JsonPath, asked, trail
from probes.exposure import exposed
from probes.fields import Configured
from probes.matchers import Matcher
from probes.net.answer import Answer
from probes.outcome import Check, broken, check, control, note
from probes.payload_checks import Field as Tested
from probes.payload_places import Put, Where
from probes.payload_trials import Aim, Came, Trials, Tried
from probes.payload_types import HUGE
from probes.payloads import CALLED, Family, FieldType, Payload, names
from probes.probe import Probe
from probes.request import RequestTemplate
from probes.session import Session
from probes.status import StatusMatcher
from probes.taking_back import UndoStep
from probes.target import Grant

_NOT_BY_ITSELF = Family.EXTRA_FIELD  # many APIs ignore what they do not know


class ValidatedField(Configured):
    """One place of the request, and what belongs there."""

    at: str  # `$.args.service`, `query name`, `form name`, `header name`, or `path segment 3`
    type: FieldType = FieldType.STRING  # what belongs there; a `string` is free text
    kinds: tuple[Family, ...] | None = None  # families that are tried; default: all but extra_field
    max_length: Annotated[PositiveInt, Field(lt=HUGE)] | None = None  # one sign more must be refused; default: 10 kB must be
    good: tuple[Any, ...] = ()  # further legal values that must be accepted, such as O'Brien or 日本語
    required: bool = True  # leaving it out must be refused
    accepts_literally: bool = False  # markup is legal text here: it may be accepted, but must come back escaped
    may_accept: tuple[str, ...] = ()  # payloads, or families, that are right here: `wrong_type.number`, `unicode`

    _where: Where = PrivateAttr()

    @field_validator("may_accept")
    @classmethod
    def _known(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        known = _names()
        for name in value:
            if name not in known:
                near = difflib.get_close_matches(name, known, 1)
                raise ValueError(f"there is no payload '{name}'" + (f"; did you mean '{near[0]}'?" if near else ""))
        return value

    @model_validator(mode="after")
    def _has_place(self) -> ValidatedField:
        self._where = Where.parse(self.at)
        if self.kinds is not None and not self.kinds:
            raise ValueError("'kinds' should name at least one family")
        return self

    def aim(self, *, full: bool) -> Aim:
        """Return what the field is for those who send."""
        families = frozenset(self.kinds if self.kinds is not None else set(Family) - {_NOT_BY_ITSELF})
        return Aim(
            self._where,
            self.type,
            families,
            full,
            self.max_length,
            self.required,
            self.accepts_literally,
            frozenset(self.may_accept),
        )


class InputValidation(Probe, kind="input_validation", grants={Grant.WRITE}):
    """Put payloads into each of `fields`, one at a time, and expect that the target refuses them and stays what it is.

    Each must be refused with `refused_with`; no answer may be a 5xx, tell of the target's inside (stack traces, database
    errors, paths), compute a template, gain a header, or give a payload back so that a browser would run it. An answer of
    the type HTML, SVG or XML fails where the payload became markup in it; JSON and plain text may repeat it where
    `may_echo` says so (without `X-Content-Type-Options: nosniff` that is degraded). No payload does harm where it succeeds.
    `{{attempt}}` is the number of the request, for values that may not come twice.
    Control: the good request is accepted before, between and after, so that a target which refuses everything does not pass.
    Source: OWASP Web Security Testing Guide 4.2, section 4.7 (input validation testing).
    """

    request: RequestTemplate  # a good one
    fields: Annotated[tuple[ValidatedField, ...], Field(min_length=1)]  # places in it
    accepted: Expectation = Expectation()  # what the answer to a good request is; default: 2xx
    refused_with: StatusMatcher = StatusMatcher.model_validate(
        "4xx"
    )  # what a bad value is answered; 401, 409 and 429 only if named
    payloads: Literal["basic", "full"] = "basic"  # full: every variant, about twice as many
    error_form: dict[JsonPath, Matcher] = Field(default_factory=dict)  # what refusals say: `$.success: false`
    may_echo: bool = True  # JSON and plain text may repeat a bad value
    read_back: RequestTemplate | None = None  # where an accepted value is shown, with what `capture` took; judged like an answer
    capture: dict[CaptureName, Capture] = Field(default_factory=dict)  # of accepted answers, for `read_back` and `undo`
    undo: tuple[UndoStep, ...] = ()  # requests that take back what was accepted, made for each that was

    _form: Expectation | None = PrivateAttr(default=None)

    @model_validator(mode="after")
    def _can_decide(self) -> InputValidation:
        for one in self.fields:
            one._where.good(self.request)
        places = [one.at for one in self.fields]
        if (twice := next((at for at in places if places.count(at) > 1), None)) is not None:
            raise ValueError(f"the field '{twice}' stands there twice")
        both = [n for n in range(100, 600) if self.accepted.status.holds(n) and self.refused_with.holds(n)]
        if both and not self.accepted.model_fields_set - {"status"}:
            raise ValueError(
                f"a good and a bad value would both be answered {both[0]}; say in 'accepted' what else tells them apart"
            )
        if self.error_form:
            self._form = Expectation.model_validate({"status": {"ge": 100}, "json": self.error_form})
        return self

    def variables(self) -> frozenset[str]:
        """Return the names that this kind fills."""
        return frozenset({"attempt", *self.capture})

    async def ask(self, session: Session) -> AsyncIterator[Check]:
        """Try the good request, then field after field, with the good request behind each."""
        trials = Trials(session, self.request, self.accepted, self.refused_with, self.read_back, self.capture, self.undo)
        plan = [(one, one.aim(full=self.payloads == "full")) for one in self.fields]
        sent = [aim.payloads(trials.filled()) for _, aim in plan]
        if (too_many := self._too_many(sent, session)) is not None:
            yield too_many
            return
        trials.register()
        first = await trials.good()
        yield self._control(trials, first, "before any payload")
        if not trials.is_accepted(first):
            return
        known = frozenset(exposed(first))
        for (one, aim), several in zip(plan, sent, strict=True):
            for made in await self._legal(trials, one):
                yield made
            tried = await trials.tried(aim, several)
            for made in self._judged(aim, tried, several, first, known):
                yield made
            after = await trials.good()
            yield self._control(trials, after, f"after the payloads for {one.at}")
            yield _unpolluted(one.at, tried, after)
        session.measure("payloads", sum(map(len, sent)), "requests")

    def _too_many(self, sent: list[list[Payload]], session: Session) -> Check | None:
        wanted = sum(map(len, sent)) + len(sent) + 1 + sum(len(one.good) for one in self.fields)
        most = session.target.limits.requests
        if wanted <= most:
            return None
        say = (
            f"the payloads take {wanted} requests, more than the target's {most} (limit requests); name fewer 'fields' or 'kinds'"
        )
        return broken("the requests are within the target's limit", say)

    def _control(self, trials: Trials, answer: Answer, when: str) -> Check:
        return control(
            f"the good request is accepted {when}",
            holds=trials.is_accepted(answer),
            expected="accepted",
            observed=str(answer.status),
            say=f"the good request was not accepted {when}, so a refusal proves nothing about a payload {trail(answer)}",
            evidence=answer.as_evidence(),
        )

    async def _legal(self, trials: Trials, one: ValidatedField) -> list[Check]:
        """Send each further legal value: a filter that refuses O'Brien turns people away."""
        made = []
        for number, value in enumerate(one.good, 1):
            name = f"{one.at} accepts the legal value {number}"
            changed = one._where.changed(trials.filled(), Put(value if one.at.startswith("$") else str(value)))
            if changed is None:
                made.append(note(name, "it cannot be said at this place"))
                continue
            answer = await trials.good(changed)
            which = f"the legal value {number} of {len(one.good)}"
            made.append(
                check(
                    name,
                    holds=trials.is_accepted(answer),
                    expected="accepted",
                    observed=str(answer.status),
                    say=f"the field {one.at} refused {which}, so honest people are turned away {trail(answer)}",
                    evidence=answer.as_evidence(),
                )
            )
        return made

    def _judged(
        self, aim: Aim, tried: list[Tried], several: list[Payload], first: Answer, known: frozenset[str]
    ) -> Iterator[Check]:
        refused = " or ".join(self.refused_with.codes) or "a refusal"
        if not several:
            yield control(
                f"{aim.where.at}: payloads were sent", holds=False, say=f"none of the payloads can be sent at {aim.where.at}"
            )
            return
        yield from Tested(
            aim, tried, asked(first), self.may_echo, refused, self._form, known, self.read_back is not None
        ).checks()
        untried = [CALLED[family] for family in Family if family in aim.families - {one.family for one in several}]
        if untried:
            fits = f"fits into the field's {aim.max_length} signs, or " if aim.max_length is not None else ""
            say = f"no payload of {', '.join(untried)} was sent: none {fits}can be said at this place"
            yield note(f"{aim.where.at}: what was not tried", say)
        if len(tried) < len(several):
            left = f"{len(several) - len(tried)} payloads were not sent, because the target gave no answer to three"
            yield note(f"{aim.where.at}: the other payloads", left)


def _unpolluted(at: str, tried: list[Tried], after: Answer) -> Check:
    """Return whether a key that was planted by `__proto__` shows up in the answer to somebody else."""
    planted = [one for one in tried if one.payload.family is Family.PROTOTYPE and one.payload.marker in after.text]
    taken = any(one.payload.family is Family.PROTOTYPE and one.came is not Came.SILENT for one in tried)
    name = f"{at}: no key planted in a prototype shows up afterwards"
    if not taken:
        return note(name, "none was planted")
    say = f"a key that was planted in the field {at} by {planted[0].payload.called} shows up in later answers" if planted else ""
    return check(name, holds=not planted, expected="in no later answer", observed="there" if planted else "not there",
                 say=f"{say} {trail(after)}", evidence=after.as_evidence())  # fmt: skip


@lru_cache(1)
def _names() -> frozenset[str]:
    return names() | frozenset(family.value for family in Family)

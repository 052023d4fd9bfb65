"""This file is for asking whether a caller that asks too much is held back, and only that caller."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import AsyncIterator, Iterator, Mapping, MutableMapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, cast

from pydantic import NonNegativeInt, PositiveInt, model_validator

from probes.dangers import Danger, of_status
from probes.fields import Duration
from probes.limit_fields import judge_limit_fields
from probes.outcome import Check, check, control, note
from probes.probe import Probe
from probes.request import RequestTemplate, fill, names_in
from probes.session import Answer, Session
from probes.target import Grant
from probes.throttling import (
    TOO_MANY,
    Overdone,
    Rules,
    judge_burst,
    judge_first,
    judge_retry_after,
    overserved,
    promised_until,
    where,
)
from probes.told_in_log import Telling, ToldInLog

_SPOOFED = {"X-Forwarded-For": "203.0.113.77", "X-Real-IP": "203.0.113.77"}  # RFC 5737: an address for documentation


class Escape(StrEnum):
    """A way in which a blocked caller might get past the limit."""

    CASE = "case"
    WHITESPACE = "whitespace"
    FORWARDED_FOR = "forwarded_for"
    CONNECTIONS = "connections"


class LimitHeaders(StrEnum):
    """Whether `X-RateLimit-*` or `RateLimit-*` fields are asked for: `auto` judges them where they are there."""

    ON = "on"
    OFF = "off"
    AUTO = "auto"


_BY = {
    Escape.CASE: "writing its id in another case",
    Escape.WHITESPACE: "a space after its id",
    Escape.FORWARDED_FOR: "a spoofed X-Forwarded-For",
    Escape.CONNECTIONS: "spreading over connections",
}


@dataclass(frozen=True, slots=True)
class _WhileBlocked:
    """What was seen between two requests of the blocked caller, which tell whether it was blocked all the while."""

    before: Answer
    bystander: Answer
    escapes: Mapping[Escape, list[Answer]]
    between: list[Answer]  # of the caller itself, after a disguise that was served
    after: Answer

    @property
    def of_caller(self) -> list[Answer]:
        return [self.before, *self.between, self.after]

    @property
    def blocked(self) -> bool:
        return all(answer.status == TOO_MANY for answer in self.of_caller)


class RateLimit(Probe, kind="rate_limit", grants={Grant.BURST}, dangers={Danger.LIMIT_BLOCKS_LEGITIMATE, Danger.SERVER_ERRORS}):
    """Send more than `limit` requests as one caller, fresh in every run, and watch who is refused.

    As many must be served as the limit says, the rest refused with 429 and a sane `Retry-After`. While the
    caller is blocked another one must be served, and no disguise may help the first.
    Control: the caller's first request was served, and it was blocked while the other one was tried.
    Source: RFC 6585 section 4 (429), RFC 9110 section 10.2.3 (Retry-After).
    """

    request: RequestTemplate  # `{{identity}}` stands for the caller
    limit: PositiveInt  # requests of one caller per window that must be served
    tolerance: NonNegativeInt = 2  # concurrent requests may overshoot or fall short by so many
    send: PositiveInt | None = None  # requests of the caller; default: limit + tolerance + 8, which is limit + 10
    window: Duration | None = None  # how long the limit counts; bounds what `Retry-After` may say
    identity: str = "vedette-{{nonce}}-{{caller}}"  # what a caller is called; `{{caller}}` tells the callers apart
    retry_after_header: str | None = "Retry-After"  # null: refusals need not say when to come back
    limit_headers: LimitHeaders = LimitHeaders.AUTO  # `X-RateLimit-*` and `RateLimit-*` fields; auto: judged where there
    # disguises that are tried while the caller is blocked; default: forwarded_for, and case and whitespace
    # too where the identity stands in the query or the body
    escapes: tuple[Escape, ...] | None = None
    logged: tuple[ToldInLog, ...] = ()  # lines that a refusal leaves in a log, and a served request does not
    recover_after: Duration | None = None  # wait so long, then the caller must be served again; costs the time

    @model_validator(mode="after")
    def _can_decide(self) -> RateLimit:
        if "identity" not in names_in(self.request.model_dump_json(by_alias=True)):
            raise ValueError("'request' should hold {{identity}}, else all requests are of one and the same caller")
        if not {"nonce", "caller"} <= set(names_in(self.identity)):
            raise ValueError("'identity' should hold {{nonce}} and {{caller}}, so that callers are fresh and differ")
        least = self.limit + self.tolerance + 1
        if self.send is not None and self.send < least:
            raise ValueError(f"'send' should be at least limit + tolerance + 1 = {least}, else nothing need be refused")
        return self

    def variables(self) -> frozenset[str]:
        """Return the names that this kind fills."""
        return frozenset({"identity", "caller"})

    @property
    def _rules(self) -> Rules:
        return Rules(self.limit, self.tolerance, self.window, self.retry_after_header)

    async def ask(self, session: Session) -> AsyncIterator[Check]:
        """Overdo it as one caller, then look who is blocked."""
        telling = await Telling.begin(session, self.logged)
        caller = "noisy"
        burst = await self._overdo(session, caller)
        if overserved(self._rules, burst):
            # A window that is aligned to the clock may have begun anew in the middle. That cannot happen twice in a row.
            caller = "noisy-again"
            burst = await self._overdo(session, caller)
        for made in judge_first(burst.first):
            yield made
        if not burst.first.ok:
            return
        for made in self._judge(burst):
            yield made
        if not burst.refusals:
            yield note("another caller is served meanwhile", "the caller was never refused, so nothing can be seen beside it")
            return
        for made in self._judge_blocked(burst, await self._while_blocked(session, caller)):
            yield made
        refused, served = ([one.correlation_id for one in several] for several in (burst.refusals, burst.served))
        for made in await telling.checks(session, f"a caller was refused {len(refused)} times", of=refused, not_of=served):
            yield made
        if self.recover_after is not None:
            yield await self._recovered(session, caller, self.recover_after)

    async def _overdo(self, session: Session, caller: str) -> Overdone:
        session.doing = f"sending more than {self.limit} requests as one caller"
        values, began = self._values(session, caller), session.monotonic()
        first = await session.send(self.request, values)
        rest = await session.burst([(self.request, values)] * (self._sent - 1)) if first.ok else []
        burst = Overdone(first, tuple(rest), session.monotonic() - began)
        session.measure("served", len(burst.served), "requests")
        session.measure("burst", burst.elapsed_s, "s")
        return burst

    @property
    def _sent(self) -> int:
        return self.send if self.send is not None else self.limit + max(10, self.tolerance + 8)

    def _values(self, session: Session, caller: str) -> dict[str, str]:
        named = ChainMap({"caller": caller}, cast(MutableMapping[str, Any], session.values))
        return {"identity": str(fill(self.identity, named))}

    def _judge(self, burst: Overdone) -> Iterator[Check]:
        yield from judge_burst(self._rules, burst)
        yield from judge_retry_after(self._rules, burst.refusals)
        if self.limit_headers is not LimitHeaders.OFF:
            yield from judge_limit_fields(self._rules, burst, wanted=self.limit_headers is LimitHeaders.ON)

    async def _while_blocked(self, session: Session, caller: str) -> _WhileBlocked:
        session.doing = "trying other callers and disguises while the first caller is blocked"
        values = self._values(session, caller)
        before = await session.send(self.request, values)
        bystander = await session.send(self.request, self._values(session, "quiet"))
        tried: dict[Escape, list[Answer]] = {}
        between: list[Answer] = []
        for escape in self._escapes:
            tried[escape] = await self._try(session, escape, values)
            if sum(answer.ok for answer in tried[escape]) == 1:
                # A bucket that refills drop by drop may have let in one just then: an escape works again while the caller
                # itself is refused.
                between.append(await session.send(self.request, values))
                tried[escape] = await self._try(session, escape, values)
        return _WhileBlocked(before, bystander, tried, between, await session.send(self.request, values))

    @property
    def _escapes(self) -> tuple[Escape, ...]:
        if self.escapes is not None:
            return tuple(dict.fromkeys(self.escapes))
        shown = self.request.model_dump_json(by_alias=True, include={"query", "json_body", "form", "body"})
        in_text = "identity" in names_in(shown)  # in a header or a path, case and spaces are often not ours to change
        return (Escape.FORWARDED_FOR, *((Escape.CASE, Escape.WHITESPACE) if in_text else ()))

    async def _try(self, session: Session, escape: Escape, values: dict[str, str]) -> list[Answer]:
        identity = values["identity"]
        if escape is Escape.CASE:
            return [await session.send(self.request, {"identity": identity.swapcase()})]
        if escape is Escape.WHITESPACE:
            return [await session.send(self.request, {"identity": f"{identity} "})]
        if escape is Escape.FORWARDED_FOR:
            spoofed = self.request.model_copy(update={"headers": {**_SPOOFED, **self.request.headers}})
            return [await session.send(spoofed, values)]
        many = await session.burst([(self.request, values)] * max(2, session.target.concurrency))
        for lost in many:
            if not isinstance(lost, Answer):
                raise lost
        return [a for a in many if isinstance(a, Answer)]

    def _judge_blocked(self, burst: Overdone, seen: _WhileBlocked) -> Iterator[Check]:
        yield _bystander(seen.bystander)
        yield from self._promise_kept(burst, seen)
        yield control(
            "the first caller was blocked while the other one was tried",
            holds=seen.blocked,
            expected="429 before, between and after",
            observed=", ".join(str(answer.status) for answer in seen.of_caller),
            say="the first caller was no longer blocked when another one was tried, so nothing is proven about the other one"
            " (was the window over?)",
        )
        for escape, answers in seen.escapes.items():
            if seen.blocked:
                yield _escape(escape, answers)
            else:
                yield note(f"the limit is not escaped by {_BY[escape]}", "the caller was not blocked all the while")

    def _promise_kept(self, burst: Overdone, seen: _WhileBlocked) -> Iterator[Check]:
        until = promised_until(self._rules, burst.refusals)
        if until is None:
            return
        early = [a for a in seen.of_caller if a.ok and a.sent_at < until]
        yield check(
            "a refused caller stays refused as long as it was told",
            holds=not early,
            expected="429",
            observed=", ".join(str(a.status) for a in seen.of_caller),
            say=f"a caller that was refused was served again before the time that '{self.retry_after_header}' gave "
            f"{where(early[0])}"
            if early
            else "",
            evidence=[a.as_evidence() for a in early],
        )

    async def _recovered(self, session: Session, caller: str, after_s: float) -> Check:
        session.doing = f"waiting {after_s:g} s for the limit to let the caller in again"
        await session.sleep(after_s)
        answer = await session.send(self.request, self._values(session, caller))
        return check(
            "the caller is served again after the window",
            holds=answer.ok,
            expected="2xx",
            observed=str(answer.status),
            say=f"the caller was still answered HTTP {answer.status}, {after_s:g} s after its last refusal {where(answer)}",
            evidence=answer.as_evidence(),
            danger=_danger(answer),
        )


def _bystander(answer: Answer) -> Check:
    say = f"another caller was answered HTTP {answer.status} while the first one was blocked {where(answer)}"
    if answer.status == TOO_MANY:
        say = f"another caller was refused while the first one was blocked: the limit is not kept per caller {where(answer)}"
    return check(
        "another caller is served meanwhile",
        holds=answer.ok,
        expected="2xx",
        observed=str(answer.status),
        say=say,
        evidence=answer.as_evidence(),
        danger=_danger(answer),
    )


def _danger(answer: Answer) -> str:
    """Return what it tells of that a caller which is within its limit was not served."""
    return Danger.LIMIT_BLOCKS_LEGITIMATE if answer.status == TOO_MANY else of_status(answer.status)


def _escape(escape: Escape, answers: list[Answer]) -> Check:
    through = [a for a in answers if a.ok or a.status >= 500]
    say = ""
    if through:
        served = "was served" if through[0].ok else f"was answered HTTP {through[0].status}"
        say = f"the limit is escaped by {_BY[escape]}: the blocked caller {served} {where(through[0])}"
    return check(
        f"the limit is not escaped by {_BY[escape]}",
        holds=not through,
        expected="refused",
        observed=", ".join(str(a.status) for a in answers),
        say=say,
        evidence=[a.as_evidence() for a in through[:1]],
    )

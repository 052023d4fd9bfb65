"""This file is for the questions of `correlation`, one after the other, and what each answer must carry."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from probes import correlation_trace
from probes.correlation_ids import Hostile, called, misses
from probes.correlation_trace import Trace
from probes.expect import asked, trail
from probes.jsonpath import find
from probes.log_watch import LogWatch
from probes.operators import shown
from probes.outcome import Check, check, control, note
from probes.request import RequestTemplate, fill
from probes.session import Answer, Session, TargetError

if TYPE_CHECKING:
    from probes.kinds.correlation import Correlation

_EACH_OWN = "an id comes back with its own request only"


class RateLimited(Exception):
    """A rate limit answered instead of what was asked."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer

    def as_check(self) -> Check:
        say = f"our requests met a rate limit, so nothing shows what becomes of their ids {trail(self.answer)}"
        return control("our requests meet no rate limit", holds=False, observed="429", say=say)


@dataclass
class Asking:
    """One run of the probe: what was sent, what came back, and where logs are read on."""

    probe: Correlation
    session: Session
    make: Callable[[], str]
    watch: LogWatch | None
    sent: list[tuple[str, Answer]] = field(default_factory=list)  # ids that were echoed
    made: list[tuple[str, Answer]] = field(default_factory=list)  # ids that the target made
    bad: list[Hostile] = field(default_factory=list)
    traced: list[tuple[Trace, str]] = field(default_factory=list)  # traces sent, and the id that went with each

    @classmethod
    async def begin(cls, probe: Correlation, session: Session, make: Callable[[], str]) -> Asking:
        watch = None
        if probe.logs:
            session.doing = "setting marks in the logs"
            watch = await LogWatch.begin(session.log_sources(probe.logs))
        return cls(probe, session, make, watch)

    # What is asked

    @property
    def header(self) -> str:
        return self.probe.header or ""

    def own_id(self) -> str:
        """Return an id that nobody sent before."""
        return str(fill(self.probe.sent, {"unique": secrets.token_hex(8)})) if self.probe.sent else self.make()

    def with_id(self, request: RequestTemplate, value: str | None, trace: str | None = "") -> RequestTemplate:
        """Return the request with this id and this `traceparent`; None takes one off, an empty trace leaves it as it is."""
        filled = request.filled(self.session.values)
        marks = {name.lower() for name in (*self.session.target.correlation_headers, self.header)}
        kept = {name: text for name, text in filled.headers.items() if name.lower() not in marks | {"traceparent"}}
        headers: dict[str, str | None] = dict.fromkeys(marks, None) | kept | {self.header.lower(): value}
        if trace != "":
            headers["traceparent"] = trace
        return filled.exactly(headers=headers)

    async def send(self, value: str | None, trace: str | None = "") -> Answer:
        return self.unlimited(await self.session.send(self.with_id(self.probe.request, value, trace)))

    def unlimited(self, answer: Answer) -> Answer:
        """Return an answer that no rate limit gave. Raises: RateLimited."""
        if answer.status == 429 and not self.probe.expect_status.holds(429):
            raise RateLimited(answer)
        return answer

    def id_of(self, answer: Answer) -> tuple[str, str]:
        """Return the id that an answer carries, and in a clause why it carries none."""
        values = answer.all_headers(self.header)
        if len(values) == 1:
            return values[0].strip(), ""
        return "", f"carries {len(values)} headers {self.header}" if values else f"carries no header {self.header}"

    # The questions

    async def echoes(self) -> AsyncIterator[Check]:
        """Ask twice with an id of ours."""
        self.session.doing = "asking with an id of ours"
        for _ in range(2):
            value = self.own_id()
            answer = await self.send(value)
            self.sent.append((value, answer))
            for made in self.is_served(answer):
                yield made
            yield self._comes_back("an id that is sent", value, answer)
        (one, its), (other, others) = self.sent
        follows = self.id_of(its)[0] == one and self.id_of(others)[0] == other
        say = (
            f"the ids that were sent did not come back each in its own answer, so no answer's id proves anything {trail(others)}"
        )
        yield control(_EACH_OWN, holds=follows, expected="each in its own answer", say=say)

    async def together(self) -> AsyncIterator[Check]:
        """Ask several at once: an id that is kept beside the request, and not in it, gets mixed up only then."""
        if not self.probe.together:
            return
        self.session.doing = f"asking {self.probe.together} at once"
        values = [self.own_id() for _ in range(self.probe.together)]
        answers = await self.session.burst([(self.with_id(self.probe.request, value), {}) for value in values])
        mixed: list[tuple[str, Answer]] = []
        for value, answer in zip(values, answers, strict=True):
            if isinstance(answer, TargetError):
                yield answer.as_check()
            elif self.id_of(self.unlimited(answer))[0] != value:
                mixed.append((self.id_of(answer)[0], answer))
        say = ""
        if mixed:
            whose = "the id of another request" if mixed[0][0] in values else "another id than its own"
            say = f"{len(mixed)} of {len(values)} requests at once got a wrong id back, the first {whose} {trail(mixed[0][1])}"
        yield check(
            f"of {len(values)} requests at once each gets its own id back",
            holds=not mixed,
            expected="its own id",
            observed=f"{len(mixed)} wrong",
            say=say,
            evidence=[answer.as_evidence() for _, answer in mixed[:1]],
        )

    async def refusal(self) -> AsyncIterator[Check]:
        """Ask what is refused: it is the refused request that somebody will ask about."""
        if self.probe.refused is None:
            return
        self.session.doing = "asking what is refused"
        value = self.own_id()
        answer = self.unlimited(await self.session.send(self.with_id(self.probe.refused, value)))
        holds = 400 <= answer.status < 500
        say = f"the request that is meant to be refused was answered with {answer.status} {trail(answer)}"
        yield check("what is refused is answered 4xx", holds=holds, expected="4xx", observed=answer.status, say=say)
        yield self._comes_back("the id of a refused request", value, answer)

    async def makes(self) -> AsyncIterator[Check]:
        """Ask twice without an id, and without a trace that it could be made of."""
        self.session.doing = "asking without an id"
        for _ in range(2):
            answer = await self.send(None, None)
            for made in self.is_served(answer):
                yield made
            value, trouble = self.id_of(answer)
            self.made.append((value, answer))
            trouble = trouble or (f"carries an id that {why}" if (why := misses(value, self.probe.generated)) else "")
            yield check(
                f"without an id the target makes {called(self.probe.generated)}",
                holds=not trouble,
                expected=called(self.probe.generated),
                observed=shown(value, 60) if value else "none",
                say=f"the answer to a request without an id {trouble} ({asked(answer)} answered {answer.status})",
                evidence=answer.as_evidence() if trouble else (),
            )
        (one, _), (other, answer) = self.made
        fresh = one != other and not {one, other} & {value for value, _ in self.sent}
        yield check(
            "each request without an id gets one of its own",
            holds=fresh,
            expected="two new ids",
            observed="two new ids" if fresh else "one that was there before",
            say=f"two requests without an id were given {'the same one' if one == other else 'one that was sent before'} "
            f"({asked(answer)} answered {answer.status} with {shown(other, 60)})",
        )

    async def hostile(self) -> AsyncIterator[Check]:
        from probes.correlation_hostile import hostile

        async for made in hostile(self):
            yield made

    async def trace(self) -> AsyncIterator[Check]:
        """Send a trace to go on with, and invalid ones."""
        if self.probe.traceparent == "not_checked":
            return
        self.session.doing = "asking with a trace"
        value, trace = self.own_id(), correlation_trace.fresh()
        answer = await self.send(value, trace.header)
        self.traced.append((trace, value))
        if self.probe.traceparent == "absent":
            for made in self.is_served(answer):
                yield made
            shows = answer.header("traceparent") is not None or answer.header("tracestate") is not None
            yield check(
                "the answer shows no trace",
                holds=not shows,
                say=f"the answer shows its trace to anybody who asks {trail(answer)}",
            )
            return
        if self.probe.trace_in is None:
            return
        for made in self.goes_on(trace, answer):
            yield made
        for name, header, known in correlation_trace.invalid():
            yield self.begins_anew(name, known, await self.send(self.own_id(), header))

    def seen_trace(self, answer: Answer) -> Trace | str:
        """Return the trace that an answer shows, or in a clause why none."""
        where = self.probe.trace_in or ""
        if not where.startswith("$"):
            value: Any = answer.header(where)
            return f"shows no header {where}" if value is None else _said(correlation_trace.read(value), where)
        try:
            values = find(where, answer.json())
        except ValueError as problem:
            return f"shows no trace, because {problem}"
        return _said(correlation_trace.read(values[0]), where) if values else f"shows nothing at {where}"

    def goes_on(self, trace: Trace, answer: Answer) -> Iterator[Check]:
        seen = self.seen_trace(answer)
        trouble = seen if isinstance(seen, str) else ""
        if isinstance(seen, Trace) and seen.trace != trace.trace:
            trouble = "shows another trace than the request was sent with"
        evidence = answer.as_evidence() if trouble else ()
        yield check("a trace that is sent is gone on with", holds=not trouble, expected="the same trace id",
                    say=f"the answer {trouble} {trail(answer)}", evidence=evidence)  # fmt: skip
        if isinstance(seen, str):
            return
        if not seen.span:
            yield note("the target's span is its own", "only a trace id is shown, so spans could not be compared")
            return
        say = f"the answer shows the span of the request as if it were the target's own {trail(answer)}"
        yield check("the target's span is its own", holds=seen.span != trace.span, expected="another span id", say=say)

    def begins_anew(self, name: str, known: str, answer: Answer) -> Check:
        seen = self.seen_trace(answer)
        trouble = seen if isinstance(seen, str) else ""
        if answer.status >= 500:
            trouble = f"is a {answer.status}"
        elif isinstance(seen, Trace) and seen.trace.startswith(known[:31]):
            trouble = "goes on with it"
        return check(
            f"an invalid trace ({name}) begins a new one",
            holds=not trouble,
            expected="a fresh trace",
            say=f"after an invalid traceparent ({name}) the answer {trouble} {trail(answer)}",
        )

    async def logged(self) -> AsyncIterator[Check]:
        from probes.correlation_logs import logged

        if self.watch is None:
            yield note("the ids are in the log", "logs were not looked at: the scenario names none")
            return
        async for made in logged(self, self.watch):
            yield made

    # What several of them check

    def is_served(self, answer: Answer) -> Iterator[Check]:
        if not self.probe.expect_status.holds(answer.status):
            name, say = "the request is answered as expected", f"the request was not answered as expected {trail(answer)}"
            yield check(name, holds=False, observed=answer.status, say=say, evidence=answer.as_evidence())

    def _comes_back(self, what: str, value: str, answer: Answer) -> Check:
        got, trouble = self.id_of(answer)
        if not trouble and got != value:
            trouble = f"carries another {self.header} than was sent"
            trouble += " (only its case was changed)" if got.lower() == value.lower() else ""
        return check(
            f"{what} comes back",
            holds=not trouble,
            expected=value,
            observed=shown(got, 60) if got else "none",
            say=f"the answer {trouble} {trail(answer)}",
            evidence=answer.as_evidence() if trouble else (),
        )


def _said(seen: Trace | str, where: str) -> Trace | str:
    return seen if isinstance(seen, Trace) else f"shows a {where} that {seen}"

"""This file is for typed expectations of an answer, which fail closed, and for the proof that they could have failed."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, PrivateAttr, ValidationError, field_validator, model_validator

from probes.bounds import AtLeast, Bounds, DurationBounds
from probes.contracts.catalogue import BodyContractName
from probes.dangers import of_state, of_status
from probes.fields import Configured, Duration
from probes.jsonpath import find, finder
from probes.matchers import Finding, Matcher, Selection, TextMatcher
from probes.operators import schema_validator, shown
from probes.outcome import Check, Evidence, Phases, check, control
from probes.pii import names_a_secret
from probes.request import fill, has_places
from probes.status import StatusMatcher

if TYPE_CHECKING:
    from probes.session import Answer

_VERSIONS = {"1.0": "HTTP/1.0", "1.1": "HTTP/1.1", "2": "HTTP/2", "2.0": "HTTP/2", "3": "HTTP/3", "3.0": "HTTP/3"}
_GATEWAY_PAGE = (
    b"<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n<center><h1>502 Bad Gateway</h1></center>\r\n"
    b"<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
)


def _path(text: str) -> str:
    finder(re.sub(r"\{\{[^{}]*\}\}", "x", text))
    return text


JsonPath = Annotated[str, AfterValidator(_path)]


def _versions(value: Any) -> Any:
    named = [str(item).upper().removeprefix("HTTP/") for item in (value if isinstance(value, list | tuple) else [value])]
    unknown = [name for name in named if name not in _VERSIONS]
    if unknown:
        raise ValueError(f"there is no HTTP version '{unknown[0]}'; known are 1.0, 1.1, 2 and 3")
    return [_VERSIONS[name] for name in named]


Versions = Annotated[tuple[str, ...], BeforeValidator(_versions)]


class PhaseBounds(Configured):
    """How long each phase of the exchange may take; a phase that did not happen keeps no bound."""

    dns: DurationBounds | None = None  # resolving the name
    connect: DurationBounds | None = None  # the TCP connection
    tls: DurationBounds | None = None  # the TLS handshake
    first_byte: DurationBounds | None = None  # from the request to the answer's first byte
    body: DurationBounds | None = None  # from there to its last byte


_SUCCESS = StatusMatcher.model_validate("2xx")


class Expectation(Configured):
    """What an answer must be. All that is given must hold; the status must be 2xx where none is given."""

    status: StatusMatcher = _SUCCESS  # 200, 2xx, a list of such, or operators
    headers: dict[str, TextMatcher] = Field(default_factory=dict)  # by name, in any case
    json_values: dict[JsonPath, Matcher] = Field(default_factory=dict, alias="json")  # by RFC 9535 path
    json_schema: dict[str, Any] | None = Field(default=None, alias="schema")  # of the whole body
    contract: BodyContractName | None = None  # the name of a bundled contract that the whole body fits
    body: TextMatcher | None = None  # of the whole body as text
    size_bytes: Bounds | None = None  # of the body, after decompression
    http_version: Versions | None = None  # 1.0 or 1.1, or a list of such
    phases: PhaseBounds = PhaseBounds()  # how long each phase may take; hard
    duration: Duration | None = None  # hard: longer is a failure
    warn_above: Duration | None = None  # soft: longer is degraded
    certificate_days: AtLeast | None = None  # that the target's certificate is still valid

    _whole: Matcher | None = PrivateAttr(default=None)
    _times: list[tuple[DurationBounds, bool]] = PrivateAttr(default_factory=list)  # bound, soft
    _open: bool = PrivateAttr(default=False)
    _accepted: list[str] | None = PrivateAttr(default=None)

    @field_validator("json_schema")
    @classmethod
    def _usable_schema(cls, value: dict[str, Any] | None) -> dict[str, Any] | None:
        if value is not None:
            schema_validator(json.dumps(value, sort_keys=True))
        return value

    @model_validator(mode="after")
    def _prepare(self) -> Expectation:
        whole = {"schema": self.json_schema, "contract": self.contract}
        given_of_it = {key: value for key, value in whole.items() if value is not None}
        self._whole = Matcher.model_validate(given_of_it) if given_of_it else None
        given = ((self.duration, False), (self.warn_above, True))
        self._times = [(DurationBounds(le=bound), soft) for bound, soft in given if bound is not None]
        self._open = has_places(self)
        if self.duration is not None and self.warn_above is not None and self.warn_above >= self.duration:
            raise ValueError("'warn_above' should be shorter than 'duration', or it never warns")
        return self

    def filled(self, values: Mapping[str, Any]) -> Expectation:
        """Return the expectations with every `{{name}}` replaced. Raises: UnknownVariable; ValueError for a misfit."""
        if not self._open:
            return self
        copy = self.model_copy(
            update={
                "status": self.status.filled(values),
                "headers": {str(fill(name, values)): m.filled(values) for name, m in self.headers.items()},
                "json_values": {_path(str(fill(path, values))): m.filled(values) for path, m in self.json_values.items()},
                "body": self.body.filled(values) if self.body else None,
            }
        )
        copy._accepted = None
        return copy

    def judge(self, answer: Answer, *, label: str = "") -> list[Check]:
        """Return one check for each expectation. `label`, such as a step's name, goes before the checks' names."""
        made = [*self._content(answer), *self._transport(answer)]
        evidence = () if all(finding.holds for _, finding in made) else (answer.as_evidence(),)
        return [_as_check(subject, finding, answer, label, evidence) for subject, finding in made]

    def refuses_the_opposite(self, *, label: str = "") -> Check:
        """Return the control: answers that a broken target gives are refused by these very expectations.

        Only what the answer says is judged, not how fast or over which protocol: a counter-answer is given
        the benefit of the doubt there.
        """
        if self._accepted is None:  # the same for every run of a scenario, so it is found out once
            self._accepted = [n for n, answer in self._opposites() if all(f.holds for _, f in self._content(answer))]
        accepted = self._accepted
        return control(
            f"{label}: a broken answer would be refused" if label else "a broken answer would be refused",
            holds=not accepted,
            expected="an empty 500, a gateway's HTML page and the like are refused",
            observed=f"accepted: {', '.join(accepted)}" if accepted else "all refused",
            say=f"{_of(label)}expectations would also accept {_listed(accepted)}, so a pass proves nothing; "
            "expect a status, or something of the body that only the right answer has",
        )

    def _opposites(self) -> Iterator[tuple[str, Answer]]:
        yield "an empty 500", _made_up(500, b"", "text/plain")
        yield "a gateway's HTML 502 page", _made_up(502, _GATEWAY_PAGE, "text/html")
        if any(self.status.holds(status) for status in range(500, 600)):
            yield "an empty 200", _made_up(200, b"", "text/plain")

    def _content(self, answer: Answer) -> Iterator[tuple[str, Finding]]:
        now = answer.sent_at
        yield from _each("status", self.status, Selection([answer.status]), now)
        for name, matcher in self.headers.items():
            yield from _each(f"header {name}", matcher, Selection(answer.all_headers(name)), now)
        if self.json_values or self._whole is not None:
            yield from self._json(answer)
        if self.body is not None:
            yield from _each("the body", self.body, Selection([answer.text], hollow=not answer.body.strip()), now)
        if self.size_bytes is not None:
            size, bounds = len(answer.body), self.size_bytes
            yield "the body's size", Finding(str(bounds), bounds.holds(size), f"{size} bytes", f"is {size} bytes")

    def _json(self, answer: Answer) -> Iterator[tuple[str, Finding]]:
        trouble, document = "", None
        try:
            document = answer.json()
        except ValueError as problem:
            trouble = f"could not be looked for: {problem}"
        if self._whole is not None:
            yield from _each("the JSON body", self._whole, Selection([document], trouble), answer.sent_at)
        for path, matcher in self.json_values.items():
            found = Selection((), trouble) if trouble else _select(path, document)
            yield from _each(path, matcher, found, answer.sent_at)

    def _transport(self, answer: Answer) -> Iterator[tuple[str, Finding]]:
        if self.http_version is not None:
            version = _VERSIONS.get(answer.http_version.upper().removeprefix("HTTP/"), answer.http_version)
            phrase = f"is {' or '.join(self.http_version)}"
            yield "the HTTP version", Finding(phrase, version in self.http_version, version, f"is {version}")
        for phase, bounds in self.phases:
            if bounds is not None:
                yield f"the time of the phase {phase}", _timed(bounds, getattr(answer.phases, f"{phase}_s"))
        for bounds, soft in self._times:
            yield "the time of the answer", replace(_timed(bounds, answer.duration_s), soft=soft)
        if self.certificate_days is not None:
            yield "the certificate's days left", _days_left(self.certificate_days, answer)


def asked(answer: Answer) -> str:
    """Return what was asked, for a sentence: `GET /health/ready`. The query stays out: it may hold a secret."""
    return f"{answer.method} {urlsplit(answer.url).path or '/'}"


def trail(answer: Answer) -> str:
    """Return where to look, for the end of a sentence: `(GET /x answered 503, correlation id …)`."""
    return f"({asked(answer)} answered {answer.status}, correlation id {answer.correlation_id})"


def reason_of(problem: ValueError) -> str:
    """Return the first thing that is wrong with an expectation, in one line."""
    if isinstance(problem, ValidationError):
        return problem.errors(include_url=False)[0]["msg"].removeprefix("Value error, ")
    return str(problem)


def _each(subject: str, matcher: Matcher, found: Selection, now: datetime) -> Iterator[tuple[str, Finding]]:
    texts = [value for value in found.values if isinstance(value, str)]
    hidden = [shown(value) for value in texts] if texts and names_a_secret(subject) else []
    for finding in matcher.judge(found, now):
        for text in hidden:  # nobody registered what a target makes up, but its name tells
            observed, reason = (part.replace(text, "[secret]") for part in (finding.observed, finding.reason))
            finding = replace(finding, observed=observed, reason=reason)
        yield subject, finding


def _as_check(subject: str, finding: Finding, answer: Answer, label: str, evidence: tuple[Evidence, ...]) -> Check:
    where = f"{label}: " if label else ""
    name = f"{where}{subject} {finding.phrase}"
    return check(
        name,
        holds=finding.holds,
        expected=finding.phrase,
        observed=finding.observed,
        say="" if finding.holds else _sentence(subject, finding, answer, where),
        soft=finding.soft,
        evidence=() if finding.holds else evidence,
        danger=of_status(answer.status) if subject == "status" else of_state(subject, finding.observed),
    )


def _sentence(subject: str, finding: Finding, answer: Answer, where: str) -> str:
    word, _, rest = finding.phrase.partition(" ")
    says = finding.reason.startswith("is ") and finding.reason != "is missing"
    plain = says and word in ("is", "equals") and not rest.startswith(("not ", "none "))
    wanted = f" instead of {rest}" if plain else f", expected that it {finding.phrase}"
    if subject == "status":
        return f"{where}{asked(answer)} answered {answer.status}{wanted} (correlation id {answer.correlation_id})"
    return f"{where}{subject} {finding.reason}{wanted} {trail(answer)}"


def _select(path: str, document: Any) -> Selection:
    try:
        return Selection(find(path, document))
    except ValueError as problem:
        return Selection((), f"could not be looked for: {problem}")


def _timed(bounds: DurationBounds, took_s: float | None) -> Finding:
    took = "not measured" if took_s is None else f"{took_s * 1000:.0f} ms"
    return Finding(str(bounds), bounds.holds(took_s), took, "did not happen" if took_s is None else f"is {took}")


def _days_left(bounds: AtLeast, answer: Answer) -> Finding:
    if answer.certificate is None:
        return Finding(str(bounds), False, "no certificate", "are unknown, because the target showed no certificate")
    days = answer.certificate.days_left
    return Finding(str(bounds), bounds.holds(days), f"{days:.1f} days", f"are {days:.1f}")


def _listed(names: list[str]) -> str:
    return " and ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))


def _of(label: str) -> str:
    return f"{label}: its " if label else "these "


def _made_up(status: int, body: bytes, content_type: str) -> Answer:
    from probes.session import Answer

    return Answer(
        method="GET",
        url="http://counter.example/",
        status=status,
        headers=(("Content-Type", content_type), ("Content-Length", str(len(body)))),
        body=body,
        http_version="HTTP/1.1",
        phases=Phases(first_byte_s=0.0, body_s=0.0),
        sent_at=datetime.now(UTC),
        duration_s=0.0,
        correlation_id="",
        address="",
    )

"""This file is for judging refusals: was the caller refused as declared, and did it get nothing of the owner's all the same."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlsplit

from probes.encodings import Finder
from probes.expect import trail
from probes.exposure import exposed
from probes.net.answer import Answer
from probes.net.flight import Phase
from probes.outcome import Check, Evidence, check, control
from probes.session import TargetError
from probes.status import StatusMatcher

SHORTEST_MARKER = 6  # a shorter word would be found in anybody's answer
_LEAST_BODY = 40  # bytes; shorter bodies are alike by chance
_NOTHING_SENT = frozenset({Phase.EGRESS, Phase.DNS, Phase.CONNECT, Phase.TLS})
_TOO_MANY = 429


@dataclass(slots=True)
class Owned:
    """What the rightful owner was given, by which it is known again in other answers."""

    content: str  # what it is, for sentences
    markers: tuple[str, ...] = ()
    bodies: set[bytes] = field(default_factory=set)
    _finder: Finder | None = None

    def is_in(self, answer: Answer) -> bool:
        """Say whether an answer holds the owner's content: in its body or its headers, in whatever encoding."""
        if answer.body in self.bodies and len(answer.body) >= _LEAST_BODY:
            return True
        if self._finder is None:
            self._finder = Finder([(marker, "marker") for marker in self.markers])
        text = "\n".join([answer.text, *(f"{name}: {value}" for name, value in answer.headers)])
        return self._finder.holds_any(text)


@dataclass(frozen=True, slots=True)
class Refusal:
    """One attempt of somebody who should be refused: `who` begins the sentence, and `answer` or `trouble` is what came."""

    who: str
    wanted: StatusMatcher
    answer: Answer | None = None
    trouble: TargetError | None = None

    @classmethod
    def silent(cls, who: str, wanted: StatusMatcher, trouble: TargetError) -> Refusal:
        """Return the refusal that was no answer. Raises: TargetError where nobody was there to refuse."""
        if trouble.phase in _NOTHING_SENT:
            raise trouble
        return cls(who, wanted, trouble=trouble)


def judge_refusal(seen: Refusal, owned: Owned) -> Check:
    """Return whether the caller was refused as declared, and was given nothing."""
    name, answer = f"{seen.who} is refused", seen.answer
    if answer is None:
        say = f"{seen.who} was left without an answer: {seen.trouble}"
        return check(name, holds=False, expected=codes(seen.wanted), observed="no answer", say=say)
    if answer.status == _TOO_MANY and str(_TOO_MANY) not in seen.wanted.codes:
        return control(
            name,
            holds=False,
            expected=codes(seen.wanted),
            observed="429",
            say=f"{seen.who} was answered 429, which says nothing about who may have {owned.content} {trail(answer)}",
            evidence=answer.as_evidence(),
        )
    served = owned.is_in(answer)
    return check(
        name,
        holds=not served and seen.wanted.holds(answer.status),
        expected=f"{codes(seen.wanted)}, and nothing of the owner's",
        observed=f"{answer.status}{', with what is the owner' + chr(39) + 's' if served else ''}",
        say=_sentence(seen, answer, owned, served=served),
        evidence=shown(answer, hide=served or answer.ok),  # what nobody should be served may be the owner's, marked or not
    )


def _sentence(seen: Refusal, answer: Answer, owned: Owned, *, served: bool) -> str:
    if served and answer.ok:
        return f"{seen.who} was served {owned.content} {trail(answer)}"
    if served:
        place = "the address it was sent on to" if 300 <= answer.status < 400 else "the refusal"
        return f"{seen.who} was refused, but {place} holds {owned.content} {trail(answer)}"
    without = f", though without {owned.content}" if answer.ok and owned.markers else ""
    return f"{seen.who} was answered {answer.status} instead of {codes(seen.wanted)}{without} {trail(answer)}"


def judge_words(seen: Sequence[Refusal], owned: Owned) -> Check:
    """Return whether the refusals keep the target's inside to themselves."""
    tells = [(one, kinds) for one in seen if one.answer is not None and (kinds := exposed(one.answer))]
    say = ""
    if tells:
        one, kinds = tells[0]
        more = f", and {len(tells) - 1} more refusals do so" if len(tells) > 1 else ""
        say = f"the refusal of {one.who} shows {' and '.join(kinds)}{more} {trail(one.answer) if one.answer else ''}"
    return check(
        "no refusal tells of the target's inside",
        holds=not tells,
        expected="no stack trace, path, connection string or secret",
        observed=f"{len(tells)} of {len(seen)} do" if tells else f"none of {len(seen)} does",
        say=say,
        evidence=[shown(one.answer, hide=owned.is_in(one.answer)) for one, _ in tells[:2] if one.answer is not None],
    )


def judge_challenge(answer: Answer) -> Check:
    """Return whether a 401 says how to authenticate. Source: RFC 9110 section 11.6.1."""
    given = answer.header("www-authenticate")
    return check(
        "a 401 says how to authenticate",
        holds=given is not None and bool(given.strip()),
        soft=True,
        expected="a header WWW-Authenticate",
        observed=given or "none",
        say=f"the refusal of a caller without credentials has no WWW-Authenticate, which RFC 9110 asks for {trail(answer)}",
    )


def judge_method(method: str, answer: Answer) -> Iterator[Check]:
    """Yield whether a method that is not allowed is answered so. Source: RFC 9110 section 15.5.6."""
    allow = answer.header("allow")
    if answer.status == _TOO_MANY:
        say = f"the method {method} was answered 429, which says nothing about it {trail(answer)}"
        yield control(f"the method {method} is not allowed", holds=False, observed="429", say=say)
        return
    yield check(
        f"the method {method} is not allowed",
        holds=answer.status in (405, 501),
        expected="405",
        observed=str(answer.status),
        say=f"the method {method} was answered {answer.status} instead of 405 {trail(answer)}",
        evidence=answer.as_evidence(),
    )
    if answer.status == 405:
        listed = {word.strip().upper() for word in (allow or "").split(",")}
        yield check(
            f"the refusal of {method} lists what is allowed",
            holds=allow is not None and method.upper() not in listed,
            soft=allow is None,
            expected=f"a header Allow, without {method}",
            observed=allow if allow is not None else "none",
            say=f"the refusal of {method} {'has no header Allow' if allow is None else f'allows {method} in its header Allow'} "
            f"{trail(answer)}",
        )


def judge_trace(answer: Answer, planted: str) -> Check:
    """Return whether TRACE gives the request back, credentials and all. Source: RFC 9110 section 9.3.8."""
    echoed = planted in answer.text
    return check(
        "TRACE does not give a request back",
        holds=not echoed,
        expected="refused",
        observed=f"{answer.status}{', with our header' if echoed else ''}",
        say=f"TRACE gave the headers of a request back, so that a script could read the cookies of its user {trail(answer)}",
        evidence=shown(answer, hide=True) if echoed else (),
    )


def judge_alike(who: str, theirs: Answer, unknown: Answer, differs: Iterable[str]) -> Check:
    """Return whether somebody else's thing is answered like one that does not exist, so that nobody can count them."""
    different = list(differs)
    if unknown.status == _TOO_MANY:
        say = f"{who} was answered 429, which says nothing about ids that do not exist {trail(unknown)}"
        return control(
            f"{who} cannot tell what is somebody else's from what does not exist", holds=False, observed="429", say=say
        )
    return check(
        f"{who} cannot tell what is somebody else's from what does not exist",
        holds=not different,
        soft=True,
        expected="the same answer",
        observed=", ".join(different) or "the same",
        say=f"{who} can tell which ids exist: the refusals differ in {' and '.join(different)} between what is somebody else's "
        f"({theirs.status}, correlation id {theirs.correlation_id}) and what does not exist {trail(unknown)}",
        evidence=(theirs.as_evidence(), unknown.as_evidence()) if different else (),
    )


def codes(wanted: StatusMatcher) -> str:
    """Return the statuses for a person."""
    return " or ".join(wanted.codes) or "a refusal"


def shown(answer: Answer, *, hide: bool) -> Evidence:
    """Return an answer as evidence; where it holds what is the owner's, without its body and headers."""
    if not hide:
        return answer.as_evidence()
    headers: tuple[Any, ...] = tuple((n, v) for n, v in answer.headers if n.lower() in ("content-type", "content-length", "date"))
    made = replace(answer, body=b"", headers=headers).as_evidence()
    return replace(made, data={**made.data, "body": f"(not shown: {len(answer.body)} bytes that are not this caller's)"})


def look_alike(left: Answer, right: Answer) -> list[str]:
    """Return in what two refusals differ: status, type, or body apart from ids, numbers and the two paths."""
    different = []
    if left.status != right.status:
        different.append("status")
    if left.content_type != right.content_type:
        different.append("type")
    if _shape(left) != _shape(right):
        different.append("body")
    return different


def _shape(answer: Answer) -> str:
    path = urlsplit(answer.url).path
    text = answer.text
    for part in sorted({path, *path.split("/"), answer.correlation_id}, key=len, reverse=True):
        if len(part) > 1:
            text = text.replace(part, "#")
    return re.sub(r"[0-9a-fA-F]*[0-9][0-9a-fA-F]*", "#", text)

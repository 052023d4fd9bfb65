"""This file is for judging one audit record: contract, expected values, who did it, and secrets that it must not hold."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from probes.audit_trail import AuditRecord
from probes.evidence.source import LogLine
from probes.jsonpath import find, plain_segments
from probes.leaks import Leak, scan
from probes.log_promise import moment
from probes.matchers import Matcher, Selection
from probes.misfits import misfits
from probes.operators import instant, kind_of
from probes.outcome import Check, Evidence, Json, check, control, note
from probes.pii import names_a_secret
from probes.planting import Planted
from probes.session import Session

SECRET_DETECTORS = ("jwt", "bearer", "connection")  # secrets that show by their form, wherever they stand
# Fields whose values are words of the program and never of a person; only these are shown, and only where they look like it.
_PROGRAM_WORDS = frozenset({"action", "actor_type", "entity_type", "status", "state", "outcome", "result", "reason", "event"})
_WORD = re.compile(r"[A-Za-z][A-Za-z0-9_.:-]{0,60}")
_MASKED = re.compile(
    r"(?i)^$|\*{3}|•{3}|^\[[^\]]*\]$|^<[^>]*>$|^\([^)]*\)$|^(?:redacted|filtered|masked|hidden|removed|secret|changed|null|none|x{3,})\b"
)
# A field that tells of a secret and is none: when it changed, what it is called.
_ABOUT_A_SECRET = re.compile(
    r"_(?:at|count|name|type|length|strength|changed|expiry|expires|version|age|policy)$|(?:token|key)_id$|[a-z]At$"
)


@dataclass(frozen=True, slots=True)
class Demands:
    """What every record is held against. `validators` are compiled JSON Schemas, with what they are called."""

    validators: Sequence[tuple[str, Any]]
    actor: str  # a path of names
    planted: Sequence[Planted] = ()  # that no record may hold


@dataclass(frozen=True, slots=True)
class Held:
    """One record, and what it is held against."""

    record: AuditRecord
    action: str
    wanted: Mapping[str, Matcher]  # filled
    trail: str  # where to look, for the end of a sentence
    called: str = "audit record"


def judged(held: Held, demands: Demands, session: Session) -> Iterator[Check]:
    """Yield one check for each thing that the record must be."""
    for called, validator in demands.validators:
        wrong = misfits(validator, dict(held.record.data))
        yield check(
            f"the record of '{held.action}' fits {called}",
            holds=not wrong,
            expected="all fields as promised",
            observed="; ".join(wrong[:5]) or "all of them",
            say=f"the {held.called} of '{held.action}' breaks {called}: {'; '.join(wrong[:3])} ({held.trail})",
            evidence=_place(held),
        )
    for path, matcher in held.wanted.items():
        yield from _field(held, path, matcher, session)
    yield _names_an_actor(held, demands.actor)
    yield _no_secret(held, demands.planted)


def of_its_time(held: Held, path: str, window: tuple[datetime, datetime], skew_s: float) -> Check:
    """Return whether the record is of the time of its action: one of another time is that of another action."""
    name, since, until = f"the record of '{held.action}' is of its time", *window
    at = moment(next(iter(find(path, dict(held.record.data))), None))
    if at is None:
        return note(name, f"its time was not looked at: {path} of the {held.called} holds none with an offset ({held.trail})")
    early, late = (since - at).total_seconds(), (at - until).total_seconds()
    away = f"{timedelta(seconds=round(max(early, late)))} {'before' if early > late else 'after'} the action"
    return check(
        name,
        holds=max(early, late) <= skew_s,
        expected=f"within {skew_s:g} s of the action",
        observed=away if max(early, late) > skew_s else "of its time",
        say=f"the {held.called} of '{held.action}' is of another time: {path} is {away} ({held.trail})",
        evidence=_place(held) if max(early, late) > skew_s else (),
    )


def of_this_run(held: Held, path: str) -> Check:
    """Return the control of a record that was found by what only the answer told, and that has no time."""
    say = f"the record of '{held.action}' may be of an earlier thing: it was not looked for before, and has no time at {path}"
    return control(f"the record of '{held.action}' is of this run", holds=False, say=f"{say} ({held.trail})")


def was_not_there(action: str, many: int, *, by_request: bool) -> Check:
    """Return the control that no record was there before; of a thing that is changed again, others' may be."""
    say = f"{many} records of '{action}' were there before it was done, so what is found may not follow it"
    return control(f"no record of '{action}' was there before it", holds=not (many and by_request), observed=str(many), say=say)


def scan_is_sound(missed: Sequence[str]) -> Check:
    say = f"the scan for secrets overlooked one in a line made for it ({', '.join(missed[:5])})"
    return control("the scan finds each secret in lines made for it", holds=not missed, say=say)


def refused_without_actor(held: Held, demands: Demands, session: Session) -> list[str]:
    """Return the specimens made of this record, without who did it, that would have been accepted all the same."""
    accepted = []
    for called, data in _without(held.record.data, demands.actor):
        made = Held(AuditRecord(data, "specimen"), held.action, held.wanted, "")
        if all(one.verdict == "pass" for one in judged(made, demands, session)):
            accepted.append(called)
    return accepted


def _without(data: Mapping[str, Json], path: str) -> Iterator[tuple[str, dict[str, Json]]]:
    """Yield the record without its actor, and with null in its place where somebody stands there."""
    yield "its actor removed", _changed(data, path, remove=True)
    if find(path, dict(data)) not in ([], [None]):
        yield "null for its actor", _changed(data, path, remove=False)


def _changed(data: Mapping[str, Json], path: str, *, remove: bool) -> dict[str, Json]:
    *outer, last = (str(one) for one in plain_segments(path) or ())
    made: dict[str, Json] = dict(data)
    inner = made
    for name in outer:
        below = inner.get(name)
        inner[name] = dict(below) if isinstance(below, Mapping) else {}
        inner = inner[name]
    inner.pop(last, None) if remove else inner.update({last: None})
    return made


def _field(held: Held, path: str, matcher: Matcher, session: Session) -> Iterator[Check]:
    try:
        found = Selection(find(path, dict(held.record.data)))
    except ValueError as problem:
        found = Selection((), str(problem))
    seen = _seen(path, found)
    for finding in matcher.judge(found, session.now()):
        yield check(
            f"the record of '{held.action}': {path} {finding.phrase}",
            holds=finding.holds,
            expected=finding.phrase,
            observed=seen,
            say=f"the {held.called} of '{held.action}' is wrong in {path}: it {seen}, "
            f"expected that it {finding.phrase} ({held.trail})",
            evidence=() if finding.holds else _place(held),
        )


def _seen(path: str, found: Selection) -> str:
    """Return what stands there, without values that may be a person's."""
    if found.trouble:
        return found.trouble
    if not found.values:
        return "is missing"
    if len(found.values) > 1:
        return f"selects {len(found.values)} values"
    value = found.values[0]
    last = re.split(r"[.\[\]'\"]+", path.rstrip("]'\""))[-1].lower()
    if value is None or isinstance(value, bool):
        return f"is {'null' if value is None else str(value).lower()}"
    if isinstance(value, str) and last in _PROGRAM_WORDS and _WORD.fullmatch(value):
        return f"is '{value}'"
    return f"is {'an' if kind_of(value)[0] in 'aeio' else 'a'} {kind_of(value)} (not shown)"


def _names_an_actor(held: Held, path: str) -> Check:
    """Take null for nobody, unless the scenario says of this very field what it must be."""
    found = find(path, dict(held.record.data))
    seen = _seen(path, Selection(found))
    nobody = not found or (found[0] in (None, "") and path not in held.wanted)
    return check(
        f"the record of '{held.action}' names who did it",
        holds=not nobody,
        expected=f"a value at {path}",
        observed=seen,
        say=f"the {held.called} of '{held.action}' does not say who did it: {path} {seen} ({held.trail}); "
        f"where nobody is right, say '{path}: null' under 'record'",
        evidence=_place(held) if nobody else (),
    )


def _no_secret(held: Held, planted: Sequence[Planted]) -> Check:
    named = list(secrets_in(held.record.data))
    line = LogLine(held.record.text, held.record.place, 0)
    found = scan([line], planted, SECRET_DETECTORS)
    leaks: list[Leak] = [*found.planted, *found.others]
    what = [f"'{path}' is in the clear" for path in named]
    what += [f"the {leak.kind} that was sent stands in it {leak.form}" for leak in found.planted]
    what += [f"a {leak.kind} stands in it" for leak in found.others]
    return check(
        f"the record of '{held.action}' holds no secret",
        holds=not named and not leaks,
        expected="secrets are masked or left out",
        observed="; ".join(what[:5]) or "none",
        say=f"the {held.called} of '{held.action}' keeps what should be masked: {'; '.join(what[:3])} ({held.trail})",
        evidence=_place(held) if what else (),
    )


def secrets_in(value: Json, path: str = "") -> Iterator[str]:
    """Yield the paths of values, at any depth, whose name tells of a secret and which are not masked."""
    if isinstance(value, Mapping):
        for name, item in value.items():
            below = f"{path}.{name}" if path else str(name)
            if names_a_secret(str(name)) and not _ABOUT_A_SECRET.search(str(name)):
                yield from _unmasked(item, below)
            else:
                yield from secrets_in(item, below)
    elif isinstance(value, list | tuple):
        for place, item in enumerate(value):
            yield from secrets_in(item, f"{path}[{place}]")


def _unmasked(value: Json, path: str) -> Iterator[str]:
    if isinstance(value, Mapping):
        for name, item in value.items():
            yield from _unmasked(item, f"{path}.{name}")
    elif isinstance(value, list | tuple):
        for place, item in enumerate(value):
            yield from _unmasked(item, f"{path}[{place}]")
    elif isinstance(value, str):
        if not _MASKED.search(value) and instant(value) is None:
            yield path
    elif kind_of(value) == "number" and "token" not in path.lower():  # a number of tokens is a count
        yield path


def article(called: str) -> str:
    return f"{'an' if called[0].lower() in 'aeio' else 'a'} {called}"


def _place(held: Held) -> tuple[Evidence, ...]:
    return (Evidence("audit record", held.record.place, {"fields": sorted(held.record.data)[:50]}),)

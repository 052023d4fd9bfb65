"""This file is for the checks of structured log lines: what of the contract each line, each request and each error keeps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from itertools import combinations

from probes.log_promise import Freshness, Promise, all_hold, first
from probes.log_records import Record
from probes.log_requests import Sent, head_of
from probes.log_trail import Trail, filled
from probes.matchers import Matcher
from probes.outcome import Check, Evidence, Json, check, note

_SHOWN = 20  # places that the evidence of one check lists
_CLAUSES = 3  # different clauses that one sentence tells

Fault = tuple[Record, str]


def counted(number: int, word: str) -> str:
    """Return a number with its word: `1 line`, `3 lines`."""
    return f"{number} {word}{'' if number == 1 else 's'}"


def are_records(read: Sequence[Record], sent: Sequence[Sent]) -> Iterator[Check]:
    """Yield that each line is one JSON object. The last line of a file, where it only ends early, is told apart."""
    half = [(record, record.trouble) for record in read if record.half]
    yield _kept(
        "each line is one JSON object",
        [(r, r.trouble) for r in read if r.trouble and not r.half],
        read,
        sent,
        "are no JSON object",
    )
    told = [(record, f"is half a line at the end: it {trouble}, and stayed so") for record, trouble in half]
    yield _kept("the last line is whole", told, read, sent, "are half lines", soft=True)


def are_of_bearable_length(read: Sequence[Record], most: int, sent: Sequence[Sent]) -> Check:
    long = [(r, f"has {size} bytes, more than {most}") for r in read if (size := _bytes_over(r.text, most))]
    return _kept(f"no line has more than {most} bytes", long, read, sent, "are too long", soft=True)


def fit(promise: Promise, read: Sequence[Record], sent: Sequence[Sent]) -> Check:
    """Return that each line which could be read fits a schema."""
    name = f"each line fits {promise.called}"
    if not any(not record.trouble for record in read):
        return note(name, f"whether {name} was not looked at: no line could be read")
    faults = [(r, clauses) for r in read if not r.trouble and (clauses := promise.misfits(r.data))]
    kinds = list(dict.fromkeys(clause for _, clauses in faults for clause in clauses))
    others = [clause for clause in kinds if faults and clause not in faults[0][1]][:_CLAUSES]
    also = f"; elsewhere one {', or '.join(others)}" if others else ""
    told = [(record, " and ".join(clauses[:_CLAUSES])) for record, clauses in faults]
    return _kept(name, told, read, sent, f"do not fit {promise.called}{also}")


def are_fresh(fresh: Freshness, read: Sequence[Record], sent: Sequence[Sent]) -> Check:
    name = f"each line was written when it says, within {fresh.skew_s:g} s"
    if not any(not record.trouble for record in read):
        return note(name, "times were not looked at: no line could be read")
    faults = [(r, trouble) for r in read if not r.trouble and (trouble := fresh.trouble(r.data))]
    return _kept(name, faults, read, sent, "do not carry their time")


def share_an_id(trail: Trail, path: str, *, adopts: bool) -> Check:
    """Return that all lines of a request have one correlation id; the one that we sent, where the target takes it over."""
    sent, faults = trail.sent, list[Fault]()
    ids: dict[str, Record] = {}
    linked = False
    for record in trail.own:
        if record.trouble:
            continue
        value = first(path, record.data)
        head = head_of(value, sent.event) if sent.event else None
        linked = linked or head is not None
        one = head if head is not None else value
        trouble = _wrong_id(one, sent, adopts=adopts)
        if trouble:
            faults.append((record, f"{trouble} at {path}"))
        else:
            ids.setdefault(str(one).lower(), record)
    name = f"all lines of our request '{sent.name}' carry one correlation id"
    if len(ids) > 1:
        places = " and ".join(record.place for record in list(ids.values())[:2])
        say = f"the lines of our request '{sent.name}' carry {len(ids)} correlation ids, at {places} ({sent.known_by})"
    elif faults:
        more = f"; and {len(faults) - 1} more of its lines" if len(faults) > 1 else ""
        say = f"{faults[0][0].place}, a line of our request '{sent.name}', {faults[0][1]} ({sent.known_by}){more}"
    else:
        say = f"no line of our webhook '{sent.name}' links its event, as 'ID linked:EVENT' at {path} ({sent.known_by})"
    holds = len(ids) < 2 and not faults and (linked or not sent.event)
    seen = f"{len(ids)} ids and {len(faults)} lines with a wrong one"
    return check(name, holds=holds, expected="one id", observed=seen, say=say, evidence=_places(faults, [sent]))


def _wrong_id(value: Json, sent: Sent, *, adopts: bool) -> str:
    if not isinstance(value, str) or not value.strip():
        return "has no correlation id"
    if sent.event and sent.is_own_id(value):
        return "carries the id that came with the webhook instead of a new one"
    if adopts and not sent.event and not sent.is_own_id(value):
        return "carries another correlation id than the request was sent with"
    return ""


def differ(trails: Sequence[Trail], path: str) -> Check:
    """Return that no two requests were logged under one correlation id."""
    name = "different requests have different correlation ids"
    if len(trails) < 2:
        return note(name, "only one request was sent, so ids of different requests could not be compared")
    seen = [(trail.sent, {v for r in trail.own if isinstance(v := first(path, r.data), str)}) for trail in trails]
    same = [(one.name, other.name) for (one, mine), (other, theirs) in combinations(seen, 2) if mine & theirs]
    say = f"our requests '{same[0][0]}' and '{same[0][1]}' were logged under one correlation id at {path}" if same else ""
    known = f" ({'; '.join(trail.sent.known_by for trail in trails[:3])})"
    return check(name, holds=not same, expected="different ids", observed=f"{len(same)} pairs are alike", say=f"{say}{known}")


def error_is_told(trail: Trail, fields: Sequence[str], says: Mapping[str, Matcher], now: datetime) -> Check:
    """Return that a server error left a line with all of its fields, which says that it is an error."""
    sent, wanted = trail.sent, filled(says, trail.sent)
    whole, bare, faults = list[Record](), list[Record](), list[Fault]()
    for record in (one for one in trail.own if not one.trouble):
        missing = [path for path in fields if not _is_text(first(path, record.data))]
        is_error = all_hold(wanted, record.data, now)
        if fields and len(missing) == len(fields):
            bare += [record] if wanted and is_error else []
        elif missing:
            faults.append((record, f"tells of an error without {' and '.join(missing)}"))
        elif is_error:
            whole.append(record)
        elif fields:
            faults.append((record, f"has the fields of an error, but it does not hold that {_phrases(wanted)}"))
    if bare and not whole:
        faults += [(record, f"says that it is an error, but has no {', '.join(fields)}") for record in bare]
    say = f"the server error of our request '{sent.name}' left no line that tells of it ({sent.known_by})"
    if faults:
        say = f"{faults[0][0].place} {faults[0][1]} (our request '{sent.name}', {sent.known_by})"
    return check(
        f"the error of our request '{sent.name}' is logged with {', '.join(fields) or 'what tells that it is one'}",
        holds=bool(whole) and not faults,
        expected="a line with all of them",
        observed=f"{counted(len(whole), 'line')} with, {len(faults)} without",
        say=say,
        evidence=_places(faults, [sent]),
    )


def _phrases(wanted: Mapping[str, Matcher]) -> str:
    return " and ".join(
        f"{path} {' and '.join(phrase for _, _, phrase in matcher._operators)}" for path, matcher in wanted.items()
    )


def _is_text(value: Json) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _bytes_over(text: str, most: int) -> int:
    """Return how many bytes a line has where it has too many, else 0."""
    if len(text) * 4 <= most:
        return 0
    size = len(text.encode("utf-8", "surrogatepass"))
    return size if size > most else 0


def _kept(
    name: str, faults: Sequence[Fault], read: Sequence[Record], sent: Sequence[Sent], others: str, *, soft: bool = False
) -> Check:
    """Return one check over many lines: its sentence tells of the first that breaks it, its evidence of more."""
    say = ""
    if faults:
        record, clause = faults[0]
        ours = next((f" (our request '{one.name}', {one.known_by})" for one in sent if one.left(record)), "")
        many = len(faults) - 1
        more = f"; and {many} more of {len(read)} lines {others}" if many else ""
        say = f"{record.place} {clause}{ours}{more}"
    seen = f"{len(faults)} of {len(read)} lines do not" if faults else f"{len(read)} lines do"
    return check(name, holds=not faults, observed=seen, say=say, soft=soft, evidence=_places(faults, sent))


def _places(faults: Sequence[Fault], sent: Sequence[Sent]) -> tuple[Evidence, ...]:
    if not faults:
        return ()
    places = [
        {
            "where": record.line.where,
            "line": record.line.number or None,
            "wrong": clause,
            "request": next((one.name for one in sent if one.left(record)), None),
        }
        for record, clause in faults[:_SHOWN]
    ]
    return (Evidence("log positions", faults[0][0].place, {"places": places, "left_out": max(0, len(faults) - _SHOWN)}),)

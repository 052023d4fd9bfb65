"""This file is for which log lines belong to which request: its own, and those of jobs and webhooks that it caused."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from probes.jsonpath import find
from probes.log_promise import all_hold, first
from probes.log_records import Record
from probes.log_requests import Sent, SpawnedLine, head_of, own_ids
from probes.matchers import Matcher, Selection
from probes.outcome import Check, check, note
from probes.request import fill

Wanted = Mapping[str, Matcher]


@dataclass(frozen=True, slots=True)
class Trail:
    """The lines of one request. `spawned` and `astray` are by the name of what was spawned.

    `astray` are lines that it could have written, but that do not lead back to the request.
    """

    sent: Sent
    own: tuple[Record, ...]
    spawned: Mapping[str, tuple[Record, ...]]
    astray: Mapping[str, tuple[Record, ...]]

    @property
    def is_complete(self) -> bool:
        return bool(self.own) and all(self.spawned.values())


def follow(sent: Sent, read: Sequence[Record], path: str, now: datetime, *, adopts: bool) -> Trail:
    """Sort out the lines of one request. `path` is where lines have their correlation id, empty where they have none.

    `adopts` says that the target logs under the id that we sent, so that lines lead back to it whatever else was logged.
    """
    held = [record for record in read if sent.left(record)]
    spawns = [(one, filled(one.where, sent)) for one in sent.request.spawns]
    ids = _ids_of([record for record in held if not any(_is(record, where, now) for _, where in spawns)], path)
    ids |= own_ids(sent.correlation_id) if adopts and not sent.event else set()
    known = set(map(id, held))
    held += [record for record in read if id(record) not in known and path and _id_in(record, path) in ids]
    spawned: dict[str, tuple[Record, ...]] = {}
    astray: dict[str, tuple[Record, ...]] = {}
    for one, where in spawns:
        like = [record for record in read if _is(record, where, now)]
        spawned[one.name] = tuple(record for record in like if _leads_back(record, one, sent, ids, path))
        astray[one.name] = tuple(record for record in like if record not in spawned[one.name])
    others = {id(record) for lines in (*spawned.values(), *astray.values()) for record in lines}
    return Trail(sent, tuple(record for record in held if id(record) not in others), spawned, astray)


def filled(wanted: Wanted, sent: Sent) -> dict[str, Matcher]:
    """Return what is expected of lines with every `{{name}}` replaced, paths included. Raises: UnknownVariable."""
    return {str(fill(path, sent.values)): matcher.filled(sent.values) for path, matcher in wanted.items()}


def _ids_of(own: Sequence[Record], path: str) -> set[str]:
    """Return the ids under which the request itself was logged, in lower case."""
    return {one for record in own if path and (one := _id_in(record, path))}


def _id_in(record: Record, path: str) -> str:
    value = first(path, record.data)
    return value.partition(" linked:")[0].lower() if isinstance(value, str) else ""


def _is(record: Record, where: Wanted, now: datetime) -> bool:
    return not record.trouble and all_hold(where, record.data, now)


def _leads_back(record: Record, spawned: SpawnedLine, sent: Sent, ids: set[str], path: str) -> bool:
    if not path:
        return sent.left(record)
    if spawned.links:
        head = head_of(first(path, record.data), str(fill(spawned.links, sent.values)))
        return head is not None and not sent.is_own_id(head)
    return _id_in(record, path) in ids


def arrived(trail: Trail, path: str, wait_s: float, names: str) -> Iterator[Check]:
    """Yield one check for each thing that was spawned: its line was found, and leads back to the request."""
    sent = trail.sent
    for one in sent.request.spawns:
        how = f"links the event of our request '{sent.name}'" if one.links else f"carries the id of our request '{sent.name}' on"
        lines, astray = trail.spawned[one.name], trail.astray[one.name]
        where = f"{names}, {sent.known_by}"
        if astray:
            other = "does not link its event" if one.links else "carries another id or none"
            say = (
                f"'{one.name}' cannot be traced back to our request '{sent.name}': {astray[0].place} {other} at {path} ({where})"
            )
        else:
            say = f"nothing of '{one.name}', which our request '{sent.name}' spawns, was logged within {wait_s:g} s ({where})"
        yield check(f"'{one.name}' {how}", holds=bool(lines), expected="a line", observed=f"{len(lines)} lines", say=say)


def expected_of(trail: Trail, wanted: Wanted, now: datetime) -> Iterator[Check]:
    """Yield what the scenario expects of the values in the request's lines, and in those of what it spawned."""
    sent = trail.sent
    own = [record for record in trail.own if not record.trouble]
    yield from _each(f"our request '{sent.name}'", filled({**wanted, **sent.request.fields}, sent), own, sent, now)
    for one in sent.request.spawns:
        yield from _each(f"'{one.name}'", filled(one.fields, sent), trail.spawned[one.name], sent, now)


def _each(whose: str, wanted: Wanted, lines: Sequence[Record], sent: Sent, now: datetime) -> Iterator[Check]:
    for path, matcher in wanted.items():
        if not lines:
            yield note(f"{path} in the lines of {whose}", f"{path} was not looked at: no line of {whose} could be read")
            continue
        phrases = [finding.phrase for finding in matcher.judge(Selection(find(path, lines[0].data)), now)]
        for place, phrase in enumerate(phrases):
            wrong = [record for record in lines if not _holds(matcher, path, record, place, now)]
            say = f"in {wrong[0].place}, of {whose}, it does not hold that {path} {phrase}" if wrong else ""
            more = f"; nor in {len(wrong) - 1} more of its {len(lines)} lines" if len(wrong) > 1 else ""
            yield check(
                f"{path} {phrase} in the lines of {whose}",
                holds=not wrong,
                expected=phrase,
                observed=f"not in {len(wrong)} of {len(lines)} lines" if wrong else f"in {len(lines)} lines",
                say=f"{say}{more} ({sent.known_by})",
            )


def _holds(matcher: Matcher, path: str, record: Record, place: int, now: datetime) -> bool:
    return list(matcher.judge(Selection(find(path, record.data)), now))[place].holds

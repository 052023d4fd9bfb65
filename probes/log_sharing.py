"""This file is for values that log lines share: those of one request among themselves, and with what the request caused."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from probes.log_promise import first
from probes.log_records import Record
from probes.log_trail import Trail
from probes.outcome import Check, Json, check


def each_its_own(trails: Sequence[Trail], path: str) -> Iterator[Check]:
    """Yield that all lines of a request have one value at the path, and that no two requests have the same."""
    owners: dict[str, Trail] = {}
    for trail in trails:
        lines = [record for record in trail.own if not record.trouble]
        if not lines:
            continue
        values = list(dict.fromkeys(_text(first(path, record.data)) for record in lines))
        other = owners.setdefault(values[0], trail) if values[0] else trail
        sent = trail.sent
        say = f"{lines[0].place}, a line of our request '{sent.name}', has nothing at {path} ({sent.known_by})"
        if len(values) > 1:
            wrong = next(record for record in lines if _text(first(path, record.data)) != values[0])
            say = (
                f"{wrong.place}, a line of our request '{sent.name}', has another value at {path} than {lines[0].place} "
                f"({sent.known_by})"
            )
        elif other is not trail:
            say = (
                f"our requests '{other.sent.name}' and '{sent.name}' have the same value at {path}, "
                f"at {lines[0].place} ({other.sent.known_by}; {sent.known_by})"
            )
        yield check(
            f"the lines of our request '{sent.name}' have a value of their own at {path}",
            holds=len(values) == 1 and bool(values[0]) and other is trail,
            expected="one value, which no other request has",
            observed=f"{len(values)} values" if len(values) > 1 else "none" if not values[0] else "one value",
            say=say,
        )


def kept(trail: Trail) -> Iterator[Check]:
    """Yield that what a request spawned has the request's own values where it should."""
    sent = trail.sent
    for spawned in sent.request.spawns:
        lines = trail.spawned[spawned.name]
        for path in spawned.keeps if lines else ():
            ours = {_text(first(path, record.data)) for record in trail.own if not record.trouble} - {""}
            wrong: Record | None = next((one for one in lines if _text(first(path, one.data)) not in ours), None)
            say = f"in {wrong.place}, of '{spawned.name}', {path} is not that of " if wrong else ""
            yield check(
                f"'{spawned.name}' keeps {path} of our request '{sent.name}'",
                holds=wrong is None,
                expected="the request's own",
                observed="another, or none" if wrong else "the request's own",
                say=f"{say}our request '{sent.name}', which caused it ({sent.known_by})",
            )


def _text(value: Json) -> str:
    return "" if value is None else str(value)

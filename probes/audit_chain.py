"""This file is for chains of audit records, each of which holds the SHA-256 of the one before it: is one broken, and where."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from probes.audit_options import Chain
from probes.audit_trail import AuditRecord
from probes.jsonpath import find, plain_segments
from probes.outcome import Json

_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Break:
    """One place at which the chain does not hold. `what` reads after the record's place."""

    record: AuditRecord
    what: str


def in_order(records: Sequence[AuditRecord], chain: Chain) -> list[AuditRecord]:
    """Return the records oldest first, whichever way round they were given."""
    pairs = list(pairwise(records))
    forward = sum(_at(chain.previous, later) == _at(chain.hash, earlier) for earlier, later in pairs)
    backward = sum(_at(chain.previous, earlier) == _at(chain.hash, later) for earlier, later in pairs)
    return list(reversed(records)) if backward > forward else list(records)


def hash_of(record: AuditRecord, chain: Chain) -> Json:
    """Return what the record says its own hash is."""
    return _at(chain.hash, record)


def breaks(records: Sequence[AuditRecord], chain: Chain) -> list[Break]:
    """Return every place at which the chain is broken. The first record's link leads out of what was read."""
    found: list[Break] = []
    for place, record in enumerate(records):
        own, previous = _at(chain.hash, record), _at(chain.previous, record)
        if not isinstance(own, str) or not _SHA256.fullmatch(own.lower()):
            found.append(Break(record, f"has no SHA-256 at {chain.hash}"))
        elif chain.over is not None and own.lower() != computed(record, chain):
            found.append(Break(record, "does not have the hash that its fields give"))
        if place == 0:
            continue
        if chain.genesis is not None and previous == chain.genesis:
            found.append(Break(record, "begins the chain anew"))
        elif not isinstance(previous, str) or previous != _at(chain.hash, records[place - 1]):
            found.append(Break(record, "does not hold the hash of the record before it"))
    return found


def computed(record: AuditRecord, chain: Chain) -> str:
    """Return the SHA-256 that the record's fields give, as lower-case hex."""
    return hashlib.sha256(_hashed(record.data, chain).encode("utf-8", "surrogatepass")).hexdigest()


def unnoticed(records: Sequence[AuditRecord], chain: Chain) -> list[str]:
    """Return the manipulations of this very chain that `breaks` overlooks. Nothing, if it is sound."""
    missed = []
    last, earlier = records[-1], list(records[:-1])
    relinked = AuditRecord({**last.data, **_set(last.data, chain.previous, "0" * 64)}, last.place)
    if not breaks([*earlier, relinked], chain):
        missed.append("a link that leads elsewhere")
    if len(records) > 2 and not breaks([records[0], *records[2:]], chain):
        missed.append("a record taken out")
    if chain.over is not None and not breaks([*earlier, _edited(last, chain)], chain):
        missed.append("a record with another content")
    return missed


def _hashed(data: Mapping[str, Json], chain: Chain) -> str:
    if chain.over == "canonical":
        names = [str(one) for one in plain_segments(chain.hash) or ()]
        return _canonical(_without(data, names))
    assert chain.over is not None
    return chain.separator.join(_text(find(path, dict(data))) for path in chain.over)


def _without(data: Mapping[str, Json], names: Sequence[str]) -> Json:
    made = dict(data)
    if len(names) == 1:
        made.pop(names[0], None)
    elif isinstance(made.get(names[0]), Mapping):
        made[names[0]] = _without(made[names[0]], names[1:])
    return made


def _canonical(value: Json) -> str:
    """Return JSON without white space, its keys in order. Source: RFC 8785, but for the form of fractions."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _text(values: Sequence[Json]) -> str:
    value = values[0] if values else None
    return "" if value is None else value if isinstance(value, str) else _canonical(value)


def _edited(record: AuditRecord, chain: Chain) -> AuditRecord:
    """Return the record with something changed in the first of the fields that are hashed."""
    if chain.over == "canonical":
        return AuditRecord({**record.data, "changed by": "vedette"}, record.place)
    path = next((one for one in chain.over or () if plain_segments(one) and one != chain.previous), chain.previous)
    return AuditRecord({**record.data, **_set(record.data, path, "changed by vedette")}, record.place)


def _set(data: Mapping[str, Json], path: str, value: Json) -> dict[str, Json]:
    first, *rest = (str(one) for one in plain_segments(path) or ())
    inner = data.get(first)
    if not rest:
        return {first: value}
    below = "$" + "".join(f"['{one}']" for one in rest)
    return {first: {**inner, **_set(inner, below, value)} if isinstance(inner, Mapping) else _set({}, below, value)}


def _at(path: str, record: AuditRecord) -> Json:
    found = find(path, dict(record.data))
    return found[0] if found else None

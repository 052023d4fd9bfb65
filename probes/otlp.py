"""This file is for understanding the log records of OTLP, in protobuf and in JSON, without a library.

Source: https://github.com/open-telemetry/opentelemetry-proto (collector/logs/v1, logs/v1, common/v1, resource/v1; the numbers
below are those of its fields) and https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding.
"""

from __future__ import annotations

import base64
import json
import math
import struct
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from probes.log_paging import as_instant

Record = dict[str, Any]
Made = TypeVar("Made")

_DEEPEST = 32  # values within values
_RECORDS = 100_000  # of one request
_SEVERITIES = ("TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL")  # four numbers each, from 1
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


class NotOtlp(ValueError):
    """What was sent is not what OTLP asks for. The text is a clause for the sender."""


def from_protobuf(body: bytes) -> list[Record]:
    """Return the records of an ExportLogsServiceRequest. Raises: NotOtlp."""
    try:
        return _limited(record for group in _each(body, 1) for record in _of_resource(group))
    except (ValueError, struct.error, RecursionError) as problem:
        raise problem if isinstance(problem, NotOtlp) else NotOtlp("the body is not a protobuf message of OTLP logs") from problem


def from_json(body: bytes) -> list[Record]:
    """Return the records of the same request as JSON. Raises: NotOtlp."""
    try:
        request = json.loads(body)
        return _limited(
            _record(record, _attributes(group.get("resource")), _scope_json(scope.get("scope") or {}))
            for group in request.get("resourceLogs") or ()
            for scope in group.get("scopeLogs") or ()
            for record in scope.get("logRecords") or ()
        )
    except (ValueError, TypeError, AttributeError, KeyError, RecursionError) as problem:
        raise problem if isinstance(problem, NotOtlp) else NotOtlp("the body is not JSON of OTLP logs") from problem


def _limited(records: Iterator[Record]) -> list[Record]:
    found = []
    for record in records:
        found.append(record)
        if len(found) > _RECORDS:
            raise NotOtlp(f"more than {_RECORDS} records were sent at once")
    return found


# JSON


def _record(record: Mapping[str, Any], resource: Record, scope: Record) -> Record:
    return _made(
        time=int(record.get("timeUnixNano") or 0) or int(record.get("observedTimeUnixNano") or 0),
        severity=str(record.get("severityText") or ""),
        number=int(record.get("severityNumber") or 0),
        body=_value_json(record.get("body") or {}),
        attributes=_attributes(record),
        resource=resource,
        scope=scope,
        trace_id=str(record.get("traceId") or "").lower(),
        span_id=str(record.get("spanId") or "").lower(),
        event_name=str(record.get("eventName") or ""),
    )


def _scope_json(scope: Mapping[str, Any]) -> Record:
    named = {name: scope[name] for name in ("name", "version") if scope.get(name)}
    attributes = _attributes(scope)
    return {**named, **({"attributes": attributes} if attributes else {})}


def _attributes(holder: Mapping[str, Any] | None) -> Record:
    return _pairs_json((holder or {}).get("attributes") or (), 0)


def _pairs_json(pairs: Sequence[Mapping[str, Any]], depth: int) -> Record:
    return {str(pair["key"]): _value_json(pair.get("value") or {}, depth) for pair in pairs}


def _value_json(value: Mapping[str, Any], depth: int = 0) -> Any:
    _deep(depth)
    kind: str
    inner: Any
    kind, inner = next(iter(value.items()), ("", None))
    if kind == "intValue":
        return int(inner)
    if kind == "doubleValue":
        return _number(float(inner))
    if kind == "arrayValue":
        return [_value_json(item, depth + 1) for item in inner.get("values") or ()]
    if kind == "kvlistValue":
        return _pairs_json(inner.get("values") or (), depth + 1)
    return inner


# Protobuf


def _of_resource(group: bytes) -> Iterator[Record]:
    resource = _pairs([pair for one in _each(group, 1) for pair in _each(one, 1)])
    for scope_logs in _each(group, 2):
        scope: Record = {}
        for one in _each(scope_logs, 1):
            attributes = _pairs(list(_each(one, 3)))
            texts = {"name": _text(_last(one, 1)), "version": _text(_last(one, 2)), "attributes": attributes}
            scope = {name: value for name, value in texts.items() if value}
        for record in _each(scope_logs, 2):
            yield _record_of(record, resource, scope)


def _record_of(raw: bytes, resource: Record, scope: Record) -> Record:
    known: dict[int, Any] = {}
    attributes = []
    for number, value in _fields(raw):
        if number == 6:
            attributes.append(_as_bytes(value))
        else:
            known[number] = value
    return _made(
        time=_as_int(known.get(1, 0)) or _as_int(known.get(11, 0)),
        severity=_text(known.get(3, b"")),
        number=_as_int(known.get(2, 0)),
        body=_value(_as_bytes(known.get(5, b""))),
        attributes=_pairs(attributes),
        resource=resource,
        scope=scope,
        trace_id=_as_bytes(known.get(9, b"")).hex(),
        span_id=_as_bytes(known.get(10, b"")).hex(),
        event_name=_text(known.get(12, b"")),
    )


def _pairs(pairs: Sequence[bytes], depth: int = 0) -> Record:
    return {_text(_last(pair, 1)): _value(_as_bytes(_last(pair, 2)), depth) for pair in pairs}


def _value(raw: bytes, depth: int = 0) -> Any:
    """Return an AnyValue; of a `oneof` the last field counts."""
    _deep(depth)
    found: Any = None
    for number, value in _fields(raw):
        make = _VALUES.get(number)
        found = found if make is None else make(value, depth)
    return found


def _array(value: int | bytes, depth: int) -> list[Any]:
    return [_value(item, depth + 1) for item in _each(_as_bytes(value), 1)]


def _list(value: int | bytes, depth: int) -> Record:
    return _pairs(list(_each(_as_bytes(value), 1)), depth + 1)


def _signed(value: int) -> int:
    return value - 2**64 if value >= 2**63 else value


_VALUES: dict[int, Callable[[Any, int], Any]] = {
    1: lambda value, depth: _text(value),
    2: lambda value, depth: bool(_as_int(value)),
    3: lambda value, depth: _signed(_as_int(value)),
    4: lambda value, depth: _number(struct.unpack("<d", struct.pack("<Q", _as_int(value)))[0]),
    5: _array,
    6: _list,
    7: lambda value, depth: base64.b64encode(_as_bytes(value)).decode("ascii"),
}


def _each(raw: bytes, wanted: int) -> Iterator[bytes]:
    return (_as_bytes(value) for number, value in _fields(raw) if number == wanted)


def _last(raw: bytes, wanted: int) -> bytes:
    return next(iter(deque(_each(raw, wanted), maxlen=1)), b"")


def _fields(raw: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Yield number and value of each field. Source: https://protobuf.dev/programming-guides/encoding/."""
    at = 0
    while at < len(raw):
        tag, at = _varint(raw, at)
        number, kind = tag >> 3, tag & 7
        if kind == _VARINT:
            value, at = _varint(raw, at)
            yield number, value
            continue
        if kind == _BYTES:
            length, at = _varint(raw, at)
        elif kind in (_FIXED64, _FIXED32):
            length = 8 if kind == _FIXED64 else 4
        else:
            raise ValueError(f"wire type {kind}")
        if at + length > len(raw) or not number:
            raise ValueError("a field is cut off")
        piece = raw[at : at + length]
        at += length
        yield number, piece if kind == _BYTES else int.from_bytes(piece, "little")


def _varint(raw: bytes, at: int) -> tuple[int, int]:
    value = 0
    for place in range(10):
        if at >= len(raw):
            raise ValueError("a number is cut off")
        byte = raw[at]
        at += 1
        value |= (byte & 0x7F) << (7 * place)
        if byte < 0x80:
            return value & (2**64 - 1), at
    raise ValueError("a number is too long")


# Both


def _made(*, time: int, severity: str, number: int, **more: Any) -> Record:
    name = _SEVERITIES[(number - 1) // 4] if 1 <= number <= 24 else ""
    record = {"timestamp": _instant(time), "severity": severity or name, **more}
    return {
        key: value for key, value in record.items() if value or key in ("timestamp", "severity", "body", "attributes", "resource")
    }


def _instant(time: int) -> str | None:
    if not time:
        return None
    try:
        return as_instant(time)
    except OverflowError:
        raise NotOtlp("a record has a time that no calendar has") from None


def _number(value: float) -> float | str:
    return value if math.isfinite(value) else str(value)  # JSON knows neither NaN nor infinity


def _deep(depth: int) -> None:
    if depth > _DEEPEST:
        raise NotOtlp(f"values are nested more than {_DEEPEST} deep")


def _text(value: int | bytes) -> str:
    return _as_bytes(value).decode("utf-8", "replace")


def _as_bytes(value: int | bytes) -> bytes:
    if not isinstance(value, bytes):
        raise ValueError("a number stands where a text or a message should")
    return value


def _as_int(value: int | bytes) -> int:
    if not isinstance(value, int):
        raise ValueError("a text or a message stands where a number should")
    return value

"""This file is for what log lines are held against: bundled contracts, schemas of the suite's own, and the time they carry."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from probes.contracts.catalogue import find
from probes.jsonpath import find as select
from probes.log_records import NotARecord, Record, parse
from probes.matchers import Matcher, Selection
from probes.misfits import misfits
from probes.operators import instant, kind_of, schema_validator
from probes.outcome import Json

_MILLISECONDS_FROM = 1e11  # a larger number is no time in seconds: it would be the year 5138
_SCHEMA_BYTES = 1024 * 1024
_LATEST_S = 253_402_300_799  # the last second of the year 9999
_STRANGER = [["no field of a log is like this"]]


@dataclass(frozen=True, slots=True)
class Promise:
    """One schema that every line must fit. `called` names it in sentences; `text` is the schema as JSON."""

    called: str
    text: str

    @property
    def body(self) -> Any:
        return json.loads(self.text)

    def misfits(self, data: Mapping[str, Json]) -> list[str]:
        """Return in what a line does not fit, as clauses."""
        return misfits(schema_validator(self.text), data)

    def refuses_any(self, data: Mapping[str, Json]) -> bool:
        """Tell whether one of the lines that are made wrong out of a real one is refused.

        Each mandatory field is left out, and each field of the schema is made one of another type, in turn.
        """
        return any(self.misfits(wrong) for wrong in self._made_wrong(data))

    def _made_wrong(self, data: Mapping[str, Json]) -> Iterator[dict[str, Json]]:
        body = self.body if isinstance(self.body, dict) else {}
        for name in body.get("required", ()):
            yield {key: value for key, value in data.items() if key != name}
        yield {}
        for name in data:
            yield {**data, name: _STRANGER}


@dataclass(frozen=True, slots=True)
class Terms:
    """Where a contract has what the probe itself looks at; a scenario may say otherwise."""

    time: str = ""
    correlation: str = ""
    error_fields: tuple[str, ...] = ()
    error_says: Mapping[str, Any] | None = None


def terms_of(contract: str | None) -> Terms:
    """Return the terms of a bundled contract, empty ones where there is none."""
    told = find(contract).body.get("x-log", {}) if contract else {}
    return Terms(
        told.get("time", ""), told.get("correlation", ""), tuple(told.get("error_fields", ())), told.get("error_says") or None
    )


def schema_in(file: Path) -> str:
    """Return the JSON Schema in a file, as JSON text. Raises: ValueError where there is no usable one."""
    try:
        with file.open("rb") as stream:
            raw = stream.read(_SCHEMA_BYTES + 1)
        if len(raw) > _SCHEMA_BYTES:
            raise ValueError(f"'{file}' is larger than {_SCHEMA_BYTES} bytes, too large for a JSON Schema")
        text = json.dumps(json.loads(raw.decode("utf-8")), sort_keys=True)
    except OSError as problem:
        raise ValueError(f"'{file}' cannot be read: {(problem.strerror or type(problem).__name__).lower()}") from None
    except json.JSONDecodeError as problem:
        raise ValueError(
            f"'{file}' holds no JSON: {problem.msg.lower()} in line {problem.lineno}, column {problem.colno}"
        ) from None
    except (UnicodeDecodeError, RecursionError):
        raise ValueError(f"'{file}' holds no JSON") from None
    schema_validator(text)
    return text


def first(path: str, data: Mapping[str, Json]) -> Json:
    """Return the first value at a path, None where there is none."""
    return next(iter(select(path, data)), None)


def all_hold(wanted: Mapping[str, Matcher], data: Mapping[str, Json], now: datetime) -> bool:
    """Tell whether a line is one that all of these tell of."""
    return all(finding.holds for path, matcher in wanted.items() for finding in matcher.judge(Selection(select(path, data)), now))


def moment(value: Json) -> datetime | None:
    """Return the instant of an ISO 8601 text with an offset, or of a Unix time in seconds or milliseconds; else None."""
    if kind_of(value) != "number":
        return instant(value)
    seconds = value / 1000 if abs(value) >= _MILLISECONDS_FROM else value
    return datetime.fromtimestamp(seconds, UTC) if 0 <= seconds <= _LATEST_S else None


@dataclass(frozen=True, slots=True)
class Freshness:
    """When lines were written at the earliest and at the latest, by our clock; theirs may be `skew_s` away from it."""

    path: str
    since: datetime
    until: datetime
    skew_s: float

    def trouble(self, data: Mapping[str, Json]) -> str:
        """Return what is wrong with a line's time, as a clause, or an empty text. What is no time is for the schema to say."""
        at = moment(first(self.path, data))
        if at is None:
            return f"carries no time with an offset at {self.path}"
        late = (at - self.until).total_seconds()
        early = (self.since - at).total_seconds()
        if late > self.skew_s:
            return f"carries a time {_span(late)} in the future at {self.path}"
        return f"carries a time {_span(early)} before our first request at {self.path}" if early > self.skew_s else ""

    def refuses_wrong_times(self) -> bool:
        """Tell whether times beyond both bounds would be told."""
        name = "time"
        for wrong in (self.since - timedelta(seconds=self.skew_s + 1), self.until + timedelta(seconds=self.skew_s + 1)):
            if not Freshness(f"$.{name}", self.since, self.until, self.skew_s).trouble({name: wrong.isoformat()}):
                return False
        return True


def _span(seconds: float) -> str:
    return str(timedelta(seconds=round(seconds))) if seconds >= 3600 else f"{seconds:.0f} s"


def accepted_wrong(promises: Sequence[Promise], record: Record, fresh: Freshness | None) -> list[str]:
    """Return what would accept a line made wrong out of a real one: then nothing that it accepts is proven."""
    found = [promise.called for promise in promises if not promise.refuses_any(record.data)]
    if _is_read(record.text[:-1]) or _is_read(record.text + record.text):
        found.append("the reading of lines")
    if fresh is not None and not fresh.refuses_wrong_times():
        found.append("the look at times")
    return found


def _is_read(text: str) -> bool:
    try:
        parse(text)
    except NotARecord:
        return False
    return True

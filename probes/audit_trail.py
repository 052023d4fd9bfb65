"""This file is for reading the audit records of an action: from log lines, rows of a database, or an audit API."""

from __future__ import annotations

import asyncio
import json
import re
from collections import ChainMap, Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from probes.audit_options import CORRELATION_ID, Match, Records, Rows
from probes.evidence.source import EvidenceError, RowSource
from probes.jsonpath import find
from probes.log_records import records
from probes.log_watch import LogWatch
from probes.matchers import Matcher, Selection
from probes.net.answer import NotJson
from probes.outcome import Json
from probes.request import RequestTemplate, UnknownVariable, fill
from probes.sql_reading import names_in_statement

if TYPE_CHECKING:
    from probes.session import Session

_NEXT_PAGE = re.compile(r"""(?i)rel="?[^";,]{0,80}\bnext\b""")  # RFC 8288 section 3.3


@dataclass(frozen=True, slots=True)
class AuditRecord:
    """One record, and where it stands."""

    data: Mapping[str, Json]
    place: str

    @property
    def text(self) -> str:
        """Return the record as JSON text, the same for the same record."""
        return json.dumps(self.data, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


@dataclass(frozen=True, slots=True)
class Seen:
    """What one look gave: the records of the action, and how many others were looked through."""

    mine: tuple[AuditRecord, ...] = ()
    others: int = 0
    in_part: bool = False  # there are more pages, which were not read


@dataclass
class AuditTrail:
    """One way to read audit records. `begin` is called before the first action."""

    session: Session
    options: Records
    match: Match
    watch: LogWatch | None = None
    source: RowSource | None = None
    lines: list[AuditRecord] = field(default_factory=list)  # of all logs since the marks
    parsed: int = 0  # lines that they were read from
    in_part: bool = False  # the last answer of an API told of further pages

    async def begin(self) -> None:
        """Set marks in logs, and find the source. Raises: EvidenceError, NotGiven."""
        if self.options.logs is not None:
            self.watch = await LogWatch.begin(self.session.log_sources(self.options.logs))
        if self.options.rows is not None:
            self.source = self.session.row_source(self.options.rows.source)

    @property
    def names(self) -> str:
        """What is read, for sentences."""
        if self.watch is not None:
            return self.watch.names
        if self.source is not None:
            return self.source.describe()
        assert self.options.api is not None
        asked = self.options.api.request
        return f"{asked.at or 'audit'} API {asked.method} {asked.path.partition('?')[0]}"

    async def of(self, known: Mapping[str, Any]) -> Seen:
        """Return the records of what `known` tells: a correlation id, and what was captured.

        Raises: UnknownVariable where something that the look needs is not known yet; EvidenceError, TargetError.
        """
        wanted = str(fill(self.match.equals, self._values(known)))
        found = await self._read(known)
        mine = tuple(one for one in found if self._is(one, wanted))
        return Seen(mine, len(found) - len(mine), self.in_part)

    async def whole(self, known: Mapping[str, Any], statement: str | None, request: RequestTemplate | None) -> list[AuditRecord]:
        """Return records with their neighbours, in order. Raises: as `of`."""
        if self.options.rows is not None and statement is not None:
            return await self._rows(self.options.rows, statement, known)
        if request is not None:
            return await self._api(request, known)
        return await self._read(known)

    def _is(self, record: AuditRecord, wanted: str) -> bool:
        return any(_as_text(value) == wanted for value in find(self.match.path, dict(record.data)))

    def _values(self, known: Mapping[str, Any]) -> Mapping[str, Any]:
        return ChainMap(dict(known), self.session.values)  # type: ignore[arg-type]

    async def _read(self, known: Mapping[str, Any]) -> list[AuditRecord]:
        if self.options.rows is not None:
            return await self._rows(self.options.rows, self.options.rows.statement, known)
        if self.options.api is not None:
            return await self._api(self.options.api.request, known)
        assert self.watch is not None
        await self.watch.read()
        if len(self.watch.lines) != self.parsed:  # in a thread: a busy log has many lines that are not ours
            self.parsed = len(self.watch.lines)
            read = await asyncio.to_thread(records, list(self.watch.lines), self.options.wrapped)
            self.lines = self._chosen(AuditRecord(one.data, one.place) for one in read if not one.trouble)
        return self.lines

    async def _rows(self, rows: Rows, statement: str, known: Mapping[str, Any]) -> list[AuditRecord]:
        assert self.source is not None
        parameters = {**known, **fill(rows.parameters, self._values(known))}
        for name in names_in_statement(statement):
            if name not in parameters:
                raise UnknownVariable(name)
        found = await self.source.rows(statement, parameters)
        where = self.source.describe()
        return self._chosen(AuditRecord(_named(row, rows), f"row {n} of {where}") for n, row in enumerate(found, 1))

    async def _api(self, request: RequestTemplate, known: Mapping[str, Any]) -> list[AuditRecord]:
        assert self.options.api is not None
        answer = await self.session.send(request, known)
        if not 200 <= answer.status < 300:
            asked = f"the {self.names} answered {answer.status} (correlation id {answer.correlation_id})"
            raise EvidenceError(f"{asked}, so no audit record could be read")
        try:
            items = find(self.options.api.items, answer.json())
        except (NotJson, ValueError) as problem:
            raise EvidenceError(f"the answer of the {self.names} cannot be read: {problem}") from None
        self.in_part = any(_NEXT_PAGE.search(link) for link in answer.all_headers("link"))
        strange = [item for item in items if not isinstance(item, dict)]
        if strange:
            raise EvidenceError(f"{self.options.api.items} selects what is no record in the answer of the {self.names}")
        return self._chosen(AuditRecord(item, f"item {n} of the {self.names}") for n, item in enumerate(items, 1))

    def _chosen(self, found: Iterable[AuditRecord]) -> list[AuditRecord]:
        fitting = (one for one in found if all(self._fits(one, path, matcher) for path, matcher in self.options.where.items()))
        if self.options.at == "$":
            return list(fitting)
        inner = ((one, find(self.options.at, dict(one.data))) for one in fitting)
        return [AuditRecord(data, one.place) for one, found in inner for data in found if isinstance(data, dict)]

    def _fits(self, record: AuditRecord, path: str, matcher: Matcher) -> bool:
        selection = Selection(find(path, dict(record.data)))
        return all(finding.holds for finding in matcher.judge(selection, self.session.now()))


def newer(found: Iterable[AuditRecord], before: Iterable[AuditRecord]) -> list[AuditRecord]:
    """Return the records that were not there before; of equal ones, those that came to it."""
    left = Counter(one.text for one in before)
    fresh = []
    for one in found:
        if left[one.text] > 0:
            left[one.text] -= 1
        else:
            fresh.append(one)
    return fresh


def known_of(correlation_id: str, captured: Mapping[str, Any]) -> dict[str, Any]:
    return {**captured, CORRELATION_ID: correlation_id}


def _named(row: Mapping[str, Json], rows: Rows) -> dict[str, Json]:
    """Return a row as the record that it is, under the names of the contract. Raises: EvidenceError."""
    made = {}
    called = {column: name for name, column in rows.columns.items()}
    for column in (*rows.json_columns, *called):
        if column not in row:
            raise EvidenceError(f"the statement gives no column '{column}'; it gives {', '.join(row)}")
    for column, value in row.items():
        if column in rows.json_columns and isinstance(value, str):
            try:
                value = json.loads(value)
            except (ValueError, RecursionError):
                raise EvidenceError(f"the column '{column}' holds no JSON") from None
        made[called.get(column, column)] = value
    return made


def _as_text(value: Json) -> str:
    return value if isinstance(value, str) else json.dumps(value)

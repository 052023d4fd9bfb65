"""This file is for reading log lines from Elasticsearch or OpenSearch."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from pydantic import Field, PositiveInt, field_validator

from probes.evidence.source import LogLine
from probes.log_api import LogApi
from probes.log_paging import Entry, Page, as_instant, clock_offset_s, instant_ns, key_of
from probes.net.answer import Answer
from probes.outcome import Json
from probes.shorten import shorten

_WINDOW = 10_000  # index.max_result_window: more hits than that are refused
_NANOS = "strict_date_optional_time_nanos"
_REFUSED = frozenset(' "<>|\\/?#')  # what no index name or pattern may hold


class Elasticsearch(LogApi, source="elasticsearch"):
    """Reads log entries with the search API of Elasticsearch 7.1 or later, or of any OpenSearch; it needs the privilege `read`.

    Pages go on from the last time, which needs no point in time to be opened and left behind in the cluster. A line is the
    whole `_source` of an entry as JSON. What was indexed is visible after the index's next refresh (1 s by default).
    An API key is a header: `Authorization: "ApiKey ${ES_API_KEY}"`.
    Source: https://www.elastic.co/docs/reference/elasticsearch/rest-apis/paginate-search-results
    """

    index: str = Field(min_length=1)  # an index, alias, data stream or pattern, or several with commas, such as logs-*
    query: str | None = None  # in the language of query_string, such as service.name:api AND NOT level:debug
    filter: dict[str, Any] | None = None  # a query as JSON, such as {term: {service: api}}; all of the two must hold
    timestamp_field: str = Field("@timestamp", min_length=1)  # of type date or date_nanos
    message_field: str | None = None  # a line is this field alone, such as message; where an entry has none, all of it
    size: PositiveInt = Field(1000, le=_WINDOW)  # entries of one page

    @field_validator("index")
    @classmethod
    def _index_name(cls, value: str) -> str:
        if value.startswith("<"):  # date math, such as <logs-{now/d}>
            return value
        if wrong := sorted(_REFUSED & set(value)):
            raise ValueError(f"an index has no {wrong[0]!r} in its name")
        return value

    @field_validator("filter")
    @classmethod
    def _one_query(cls, value: dict[str, Any] | None) -> dict[str, Any] | None:
        if value is not None and (len(value) != 1 or not isinstance(next(iter(value.values())), dict)):
            raise ValueError("should be one query with its options, such as {term: {service: api}}; join several with bool")
        return value

    @field_validator("query")
    @classmethod
    def _balanced(cls, value: str | None) -> str | None:
        if value is not None and (trouble := _unbalanced(value)):
            raise ValueError(trouble)
        return value

    def describe(self) -> str:
        return f"{super().describe()}, index {self.index}"

    @property
    def sizes(self) -> Sequence[int]:
        return (self.size, _WINDOW) if self.size < _WINDOW else (self.size,)

    async def page(self, start_ns: int, size: int) -> Page:
        path = f"/{quote(self.index, safe='*,-_.:+')}/_search"
        answer = await self.ask(path, method="POST", query={"allow_no_indices": "false"}, json=self._question(start_ns, size))
        if answer.status == 404:
            raise self.unread("there is no such index")
        body = self.json_of(answer)
        try:
            entries = [self._entry(hit) for hit in body["hits"]["hits"]]
            return Page(entries, len(entries) >= size, self._doubts(body), (), clock_offset_s(answer, _told(body)))
        except (KeyError, TypeError, ValueError, AttributeError, IndexError):
            raise self.unread("its answer is not what _search is documented to give") from None

    def _question(self, start_ns: int, size: int) -> Json:
        since = {self.timestamp_field: {"gte": as_instant(start_ns), "format": _NANOS}}
        filters: list[Json] = [{"range": since}]
        if self.query is not None:
            filters.append({"query_string": {"query": self.query}})
        if self.filter is not None:
            filters.append(self.filter)
        return {
            "size": size,
            "query": {"bool": {"filter": filters}},
            "sort": [{self.timestamp_field: {"order": "asc"}}],
            "docvalue_fields": [{"field": self.timestamp_field, "format": _NANOS}],  # a sort value has milliseconds only
            "track_total_hits": False,
            "timeout": f"{max(1, int(self.timeout * 800))}ms",  # so that it says itself that it was too slow
            # the server's own clock, which no header tells: the bound is given back as it was computed
            "aggs": {"clock": {"date_range": {"field": self.timestamp_field, "ranges": [{"to": "now"}]}}},
        }

    def _entry(self, hit: Json) -> Entry:
        if "_source" not in hit:
            raise self.unread(f"index {hit['_index']} keeps no _source, so there is nothing to read")
        source, known_by = hit["_source"], key_of(hit["_index"], hit["_id"])
        return Entry(self._time_of(hit), known_by, LogLine(self._text(source), f"index {hit['_index']}", 0))

    def _time_of(self, hit: Json) -> int:
        """Return the time of a hit in nanoseconds; the sort value is a fallback with the resolution of the field."""
        told = (hit.get("fields") or {}).get(self.timestamp_field)
        at_ns = instant_ns(str(told[0])) if told else None
        if at_ns is not None:
            return at_ns
        value = int(hit["sort"][0])
        return value if value > 10**17 else value * 1_000_000  # date_nanos sorts by nanoseconds, date by milliseconds

    def _text(self, source: Mapping[str, Any]) -> str:
        found = _at(source, self.message_field) if self.message_field else None
        if isinstance(found, str):
            return found
        return json.dumps(source if found is None else found, ensure_ascii=False, separators=(",", ":"))

    def _doubts(self, body: Json) -> tuple[str, ...]:
        """Return why these are not all the entries there are."""
        called, shards, doubts = self.describe(), body["_shards"], []
        if body.get("timed_out"):
            doubts.append(f"{called} was too slow and gave a part of its entries (timed_out)")
        if failed := int(shards.get("failed") or 0):
            reason = _reason(next(iter(shards.get("failures") or ()), {}))
            doubts.append(f"{failed} of {shards['total']} shards of {called} failed{reason}")
        if skipped := int((body.get("_clusters") or {}).get("skipped") or 0):
            doubts.append(f"{skipped} clusters behind {called} were left out")
        return tuple(doubts)

    def _said(self, answer: Answer) -> str:
        """Return the first reason that the error gives."""
        try:
            error = json.loads(answer.text)["error"]
            return _reason({"reason": next(iter(error.get("root_cause") or ()), error)}) or super()._said(answer)
        except (ValueError, KeyError, TypeError, AttributeError):
            return super()._said(answer)


def _reason(failure: Json) -> str:
    reason = failure.get("reason") or {}
    text = " ".join(str(reason.get("reason") or reason.get("type") or "").split())
    return f": {shorten(text, 200)}" if text else ""


def _at(source: Mapping[str, Any], field: str) -> Json:
    """Return a field, whose dots may be part of its name or lead into an object; None where there is none."""
    if field in source:
        return source[field]
    head, dot, rest = field.partition(".")
    inner = source.get(head)
    return _at(inner, rest) if dot and isinstance(inner, Mapping) else None


def _told(body: Json) -> datetime | None:
    """Return what `now` was for the server."""
    buckets = ((body.get("aggregations") or {}).get("clock") or {}).get("buckets") or ()
    told_ms = next((bucket.get("to") for bucket in buckets), None)
    return datetime.fromtimestamp(told_ms / 1000, UTC) if isinstance(told_ms, int | float) else None


def _unbalanced(query: str) -> str:
    """Return what is not closed in a query_string, or an empty text."""
    stack, quoted, at = [], 0, 0
    pairs = {")": "(", "]": "[", "}": "{"}
    while at < len(query):
        sign = query[at]
        if sign == "\\":
            at += 1
        elif sign == '"':
            quoted = 0 if quoted else at + 1
        elif not quoted and sign in "([{":
            stack.append((sign, at + 1))
        elif not quoted and sign in pairs:
            # a range may be half open: [1 TO 5}
            if not stack or (stack[-1][0] == "(") != (sign == ")"):
                return f"'{sign}' at character {at + 1} closes nothing"
            stack.pop()
        at += 1
    if quoted:
        return f"the quote at character {quoted} is not closed"
    return f"'{stack[-1][0]}' at character {stack[-1][1]} is not closed" if stack else ""

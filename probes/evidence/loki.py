"""This file is for reading log lines from Grafana Loki."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, PositiveInt, model_validator

from probes.evidence.source import LogLine
from probes.fields import HeaderValue
from probes.log_api import LogApi
from probes.log_paging import S_NS, Entry, Page, as_instant, clock_offset_s, key_of, now_ns
from probes.logql import check_log_query
from probes.net.answer import Answer
from probes.outcome import Json
from probes.shorten import shorten

_PATH = "/loki/api/v1/query_range"
_TENANT = "X-Scope-OrgID"
_APART = "X-Loki-Response-Encoding-Flags"  # Loki 3 then gives structured metadata apart from the labels of the stream
_AHEAD_S = 600  # Loki takes entries that are so far in the future (limits_config.creation_grace_period, default 10m)
_LOKIS_OWN = frozenset({"detected_level", "service_name"})  # metadata that Loki itself adds


class Loki(LogApi, source="loki"):
    """Reads log entries over the HTTP API of Grafana Loki, with a LogQL query for lines (no metric query).

    The text of a line is what was logged; with `text: whole` it is a JSON object that also holds the time, the labels
    and the structured metadata, where personal data may stand as well.
    Source: https://grafana.com/docs/loki/latest/reference/loki-http-api/#query-logs-within-a-range-of-time
    """

    query: Annotated[str, AfterValidator(check_log_query)]  # LogQL, such as {app="api"} |= "booking"
    tenant: HeaderValue | None = None  # sent as X-Scope-OrgID, where Loki has several tenants
    limit: PositiveInt = Field(1000, le=50_000)  # entries of one page; Loki's own limit is 5000 by default
    text: Literal["line", "whole"] = "line"  # what a line of evidence is: the logged line, or all of the entry as JSON

    @model_validator(mode="after")
    def _one_tenant(self) -> Loki:
        if self.tenant is not None and any(name.lower() == _TENANT.lower() for name in self.headers):
            raise ValueError(f"'tenant' is sent as {_TENANT}, which 'headers' has too; give one of them")
        return self

    def describe(self) -> str:
        return f"{super().describe()}, {shorten(self.query, 80)}"

    def sent_headers(self) -> dict[str, HeaderValue]:
        tenant: dict[str, HeaderValue] = {} if self.tenant is None else {_TENANT: self.tenant}
        return {**self.headers, **tenant, _APART: "categorize-labels"}

    @property
    def sizes(self) -> Sequence[int]:
        return (self.limit,)

    async def page(self, start_ns: int, size: int) -> Page:
        end_ns = max(start_ns, now_ns()) + int((_AHEAD_S + self.max_skew) * S_NS)  # `end` is exclusive
        asked = {"query": self.query, "start": start_ns, "end": end_ns, "limit": size, "direction": "forward"}
        answer = await self.ask(_PATH, query=asked)
        body = self.json_of(answer)
        try:
            entries = self._entries(body)
            warnings = tuple(f"{self.describe()} warns: {shorten(str(one), 200)}" for one in body.get("warnings") or ())
        except (KeyError, TypeError, ValueError, AttributeError):
            raise self.unread(f"its answer is not what {_PATH} is documented to give") from None
        return Page(entries, len(entries) >= size, warnings, self._unread_metadata(body), clock_offset_s(answer))

    def _entries(self, body: Json) -> list[Entry]:
        data = body["data"]
        if data["resultType"] != "streams":
            raise self.unread(f"the query gives a {shorten(str(data['resultType']), 20)} instead of log lines")
        return [self._entry(stream["stream"], *value) for stream in data["result"] for value in stream["values"]]

    def _entry(self, labels: Mapping[str, str], at: str, line: str, beside: Mapping[str, Any] | None = None) -> Entry:
        """Return one entry; Loki keeps no two with the same labels, time and line, so these are what it is known by."""
        if not isinstance(line, str):
            raise TypeError("a line is a text")
        metadata = dict((beside or {}).get("structuredMetadata") or {})
        at_ns = int(at)
        where = "{" + ", ".join(f'{name}="{value}"' for name, value in sorted(labels.items())) + "}"
        known_by = json.dumps(metadata, sort_keys=True) if metadata else ""
        text = line
        if self.text == "whole":
            text = json.dumps({"timestamp": as_instant(at_ns), "line": line, **labels, **metadata}, ensure_ascii=False)
        return Entry(at_ns, key_of(where, str(at_ns), line, known_by), LogLine(text, f"Loki {shorten(where, 300)}", 0))

    def _unread_metadata(self, body: Json) -> tuple[str, ...]:
        if self.text == "whole":
            return ()
        names = {
            name
            for stream in body["data"]["result"]
            for value in stream["values"]
            if len(value) > 2
            for name in value[2].get("structuredMetadata") or ()
        } - _LOKIS_OWN
        if not names:
            return ()
        shown = ", ".join(sorted(names)[:3])
        return (f"entries of {self.describe()} have structured metadata ({shown}) that was not read; 'text: whole' reads it",)

    def _said(self, answer: Answer) -> str:
        said = super()._said(answer)
        if "max entries limit" in said:
            return f"{said}; lower 'limit'"
        return said

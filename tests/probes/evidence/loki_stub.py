"""This file is for a server that answers as Loki is documented to, as far as reading log lines needs it.

Each rule, and where it is written:

- GET /loki/api/v1/query_range takes query, start, end, limit and direction; `start` is inclusive, `end` exclusive; limit is
  100 and direction backward by default; streams have `stream` (labels) and `values` ([nanoseconds as text, line]), the
  oldest first with direction=forward
  https://grafana.com/docs/loki/latest/reference/loki-http-api/#query-logs-within-a-range-of-time
- more than `max_entries_limit_per_query` (5000 by default) is refused with 400; `creation_grace_period` (10m) is how far in the
  future an entry may be
  https://grafana.com/docs/loki/latest/configure/#limits_config
- with several tenants, a request without X-Scope-OrgID is refused with 401 "no org id"
  https://grafana.com/docs/loki/latest/operations/multi-tenancy/
- an entry with the same labels, time and line as another is the same entry; entries of one stream may come out of order
  https://grafana.com/docs/loki/latest/get-started/architecture/ (timestamp ordering)
- structured metadata is part of an entry; without the header X-Loki-Response-Encoding-Flags: categorize-labels it is given among
  the labels of the stream, with it as a third element of the value
  https://grafana.com/docs/loki/latest/get-started/labels/structured-metadata/ and the `EncodingFlags` of grafana/loki's
  pkg/util/httpreq
- a query that does not parse is refused with 400 and a text that begins with "parse error at line"
  https://grafana.com/docs/loki/latest/reference/loki-http-api/ (note on valid LogQL)
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from email.utils import formatdate
from urllib.parse import parse_qs, urlsplit

from tests.probes.kinds.loopback import Asked, Reply, as_json

_SELECTOR = re.compile(r'\{(\w+)="([^"]*)"\}(?: \|= "([^"]*)")?$')
Labels = dict[str, str]


@dataclass
class LokiStub:
    """Holds entries and answers query_range. `clock_s` is how far its clock is ahead, None: it sends no Date."""

    entries: list[tuple[int, str, str, str]] = field(default_factory=list)  # time, line, labels and metadata as JSON
    tenants: set[str] = field(default_factory=set)  # none: a single tenant
    most: int = 5000
    clock_s: float | None = 0.0
    knows_flags: bool = True  # Loki 3
    warnings: list[str] = field(default_factory=list)
    before_answer: Callable[[], None] = lambda: None
    limits: list[int] = field(default_factory=list)  # of the requests, in order

    @property
    def now_ns(self) -> int:
        return time.time_ns() + int((self.clock_s or 0.0) * 1e9)

    def push(self, line: str, *, at_ns: int | None = None, metadata: Labels | None = None, **labels: str) -> None:
        at = self.now_ns if at_ns is None else at_ns
        entry = (at, line, json.dumps({"app": "api", **labels}, sort_keys=True), json.dumps(metadata or {}, sort_keys=True))
        if entry not in self.entries[-50:]:
            self.entries.append(entry)

    def __call__(self, asked: Asked) -> Reply:
        self.before_answer()
        parts = urlsplit(asked.path)
        date = () if self.clock_s is None else (("Date", formatdate(time.time() + self.clock_s, usegmt=True)),)
        if parts.path != "/loki/api/v1/query_range":
            return Reply(404, b"404 page not found\n")
        if self.tenants and asked.headers.get("x-scope-orgid", "") not in self.tenants:
            return Reply(401, b"no org id\n")
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        wanted = _SELECTOR.match(query["query"])
        if wanted is None:
            return Reply(400, b"parse error at line 1, col 1: syntax error: unexpected IDENTIFIER\n")
        limit = int(query.get("limit", "100"))
        self.limits.append(limit)
        if limit > self.most:
            text = f"max entries limit per query exceeded, limit > max_entries_limit_per_query ({limit} > {self.most})\n"
            return Reply(400, text.encode())
        flags = "categorize-labels" in asked.headers.get("x-loki-response-encoding-flags", "") and self.knows_flags
        return as_json(self._body(query, wanted, limit, flags), 200, *date)

    def _body(self, query: Labels, wanted: re.Match[str], limit: int, flags: bool) -> object:
        label, value, text = wanted.groups()
        start, end, forward = int(query["start"]), int(query["end"]), query.get("direction", "backward") == "forward"
        hits = [
            entry
            for entry in self.entries
            if start <= entry[0] < end and json.loads(entry[2]).get(label) == value and (text or "") in entry[1]
        ]
        hits.sort(key=lambda entry: entry[0], reverse=not forward)
        streams: dict[str, list[list[object]]] = {}
        for at, line, labels, metadata in hits[:limit]:
            beside = json.loads(metadata)
            if flags:
                streams.setdefault(labels, []).append([str(at), line, {"structuredMetadata": beside} if beside else {}])
            else:
                merged = json.dumps({**json.loads(labels), **beside}, sort_keys=True)
                streams.setdefault(merged, []).append([str(at), line])
        result = [{"stream": json.loads(labels), "values": values} for labels, values in streams.items()]
        data: dict[str, object] = {"resultType": "streams", "result": result, "stats": {}}
        if flags:
            data["encodingFlags"] = ["categorize-labels"]
        return {"status": "success", "data": data, **({"warnings": self.warnings} if self.warnings else {})}

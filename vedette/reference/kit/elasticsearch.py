"""This file is for Elasticsearch beside a system: a search by time over the log lines that were shipped to it.

Source: elastic.co/docs/api/doc/elasticsearch/operation/operation-search; only what a reader of logs asks is answered.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from vedette.reference.server import Request, Response, json_response


class ElasticsearchApi:
    """Answers `POST /INDEX/_search` over `lines()`, JSON objects as text with their time under `field`, the oldest first."""

    def __init__(self, index: str, lines: Callable[[], Sequence[str]], field: str) -> None:
        self._index = index
        self._lines = lines
        self._field = field

    def answer(self, request: Request, path: str) -> Response:
        """Answer a request; `path` is what stands behind the address of Elasticsearch."""
        if path != f"/{self._index}/_search":
            return json_response(404, {"error": {"root_cause": [{"reason": "no such index"}]}, "status": 404})
        asked = json.loads(request.body)
        since = next(str(f["range"][self._field]["gte"]) for f in asked["query"]["bool"]["filter"] if "range" in f)
        hits = [hit for number, line in enumerate(self._lines()) if (hit := self._hit(number, line, since))]
        now_ms = time.time() * 1000
        return json_response(
            200,
            {
                "took": 1,
                "timed_out": False,
                "_shards": {"total": 1, "successful": 1, "skipped": 0, "failed": 0},
                "hits": {"hits": hits[: int(asked["size"])]},
                "aggregations": {"clock": {"buckets": [{"to": now_ms, "doc_count": len(hits)}]}},
            },
        )

    def _hit(self, number: int, line: str, since: str) -> dict[str, Any] | None:
        try:
            source = json.loads(line)
            at = datetime.fromisoformat(str(source[self._field]).replace("Z", "+00:00"))
        except (ValueError, KeyError, TypeError):
            return None  # as an index does with what does not fit its mapping
        told = at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "000Z")
        if told < since:
            return None
        sort = [int(at.timestamp() * 1000)]
        return {"_index": self._index, "_id": str(number), "_source": source, "fields": {self._field: [told]}, "sort": sort}

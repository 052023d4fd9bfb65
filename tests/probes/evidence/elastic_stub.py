"""This file is for a server that answers as Elasticsearch and OpenSearch are documented to, as far as reading logs needs it.

Each rule, and where it is written:

- POST /<target>/_search takes size, query, sort, docvalue_fields, timeout and aggs; a target is an index, alias, data stream
  or pattern, or several with commas; hits come with _index, _id, _source, fields and sort
  https://www.elastic.co/docs/api/doc/elasticsearch/operation/operation-search and
  https://docs.opensearch.org/latest/api-reference/search-apis/search/
- a target that does not exist is 404 index_not_found_exception, and so is a pattern without an index where
  allow_no_indices=false; else such a pattern gives no hits of 0 shards (the same page)
- more than 10,000 hits (index.max_result_window) are refused with 400
  https://www.elastic.co/docs/reference/elasticsearch/rest-apis/paginate-search-results
- a sort value of a date is in milliseconds, of date_nanos in nanoseconds; hits with equal values come in no certain order
  https://www.elastic.co/docs/reference/elasticsearch/rest-apis/sort-search-results
- docvalue_fields gives a date in the format asked for, as a list
  https://www.elastic.co/docs/reference/elasticsearch/rest-apis/retrieve-selected-fields
- what was indexed is found after a refresh, every second by default
  https://www.elastic.co/docs/manage-data/data-store/near-real-time-search
- partial results are given with 200: timed_out is true, or _shards.failed is more than 0 with failures[].reason
  (allow_partial_search_results, the first page)
- a date_range aggregation gives back the bound that it computed, also of `now`
  https://www.elastic.co/docs/reference/aggregations/search-aggregations-bucket-daterange-aggregation
- errors are {"error": {"root_cause": [{"type", "reason"}], "type", "reason"}, "status"}; a full queue or memory is 429
  https://www.elastic.co/docs/troubleshoot/elasticsearch/rejected-requests
- Elasticsearch answers without a Date header
"""

from __future__ import annotations

import fnmatch
import json
import random
import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from probes.log_paging import as_instant, instant_ns
from tests.probes.kinds.loopback import Asked, Reply, as_json


@dataclass
class ElasticStub:
    """Holds documents and answers _search. `waiting` is what was indexed since the last refresh."""

    documents: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)  # index, id, source
    waiting: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)
    clock_s: float = 0.0
    nanos: bool = False  # the field is of type date_nanos
    more: dict[str, Any] = field(default_factory=dict)  # laid over the answer
    key: str = ""
    sizes: list[int] = field(default_factory=list)

    def index(self, message: str, *, index: str = "logs-app", at_ns: int | None = None, **more: Any) -> None:
        at = time.time_ns() + int(self.clock_s * 1e9) if at_ns is None else at_ns
        number = len(self.documents) + len(self.waiting)
        self.waiting.append((index, f"id{number}", {"@timestamp": as_instant(at), "message": message, **more}))

    def refresh(self) -> None:
        self.documents += self.waiting
        self.waiting = []

    def __call__(self, asked: Asked) -> Reply:
        parts = urlsplit(asked.path)
        if self.key and asked.headers.get("authorization") != f"ApiKey {self.key}":
            return _error(401, "security_exception", "unable to authenticate with provided credentials")
        target, _, api = unquote(parts.path).strip("/").rpartition("/")
        if asked.method != "POST" or api != "_search":
            return _error(405, "method", "not allowed")
        question = json.loads(asked.body)
        found = {index for index, _, _ in self.documents if any(fnmatch.fnmatch(index, one) for one in target.split(","))}
        if not found and ("*" not in target or parse_qs(parts.query).get("allow_no_indices") == ["false"]):
            return _error(404, "index_not_found_exception", f"no such index [{target}]")
        self.sizes.append(question["size"])
        if question["size"] > 10_000:
            return _error(400, "illegal_argument_exception", "Result window is too large, from + size must be <= [10000]")
        text = next((one["query_string"]["query"] for one in question["query"]["bool"]["filter"] if "query_string" in one), "")
        if text == "level:":
            return _error(400, "query_shard_exception", "Failed to parse query [level:]")
        return as_json({**self._found(question, found, text), **self.more})

    def _found(self, question: Any, indexes: set[str], text: str) -> dict[str, Any]:
        field_name, since = next(iter(question["query"]["bool"]["filter"][0]["range"].items()))
        start = instant_ns(since["gte"]) or 0
        precision = 1 if self.nanos else 1_000_000
        hits = []
        for index, identity, source in self.documents:
            at = (instant_ns(source[field_name]) or 0) // precision * precision
            if index in indexes and at >= start // precision * precision and text in json.dumps(source):
                hits.append((at, random.random(), index, identity, source))
        hits.sort(key=lambda hit: hit[:2])
        return {
            "took": 1,
            "timed_out": False,
            "_shards": {"total": 2, "successful": 2, "skipped": 0, "failed": 0},
            "hits": {
                "hits": [
                    {
                        "_index": index,
                        "_id": identity,
                        "_source": source,
                        "fields": {field_name: [as_instant(at)]},
                        "sort": [at // precision],
                    }
                    for at, _, index, identity, source in hits[: question["size"]]
                ]
            },
            "aggregations": {"clock": {"buckets": [{"to": (time.time() + self.clock_s) * 1000, "doc_count": 0}]}},
        }


def _error(status: int, kind: str, reason: str) -> Reply:
    cause = {"type": kind, "reason": reason}
    return as_json({"error": {"root_cause": [cause], **cause}, "status": status}, status)

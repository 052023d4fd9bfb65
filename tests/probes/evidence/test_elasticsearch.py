"""This file is for log lines from Elasticsearch and OpenSearch: paging, late visibility, partial answers, errors."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from pydantic import ValidationError

from probes.evidence.elasticsearch import Elasticsearch
from probes.evidence.source import EvidenceError, LogWindow
from probes.fields import Expanded
from tests.probes.badserver import saying, serving
from tests.probes.evidence.elastic_stub import ElasticStub
from tests.probes.kinds.loopback import Handler, Loopback, Reply, as_json

pytestmark = pytest.mark.anyio


def _elastic(url: str, **options: Any) -> Elasticsearch:
    return Elasticsearch.model_validate({"url": url, "index": "logs-*", **options})


def _messages(window: LogWindow) -> list[str]:
    return [json.loads(line.text)["message"] for line in window.lines]


def _stub(**options: Any) -> ElasticStub:
    stub = ElasticStub(**options)
    stub.index("old")
    stub.refresh()
    return stub


async def test_only_entries_indexed_after_the_mark_count_and_each_once_also_when_they_show_late() -> None:
    stub = _stub()
    async with Loopback(stub).running() as server:
        source = _elastic(server.url)
        mark = await source.mark()
        stub.index("first")
        stub.index("another's", index="metrics")
        before_refresh = await source.read_since(mark)
        stub.index("second", at_ns=(stub_now := time.time_ns()))
        stub.refresh()
        first = await source.read_since(before_refresh.next_mark)
        stub.index("shown late", at_ns=stub_now - 5_000_000_000)
        stub.refresh()
        second = await source.read_since(first.next_mark)
        again = await source.read_since(mark)
    assert (_messages(before_refresh), _messages(first), _messages(second)) == ([], ["first", "second"], ["shown late"])
    assert _messages(again) == ["shown late", "first", "second"]
    assert first.lines[0].where == "index logs-app" and first.remarks == ()


@pytest.mark.parametrize("nanos", [True, False], ids=["date_nanos", "date"])
@pytest.mark.parametrize("size", [2, 3, 1000])
async def test_pages_are_joined_without_loss_or_repetition_where_entries_share_a_time(size: int, nanos: bool) -> None:
    stub = _stub(nanos=nanos)
    async with Loopback(stub).running() as server:
        source = _elastic(server.url, size=size)
        mark, at = await source.mark(), time.time_ns()
        for number in range(25):
            stub.index(f"line {number:02}", at_ns=at + number // 6 * 1_000_000 + number)
        stub.refresh()
        window = await source.read_since(mark)
    assert sorted(_messages(window)) == [f"line {number:02}" for number in range(25)] and not window.cut_short
    assert (10_000 in stub.sizes) == (size < 6 and not nanos)  # one millisecond filled a page


async def test_the_clock_of_the_cluster_is_what_lines_are_looked_for_by() -> None:
    stub = _stub(clock_s=-100.0)
    async with Loopback(stub).running() as server:
        source = _elastic(server.url)
        mark = await source.mark()
        stub.index("new")
        stub.refresh()
        window = await source.read_since(mark)
        assert _messages(window) == ["new"] and "behind ours; lines were looked for by its clock" in window.remarks[0]
        with pytest.raises(EvidenceError, match=r"its clock is \d+ s behind ours.*\(max_skew 60 s\)"):
            await _elastic(server.url, max_skew="1m").mark()


async def test_a_line_is_the_whole_source_or_one_field_of_it() -> None:
    stub = _stub()
    async with Loopback(stub).running() as server:
        sources = [_elastic(server.url, message_field=name) for name in (None, "message", "log.original", "user", "nothing")]
        marks = [await source.mark() for source in sources]
        stub.index("é", **{"log.original": "raw", "user": {"id": 7}})
        stub.refresh()
        texts = [(await source.read_since(mark)).lines[0].text for source, mark in zip(sources, marks, strict=True)]
    whole = texts[0]
    assert whole.endswith('"message":"é","log.original":"raw","user":{"id":7}}')
    assert texts[1:] == ["é", "raw", '{"id":7}', whole]


DOUBTS = {
    "too slow": ({"timed_out": True}, "was too slow and gave a part of its entries (timed_out)"),
    "failed shards": (
        {"_shards": {"total": 3, "failed": 1, "failures": [{"reason": {"type": "x", "reason": "No mapping\nfound"}}]}},
        "failed: No mapping found",
    ),
    "a cluster left out": ({"_clusters": {"total": 2, "skipped": 1}}, "1 clusters behind"),
}


@pytest.mark.parametrize(("more", "remark"), DOUBTS.values(), ids=DOUBTS)
async def test_a_partial_answer_cuts_the_window_short(more: dict[str, Any], remark: str) -> None:
    stub = _stub()
    async with Loopback(stub).running() as server:
        source = _elastic(server.url)
        mark = await source.mark()
        stub.more = more
        window = await source.read_since(mark)
        assert window.cut_short and remark in window.remarks[0]
        with pytest.raises(EvidenceError, match="could not all be read"):
            await source.mark()


BUSY = as_json({"error": {"root_cause": [], "type": "es_rejected_execution_exception"}, "status": 429}, 429)
NO_SOURCE = {"hits": {"hits": [{"_index": "logs-app", "_id": "1", "sort": [1]}]}, "_shards": {"failed": 0}}
ANSWERS: dict[str, tuple[Handler, str]] = {
    "403": (lambda asked: as_json({"error": {}}, 403), "the credentials may not read it"),
    "429": (lambda asked: BUSY, "it is asked too often (429)"),
    "503": (lambda asked: Reply(503, b"no healthy upstream"), "it answered 503: no healthy upstream"),
    "login page": (lambda asked: Reply(200, b"<html>"), "the body is HTML instead of JSON"),
    "another shape": (lambda asked: as_json({"hits": []}), "its answer is not what _search is documented to give"),
    "no _source": (lambda asked: as_json(NO_SOURCE), "index logs-app keeps no _source, so there is nothing to read"),
}


@pytest.mark.parametrize(("handler", "reason"), ANSWERS.values(), ids=ANSWERS)
async def test_whatever_it_answers_is_told_in_one_sentence(handler: Handler, reason: str) -> None:
    async with Loopback(handler).running() as server:
        with pytest.raises(EvidenceError) as caught:
            await _elastic(server.url).mark()
    assert str(caught.value) == f"Elasticsearch at {server.url.removeprefix('http://')}, index logs-* could not be read: {reason}"


@pytest.mark.parametrize("index", ["logs-none", "none-*"])
async def test_an_index_or_a_pattern_that_is_not_there_is_an_error_and_not_an_empty_window(index: str) -> None:
    async with Loopback(_stub()).running() as server:
        with pytest.raises(EvidenceError, match="could not be read: there is no such index"):
            await _elastic(server.url, index=index).mark()


async def test_a_query_that_it_does_not_understand_is_told_in_its_words() -> None:
    async with Loopback(_stub()).running() as server:
        with pytest.raises(EvidenceError, match=r"it answered 400: Failed to parse query \[level:\]$"):
            await _elastic(server.url, query="level:").mark()


async def test_an_api_key_goes_as_a_header_and_a_wrong_one_is_told() -> None:
    async with Loopback(_stub(key="k1")).running() as server:
        await _elastic(server.url, headers={"Authorization": Expanded("ApiKey k1", "ApiKey ${KEY}")}).mark()
        with pytest.raises(EvidenceError, match="it refused the credentials") as caught:
            await _elastic(server.url, headers={"Authorization": Expanded("ApiKey k2", "ApiKey ${KEY}")}).mark()
    assert "k2" not in str(caught.value)


async def test_a_cluster_that_is_down_is_an_error() -> None:
    async with serving(saying(b"")) as gone:
        pass
    with pytest.raises(EvidenceError, match="could not be read: it refused the connection"):
        await _elastic(gone.url).mark()


async def test_query_and_filter_are_both_sent_with_the_range() -> None:
    stub = _stub()
    async with Loopback(stub).running() as server:
        await _elastic(server.url, query="old", filter={"term": {"service": "api"}}, timestamp_field="@timestamp").mark()
        question = json.loads(server.asked[0].body)
    filters = question["query"]["bool"]["filter"]
    assert [next(iter(one)) for one in filters] == ["range", "query_string", "term"] and question["timeout"] == "8000ms"


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"index": "logs app"}, "an index has no ' ' in its name"),
        ({"index": "../_cluster"}, "an index has no '/' in its name"),
        ({"query": 'message:"x'}, "the quote at character 9 is not closed"),
        ({"query": "(a OR b"}, "'(' at character 1 is not closed"),
        ({"query": "a)"}, "')' at character 2 closes nothing"),
        ({"query": "x:[1 TO 2)"}, "')' at character 10 closes nothing"),
        ({"filter": {"term": {}, "match": {}}}, "should be one query with its options"),
        ({"filter": {"term": "x"}}, "should be one query with its options"),
        ({"size": 20_000}, "less than or equal to 10000"),
    ],
)
def test_what_cannot_be_meant_is_refused_before_anything_is_sent(options: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValidationError) as caught:
        _elastic("http://127.0.0.1:1", **options)
    assert complaint in str(caught.value)


@pytest.mark.parametrize("query", ['a:[1 TO 5} AND "b(" OR c\\(', "status:{400 TO *] NOT (x OR (y))"])
def test_queries_that_it_understands_are_taken(query: str) -> None:
    assert _elastic("http://127.0.0.1:1", query=query).query == query

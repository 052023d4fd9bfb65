"""This file is for log lines from Loki: paging, late entries, clocks, and whatever its API answers."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest
from pydantic import ValidationError

from probes.evidence.loki import Loki
from probes.evidence.source import EvidenceError, LogWindow
from probes.fields import Expanded
from probes.kinds.log_privacy import LogPrivacy
from probes.outcome import Verdict, to_json
from tests.probes.badserver import Talk, answer, saying, serving
from tests.probes.evidence.loki_stub import LokiStub
from tests.probes.kinds.loopback import Asked, Handler, Loopback, Reply, as_json, outcome_of

pytestmark = pytest.mark.anyio

API = '{app="api"}'


def _loki(url: str, **options: Any) -> Loki:
    return Loki.model_validate({"url": url, "query": API, **options})


def _texts(window: LogWindow) -> list[str]:
    return [line.text for line in window.lines]


async def test_only_entries_logged_after_the_mark_count_and_each_once() -> None:
    stub = LokiStub()
    stub.push("old")
    async with Loopback(stub).running() as server:
        source = _loki(server.url)
        mark = await source.mark()
        stub.push("new")
        stub.push("another's", app="worker")
        first = await source.read_since(mark)
        stub.push("newer")
        second = await source.read_since(first.next_mark)
        again = await source.read_since(mark)
    assert (_texts(first), _texts(second), _texts(again)) == (["new"], ["newer"], ["new", "newer"])
    assert first.lines[0].where == 'Loki {app="api"}' and not first.cut_short and first.remarks == ()


@pytest.mark.parametrize("limit", [2, 3, 7, 1000])
async def test_pages_are_joined_without_loss_or_repetition_where_entries_share_a_nanosecond(limit: int) -> None:
    stub = LokiStub()
    async with Loopback(stub).running() as server:
        source = _loki(server.url, limit=limit)
        mark = await source.mark()
        at, wanted = stub.now_ns, []
        for number in range(21):
            stub.push(f"line {number:02}", at_ns=at + number // 2 if limit > 2 else at + number, pod=f"p{number % 3}")
            wanted.append(f"line {number:02}")
        window = await source.read_since(mark)
    assert sorted(_texts(window)) == wanted and not window.cut_short
    assert set(stub.limits) == {limit}


async def test_more_entries_of_one_nanosecond_than_a_page_holds_cut_the_window_short() -> None:
    stub = LokiStub()
    async with Loopback(stub).running() as server:
        source = _loki(server.url, limit=3)
        mark, at = await source.mark(), stub.now_ns
        for number in range(5):
            stub.push(f"line {number}", at_ns=at)
        window = await source.read_since(mark)
    assert window.cut_short
    assert window.remarks == ("more than 3 entries carry the same time, so not all of them could be read",)


async def test_an_entry_that_comes_late_or_from_a_slow_clock_is_found_within_the_overlap() -> None:
    stub = LokiStub()
    async with Loopback(stub).running() as server:
        source = _loki(server.url, overlap="20s")
        mark = await source.mark()
        stub.push("first")
        window = await source.read_since(mark)
        stub.push("its clock is behind", at_ns=stub.now_ns - 15_000_000_000)
        stub.push("too late", at_ns=stub.now_ns - 25_000_000_000)
        stub.push("its clock is ahead", at_ns=stub.now_ns + 60_000_000_000)
        late = await source.read_since(window.next_mark)
        assert _texts(late) == ["its clock is behind", "its clock is ahead"]
        assert _texts(await source.read_since(late.next_mark)) == []


@pytest.mark.parametrize("clock_s", [3600.0, -3600.0], ids=["ahead", "behind"])
async def test_lines_are_looked_for_by_the_clock_of_loki_and_the_difference_is_told(clock_s: float) -> None:
    stub = LokiStub(clock_s=clock_s)
    stub.push("old")
    async with Loopback(stub).running() as server:
        source = _loki(server.url, max_skew="2h")
        mark = await source.mark()
        stub.push("new")
        window = await source.read_since(mark)
    assert _texts(window) == ["new"]
    [remark] = window.remarks
    place = server.url.removeprefix("http://")
    side = "ahead of" if clock_s > 0 else "behind"
    assert remark.startswith(f"the clock of Loki at {place}, {API} is 3") and f"s {side} ours; lines were looked for" in remark


async def test_a_clock_too_far_off_is_an_error() -> None:
    async with Loopback(LokiStub(clock_s=-900.0)).running() as server:
        with pytest.raises(
            EvidenceError, match=r"its clock is (899|900) s behind ours, so it cannot be told what was logged when"
        ):
            await _loki(server.url).mark()


async def test_a_server_without_a_clock_is_read_by_ours_and_that_is_told() -> None:
    stub = LokiStub(clock_s=None)
    async with Loopback(stub).running() as server:
        source = _loki(server.url)
        mark = await source.mark()
        stub.push("new")
        window = await source.read_since(mark)
    assert _texts(window) == ["new"] and "does not say what time it is" in window.remarks[0]


async def test_the_tenant_is_sent_and_a_missing_one_is_told() -> None:
    stub = LokiStub(tenants={"team-a"})
    async with Loopback(stub).running() as server:
        await _loki(server.url, tenant="team-a").mark()
        with pytest.raises(EvidenceError, match="it refused the credentials"):
            await _loki(server.url).mark()


async def test_structured_metadata_is_read_with_the_whole_entry_and_missed_aloud_without() -> None:
    stub = LokiStub()
    async with Loopback(stub).running() as server:
        plain, whole = _loki(server.url), _loki(server.url, text="whole")
        marks = [await source.mark() for source in (plain, whole)]
        stub.push("booked", metadata={"user_mail": "vera@example.org", "detected_level": "info"}, at_ns=stub.now_ns)
        one, other = await plain.read_since(marks[0]), await whole.read_since(marks[1])
        stub.knows_flags = False
        older = await plain.read_since(marks[0])
    assert _texts(one) == ["booked"] and "structured metadata (user_mail) that was not read" in one.remarks[0]
    entry = json.loads(_texts(other)[0])
    assert (entry["line"], entry["app"], entry["user_mail"]) == ("booked", "api", "vera@example.org") and other.remarks == ()
    assert _texts(older) == ["booked"] and 'user_mail="vera@example.org"' in older.lines[0].where


async def test_more_than_may_be_read_cuts_the_window_short_and_stays_so() -> None:
    stub = LokiStub()
    async with Loopback(stub).running() as server:
        source = _loki(server.url, max_bytes=3000, limit=5)
        mark, at = await source.mark(), stub.now_ns
        for number in range(100):
            stub.push("x" * 100, at_ns=at + number)
        window = await source.read_since(mark)
        assert window.cut_short and window.remarks == ("more than 3000 bytes were logged; the rest was not read",)
        assert len(window.lines) < 40 and (await source.read_since(window.next_mark)).cut_short


async def test_a_flood_before_the_mark_is_an_error_with_the_remedy() -> None:
    stub = LokiStub()
    for number in range(50):
        stub.push("x" * 100, at_ns=stub.now_ns + number)
    async with Loopback(stub).running() as server:
        with pytest.raises(EvidenceError, match=r"in the last 30 s could not all be read \(more than 1200 .*lower 'overlap'$"):
            await _loki(server.url, max_bytes=1200, limit=5).mark()


async def test_a_warning_of_loki_means_that_nothing_can_be_cleared() -> None:
    stub = LokiStub()
    async with Loopback(stub).running() as server:
        source = _loki(server.url)
        mark = await source.mark()
        stub.warnings = ["some ingesters did not answer"]
        window = await source.read_since(mark)
    assert window.cut_short and window.remarks[0].endswith("warns: some ingesters did not answer")


HTML = Reply(200, b"<!doctype html><title>Sign in</title>", (("Content-Type", "text/html"),))
ANSWERS: dict[str, tuple[Handler, str]] = {
    "429": (lambda asked: Reply(429, b"too many outstanding requests"), "it is asked too often (429)"),
    "403": (lambda asked: Reply(403), "the credentials may not read it"),
    "502": (lambda asked: Reply(502, b"<html>Bad Gateway</html>"), "it answered 502: <html>Bad Gateway</html>"),
    "login page": (lambda asked: HTML, "the body is HTML instead of JSON (content type text/html)"),
    "half an answer": (
        lambda asked: Reply(200, b'{"status":"success","data":'),
        "the JSON of the body is cut off after 27 bytes",
    ),
    "a matrix": (
        lambda asked: as_json({"status": "success", "data": {"resultType": "matrix", "result": []}}),
        "the query gives a matrix instead of log lines",
    ),
    "another shape": (
        lambda asked: as_json({"status": "success", "data": {"resultType": "streams", "result": [{"values": [[1]]}]}}),
        "its answer is not what /loki/api/v1/query_range is documented to give",
    ),
    "a list": (lambda asked: as_json([]), "its answer is not what /loki/api/v1/query_range is documented to give"),
    "a query it does not know": (
        lambda asked: Reply(400, b"parse error at line 1, col 9: syntax error\n"),
        "it answered 400: parse error at line 1, col 9: syntax error",
    ),
}


@pytest.mark.parametrize(("handler", "reason"), ANSWERS.values(), ids=ANSWERS)
async def test_whatever_it_answers_is_told_in_one_sentence(handler: Handler, reason: str) -> None:
    async with Loopback(handler).running() as server:
        with pytest.raises(EvidenceError) as caught:
            await _loki(server.url).mark()
    assert str(caught.value) == f"Loki at {server.url.removeprefix('http://')}, {API} could not be read: {reason}"


async def test_a_page_larger_than_loki_permits_says_what_to_lower() -> None:
    async with Loopback(LokiStub(most=500)).running() as server:
        with pytest.raises(EvidenceError, match=r"it answered 400: max entries limit .*\(1000 > 500\); lower 'limit'$"):
            await _loki(server.url).mark()


async def test_a_server_that_is_down_slow_or_a_bomb_is_an_error() -> None:
    async with serving(saying(b"")) as gone:
        pass
    with pytest.raises(EvidenceError, match="could not be read: it refused the connection"):
        await _loki(gone.url).mark()
    bomb = gzip.compress(b" " * 5_000_000)
    async with serving(saying(answer(bomb, content_encoding="gzip", content_type="application/json"))) as server:
        with pytest.raises(
            EvidenceError, match=r"is a gzip bomb: \d+ bytes on the wire unpack to more than 100000 bytes \(max_bytes\)"
        ):
            await _loki(server.url, max_bytes=100_000).mark()

    async def silent(talk: Talk) -> None:
        await talk.server.closed.wait()

    async with serving(silent) as server:
        with pytest.raises(EvidenceError, match=r"could not be read: .*0\.05 s"):
            await _loki(server.url, timeout="50ms").mark()


REFUSED = {
    '{app="api"': "a comma or the closing brace should stand here (at the end of the query)",
    '{app="api"} |= "x': "a quote is not closed (character 16, at '\"x')",
    '{app="api"} |~ "("': "'(' is not a regular expression: unclosed group",
    '{app=~"(", b="c"}': "'(' is not a regular expression: unclosed group",
    '{app="\\d"}': "a text in double quotes may not hold \\d; write \\\\d, or use backticks",
    '{app="api"} | json | (x="y"': "a parenthesis is not closed (at the end of the query)",
    '{app="api"} json': "a line filter (|=, !=, |~, !~) or a | should stand here (character 13, at 'json')",
    'rate({app="api"}[1m])': "this computes a number; a query for log lines begins with a selector",
    'app="api"': "a query for log lines begins with a selector such as {app=\"api\"} (character 1",
    '{app=~".*"}': "the selector matches every stream, which Loki refuses",
    "{}": "the selector matches every stream, which Loki refuses",
}  # fmt: skip


@pytest.mark.parametrize(("query", "complaint"), REFUSED.items(), ids=REFUSED)
def test_a_query_that_cannot_be_meant_is_refused_before_anything_is_sent(query: str, complaint: str) -> None:
    with pytest.raises(ValidationError) as caught:
        _loki("http://127.0.0.1:1", query=query)
    assert complaint in str(caught.value)


@pytest.mark.parametrize(
    "query",
    [
        '{app="api", env!="dev",} |= "a" or `b` != "c" # why\n | logfmt',
        '{app=~"a|b"} | json | status >= 500 and duration > 10ms | line_format "{{.msg}}"',
        '{app!=""} |~ "{\\"level\\":" !~ `\\p{L}{2,}x{3}`',
        '{app="api"} |= ip("10.0.0.0/8") | label_format a=b, c="{{.d}}" | decolorize',
    ],
)
def test_queries_that_loki_understands_are_taken(query: str) -> None:
    assert _loki("http://127.0.0.1:1", query=query).query == query


def test_a_tenant_given_twice_is_refused() -> None:
    with pytest.raises(ValidationError, match="'tenant' is sent as X-Scope-OrgID, which 'headers' has too"):
        _loki("http://127.0.0.1:1", tenant=Expanded("a", "${T}"), headers={"x-scope-orgid": "b"})


@pytest.mark.parametrize("leaks", [False, True], ids=["sound", "leaking"])
async def test_log_privacy_reads_its_lines_from_loki(leaks: bool) -> None:
    stub = LokiStub()
    stub.push("to sabine@kunden.de, long before")

    def serve(asked: Asked) -> Reply:
        mail = json.loads(asked.body)["mail"] if leaks else "[EMAIL_REDACTED]"
        stub.push(f"booked for {mail}, correlation id {asked.headers['x-correlation-id']}")
        return as_json({"ok": True})

    request = {"method": "POST", "path": "/book", "json": {"mail": "{{planted.email}}"}}
    probe = LogPrivacy.model_validate({"requests": [{"name": "book", "request": request}], "wait": "2s", "settle": "10ms"})
    async with Loopback(stub).running() as logs, Loopback(serve).running() as server:
        outcome = await outcome_of(probe, server.url, evidence={"logs": _loki(logs.url)})
    if leaks:
        said = "the planted email address stands in the logs, as it is (Loki {app=\"api\"}, request 'book', correlation id"
        assert outcome.verdict is Verdict.FAIL and outcome.sentence.startswith(said)
        assert "canary" not in json.dumps(to_json(outcome))
    else:
        assert outcome.verdict is Verdict.PASS, outcome.sentence

"""This file is for what is asked of an answer most: its headers, its text, its JSON, its cookies."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from probes.net.answer import Answer, NotJson
from probes.outcome import Phases


def answer(body: bytes = b"", *headers: tuple[str, str], status: int = 200) -> Answer:
    now = datetime(2026, 11, 21, tzinfo=UTC)
    return Answer("GET", "http://x.test/", status, headers, body, "1.1", Phases(), now, 0.01, "id-1", "127.0.0.1")


HTML = ("Content-Type", "text/html; charset=utf-8")
JSON = ("Content-Type", "application/json")
NO_JSON = {
    "empty": (b"  ", (JSON,), "the body is empty instead of JSON (status 200)"),
    "html": (b"<!DOCTYPE html><title>Login</title>", (HTML,), "the body is HTML instead of JSON (content type text/html)"),
    "html sold as json": (b"\n<html><body>", (JSON,), "the body is HTML instead of JSON (content type application/json)"),
    "text": (b"Service Unavailable", (), "the body is text instead of JSON"),
    "cut": (b'{"slots": [1, 2', (JSON,), "the JSON of the body is cut off after 15 bytes"),
    "broken": (b'{"a": 1,\n "b" 2}', (JSON,), "the JSON of the body is broken at line 2, column 6: Expecting ':' delimiter"),
    "invalid utf-8": (b'{"a": "\xff"}', (JSON,), "the body is not JSON: invalid UTF-8 at byte 7"),
    "not a number": (b'{"a": NaN}', (JSON,), "the body is not JSON: NaN is no JSON value"),
    "nested": (b"[" * 100_000, (JSON,), "the body is not JSON that can be read: it is nested too deeply"),
}


@pytest.mark.parametrize(("body", "headers", "sentence"), NO_JSON.values(), ids=NO_JSON.keys())
def test_a_body_that_is_no_json_is_told_by_what_it_is_instead(
    body: bytes, headers: tuple[tuple[str, str], ...], sentence: str
) -> None:
    with pytest.raises(NotJson) as caught:
        answer(body, *headers).json()
    assert str(caught.value) == sentence


def test_json_is_read_with_or_without_a_byte_order_mark() -> None:
    assert answer(b'{"a": "007"}').json() == answer(b'\xef\xbb\xbf{"a": "007"}').json() == {"a": "007"}


def test_headers_are_found_in_any_case() -> None:
    got = answer(b"", ("X-A", "1"), ("x-a", "2"), ("Content-Type", "Application/JSON ; charset=x"))
    assert (got.header("X-a"), got.all_headers("x-A"), got.header("y"), got.content_type) == (
        "1",
        ["1", "2"],
        None,
        "application/json",
    )


def test_text_is_read_in_the_declared_character_set_where_it_is_known() -> None:
    assert answer("ü".encode("latin-1"), ("Content-Type", "text/plain; charset=ISO-8859-1")).text == "ü"
    assert answer("ü".encode(), ("Content-Type", "text/plain; charset=no-such")).text == "ü"
    assert answer(b"\xff").text == "�"
    assert answer(b"x", ("Content-Type", "text/plain; charset=zlib")).text == "x"


def test_cookies_are_read_by_name() -> None:
    got = answer(
        b"", ("Set-Cookie", "sid=abc; Path=/; HttpOnly"), ("Set-Cookie", "XSRF-TOKEN=a%3Db=="), ("Set-Cookie", "odd:name=1")
    )
    assert got.cookies == {"sid": "abc", "XSRF-TOKEN": "a%3Db==", "odd:name": "1"}


def test_evidence_shows_the_start_of_a_large_body() -> None:
    shown = answer(b"x" * 10_000, status=503).as_evidence()
    assert shown.summary == "GET http://x.test/ → 503 in 10 ms"
    kept = shown.data["body"].removesuffix("… (10000 bytes in all)")
    assert set(kept) == {"x"} and 3000 < len(kept) <= 4096
    assert answer(b"\0\1").as_evidence().data["body"] == "2 bytes that are not text"

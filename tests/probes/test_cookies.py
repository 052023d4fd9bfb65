"""This file is for the cookie jar: what it keeps, what it sends, and to whom."""

from __future__ import annotations

import pytest

from probes.cookies import CookieJar
from tests.probes.answers import answer

BASE = "https://app.example/api"


def jar_after(*lines: str, url: str = "https://app.example/api/login") -> CookieJar:
    jar = CookieJar(BASE)
    jar.keep(answer(b"", 200, *(("Set-Cookie", line) for line in lines), url=url))
    return jar


@pytest.mark.parametrize(
    ("line", "path", "sent"),
    [
        ("a=1; Path=/", "/x", {"a": "1"}),
        ("a=1", "/x", {"a": "1"}),
        ("a=1; Path=/api/x", "/x/y", {"a": "1"}),
        ("a=1; Path=/api/x", "/xy", {}),
        ("a=1; Path=/", "https://app.example/other", {"a": "1"}),
        ("a=1; Path=/", "https://app.example:443/other", {"a": "1"}),
        ("a=1; Path=/", "https://app.example:8443/other", {}),
        ("a=1; Path=/", "http://app.example/other", {}),
        ("a=1; Path=/", "https://evil.example/other", {}),
        ("a=b=c; Path=/; HttpOnly; Secure", "/x", {"a": "b=c"}),
        ("a=1; Max-Age=0", "/x", {}),
        ("a=1; Expires=Thu, 01 Jan 1970 00:00:00 GMT", "/x", {}),
        ("a=1; Max-Age=60; Expires=Thu, 01 Jan 1970 00:00:00 GMT", "/x", {"a": "1"}),
        ("nonsense", "/x", {}),
    ],
    ids=str,
)
def test_a_cookie_is_sent_where_it_belongs_and_nowhere_else(line: str, path: str, sent: dict[str, str]) -> None:
    assert jar_after(line).for_path(path) == sent


def test_a_cookie_of_another_origin_is_not_kept() -> None:
    assert jar_after("a=1; Path=/", url="https://evil.example/api/login").for_path("/x") == {}


def test_a_later_cookie_replaces_and_deletes_an_earlier_one() -> None:
    assert jar_after("a=1; Path=/", "a=2; Path=/").for_path("/x") == {"a": "2"}
    assert jar_after("a=1; Path=/", "a=; Path=/; Max-Age=-1").for_path("/x") == {}


def test_the_cookie_of_the_longer_path_decides() -> None:
    assert jar_after("a=far; Path=/api/x", "a=near; Path=/").for_path("/x") == {"a": "far"}

"""This file is for HAR: what is kept of a recording, and which values are taken from one answer into the next request."""

from __future__ import annotations

import json
from typing import Any

import pytest

from scenarios.mistakes import SuiteError
from tests.scenarios.importing.making import imported, only


def entry(url: str, method: str = "GET", status: int = 200, answer: Any = None, **more: Any) -> dict[str, Any]:
    content = {"mimeType": "application/json", "text": json.dumps(answer)} if answer is not None else {"mimeType": "text/html"}
    request = {"method": method, "url": url, "headers": [], "cookies": [], **more.pop("request", {})}
    return {"request": request, "response": {"status": status, "headers": more.pop("headers", []), "content": content}, **more}


def har(*entries: dict[str, Any], **log: Any) -> str:
    numbered = [{"startedDateTime": f"2025-11-01T10:00:{n:02}.000Z", **e} for n, e in enumerate(entries)]
    return json.dumps({"log": {"version": "1.2", "entries": numbered, **log}})


def test_a_value_of_an_answer_is_captured_and_not_repeated() -> None:
    made = imported(
        "har",
        har(
            entry("https://a.example/login", "POST", answer={"data": [{"accessToken": "abc123def456", "word": "password"}]}),
            entry(
                "https://a.example/orders/abc123def456?x=password",
                request={"headers": [{"name": "Authorization", "value": "Bearer abc123def456"}]},
            ),
        ),
    )
    first, second = only(made)["steps"]
    assert first["capture"] == {"accessToken": {"json": "$.data[0].accessToken", "secret": True}}
    assert second["request"]["path"] == "/orders/{{accessToken}}?x=password"
    assert second["request"]["headers"] == {"Authorization": "Bearer {{accessToken}}"}


def test_a_value_is_never_taken_from_a_later_answer() -> None:
    made = imported("har", har(entry("https://a.example/a1b2c3d4e5"), entry("https://a.example/", answer={"id": "a1b2c3d4e5"})))
    assert only(made)["steps"][0]["request"]["path"] == "/a1b2c3d4e5"
    assert "capture" not in only(made)["steps"][1]


def test_cookies_that_the_site_sets_go_by_themselves() -> None:
    sets = [{"name": "Set-Cookie", "value": "sid=1; Path=/\ntheme=2"}]
    cookies = {"cookies": [{"name": "sid", "value": "first-1"}, {"name": "old", "value": "other-2"}]}
    made = imported(
        "har", har(entry("https://a.example/", headers=sets, request=cookies), entry("https://a.example/x", request=cookies))
    )
    first, second = only(made)["steps"]
    assert sorted(first["request"]["cookies"]) == ["old", "sid"]
    assert sorted(second["request"]["cookies"]) == ["old"]


@pytest.mark.parametrize(
    ("url", "more", "assets"),
    [
        ("https://a.example/x.css", {}, True),
        ("https://a.example/x?v=1", {"_resourceType": "image"}, True),
        ("https://b.example/api", {}, False),
        ("wss://a.example/live", {"status": 101}, False),
        ("https://a.example/x", {"status": 0}, False),
        ("data:text/plain,x", {}, False),
        ("https://a.example/x", {"method": "OPTIONS"}, False),
    ],
    ids=lambda v: str(v)[:40],
)
def test_what_is_left_out_of_a_recording_is_told(url: str, more: dict[str, Any], assets: bool) -> None:
    text = har(entry("https://a.example/"), entry(url, **more))
    made = imported("har", text)
    assert len(only(made)["steps"]) == 1
    assert len(made.draft.remarks) == 1
    assert len(only(imported("har", text, assets="yes"))["steps"]) == 1 + assets


def test_another_origin_can_be_chosen() -> None:
    made = imported("har", har(entry("https://a.example/"), entry("https://api.example/x")), url="https://api.example/")
    assert [step["name"] for step in only(made)["steps"]] == ["GET /x"]


def test_headers_of_the_browser_are_not_sent() -> None:
    names = [":authority", "User-Agent", "sec-ch-ua", "Accept-Encoding", "If-None-Match", "Cookie", "X-Own", "Accept"]
    made = imported(
        "har", har(entry("https://a.example/", status=304, request={"headers": [{"name": n, "value": "v"} for n in names]}))
    )
    (step,) = only(made)["steps"]
    assert step["request"]["headers"] == {"X-Own": "v", "Accept": "v"}
    assert step["expect"]["status"] == 200


def test_another_version_is_refused() -> None:
    with pytest.raises(SuiteError, match=r"the version '2\.0' of HAR is not known"):
        imported("har", har(entry("https://a.example/"), version="2.0"))

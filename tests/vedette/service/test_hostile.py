"""This file is for hostile requests on every route: wrong tokens, odd addresses, odd bodies. None may break the service."""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from tests.vedette.service.conftest import token_of
from tests.vedette.service.whole import Whole, whole_service
from vedette.service.access import Scope
from vedette.service.app import all_routes, scope_of

PROBLEM = "application/problem+json"
ENDLESS = "/api/v1/events"  # a stream, looked at in test_events.py


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Whole]:
    with whole_service(tmp_path_factory.mktemp("whole"), require_tokens=True) as made:
        yield made


@pytest.fixture(scope="module", autouse=True)
def _still_well(whole: Whole) -> Iterator[None]:
    """After all that was thrown at it, the service still works."""
    yield
    assert httpx.get(f"{whole.url}/health/ready", trust_env=False).json()["status"] == "ready"


def filled(path: str) -> str:
    """Return a path with something that could stand in its places."""
    for name, value in (("slug", "0123456789abcdef"), ("secret", "x" * 32), ("key", "x" * 32)):
        path = path.replace(f"{{{name}}}", value)
    while "{" in path:
        path = path[: path.index("{")] + "one" + path[path.index("}") + 1 :]
    return path


def routes(whole: Whole) -> list[tuple[str, str, Scope | None]]:
    """Return the method, the path and the scope of every route that is not open to everybody."""
    return [
        (method, filled(route.path), scope_of(route))
        for route in all_routes()
        for method in sorted(route.methods or ())
        if not whole.app.state.guard.openings.holds(filled(route.path))
    ]


@pytest.fixture(scope="module")
def client(whole: Whole) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=whole.url, trust_env=False, timeout=20) as made:
        yield made


def test_no_route_is_open_without_a_right_token(whole: Whole, client: httpx.Client) -> None:
    gone = token_of(whole.service, *Scope, name="gone")
    assert client.get("/api/v1/status", headers=gone).status_code == 200
    whole.service.tokens.revoke("gone", at=whole.service.clock())
    shown: dict[str, dict[str, str]] = {"none": {}, "wrong": {"Authorization": "Bearer vdt_AAAAAAAA_wrong"}, "revoked": gone}
    found = routes(whole)
    assert len(found) > 30
    let_in = [
        (name, method, path, answer.status_code)
        for method, path, _ in found
        for name, headers in shown.items()
        if (answer := client.request(method, path, headers=headers)).status_code != 401
    ]
    assert let_in == []


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": "Basic dXNlcjpwYXNz"},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer " + "x" * 8000},
        {"Authorization": "Bearer \u00e4"},
        {"Cookie": "vedette_session=made.up"},
    ],
    ids=str,
)
def test_what_is_no_token_opens_nothing(client: httpx.Client, headers: dict[str, str]) -> None:
    given = {name: value.encode("latin-1") for name, value in headers.items()}
    for path in ("/", "/metrics", "/api/v1/status"):
        assert client.get(path, headers=given).status_code == 401  # type: ignore[arg-type]


def test_no_route_takes_a_token_that_has_every_scope_but_its_own(whole: Whole, client: httpx.Client) -> None:
    others = {scope: token_of(whole.service, *(set(Scope) - {scope}), name=f"not-{scope}") for scope in Scope}
    let_in = [
        (method, path, scope, answer.status_code)
        for method, path, scope in routes(whole)
        if scope is not None and (answer := client.request(method, path, headers=others[scope])).status_code != 403
    ]
    assert let_in == []


NUL, LONG = "%00", "a" * 5000
HOSTILE_PATHS = (
    "/api/v1/outcomes/..%2f..%2fetc%2fpasswd",
    "/api/v1/outcomes/../../../etc/passwd",
    f"/api/v1/outcomes/{NUL}",
    f"/api/v1/outcomes/{LONG}",
    "/api/v1/outcomes/%ff%fe",
    "/api/v1/outcomes/'%20or%201=1--",
    "/api/v1/runs/last%00",
    f"/api/v1/series/{LONG}",
    "/api/v1/series/%e2%80%ae",
    "/api/v1/series/0123456789abcdef/../../config",
    f"/api/v1/series?suite={NUL}",
    f"/api/v1/series?suite={LONG}",
    "/api/v1/series?limit=0",
    "/api/v1/series?limit=501",
    "/api/v1/series?limit=1e3",
    f"/api/v1/series?limit={'9' * 5000}",
    "/api/v1/series?limit=1&limit=2",
    "/api/v1/series?cursor=%ed%a0%80",
    f"/api/v1/series?cursor={'A' * 9000}",
    "/api/v1/runs?suite=%00",
    "/api/v1/runs?kind=all",
    "/api/v1/gaps?days=99999999999999999999",
    "/api/v1/config/scenarios?cursor=WyJ4IiwtMV0",
    "/api/v1/series/0123456789abcdef/strip?slots=366&slot_s=86400",
    "/api/v1/series/0123456789abcdef/chart?range=400d",
    "/health/ready/..%2f..",
    "/api/v1/%2e%2e/%2e%2e",
    "//api/v1/status",
    "/api/v1/status/",
)


@pytest.mark.parametrize("path", HOSTILE_PATHS, ids=lambda path: path[:50])
def test_a_hostile_address_is_answered_and_never_with_a_bug(whole: Whole, path: str) -> None:
    status, headers, text = raw(whole, "GET", path)
    assert status < 500, text[:300]
    assert status in (200, 307) or headers["content-type"] == PROBLEM
    assert "root:" not in text and "Traceback" not in text


def raw(whole: Whole, method: str, path: str, body: bytes = b"", **headers: str) -> tuple[int, dict[str, str], str]:
    """Ask with a path as it stands: clients tidy it up."""
    address = urlsplit(whole.url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=20)
    try:
        connection.putrequest(method, path, skip_accept_encoding=True)
        for name, value in {**whole.token, "Content-Length": str(len(body)), **headers}.items():
            connection.putheader(name.replace("_", "-"), value)
        connection.endheaders(body)
        answer = connection.getresponse()
        return (
            answer.status,
            {name.lower(): value for name, value in answer.getheaders()},
            answer.read().decode("utf-8", "replace"),
        )
    finally:
        connection.close()


HOSTILE_BODIES: dict[str, tuple[bytes, str]] = {
    "no JSON": (b"{", "application/json"),
    "nothing": (b"", "application/json"),
    "a list": (b"[]", "application/json"),
    "null": (b"null", "application/json"),
    "a number": (b"1e999", "application/json"),
    "NaN": (b'{"target": NaN}', "application/json"),
    "deep": (b"[" * 20_000, "application/json"),
    "NUL": (b'{"target": "\\u0000", "version": "\\u0000", "lasts": "\\u0000"}', "application/json"),
    "a lone surrogate": (b'{"target": "\\ud800"}', "application/json"),
    "wrong types": (b'{"target": {"a": 1}, "version": [2], "suite": true}', "application/json"),
    "unknown keys": (b'{"constructor": 1, "__proto__": {}}', "application/json"),
    "not UTF-8": (b'{"target": "\xff\xfe"}', "application/json"),
    "a form": (b"target=staging", "application/x-www-form-urlencoded"),
    "text": (b"target", "text/plain"),
    "too large": (b'{"target": "' + b"x" * 200_000 + b'"}', "application/json"),
}


@pytest.mark.parametrize("what", HOSTILE_BODIES)
def test_a_hostile_body_is_refused_by_every_route_that_changes_something(whole: Whole, what: str) -> None:
    body, kind = HOSTILE_BODIES[what]
    for method, path, _ in routes(whole):
        if method in ("GET", "HEAD") or not path.startswith("/api/"):
            continue
        status, headers, text = raw(whole, method, path, body, Content_Type=kind)
        assert status < 500, (method, path, text[:300])
        assert status < 300 or headers["content-type"] == PROBLEM, (method, path)
        assert what != "too large" or status == 413, (method, path, status)


def test_every_route_is_asked_for_with_all_methods_and_none_breaks(whole: Whole) -> None:
    for path in sorted({path for _, path, _ in routes(whole)} - {ENDLESS}):
        for method in ("PUT", "PATCH", "OPTIONS", "TRACE", "PROPFIND", "DELETE" if "api" not in path else "PUT"):
            status, _, text = raw(whole, method, path)
            assert status < 500, (method, path, text[:300])


def test_a_parameter_that_is_misspelt_or_given_twice_is_passed_over_by_no_route(whole: Whole, client: httpx.Client) -> None:
    let_through = []
    for route in all_routes():
        if not route.path.startswith("/api/") or route.path == ENDLESS:
            continue
        for method in route.methods or ():
            for query in ("limitt=5", "limit=5&limit=6", "suite=a&suite=b", "%00=1", "=&="):
                answer = client.request(method, f"{filled(route.path)}?{query}", headers=whole.token, json=None)
                if answer.status_code not in (415, 422) or "'?'" not in answer.text:
                    let_through.append((method, route.path, query, answer.status_code))
    assert let_through == []


def test_what_is_refused_does_not_come_back_in_the_answer(whole: Whole, client: httpx.Client) -> None:
    secret = "hunter2-hunter2"
    answers = [
        client.get("/api/v1/series", params={secret: secret}, headers=whole.token),
        client.get("/api/v1/series", params={"limit": secret}, headers=whole.token),
        client.get(f"/api/v1/outcomes/{secret}", headers=whole.token),
        client.post("/api/v1/deployments", json={secret: secret, "target": [secret]}, headers=whole.token),
        client.get("/api/v1/status", headers={"Authorization": f"Bearer {secret}"}),
        client.get("/api/v1/series", params={"cursor": secret}, headers=whole.token),
    ]
    assert [answer.status_code >= 400 for answer in answers] == [True] * 6
    assert [secret in answer.text for answer in answers] == [False] * 6


def test_the_service_takes_the_path_of_a_folder_for_no_file(whole: Whole, tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("root:x")
    status, _, text = raw(whole, "GET", f"/assets/..%2f..%2f..%2f..{tmp_path}/secret.txt")
    assert (status in (404, 400), "root:x" in text) == (True, False)

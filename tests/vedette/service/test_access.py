"""This file is for who may do what: every route, every kind of token, and a browser's session."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import timedelta

import httpx
import pytest
from fastapi import APIRouter, FastAPI
from starlette.responses import StreamingResponse

from reports.store.ledger.tokens import Tokens
from scenarios.runner import utc_now
from tests.vedette.service.conftest import client_of, token_of
from vedette.service.access import Caller, Scope, needs
from vedette.service.app import DOCUMENT, all_routes, build_app, close_app, scope_of
from vedette.service.routes.login import local
from vedette.service.security.openings import OPENABLE, OWN_SECRET, UnknownOpening
from vedette.service.security.sessions import COOKIE
from vedette.service.state import Service

pytestmark = pytest.mark.anyio

WRONG = "vdt_0123456789ab_" + "0" * 48
SIGN_IN = {"/login", "/login/page.css"}
ROUTES = [
    *((method, route.path) for route in all_routes() for method in sorted(route.methods)),
    *(("GET", path) for path in (DOCUMENT, "/nothing", "/api/v1/nothing", "/assets/nothing.js", "/docs", "/metrics/x")),
    ("POST", "/nothing"), ("DELETE", "/"), ("OPTIONS", "/api/v1/status"), ("TRACE", "/"), ("PATCH", "/metrics"),
]  # fmt: skip
CLOSED = [(m, p) for m, p in ROUTES if p not in {*SIGN_IN, "/health/live"} and not OWN_SECRET.fullmatch(p)]


def filled(path: str) -> str:
    """Return a path with something in place of its names."""
    return re.sub(r"\{[^}]+\}", "0123456789abcdef", path)


@pytest.fixture
async def app(guarded: Service) -> AsyncIterator[FastAPI]:
    made = build_app(guarded)
    made.include_router(writes())
    yield made
    await close_app(made)


def writes() -> APIRouter:
    router = APIRouter()

    @router.post("/api/v1/trial", operation_id="try_it")
    async def trial(caller: Caller = needs(Scope.WRITE)) -> dict[str, str]:  # noqa: B008  # FastAPI's way
        return {"who": caller.name}

    @router.get("/trial/stream", dependencies=[needs(Scope.READ)])
    async def stream() -> StreamingResponse:
        async def lines() -> AsyncIterator[str]:
            while True:
                yield "data: secret\n\n"

        return StreamingResponse(lines(), media_type="text/event-stream")

    return router


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(app) as made:
        yield made


async def test_no_route_answers_without_a_token(client: httpx.AsyncClient) -> None:
    assert len(CLOSED) > 20
    for method, path in CLOSED:
        answer = await client.request(method, filled(path))
        told = (answer.status_code, answer.headers["content-type"], method, path)
        assert told == (401, "application/problem+json", method, path)
        assert answer.headers["www-authenticate"].startswith("Bearer")
        assert method == "HEAD" or answer.json()["detail"].startswith("a token is needed")


async def test_no_route_answers_a_token_that_is_wrong_revoked_or_expired(guarded: Service, client: httpx.AsyncClient) -> None:
    revoked = token_of(guarded, *Scope, name="revoked")
    guarded.tokens.revoke("revoked", at=utc_now())
    _, text = guarded.tokens.create("expired", Scope, at=utc_now(), expires_at=utc_now() - timedelta(seconds=1))
    for header in (revoked, {"Authorization": f"Bearer {text}"}, {"Authorization": f"Bearer {WRONG}"}):
        for method, path in CLOSED:
            answer = await client.request(method, filled(path), headers=header)
            assert (answer.status_code, method, path) == (401, method, path)
            assert answer.headers["www-authenticate"].endswith('error="invalid_token"')


@pytest.mark.parametrize(
    "header", ["", "Bearer", "Bearer ", "Basic dXNlcjpwYXNz", f"Token {WRONG}", "Bearer x" * 1000, "Bearer \xff", "vdt_"]
)
async def test_what_is_no_bearer_token_lets_nobody_in(client: httpx.AsyncClient, header: str) -> None:
    answer = await client.get("/api/v1/status", headers=[(b"Authorization", header.encode("latin-1"))])
    assert answer.status_code == 401


async def test_a_token_is_taken_whatever_the_case_of_the_scheme(guarded: Service, client: httpx.AsyncClient) -> None:
    text = token_of(guarded, Scope.READ)["Authorization"].removeprefix("Bearer ")
    assert (await client.get(DOCUMENT, headers={"Authorization": f"bEARER {text}"})).status_code == 200


async def test_a_right_id_with_another_secret_lets_nobody_in(guarded: Service, client: httpx.AsyncClient) -> None:
    header = token_of(guarded, Scope.READ)["Authorization"]
    other = header[:-1] + ("0" if header[-1] != "0" else "1")
    assert (await client.get(DOCUMENT, headers={"Authorization": other})).status_code == 401


async def test_the_api_token_of_a_wrong_header_is_not_made_good_by_a_session(guarded: Service, client: httpx.AsyncClient) -> None:
    await sign_in(guarded, client)
    assert (await client.get(DOCUMENT)).status_code == 200
    assert (await client.get(DOCUMENT, headers={"Authorization": f"Bearer {WRONG}"})).status_code == 401


async def test_a_token_with_every_other_scope_is_refused(guarded: Service, client: httpx.AsyncClient) -> None:
    others = {scope: token_of(guarded, *(set(Scope) - {scope}), name=f"not-{scope}") for scope in Scope}
    declared = [(m, r.path, s) for r in all_routes() if (s := scope_of(r)) for m in r.methods if r.path != "/health/live"]
    for method, path, scope in declared:
        answer = await client.request(method, filled(path), headers=others[scope])
        assert (answer.status_code, method, path) == (403, method, path)
        assert answer.headers["www-authenticate"] == f'Bearer realm="vedette", error="insufficient_scope", scope="{scope}"'
        assert f"the token 'not-{scope}' has not the scope '{scope}'" in answer.json()["detail"]


async def test_a_revocation_counts_at_once_in_this_process(guarded: Service, client: httpx.AsyncClient) -> None:
    header = token_of(guarded, Scope.READ)
    assert (await client.get(DOCUMENT, headers=header)).status_code == 200
    guarded.tokens.revoke("tester", at=utc_now())
    assert (await client.get(DOCUMENT, headers=header)).status_code == 401


async def test_the_caller_is_who_the_token_says(guarded: Service, client: httpx.AsyncClient) -> None:
    answer = await client.post("/api/v1/trial", headers=token_of(guarded, Scope.WRITE, name="ci"))
    assert answer.json() == {"who": "ci"}


@pytest.mark.parametrize("name", OPENABLE)
async def test_what_is_opened_by_name_is_open_and_nothing_else(make_service: Callable[..., Service], name: str) -> None:
    app = build_app(make_service(settings={"require_tokens": True, "open_routes": (name,)}))
    async with client_of(app) as client:
        for method, path in CLOSED:
            if OPENABLE[name].fullmatch(path):
                continue  # whether it answers well is its own test's business
            assert (await client.request(method, filled(path))).status_code == 401, path
    await close_app(app)


@pytest.mark.parametrize("name", OPENABLE)
def test_every_name_opens_a_route_that_there_is(name: str) -> None:
    assert [route.path for route in all_routes() if OPENABLE[name].fullmatch(route.path)]


def test_a_name_that_opens_nothing_is_told(make_service: Callable[..., Service]) -> None:
    with pytest.raises(UnknownOpening, match="nothing is called 'all' that could be opened: there are health, metrics"):
        build_app(make_service(settings={"open_routes": ("all",)}))


async def test_liveness_is_always_open(client: httpx.AsyncClient) -> None:
    assert (await client.get("/health/live")).status_code == 200


async def test_on_loopback_nobody_is_asked_for_a_token(service: Service) -> None:
    app = build_app(service)
    async with client_of(app) as client:
        assert (await client.get(DOCUMENT)).status_code == 200
        assert (await client.get(DOCUMENT, headers={"Authorization": "Bearer x"})).status_code == 200
    await close_app(app)


async def test_elsewhere_everybody_is(make_service: Callable[..., Service]) -> None:
    app = build_app(make_service(settings={"host": "0.0.0.0"}))
    async with client_of(app) as client:
        assert (await client.get(DOCUMENT)).status_code == 401
    await close_app(app)


async def test_where_no_token_is_asked_for_one_still_gives_the_caller_a_name(service: Service) -> None:
    app = build_app(service)
    app.include_router(writes())
    async with client_of(app) as client:
        named = await client.post("/api/v1/trial", headers=token_of(service, Scope.READ, name="ci"))
        assert [named.json(), (await client.post("/api/v1/trial")).json()] == [{"who": "ci"}, {"who": "anonymous"}]
    await close_app(app)


async def test_a_stream_ends_when_its_token_is_revoked(guarded: Service, client: httpx.AsyncClient) -> None:
    header = token_of(guarded, Scope.READ)
    sent = 0

    async def receive() -> dict[str, object]:
        await asyncio.Event().wait()  # the reader stays
        return {}

    ended = []

    async def send(message: dict[str, object]) -> None:
        nonlocal sent
        sent += bool(message.get("body"))
        if sent == 3:
            guarded.tokens.revoke("tester", at=utc_now())
        ended.append(not message.get("more_body", True))

    headers = [(b"host", b"127.0.0.1:8900"), (b"authorization", header["Authorization"].encode())]
    scope = {"type": "http", "method": "GET", "path": "/trial/stream", "query_string": b"", "headers": headers,
             "scheme": "http", "server": ("127.0.0.1", 8900), "client": ("127.0.0.1", 1), "http_version": "1.1"}  # fmt: skip
    app = client._transport.app  # type: ignore[attr-defined]
    async with asyncio.timeout(10):
        await app(scope, receive, send)
    assert (sent, ended[-1], sum(ended)) == (3, True, 1)


# The browser


async def sign_in(service: Service, client: httpx.AsyncClient, *scopes: Scope, name: str = "person") -> httpx.Response:
    text = token_of(service, *(scopes or (Scope.READ,)), name=name)["Authorization"].removeprefix("Bearer ")
    return await client.post("/login", data={"token": text, "next": "/api/v1/status?x=1"})


def form_word(app: FastAPI, client: httpx.AsyncClient) -> str:
    sessions = app.state.guard.sessions
    session = sessions.read(client.cookies[COOKIE])
    assert session is not None
    return str(sessions.form_token(session))


async def test_signing_in_leads_back_with_a_cookie_that_scripts_and_other_sites_do_not_get(
    guarded: Service, client: httpx.AsyncClient
) -> None:
    answer = await sign_in(guarded, client)
    assert (answer.status_code, answer.headers["location"]) == (303, "/api/v1/status?x=1")
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie and "samesite=lax" in cookie and "path=/" in cookie and "max-age=43200" in cookie
    assert "secure" not in cookie and "vdt_" not in cookie
    assert (await client.get(DOCUMENT)).status_code == 200


async def test_over_https_the_cookie_stays_on_https(guarded: Service, app: FastAPI) -> None:
    transport = httpx.ASGITransport(app, client=("127.0.0.1", 1))
    async with httpx.AsyncClient(transport=transport, base_url="https://127.0.0.1:8900") as client:
        assert "secure" in (await sign_in(guarded, client)).headers["set-cookie"].lower()


async def test_a_browser_without_a_session_sees_where_to_sign_in_and_gets_back(client: httpx.AsyncClient) -> None:
    answer = await client.get("/nothing?a=1&b=%22", headers={"Accept": "text/html"})
    assert (answer.status_code, answer.headers["content-type"]) == (401, "text/html; charset=utf-8")
    assert 'action="/login"' in answer.text and 'value="/nothing?a=1&amp;b=%22"' in answer.text


async def test_the_sign_in_page_stands_alone(client: httpx.AsyncClient) -> None:
    page = await client.get("/login?next=/a")
    assert (page.status_code, page.headers["cache-control"]) == (200, "no-store")
    linked = re.findall(r'(?:href|src|action)="(/[^"]*)"', page.text)
    assert linked == ["/login/page.css", "/login"]
    assert (await client.get("/login/page.css")).headers["content-type"].startswith("text/css")
    assert "<script" not in page.text and "style=" not in page.text


@pytest.mark.parametrize(
    "elsewhere",
    ["//evil.example", "/\\evil.example", "https://evil.example", "javascript:alert(1)", "", "evil", "/a\r\nSet-Cookie: x=1",
     "/\t/evil.example", "\\/evil", "///evil", "/é", "/" + "x" * 1000, "/a b"],
)  # fmt: skip
def test_signing_in_leads_to_no_other_site(elsewhere: str) -> None:
    assert local(elsewhere) == "/"


@pytest.mark.parametrize("here", ["/", "/a", "/a/b?c=d&e=%20#f", "/?next=//x"])
def test_signing_in_leads_back_to_our_own_addresses(here: str) -> None:
    assert local(here) == here


async def test_a_wrong_token_is_told_and_noted(guarded: Service, client: httpx.AsyncClient) -> None:
    answer = await client.post("/login", data={"token": WRONG})
    assert answer.status_code == 401 and COOKIE not in answer.headers.get("set-cookie", "")
    assert "this token is wrong, expired or revoked" in answer.text and WRONG not in answer.text
    (entry,) = guarded.audit.list()
    assert (entry.who, entry.action, entry.details["address"]) == ("anonymous", "sign in refused", "127.0.0.1")


async def test_signing_in_and_out_is_noted_without_the_token(guarded: Service, app: FastAPI, client: httpx.AsyncClient) -> None:
    await sign_in(guarded, client)
    await client.post("/logout", data={"csrf": form_word(app, client)})
    entries = guarded.audit.list()
    assert [(e.who, e.action) for e in entries] == [("person", "sign out"), ("person", "sign in")]
    assert "vdt_" not in str(entries)


async def test_signing_out_ends_every_copy_of_the_session(guarded: Service, app: FastAPI, client: httpx.AsyncClient) -> None:
    await sign_in(guarded, client)
    copy = client.cookies[COOKIE]
    answer = await client.post("/logout", data={"csrf": form_word(app, client)})
    assert (answer.status_code, answer.headers["location"]) == (303, "/login")
    client.cookies.clear()
    assert (await client.get(DOCUMENT, headers={"Cookie": f"{COOKIE}={copy}"})).status_code == 401


async def test_revoking_the_token_ends_its_sessions(guarded: Service, client: httpx.AsyncClient) -> None:
    await sign_in(guarded, client)
    guarded.tokens.revoke("person", at=utc_now())
    answer = await client.get(DOCUMENT)
    assert (answer.status_code, answer.json()["detail"]) == (401, "the session is over: sign in again at /login")


async def test_a_session_outlives_a_restart_and_ends_after_twelve_hours(guarded: Service, client: httpx.AsyncClient) -> None:
    await sign_in(guarded, client)
    cookie = {"Cookie": f"{COOKIE}={client.cookies[COOKIE]}"}
    for hours, status in ((11.9, 200), (12.1, 401)):
        later = replace(guarded, clock=lambda h=hours: utc_now() + timedelta(hours=h))
        again = build_app(later)
        async with client_of(again, cookie) as restarted:
            assert (await restarted.get(DOCUMENT)).status_code == status
        await close_app(again)


async def test_a_session_has_the_scopes_of_its_token(guarded: Service, app: FastAPI, client: httpx.AsyncClient) -> None:
    await sign_in(guarded, client, Scope.READ)
    answer = await client.post("/api/v1/trial", headers={"X-CSRF-Token": form_word(app, client)})
    assert answer.status_code == 403 and "has not the scope 'write'" in answer.json()["detail"]


# What another site makes a browser send


SAME = {"Origin": "http://127.0.0.1:8900", "Sec-Fetch-Site": "same-origin"}


async def test_a_session_changes_something_only_with_the_word_of_its_forms(
    guarded: Service, app: FastAPI, client: httpx.AsyncClient
) -> None:
    await sign_in(guarded, client, Scope.WRITE)
    word = form_word(app, client)
    assert (await client.post("/api/v1/trial", headers=SAME)).status_code == 403
    other = ("x" if word[0] != "x" else "y") + word[1:]
    assert (await client.post("/api/v1/trial", headers={**SAME, "X-CSRF-Token": other})).status_code == 403
    assert (await client.post("/api/v1/trial", headers={**SAME, "X-CSRF-Token": word})).status_code == 200
    assert (await client.post("/api/v1/trial", headers=SAME, data={"csrf": word})).status_code == 200
    assert (await client.post("/api/v1/trial", headers=SAME, data={"csrf": "ä" + word})).status_code == 403


async def test_the_word_of_another_session_is_worth_nothing(guarded: Service, app: FastAPI, client: httpx.AsyncClient) -> None:
    await sign_in(guarded, client, Scope.WRITE, name="one")
    word = form_word(app, client)
    client.cookies.clear()
    await sign_in(guarded, client, Scope.WRITE, name="two")
    assert (await client.post("/api/v1/trial", headers={**SAME, "X-CSRF-Token": word})).status_code == 403


FOREIGN = [
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "cross-site", "Origin": "http://127.0.0.1:8900"},
    {"Origin": "http://evil.example"},
    {"Origin": "http://127.0.0.1:9999"},
    {"Origin": "null"},
    {"Origin": "http://127.0.0.1:8900@evil.example"},
    {"Origin": "http://127.0.0.1:8900/"},
]


@pytest.mark.parametrize("sent", FOREIGN, ids=str)
async def test_another_site_changes_nothing_with_a_session(
    guarded: Service, app: FastAPI, client: httpx.AsyncClient, sent: dict[str, str]
) -> None:
    await sign_in(guarded, client, Scope.WRITE)
    answer = await client.post("/api/v1/trial", headers={**sent, "X-CSRF-Token": form_word(app, client)})
    assert (answer.status_code, answer.json()["detail"]) == (403, "another site may not change anything here")


@pytest.mark.parametrize("sent", FOREIGN, ids=str)
async def test_another_site_changes_nothing_on_loopback_where_nobody_signs_in(service: Service, sent: dict[str, str]) -> None:
    app = build_app(service)
    app.include_router(writes())
    async with client_of(app) as client:
        assert (await client.post("/api/v1/trial", headers=sent)).status_code == 403
        assert (await client.post("/login", headers=sent, data={"token": "x"})).status_code == 403
        assert (await client.post("/api/v1/trial", headers=SAME)).status_code == 200
        assert (await client.post("/api/v1/trial")).status_code == 200
    await close_app(app)


async def test_a_program_with_a_token_is_not_asked_where_it_comes_from(guarded: Service, client: httpx.AsyncClient) -> None:
    header = token_of(guarded, Scope.WRITE)
    assert (await client.post("/api/v1/trial", headers={**header, "Origin": "http://evil.example"})).status_code == 200


async def test_whoever_tries_tokens_has_to_wait(app: FastAPI, client: httpx.AsyncClient, guarded: Service) -> None:
    statuses = [(await client.post("/login", data={"token": WRONG})).status_code for _ in range(5)]
    assert statuses == [401, 401, 401, 429, 429]
    held = await sign_in(guarded, client)
    assert held.status_code == 429 and int(held.headers["retry-after"]) >= 1 and "too many attempts: wait" in held.text
    async with client_of(app, address="127.0.0.2") as other:
        assert (await sign_in(guarded, other, name="another")).status_code == 303
    assert len([e for e in guarded.audit.list() if e.action == "sign in refused"]) == 3


async def test_every_write_stands_in_the_audit_trail(guarded: Service, client: httpx.AsyncClient) -> None:
    header = token_of(guarded, Scope.WRITE, name="ci")
    await client.post("/api/v1/trial", headers={**header, "X-Correlation-ID": "find-me"})
    await client.post("/api/v1/trial", headers=token_of(guarded, Scope.READ, name="reader"))
    (entry,) = guarded.audit.list()
    assert (entry.who, entry.action, entry.object) == ("ci", "POST try_it", "/api/v1/trial")
    assert entry.details == {"status": 200, "address": "127.0.0.1", "correlation_id": "find-me"}


async def test_a_trail_that_cannot_be_written_does_not_undo_the_answer(
    make_service: Callable[..., Service], tmp_path: object, caplog: pytest.LogCaptureFixture
) -> None:
    service = make_service()
    service.audit.note = _broken  # type: ignore[method-assign]
    app = build_app(service)
    app.include_router(writes())
    async with client_of(app) as client:
        assert (await client.post("/api/v1/trial")).status_code == 200
    assert "the audit trail misses 'POST try_it /api/v1/trial' by 'anonymous'" in caplog.text
    await close_app(app)


def _broken(*_: object) -> None:
    from reports.store.errors import StoreError

    raise StoreError("the disk is full")


async def test_tokens_of_a_store_are_known_without_reading_it_at_each_request(guarded: Service, app: FastAPI) -> None:
    header = token_of(guarded, Scope.READ)
    reads = 0

    class Counted(Tokens):
        def list(self) -> list:  # type: ignore[type-arg]
            nonlocal reads
            reads += 1
            return super().list()

    counted = Counted(guarded.settings.store)
    app.state.guard.roster._tokens = counted
    async with client_of(app, header) as client:
        for _ in range(20):
            assert (await client.get(DOCUMENT)).status_code == 200
            assert (await client.get(DOCUMENT, headers={"Authorization": f"Bearer {WRONG}"})).status_code == 401
    assert reads <= 3  # one a second, however many ask and whatever they show
    counted.close()

"""This file is for the kind `access_control`: a sound office passes, and each open door is found by its name."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from pydantic import ValidationError

from probes.fields import Expanded
from probes.kinds.access_control import AccessControl
from probes.outcome import Outcome, Verdict, to_json
from probes.target import Grant
from tests.probes.kinds.loopback import Asked, Loopback, Reply, as_json, outcome_of

pytestmark = pytest.mark.anyio

KEY = b"the office's own key"
MARKER = "INV-8Q2X-77421"
CHALLENGE = ("WWW-Authenticate", "Bearer")


def token(tenant: int, role: str = "admin", *, ends_in: int = 3600, key: bytes = KEY, alg: str = "HS256") -> str:
    said = {"t": tenant, "role": role, "exp": int(time.time()) + ends_in}
    head, claims = (_coded(json.dumps(part).encode()) for part in ({"alg": alg}, said))
    return f"{head}.{claims}.{_coded(hmac.new(key, f'{head}.{claims}'.encode(), hashlib.sha256).digest())}"


def _coded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


@dataclass
class Office:
    """Invoices of tenants 15 and 20, for administrators, sound but for its `bug`."""

    bug: str = ""
    invoices: dict[str, tuple[int, str]] = field(default_factory=lambda: {"7": (20, MARKER), "9": (15, "INV-3K1Z-10099")})
    asked: int = 0

    def __call__(self, asked: Asked) -> Reply:
        self.asked += 1
        path, query = urlsplit(asked.path).path, parse_qs(urlsplit(asked.path).query)
        if asked.method == "TRACE":
            echo = "\r\n".join(f"{k}: {v}" for k, v in asked.headers.items()).encode()
            return Reply(200, echo) if self.bug == "trace" else Reply(405, b"", (("Allow", "GET"),))
        if self.bug == "limiter" and self.asked > 2:
            return Reply(429)
        caller = self._caller(asked, query)
        if self.bug == "revoked owner" and caller == (20, "admin") and self.asked > 1:
            return Reply(401, b"", (CHALLENGE,))
        if isinstance(caller, Reply):
            return caller
        if path == "/api/me":
            return as_json({"tenant": caller[0]})
        if path == "/api/invoices" and asked.method == "POST":
            return self._make(asked, caller[0])
        return self._invoice(asked, path, query, *caller)

    def _caller(self, asked: Asked, query: dict[str, list[str]]) -> tuple[int, str] | Reply:
        given = asked.headers.get("authorization", "")
        if self.bug == "basic for all" and not given:
            return 20, "admin"
        if self.bug == "query token" and query.get("access_token"):
            given = f"Bearer {query['access_token'][0]}"
        claims = self._claims(given.removeprefix("Bearer").strip())
        if claims is not None:
            return claims["t"], claims["role"]
        words = {
            "redirect": Reply(302, b"", (("Location", "/login"),)),
            "leaky redirect": Reply(401, b"", (CHALLENGE, ("Location", f"/login?next={MARKER}"))),
            "talkative": as_json({"error": 'File "/srv/app/auth.py", line 3, in check'}, 401, CHALLENGE),
            "no challenge": as_json({"error": "who are you"}, 401),
            "crash on empty": Reply(500 if given == "Bearer" else 401, b"", (CHALLENGE,)),
            "hang up on empty": Reply(401, b"", (CHALLENGE,), hang_up=given == "Bearer"),
            "leaky 401": as_json({"error": "not yours", "invoice": MARKER.lower()}, 401, CHALLENGE),
            "encoded leak": as_json({"error": base64.b64encode(f"no {MARKER}".encode()).decode()}, 401, CHALLENGE),
        }
        return words.get(self.bug, as_json({"error": "who are you"}, 401, CHALLENGE))

    def _claims(self, given: str) -> dict[str, Any] | None:
        try:
            head, claims, signature = given.split(".")
            read, alg = json.loads(_decoded(claims)), json.loads(_decoded(head))["alg"]
        except ValueError:
            return {"t": 20, "role": "admin"} if self.bug == "any token" and given else None
        right = _coded(hmac.new(KEY, f"{head}.{claims}".encode(), hashlib.sha256).digest())
        keys = {"empty key": b"", "weak key": b"secret"}
        other = keys.get(self.bug)
        known = hmac.compare_digest(right, signature)
        known |= self.bug == "no signature check" and bool(signature)
        known |= self.bug == "unsigned" and not signature
        known |= self.bug == "alg none" and alg == "none"
        known |= self.bug == "prefix" and signature.startswith(right[:10])
        if other is not None:
            known |= signature == _coded(hmac.new(other, f"{head}.{claims}".encode(), hashlib.sha256).digest())
        return read if known and (read["exp"] > time.time() or self.bug == "no expiry") else None

    def _make(self, asked: Asked, tenant: int) -> Reply:
        said = json.loads(asked.body or b"{}")
        made = str(len(self.invoices) + 100)
        self.invoices[made] = (said.get("tenant", tenant) if self.bug == "mass assignment" else tenant, MARKER)
        return as_json({"id": made, "tenant": self.invoices[made][0], "number": MARKER}, 201)

    def _invoice(self, asked: Asked, path: str, query: dict[str, list[str]], tenant: int, role: str) -> Reply:
        number = path.rpartition("/")[2]
        if asked.method == "DELETE":
            if self.bug == "delete":
                return Reply(204)
            self.invoices.pop(number, None) if asked.headers.get("x-undo") else None
            if asked.headers.get("x-undo"):
                return Reply(204)
        if asked.method != "GET":
            allow = {"no allow": (), "allows all": (("Allow", "GET, DELETE"),)}.get(self.bug, (("Allow", "GET"),))
            return Reply(405, b"", allow)
        if self.bug == "tenant header":
            tenant = int(asked.headers.get("x-tenant", tenant))
        if self.bug == "tenant query":
            tenant = int(query.get("tenant", [tenant])[0])
        owner, text = self.invoices.get(number, (0, ""))
        if not owner:
            return as_json({"error": f"no invoice {number}"}, 404)
        if role != "admin" and self.bug != "no roles":
            return as_json({"error": "not for you"}, 403)
        if owner != tenant and self.bug != "no tenants":
            theirs = {"empty 200": as_json({}), "existence": as_json({"error": "not yours"}, 403)}
            return theirs.get(self.bug, as_json({"error": f"no invoice {number}"}, 404))
        return as_json({"number": text, "total": "1.200,00"})


def secret(value: str) -> Expanded:
    return Expanded(value, "${TOKEN}")


def options(**more: Any) -> dict[str, Any]:
    return {
        "request": {"path": "/api/invoices/7"},
        "content": "tenant 20's invoices",
        "identities": {
            "owner": {"bearer": secret(token(20))},
            "stranger": {"headers": {"Authorization": secret(f"Bearer {token(15)}")}, "own": {"path": "/api/invoices/9"}},
            "clerk": {"bearer": secret(token(20, "clerk")), "own": {"path": "/api/me"}},
            "expired": {"bearer": secret(token(20, ends_in=-60))},
        },
        "as": "owner",
        "marker": {"json": "$.number"},
        "refused": {"stranger": 404, "clerk": 403, "expired": 401},
        "unknown": {"path": "/api/invoices/99999"},
        "claims": [{"as": "stranger", "headers": {"X-Tenant": "20"}, "query": {"tenant": 20}}],
        "methods": ["DELETE", "PUT"],
        **more,
    }


async def ask_about(office: Callable[[Asked], Reply], given: dict[str, Any] | None = None, **target: Any) -> Outcome:
    async with Loopback(office).running() as server:
        probe = AccessControl.model_validate(options() if given is None else given)
        return await outcome_of(probe, server.url, **{"allow": ["write"], **target})


def told(outcome: Outcome) -> str:
    return "\n".join(c.say for c in outcome.checks if c.verdict not in (Verdict.PASS, Verdict.SKIPPED))


async def test_a_sound_office_passes() -> None:
    outcome = await ask_about(Office())
    assert (outcome.verdict, told(outcome)) == (Verdict.PASS, "")
    assert [c.name for c in outcome.controls] == [
        "the rightful owner is served before the others are tried",
        "the owner's content can be told from anybody's",
        "the caller 'stranger' is served what is its own",
        "the caller 'clerk' is served what is its own",
        "the token of 'expired' is over",
        "the token of 'expired' is like the owner's, but for its time",
        "the rightful owner is served after the others were tried",
    ]
    assert sum(c.name.startswith("a caller with a") for c in outcome.checks) == 10


BROKEN: list[Any] = [
    (
        "basic for all",
        "a caller without credentials was served tenant 20's invoices (GET /api/invoices/7 answered 200, correlation id ",
    ),
    ("no tenants", "the caller 'stranger' was served tenant 20's invoices (GET /api/invoices/7 answered 200"),
    ("no roles", "the caller 'clerk' was served tenant 20's invoices"),
    ("no expiry", "the caller 'expired' was served tenant 20's invoices"),
    ("empty 200", "the caller 'stranger' was answered 200 instead of 404, though without tenant 20's invoices"),
    ("existence", "the caller 'stranger' was answered 403 instead of 404"),
    ("redirect", "a caller without credentials was answered 302 instead of 401"),
    ("leaky redirect", "a caller without credentials was refused, but the refusal holds tenant 20's invoices"),
    ("leaky 401", "a caller without credentials was refused, but the refusal holds tenant 20's invoices"),
    ("encoded leak", "a caller without credentials was refused, but the refusal holds tenant 20's invoices"),
    ("talkative", "the refusal of a caller without credentials shows a stack trace"),
    ("no signature check", "a caller with a token of whose signature one bit was changed was served tenant 20's invoices"),
    ("unsigned", "a caller with a token without its signature was served"),
    ("alg none", "a caller with a token of the algorithm 'none' was served"),
    ("empty key", "a caller with a token that was signed with an empty key was served"),
    ("weak key", "a caller with a token that was signed with the key 'secret' was served"),
    ("prefix", "a caller with a token that is cut off was served"),
    ("any token", "a caller with a token in another case was served"),
    ("crash on empty", "a caller with an empty bearer token was answered 500 instead of 401"),
    ("hang up on empty", "a caller with an empty bearer token was left without an answer"),
    ("tenant header", "by the header X-Tenant and query tenant, was served tenant 20's invoices"),
    (
        "tenant query",
        "the caller 'stranger', who claimed to be somebody else by the header X-Tenant and query tenant, was served",
    ),
    ("delete", "the method DELETE was answered 204 instead of 405"),
    ("allows all", "the refusal of DELETE allows DELETE in its header Allow"),
    ("trace", "TRACE gave the headers of a request back"),
]


@pytest.mark.parametrize(("bug", "words"), BROKEN, ids=[bug for bug, _ in BROKEN])
async def test_an_open_door_fails_and_the_sentence_names_it(bug: str, words: str) -> None:
    outcome = await ask_about(Office(bug))
    assert outcome.verdict is Verdict.FAIL, outcome.sentence
    assert words in told(outcome)


async def test_nothing_of_the_owners_and_no_token_is_shown() -> None:
    given = options()
    outcome = await ask_about(Office("no tenants"), given)
    shown = json.dumps(to_json(outcome))
    assert MARKER not in shown and "1.200,00" not in shown
    bearer = given["identities"]["owner"]["bearer"]
    assert bearer not in shown and bearer.rpartition(".")[2] not in shown


@pytest.mark.parametrize(
    ("bug", "words"),
    [("no challenge", "has no WWW-Authenticate"), ("no allow", "has no header Allow")],
)
async def test_a_missing_header_of_a_refusal_is_degraded(bug: str, words: str) -> None:
    outcome = await ask_about(Office(bug))
    assert outcome.verdict is Verdict.DEGRADED and words in outcome.sentence


async def test_telling_which_ids_exist_is_degraded() -> None:
    outcome = await ask_about(Office("existence"), options(refused={"stranger": [403, 404]}))
    assert outcome.verdict is Verdict.DEGRADED
    assert "the caller 'stranger' can tell which ids exist: the refusals differ in status and body" in outcome.sentence


async def test_a_token_in_the_address_is_tried_only_if_asked() -> None:
    assert (await ask_about(Office("query token"))).verdict is Verdict.PASS
    outcome = await ask_about(Office("query token"), options(tamper=["in_query"]))
    assert outcome.verdict is Verdict.FAIL and "with the token in the address instead of a header was served" in told(outcome)


def _with(name: str, **identity: Any) -> dict[str, Any]:
    made = options()
    made["identities"][name] = {**made["identities"][name], **identity}
    return made


VACUOUS: list[Any] = [
    pytest.param("limiter", options(), "was answered 429, which says nothing", id="limiter"),
    pytest.param(
        "revoked owner", options(methods=[]), "the rightful owner is served after the others were tried", id="owner-locked-out"
    ),
    pytest.param("", _with("owner", bearer=secret("bad")), "the rightful owner is served before the others", id="bad-owner"),
    pytest.param(
        "",
        {**_with("expired", bearer=secret("opaque-and-never-good")), "marker": {"json": "$.no"}},
        "there is nothing at $.no",
        id="no-marker",
    ),
    pytest.param("", options(marker={"regex": "1.2"}), "has 3 signs, and could stand in any answer", id="short-marker"),
    pytest.param(
        "",
        options(request={"path": f"/api/invoices/7?x={MARKER}"}),
        "is part of the request, and may stand in any",
        id="marker-in-request",
    ),
]


@pytest.mark.parametrize(("bug", "given", "words"), VACUOUS)
async def test_what_could_not_be_seen_does_not_pass(bug: str, given: dict[str, Any], words: str) -> None:
    outcome = await ask_about(Office(bug), given)
    assert outcome.verdict is Verdict.INCONCLUSIVE, told(outcome)
    assert words in told(outcome)


async def test_a_stranger_with_bad_credentials_proves_nothing() -> None:
    given = options(refused={"stranger": [401, 404]}, claims=[], unknown=None)
    given["identities"]["stranger"] = {"bearer": secret("nobody-knows-this"), "own": {"path": "/api/invoices/9"}}
    outcome = await ask_about(Office(), given)
    assert outcome.verdict is Verdict.INCONCLUSIVE
    assert "the caller 'stranger' is served what is its own" in outcome.sentence


async def test_a_token_that_is_said_to_be_over_and_is_not_proves_nothing() -> None:
    given = options(refused={"expired": 401})
    given["identities"]["expired"] = {"bearer": secret(token(20, key=b"other"))}
    outcome = await ask_about(Office(), given)
    assert outcome.verdict is Verdict.INCONCLUSIVE and "without 'own' it should be one that is over" in outcome.sentence


async def test_the_targets_own_credentials_are_the_owners_where_none_is_named() -> None:
    given = options(**{"as": None})
    outcome = await ask_about(Office(), given, auth={"bearer": given["identities"]["owner"]["bearer"]})
    assert outcome.verdict is Verdict.PASS, told(outcome)
    assert any(c.name == "a caller with a token without its signature is refused" for c in outcome.checks)
    outcome = await ask_about(Office("no signature check"), given, auth={"bearer": given["identities"]["owner"]["bearer"]})
    assert outcome.verdict is Verdict.FAIL


async def test_an_owner_without_a_token_is_not_tampered_with() -> None:
    def serve(asked: Asked) -> Reply:
        if asked.method == "TRACE":
            return Reply(hang_up=True)
        return as_json({"number": MARKER}) if asked.headers.get("x-key") == "k-1234567" else Reply(401, b"", (CHALLENGE,))

    given = {**options(), "identities": {"owner": {"headers": {"X-Key": secret("k-1234567")}}}}
    given.update(refused={}, claims=[], methods=[], unknown=None)
    outcome = await ask_about(serve, given)
    assert outcome.verdict is Verdict.PASS, told(outcome)
    assert any("the owner has no bearer token" in c.say for c in outcome.checks)


async def test_what_an_owner_claims_for_another_tenant_must_stay_its_own() -> None:
    given = options(
        request={"method": "POST", "path": "/api/invoices", "json": {"total": 1}},
        claims=[{"as": "owner", "json": {"tenant": 15}, "answer": {"$.tenant": 20}}],
        refused={}, tampered=None, unknown=None, methods=[],
        undo=[{"request": {"method": "DELETE", "path": "/api/invoices/101", "headers": {"X-Undo": "1"}}}],
    )  # fmt: skip
    sound, broken = await ask_about(Office(), given), await ask_about(Office("mass assignment"), given)
    assert sound.verdict is Verdict.PASS, told(sound)
    assert broken.verdict is Verdict.FAIL
    assert "the claim of 'owner' by the JSON field tenant is not believed: $.tenant is 15 instead of 20" in broken.sentence


HOOK: dict[str, Any] = {
    "request": {"method": "POST", "path": "/hooks/pay", "json": {"event": "paid", "call": "{{nonce}}-{{attempt}}"}},
    "secret": secret("whsec-9182736455"),
    "header": "X-Signature",
    "value": "sha256={{signature}}",
    "signs": "{{timestamp}}.{{body}}",
    "timestamp_header": "X-Timestamp",
    "tolerance": "5m",
}


@dataclass
class Hooks:
    """Takes deliveries with a right signature that are fresh, but for its `bug`."""

    bug: str = ""
    encoding: str = "hex"

    def __call__(self, asked: Asked) -> Reply:
        given, at = asked.headers.get("x-signature", ""), asked.headers.get("x-timestamp", "0")
        key = b"" if self.bug == "empty secret" and not given else b"whsec-9182736455"
        raw = hmac.new(key, f"{at}.".encode() + asked.body, hashlib.sha256).digest()
        right = "sha256=" + (raw.hex() if self.encoding == "hex" else base64.b64encode(raw).decode())
        good = {
            "none": True,
            "missing": given == right or not given,
            "empty": given in (right, "sha256="),
            "compares the beginning": bool(given) and right.startswith(given) and len(given) > 20,
            "any": bool(given),
        }.get(self.bug, given == right)
        old = abs(time.time() - int(at)) > 300 and self.bug != "replay"
        if self.bug == "refuses all":
            return Reply(401)
        return Reply(204) if good and not old else as_json({"error": "bad signature"}, 401)


@pytest.mark.parametrize("encoding", ["hex", "base64"])
async def test_a_webhook_that_knows_its_sender_passes(encoding: str) -> None:
    outcome = await ask_about(Hooks(encoding=encoding), {"webhook": {**HOOK, "encoding": encoding}})
    assert (outcome.verdict, told(outcome)) == (Verdict.PASS, "")
    assert len(outcome.controls) == 2 and len(outcome.checks) == 11


@pytest.mark.parametrize(
    ("bug", "words"),
    [
        ("none", "a delivery without a signature was answered 204 instead of 401"),
        ("missing", "a delivery without a signature was answered 204 instead of 401"),
        ("empty", "a delivery with an empty signature was answered 204"),
        ("compares the beginning", "a delivery whose signature is cut off was answered 204"),
        ("any", "a delivery signed with another secret was answered 204"),
        ("replay", "a delivery that is 360 s old was answered 204 instead of 401"),
    ],
)
async def test_a_webhook_that_takes_a_forgery_fails(bug: str, words: str) -> None:
    outcome = await ask_about(Hooks(bug), {"webhook": HOOK})
    assert outcome.verdict is Verdict.FAIL and words in told(outcome)


async def test_a_webhook_that_refuses_everything_proves_nothing() -> None:
    outcome = await ask_about(Hooks("refuses all"), {"webhook": HOOK})
    assert outcome.verdict is Verdict.INCONCLUSIVE
    assert "a delivery with the right signature is accepted before" in outcome.sentence


@dataclass
class Forms:
    """A form that only its own page may send, but for its `bug`."""

    bug: str = ""
    tokens: dict[str, str] = field(default_factory=dict)  # by session

    def __call__(self, asked: Asked) -> Reply:
        sent = dict(re.findall(r"([a-z]+)=([^;]+)", asked.headers.get("cookie", "")))
        if asked.path == "/form":
            session, given = secrets.token_hex(8), secrets.token_urlsafe(24)
            self.tokens[session] = given
            page = f'<input name="_token" value="{given if self.bug != "no token" else ""}">'
            return Reply(200, page.encode(), (("Content-Type", "text/html"), ("Set-Cookie", f"sid={session}; Path=/")))
        token_ = parse_qs(asked.body.decode()).get("_token", [""])[0]
        right = self.tokens.get(sent.get("sid", ""))
        good = {
            "unchecked": True,
            "missing": not token_ or token_ == right,
            "any": bool(token_),
            "not bound": token_ in self.tokens.values(),
            "refuses all": False,
        }.get(self.bug, right is not None and token_ == right)
        return Reply(204) if good else Reply(419)


FORM: dict[str, Any] = {
    "page": {"path": "/form"},
    "token": {"regex": 'name="_token" value="([^"]+)"'},
    "request": {"method": "POST", "path": "/send", "form": {"_token": "{{csrf_token}}", "note": "n {{attempt}}"}},
}


async def test_a_form_that_only_its_page_may_send_passes() -> None:
    outcome = await ask_about(Forms(), {"csrf": FORM})
    assert (outcome.verdict, told(outcome)) == (Verdict.PASS, "")
    assert len(outcome.controls) == 2 and any("another visitor" in c.name and c.verdict is Verdict.PASS for c in outcome.checks)


@pytest.mark.parametrize(
    ("bug", "words"),
    [
        ("unchecked", "a form without a token was answered 204 instead of 403 or 419"),
        ("missing", "a form without a token was answered 204"),
        ("any", "a form with a token of which one sign was changed was answered 204"),
        ("not bound", "a form with the token of another visitor was answered 204"),
    ],
)
async def test_a_form_that_anybody_may_send_fails(bug: str, words: str) -> None:
    outcome = await ask_about(Forms(bug), {"csrf": FORM})
    assert outcome.verdict is Verdict.FAIL and words in told(outcome)


@pytest.mark.parametrize(
    ("bug", "words"), [("no token", "the page gave no token"), ("refuses all", "the form with its token is accepted")]
)
async def test_a_form_that_is_never_accepted_proves_nothing(bug: str, words: str) -> None:
    outcome = await ask_about(Forms(bug), {"csrf": FORM})
    assert outcome.verdict is Verdict.INCONCLUSIVE and words in told(outcome)


HOSTILE = [
    pytest.param(as_json({"x": ["y" * 900] * 1000}, 401), id="large"),
    pytest.param(Reply(401, b'{"a":' * 20_000, (("Content-Type", "application/json"), CHALLENGE)), id="deep-and-broken"),
    pytest.param(Reply(401, bytes(range(256)) * 1000, (CHALLENGE,)), id="binary"),
]


@pytest.mark.parametrize("reply", HOSTILE)
async def test_hostile_refusals_are_read_within_bounds(reply: Reply) -> None:
    def serve(asked: Asked) -> Reply:
        return as_json({"number": MARKER}) if asked.headers.get("x-key") == "k-1234567" else reply

    given = {"request": {"path": "/x"}, "identities": {"o": {"headers": {"X-Key": secret("k-1234567")}}}, "as": "o"}
    outcome = await ask_about(serve, {**given, "marker": {"json": "$.number"}})
    assert outcome.verdict in (Verdict.PASS, Verdict.DEGRADED), told(outcome)


async def test_a_target_that_is_not_there_fails_by_its_phase() -> None:
    async with Loopback(Office()).running() as server:
        url = server.url
    outcome = await outcome_of(AccessControl.model_validate(options()), url, allow=["write"])
    assert outcome.verdict is Verdict.FAIL and "connect" in outcome.checks[-1].name


MISTAKES: list[Any] = [
    ({}, "give 'request', 'webhook' or 'csrf'"),
    ({"csrf": FORM, "methods": ["PUT"]}, "'methods' needs 'request'"),
    (options(**{"as": "nobody"}), "there is no identity 'nobody'; known are clerk, expired, owner, stranger"),
    (options(refused={"owner": 403}), "'owner' is the owner and cannot be refused"),
    (options(refused={"expired": 403}), "'expired' needs 'own'"),
    (options(claims=[{"as": "expired", "query": {"t": 1}}]), "'expired' needs 'own'"),
    (options(claims=[{"as": "owner", "query": {"t": 1}}]), "a claim of the owner's needs 'answer'"),
    (options(claims=[{"as": "stranger"}]), "give what is claimed"),
    (options(request={"path": "/x", "headers": {"Authorization": "x"}}), "holds the credentials 'Authorization'"),
    (options(methods=["GET"]), "'methods' holds the request's own method"),
    (options(identities={"owner": {}}), "give 'bearer', 'username' and 'password'"),
    (options(identities={"owner": {"username": "x"}}), "give both 'username' and 'password'"),
    (options(identities={"owner": {"bearer": "in the file"}}), "a secret may not stand in the file"),
    (options(tamper=["signature"]), "Input should be"),
    (options(marker={"json": "$["}), "is not a JSONPath"),
    ({"webhook": {**HOOK, "request": {"method": "POST"}}}, "should have a body that is signed"),
    ({"webhook": {**HOOK, "signs": "x"}}, "'signs' should hold {{body}}"),
    ({"webhook": {**HOOK, "value": "x"}}, "'value' should hold {{signature}}"),
    ({"webhook": {**HOOK, "timestamp_header": None}}, "give 'timestamp_header'"),
    ({"csrf": {**FORM, "request": {"method": "POST"}}}, "'request' should hold {{csrf_token}}"),
]


@pytest.mark.parametrize(("given", "words"), MISTAKES, ids=[f"{n} {words}" for n, (_, words) in enumerate(MISTAKES)])
def test_a_mistake_is_told_when_the_file_is_read(given: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=re.escape(words)):
        AccessControl.model_validate(given)


@pytest.mark.parametrize(
    ("given", "needs"),
    [
        (options(methods=[]), set()),
        (options(), {Grant.WRITE}),
        (options(methods=[], request={"method": "POST", "path": "/x"}), {Grant.WRITE}),
        (options(methods=[], request={"method": "POST", "path": "/x"}, writes=False), set()),
        ({"webhook": HOOK}, {Grant.WRITE}),
        ({"csrf": FORM}, {Grant.WRITE}),
    ],
    ids=["reads", "methods", "post", "post-that-reads", "webhook", "csrf"],
)
def test_nobody_is_let_in_to_change_something_without_the_grant(given: dict[str, Any], needs: set[Grant]) -> None:
    assert AccessControl.model_validate(given).needs() == needs

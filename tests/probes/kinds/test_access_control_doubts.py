"""This file is for callers that are not what the suite says, and refusals that say less than they seem: `access_control`."""

from __future__ import annotations

import base64
import json
import re
import time
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs
from uuid import uuid4

import pytest
from pydantic import ValidationError

from probes.kinds.access_control import AccessControl
from probes.outcome import Verdict, to_json
from probes.tokens import Tamper, one_sign_changed, tampered
from tests.probes.kinds.loopback import Asked, Reply, as_json
from tests.probes.kinds.test_access_control import (
    CHALLENGE,
    HOOK,
    KEY,
    MARKER,
    Hooks,
    Office,
    ask_about,
    options,
    secret,
    token,
    told,
)

pytestmark = pytest.mark.anyio

CLAIM = {"as": "stranger", "headers": {"X-Tenant": "20"}}


def test_a_claim_that_nothing_could_show_to_be_believed_is_refused_when_it_is_read() -> None:
    """Without a marker, only the very same answer would be seen, and that of now has another time in it."""
    with pytest.raises(ValidationError, match="a claim of 'stranger' needs 'marker', or 'answer'"):
        AccessControl.model_validate(options(marker=None, claims=[CLAIM]))
    AccessControl.model_validate(options(marker=None, claims=[{**CLAIM, "answer": {"$.tenant": 15}}]))


@pytest.mark.parametrize("name", ["stranger", "clerk"])
def test_a_caller_with_the_owners_own_credentials_is_a_mistake_of_the_suite(name: str) -> None:
    given = options()
    bearer = given["identities"]["owner"]["bearer"]
    given["identities"][name] = {**given["identities"][name], "bearer": bearer, "headers": {}}
    with pytest.raises(ValidationError, match=f"'{name}' has the very credentials of the owner") as caught:
        AccessControl.model_validate(given)
    assert bearer not in str(caught.value)


async def test_a_caller_with_the_targets_own_credentials_proves_nothing() -> None:
    given = options(**{"as": None})
    outcome = await ask_about(
        Office(), given, auth={"bearer": secret(given["identities"]["stranger"]["headers"]["Authorization"][7:])}
    )
    assert outcome.verdict is not Verdict.PASS
    given = options(**{"as": None}, refused={"clerk": 403}, claims=[])
    given["identities"]["clerk"]["bearer"] = given["identities"]["owner"]["bearer"]
    outcome = await ask_about(Office(), given, auth={"bearer": given["identities"]["owner"]["bearer"]})
    assert outcome.verdict is Verdict.INCONCLUSIVE, outcome.sentence
    assert "'clerk' has the very credentials of the owner" in outcome.sentence


def issued(by: str, *, ends_in: int) -> str:
    import hashlib
    import hmac

    def coded(part: Any) -> str:
        raw = part if isinstance(part, bytes) else json.dumps(part).encode()
        return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()

    claims = {"t": 20, "role": "admin", "exp": int(time.time()) + ends_in, "iss": by}
    head = f"{coded({'alg': 'HS256'})}.{coded(claims)}"
    return f"{head}.{coded(hmac.new(KEY, head.encode(), hashlib.sha256).digest())}"


async def test_an_expired_token_of_another_issuer_may_be_refused_for_that() -> None:
    given = options(refused={"expired": 401}, claims=[])
    given["identities"]["owner"] = {"bearer": secret(issued("https://login.example", ends_in=3600))}
    for issuer, verdict in (("https://login.example", Verdict.PASS), ("https://old.example", Verdict.INCONCLUSIVE)):
        given["identities"]["expired"] = {"bearer": secret(issued(issuer, ends_in=-60))}
        outcome = await ask_about(Office(), given)
        assert outcome.verdict is verdict, outcome.sentence
    assert "the token of 'expired' differs from the owner's in iss, and may be refused for that" in outcome.sentence


def test_a_token_that_is_a_number_in_letters_is_the_same_in_another_case() -> None:
    assert Tamper.OTHER_CASE not in dict(tampered(str(uuid4())))
    assert Tamper.OTHER_CASE in dict(tampered("Opaque-token-of-letters"))


@pytest.mark.parametrize("token_", ["0aAb", "xbay", "AAAA", "bbbb", "x"])
def test_a_token_of_which_one_sign_was_changed_is_another_in_every_case(token_: str) -> None:
    assert one_sign_changed(token_).lower() != token_.lower()


@pytest.mark.parametrize(
    "page",
    [
        "<form><label>Password:</label> <input name=password type=password></form>",
        "<form>Password: <input name=p type=password> <a href='/forgot'>Forgot your password?</a></form>",
        '{"errors": {"password": "required"}}',
    ],
    ids=["label", "form", "json"],
)
async def test_a_page_to_log_in_is_a_refusal_that_shows_no_secret(page: str) -> None:
    def serve(asked: Asked) -> Reply:
        reply = Office()(asked)
        kind = "application/json" if page.startswith("{") else "text/html"
        return Reply(401, page.encode(), (("Content-Type", kind), CHALLENGE)) if reply.status == 401 else reply

    outcome = await ask_about(serve)
    assert (outcome.verdict, told(outcome)) == (Verdict.PASS, "")


async def test_a_secret_in_a_refusal_is_still_seen() -> None:
    def serve(asked: Asked) -> Reply:
        reply = Office()(asked)
        return replace(reply, body=b'{"db": {"password": "hunter2-hunter2"}}') if reply.status == 401 else reply

    outcome = await ask_about(serve)
    assert outcome.verdict is Verdict.FAIL and "shows a secret" in told(outcome)


async def test_a_rate_limit_on_an_unknown_id_does_not_tell_which_exist() -> None:
    def serve(asked: Asked) -> Reply:
        return Reply(429) if asked.path.endswith("99999") else Office()(asked)

    outcome = await ask_about(serve)
    assert outcome.verdict is Verdict.INCONCLUSIVE, outcome.sentence
    assert "answered 429" in outcome.sentence and MARKER not in repr(outcome)


def test_the_owners_token_is_in_no_mistake() -> None:
    with pytest.raises(ValidationError) as caught:
        AccessControl.model_validate(options(refused={"nobody": 401}))
    assert not re.search(re.escape(token(20).split(".")[0]), str(caught.value))


async def test_an_office_whose_answers_come_in_pieces_and_in_capitals_passes() -> None:
    def serve(asked: Asked) -> Reply:
        reply = Office()(asked)
        headers = tuple((name.upper(), value) for name, value in reply.headers)
        return replace(as_json({}), status=reply.status, body=reply.body, headers=headers)

    assert (await ask_about(serve)).verdict is Verdict.PASS


async def test_what_a_stranger_was_served_is_not_shown_though_nothing_marks_it_as_the_owners() -> None:
    def serve(asked: Asked) -> Reply:
        reply = Office("no tenants")(asked)
        return replace(reply, body=reply.body[:-1] + f', "at": {time.time_ns()}}}'.encode()) if b"total" in reply.body else reply

    outcome = await ask_about(serve, options(marker=None, claims=[]))
    assert outcome.verdict is Verdict.FAIL and "the caller 'stranger' was answered 200 instead of 404" in told(outcome)
    assert MARKER not in json.dumps(to_json(outcome))


async def test_what_a_believed_claim_was_served_is_not_shown() -> None:
    def serve(asked: Asked) -> Reply:
        reply = Office("tenant header")(asked)
        return replace(reply, body=reply.body[:-1] + b', "tenant": 20}') if b"total" in reply.body else reply

    claim = {**CLAIM, "answer": {"$.tenant": 15}}
    outcome = await ask_about(serve, options(marker=None, claims=[claim]))
    assert outcome.verdict is Verdict.FAIL and "the claim of 'stranger' by the header X-Tenant is not believed" in told(outcome)
    assert MARKER not in json.dumps(to_json(outcome))


async def test_a_name_with_its_password_is_shown_in_no_form() -> None:
    def serve(asked: Asked) -> Reply:
        given = asked.headers.get("authorization", "")
        return as_json({"number": MARKER, "by": given.partition(" ")[2]}) if given else as_json({"by": "nobody"}, 401, CHALLENGE)

    owner = {"username": "anna", "password": secret("pw-7281-and-more")}
    given = {"request": {"path": "/x"}, "identities": {"owner": owner}, "as": "owner", "accepted": {"json": {"$.no": 1}}}
    outcome = await ask_about(serve, {**given, "marker": {"json": "$.number"}})
    assert "the rightful owner is served before the others are tried: it does not hold that $.no" in outcome.sentence
    shown = json.dumps(to_json(outcome))
    assert MARKER not in shown
    assert "authorization" not in shown and "pw-7281" not in shown
    assert base64.b64encode(b"anna:pw-7281-and-more").decode() not in shown


async def test_a_delivery_keeps_the_type_that_the_scenario_gives() -> None:
    types: list[str] = []

    def serve(asked: Asked) -> Reply:
        types.append(asked.headers.get("content-type", ""))
        return Hooks()(asked)

    request = {**HOOK["request"], "headers": {"Content-Type": "application/cloudevents+json"}}
    outcome = await ask_about(serve, {"webhook": {**HOOK, "request": request}})
    assert (outcome.verdict, set(types)) == (Verdict.PASS, {"application/cloudevents+json"})


@pytest.mark.parametrize(("marker", "verdict"), [("INV-8Q", Verdict.PASS), ("INV-8", Verdict.INCONCLUSIVE)])
async def test_a_marker_has_six_signs_or_more(marker: str, verdict: Verdict) -> None:
    assert (await ask_about(Office(), options(marker={"regex": f"({marker})"}))).verdict is verdict


async def test_a_claim_in_a_form_is_made_in_the_form() -> None:
    def serve(asked: Asked) -> Reply:
        given, said = asked.headers.get("authorization", ""), parse_qs(asked.body.decode())
        if asked.path == "/api/me":
            return as_json({"tenant": 15})
        if not given:
            return as_json({"error": "who are you"}, 401, CHALLENGE)
        mine = given.endswith("owner-of-20") or said.get("tenant") == ["20"]
        return as_json({"number": MARKER}) if mine and said.get("id") == ["7"] else as_json({"error": "no"}, 404)

    given = options(
        request={"method": "POST", "path": "/x", "form": {"id": "7"}}, refused={"stranger": 404}, tampered=None, methods=[],
        claims=[{"as": "stranger", "form": {"tenant": "20"}}], unknown=None, trace=False,
    )  # fmt: skip
    given["identities"] = {
        "owner": {"bearer": secret("the-token-of-the-owner-of-20")},
        "stranger": {"bearer": secret("the-token-of-a-stranger"), "own": {"path": "/api/me"}},
    }
    outcome = await ask_about(serve, given)
    assert outcome.verdict is Verdict.FAIL
    assert "who claimed to be somebody else by the form field tenant, was served" in outcome.sentence

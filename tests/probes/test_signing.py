"""Signing: the target computes the same over what came over the wire; the secret is never shown; places stay places."""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import Any

import pytest
from pydantic import ValidationError

from probes.fields import Expanded
from probes.request import RequestTemplate
from probes.signing import Signing

SECRET = Expanded("shared-with-the-target", "${SECRET}")


def _request(sign: dict[str, Any], **parts: Any) -> RequestTemplate:
    return RequestTemplate.model_validate({"method": "POST", "sign": {"secret": SECRET, **sign}, **parts})


@pytest.mark.parametrize(
    ("parts", "body", "sort"),
    [
        (
            {"json": {"a": "{{x}}", "n": [1, 2]}},
            '{"a":"é","n":[1,2]}'.encode("ascii", "namereplace").decode(),
            "application/json",
        ),
        ({"form": {"a": "b c", "d": "1"}}, "a=b+c&d=1", "application/x-www-form-urlencoded"),
        ({"body": "as it stands"}, "as it stands", None),
    ],
    ids=["json", "form", "text"],
)
def test_what_is_signed_is_what_is_sent(parts: dict[str, Any], body: str, sort: str | None) -> None:
    sent = _request({"encoding": "base64"}, **parts).filled({"x": "e"}).signed(1700000000.9)
    assert sent.body is not None and sent.json_body is None and sent.form is None
    wanted = hmac.digest(b"shared-with-the-target", sent.body.encode(), hashlib.sha256)
    assert sent.headers["X-Signature"] == base64.b64encode(wanted).decode() and sent.headers.get("Content-Type") == sort
    assert body.replace("\\N{LATIN SMALL LETTER E WITH ACUTE}", "e") == sent.body


def test_the_time_is_signed_and_told() -> None:
    sign = {"signs": "{{timestamp}}.{{body}}", "value": "t={{timestamp}},v1={{signature}}", "algorithm": "hmac-sha512"}
    sent = _request(sign, body="x").signed(1700000000.9)
    wanted = hmac.digest(b"shared-with-the-target", b"1700000000.x", hashlib.sha512).hex()
    assert sent.headers["X-Signature"] == f"t=1700000000,v1={wanted}"


def test_a_header_that_the_scenario_gives_itself_stays() -> None:
    sent = _request({"timestamp_header": "X-At"}, body="x", headers={"content-type": "text/x", "x-signature": "old"}).signed(7)
    assert sent.headers["content-type"] == "text/x" and sent.headers["X-At"] == "7" and "x-signature" not in sent.headers


@pytest.mark.parametrize(
    ("sign", "told"),
    [
        ({"signs": "x"}, "'signs' should hold {{body}}"),
        ({"value": "x"}, "'value' should hold {{signature}}"),
        ({"signs": "{{timestamp}}{{body}}"}, "give 'timestamp_header'"),
        ({"secret": "in the file"}, "a secret may not stand in the file"),
    ],
    ids=["signs", "value", "time", "secret"],
)
def test_what_cannot_sign_is_refused_when_the_file_is_read(sign: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        _request(sign, body="x")


def test_the_secret_is_not_shown() -> None:
    assert "shared-with" not in repr(Signing.model_validate({"secret": SECRET}))

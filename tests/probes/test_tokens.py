"""This file is for tokens that somebody tampered with: a sound reader takes none of them, and each is what it is called."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from probes.tokens import DEFAULT, Jwt, Tamper, tampered

KEY = b"a key of some length"


def coded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def issued(claims: dict[str, object], digest: str = "sha256") -> str:
    head, body = coded(json.dumps({"alg": "HS256", "kid": "1"}).encode()), coded(json.dumps(claims).encode())
    return f"{head}.{body}.{coded(hmac.new(KEY, f'{head}.{body}'.encode(), digest).digest())}"


def is_good(token: str) -> bool:
    """Read as leniently as a sound reader may: padding bits are ignored, the algorithm is not taken from the token."""
    try:
        head, body, signature = token.split(".")
        raw = base64.urlsafe_b64decode(signature + "=" * (-len(signature) % 4))
    except ValueError:
        return False
    return hmac.compare_digest(hmac.new(KEY, f"{head}.{body}".encode(), hashlib.sha256).digest(), raw)


@settings(max_examples=20, deadline=None)
@given(st.dictionaries(st.text(max_size=5), st.integers() | st.text(max_size=9), max_size=4))
def test_a_sound_reader_takes_no_tampered_token(claims: dict[str, object]) -> None:
    token = issued(claims)
    made = dict(tampered(token))
    assert is_good(token) and set(made) == set(DEFAULT)
    assert [way for way, changed in made.items() if is_good(changed)] == []


def test_each_is_what_it_is_called() -> None:
    token = issued({"sub": "20", "exp": 2_000_000_000})
    made = {way: Jwt.read(changed) for way, changed in tampered(token)}
    right, none, more = Jwt.read(token), made[Tamper.ALG_NONE], made[Tamper.PAYLOAD]
    assert right is not None and none is not None and more is not None
    assert none.header["alg"] == "none" and none.header["kid"] == "1" and none.signature == b"" and none.claims == right.claims
    assert more.claims == {**right.claims, "vedette": True} and more.signature == right.signature
    flipped = made[Tamper.SIGNATURE_BIT]
    assert flipped is not None
    assert sum((a ^ b).bit_count() for a, b in zip(flipped.signature, right.signature, strict=True)) == 1


@pytest.mark.parametrize("token", ["opaque-token-of-some-length", "a.b.c", "bm8.anNvbg.eA", "x", "1234567890123456"])
def test_a_token_that_is_no_jwt_is_tampered_with_as_text(token: str) -> None:
    made = dict(tampered(token))
    assert Jwt.read(token) is None and Tamper.ALG_NONE not in made
    assert token not in made.values() and {Tamper.SIGNATURE_BIT, Tamper.APPENDED, Tamper.EMPTY} <= set(made)


@pytest.mark.parametrize(
    ("claims", "year"),
    [({"exp": 2_000_000_000}, 2033), ({}, None), ({"exp": "soon"}, None), ({"exp": 1e300}, None), ({"exp": True}, None)],
)
def test_the_time_of_a_token_is_read_where_there_is_one(claims: dict[str, object], year: int | None) -> None:
    jwt = Jwt.read(issued(claims))
    assert jwt is not None
    assert (jwt.expires_at.year if jwt.expires_at else None) == year

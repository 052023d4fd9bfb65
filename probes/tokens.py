"""This file is for tokens that nobody issued: what becomes of a good one when somebody tampers with it.

Source: RFC 7515 (JWS), RFC 8725 sections 2.1 and 3.1 (algorithms), RFC 6750 section 2.1 (bearer tokens).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

_IN_ANY_CASE = re.compile(r"[0-9a-fA-F-]+")  # a UUID or another number, of which a sound reader takes letters of both cases
_CUT_OFF = 4  # signs at the end of a token; fewer could be padding


class Tamper(StrEnum):
    """What is done to the owner's token."""

    SIGNATURE_BIT = "signature_bit"
    NO_SIGNATURE = "no_signature"
    ALG_NONE = "alg_none"
    PAYLOAD = "payload"
    EMPTY_KEY = "empty_key"
    WEAK_KEY = "weak_key"
    OTHER_CASE = "other_case"
    TRUNCATED = "truncated"
    APPENDED = "appended"
    EMPTY = "empty"
    IN_QUERY = "in_query"


CALLED = {
    Tamper.SIGNATURE_BIT: "a token of whose signature one bit was changed",
    Tamper.NO_SIGNATURE: "a token without its signature",
    Tamper.ALG_NONE: "a token of the algorithm 'none'",
    Tamper.PAYLOAD: "a token whose claims were changed after it was signed",
    Tamper.EMPTY_KEY: "a token that was signed with an empty key",
    Tamper.WEAK_KEY: "a token that was signed with the key 'secret'",
    Tamper.OTHER_CASE: "a token in another case",
    Tamper.TRUNCATED: "a token that is cut off",
    Tamper.APPENDED: "a token with something behind it",
    Tamper.EMPTY: "an empty bearer token",
    Tamper.IN_QUERY: "the token in the address instead of a header",
}
DEFAULT = tuple(way for way in Tamper if way is not Tamper.IN_QUERY)  # an address is logged, and the token in it is a good one


@dataclass(frozen=True, slots=True)
class Jwt:
    """A token of three parts, read without looking whether it is right."""

    header: dict[str, Any]
    claims: dict[str, Any]
    signature: bytes

    @classmethod
    def read(cls, token: str) -> Jwt | None:
        """Return the parts, or None where it is no JSON web token."""
        parts = token.split(".")
        if len(parts) != 3:
            return None
        try:
            header, claims = (json.loads(_decoded(part)) for part in parts[:2])
            signature = _decoded(parts[2])
        except (ValueError, binascii.Error):
            return None
        if not isinstance(header, dict) or not isinstance(claims, dict) or "alg" not in header:
            return None
        return cls(header, claims, signature)

    @property
    def expires_at(self) -> datetime | None:
        """Return when it ends (RFC 7519 section 4.1.4), or None where it does not say."""
        until = self.claims.get("exp")
        if isinstance(until, bool) or not isinstance(until, int | float):
            return None
        try:
            return datetime.fromtimestamp(until, UTC)
        except (ValueError, OverflowError, OSError):
            return None

    def differs_in(self, other: Jwt) -> list[str]:
        """Return in what else than its time and its person a token differs from another, so that it may be refused for that."""
        headers = [name for name in ("alg", "typ") if self.header.get(name) != other.header.get(name)]
        return headers + [name for name in ("iss", "aud") if self.claims.get(name) != other.claims.get(name)]

    def forged(self, *, key: bytes | None, alg: str = "HS256") -> str:
        """Return the same claims under another header, signed with a key of ours or not at all."""
        signed = f"{_encoded(json.dumps({**self.header, 'alg': alg}).encode())}.{_encoded(json.dumps(self.claims).encode())}"
        signature = b"" if key is None else hmac.new(key, signed.encode(), hashlib.sha256).digest()
        return f"{signed}.{_encoded(signature)}"


def tampered(token: str) -> Iterator[tuple[Tamper, str]]:
    """Yield what a token becomes by each way of tampering with it; those for signatures only where it is a JWT."""
    jwt = Jwt.read(token)
    if jwt is not None:
        yield from _of_jwt(token, jwt)
    else:
        yield Tamper.SIGNATURE_BIT, one_sign_changed(token)
    if token.swapcase() != token and not _IN_ANY_CASE.fullmatch(token):
        yield Tamper.OTHER_CASE, token.swapcase()
    if len(token) > 2 * _CUT_OFF:
        yield Tamper.TRUNCATED, token[:-_CUT_OFF]
    yield Tamper.APPENDED, token + "AAAA"
    yield Tamper.EMPTY, ""


def _of_jwt(token: str, jwt: Jwt) -> Iterator[tuple[Tamper, str]]:
    head, claims, _ = token.split(".")
    if jwt.signature:  # a bit in the middle: of the last sign some bits may be padding, which a sound reader ignores
        middle = len(jwt.signature) // 2
        changed = jwt.signature[:middle] + bytes([jwt.signature[middle] ^ 1]) + jwt.signature[middle + 1 :]
        yield Tamper.SIGNATURE_BIT, f"{head}.{claims}.{_encoded(changed)}"
    yield Tamper.NO_SIGNATURE, f"{head}.{claims}."
    yield Tamper.ALG_NONE, jwt.forged(key=None, alg="none")
    more = _encoded(json.dumps({**jwt.claims, "vedette": True}).encode())
    yield Tamper.PAYLOAD, f"{head}.{more}.{token.rpartition('.')[2]}"
    yield Tamper.EMPTY_KEY, jwt.forged(key=b"")
    yield Tamper.WEAK_KEY, jwt.forged(key=b"secret")


def one_sign_changed(token: str) -> str:
    """Return a token with another sign in its middle, which is another in every case, too."""
    middle = len(token) // 2
    return token[:middle] + ("A" if token[middle : middle + 1].upper() != "A" else "B") + token[middle + 1 :]


def called(tamper: Tamper, *, jwt: bool) -> str:
    """Return what was done, for a sentence that begins with `a caller with`."""
    return "a token of which one sign was changed" if tamper is Tamper.SIGNATURE_BIT and not jwt else CALLED[tamper]


def _decoded(part: str) -> bytes:
    return base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True)


def _encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()

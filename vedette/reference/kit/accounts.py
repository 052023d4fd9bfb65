"""This file is for who may ask: people of several tenants, and the signed tokens that they carry."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from vedette.reference.server import Request


@dataclass(frozen=True, slots=True)
class Account:
    """One person. `role` is admin, staff or viewer."""

    user: int
    tenant: int
    login: str
    password: str
    role: str = "admin"


class Accounts:
    """Gives out tokens (JSON Web Tokens, HS256, RFC 7519) and knows whose they are."""

    def __init__(self, people: Sequence[Account], secret: bytes, bugs: Collection[str], clock: Callable[[], datetime]) -> None:
        self._people = {one.user: one for one in people}
        self._secret = secret
        self._bugs = bugs
        self._clock = clock
        self._revoked: set[str] = set()

    def person(self, user: int) -> Account:
        return self._people[user]

    def login(self, name: str, password: str) -> Account | None:
        """Return the person of that name, if the password is right."""
        found = next((one for one in self._people.values() if one.login == name), None)
        if found is None:
            return None
        if "login_any_password" in self._bugs:
            return found
        return found if hmac.compare_digest(found.password.encode(), password.encode()) else None

    def token(self, account: Account, *, seconds: float = 3600) -> str:
        """Return a token that is good for so many seconds; a negative number makes one that has expired."""
        now = self._clock().timestamp()
        claims = {"sub": account.user, "tenant": account.tenant, "role": account.role, "iat": now, "exp": now + seconds}
        body = f"{_packed({'alg': 'HS256', 'typ': 'JWT'})}.{_packed(claims)}"
        return f"{body}.{self._signature(body)}"

    def revoke(self, token: str) -> None:
        if "logout_keeps_token" not in self._bugs:
            self._revoked.add(token)

    def who(self, request: Request) -> Account | None:
        """Return who asks, or None where the request has no good token."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            return self._people[min(self._people)] if "anonymous_allowed" in self._bugs else None
        claims = self._claims(token.strip())
        if claims is None or token in self._revoked:
            return None
        if claims.get("exp", 0) < self._clock().timestamp() and "token_expiry_unchecked" not in self._bugs:
            return None
        known = self._people.get(claims.get("sub", -1))
        if known is None or known.tenant == claims.get("tenant"):
            return known
        return Account(known.user, int(claims["tenant"]), known.login, known.password, known.role)  # only a forged one says so

    def _claims(self, token: str) -> dict[str, Any] | None:
        try:
            head, claims, signature = token.split(".")
            algorithm, told = _unpacked(head)["alg"], _unpacked(claims)
        except (ValueError, KeyError, TypeError):
            return None
        unsigned = algorithm == "none" and "token_none_accepted" in self._bugs
        good = hmac.compare_digest(signature.encode(), self._signature(f"{head}.{claims}").encode())
        return told if good or unsigned or "token_signature_unchecked" in self._bugs else None

    def _signature(self, body: str) -> str:
        return base64.urlsafe_b64encode(hmac.digest(self._secret, body.encode(), hashlib.sha256)).decode().rstrip("=")


def _packed(claims: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(claims, separators=(",", ":")).encode()).decode().rstrip("=")


def _unpacked(part: str) -> dict[str, Any]:
    told = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    if not isinstance(told, dict):
        raise ValueError("no object")
    return told

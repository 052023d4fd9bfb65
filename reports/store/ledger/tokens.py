"""This file is for API tokens: made, looked up, revoked. What is stored does not let anybody in."""

from __future__ import annotations

import hmac
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path

from sqlalchemy import RowMapping, insert, select, update
from sqlmodel import col

from reports.store.database import Database
from reports.store.errors import StoreError
from reports.store.ledger.tables import TokenRow

FORM = re.compile(r"vdt_([0-9a-f]{12})_([0-9a-f]{48})")
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_ID_BYTES = 6
_SECRET_BYTES = 24  # 192 bits: nobody guesses it, however fast the hash is


class TokenError(Exception):
    """A token cannot be made or revoked as asked. The text is one sentence for a person."""


@dataclass(frozen=True, slots=True)
class Token:
    """One token as it is stored."""

    id: str
    name: str
    hash: str
    scopes: frozenset[str]
    created_at: datetime
    expires_at: datetime | None = None
    last_used_at: datetime | None = None
    revoked_at: datetime | None = None

    def usable(self, at: datetime) -> bool:
        """Return whether it lets anybody in at an instant."""
        return self.revoked_at is None and (self.expires_at is None or at < self.expires_at)

    def opened_by(self, secret: str) -> bool:
        """Return whether this is its secret, in a time that does not tell how much of it was right."""
        return hmac.compare_digest(self.hash, hashed(secret))


class Tokens:
    """The tokens of one store. Every method blocks, and raises StoreError where the store cannot be used."""

    def __init__(self, where: Path | str) -> None:
        self._database = Database(where)
        self.changes = 0  # made through this object; whoever keeps a copy of the list looks here before using it

    def create(self, name: str, scopes: Iterable[str], *, at: datetime, expires_at: datetime | None = None) -> tuple[Token, str]:
        """Store a new token and return it with its text, which is told this once. Raises: TokenError."""
        if not NAME.fullmatch(name):
            raise TokenError(f"a token cannot be called '{name}': up to 64 letters, digits, '.', '_' and '-', no such sign first")
        token_id, secret = secrets.token_hex(_ID_BYTES), secrets.token_hex(_SECRET_BYTES)
        token = Token(token_id, name, hashed(secret), frozenset(scopes), at, expires_at)
        self._database.make_ready()
        with self._database.writing() as connection:
            earlier = connection.execute(select(TokenRow.__table__).where(col(TokenRow.name) == name)).mappings().first()  # type: ignore[attr-defined]
            if earlier is not None:
                raise TokenError(_taken(_token(earlier)))
            connection.execute(insert(TokenRow).values(_row(token)))
        self.changes += 1
        return token, f"vdt_{token_id}_{secret}"

    def list(self) -> list[Token]:
        """Return all tokens, also those that let nobody in any more, the oldest first."""
        wanted = select(TokenRow.__table__).order_by(col(TokenRow.created_at), col(TokenRow.id))  # type: ignore[attr-defined]
        with self._database.reading() as connection:
            return [_token(row) for row in connection.execute(wanted).mappings()]

    def revoke(self, name: str, *, at: datetime) -> Token:
        """Let a token admit nobody from now on; return it as it is then. Raises: TokenError for an unknown one."""
        mine = col(TokenRow.name) == name
        with self._database.writing() as connection:
            connection.execute(update(TokenRow).where(mine, col(TokenRow.revoked_at).is_(None)).values(revoked_at=at))
            row = connection.execute(select(TokenRow.__table__).where(mine)).mappings().first()  # type: ignore[attr-defined]
        if row is None:
            raise TokenError(f"there is no token '{name}'")
        self.changes += 1
        return _token(row)

    def used(self, token_id: str, at: datetime) -> None:
        """Remember when a token was last used."""
        later = col(TokenRow.last_used_at).is_(None) | (col(TokenRow.last_used_at) < at)
        with self._database.writing() as connection:
            connection.execute(update(TokenRow).where(col(TokenRow.id) == token_id, later).values(last_used_at=at))

    def exist(self, at: datetime) -> bool:
        """Return whether anybody could come in with a token; a store that is not made yet holds none."""
        try:
            return any(token.usable(at) for token in self.list())
        except StoreError:
            return False

    def close(self) -> None:
        self._database.close()


def taken_apart(text: str) -> tuple[str, str] | None:
    """Return the id and the secret of a token's text, or None where it has not the form of one."""
    found = FORM.fullmatch(text)
    return (found[1], found[2]) if found else None


def hashed(secret: str) -> str:
    """Return what is stored of a secret.

    One round of SHA-256 without salt is right here, and only here: the secret is 192 random bits, so there is no
    dictionary to try and no two are equal. A slow hash protects what people choose; it would cost every request.
    """
    return sha256(secret.encode("ascii", "replace")).hexdigest()


def _taken(token: Token) -> str:
    if token.revoked_at is None:
        return f"there is a token '{token.name}' already: revoke it, or choose another name"
    return (
        f"there was a token '{token.name}' already, revoked on {token.revoked_at:%Y-%m-%d}: its name stands in the audit trail"
        f" for what was done with it, so choose another, such as '{token.name}-2'"
    )


def _row(token: Token) -> dict[str, object]:
    return {
        "id": token.id,
        "name": token.name,
        "hash": token.hash,
        "scopes": sorted(token.scopes),
        "created_at": token.created_at,
        "expires_at": token.expires_at,
    }


def _token(row: RowMapping) -> Token:
    return Token(**{**row, "scopes": frozenset(row["scopes"])})

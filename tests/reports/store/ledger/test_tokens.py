"""This file is for the promises of API tokens."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from reports.store.errors import StoreError
from reports.store.ledger.tokens import FORM, TokenError, Tokens, hashed, taken_apart

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def tokens(anywhere: str) -> Iterator[Tokens]:
    made = Tokens(anywhere)
    yield made
    made.close()


def test_a_token_that_was_made_is_listed_with_all_that_was_said(tokens: Tokens) -> None:
    token, _ = tokens.create("ci", ["write", "read"], at=AT, expires_at=AT + timedelta(days=90))
    assert tokens.list() == [token]
    assert (token.name, token.scopes, token.created_at, token.expires_at) == (
        "ci",
        {"read", "write"},
        AT,
        AT + timedelta(days=90),
    )
    assert (token.last_used_at, token.revoked_at) == (None, None)


def test_a_tokens_text_holds_its_id_and_at_least_128_bits_of_chance(tokens: Tokens) -> None:
    token, text = tokens.create("ci", ["read"], at=AT)
    taken = taken_apart(text)
    assert taken is not None and taken[0] == token.id
    assert len(bytes.fromhex(taken[1])) * 8 >= 128
    assert token.opened_by(taken[1]) and not token.opened_by(taken[1][:-1] + "0" * 2) and not token.opened_by("")


def test_no_two_tokens_are_alike(tokens: Tokens) -> None:
    texts = [tokens.create(f"t{n}", [], at=AT)[1] for n in range(5)]
    assert len({part for text in texts for part in taken_apart(text) or ()}) == 10


def test_the_store_never_holds_the_secret(path: Path) -> None:
    tokens = Tokens(path)
    _, text = tokens.create("ci", ["read"], at=AT)
    tokens.close()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    secret = (taken_apart(text) or ("", ""))[1]
    everything = b"".join(file.read_bytes() for file in path.parent.iterdir())
    assert hashed(secret).encode() in everything and secret.encode() not in everything


@pytest.mark.parametrize(
    "text", ["", "vdt_", "vdt_0123456789ab_", "vdt_0123456789ab_" + "g" * 48, "VDT_0123456789ab_" + "0" * 48, "x" * 100_000,
             "vdt_0123456789ab_" + "0" * 48 + "\n", " vdt_0123456789ab_" + "0" * 48],
)  # fmt: skip
def test_what_has_not_the_form_of_a_token_is_none(text: str) -> None:
    assert taken_apart(text) is None


def test_a_revoked_token_is_not_usable_and_stays_listed(tokens: Tokens) -> None:
    tokens.create("ci", ["read"], at=AT)
    later = AT + timedelta(minutes=1)
    assert tokens.revoke("ci", at=later).revoked_at == later
    assert [(t.name, t.usable(later)) for t in tokens.list()] == [("ci", False)]
    assert not tokens.exist(later)


def test_revoking_again_keeps_the_first_time(tokens: Tokens) -> None:
    tokens.create("ci", ["read"], at=AT)
    tokens.revoke("ci", at=AT)
    assert tokens.revoke("ci", at=AT + timedelta(days=1)).revoked_at == AT


def test_a_token_is_usable_until_it_expires_and_not_at_that_instant(tokens: Tokens) -> None:
    token, _ = tokens.create("ci", ["read"], at=AT, expires_at=AT + timedelta(hours=1))
    assert token.usable(AT + timedelta(minutes=59)) and not token.usable(AT + timedelta(hours=1))


def test_a_name_is_given_once(tokens: Tokens) -> None:
    tokens.create("ci", ["read"], at=AT)
    with pytest.raises(TokenError, match="there is a token 'ci' already"):
        tokens.create("ci", ["read"], at=AT)
    tokens.revoke("ci", at=AT)
    with pytest.raises(TokenError, match=r"there was a token 'ci' already, revoked on 2026-03-01: .*such as 'ci-2'"):
        tokens.create("ci", ["read"], at=AT)


@pytest.mark.parametrize("name", ["", "a b", "-x", "a\nb", "x" * 65, "ünder", "a/b"])
def test_a_name_that_would_spoil_the_audit_trail_is_refused(tokens: Tokens, name: str) -> None:
    with pytest.raises(TokenError, match="a token cannot be called"):
        tokens.create(name, ["read"], at=AT)


def test_an_unknown_token_cannot_be_revoked(tokens: Tokens) -> None:
    tokens.create("ci", ["read"], at=AT)
    with pytest.raises(TokenError, match="there is no token 'cd'"):
        tokens.revoke("cd", at=AT)


def test_the_last_use_only_goes_forward(tokens: Tokens) -> None:
    token, _ = tokens.create("ci", ["read"], at=AT)
    tokens.used(token.id, AT + timedelta(minutes=5))
    tokens.used(token.id, AT + timedelta(minutes=3))
    assert tokens.list()[0].last_used_at == AT + timedelta(minutes=5)


def test_a_store_that_is_not_there_holds_no_token(tmp_path: Path) -> None:
    tokens = Tokens(tmp_path / "none.db")
    assert not tokens.exist(AT)
    with pytest.raises(StoreError, match="there is no store"):
        tokens.list()


def test_the_form_is_easy_to_find_in_a_leak() -> None:
    assert FORM.pattern.startswith("vdt_")

"""This file is for where the service may listen."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from vedette.service.security.listening import doubts, is_loopback, may_listen, tokens_required
from vedette.service.state import ServeSettings


def settings(**said: Any) -> ServeSettings:
    return ServeSettings(suites=(), **said)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "::1", "[::1]", "localhost", "LOCALHOST"])
def test_loopback_is_known(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize(
    "host", ["0.0.0.0", "::", "", "10.0.0.1", "192.168.1.1", "myhost", "localhost.evil.example", "127.0.0.1.nip.io"]
)
def test_what_others_may_reach_is_not_taken_for_loopback(host: str) -> None:
    assert not is_loopback(host)


@pytest.mark.parametrize(
    ("said", "tokens_exist", "may"),
    [
        ({}, False, True),
        ({}, True, True),
        ({"require_tokens": True}, False, False),
        ({"require_tokens": True}, True, True),
        ({"host": "0.0.0.0"}, False, False),
        ({"host": "0.0.0.0"}, True, True),
        ({"host": "0.0.0.0", "require_tokens": False}, False, True),
        ({"host": "10.0.0.1", "require_tokens": True}, False, False),
        ({"host": "myhost"}, False, False),
        ({"tls_cert": Path("a.pem")}, True, True),
        ({"tls_key": Path("a.pem")}, True, False),
    ],
    ids=str,
)
def test_without_authentication_it_listens_on_loopback_only_unless_told_so(said: Any, tokens_exist: bool, may: bool) -> None:
    assert (may_listen(settings(**said), tokens_exist) == "") is may


def test_the_refusal_says_both_ways_out() -> None:
    assert may_listen(settings(host="0.0.0.0"), False) == (
        "to listen on '0.0.0.0' needs tokens, because others reach that address, and there is no token yet:"
        " make one with 'vedette token create NAME --scope read', or let everybody in with --no-auth"
    )


def test_tokens_are_asked_for_as_was_said_else_by_the_address() -> None:
    assert [tokens_required(settings(host=h)) for h in ("127.0.0.1", "0.0.0.0")] == [False, True]
    assert [tokens_required(settings(host=h, require_tokens=True)) for h in ("127.0.0.1", "0.0.0.0")] == [True, True]
    assert [tokens_required(settings(host=h, require_tokens=False)) for h in ("127.0.0.1", "0.0.0.0")] == [False, False]


@pytest.mark.parametrize(
    ("said", "doubt"),
    [({}, ""), ({"host": "0.0.0.0"}, "in the clear"), ({"host": "0.0.0.0", "require_tokens": False}, "everybody"),
     ({"host": "0.0.0.0", "tls_cert": Path("c"), "tls_key": Path("k")}, "")],
    ids=str,
)  # fmt: skip
def test_what_is_permitted_but_doubtful_is_said(said: Any, doubt: str) -> None:
    told = doubts(settings(**said))
    assert (doubt in told[0]) if doubt else told == []

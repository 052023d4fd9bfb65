"""This file is for what a run knows and must not show."""

from __future__ import annotations

import pytest

from scenarios.hidden import passwords_in
from scenarios.mistakes import SourceFile
from scenarios.source import Entry, Place, Scalar, Table
from scenarios.variables import Expansion


@pytest.mark.parametrize(
    ("address", "passwords"),
    [
        ("redis://probe:p%40ss@host:6379/0", {"p%40ss", "p@ss"}),
        ("redis://:only@host", {"only"}),
        ("redis://host/0?password=p%2Bq&x=1", {"p%2Bq", "p+q"}),
        ("https://host:8080/path?mail=a@b.de", set()),
        ("no address", set()),
    ],
)
def test_the_password_of_an_address_is_a_secret_of_its_own(address: str, passwords: set[str]) -> None:
    assert set(passwords_in(address)) == passwords


@pytest.mark.parametrize(
    ("name", "key", "secret"),
    [
        ("STRIPE_KEY", "q", True),
        ("DB_PASS", "q", True),
        ("PLAIN", "X-Api-Key", True),
        ("PLAIN", "q", False),
        ("KEYBOARD", "q", False),
    ],
)
def test_a_value_is_a_secret_by_its_variables_name_or_by_its_place(name: str, key: str, secret: bool) -> None:
    place = Place(SourceFile("x", ()), 1, 1)
    expansion = Expansion({name: "a-value"})
    expansion.of(Table({key: Entry(place, Scalar(f"${{{name}}}", place))}, place), "headers")
    assert ("a-value" in expansion.secrets) == secret

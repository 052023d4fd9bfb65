"""This file is for shortening: no half of an address, a number or a token is left at the end."""

from __future__ import annotations

import pytest

from probes.pii import DETECTORS, find
from probes.shorten import shorten


@pytest.mark.parametrize("value", ["erika.mustermann@kunden-praxis.de", "DE89370400440532013000", "4111 1111 1111 1111",
                                   "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxNSJ9.c2lnbmF0dXJl"])  # fmt: skip
@pytest.mark.parametrize("seen", range(1, 20))
def test_no_half_of_a_value_is_left(value: str, seen: int) -> None:
    text = f"{'word ' * 40}card: {value} and more"
    cut = text.index(value) + seen
    shown = shorten(text, cut + 1)
    assert value[:4] not in shown or find(shown, DETECTORS)


def test_a_short_text_stays_and_a_long_one_tells_that_it_was_cut() -> None:
    assert shorten("a b", 3) == "a b"
    assert shorten("some words and more", 12, " (cut)") == "some  (cut)"
    assert 0 < len(shorten("x" * 1000, 200)) <= 200

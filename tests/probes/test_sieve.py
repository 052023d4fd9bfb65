"""The sieve may let too much through, never too little: whatever the close look finds, it must have let through."""

from __future__ import annotations

import base64
import html
import json
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.encodings import Finder
from probes.evidence.source import LogLine
from probes.leaks import Scanner, scan, specimens
from probes.pii import DETECTORS, find, line_sieve
from probes.planting import PLANTABLE, plant
from probes.sieve import ValueSieve

PLANTED = [plant(kind, "5ie7e0000000", phone_country=country) for kind in PLANTABLE for country in ("DE", "FR")]
ESCAPES = {
    "url": lambda text: quote(text, safe=""),
    "every sign by url": lambda text: "".join(f"%{byte:02X}" for byte in text.encode()),
    "html": html.escape,
    "every sign by html": lambda text: "".join(f"&#x{ord(sign):X};" for sign in text),
    "json": lambda text: json.dumps(text)[1:-1],
    "every sign by json": lambda text: "".join(f"\\u{ord(sign):04X}" for sign in text),
    "bytes": lambda text: "".join(f"\\x{byte:02x}" for byte in text.encode()),
    "upper": str.upper,
    "separated": lambda text: " ".join(text[n : n + 3] for n in range(0, len(text), 3)),
    "base64": lambda text: base64.b64encode(f"ab{text}cd".encode()).decode(),
    "base64url": lambda text: base64.urlsafe_b64encode(f"a{text}".encode()).decode(),
    "hex": lambda text: text.encode().hex(" "),
    "reversed": lambda text: text[::-1],
    "line end": lambda text: f"{text[:7]}\\n{text[7:]}",
}
NOISE = st.text(st.characters(codec="utf-8", exclude_categories=("Cs",)), max_size=40)


@given(st.sampled_from(PLANTED), st.lists(st.sampled_from(sorted(ESCAPES)), max_size=3), NOISE, NOISE)
def test_what_the_close_look_finds_the_sieve_lets_through(item, escapes, before, after) -> None:  # type: ignore[no-untyped-def]
    text = item.value
    for name in escapes:
        text = ESCAPES[name](text)
    finder = Finder(((value, item.kind) for value in item.sought), hashes=True)
    whole = f"{before}{text}{after}"
    if finder.find(whole):
        assert ValueSieve(finder.forms).may_hold(whole)


@given(st.text(min_size=4, max_size=30), NOISE, st.sampled_from(sorted(ESCAPES)))
def test_any_value_at_all_is_let_through(value: str, before: str, escape: str) -> None:
    finder = Finder([(value, "value")], hashes=True)
    text = before + ESCAPES[escape](value) if value.isprintable() and value.isascii() else before + value
    if finder.find(text):
        assert ValueSieve(finder.forms).may_hold(text)


def test_text_without_any_of_it_is_passed_over() -> None:
    finder = Finder((value, item.kind) for item in PLANTED for value in item.sought)
    text = '{"level":"info","message":"all is well","path":"%2Fa%26b&amp;","n":"\\u00e4"}'
    assert not ValueSieve(finder.forms).may_hold(text)


def test_nothing_sought_lets_nothing_through() -> None:
    assert not ValueSieve([]).may_hold("anything")


def test_what_is_too_short_to_be_told_apart_lets_everything_through() -> None:
    assert ValueSieve(["a-b-c"]).may_hold("zzz")


@given(st.lists(NOISE, max_size=5), st.sampled_from(sorted(DETECTORS)))
def test_no_line_in_which_a_detector_finds_something_is_passed_over(lines: list[str], name: str) -> None:
    specimen = {
        "email": "x a@b.example",
        "phone": "+493023125000",
        "iban": "DE89 3704 0044 0532 0130 00",
        "card": "4111 1111 1111 1111",
        "bearer": "Bearer abc123def456",
        "jwt": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.x",
        "password": "password=hunter2hunter2",
        "connection": "postgres://app:hunter2@db.example/app",
    }[name]
    texts = [line.replace("\n", " ") for line in (*lines, specimen, *lines[:1])]
    whole = "\n".join(texts)
    looked_at = {start: names for start, _, names in line_sieve(DETECTORS).lines(whole)}
    for number, text in enumerate(texts):
        start = sum(len(one) + 1 for one in texts[:number])
        assert {found.detector for found in find(text, DETECTORS)} <= looked_at.get(start, set())


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_lines_that_come_in_pieces_are_scanned_as_if_they_came_at_once(size: int) -> None:
    made = [text for item in PLANTED for _, texts in specimens(item) for text in (*texts, "nothing here")]
    lines = [LogLine(text, "a.log", number) for number, text in enumerate(made, 1)]
    scanner = Scanner(PLANTED, tuple(DETECTORS))
    for start in range(0, len(lines), size):
        scanner.feed(lines[start : start + size])
    at_once, in_pieces = scan(lines, PLANTED, tuple(DETECTORS)), scanner.result()
    assert {(x.kind, x.line.number) for x in in_pieces.planted} == {(x.kind, x.line.number) for x in at_once.planted}
    assert [(x.kind, x.line.number) for x in in_pieces.others] == [(x.kind, x.line.number) for x in at_once.others]


def test_leaks_without_end_are_counted_and_not_kept() -> None:
    leak = PLANTED[0].value
    scanner = Scanner(PLANTED)
    scanner.feed([LogLine(f"to {leak}", "a.log", number) for number in range(1, 3001)])
    found = scanner.result()
    assert len(found.planted) == 1000 and found.left_out >= 2000

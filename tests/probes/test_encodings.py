"""This file is for every form in which a value may reappear: each is found, at the right place."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import textwrap
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from probes.encodings import Finder, Form, base64_inside
from probes.planting import PLANTABLE, plant

VALUE = "vera.o'canary+1@example.com"


def _escapes(form: str) -> Callable[[str], str]:
    return lambda value: "".join(form.format(ord(sign)) for sign in value)


ENCODERS: list[tuple[str, Form, Callable[[str], str]]] = [
    ("plain", Form.RAW, str),
    ("upper case", Form.CASE, str.upper),
    ("URL", Form.URL, lambda v: quote(v, safe="")),
    ("form", Form.URL, lambda v: quote_plus(v)),
    ("URL, all of it", Form.URL, _escapes("%{:02x}")),
    ("URL twice", Form.URL_TWICE, lambda v: quote(quote(v, safe=""), safe="")),
    ("named entities", Form.HTML, lambda v: html.escape(v).replace("@", "&commat;").replace("+", "&plus;")),
    ("decimal entities", Form.HTML, _escapes("&#{};")),
    ("decimal entities with zeros", Form.HTML, _escapes("&#{:04};")),
    ("hex entities", Form.HTML, _escapes("&#x{:X};")),
    ("entities escaped again", Form.HTML, lambda v: html.escape(_escapes("&#{};")(v))),
    ("JSON escapes", Form.JSON, _escapes("\\u{:04x}")),
    ("JSON in JSON", Form.JSON, lambda v: json.dumps(_escapes("\\u{:04X}")(v))[1:-1]),
    ("PHP's JSON", Form.JSON, lambda v: v.replace("@", "\\u0040").replace("+", "\\u002B")),
    ("byte escapes", Form.BYTES, _escapes("\\x{:02x}")),
    ("base64", Form.BASE64, lambda v: base64.b64encode(v.encode()).decode()),
    ("base64 with escaped slashes", Form.BASE64, lambda v: base64.b64encode(v.encode()).decode().replace("/", "\\/")),
    ("hex", Form.HEX, lambda v: v.encode().hex()),
    ("HEX", Form.HEX, lambda v: v.encode().hex().upper()),
    ("hex dump", Form.HEX, lambda v: v.encode().hex(" ")),
    ("reversed", Form.REVERSED, lambda v: v[::-1]),
    ("hashed", Form.HASHED, lambda v: hashlib.sha256(v.encode()).hexdigest()),
    ("hashed, MD5", Form.HASHED, lambda v: hashlib.md5(v.encode(), usedforsecurity=False).hexdigest()),
]


@pytest.mark.parametrize(("form", "encode"), [e[1:] for e in ENCODERS], ids=[e[0] for e in ENCODERS])
def test_each_form_is_found_and_named_and_its_place_told(form: Form, encode: Callable[[str], str]) -> None:
    seen = encode(VALUE)
    [hit] = Finder([(VALUE, "email")], hashes=True).find(f"before {seen} after")
    assert (hit.label, hit.form) == ("email", form)
    assert hit.start >= 7 and hit.end <= 7 + len(seen)
    assert hit.end - hit.start >= len(seen) - 4  # the last signs of base64 belong to what follows as well


@pytest.mark.parametrize("shift", range(6))
@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
def test_a_value_is_found_inside_a_larger_base64_text_at_every_alignment(shift: int, encode: Callable[[bytes], bytes]) -> None:
    text = encode(f"{'x' * shift}ÿ?>{VALUE}~~ÿ".encode()).decode()
    assert [hit.form for hit in Finder([(VALUE, "email")]).find(text)] == [Form.BASE64]


@pytest.mark.parametrize("seen", ["(+493) 023/125/123", "+49 30 23125-123", "49.30.231.25.123", "+49(30)23125123"])
def test_a_number_is_found_however_its_digits_are_grouped(seen: str) -> None:
    assert [hit.form for hit in Finder([("+493023125123", "phone")]).find(f"call {seen} now")] == [Form.REGROUPED]


@pytest.mark.parametrize("country", ["DE", "GB", "US", "FR"])
@pytest.mark.parametrize("kind", PLANTABLE)
@given(nonce=st.text("0123456789abcdef", min_size=12, max_size=12), around=st.text(max_size=30), which=st.integers(0, 22))
@settings(max_examples=40, deadline=None)
def test_every_variant_of_every_planted_value_is_found(kind: str, country: str, nonce: str, around: str, which: int) -> None:
    planted = plant(kind, nonce, phone_country=country)
    _, _, encode = ENCODERS[which]
    finder = Finder(((value, kind) for value in planted.sought), hashes=True)
    text = f"{around} {encode(planted.value)} {around}"
    assert kind in {hit.label for hit in finder.find(text)}
    assert finder.holds_any(text)


@given(before=st.binary(max_size=20), after=st.binary(max_size=20), value=st.binary(min_size=6, max_size=40))
def test_base64_of_whatever_holds_a_value_holds_one_of_its_three_forms(before: bytes, after: bytes, value: bytes) -> None:
    whole = base64.b64encode(before + value + after).decode()
    assert any(form in whole for form in base64_inside(value))


@given(st.text(max_size=200))
def test_a_value_that_is_not_there_is_not_found(text: str) -> None:
    finder = Finder([(VALUE, "email"), ("+493023125123", "phone")], hashes=True)
    assert finder.find(text) == [] and not finder.holds_any(text)


@given(st.text(max_size=60), st.text(max_size=60))
def test_the_place_of_a_raw_value_is_exact_among_escapes_and_strange_letters(before: str, after: str) -> None:
    text = f"%41{before} {VALUE} {after}&amp;\\u0041İ"
    assert any(text[hit.start : hit.end] == VALUE for hit in Finder([(VALUE, "email")]).find(text))


def test_a_value_that_was_put_into_lower_case_and_then_encoded_is_found() -> None:
    finder = Finder([("Vera Xyzabcdefgh", "name")], hashes=True)
    low = b"vera xyzabcdefgh"
    for text in (base64.b64encode(low).decode(), low.hex(), hashlib.sha1(low, usedforsecurity=False).hexdigest()):
        assert finder.find(text), text


def test_values_that_overlap_are_one_hit_so_that_no_end_is_left_over() -> None:
    [hit] = Finder([("abcdefgh", "a"), ("efghijkl", "b")]).find("x abcdefghijkl y")
    assert (hit.start, hit.end) == (2, 14)


def test_a_wrapped_base64_text_is_found_once_its_lines_are_joined() -> None:
    text = textwrap.fill(base64.b64encode(f"x{VALUE}".encode()).decode(), 20)
    finder = Finder([(VALUE, "email")])
    assert not finder.find(text) and finder.find(text.replace("\n", ""))

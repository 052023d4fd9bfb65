"""This file is for payloads that are of another type or form than the field's, or too large, or not there at all."""

from __future__ import annotations

from collections.abc import Iterator

from probes.outcome import Json
from probes.payload_places import Beside, Bracket, Leave, Put, Raw, Twice
from probes.payloads import FieldType, Made, Payload, Stance

LARGE = 10_000  # signs
HUGE = 1_000_000
_NEVER = Stance.NEVER
_NUMERIC = (FieldType.INTEGER, FieldType.NUMBER)

# name, words, value, the types that it is no value of (none: of every type but those after the bar), basic
_JSON: tuple[tuple[str, str, Json, tuple[FieldType, ...], bool], ...] = (
    ("object", "an object", {"a": 1}, (), True),
    ("array", "an array", ["x"], (), True),
    ("null", "null", None, (), True),
    ("true", "a boolean", True, (FieldType.BOOLEAN,), True),
    ("number", "a number", 12345, _NUMERIC, True),
    ("negative", "a negative number", -1, _NUMERIC, False),
    ("float", "a number with a fraction", 1.5, (FieldType.NUMBER,), False),
    ("empty_object", "an empty object", {}, (), False),
    ("empty_array", "an empty array", [], (), False),
)
# What is no value of its type, though it is text.
_TEXTS: dict[FieldType, tuple[tuple[str, str, str, bool], ...]] = {
    FieldType.INTEGER: (
        ("words", "words instead of a number", "twelve", True),
        ("trailing", "a number with something behind", "12abc", True),
        ("fraction", "a fraction as text", "1.5", False),
        ("exponent", "a number with an exponent as text", "1e3", False),
        ("hexadecimal", "a hexadecimal number as text", "0x1F", False),
        ("too_many_digits", "a number of 40 digits as text", "9" * 40, True),
        ("not_a_number", "NaN as text", "NaN", False),
    ),
    FieldType.NUMBER: (
        ("words", "words instead of a number", "twelve", True),
        ("trailing", "a number with something behind", "12abc", True),
        ("not_a_number", "NaN as text", "NaN", True),
        ("infinite", "Infinity as text", "Infinity", False),
    ),
    FieldType.BOOLEAN: (("words", "words instead of true or false", "maybe", True),),
    FieldType.DATE: (
        ("words", "words instead of a date", "someday", True),
        ("no_such_day", "the 30th of February", "2026-02-30", True),
        ("no_such_month", "a 13th month", "2026-13-01", False),
        ("year_zero", "a date of zeros", "0000-00-00", True),
        ("far_year", "a year of six digits", "999999-01-01", False),
        ("trailing", "a date with something behind", "2026-02-03abc", False),
    ),
    FieldType.EMAIL: (
        ("no_at", "an e-mail address without @", "nobody.example.com", True),
        ("two_at", "an e-mail address with two @", "no@body@example.com", True),
        ("no_host", "an e-mail address without a host", "nobody@", False),
        ("second_recipient", "a second recipient behind a line break", "nobody@example.com\nBcc: other@example.com", True),
    ),
    FieldType.PHONE: (
        ("words", "words instead of a phone number", "call me", True),
        ("too_many_digits", "a phone number of 40 digits", "+" + "9" * 40, True),
    ),
    FieldType.UUID: (
        ("words", "words instead of a UUID", "not-a-uuid", True),
        ("too_short", "a UUID that is cut off", "123e4567-e89b-12d3-a456", True),
        ("trailing", "a UUID with something behind", "123e4567-e89b-12d3-a456-426614174000x", True),
    ),
    FieldType.ENUM: (("unknown", "an unknown word", "vedette-no-such-word", True),),
    FieldType.STRING: (),
}


def wrong_types(made: Made) -> Iterator[Payload]:
    """Yield what is no value of the field's type, whatever it says."""
    yield from _values(made) if made.in_json else _brackets()
    for name, called, text, basic in _TEXTS[made.type]:
        yield Payload(f"wrong_type.{name}", called, Put(text), _NEVER, text, basic=basic)
    yield from _sizes(made)
    yield Payload("missing.left_out", "the field being left out", Leave(), _NEVER)
    if made.type is not FieldType.STRING:
        yield Payload("missing.empty", "an empty text", Put(""), _NEVER)
    yield from _structures(made)


def _values(made: Made) -> Iterator[Payload]:
    for name, called, value, right_for, basic in _JSON:
        if made.type not in right_for:
            yield Payload(f"wrong_type.{name}", called, Put(value), _NEVER, basic=basic)
    if made.type in (*_NUMERIC, FieldType.BOOLEAN):
        yield Payload("wrong_type.as_text", "its value as text", Put(made.good_text.lower()), _NEVER, basic=False)
    yield Payload("wrong_type.huge_number", "a number beyond every range", Raw("1e999"), _NEVER)
    yield Payload("wrong_type.long_number", "a number of 400 digits", Raw("9" * 400), _NEVER, basic=False)
    yield Payload("wrong_type.not_json", "NaN, which is no JSON", Raw("NaN"), _NEVER, basic=False)


def _brackets() -> Iterator[Payload]:
    yield Payload("wrong_type.array", "an array", Bracket("", "x"), _NEVER)
    yield Payload("wrong_type.object", "an object", Bracket("a", "1"), _NEVER, basic=False)


def _sizes(made: Made) -> Iterator[Payload]:
    """Yield texts that are too long. Outside of JSON and forms a server may cut a request at 8 kB."""
    longest = made.max_length
    if longest is not None:
        yield _long("oversized.one_too_many", f"one sign more than its {longest}", longest + 1, True)
    if longest is None or longest < LARGE:
        yield _long("oversized.large", "a text of 10 kB", LARGE, True)
    if longest is None or longest < HUGE:
        yield _long("oversized.huge", "a text of 1 MB", HUGE, False)


def _long(name: str, called: str, length: int, basic: bool) -> Payload:
    return Payload(name, called, Put("a" * length), _NEVER, basic=basic)


def _structures(made: Made) -> Iterator[Payload]:
    marker = made.marker()
    twice, any_ = f"<{marker}>", Stance.ANY
    yield Payload(
        "duplicate_key.good_first", "the field given twice, the good value first", Twice(twice, False), any_, twice, marker
    )
    yield Payload(
        "duplicate_key.good_last",
        "the field given twice, the good value last",
        Twice(twice, True),
        any_,
        twice,
        marker,
        basic=False,
    )
    for name, key in (("proto", "__proto__"), ("constructor", "constructor")):
        marker = made.marker()
        planted: Json = {marker: marker}
        value = planted if key == "__proto__" else {"prototype": planted}
        yield Payload(f"prototype.{name}", f"a key {key} beside it", Beside(key, value), any_, marker=marker, basic=False)
    yield Payload("extra_field.unknown", "an unknown field beside it", Beside("vedette_unknown", "x"), _NEVER)

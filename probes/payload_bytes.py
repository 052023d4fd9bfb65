"""This file is for payloads that are broken below the level of text: null bytes, bytes that are no UTF-8, nesting without end."""

from __future__ import annotations

import json
from collections.abc import Iterator
from urllib.parse import quote

from probes.payload_places import Put, Raw
from probes.payloads import Made, Payload, Stance

_NEVER = Stance.NEVER
_DEEP = 500
_DEEPER = 10_000
_BROKEN = (  # name, words, bytes, basic
    ("invalid", "a byte that is no UTF-8", b"\xff\xfe", True),
    ("overlong", "an overlong encoding of a slash", b"\xc0\xaf", True),
    ("cut_off", "a character that is cut off", b"\xe2\x82", False),
    ("surrogate", "half of a pair as UTF-8", b"\xed\xa0\x80", False),
)


def broken_bytes(made: Made) -> Iterator[Payload]:
    """Yield what is broken in its bytes. Where a place cannot bear it, it is not sent."""
    good = made.good_text
    yield Payload("null_byte.behind", "a null byte behind it", Put(f"{good}\0"), _NEVER)
    yield Payload("null_byte.inside", "a null byte with an ending behind", Put(f"{good}\0.png"), _NEVER, basic=False)
    for name, called, raw, basic in _BROKEN:
        shown = raw.decode("ascii", "surrogateescape")
        change = Raw(f'"{_inside(good)}{shown}"', quote(good, safe="") + quote(raw), good + raw.decode("latin-1"))
        yield Payload(f"broken_utf8.{name}", called, change, _NEVER, basic=basic)
    half = f"{_inside(good)}\\ud800"
    yield Payload("broken_utf8.lone_escape", "half of a pair as an escape", Raw(f'"{half}"'), _NEVER, half)
    for name, depth, basic in (("deep", _DEEP, True), ("deeper", _DEEPER, False)):
        yield Payload(f"nesting.{name}", f"arrays nested {depth} deep", Raw("[" * depth + "]" * depth), _NEVER, basic=basic)


def _inside(text: str) -> str:
    return json.dumps(text)[1:-1]

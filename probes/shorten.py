"""This file is for shortening a text so that no half of an address, a number or a token is left at its end.

What is cut in two is found by no detector and by no search for a known value any more.
"""

from __future__ import annotations

import re

# What may be the first half of something: one word with the signs that tokens and addresses have, or a grouped number.
_HALF = re.compile(r"(?:[\w.@%+~=/\\&:-]|(?<=\w) (?=\d)){1,96} ?\Z")


def shorten(text: str, limit: int, end: str = "…") -> str:
    """Return the text as it is, or its beginning of less than `limit` characters with `end` behind."""
    if len(text) <= limit:
        return text
    return _HALF.sub("", text[: limit - 1]) + end

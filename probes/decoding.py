"""This file is for taking bytes for text, and knowing whether they were."""

from __future__ import annotations


def understood(raw: bytes, encoding: str = "utf-8") -> tuple[str, bool]:
    """Return bytes as text, and whether some of them could not be decoded, so that U+FFFD stands for them."""
    text = raw.decode(encoding, "replace")
    return text, "\ufffd" in text and text.encode(encoding, "replace") != raw

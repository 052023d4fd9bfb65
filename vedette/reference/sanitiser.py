"""This file is for keeping personal data out of the log: by the name of a field, and by what a text looks like."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_BY_NAME = {
    "email": "[EMAIL_REDACTED]",
    "phone": "[PHONE_REDACTED]",
    "phone_number": "[PHONE_REDACTED]",
    "from_number": "[PHONE_REDACTED]",
}
_PRIVATE = ("name", "password", "token", "secret", "authorization", "cookie", "iban", "card", "address", "birth", "ip")
_BY_LOOK = (
    (re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+"), "[EMAIL_REDACTED]"),
    (re.compile(r"(?i)\bbearer\s+\S+"), "[REDACTED]"),
    (re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){3,7}(?: ?[A-Z0-9]{1,4})?\b"), "[REDACTED]"),
    (re.compile(r"(?<![\w.:-])\+?\(?\d(?:[\s()/.-]?\d){8,18}(?![\w.:-])"), "[PHONE_REDACTED]"),
    (re.compile(r"\b\d{1,3}(?:\.\d{1,3}){3}\b"), "[REDACTED]"),
)


def sanitised(value: Any, name: str = "") -> Any:
    """Return `value` with personal data replaced, at any depth. Free text is kept only where it looks harmless."""
    if isinstance(value, Mapping):
        return {str(key): sanitised(item, str(key)) for key, item in value.items()}
    if isinstance(value, list):
        return [sanitised(item, name) for item in value]
    lowered = name.casefold()
    if lowered in _BY_NAME:
        return _BY_NAME[lowered]
    if any(word in lowered.split("_") for word in _PRIVATE):
        return "[REDACTED]"
    if isinstance(value, str):
        for look, mark in _BY_LOOK:
            value = look.sub(mark, value)
    return value

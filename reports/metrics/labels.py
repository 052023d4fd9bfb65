"""This file is for the text of labels and numbers, as Prometheus and OpenMetrics both read them."""

from __future__ import annotations

from collections.abc import Iterable

LONGEST = 200  # characters of a label's value; a longer one says no more

_ESCAPED = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n"})


def escape(value: str) -> str:
    """Return a label's value as it stands between quotes.

    Source: Prometheus exposition formats, text format 0.0.4; OpenMetrics 1.0, ABNF of `escaped-string`.
    """
    if len(value) > LONGEST:
        value = value[: LONGEST - 1] + "…"
    if not value.isascii():
        value = value.encode("utf-8", "replace").decode()  # what came from the command line may hold what is no character
    return value.translate(_ESCAPED)


def pairs(names: Iterable[str], values: Iterable[str]) -> str:
    """Return `name="value",…`."""
    return ",".join(f'{name}="{escape(value)}"' for name, value in zip(names, values, strict=True))


def number(value: float) -> str:
    """Return a number such as `1`, `0.25`, `1.8e+300`; whole numbers without a point."""
    return str(int(value)) if isinstance(value, int) or (value == value // 1 and abs(value) < 1e15) else repr(value)

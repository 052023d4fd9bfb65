"""This file is for texts in the suite's language: what `${`, `{{` and names mean there, and how a literal is kept literal."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from typing import Any

Say = Callable[[str], str]  # from a text of the original to one of the suite

BRACES = "braces"  # the value under `vars` that stands for two opening braces
PLACE = re.compile(r"\{\{\s*([^{}]+?)\s*\}\}")
_WORD = re.compile(r"[A-Za-z0-9]+")
NAME_LENGTH = 200
_TAKEN = frozenset({"nonce", "run_id", "now", "today", "vars"})


def literal(text: str) -> str:
    """Return a text that comes out as it is: the suite fills nothing into it."""
    return braced(text).replace("${", "$${")


def filled(text: str, pattern: re.Pattern[str], value: Callable[[re.Match[str]], str]) -> str:
    """Return a text that comes out as it is, but for what a pattern finds: `value` gives the place, or other text, for it."""
    parts, plain, end = [], "", 0
    for found in pattern.finditer(text):
        made, plain = value(found), plain + text[end : found.start()]
        end = found.end()
        if PLACE.fullmatch(made):
            parts += [braced(plain), made]
            plain = ""
        else:
            plain += made
    return "".join([*parts, braced(plain + text[end:])]).replace("${", "$${")  # joined: a dollar sign may stand before a place


def braced(text: str) -> str:
    """Return a text in which no `{{name}}` is a place."""
    return PLACE.sub(lambda found: "{{vars." + BRACES + "}}" + found.group()[2:], text)


def unfilled(text: str) -> str:
    """Return a text for where no place is filled in, such as a name, that comes out as it is."""
    return text.replace("${", "$${")


def place(name: str) -> str:
    return "{{" + name + "}}"


def names_in(value: Any) -> set[str]:
    """Return the names of all places in a value, at any depth, keys included."""
    if isinstance(value, str):
        return set(PLACE.findall(value)) if "{{" in value else set()
    if isinstance(value, Mapping):
        return {name for key, item in value.items() for name in names_in(key) | names_in(item)}
    if isinstance(value, list | tuple):
        return {name for item in value for name in names_in(item)}
    return set()


def capture_name(name: str) -> str:
    """Return a name as a capture has it; those that every run has keep their meaning."""
    made = re.sub(r"\W", "_", name, flags=re.ASCII) or "value"
    made = f"_{made}" if made[0].isdigit() else made
    return f"{made}_" if made in _TAKEN else made


def on_texts(value: Any, make: Say) -> Any:
    """Return the value with every text in it made anew; keys are kept."""
    if isinstance(value, str):
        return make(value)
    if isinstance(value, Mapping):
        return {key: on_texts(item, make) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [on_texts(item, make) for item in value]
    return value


def one_line(text: str, limit: int = NAME_LENGTH) -> str:
    """Return a name as one printable line, shortened."""
    spaced = "".join(sign if sign.isprintable() else " " for sign in unicodedata.normalize("NFC", text))
    line = " ".join(spaced.split())
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"


def word(text: str, otherwise: str = "") -> str:
    """Return a text as one word of small letters, digits and dashes, for tags and names of targets."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode("ascii").lower()
    return "-".join(_WORD.findall(plain))[:60].strip("-") or otherwise


def constant(text: str) -> str:
    """Return a text as the name of an environment variable."""
    made = word(text).replace("-", "_").upper()
    return f"_{made}" if made[:1].isdigit() else made


def sound(value: Any) -> Any:
    """Return the value with half characters (lone surrogates), which no file can hold, replaced."""
    if isinstance(value, str):
        return value if value.isascii() else value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, Mapping):
        return {sound(key): sound(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [sound(item) for item in value]
    return value


def seconds(value: float) -> str:
    """Return a duration as a suite writes it: `90s`, `5m`, `250ms`."""
    if value != int(value):
        return f"{round(value * 1000)}ms"
    for unit, size in (("d", 86_400), ("h", 3600), ("m", 60)):
        if value and value % size == 0:
            return f"{int(value // size)}{unit}"
    return f"{int(value)}s"


_GO_PART = re.compile(r"([0-9]+(?:\.[0-9]*)?|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h|d|w|y)")
_GO_UNIT_S = {
    "ns": 1e-9,
    "us": 1e-6,
    "µs": 1e-6,
    "μs": 1e-6,
    "ms": 1e-3,
    "s": 1,
    "m": 60,
    "h": 3600,
    "d": 86_400,
    "w": 604_800,
    "y": 31_536_000,
}


def go_duration(text: object) -> float | None:
    """Return the seconds of a duration as Go and Prometheus write it, such as `1m30s`; None for anything else."""
    written = str(text).strip() if isinstance(text, str | int) and not isinstance(text, bool) else ""
    parts = _GO_PART.findall(written)
    if not parts or "".join(number + unit for number, unit in parts) != written or len(written) > 40:
        return None
    return float(sum(float(number) * _GO_UNIT_S[unit] for number, unit in parts))

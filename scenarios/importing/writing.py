"""This file is for writing YAML with comments, so that it reads well and loads back exactly as it was meant."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

from scenarios.importing.draft import Commented
from scenarios.source import resolve

WIDTH = 110
DEPTH = 40  # of one value; a suite may have 60 levels
_PLAIN = re.compile(r"[A-Za-z0-9_/$.][A-Za-z0-9_/.$ +=%()*-]*")
_PLAIN_KEY = re.compile(r"[A-Za-z0-9_$.][A-Za-z0-9_.$\[\]*-]*")
_LONGEST_KEY = 500  # libyaml wants a key that needs no '?' within 1,024 characters of its line
_LONGEST_COMMENT = 600
_BLOCK = re.compile(r"[^\s#][^\n]*(?:\n[^\n]+|\n(?=\n?[^\n]))*\n?")
_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\0": "\\0"}


def fits(value: Any, depth: int = 0) -> bool:
    """Say whether a value comes back the same from a suite's YAML: no infinity, no number of 20 digits, not too deep."""
    if depth > DEPTH:
        return False
    if isinstance(value, Commented):
        return fits(value.value, depth)
    if isinstance(value, bool) or value is None:
        return True
    if isinstance(value, int):
        return abs(value) < 10**17
    if isinstance(value, float):
        return math.isfinite(value) and resolve(_number(value)) == value
    if isinstance(value, str):
        return True
    if isinstance(value, Mapping):
        return all(isinstance(key, str) and key != "<<" and fits(item, depth + 1) for key, item in value.items())
    return isinstance(value, list | tuple) and all(fits(item, depth + 1) for item in value)


def entries(value: Mapping[str, Any], indent: int = 0) -> list[str]:
    """Return the lines of a mapping."""
    pad = " " * indent
    return [line for key, item in value.items() for line in _entry(pad, key, item, indent)]


def items(value: list[Any], indent: int = 0) -> list[str]:
    """Return the lines of a list, `- ` before each item."""
    pad = " " * indent
    lines: list[str] = []
    for item in value:
        if isinstance(item, Mapping) and item and _flow(item) is None:
            inner = entries(item, indent + 2)
            lines += [f"{pad}- {inner[0][indent + 2 :]}", *inner[1:]]
        else:
            lines += _joined(f"{pad}-", item, indent)
    return lines


def comment(text: str, indent: int = 0) -> list[str]:
    """Return a text as comment lines, one for each of its lines, shortened where they are far too long."""
    lines = text.splitlines() or [""]
    return [f"{' ' * indent}# {_harmless(line)}".rstrip() for line in lines]


def quoted(text: str) -> str:
    """Return a text in double quotes, whatever it holds."""
    return (
        '"'
        + "".join(_ESCAPES.get(sign) or (sign if sign == " " or sign.isprintable() else _escaped(sign)) for sign in text)
        + '"'
    )


def shown(value: Any) -> str:
    """Return a value of the original for a comment, in one line."""
    if isinstance(value, str):
        return value
    try:
        return json.dumps(value, ensure_ascii=False, default=str)
    except (ValueError, RecursionError):
        return "…"


def _entry(pad: str, key: str, item: Any, indent: int) -> Iterator[str]:
    name = _key(key)
    if len(name) > _LONGEST_KEY:
        yield f"{pad}? {quoted(key)}"
        yield from _joined(f"{pad}:", item, indent)
        return
    yield from _joined(f"{pad}{name}:", item, indent)


def _joined(head: str, item: Any, indent: int) -> list[str]:
    """Return the lines of what stands behind `key:` or `-`."""
    behind = ""
    if isinstance(item, Commented):
        behind, item = f"  # {_harmless(item.comment)}", item.value
    flow = _flow(item)
    if flow is not None and len(head) + len(flow) < WIDTH:
        return [f"{head} {flow}{behind}"]
    if isinstance(item, Mapping) and item:
        return [f"{head}{behind}", *entries(item, indent + 2)]
    if isinstance(item, list | tuple) and item:
        return [f"{head}{behind}", *items(list(item), indent + 2)]
    if isinstance(item, str) and not behind and _reads_better_as_block(item):
        sign = "|" if item.endswith("\n") else "|-"
        return [
            f"{head} {sign}",
            *(f"{' ' * (indent + 2)}{line}" if line else "" for line in item.removesuffix("\n").split("\n")),
        ]
    return [f"{head} {flow or _scalar(item)}{behind}"]


def _flow(value: Any) -> str | None:
    """Return a short value in one line, or None where a block reads better."""
    if isinstance(value, Mapping):
        if not value:
            return "{}"
        parts = [(_key(str(key)), _flow(item)) for key, item in value.items()]
        if len(value) > 6 or any(item is None or item.startswith("{") for _, item in parts):
            return None
        made = "{" + ", ".join(f"{key}: {item}" for key, item in parts) + "}"
        return made if len(made) <= 70 else None
    if isinstance(value, list | tuple):
        texts = [_flow(item) for item in value]
        if any(text is None or text.startswith("{") for text in texts):
            return None
        made = "[" + ", ".join(text for text in texts if text is not None) + "]"
        return made if len(made) <= 90 else None
    if isinstance(value, Commented) or (isinstance(value, str) and _reads_better_as_block(value)):
        return None
    return _scalar(value)


def _scalar(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return _number(value)
    text = str(value)
    plain = _PLAIN.fullmatch(text) and not text.endswith(" ") and resolve(text) == text and not text.startswith(("...", "---"))
    return text if plain and isinstance(resolve(text), str) else quoted(text)


def _number(value: int | float) -> str:
    if isinstance(value, int):
        return str(value)
    text = repr(value)
    mantissa, e, power = text.partition("e")
    if not e:
        return text
    return f"{mantissa if '.' in mantissa else mantissa + '.0'}e{power}"


def _key(key: str) -> str:
    plain = _PLAIN_KEY.fullmatch(key) and key != "<<" and "[" not in key[:1]
    # What a flow mapping holds must do without brackets
    return key if plain and not set(key) & set("[]*") and not key.startswith(("...", "---")) else quoted(key)


def _reads_better_as_block(text: str) -> bool:
    """Say whether a text of several lines can stand as a block and come back the same."""
    if "\n" not in text.strip("\n") or not _BLOCK.fullmatch(text):
        return False
    return all(line == line.rstrip() and all(sign.isprintable() for sign in line) for line in text.split("\n"))


def _escaped(sign: str) -> str:
    code = ord(sign)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _harmless(line: str) -> str:
    """Return a line that cannot leave its comment."""
    clean = "".join(sign if sign.isprintable() else " " if sign.isspace() else "·" for sign in line).rstrip()
    return clean if len(clean) <= _LONGEST_COMMENT else f"{clean[:_LONGEST_COMMENT]}… ({len(clean)} characters)"

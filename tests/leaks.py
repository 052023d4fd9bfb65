"""This file is for looking for planted values in whatever was written: one search for every place and every format."""

from __future__ import annotations

import base64
import html
import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from urllib.parse import quote, quote_plus

_SHORTEST = 8  # of an encoded form that cannot stand somewhere by chance


def forms_of(value: str) -> dict[str, bytes]:
    """Return how a value may reappear in bytes, by the name of the form."""
    raw = value.encode()
    found = {
        "as it is": raw,
        "URL-encoded": quote(value, safe="").encode(),
        "as a form field": quote_plus(value).encode(),
        "URL-encoded twice": quote(quote(value, safe=""), safe="").encode(),
        "JSON-escaped": json.dumps(value)[1:-1].encode(),
        "JSON-escaped, slashes too": json.dumps(value)[1:-1].replace("/", "\\/").encode(),
        "HTML-escaped": html.escape(value).encode(),
        "as Python writes it": repr(value)[1:-1].encode(),
        "as hex": raw.hex().encode(),
        "in UTF-16": value.encode("utf-16-le"),
    }
    for shift in range(3):  # base64 looks different at each of three alignments; what stands at the edges is left out
        for alphabet, encode in (("base64", base64.b64encode), ("base64url", base64.urlsafe_b64encode)):
            inner = encode(b"\0" * shift + raw).decode().rstrip("=")
            found[f"as {alphabet} at {shift}"] = inner[4 if shift else 0 : -4].encode()
    return {name: form for name, form in found.items() if len(form) >= _SHORTEST}


def leaks_in(places: Mapping[str, bytes], planted: Mapping[str, str]) -> list[str]:
    """Return `place: label, form` for each planted value that stands anywhere, whole or its most part."""
    wanted = [(label, name, form) for label, value in planted.items() for name, form in forms_of(value).items()]
    wanted += [(label, "all but its end", value.encode()[:-3]) for label, value in planted.items() if len(value) > 15]
    found = {}
    for place, content in places.items():
        for label, name, form in wanted:
            if form in content and (place, label) not in found:
                at = content.index(form)
                found[place, label] = f"{place}: {label}, {name}: …{content[max(0, at - 60) : at]!r}"
    return list(found.values())


def files_below(folder: Path, *, but: Iterable[Path] = ()) -> Iterator[tuple[str, bytes]]:
    """Yield each file below a folder with its bytes, and each database in readable form too."""
    inputs = {path.resolve() for path in but}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.resolve() not in inputs:
            content = path.read_bytes()
            name = str(path.relative_to(folder))
            yield name, content
            yield f"the name of {name}", name.encode()
            if content.startswith(b"SQLite format 3\0"):
                connection = sqlite3.connect(path)
                yield f"{name} as SQL", "\n".join(connection.iterdump()).encode()
                connection.close()

"""This file is for picking values out of JSON by RFC 9535 paths, the plain ones without paying for a library."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from probes.outcome import Json

Finder = Callable[[Json], list[Json]]

# A name as RFC 9535 section 2.5.1.1 allows it after a dot, a quoted name without escapes, or an index. ASCII only:
# the full ranges of the RFC take 4 ms to compile, and the library knows them.
_SEGMENT = re.compile(
    r"\.([A-Za-z_][A-Za-z0-9_]*)|\['([ -&(-\[\]-~]*)'\]|\[\"([ !#-\[\]-~]*)\"\]|\[(0|-?[1-9][0-9]{0,14})\]",
)


def find(path: str, document: Json) -> list[Json]:
    """Return the values that a path selects, in order; none is an empty list. Raises: ValueError for a bad path."""
    return finder(path)(document)


@lru_cache(1024)
def finder(path: str) -> Finder:
    """Return what selects the path's values from a document. Raises: ValueError when it is not RFC 9535."""
    plain = plain_segments(path)
    return _walker(plain) if plain is not None else _strict(path)


def plain_segments(path: str) -> tuple[str | int, ...] | None:
    """Return names and indexes of a plain path such as `$.a.b[0]['c']`, or None where it takes the library."""
    if not path.startswith("$"):
        return None
    place, segments = 1, []
    while place < len(path):
        segment = _SEGMENT.match(path, place)
        if segment is None:
            return None
        dotted, single, double, index = segment.groups()
        name = dotted if dotted is not None else single if single is not None else double
        segments.append(name if name is not None else int(index))
        place = segment.end()
    return tuple(segments)


def _walker(segments: tuple[str | int, ...]) -> Finder:
    def walk(document: Json) -> list[Json]:
        for segment in segments:
            if isinstance(segment, str):
                if not isinstance(document, dict) or segment not in document:
                    return []
            elif not isinstance(document, list) or not -len(document) <= segment < len(document):
                return []
            document = document[segment]
        return [document]

    return walk


def _strict(path: str) -> Finder:
    # Imported here, because it takes 68 ms and most scenarios have plain paths only.
    import jsonpath

    if not path.startswith("$"):
        raise ValueError(f"'{path}' is not a JSONPath: it should start with '$'")
    try:
        compiled: Any = _environment().compile(path)
    except jsonpath.JSONPathError as problem:
        raise ValueError(f"'{path}' is not a JSONPath: {_first_line(problem)}") from problem

    def select(document: Json) -> list[Json]:
        try:
            return list(compiled.findall(document))
        except jsonpath.JSONPathError as problem:  # such as nesting beyond the library's limit: nothing was seen
            raise ValueError(f"'{path}' could not be followed: {_first_line(problem)}") from problem

    return select


@lru_cache(1)
def _environment() -> Any:
    import jsonpath

    # `strict` is RFC 9535 to the letter and, with the library's extra, a linear-time check of its regexes.
    return jsonpath.JSONPathEnvironment(strict=True)


def _first_line(problem: Exception) -> str:
    return (str(problem).strip() or type(problem).__name__).splitlines()[0]

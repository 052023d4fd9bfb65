"""This file is for the places of a request into which a payload is put: a JSON value, a field of a query, a form or a header."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from urllib.parse import parse_qsl, quote

from probes.jsonpath import plain_segments
from probes.outcome import Json
from probes.request import RequestTemplate

_UNSENDABLE = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")  # in a header; the sender refuses them too
_LONGEST = 20_000  # signs of a value outside of a body; an address ends at 64 kB
_HOLE = "vedette-hole-5b1f"  # stands in JSON where raw text will


class Part(StrEnum):
    """The part of a request in which a place lies."""

    JSON = "json"
    QUERY = "query"
    FORM = "form"
    HEADER = "header"
    PATH = "path segment"


@dataclass(frozen=True, slots=True)
class Put:
    """Put this JSON value there; where only text can stand, a text is put and anything else cannot be."""

    value: Json


@dataclass(frozen=True, slots=True)
class Raw:
    """Put these very signs there: JSON text in JSON, else what is percent-encoded already. `\\udcXX` is the byte XX."""

    json_text: str | None = None
    encoded: str | None = None
    header: str | None = None


@dataclass(frozen=True, slots=True)
class Leave:
    """Leave the field out."""


@dataclass(frozen=True, slots=True)
class Beside:
    """Add a field of that name beside it."""

    name: str
    value: Json


@dataclass(frozen=True, slots=True)
class Twice:
    """Say the field twice, the good value first or last."""

    text: str
    good_last: bool


@dataclass(frozen=True, slots=True)
class Bracket:
    """Say `name[key]=text` instead of `name`: a query or a form that many frameworks read as an object."""

    key: str
    text: str


Change = Put | Raw | Leave | Beside | Twice | Bracket


@dataclass(frozen=True, slots=True)
class Where:
    """One place in a request, as `at` names it; `name` is that of a field, `segments` those of a JSONPath."""

    at: str
    part: Part
    name: str = ""
    segments: tuple[str | int, ...] = ()
    number: int = 0

    @classmethod
    def parse(cls, at: str) -> Where:
        """Read `$.a.b`, `query name`, `form name`, `header name` or `path segment 3`. Raises: ValueError."""
        if at.startswith("$"):
            segments = plain_segments(at)
            if not segments:
                raise ValueError(f"'{at}' should be a plain path of names and indexes, such as $.args.service")
            return cls(at, Part.JSON, segments=segments)
        word, _, name = at.partition(" ")
        if word in (Part.QUERY, Part.FORM, Part.HEADER) and name:
            return cls(at, Part(word), name=name)
        if (found := re.fullmatch(r"path segment ([1-9][0-9]?)", at)) is not None:
            return cls(at, Part.PATH, number=int(found.group(1)))
        raise ValueError(f"'{at}' is no place: write $.a.b, 'query name', 'form name', 'header name' or 'path segment 3'")

    @property
    def _in_body(self) -> bool:
        return self.part in (Part.JSON, Part.FORM)

    def good(self, request: RequestTemplate) -> Json:
        """Return the value that stands there. Raises: ValueError where the request has no such place."""
        try:
            return self._find(request)
        except LookupError:
            raise ValueError(f"the request has nothing at '{self.at}'") from None

    def _find(self, request: RequestTemplate) -> Json:
        if self.part is Part.JSON:
            return _walk(request.json_body, self.segments)
        if self.part is Part.HEADER:
            return {name.lower(): value for name, value in request.headers.items()}[self.name.lower()]
        if self.part is Part.PATH:
            return _segments(request.path)[self.number]
        pairs = _pairs(request.form or {}) if self.part is Part.FORM else _query(request)
        return dict(reversed(pairs))[self.name]

    def changed(self, request: RequestTemplate, change: Change) -> RequestTemplate | None:
        """Return a filled request with the change made, or None where it cannot be said at this place."""
        if isinstance(change, Put) and isinstance(change.value, str) and len(change.value) > _LONGEST and not self._in_body:
            return None
        if self.part is Part.JSON:
            return self._in_json(request, change)
        if self.part is Part.HEADER:
            return self._in_header(request, change)
        if self.part is Part.PATH:
            return self._in_path(request, change)
        return self._in_pairs(request, change)

    def _in_json(self, request: RequestTemplate, change: Change) -> RequestTemplate | None:
        document = _copy(request.json_body)
        parent, last = _walk(document, self.segments[:-1]), self.segments[-1]
        raw = ""
        match change:
            case Put(value):
                parent[last] = value
            case Raw(json_text=str(raw)):
                parent[last] = _HOLE
            case Leave() if isinstance(parent, dict):
                del parent[last]
            case Beside(name, value) if isinstance(parent, dict):
                parent[name] = value
            case Twice(text, good_last) if isinstance(parent, dict):
                first, second = json.dumps(text), json.dumps(parent[last])
                first, second = (first, second) if good_last else (second, first)
                raw, parent[last] = f"{first}, {json.dumps(last)}: {second}", _HOLE
            case _:
                return None
        if not raw:
            return request.exactly(json_body=document)
        body = json.dumps(document).replace(f'"{_HOLE}"', raw)
        return request.exactly(json_body=None, body=body, headers=_typed(request, "application/json"))

    def _in_header(self, request: RequestTemplate, change: Change) -> RequestTemplate | None:
        others = {name: value for name, value in request.headers.items() if name.lower() != self.name.lower()}
        match change:
            case Put(str(value)) if not _UNSENDABLE.search(value):
                return request.exactly(headers={**others, self.name: value})
            case Raw(header=str(value)):
                return request.exactly(headers={**others, self.name: value})
            case Leave():
                return request.exactly(headers=others)
        return None

    def _in_path(self, request: RequestTemplate, change: Change) -> RequestTemplate | None:
        path, mark, query = request.path.partition("?")
        parts = path.split("/")
        match change:
            case Put(str(value)):
                parts[self.number] = _quoted(value)
            case Raw(encoded=str(value)):
                parts[self.number] = value
            case _:
                return None
        return request.exactly(path="/".join(parts) + mark + query)

    def _in_pairs(self, request: RequestTemplate, change: Change) -> RequestTemplate | None:
        pairs = _pairs(request.form or {}) if self.part is Part.FORM else _query(request)
        coded = [(_quoted(name), _quoted(value)) for name, value in pairs if name != self.name]
        name, good = _quoted(self.name), _quoted(str(self._find(request)))
        match change:
            case Put(str(value)):
                coded.append((name, _quoted(value)))
            case Raw(encoded=str(value)):
                coded.append((name, value))
            case Leave():
                pass
            case Beside(other, str(value)):
                coded += [(name, good), (_quoted(other), _quoted(value))]
            case Twice(text, good_last):
                coded += [(name, value) for value in ((_quoted(text), good) if good_last else (good, _quoted(text)))]
            case Bracket(key, text):
                coded.append((f"{name}[{_quoted(key)}]", _quoted(text)))
            case _:
                return None
        line = "&".join(f"{name}={value}" for name, value in coded)
        if self.part is Part.QUERY:
            return request.exactly(path=request.path.partition("?")[0] + (f"?{line}" if line else ""), query={})
        return request.exactly(form=None, body=line, headers=_typed(request, "application/x-www-form-urlencoded"))


def _walk(document: Any, segments: Iterable[Any]) -> Any:
    """Follow names and indexes. Raises: LookupError where there is nothing."""
    for segment in segments:
        if not isinstance(document, dict if isinstance(segment, str) else list):
            raise LookupError(segment)
        document = document[segment]
    return document


def _copy(document: Any) -> Any:
    """Return a copy that may be changed; strings that came from the environment become plain ones."""
    if isinstance(document, Mapping):
        return {str(key): _copy(value) for key, value in document.items()}
    if isinstance(document, list | tuple):
        return [_copy(value) for value in document]
    return document


def _segments(path: str) -> list[str]:
    """Return the segments below their numbers, from 1. Raises: LookupError for a full address."""
    if "://" in path or not path.startswith("/"):
        raise LookupError(path)
    return path.partition("?")[0].split("/")


def _pairs(fields: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [(n, _text(v)) for n, value in fields.items() for v in (value if isinstance(value, list | tuple) else [value])]


def _query(request: RequestTemplate) -> list[tuple[str, str]]:
    return parse_qsl(request.path.partition("?")[2], keep_blank_values=True) + _pairs(request.query)


def _text(value: Any) -> str:
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def _quoted(text: str) -> str:
    return quote(text, safe="", errors="surrogatepass")


def _typed(request: RequestTemplate, content_type: str) -> dict[str, str]:
    """Return the headers with a content type, where the request does not say another."""
    given = any(name.lower() == "content-type" for name in request.headers)
    return dict(request.headers) if given else {**request.headers, "Content-Type": content_type}

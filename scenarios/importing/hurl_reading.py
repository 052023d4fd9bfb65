"""This file is for the text of a Hurl file: its entries, each with a request, its sections, and what the answer must be."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from scenarios.importing.language import PLACE
from scenarios.importing.reading import Input

START = re.compile(r"^\s*([A-Z]{3,20})\s+(\S.*?)\s*$")
_ANSWER = re.compile(r"^\s*(HTTP(?:/(?:1\.0|1\.1|2|3|\*))?)\s+(\d{3}|\*)\s*(?:#.*)?$")
_SECTION = re.compile(r"^\s*\[([A-Za-z]+)\]\s*(?:#.*)?$")
_PAIR = re.compile(r"^\s*((?:\\.|[^:\\#\s])(?:\\.|[^:\\])*?)\s*:\s*(.*?)\s*$")
_NAMES = {
    "Query": "query",
    "QueryStringParams": "query",
    "Form": "form",
    "FormParams": "form",
    "Multipart": "multipart",
    "MultipartFormData": "multipart",
    "Cookies": "cookies",
    "BasicAuth": "basic",
    "Captures": "captures",
    "Asserts": "asserts",
    "Options": "options",
}
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f"}
_BODY_SIGNS = ("{", "[", "`", "<")
_MOST = 2000  # requests of one file
_METHOD_NAMES = "GET HEAD POST PUT DELETE CONNECT OPTIONS TRACE PATCH LINK UNLINK PURGE LOCK UNLOCK PROPFIND VIEW QUERY"
_METHODS = frozenset(_METHOD_NAMES.split())


@dataclass(slots=True)
class Entry:
    """One request with what its answer must be; texts are Hurl's, templates not filled in."""

    method: str
    url: str
    headers: list[tuple[str, str]] = field(default_factory=list)
    query: list[tuple[str, str]] = field(default_factory=list)
    form: list[tuple[str, str]] = field(default_factory=list)
    multipart: list[tuple[str, str]] = field(default_factory=list)
    cookies: list[tuple[str, str]] = field(default_factory=list)
    options: list[tuple[str, str]] = field(default_factory=list)
    captures: list[tuple[str, str]] = field(default_factory=list)
    asserts: list[str] = field(default_factory=list)
    basic: tuple[str, str] | None = None
    body: str = ""
    body_is_json: bool = False
    body_from: str = ""  # a file or bytes that are no text
    version: str = ""
    status: str = ""
    answer_headers: list[tuple[str, str]] = field(default_factory=list)
    answer_body: str = ""
    retries: int = 0

    @property
    def title(self) -> str:
        path = re.sub(r"^[a-z]+://[^/]*", "", PLACE.sub("…", self.url)).partition("?")[0]
        return f"{self.method} {path.removeprefix('…') or '/'}"[:120]

    def option(self, name: str) -> str:
        return next((value for given, value in self.options if given == name), "")

    def names(self) -> set[str]:
        return {name for name, _ in self.captures}


def entries(given: Input) -> list[Entry]:
    """Return every request of the file. Raises: SuiteError with line and column for what is no Hurl."""
    found: list[Entry] = []
    reader = _Reader(given)
    while (entry := reader.entry()) is not None:
        found.append(entry)
        if len(found) > _MOST:
            raise given.refuse(f"the file holds more than {_MOST} requests")
    return found


class _Reader:
    def __init__(self, given: Input) -> None:
        self._given = given
        self._lines = given.text.replace("\r\n", "\n").split("\n")
        self._at = 0

    def entry(self) -> Entry | None:
        self._skip()
        if self._at >= len(self._lines):
            return None
        found = START.match(self._lines[self._at])
        if found is None or found[1] not in _METHODS:
            raise self._wrong("here a request should begin, such as 'GET https://example.org'")
        self._at += 1
        entry = Entry(found[1], uncommented(found[2]))
        entry.headers = list(self._pairs())
        self._sections(entry)
        entry.body, entry.body_from = self._body()
        entry.body_is_json = entry.body.startswith(("{", "["))
        entry.body = _text_of_body(entry.body)
        self._answer(entry)
        return entry

    def _answer(self, entry: Entry) -> None:
        self._skip()
        found = _ANSWER.match(self._lines[self._at]) if self._at < len(self._lines) else None
        if found is None:
            return
        self._at += 1
        entry.version, entry.status = found[1], found[2]
        entry.answer_headers = list(self._pairs())
        self._sections(entry)
        body, other = self._body(raw=True)
        entry.answer_body = body or other

    def _sections(self, entry: Entry) -> None:
        while True:
            self._skip()
            found = _SECTION.match(self._line())
            if found is None or self._line().strip().startswith("[]"):
                return
            name = _NAMES.get(found[1])
            if name is None:
                raise self._wrong(f"the section '[{found[1]}]' is not known", f"known are {', '.join(_NAMES)}")
            self._at += 1
            if name == "asserts":
                entry.asserts += list(self._assertions())
            elif name == "basic":
                entry.basic = next(iter(list(self._pairs())), None)
            else:
                getattr(entry, name).extend(self._pairs())

    def _pairs(self) -> Iterator[tuple[str, str]]:
        """Yield the `name: value` lines from here on."""
        while self._at < len(self._lines):
            line = self._line()
            if not line.strip() or line.lstrip().startswith("#"):
                self._at += 1
                if self._ends():
                    return
                continue
            found = _PAIR.match(line)
            if found is None or line.lstrip().startswith(_BODY_SIGNS) or self._ends():
                return
            self._at += 1
            yield unescaped(found[1]), unescaped(uncommented(found[2]))

    def _assertions(self) -> Iterator[str]:
        while self._at < len(self._lines):
            line = self._line().strip()
            if self._ends() or line.startswith(_BODY_SIGNS):
                return
            self._at += 1
            if line and not line.startswith("#"):
                yield uncommented(line)

    def _ends(self) -> bool:
        """Say whether the next line begins a section, an answer or another request."""
        self._skip()
        line = self._line()
        start = START.match(line)
        return (
            self._at >= len(self._lines)
            or bool(_SECTION.match(line))
            or bool(_ANSWER.match(line))
            or (start is not None and start[1] in _METHODS)
        )

    def _body(self, *, raw: bool = False) -> tuple[str, str]:
        """Return a body that is text, or the name of what it is where it is none."""
        if self._ends():
            return "", ""
        line = self._line().strip()
        if line.startswith("```"):
            return self._fenced(), ""
        if line.startswith(("base64,", "hex,", "file,")):
            self._at += 1
            return "", line
        if line.startswith("`"):
            self._at += 1
            return line, ""
        if line.startswith(("{", "[")):
            return self._json(), ""
        if line.startswith(("<", '"')) or raw:
            start = self._at
            while self._at < len(self._lines) and not (self._at > start and self._ends_here()):
                self._at += 1
            return "\n".join(self._lines[start : self._at]).strip(), ""
        raise self._wrong("this can be read neither as a header, a section, a body nor as the next request")

    def _ends_here(self) -> bool:
        line = self._line()
        start = START.match(line)
        return bool(_ANSWER.match(line)) or (start is not None and start[1] in _METHODS)

    def _fenced(self) -> str:
        start = self._at
        self._at += 1
        while self._at < len(self._lines) and not self._line().rstrip().endswith("```"):
            self._at += 1
        if self._at >= len(self._lines):
            self._at = start
            raise self._wrong("the text that starts here has no end", "```")
        self._at += 1
        return "\n".join(self._lines[start : self._at]).strip()

    def _json(self) -> str:
        """Return the lines of a JSON body, counting brackets outside of texts: templates need no quotes there."""
        start, depth, inside = self._at, 0, False
        while self._at < len(self._lines):
            line, place = PLACE.sub("0", self._line()), 0
            while place < len(line):
                sign = line[place]
                if inside:
                    place += 1 if sign == "\\" else 0
                    inside = sign != '"'
                elif sign == '"':
                    inside = True
                elif sign in "[{":
                    depth += 1
                elif sign in "]}":
                    depth -= 1
                place += 1
            self._at += 1
            if depth <= 0:
                return "\n".join(self._lines[start : self._at]).strip()
        self._at = start
        raise self._wrong("the JSON that starts here has no end")

    def _skip(self) -> None:
        while self._at < len(self._lines) and (not self._line().strip() or self._line().lstrip().startswith("#")):
            self._at += 1

    def _line(self) -> str:
        return self._lines[self._at] if self._at < len(self._lines) else ""

    def _wrong(self, sentence: str, remedy: str = "") -> Exception:
        line = self._line()
        return self._given.refuse_at(
            f"this is not valid Hurl: {sentence}", self._at + 1, len(line) - len(line.lstrip()) + 1, remedy
        )


def uncommented(text: str) -> str:
    """Return a line without the comment behind it: a ` #` outside of quotes."""
    inside = ""
    for place, sign in enumerate(text):
        if sign in '"`' and (not inside or inside == sign) and text[place - 1 : place] != "\\":
            inside = "" if inside else sign
        elif sign == "#" and not inside and (place == 0 or text[place - 1].isspace()):
            return text[:place].rstrip()
    return text.rstrip()


def unescaped(text: str) -> str:
    """Return a text without Hurl's escapes: `\\#`, `\\:`, `\\n`, `\\u{61}`."""
    if "\\" not in text:
        return text
    text = re.sub(r"\\u\{([0-9A-Fa-f]{1,6})\}", lambda f: chr(min(int(f[1], 16), 0x10FFFF)), text)
    return re.sub(r"\\(.)", lambda f: _ESCAPES.get(f[1], f[1]), text)


def _text_of_body(body: str) -> str:
    """Return what is sent of a body that stands between backticks or quotes."""
    if body.startswith("```"):
        kind, _, inner = body[3:-3].partition("\n")
        if kind.strip().startswith("graphql"):
            return json.dumps({"query": inner.strip()})
        return inner if not kind.strip() or re.fullmatch(r"[\w,\s-]+", kind) else body[3:-3]
    return unescaped(body[1:-1]) if body.startswith("`") else body

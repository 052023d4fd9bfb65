"""This file is for what a payload did: whether it came back so that somebody is hurt, took effect, or made the target talk."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from urllib.parse import quote

from probes.exposure import exposed
from probes.markup import became, in_code
from probes.operators import found
from probes.outcome import Json
from probes.payloads import Payload

if TYPE_CHECKING:
    from probes.session import Answer

_PAGES = {"text/html", "text/xml", "application/xml", "text/xsl"}  # and every type that ends with +xml: browsers render them
_SCRIPTS = {"text/javascript", "application/javascript", "application/x-javascript", "text/ecmascript"}
_DATABASE = (  # all of them run in linear time
    r"You have an error in your SQL syntax",
    r"SQLSTATE\[",
    r"(?i)syntax error at or near",
    r"(?i)(unterminated|unclosed|not properly terminated) quot|quoted string not properly terminated|unclosed quotation mark",
    r"(?i)near \"[^\"\n]*\": syntax error",
    r"\bORA-[0-9]{5}\b",
    r"\bsqlite3?\.[A-Za-z]*Error|SQLITE_ERROR",
    r"\bpsycopg[23]?\.|PG::[A-Za-z]+|\bpq: ",
    r"com\.mysql\.|java\.sql\.SQL|System\.Data\.SqlClient|PDOException|QueryException|Doctrine\\DBAL",
    r"Sequelize[A-Za-z]*Error|PrismaClient[A-Za-z]*Error|ActiveRecord::",
    r"Mongo[A-Za-z]*Error|BSONError|Cast to [A-Za-z]+ failed",
    r"(?i)\bselect\b[^\n]{1,300}\bfrom\b[^\n]{1,300}\bwhere\b",
)
_TEMPLATE_ENGINES = (r"jinja2\.exceptions|TemplateSyntaxError|Twig\\|freemarker\.|org\.thymeleaf|Liquid error",)
_HALVES = re.compile(r"\\u[dD][89a-fA-F][0-9a-fA-F]{2}")
# A text with a space below such a key is what is wrong with a password, not the password.
_SECRET_KEY = r'("[a-z_]*(?:password|passwd|secret|api_?key|access_?token|private_?key)"\s{0,3}:\s{0,3})'
_MESSAGE = re.compile(_SECRET_KEY + r'"[^"\n ]* [^"\n]*"', re.IGNORECASE)
_FILES = (r"Linux version [0-9]+\.[0-9]", r"\broot:[x*!]?:0:0:", r"; for 16-bit app support")


@dataclass(frozen=True, slots=True)
class Echo:
    """How a payload came back; `soft` where a browser of today would not be misled."""

    how: str
    soft: bool = False


def echo(answer: Answer, payload: Payload, *, may_echo: bool) -> Echo | None:
    """Return how the payload came back where it should not have, or None.

    In a page (HTML, SVG, XML, or no declared type that a browser could guess from) it fails where it became markup: an
    element, an attribute or an event handler, an address that runs, or code of a script. Text in it is harmless.
    In JSON and plain text it may stand where `may_echo` allows it, if the JSON is one and nothing lets a browser guess.
    """
    if not payload.marker or payload.marker not in answer.text.lower():
        return None
    sniffed = (answer.header("x-content-type-options") or "").strip().lower() != "nosniff"
    kind = answer.content_type
    if kind in _PAGES or kind.endswith("+xml") or (not kind and sniffed):
        what = became(answer.text, payload.marker)
        where = (
            "an HTML answer" if kind == "text/html" else f"an answer of the type {kind}" if kind else "an answer without a type"
        )
        return Echo(f"back unescaped in {where}, where it became {what}") if what else None
    if kind in _SCRIPTS:
        return Echo("back as code in a script") if in_code(answer.text, payload.marker) else None
    return _in_data(answer, payload, kind, sniffed=sniffed, may_echo=may_echo)


def _in_data(answer: Answer, payload: Payload, kind: str, *, sniffed: bool, may_echo: bool) -> Echo | None:
    text = payload.text
    whole = text in answer.text
    if kind.endswith("json"):
        try:
            whole = any(text in said for said in _said(answer.json()))
        except ValueError:
            return Echo("back in JSON that is not encoded") if text in answer.text else None
    if not whole:
        return None
    if not may_echo:
        return Echo(f"back as it is in an answer of the type {kind or 'none'}")
    if sniffed and "<" in text and "<" in answer.text:
        return Echo(f"back in an answer of the type {kind or 'none'}, without 'X-Content-Type-Options: nosniff'", soft=True)
    return None


def effect(answer: Answer, payload: Payload) -> str:
    """Return what the payload brought about, for a sentence, or an empty text."""
    if payload.product and payload.product in answer.text:
        return "was computed: the target runs what it is sent as a template"
    if payload.marker:
        planted = f"x-{payload.marker}"
        for name, value in answer.headers:
            if name.lower() == planted or (name.lower() == "set-cookie" and value.lower().startswith(f"{payload.marker}=")):
                return "made a header of its own in the answer"
    if payload.name.startswith("path_traversal.") and any(found(answer.text, one) for one in _FILES):
        return "was served a file of the target's system"
    return ""


def talk(answer: Answer, payload: Payload) -> list[str]:
    """Return the kinds of things that the answer tells of the target's inside, apart from the payload itself."""
    plain = _MESSAGE.sub(r'\1"-"', _without(answer.text, payload.text))
    without = replace(answer, body=plain.encode())
    kinds = exposed(without)
    text = without.text
    if any(found(text, one) is not False for one in _DATABASE):
        kinds.append("a database's error or query")
    if any(found(text, one) is not False for one in _TEMPLATE_ENGINES):
        kinds.append("a template engine's error")
    return kinds


def came_back(answer: Answer, payload: Payload) -> bool:
    """Say whether the payload was seen again in whatever form: its marker is letters and digits."""
    return bool(payload.marker) and payload.marker in answer.text.lower()


def _without(text: str, payload: str) -> str:
    """Return the text without the payload, in the forms in which an honest answer repeats it."""
    text = _HALVES.sub("-", text)  # no detector could look through a text with half of a pair in it
    if len(payload) < 4:
        return text
    plain, ascii_only = json.dumps(payload, ensure_ascii=False)[1:-1], json.dumps(payload)[1:-1]
    forms = (payload, plain, ascii_only, plain.replace("/", "\\/"), html.escape(payload), html.escape(payload, quote=False),
             html.escape(plain), repr(payload)[1:-1], quote(payload, safe=""), quote(payload))  # fmt: skip
    for form in sorted(dict.fromkeys(forms), key=len, reverse=True):
        text = text.replace(form, "-")
    return text


def _said(document: Json) -> Iterator[str]:
    """Yield every text of a document, without recursion: a target may nest as deep as the reader of JSON goes."""
    left = [document]
    while left:
        item = left.pop()
        if isinstance(item, str):
            yield item
        elif isinstance(item, list):
            left.extend(item)
        elif isinstance(item, dict):
            left.extend(item.keys())
            left.extend(item.values())

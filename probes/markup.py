"""This file is for telling, as a browser would, whether our words in a page became markup: an element, an attribute, a script.

A small reader of HTML, because what it reads comes from the target: it goes over the text once, whatever stands there.
Source: HTML Standard, section 13.2.5 (tokenization), without what no payload of ours needs.
"""

from __future__ import annotations

import html
import re
import string
from collections.abc import Iterator
from dataclasses import dataclass

_TAG_NAME = re.compile(r"[^\s/>]*")
_ATTRIBUTE_NAME = re.compile(r"[^\s/>=]+")
_UNQUOTED = re.compile(r"[^\s>]*")
_SPACE = re.compile(r"[\s/]*")
_TEXT_ONLY = {"script", "style", "textarea", "title", "xmp", "noframes", "iframe", "noembed"}  # markup inside is no markup
_ADDRESSES = {"href", "src", "action", "formaction", "xlink:href", "data", "poster", "background"}
_SCHEME = re.compile(r"[\x00-\x20]*(?:j\s*a\s*v\s*a\s*s\s*c\s*r\s*i\s*p\s*t|data)\s*:", re.IGNORECASE)
_SMALL = {ord(sign): sign.lower() for sign in string.ascii_uppercase}
_NO_SCRIPT = re.compile(r"json|text/template|text/html|x-handlebars", re.IGNORECASE)  # types of scripts that are data


@dataclass(frozen=True, slots=True)
class Tag:
    """A start tag, its attributes with entities decoded, and the text of a script or a style behind it."""

    name: str
    attributes: tuple[tuple[str, str], ...]
    text: str = ""


def tags(text: str) -> Iterator[Tag]:
    """Yield the start tags of a page in order."""
    place, low = 0, _low(text)
    while (place := text.find("<", place)) >= 0:
        if text.startswith("<!--", place):
            place = _behind(text, "-->", place + 4)
            continue
        if not text[place + 1 : place + 2].isalpha():
            place += 1
            continue
        name, attributes, place = _tag(text, place + 1)
        content = ""
        if name in _TEXT_ONLY:
            end = low.find(f"</{name}", place)
            end = end if end >= 0 else len(text)
            content, place = text[place:end], end
        yield Tag(name, attributes, content)


def _low(text: str) -> str:
    """Return a text in small letters, each at its place: of some signs, such as the Turkish İ, the small form is longer."""
    return text.translate(_SMALL)


def _tag(text: str, place: int) -> tuple[str, tuple[tuple[str, str], ...], int]:
    """Return name and attributes of the tag whose name begins at `place`, and the place behind it."""
    named = _TAG_NAME.match(text, place)
    assert named is not None  # it matches nothing at all, too
    attributes: list[tuple[str, str]] = []
    place = named.end()
    while True:
        place = _SPACE.match(text, place).end()  # type: ignore[union-attr]
        if place >= len(text) or text[place] == ">":
            return named.group().lower(), tuple(attributes), place + 1
        name = _ATTRIBUTE_NAME.match(text, place)
        if name is None:  # a stray `=`
            place += 1
            continue
        value, place = _value(text, name.end())
        attributes.append((name.group().lower(), html.unescape(value)))


def _value(text: str, place: int) -> tuple[str, int]:
    equals = _after_space(text, place)
    if text[equals : equals + 1] != "=":
        return "", place
    place = _after_space(text, equals + 1)
    sign = text[place : place + 1]
    if sign in ("'", '"') and sign:
        end = text.find(sign, place + 1)
        end = end if end >= 0 else len(text)
        return text[place + 1 : end], end + 1
    found = _UNQUOTED.match(text, place)
    assert found is not None
    return found.group(), found.end()


def _after_space(text: str, place: int) -> int:
    while place < len(text) and text[place].isspace():
        place += 1
    return place


def _behind(text: str, end: str, place: int) -> int:
    found = text.find(end, place)
    return found + len(end) if found >= 0 else len(text)


def became(text: str, marker: str) -> str:
    """Return what a marker became in a page, such as `a script`, or an empty text where it is inert."""
    if marker not in text.lower():
        return ""
    for tag in tags(text):
        if what := _became(tag, marker):
            return what
    return ""


def _became(tag: Tag, marker: str) -> str:
    if marker in tag.name:
        return "an element"
    for name, value in tag.attributes:
        if marker in name:
            return "an attribute"
        if marker in value.lower():
            if name.startswith("on"):
                return "an event handler"
            if name in _ADDRESSES and _SCHEME.match(value):
                return "an address that runs a script"
            if name == "srcdoc" and became_inside(value, marker):
                return "a page in a frame"
    if tag.name == "script" and marker in tag.text.lower():
        kind = dict(tag.attributes).get("type", "")
        return "a script" if not _NO_SCRIPT.search(kind) and in_code(tag.text, marker) else ""
    return ""


def became_inside(text: str, marker: str) -> bool:
    """Say whether a marker became markup in a page that is an attribute of another."""
    return any(marker in name + value.lower() or marker in tag.name for tag in tags(text) for name, value in tag.attributes if
               name.startswith("on")) or any(tag.name == "script" and marker in tag.text for tag in tags(text))  # fmt: skip


def in_code(script: str, marker: str) -> bool:
    """Say whether a marker stands in a script outside of texts and comments, where it would run."""
    place, low, left = 0, _low(script), -1
    while place < len(script):
        if left < place:
            left = low.find(marker, place)
            if left < 0:
                return False
        if place == left:
            return True
        place = _over(script, place)
    return False


def _over(script: str, place: int) -> int:
    """Return the place behind the text, the comment or the sign that begins here."""
    sign = script[place]
    if sign in "'\"`":
        return _behind_quote(script, sign, place + 1)
    if script.startswith("//", place):
        end = script.find("\n", place)
        return end if end >= 0 else len(script)
    if script.startswith("/*", place):
        return _behind(script, "*/", place + 2)
    return place + 1


def _behind_quote(script: str, sign: str, place: int) -> int:
    while place < len(script):
        if script[place] == "\\":
            place += 2
            continue
        if script[place] == sign:
            return place + 1
        if script[place] == "\n" and sign != "`":  # a text with one of these quotes ends with its line
            return place
        place += 1
    return place

"""This file is for Hurl's asserts and captures: a query, filters, a predicate."""

from __future__ import annotations

import json
import re
from typing import Any

from scenarios.importing.expecting import Expecting, escape
from scenarios.importing.hurl_reading import unescaped
from scenarios.importing.language import Say, seconds

_QUERY = re.compile(
    r"(status|header|url|cookie|body|bytes|xpath|jsonpath|regex|sha256|md5|variable|duration|certificate|version|ip|redirects|rawbytes)"
    r'\b(?:\s+("(?:[^"\\]|\\.)*"|/(?:[^/\\]|\\.)*/))?\s*'
)
_COMPARED = {
    "==": "equals",
    "equals": "equals",
    "!=": "not_equals",
    "notEquals": "not_equals",
    ">": "gt",
    "greaterThan": "gt",
    ">=": "ge",
    "greaterThanOrEquals": "ge",
    "<": "lt",
    "lessThan": "lt",
    "<=": "le",
    "lessThanOrEquals": "le",
    "contains": "contains",
    "includes": "contains",
    "matches": "matches",
    "startsWith": "starts",
    "endsWith": "ends",
}
_ALONE = {
    "exists": ("exists", True),
    "isInteger": ("type", "integer"),
    "isFloat": ("type", "number"),
    "isNumber": ("type", "number"),
    "isBoolean": ("type", "boolean"),
    "isString": ("type", "string"),
    "isCollection": ("type", ["array", "object"]),
    "isList": ("type", "array"),
    "isObject": ("type", "object"),
    "isEmpty": ("empty", True),
    "isIsoDate": ("matches", r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)$"),
    "isUuid": ("matches", r"^[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$"),
}
_NOT = {
    "equals": "not_equals",
    "contains": "not_contains",
    "matches": "not_matches",
    "gt": "le",
    "ge": "lt",
    "lt": "ge",
    "le": "gt",
}
_PREDICATE = re.compile(r"(?:(not)\s+)?([=!<>]=?|[A-Za-z]+)\s*(.*)", re.DOTALL)
_FILTER = re.compile(
    r"(?:nth|first|last|regex|replace|split|to\w+|decode|url\w+|html\w+|format|days\w+|base64\w+|jsonpath|xpath|location)\b"
)
_CANNOT = "a suite cannot ask for it"


def assertion(expecting: Expecting, text: str, say: Say) -> str:
    """Add one assert to the expectations; return why it cannot be said, or an empty text."""
    found = _QUERY.match(text)
    if found is None:
        return "it cannot be read"
    rest = text[found.end() :]
    counted = re.match(r"count\s+", rest)
    filters = _FILTER.match(rest)
    if filters:
        return "filters of a value cannot be said"
    rest = rest[counted.end() :] if counted else rest
    predicate = _PREDICATE.fullmatch(rest.strip())
    if predicate is None:
        return "it has no predicate"
    operator, value, trouble = _operator(predicate, say)
    if trouble:
        return trouble
    argument = _quoted(found[2] or "")
    if counted:
        return _counted(expecting, found[1], argument, operator, value)
    return _asked(expecting, found[1], argument, operator, value, say)


def _asked(expecting: Expecting, query: str, argument: str, operator: str, value: Any, say: Say) -> str:
    if query == "status":
        if operator == "equals" and isinstance(value, int):
            return expecting.status([value]) if expecting.made.get("status") != value else ""
        return expecting.status_by(
            "none_of" if operator == "not_equals" else operator, [value] if operator == "not_equals" else value
        )
    if query == "header":
        return expecting.header(argument, *_of_text(operator, value))
    if query == "jsonpath":
        return expecting.json(say(argument), *_started(operator, value))
    if query == "body":
        return expecting.body(*_of_text(operator, value))
    if query == "duration" and operator in ("lt", "le") and isinstance(value, int | float):
        return expecting.plain("duration", seconds(value / 1000)) if value > 0 else _CANNOT
    if query == "version" and operator == "equals":
        return expecting.plain("http_version", str(value))
    if query == "regex" and operator in ("exists", "equals"):
        return (
            expecting.body("matches", argument)
            if operator == "exists" and value
            else "the groups of an expression are not compared"
        )
    if query == "cookie" and operator == "exists" and value and "[" not in argument:
        return expecting.header("Set-Cookie", "exists", True)
    reasons = {
        "xpath": "XML and HTML are not taken apart",
        "certificate": "write 'certificate_days', or a scenario with the probe 'tls'",
        "url": "the address after redirects is not judged",
        "variable": "only answers are judged",
        "bytes": "bytes are not compared",
        "cookie": "of a cookie only that one is set can be said; compare the header Set-Cookie",
    }
    return reasons.get(query, _CANNOT)


def _counted(expecting: Expecting, query: str, argument: str, operator: str, value: Any) -> str:
    bound = value if operator == "equals" else {operator: value}
    if not isinstance(value, int | float) or operator not in ("equals", "lt", "le", "gt", "ge"):
        return "a number of things is compared with a number"
    if query == "jsonpath":
        definite = not re.search(r"\*|\.\.|\[\?|\[[^\]]*[:,]", argument)
        return expecting.json(argument, "length" if definite else "count", bound)
    if query == "bytes":
        return expecting.plain("size_bytes", bound)
    return expecting.header(argument, "count", bound) if query == "header" else _CANNOT


def capture(query: str) -> tuple[dict[str, Any], str]:
    """Return where a value is taken from, or why it cannot be taken."""
    text = re.sub(r"\s+redact$", "", query.strip())
    found = _QUERY.match(text)
    if found is None:
        return {}, "it cannot be read"
    rest, argument = text[found.end() :].strip(), _quoted(found[2] or "")
    inner = re.fullmatch(r'regex\s+("(?:[^"\\]|\\.)*"|/(?:[^/\\]|\\.)*/)', rest)
    if found[1] == "body" and inner:
        return {"regex": _quoted(inner[1])}, ""
    if rest:
        return {}, "filters of a value cannot be said"
    if found[1] == "cookie" and "[" not in argument:
        return {"cookie": argument}, ""
    ways = {"jsonpath": "json", "header": "header", "regex": "regex"}
    if found[1] in ways and argument:
        return {ways[found[1]]: argument}, ""
    return {}, "only a value of JSON, a header, a cookie, or what an expression finds can be taken"


def _operator(predicate: re.Match[str], say: Say) -> tuple[str, Any, str]:
    negated, name, rest = bool(predicate[1]), predicate[2], predicate[3].strip()
    if name in _ALONE and not rest:
        operator, value = _ALONE[name]
        if not negated:
            return operator, value, ""
        if isinstance(value, bool):
            return operator, not value, ""
        return (
            ("not_matches", value, "") if operator == "matches" else ("", None, "that a value is of no such type cannot be said")
        )
    if name not in _COMPARED:
        return "", None, f"the predicate '{name[:30]}' is not known"
    operator = _COMPARED[name]
    value, readable = _literal(rest, say)
    if not readable:
        return "", None, "the value cannot be read"
    if negated:
        operator = _NOT.get(operator, {"not_equals": "equals"}.get(operator, ""))
    return (operator, value, "") if operator else ("", None, "its opposite cannot be said")


def _literal(text: str, say: Say) -> tuple[Any, bool]:
    if re.fullmatch(r'"(?:[^"\\]|\\.)*"|/(?:[^/\\]|\\.)*/', text, re.DOTALL):
        inner = _quoted(text)
        return (say(inner) if text[0] == '"' else inner), True
    if text.startswith("`") and text.endswith("`") and len(text) > 1:
        return say(text[1:-1]), True
    if re.fullmatch(r"\{\{[^{}]+\}\}", text):
        return say(text), True
    try:
        value = json.loads(text)
    except ValueError:
        return None, False
    return value, not isinstance(value, str)


def _quoted(text: str) -> str:
    if text[:1] == "/":
        return text[1:-1].replace("\\/", "/")
    return unescaped(text[1:-1]) if text[:1] == '"' else text


def _started(operator: str, value: Any) -> tuple[str, Any]:
    if operator == "starts":
        return "matches", f"^{escape(str(value))}"
    return ("matches", f"{escape(str(value))}$") if operator == "ends" else (operator, value)


def _of_text(operator: str, value: Any) -> tuple[str, Any]:
    """Return operator and value for where text is compared: a number is a text there, unless it is ordered."""
    operator, value = _started(operator, value)
    ordered = operator in ("lt", "le", "gt", "ge", "exists", "empty", "count", "length", "type")
    return operator, value if ordered or isinstance(value, str) else str(value)

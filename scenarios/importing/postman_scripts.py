"""This file is for Postman's test scripts: what is commonly written becomes expectations and captures, the rest is told."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

from scenarios.importing.expecting import Expecting, escape, segment
from scenarios.importing.javascript import closing, statements
from scenarios.importing.language import Say, seconds
from scenarios.importing.reading import listing, text_of

_STRING = r"""(?:"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`[^`$]*`)"""
_FUNCTION = r"(?:async\s*)?(?:function\s*\w*\s*\([^)]*\)|\([^)]*\)\s*=>|\w+\s*=>)\s*(.*)"
_TEST = re.compile(rf"pm\.test\(\s*{_STRING}\s*,\s*{_FUNCTION}\)", re.DOTALL)
_BLOCK = re.compile(r"\{(.*)\}", re.DOTALL)
_ON_STATUS = re.compile(r"if\s*\(\s*(?:pm\.response\.code|responseCode\.code)\s*(?:===?|<|>=)\s*\d+\s*\)\s*\{(.*)\}", re.DOTALL)
_ALIAS = re.compile(r"(?:(?:const|let|var)\s+)?(\w+)\s*=\s*(.+)", re.DOTALL)
_SCOPE = r"pm\.(?:environment|collectionVariables|globals|variables)"
_SET = re.compile(rf"(?:{_SCOPE}\.set|postman\.set(?:Environment|Global)Variable)\(\s*({_STRING})\s*,\s*(.+)\)", re.DOTALL)
_CHAIN = re.compile(r"\s*\.((?:to|not|be|have|and|is|that|an?|at|eventually)\b.*)", re.DOTALL)
_OLD = re.compile(rf"tests\[\s*{_STRING}\s*\]\s*=\s*(.+?)\s*===?\s*(.+)", re.DOTALL)
_RESPONSE = re.compile(r"pm\.response\.to\.(.+)", re.DOTALL)
_HEADER = re.compile(rf"(?:pm\.response\.headers\.get|postman\.getResponseHeader)\(\s*({_STRING})\s*\)")
_JSON = ("pm.response.json()", "JSON.parse(responseBody)", "JSON.parse(pm.response.text())")
_STEPS = re.compile(r"""\??\.([A-Za-z_$][\w$]*)|\[(\d+)\]|\[\s*(?:"([^"]+)"|'([^']+)')\s*\]""")
_SILENT = re.compile(
    r"console\.\w+\(|['\"]use strict['\"]|pm\.(?:environment|collectionVariables|globals|variables)\.unset\(|\}?\s*$"
)
_UNKNOWN = "it is a script of a form that is not known here"
_BOUNDS = {
    **{"above": "gt", "greaterThan": "gt", "gt": "gt", "below": "lt", "lessThan": "lt", "lt": "lt"},
    **{"least": "ge", "gte": "ge", "most": "le", "lte": "le"},
}


def lines_of(value: Any) -> str:
    """Return a script that stands as text, or as a list of lines."""
    return "\n".join(text_of(line) for line in listing(value)) if isinstance(value, list) else text_of(value)


def says_something(script: str) -> bool:
    """Say whether a script does more than to print."""
    return any(not _SILENT.match(statement) for statement in statements(script))


class Script:
    """Reads test scripts. `captures` holds what is kept for later requests, by the variable's name."""

    def __init__(self, expecting: Expecting, say: Say) -> None:
        self.expecting = expecting
        self.captures: dict[str, dict[str, Any]] = {}
        self._say = say
        self._aliases: dict[str, str] = {}  # a variable of the script -> JSONPath

    def read(self, script: str) -> Iterator[tuple[str, str]]:
        """Take what can be said; yield each statement that cannot, with the reason."""
        for statement in statements(script):
            trouble = ""
            if (found := _TEST.fullmatch(statement)) or (found := _ON_STATUS.fullmatch(statement)):
                inner = _BLOCK.fullmatch(found[1].strip())
                yield from self.read(inner[1] if inner else found[1])
                continue
            trouble = self._take(statement)
            if trouble:
                yield statement, trouble

    def _take(self, statement: str) -> str:
        if _SILENT.match(statement):
            return ""
        if found := _SET.fullmatch(statement):
            return self._keep(_text(found[1]), found[2].strip())
        if found := _RESPONSE.fullmatch(statement):
            return self._response(found[1].strip())
        if statement.startswith("pm.expect("):
            end = closing(statement, len("pm.expect"))
            found = _CHAIN.fullmatch(statement, end + 1)
            return self._expect(statement[len("pm.expect(") : end].strip(), found[1].strip()) if found else _UNKNOWN
        if found := _OLD.fullmatch(statement):
            return self._compared(found[1].strip(), "equals", found[2].strip())
        if (found := _ALIAS.fullmatch(statement)) and (path := self._path(found[2].strip())) is not None:
            self._aliases[found[1]] = path
            return ""
        return _UNKNOWN

    def _keep(self, name: str, source: str) -> str:
        if found := _HEADER.fullmatch(source):
            self.captures[name] = {"header": _text(found[1])}
            return ""
        path = self._path(source)
        if path is None:
            return "only a value of the answer's JSON or a header can be kept"
        self.captures[name] = {"json": path}
        return ""

    def _path(self, source: str) -> str | None:
        """Return the JSONPath of an expression such as `jsonData.items[0].id`, or None where it is none."""
        start = next((text for text in _JSON if source.startswith(text)), None)
        base = "$"
        if start is None:
            head = re.match(r"[A-Za-z_$][\w$]*", source)
            if head is None or head.group() not in self._aliases:
                return None
            start, base = head.group(), self._aliases[head.group()]
        rest, end = source[len(start) :], 0
        while found := _STEPS.match(rest, end):
            name = found[1] or found[3] or found[4]
            base += f"[{found[2]}]" if found[2] is not None else segment(name)
            end = found.end()
        return base if end == len(rest) else None

    def _response(self, chain: str) -> str:
        if found := re.fullmatch(r"have\.status\(\s*(\d{3})\s*\)", chain):
            return self.expecting.status([int(found[1])])
        if chain in ("be.ok", "be.success"):
            return self.expecting.status(["2xx"])
        if found := re.fullmatch(rf"have\.header\(\s*({_STRING})\s*(?:,\s*({_STRING})\s*)?\)", chain):
            name = _text(found[1])
            return (
                self.expecting.header(name, "equals", self._say(_text(found[2])))
                if found[2]
                else self.expecting.header(name, "exists", True)
            )
        if chain in ("be.json", "have.jsonBody()", "be.withBody"):
            return self.expecting.json("$", "exists", True) if chain != "be.withBody" else self.expecting.body("empty", False)
        if found := re.fullmatch(rf"have\.body\(\s*({_STRING})\s*\)", chain):
            return self.expecting.body("equals", self._say(_text(found[1])))
        if found := re.fullmatch(rf"have\.jsonBody\(\s*({_STRING})\s*\)", chain):
            return self.expecting.json("$" + "".join(segment(p) for p in _text(found[1]).split(".")), "exists", True)
        return _UNKNOWN

    def _expect(self, source: str, chain: str) -> str:
        parts = re.split(r"(?<=\))\.(?:and|that)\.", chain)
        if len(parts) > 1:
            return next(filter(None, [self._expect(source, part) for part in parts]), "")
        words = re.sub(r"\b(?:to|and|is|that|eventually)\.", "", chain)
        negative = bool(re.match(r"not\.|be\.not\.|have\.not\.", words))
        words = re.sub(r"\bnot\.", "", words)
        call = re.fullmatch(r"(?:be\.|have\.|at\.|deep\.)*(\w+)(?:\((.*)\))?", words, re.DOTALL)
        if call is None:
            return _UNKNOWN
        return self._judged(source, call[1], (call[2] or "").strip(), negative)

    def _judged(self, source: str, verb: str, argument: str, negative: bool) -> str:
        if verb in ("eql", "equal", "equals", "eq"):
            return self._compared(source, "not_equals" if negative else "equals", argument)
        if verb in ("include", "includes", "contain", "contains", "string"):
            return self._compared(source, "not_contains" if negative else "contains", argument)
        if verb == "oneOf":
            return self._compared(source, "none_of" if negative else "one_of", argument)
        if verb in _BOUNDS and not negative:
            return self._compared(source, _BOUNDS[verb], argument)
        if verb == "match" and (found := re.fullmatch(r"/((?:[^/\\]|\\.)+)/([a-z]*)", argument)):
            flags = "".join(sign for sign in found[2] if sign in "ims")
            return self._add(
                source, "not_matches" if negative else "matches", (f"(?{flags})" if flags else "") + found[1].replace("\\/", "/")
            )
        if verb in ("lengthOf", "length") and argument.isdigit() and not negative:
            return self._add(source, "length", int(argument))
        alone: dict[str, tuple[str, Any]] = {"true": ("equals", True), "false": ("equals", False), "null": ("equals", None)}
        if verb in alone and not argument:
            return self._add(source, *alone[verb]) if not negative else self._add(source, "not_equals", alone[verb][1])
        if verb in ("exist", "undefined", "ok") and not argument:
            return self._add(source, "exists", negative if verb == "undefined" else not negative)
        if verb == "empty":
            return self._add(source, "empty", not negative)
        if verb in ("a", "an") and not negative:
            kind = _text(argument).lower()
            return (
                self._add(source, "type", kind)
                if kind in ("string", "number", "boolean", "array", "object", "null")
                else _UNKNOWN
            )
        if verb == "property" and (found := re.match(rf"({_STRING})\s*(?:,\s*(.+))?$", argument, re.DOTALL)):
            inner = f"{source}['{_text(found[1])}']"
            return self._compared(inner, "equals", found[2]) if found[2] else self._add(inner, "exists", not negative)
        return _UNKNOWN

    def _compared(self, source: str, operator: str, argument: str) -> str:
        value, readable = _value(argument, self._say)
        return self._add(source, operator, value) if readable else "it is compared with something that is not known before"

    def _add(self, source: str, operator: str, value: Any) -> str:
        if source in ("pm.response.code", "responseCode.code"):
            return self._status(operator, value)
        if source in ("pm.response.responseTime", "responseTime"):
            return (
                self.expecting.plain("duration", seconds(value / 1000))
                if operator in ("lt", "le")
                else "only a longest time can be expected"
            )
        if source in ("pm.response.text()", "responseBody"):
            return self.expecting.body(operator, value)
        if found := _HEADER.fullmatch(source):
            return self.expecting.header(_text(found[1]), operator, value)
        path = self._path(source.removesuffix(".length"))
        if path is None:
            return _UNKNOWN
        if source.endswith(".length"):
            return self.expecting.json(path, "length", value if operator == "equals" else {operator: value})
        if operator == "contains" and isinstance(value, str) and "$" not in path:
            return self.expecting.json(path, "matches", escape(value))
        return self.expecting.json(path, operator, value)

    def _status(self, operator: str, value: Any) -> str:
        ways: dict[str, Callable[[], str]] = {
            "equals": lambda: self.expecting.status([value]),
            "one_of": lambda: self.expecting.status(list(value)),
            "not_equals": lambda: self.expecting.status_by("none_of", [value]),
        }
        return ways[operator]() if operator in ways else self.expecting.status_by(operator, value)


def _text(quoted: str) -> str:
    return re.sub(r"\\(.)", r"\1", quoted.strip()[1:-1]) if quoted.strip()[:1] in "\"'`" else quoted


def _value(argument: str, say: Say) -> tuple[Any, bool]:
    """Return the value of a literal of JavaScript."""
    argument = argument.strip()
    if re.fullmatch(_STRING, argument):
        return say(_text(argument)), True
    if found := re.fullmatch(rf"pm\.(?:environment|collectionVariables|globals|variables)\.get\(\s*({_STRING})\s*\)", argument):
        return say("{{" + _text(found[1]) + "}}"), True
    as_json = re.sub(r"'((?:[^'\\\"]|\\.)*)'", r'"\1"', argument)
    try:
        value = json.loads(as_json)
    except ValueError:
        return None, False
    return value, True

"""This file is for the conditions of Gatus, such as `[BODY].status == UP`, as expectations of an answer."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from scenarios.importing.expecting import Expecting, escape, glob, segment
from scenarios.importing.language import Say, go_duration, seconds

_OPERATORS = ("==", "!=", "<=", ">=", ">", "<")  # in the order in which Gatus looks for them
_FLIPPED = {"<": ">", ">": "<", "<=": ">=", ">=": "<=", "==": "==", "!=": "!="}
_WORDS = {"<": "lt", "<=": "le", ">": "gt", ">=": "ge"}
_SUBJECT = re.compile(r"(?i)(?:(len|has)\()?\[([A-Z_]+)\]([^)]*)\)?")
_INT = re.compile(r"-?\d{1,17}")
_NUMBER = re.compile(r"-?\d{1,15}(?:\.\d{1,15})?")
_DAY_S = 86_400


class Condition:
    """One condition taken apart: `function([SUBJECT]path) operator value`."""

    def __init__(self, text: str) -> None:
        self.function = self.subject = self.path = self.value = self.operator = ""
        operator = next((sign for sign in _OPERATORS if f" {sign} " in text), "")
        if not operator:
            return
        left, _, right = (part.strip() for part in text.partition(f" {operator} "))
        found = _SUBJECT.fullmatch(left)
        if found is None and (found := _SUBJECT.fullmatch(right)):
            operator, right = _FLIPPED[operator], left
        if found is None:
            return
        self.operator, self.value = operator, right
        self.function, self.subject, self.path = (found[1] or "").lower(), found[2].upper(), found[3]


class Judge:
    """Turns conditions into expectations. Each method returns why a condition cannot be said, or an empty text."""

    def __init__(self, say: Say) -> None:
        self.expecting = Expecting()
        self._say = say

    def http(self, text: str) -> str:
        """Take one condition of an answer by HTTP."""
        condition = Condition(text)
        ways: dict[str, Callable[[Condition], str]] = {
            "STATUS": self._status,
            "BODY": self._body,
            "RESPONSE_TIME": self._time,
            "CERTIFICATE_EXPIRATION": self._certificate,
            "CONNECTED": self._connected,
        }
        if not condition.subject:
            return "it cannot be read as '[PLACEHOLDER] operator value'"
        if condition.subject not in ways:
            return _WHY_NOT.get(condition.subject, "nothing is known of this placeholder")
        return ways[condition.subject](condition)

    def _status(self, condition: Condition) -> str:
        operator, value = condition.operator, condition.value
        options = _any(value) or [value]
        if operator == "==" and (found := re.fullmatch(r"pat\(([1-5])(?:\*|\?\?)\)", value)):
            return self.expecting.status([f"{found[1]}xx"])
        if not all(_INT.fullmatch(one) for one in options):
            return "a status is compared with numbers only"
        if operator == "==":
            return self.expecting.status([int(one) for one in options])
        if operator == "!=":
            return self.expecting.status_by("none_of", [int(one) for one in options])
        return self.expecting.status_by(_WORDS[operator], int(value))

    def _time(self, condition: Condition) -> str:
        limit = go_duration(condition.value) or (float(condition.value) / 1000 if _NUMBER.fullmatch(condition.value) else 0)
        if condition.operator not in ("<", "<=") or limit <= 0:
            return "only a longest time can be expected"
        return self.expecting.plain("duration", seconds(limit))

    def _certificate(self, condition: Condition) -> str:
        days = days_of(condition)
        return "only a shortest time can be expected" if days is None else self.expecting.plain("certificate_days", days)

    def _connected(self, condition: Condition) -> str:
        return "" if is_yes(condition) else "an answer is always needed"

    def _body(self, condition: Condition) -> str:
        if condition.path or condition.function == "len":
            return self._value(condition)
        if condition.function == "has":
            return self.expecting.body("empty", not is_yes(condition)) if condition.operator == "==" else "it cannot be said"
        return text_condition(condition, self._say, self.expecting.body)

    def _value(self, condition: Condition) -> str:
        path = path_of(condition.path)
        if path is None:
            return "the path cannot be read"
        add, operator, value = self.expecting.json, condition.operator, condition.value
        if condition.function == "has":
            return add(path, "exists", is_yes(condition))
        if condition.function == "len":
            if not _INT.fullmatch(value) or operator == "!=":
                return "a length is compared with a number, and not by '!='"
            return add(path, "length", int(value) if operator == "==" else {_WORDS[operator]: int(value)})
        if operator in _WORDS:
            return (
                add(path, _WORDS[operator], _as_number(value))
                if _NUMBER.fullmatch(value)
                else "it is compared with a number only"
            )
        if found := re.fullmatch(r"pat\((.*)\)", value, re.DOTALL):
            return add(path, "matches" if operator == "==" else "not_matches", glob(self._say(found[1])))
        options = [variant for one in (_any(value) or [value]) for variant in variants(self._say(one))]
        if operator == "==":
            return add(path, "equals", options[0]) if len(options) == 1 else add(path, "one_of", options)
        return add(path, "not_equals", options[0]) if len(options) == 1 else add(path, "none_of", options)


def text_condition(condition: Condition, say: Say, add: Callable[[str, Any], str]) -> str:
    """Take a condition of a whole text, of which Gatus trims the white space."""
    operator, value = condition.operator, condition.value
    negative = operator == "!="
    if operator not in ("==", "!="):
        return "a text is compared by '==' and '!=' only"
    if found := re.fullmatch(r"pat\((.*)\)", value, re.DOTALL):
        inner = found[1].strip("*")
        if found[1].startswith("*") and found[1].endswith("*") and inner and not set(inner) & set("*?"):
            return add("not_contains" if negative else "contains", say(inner))
        return add("not_matches" if negative else "matches", glob(say(found[1])))
    options = "|".join(escape(say(one)) for one in (_any(value) or [value]))
    return add("not_matches" if negative else "matches", rf"^\s*(?:{options})\s*$")


def is_yes(condition: Condition) -> bool:
    """Say whether the condition asks for `true`."""
    return (condition.value == "true") == (condition.operator == "==")


def days_of(condition: Condition) -> dict[str, float] | None:
    """Return the bounds of a time that is left, in days."""
    left = go_duration(condition.value) or (float(condition.value) / 1000 if _NUMBER.fullmatch(condition.value) else 0)
    if condition.operator not in (">", ">=") or left <= 0:
        return None
    days = round(left / _DAY_S, 3)
    return {_WORDS[condition.operator]: int(days) if days == int(days) else days}


def variants(said: str) -> list[Any]:
    """Return what a value may be in JSON: Gatus compares texts, and a number's text is a number as well."""
    if _NUMBER.fullmatch(said):
        return [_as_number(said), said]
    return [said == "true", said] if said in ("true", "false") else [said]


def path_of(path: str) -> str | None:
    """Return Gatus' path, such as `.data[0].name`, as a JSONPath."""
    made, rest = "$", path.removeprefix(".")
    for part in filter(None, rest.split(".")):
        found = re.fullmatch(r"([^\[\]]*)((?:\[\d+\])*)", part)
        if found is None:
            return None
        made += (segment(found[1]) if found[1] else "") + found[2]
    return made


def _any(value: str) -> list[str]:
    found = re.fullmatch(r"any\((.*)\)", value, re.DOTALL)
    return [one.strip() for one in found[1].split(",")] if found else []


def _as_number(text: str) -> int | float:
    return int(text) if _INT.fullmatch(text) else float(text)


_WHY_NOT = {
    "IP": "which address answered is not judged",
    "DOMAIN_EXPIRATION": "no registry is asked when a domain ends",
    "DNS_RCODE": "this is no question to a name server",
    "CONTEXT": "a value of another endpoint is only known among the steps of a suite",
}

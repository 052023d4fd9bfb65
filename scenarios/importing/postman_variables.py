"""This file is for Postman's variables: `{{name}}` is a captured value, one under `vars`, or comes from outside."""

from __future__ import annotations

import json
import re
from typing import Any

from scenarios.importing.draft import Draft
from scenarios.importing.language import capture_name, filled, place
from scenarios.importing.reading import listing, table, text_of, truth
from scenarios.importing.vault import secret_name

TEMPLATE = re.compile(r"\{\{\s*([^{}]+?)\s*\}\}")
_OURS = {"$guid": "nonce", "$randomUUID": "nonce", "$isoTimestamp": "now", "$randomAlphaNumeric": "nonce"}
_LONGEST = 100_000  # characters of a text with its variables written out
_DEEPEST = 10  # variables in the values of variables


class Variables:
    """The values that a collection and an environment give, and which of them stand under `vars`."""

    def __init__(self, draft: Draft, collection: dict[str, Any], environment: dict[str, Any]) -> None:
        self._draft = draft
        self._values: dict[str, str] = {}
        self._secret: set[str] = set()
        self.captured: set[str] = set()
        self.plain: dict[str, str] = {}  # name under `vars` -> value
        for variable in map(table, [*listing(collection.get("variable")), *listing(environment.get("values"))]):
            key = text_of(variable.get("key") or variable.get("id"))
            off = truth(variable.get("disabled")) or ("enabled" in variable and not truth(variable["enabled"]))
            if not key or off:
                continue
            self._values[key] = text_of(variable.get("value"))
            if text_of(variable.get("type")) == "secret" or secret_name(key):
                self._secret.add(key)

    def say(self, text: str) -> str:
        """Return a text in the suite's language. A variable whose value holds others is written out first."""
        for _ in range(_DEEPEST):
            grown = TEMPLATE.sub(lambda found: self._values[found[1]] if self._holds_others(found[1]) else found[0], text)
            if grown == text or len(grown) > _LONGEST:
                break
            text = grown
        return filled(text, TEMPLATE, lambda found: self._said(found.group(1)))

    def with_base(self, url: str, depth: int = 0) -> str:
        """Return an address whose first variables are filled in, as a target's address must be known before."""
        scheme = re.match(r"(?:https?://)?", url).end()  # type: ignore[union-attr]
        end = min((url.find(sign, scheme) for sign in "/?#" if url.find(sign, scheme) >= 0), default=len(url))
        host = TEMPLATE.sub(lambda found: self._filled(found.group(1), found.group()), url[:end])
        if host != url[:end] and depth < _DEEPEST:
            return self.with_base(host + url[end:], depth + 1)
        if "://" not in host and not host.startswith("{{"):
            return f"http://{host}{url[end:]}"  # as Postman guesses
        return host + url[end:]

    def _filled(self, name: str, whole: str) -> str:
        value = self._values.get(name, "")
        return value if value and name not in self._secret and name not in self.captured else whole

    def _said(self, name: str) -> str:
        if name in self.captured:
            return place(capture_name(name))
        if name.startswith("$"):
            return place(_OURS.get(name, "nonce"))
        value = self._values.get(name, "")
        if name in self._secret and value:
            return self._draft.vault.hide(value, name, f"the variable {name}")
        if not value or self._holds_others(name):  # a circle of variables has no value either
            return self._draft.vault.outside(name, f"the variable {name}, which has no value in the original")
        key = capture_name(name)
        self.plain[key] = value
        return place(f"vars.{key}")

    def _holds_others(self, name: str) -> bool:
        usable = name not in self.captured and name not in self._secret
        return usable and bool(TEMPLATE.search(self._values.get(name, "")))


def templates_in(value: Any) -> set[str]:
    """Return the names of all templates anywhere in a request."""
    return set(TEMPLATE.findall(json.dumps(value, ensure_ascii=False, default=str)))

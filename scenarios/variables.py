"""This file is for values from the environment: `${NAME}` and `${NAME:-default}` in values, never in keys; `$${` stays `${`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache

from probes.fields import Expanded
from probes.pii import names_a_secret
from scenarios.hidden import passwords_in
from scenarios.mistakes import Mistake, Place, looks_secret, near
from scenarios.source import Entry, Listing, Node, Scalar, Table

_VARIABLE = re.compile(r"\$\$\{|\$\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?P<default>:-(?P<text>[^}]*))?\}|\$\{")
_SECRET_NAME = re.compile(r"(?:^|_)(?:KEY|PASS|PWD|AUTH|JWT|COOKIE|SIGNATURE|SALT)$", re.IGNORECASE)  # of a variable
_SECRET_BYTES = 4  # a shorter value would blank out half of every report


@dataclass(slots=True)
class Expansion:
    """Replaces variables in nodes, and collects what is unset and which values look like secrets by their name."""

    environ: Mapping[str, str]
    unset: list[Mistake] = field(default_factory=list)
    secrets: dict[str, str] = field(default_factory=dict)  # value -> label

    def of(self, node: Node, path: str = "") -> Node:
        """Return the node with every variable replaced; what has no value stays as it stands, and is `held`."""
        if isinstance(node, Table):
            made = {k: Entry(e.place, self.of(e.node, join(path, k))) for k, e in node.entries.items()}
            return Table(made, node.place)
        if isinstance(node, Listing):
            return Listing(tuple(self.of(item, f"{path}[{n}]") for n, item in enumerate(node.items)), node.place)
        if isinstance(node.value, str) and "${" in node.value:
            return self._scalar(node, node.value, path)
        return node

    def _scalar(self, node: Scalar, template: str, path: str) -> Scalar:
        unset_before = len(self.unset)
        from_outside = False

        def value(found: re.Match[str]) -> str:
            nonlocal from_outside
            if found.group(0) == "$${":
                return "${"
            from_outside = True
            return self._value(found, node, path)

        text = _VARIABLE.sub(value, template)
        if len(self.unset) > unset_before:
            return replace(node, value=Expanded(template, template), held=True)
        return replace(node, value=Expanded(text, template) if from_outside else text)

    def _value(self, found: re.Match[str], node: Scalar, path: str) -> str:
        name, default = found.group("name"), found.group("text")
        if name is None:
            place = _within(node.place, "${")
            self.unset.append(Mistake("'${' has no end or no valid name", place, "write ${NAME}, or $${ for the text '${'", path))
            return ""
        value = self.environ.get(name, "")
        if looks_secret(name) or _SECRET_NAME.search(name) or names_a_secret(_last_key(path)):
            self._hide(value, name)
        for password in passwords_in(value):
            self._hide(password, name)
        if value:
            return value
        if found.group("default") is not None:
            return default or ""
        how = "is set, but empty" if name in self.environ else "is not set"
        others = (n for n in self.environ if n != name)
        remedy = near(name, others, likeness=0.85) or f"set it, or give a default: ${{{name}:-…}}"
        self.unset.append(Mistake(f"the environment variable '{name}' {how}", _within(node.place, found.group(0)), remedy, path))
        return ""

    def _hide(self, value: str, name: str) -> None:
        if len(value) >= _SECRET_BYTES:
            self.secrets[value] = name.lower()


def has_held(node: Node) -> bool:
    """Return whether a variable without a value stands anywhere in the node."""
    if isinstance(node, Table):
        return any(has_held(entry.node) for entry in node.entries.values())
    if isinstance(node, Listing):
        return any(has_held(item) for item in node.items)
    return node.held


def join(path: str, key: str) -> str:
    """Return the path in the document one key further down, such as `scenarios[2].expect.status`."""
    shown = _shown(key)
    return f"{path}{shown}" if not path or shown.startswith("[") else f"{path}.{shown}"


@lru_cache(4096)
def _shown(key: str) -> str:
    return key if re.fullmatch(r"[\w-]+", key) else f"['{key}']"


def _last_key(path: str) -> str:
    return re.split(r"[.\[]", path)[-1]


def _within(place: Place, text: str) -> Place:
    """Return the place of `text` itself where it stands in the line of `place`."""
    start = place.file.line(place.line).find(text, place.column - 1)
    return replace(place, column=start + 1, width=len(text)) if start >= 0 else place

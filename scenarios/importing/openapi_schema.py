"""This file is for schemas of an OpenAPI description as JSON Schema: references become `$defs`, what is no JSON Schema goes."""

from __future__ import annotations

import re
from typing import Any

from probes.operators import pattern
from scenarios.importing.language import PLACE
from scenarios.importing.openapi_values import Refs

# Of people, of clients' generators, or of XML: they judge nothing
_SAY_NOTHING = """
example examples xml externalDocs discriminator deprecated readOnly writeOnly title description default $comment nullable
$defs definitions $id $schema $anchor
"""
_JUDGE = """
type enum const multipleOf maximum minimum exclusiveMaximum exclusiveMinimum maxLength minLength pattern maxItems minItems
uniqueItems maxProperties minProperties required format
"""
_HOLD_A_SCHEMA = "items additionalProperties not contains propertyNames if then else unevaluatedProperties unevaluatedItems"
_SILENT, _KNOWN, _OF_SCHEMA = (frozenset(words.split()) for words in (_SAY_NOTHING, _JUDGE, _HOLD_A_SCHEMA))
_OF_SCHEMAS = frozenset({"allOf", "anyOf", "oneOf", "prefixItems"})
_OF_NAMED = frozenset({"properties", "patternProperties", "dependentSchemas"})
_DEEPEST = 16
_MOST = 4000  # values in one schema


class Schemas:
    """Makes JSON Schemas. `dropped` lists what could not be taken, by place."""

    def __init__(self, refs: Refs, *, old: bool) -> None:
        self.dropped: list[tuple[str, Any]] = []
        self._refs = refs
        self._old = old  # version 2.0 and 3.0: `nullable`, and bounds that are exclusive by a boolean
        self._names: dict[str, str] = {}  # reference -> name under $defs
        self._defs: dict[str, Any] = {}
        self._size = 0

    def of(self, schema: dict[str, Any]) -> Any:
        """Return the schema with all that it refers to; true where it says nothing."""
        made = self._made(schema, "", 0)
        if self._size > _MOST:
            self.dropped = [("", f"{self._size} values: the schema is too large")]
            return True
        if isinstance(made, dict) and set(made) == {"$ref"} and len(self._defs) == 1 and not _refers(self._defs):
            return next(iter(self._defs.values()))
        return {**made, "$defs": self._defs} if self._defs and isinstance(made, dict) else made

    def _made(self, schema: Any, where: str, depth: int) -> Any:
        if not isinstance(schema, dict) or depth > _DEEPEST or self._size > _MOST:
            if depth > _DEEPEST:
                self.dropped.append((where, "nested too deeply"))
            return schema if isinstance(schema, bool) else True
        if isinstance(schema.get("$ref"), str):
            return self._reference(schema, where, depth)
        made: dict[str, Any] = {}
        for key, value in schema.items():
            self._size += 1
            self._take(made, key, value, f"{where}/{key}", depth)
        return self._mended(made, schema)

    def _take(self, made: dict[str, Any], key: str, value: Any, where: str, depth: int) -> None:
        if key in _OF_SCHEMA:
            made[key] = self._made(value, where, depth + 1) if not isinstance(value, list) else True
        elif key in _OF_SCHEMAS and isinstance(value, list):
            made[key] = [self._made(one, where, depth + 1) for one in value]
        elif key in _OF_NAMED and isinstance(value, dict):
            made[key] = {str(name): self._made(one, f"{where}/{name}", depth + 1) for name, one in value.items()}
        elif key == "pattern" and not _is_usable(value):
            self.dropped.append((where, value))
        elif key in _KNOWN and not _holds_place(value):
            made[key] = value
        elif key in _KNOWN:
            self.dropped.append((where, value))
        elif key not in _SILENT and not key.startswith("x-"):
            self.dropped.append((where, key))

    def _reference(self, schema: dict[str, Any], where: str, depth: int) -> Any:
        ref = schema["$ref"]
        target = self._refs.at(ref)
        if not isinstance(target, dict):
            self.dropped.append((where, ref))
            return True
        if ref not in self._names:
            name = re.sub(r"\W", "_", ref.rpartition("/")[2]) or "schema"
            while name in self._defs:
                name += "_"
            self._names[ref], self._defs[name] = name, True
            self._defs[name] = self._made(target, f"{where}/{name}", 1)
        made: dict[str, Any] = {"$ref": f"#/$defs/{self._names[ref]}"}
        beside = {key: value for key, value in schema.items() if key != "$ref" and key not in _SILENT}
        if beside and not self._old:  # beside a reference, versions before 3.1 say nothing
            made = {"allOf": [made, self._made(beside, where, depth + 1)]}
        return self._nullable(made) if schema.get("nullable") is True else made

    def _mended(self, made: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
        for bound, exclusive in (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")):
            if isinstance(made.get(exclusive), bool) and made.pop(exclusive) and bound in made:
                made[exclusive] = made.pop(bound)
        if isinstance(made.get("required"), list):
            hidden = {
                n for n, p in (schema.get("properties") or {}).items() if isinstance(p, dict) and p.get("writeOnly") is True
            }
            made["required"] = [name for name in made["required"] if name not in hidden]
        elif "required" in made:
            del made["required"]
        if made.get("type") == "file":
            del made["type"]
        return self._nullable(made) if schema.get("nullable") is True else made

    def _nullable(self, made: dict[str, Any]) -> dict[str, Any]:
        if isinstance(made.get("type"), str):
            made = {**made, "type": [made["type"], "null"]}
            return {**made, "enum": [*made["enum"], None]} if "enum" in made and None not in made["enum"] else made
        return {"anyOf": [made, {"type": "null"}]}


def _is_usable(value: Any) -> bool:
    """Say whether the linear engine takes an expression: look-around and back references it does not."""
    try:
        pattern(value)
    except (ValueError, TypeError):
        return False
    return isinstance(value, str) and not PLACE.search(value)


def _holds_place(value: Any) -> bool:
    if isinstance(value, str):
        return bool(PLACE.search(value))
    return isinstance(value, list) and any(_holds_place(item) for item in value)


def _refers(value: Any) -> bool:
    if isinstance(value, dict):
        return "$ref" in value or any(_refers(item) for item in value.values())
    return isinstance(value, list) and any(_refers(item) for item in value)

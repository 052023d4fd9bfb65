"""This file is for values in an OpenAPI description: references, examples, and the least body that an operation takes."""

from __future__ import annotations

from typing import Any

from scenarios.importing.reading import listing, table, text_of, truth

NOTHING: Any = object()  # no value, where null may be one
_DEEPEST = 12
_MOST_HOPS = 20


class Refs:
    """Follows `$ref` within the description; one that leads elsewhere, nowhere or in a circle is an empty table."""

    def __init__(self, root: dict[str, Any]) -> None:
        self._root = root

    def followed(self, value: Any) -> dict[str, Any]:
        for _ in range(_MOST_HOPS):
            if not isinstance(value, dict) or not isinstance(value.get("$ref"), str):
                return table(value)
            value = self.at(value["$ref"])
        return {}

    def at(self, ref: str) -> Any:
        """Return what a reference such as `#/components/schemas/Pet` leads to, or None."""
        if not ref.startswith("#"):
            return None
        found: Any = self._root
        for part in ref.removeprefix("#").split("/")[1:]:
            key = part.replace("%7B", "{").replace("%7D", "}").replace("~1", "/").replace("~0", "~")
            if isinstance(found, dict):
                found = found.get(key)
            elif isinstance(found, list) and key.isdigit() and int(key) < len(found):
                found = found[int(key)]
            else:
                return None
        return found


def example_of(refs: Refs, holder: dict[str, Any], *, guess: bool) -> Any:
    """Return the example of a parameter or a media type; with `guess` also a default, or what its schema admits for sure."""
    if "example" in holder:
        return holder["example"]
    for example in table(holder.get("examples")).values():
        followed = refs.followed(example)
        if "value" in followed:
            return followed["value"]
    schema = holder if "type" in holder and "schema" not in holder else refs.followed(holder.get("schema"))
    if not guess:
        return schema.get("example", NOTHING)
    return sample(refs, schema)


def sample(refs: Refs, given: Any, depth: int = 0) -> Any:
    """Return a value that a schema surely admits: an example, a default, an enumeration's first, or an object of such."""
    schema = refs.followed(given)
    if depth > _DEEPEST:
        return NOTHING
    for key in ("example", "const", "default"):
        if key in schema:
            return schema[key]
    for key in ("examples", "enum"):
        if listing(schema.get(key)):
            return schema[key][0]
    for key in ("oneOf", "anyOf"):
        if listing(schema.get(key)):
            return next((v for v in (sample(refs, one, depth + 1) for one in schema[key]) if v is not NOTHING), NOTHING)
    if listing(schema.get("allOf")):
        return _joined(refs, schema, depth)
    kind = schema.get("type")
    kind = next((k for k in kind if k != "null"), None) if isinstance(kind, list) else kind
    if kind == "object" or (kind is None and "properties" in schema):
        return _object(refs, schema, depth)
    if kind == "array":
        item = sample(refs, schema.get("items"), depth + 1)
        return [item] if item is not NOTHING else [] if not schema.get("minItems") else NOTHING
    return NOTHING


def _object(refs: Refs, schema: dict[str, Any], depth: int) -> Any:
    made = {}
    properties, required = table(schema.get("properties")), listing(schema.get("required"))
    for name, inner in properties.items():
        if truth(refs.followed(inner).get("readOnly")):
            continue
        value = sample(refs, inner, depth + 1)
        if value is not NOTHING:
            made[name] = value
        elif name in required:
            return NOTHING
    return made if made or not required else NOTHING


def _joined(refs: Refs, schema: dict[str, Any], depth: int) -> Any:
    made: dict[str, Any] = {}
    for part in (*schema["allOf"], {k: v for k, v in schema.items() if k != "allOf"}):
        value = sample(refs, part, depth + 1)
        if isinstance(value, dict):
            made |= value
        elif value is NOTHING and table(refs.followed(part).get("properties")):
            return NOTHING
    return made or NOTHING


def body_of(refs: Refs, operation: dict[str, Any], parameters: list[dict[str, Any]]) -> tuple[str, Any]:
    """Return content type and body, both empty for none. Raises: ValueError with a sentence where one is needed and not known."""
    old = next((p for p in parameters if p["in"] == "body"), None)
    if old is not None:
        holder, kind, required = old, "application/json", truth(old.get("required"))
    elif any(p["in"] == "formData" for p in parameters):
        return _form(refs, operation, [p for p in parameters if p["in"] == "formData"])
    else:
        body = refs.followed(operation.get("requestBody"))
        kind, holder = _media(table(body.get("content")))
        required = truth(body.get("required"))
        if "requestBody" in operation and not body:
            raise ValueError("its body cannot be found")
    if not kind:
        return "", None
    value = example_of(refs, table(holder), guess=True)
    if value is not NOTHING:
        return kind, value
    if required:
        raise ValueError("its body is required, and cannot be made: the schema's required fields have no examples")
    return "", None


def content_of(answer: dict[str, Any], produces: list[Any]) -> tuple[str, dict[str, Any]]:
    """Return content type and schema of an answer."""
    if "schema" in answer:  # version 2
        kind = next((text_of(p) for p in produces if "json" in text_of(p)), text_of(next(iter(produces), "application/json")))
        return kind, table(answer["schema"])
    kind, media = _media(table(answer.get("content")))
    return ("" if "*" in kind else kind.partition(";")[0].strip()), table(table(media).get("schema"))


def _media(content: dict[str, Any]) -> tuple[str, Any]:
    kinds = sorted(content, key=lambda kind: ("json" not in kind, "urlencoded" not in kind, "multipart" not in kind))
    kind = next(iter(kinds), "")
    return ("application/json" if kind == "*/*" else kind), content.get(kind)


def _form(refs: Refs, operation: dict[str, Any], parameters: list[dict[str, Any]]) -> tuple[str, Any]:
    multipart = "multipart/form-data" in listing(operation.get("consumes"))
    made = {}
    for parameter in parameters:
        if parameter.get("type") == "file":
            raise ValueError("its form sends a file, and a suite sends no file of yours")
        value = example_of(refs, parameter, guess=truth(parameter.get("required")))
        if value is not NOTHING:
            made[text_of(parameter["name"])] = value
        elif truth(parameter.get("required")):
            raise ValueError(f"the field '{text_of(parameter['name'])}' is required, and has no example")
    return ("multipart/form-data" if multipart else "application/x-www-form-urlencoded"), made

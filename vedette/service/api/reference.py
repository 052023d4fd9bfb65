"""This file is for the reference of the API as a page, made from the OpenAPI document."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from typing import Any

_HEAD = """# The API

<!-- Made by `vedette api --markdown`; `make docs` writes it anew. -->

"""
_EXAMPLE = """
```sh
export VEDETTE_TOKEN=vdt_…                 # of `vedette token create`; on loopback none is asked for
curl -H "Authorization: Bearer $VEDETTE_TOKEN" 'http://127.0.0.1:8900/api/v1/series?problem=true'
vedette status                             # the same, in words
vedette reload                             # take in the suites anew
```

`/api/v1/openapi.json` of a service is the whole document, for generating clients; `vedette api` prints it too.

A refusal is `application/problem+json`:

```json
{"type": "about:blank", "title": "Not Found", "status": 404, "detail": "there is no run with this id; `/api/v1/runs` lists them"}
```

Every operation may refuse with 400, 408, 413, 421, 429, 500 and 503, and with 401 and 403 where it needs a token; these are not
repeated below. 404: there is no such thing. 409: it stands against what is there, or a write with the same `Idempotency-Key` is
still at work. 415: the body is no JSON. 422: a value does not fit, and `errors` says which and why; a parameter that an operation
does not know, or that is given twice, is refused so too.
"""
_COMMON = frozenset({"400", "401", "403", "408", "413", "421", "429", "500", "503"})
_WORDS = {
    "string": "text",
    "integer": "whole number",
    "boolean": "true or false",
    "object": "mapping",
    "null": "null",
}
_TITLES = {"service": "The service itself"}


def markdown(document: dict[str, Any]) -> str:
    """Return `docs/api.md`."""
    groups: dict[str, list[str]] = {}
    for path, item in document["paths"].items():
        for method, operation in item.items():
            for tag in operation.get("tags", ["other"])[:1]:
                groups.setdefault(tag, []).append(_operation(method.upper(), path, operation))
    chapters = [f"## {_TITLES.get(tag, tag.capitalize())}\n\n" + "\n".join(told) for tag, told in sorted(groups.items())]
    answers = "## Answers\n\n" + "\n".join(_models(document))
    return "\n".join([_HEAD + _wrapped(document["info"]["description"]) + _EXAMPLE, *chapters, answers])


def _operation(method: str, path: str, operation: dict[str, Any]) -> str:
    rows = [
        (f"`{one['name']}`", _type(one["schema"]), one.get("description", one["schema"].get("description", "")))
        for one in operation.get("parameters", ())
        if one["name"] != "Idempotency-Key"
    ]
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
    said = [operation.get("description", "").strip(), ""]
    if body is not None:
        said += [f"Body: {_type(body)}.", ""]
    said += [f"Answers {_answers(operation)}.", ""]
    if rows:
        said += [_table(("parameter", "type", "meaning"), rows)]
    return f"### `{method} {path}`\n\n" + "\n".join(said)


def _answers(operation: dict[str, Any]) -> str:
    told, refused = [], []
    for status, answer in operation["responses"].items():
        if "Problem" in str(answer):
            refused += [status] if status not in _COMMON else []
            continue
        schema = next((content.get("schema") for content in answer.get("content", {}).values()), None)
        told.append(f"{status} ({_type(schema) if schema else answer['description']})")
    return " or ".join(told) + (f"; refuses with {', '.join(refused)}" if refused else "")


def _models(document: dict[str, Any]) -> Iterator[str]:
    for name, schema in sorted(document["components"]["schemas"].items()):
        if "properties" not in schema:
            continue
        rows = [(f"`{key}`", _type(value), str(value.get("description", ""))) for key, value in schema["properties"].items()]
        about = f"{schema['description']}\n\n" if schema.get("description") else ""
        yield f"### {name}\n\n{about}{_table(('field', 'type', 'meaning'), rows)}"


def _type(schema: dict[str, Any]) -> str:
    """Return what a value may be, for a person."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(_type(one) for one in schema["anyOf"]))
    if "enum" in schema or "const" in schema:
        return ", ".join(f"`{one}`" for one in schema.get("enum", [schema.get("const")]))
    kind = schema.get("type", "any")
    if kind == "array":
        return f"list of {_type(schema.get('items', {}))}"
    if kind == "object" and isinstance(schema.get("additionalProperties"), dict):
        return f"mapping to {_type(schema['additionalProperties'])}"
    return "instant" if schema.get("format") == "date-time" else _WORDS.get(kind, str(kind))


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "".join(f"| {' | '.join(' '.join(cell.split()).replace('|', chr(92) + '|') for cell in line)} |\n" for line in lines)


def _wrapped(text: str) -> str:
    return textwrap.fill(text, 130, break_on_hyphens=False) + "\n"

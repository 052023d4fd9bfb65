"""This file is for bodies of requests: JSON and forms where a suite sends the same, plain text otherwise."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import unquote_plus

from scenarios.importing.language import PLACE, Say, literal, on_texts
from scenarios.importing.vault import Vault
from scenarios.importing.writing import fits


def body_of(
    vault: Vault,
    say: Say,
    headers: dict[str, str],
    *,
    body: str | None,
    fields: list[tuple[str, str]] | None,
    parts: list[tuple[str, str]] | None,
) -> tuple[dict[str, Any], str]:
    """Return `json`, `form` or `body`, and the content type that has to be said because of it."""
    if parts is not None:
        return _multipart(vault, say, parts, headers)
    kind = next((value for name, value in headers.items() if name.lower() == "content-type"), "").lower()
    if fields is not None:
        return {"form": _form(vault, fields, say)}, ""
    if body is None or body == "":
        return {}, ""
    if "urlencoded" in kind and (pairs := _pairs(body)) is not None:
        headers.pop(next(name for name in headers if name.lower() == "content-type"))
        return {"form": _form(vault, pairs, say)}, ""
    if "json" in kind or body.lstrip()[:1] in ("{", "["):
        document = _document(body)
        if document is not None:
            if kind.partition(";")[0].strip() == "application/json" and "charset" not in kind:
                headers.pop(next(name for name in headers if name.lower() == "content-type"))
            return {"json": vault.fields(on_texts(document, say), about="in the body of a request")}, ""
    return {"body": say(body)}, ""


def _form(vault: Vault, pairs: list[tuple[str, str]], say: Say) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for name, value in pairs:
        said = vault.field(name, say(value), f"the field {name} of a form")
        if name in made:
            made[name] = [*(made[name] if isinstance(made[name], list) else [made[name]]), said]
        else:
            made[name] = said
    return made


def _pairs(body: str) -> list[tuple[str, str]] | None:
    """Return the fields of a form, or None where they would not come out the same."""
    pairs = []
    for part in body.strip("\r\n").split("&"):
        name, equals, value = part.partition("=")
        if not equals or not name:
            return None
        decoded = (unquote_plus(name), unquote_plus(value))
        if "\ufffd" in "".join(decoded):
            return None
        pairs.append(decoded)
    return pairs


def _document(body: str) -> Any:
    """Return the JSON document of a body, or None where a suite could not send the same."""
    twice = False

    def keep(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        nonlocal twice
        twice = twice or len({key for key, _ in pairs}) < len(pairs)
        return dict(pairs)

    try:
        document = json.loads(body, object_pairs_hook=keep, parse_constant=lambda _: [float("nan")])
    except (ValueError, RecursionError):
        return None
    return (
        document
        if isinstance(document, dict | list) and not twice and fits(document) and not _keys_with_places(document)
        else None
    )


def _keys_with_places(value: Any) -> bool:
    if isinstance(value, dict):
        return any(PLACE.search(key) or _keys_with_places(item) for key, item in value.items())
    return isinstance(value, list) and any(_keys_with_places(item) for item in value)


def _multipart(vault: Vault, say: Say, parts: list[tuple[str, str]], headers: dict[str, str]) -> tuple[dict[str, Any], str]:
    boundary = "vedette-imported-form"
    for name in [name for name in headers if name.lower() == "content-type"]:
        del headers[name]
    lines = []
    for name, value in parts:
        said = vault.field(name, say(value), f"the field {name} of a form")
        safe = name.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")
        lines += [f"--{boundary}", f'Content-Disposition: form-data; name="{literal(safe)}"', "", said]
    return {"body": "\r\n".join([*lines, f"--{boundary}--", ""])}, f"multipart/form-data; boundary={boundary}"

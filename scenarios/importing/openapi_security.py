"""This file is for the security of an operation: what it wants comes from variables, as a description holds no secrets."""

from __future__ import annotations

import re
from typing import Any

from scenarios.importing.draft import Draft, Question
from scenarios.importing.language import Say, filled
from scenarios.importing.reading import listing, table, text_of
from scenarios.importing.requesting import Asked
from scenarios.importing.vault import Vault

_MARK = "\ue000"  # around the name of a variable, in a text that is not yet of the suite
_MARKED = re.compile(f"{_MARK}([^{_MARK}]+){_MARK}")


def secure(draft: Draft, question: Question, asked: Asked, operation: dict[str, Any], api: dict[str, Any]) -> None:
    """Give the request what its first way of security wants."""
    ways = operation["security"] if isinstance(operation.get("security"), list) else listing(api.get("security"))
    if not ways or any(way == {} for way in ways):
        return
    schemes = table(table(api.get("components")).get("securitySchemes")) or table(api.get("securityDefinitions"))
    asked.say = _say(draft.vault)
    for name in table(ways[0]):
        trouble = _one(asked, str(name), table(schemes.get(name)), f"{draft.suite} {name}")
        if trouble:
            question.lose(f"security {name}", table(schemes.get(name)).get("type", ""), trouble)


def _one(asked: Asked, name: str, scheme: dict[str, Any], variable: str) -> str:
    kind, way = text_of(scheme.get("type")), text_of(scheme.get("scheme")).lower()
    if kind == "basic" or (kind == "http" and way == "basic"):
        asked.auth = {"username": f"{_MARK}{variable} user{_MARK}", "password": f"{_MARK}{variable} password{_MARK}"}
    elif kind in ("oauth2", "openIdConnect") or (kind == "http" and way == "bearer"):
        asked.headers.append(("Authorization", f"Bearer {_MARK}{variable} token{_MARK}"))
    elif kind == "apiKey":
        return _key(asked, scheme, f"{_MARK}{variable} key{_MARK}")
    else:
        return "only Basic authentication, tokens and API keys are sent"
    return ""


def _key(asked: Asked, scheme: dict[str, Any], value: str) -> str:
    where, name = scheme.get("in"), text_of(scheme.get("name"))
    if where == "header":
        asked.headers.append((name, value))
    elif where == "query":
        asked.url += f"{'&' if '?' in asked.url else '?'}{name}={value}"
    elif where == "cookie":
        asked.headers.append(("Cookie", f"{name}={value}"))
    else:
        return "it does not say where the key goes"
    return ""


def _say(vault: Vault) -> Say:
    return lambda text: filled(text, _MARKED, lambda found: vault.outside(found.group(1), "what the API wants of a caller"))

"""This file is for requests: an address, headers and a body of the original become the keys of `request` and a target."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, unquote_plus, urlsplit

from probes.target import http_address
from scenarios.importing.bodies import body_of
from scenarios.importing.draft import Commented, Draft, Question, is_forbidden
from scenarios.importing.language import PLACE, Say, constant, literal
from scenarios.importing.vault import Vault

# Made anew for every request, or of the connection and not of the question
_OF_THE_CONNECTION = frozenset(
    {"content-length", "connection", "transfer-encoding", "te", "upgrade", "keep-alive", "expect", "traceparent"}
)
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_METHOD = re.compile(r"[A-Za-z]{1,20}")
_ASKING = re.compile(
    r"(?i)/(?:graphql|query|search|login|signin|sign-in|token|oauth2?|auth|authenticate|sessions?|introspect|validate|check)\b"
)
_UNSAFE = re.compile(r"[\x00-\x20\x7f\\\"<>^`]")
MOST_HOPS = 20  # that a request may follow
WRITES = "a POST may write; write false if it only asks"


@dataclass(slots=True)
class Asked:
    """One request of the original. Texts are the original's; `say` turns each into the suite's language."""

    url: str
    method: str = "GET"
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: str | None = None
    fields: list[tuple[str, str]] | None = None  # of a form, decoded
    parts: list[tuple[str, str]] | None = None  # of a multipart form, texts only
    basic: tuple[str, str] | None = None
    auth: dict[str, Any] = field(default_factory=dict)  # of the target, in the suite's words; a secret in it is text or a file
    tls: dict[str, Any] = field(default_factory=dict)
    say: Say = literal


@dataclass(frozen=True, slots=True)
class Made:
    """What a request becomes. `base` is the target's address, empty where the original's cannot be used."""

    base: str
    request: dict[str, Any]
    auth: dict[str, Any]


def ask_http(draft: Draft, question: Question, asked: Asked) -> dict[str, Any] | None:
    """Make an `http` scenario of one request and return its `request`, or None where it had to be left out."""
    made = request_of(draft.vault, question, asked)
    if made is None:
        return None
    question.spot = draft.spot(made.base, auth=made.auth, tls=asked.tls)
    question.keys |= {"probe": "http", "request": made.request}
    return made.request


def request_of(vault: Vault, question: Question, asked: Asked) -> Made | None:
    """Return the request in the suite's language; None, and the question left out, where it cannot be made."""
    split = _split(asked, question, vault)
    if split is None:
        return None
    base, path, basic = split
    if not _METHOD.fullmatch(asked.method):
        question.leave_out(f"'{asked.method[:40]}' is no HTTP method")
        return None
    request: dict[str, Any] = {} if asked.method.upper() == "GET" else {"method": asked.method.upper()}
    request["path"] = path
    auth = _hidden(vault, asked) or _auth(vault, asked.basic or basic, asked.say)
    headers, cookies, of_header = _headers(vault, question, asked, auth_is_given=bool(auth))
    body, content_type = body_of(vault, asked.say, headers, body=asked.body, fields=asked.fields, parts=asked.parts)
    if content_type and "content-type" not in {name.lower() for name in headers}:
        headers["Content-Type"] = content_type
    if headers:
        request["headers"] = headers
    if cookies:
        request["cookies"] = cookies
    return Made(base, {**request, **body}, auth or of_header)


def writes(asked_method: str, path: str, body: str | None = None) -> bool | Commented | None:
    """Return what `writes` should say of a request of a test or a recording, of which nobody knows whether it changes data."""
    if asked_method.upper() != "POST":
        return None
    question = bool(_ASKING.search(path)) and not re.search(r"\bmutation\b", body or "")
    return None if question else Commented(True, WRITES)


def address(url: str) -> tuple[str, str] | None:
    """Return scheme with host and port, and the rest, of an address in the suite's language; None where it is none."""
    scheme, colon, rest = url.partition("://")
    if scheme.lower() not in ("http", "https") or not colon:
        return None
    end = min((rest.find(sign) for sign in "/?#" if sign in rest), default=len(rest))
    return f"{scheme.lower()}://{rest[:end]}", rest[end:].partition("#")[0]


def plain_address(said: str) -> str:
    """Return an address for the name of a scenario: host and path, without user, query and places."""
    found = address(said)
    whole = f"{found[0].partition('://')[2].rpartition('@')[2]}{found[1]}" if found else said
    return PLACE.sub("…", whole).partition("?")[0][:150] or "/"


def _split(asked: Asked, question: Question, vault: Vault) -> tuple[str, str, tuple[str, str] | None] | None:
    said = asked.say(asked.url.strip())
    whole = PLACE.match(said)
    if whole and not said[: whole.start()]:  # `{{base}}/path`: the whole address comes from outside
        variable = vault.variables.get(whole.group(1).removeprefix("vars."))
        if variable:
            return f"{vault.environment(whole.group())}", _path(vault, said[whole.end() :]), None
    found = address(said)
    if found is None:
        question.leave_out("its address does not start with http:// or https://")
        return None
    base, rest = found
    basic = None
    if "@" in base:
        who, _, host = base.partition("://")[2].rpartition("@")
        base = f"{base.partition('://')[0]}://{host}"
        user, _, password = who.partition(":")
        basic = (unquote(user), unquote(password))
    base = vault.environment(base)
    trouble = "" if "${" in base else _unusable(base)
    if trouble or PLACE.search(base):
        question.leave_out(f"its address {trouble or 'holds a value that is known only at run time'}")
        return None
    return base, _path(vault, rest), basic


def _unusable(base: str) -> str:
    try:
        http_address(base)
    except ValueError as problem:
        return str(problem)
    host = urlsplit(base).hostname or ""
    return "is one to which nothing may be sent, such as a cloud's metadata service" if is_forbidden(host) else ""


def _path(vault: Vault, rest: str) -> str:
    """Return path and query as they are sent, with secrets of the query hidden."""
    path, mark, query = rest.partition("?")
    parts = []
    for part in query.split("&") if mark else []:
        name, equals, value = part.partition("=")
        parts.append(f"{name}={vault.field(unquote_plus(name), value, 'in the query of an address')}" if equals else part)
    whole = (path if path.startswith("/") else f"/{path}") + (f"?{'&'.join(parts)}" if mark else "")
    return _safe(whole)


def _safe(path: str) -> str:
    """Return the path with what no address may hold percent-encoded, outside of places."""
    made, end = [], 0
    for found in PLACE.finditer(path):
        made += [_encoded(path[end : found.start()]), found.group()]
        end = found.end()
    return "".join([*made, _encoded(path[end:])])


def _encoded(text: str) -> str:
    return _UNSAFE.sub(lambda sign: f"%{ord(sign.group()):02X}", text)


def _hidden(vault: Vault, asked: Asked) -> dict[str, Any]:
    """Return the `auth` that is given as such, its secrets hidden; a file is named as it is."""
    made = {}
    for key, value in asked.auth.items():
        secret = key in ("bearer", "password") and isinstance(value, str)
        name = "token" if key == "bearer" else key
        made[key] = vault.field(name, asked.say(value), f"the {key} of the target") if secret else value
        if key == "username":
            made[key] = asked.say(value)
    return made


def _auth(vault: Vault, basic: tuple[str, str] | None, say: Say) -> dict[str, Any]:
    if basic is None or not (basic[0] or basic[1]):
        return {}
    password = vault.field("password", say(basic[1]), f"the password of '{vault.masked(basic[0])}'")
    return {"username": say(basic[0]), "password": password or vault.outside("EMPTY_PASSWORD", "an empty password")}


def _headers(
    vault: Vault, question: Question, asked: Asked, *, auth_is_given: bool
) -> tuple[dict[str, Any], dict[str, str], dict[str, Any]]:
    headers: dict[str, str] = {}
    cookies: dict[str, str] = {}
    auth: dict[str, Any] = {}
    spelt: dict[str, str] = {}
    for name, value in asked.headers:
        low = name.lower().strip()
        if low in _OF_THE_CONNECTION or name.startswith(":"):
            continue
        if not _TOKEN.fullmatch(name.strip()) or any(sign in value for sign in "\r\n\0"):
            question.lose(f"header {name}", value, "no request can hold it")
        elif low == "cookie":
            cookies |= _cookies(vault, value, asked.say)
        elif low == "authorization" and (plain := _decoded_basic(value)) and not auth_is_given:
            auth = _auth(vault, plain, asked.say)
        else:
            said = vault.field(name.strip(), asked.say(value.strip()), f"the header {name.strip()}")
            key = spelt.setdefault(low, name.strip())
            headers[key] = f"{headers[key]}, {said}" if key in headers else said
    return headers, cookies, auth


def _decoded_basic(value: str) -> tuple[str, str] | None:
    """Return user and password of a header of Basic authentication, where it holds them."""
    scheme, _, rest = value.strip().partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        user, colon, password = base64.b64decode(rest.strip(), validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        return None
    usable = colon and user and password and user.isprintable() and password.isprintable()
    return (user, password) if usable else None


def _cookies(vault: Vault, value: str, say: Say) -> dict[str, str]:
    made = {}
    for pair in value.split(";"):
        name, equals, content = pair.strip().partition("=")
        if equals and _TOKEN.fullmatch(name):
            said = say(content)
            literal_part = PLACE.sub("", said)
            made[name] = vault.hide(content, f"{constant(name)}_COOKIE", f"the cookie {name}") if literal_part == said else said
    return made

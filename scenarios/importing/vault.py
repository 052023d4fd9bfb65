"""This file is for secrets of the original: none reaches the suite, each becomes a variable of the environment."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from typing import Any

from probes.pii import find, names_a_secret
from scenarios.importing.language import PLACE, constant, place
from scenarios.mistakes import looks_secret

_NAMES = re.compile(
    r"(?i)(?:^|[_\-. \[])(?:auth|cookie|jwt|sig|signature|sid|otp|totp|pin|csrf|xsrf|session|sessid|sess|bearer|hmac|assertion"
    r"|saml\w*|code_verifier|client_assertion|passcode|apikey|webhook|secret\w*|pass|key|sas|salt)(?:$|[_\-. \]])"
    r"|(?-i:(?<=[a-z])(?:Auth|Key|Cookie|Jwt|Sig|Pin|Otp)$)"
)
_HARMLESS = re.compile(
    r"(?i)^(?:authors?|author[_-]\w+|public[_-]?key|idempotency[_-]?key|sort[_-]?key|x-request-key|token_type|tokenize\w*)$"
)
_SCHEMES = re.compile(r"(?i)^\s*(?:(?:bearer|basic|digest|token|apikey|api-key|negotiate|key|jwt|aws4-hmac-sha256)\b[ :=]*)?\s*$")
_SHAPES = re.compile(
    r"(?<![A-Za-z])eyJ[\w-]{6,2000}\.[\w-]{6,}\.[\w-]*"  # a JSON web token; bounded, or a run of beginnings would cost its square
    r"|\bgh[pousr]_\w{20,}|\bgithub_pat_\w{20,}|\bglpat-[\w-]{16,}|\bxox[abeoprs]-[\w-]{8,}|\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"
    r"|\b[rs]k_(?:live|test)_\w{8,}|\bsk-[\w-]{20,}|\bAIza[\w-]{30,}|\bhvs\.[\w-]{20,}|\bdop_v1_\w{20,}|\bPMAK-[\w-]{20,}"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)"
)
_DETECTORS = ("connection", "bearer", "password")
_KNOWN_FROM = 6  # characters: a shorter value would be found in half of the file
_LONGEST_NAME = 60


def secret_name(name: str) -> bool:
    """Return whether the value of a key, header, field or variable of this name is a secret."""
    if _HARMLESS.match(name):
        return False
    return names_a_secret(name) or looks_secret(name) or bool(_NAMES.search(name))


class Vault:
    """Takes secrets out of texts. What it gives for one is `{{vars.name}}`; `variables` says where its value comes from."""

    def __init__(self, prefix: str) -> None:
        self._prefix = constant(prefix)
        self._names: dict[str, str] = {}  # secret -> environment variable
        self.about: dict[str, str] = {}  # environment variable -> what it is
        self.variables: dict[str, str] = {}  # name under `vars` -> environment variable
        self._by_beginning: dict[str, list[str]] = {}
        self._indexed = 0  # how many secrets stand there

    def hide(self, value: str, hint: str, about: str = "") -> str:
        """Return what stands for a secret value of the original in a scenario."""
        if not value:
            return ""
        if value not in self._names:
            self._names[value] = self._new(hint, about)
        return place(f"vars.{self._names[value].lower()}")

    def outside(self, name: str, about: str = "a variable of the original") -> str:
        """Return what stands for a variable whose value the original does not hold."""
        variable = constant(name) or "VALUE"
        self.about.setdefault(variable, about)
        self.variables.setdefault(variable.lower(), variable)
        return place(f"vars.{variable.lower()}")

    def environment(self, said: str) -> str:
        """Return a text with `${NAME}` for each `{{vars.name}}`, for where nothing is filled in at run time: a target."""
        return PLACE.sub(lambda found: self._as_variable(found.group(1), found.group()), said)

    def field(self, name: str, said: str, about: str = "") -> str:
        """Return the value of a field: where its name tells a secret, what is literal in it is hidden."""
        if not said or not secret_name(name):
            return said
        scheme, rest = _split_scheme(said)
        self._keep_decoded(scheme, rest)
        parts, end = [], 0
        for found in PLACE.finditer(rest):
            parts += [self._hidden(rest[end : found.start()], name, about), found.group()]
            end = found.end()
        return scheme + "".join([*parts, self._hidden(rest[end:], name, about)])

    def fields(self, value: Any, name: str = "", about: str = "") -> Any:
        """Return a JSON value with every text hidden that stands under a name that tells a secret."""
        if isinstance(value, dict):
            return {key: self.fields(item, str(key), about) for key, item in value.items()}
        if isinstance(value, list):
            return [self.fields(item, name, about) for item in value]
        if isinstance(value, str):
            return self.field(name, value, about)
        if isinstance(value, int | float) and not isinstance(value, bool) and name and _is_number_secret(name):
            return self.hide(str(value), name, about)
        return value

    def swept(self, said: str) -> str:
        """Return a text of a scenario without secrets that its words, or what is known, give away."""
        return self._swept(said, lambda value, hint: self.hide(_unliteral(value), hint, "found in a text"))

    def masked(self, text: str) -> str:
        """Return a text for people, such as a comment, with every secret as `***`."""
        return self._swept(text, lambda value, hint: "***")

    def masked_fields(self, value: Any, name: str = "") -> Any:
        """Return a value for people, at any depth."""
        if isinstance(value, dict):
            return {self.masked(str(key)): self.masked_fields(item, str(key)) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.masked_fields(item, name) for item in value]
        hides = name and secret_name(name) and value not in ("", None) and not isinstance(value, bool)
        return "***" if hides else self.masked(value) if isinstance(value, str) else value

    def _hidden(self, said: str, name: str, about: str) -> str:
        if not said.strip(" .:;,-_/") or (PLACE.sub("", said) != said):
            return said
        return self.hide(_unliteral(said), name, about)

    def _keep_decoded(self, scheme: str, rest: str) -> None:
        """Know the password of Basic authentication as well, in case that it stands elsewhere too."""
        if scheme.strip().lower() != "basic":
            return
        try:
            password = base64.b64decode(rest, validate=True).decode().partition(":")[2]
        except (binascii.Error, ValueError):
            return
        if len(password) >= _KNOWN_FROM:
            self._names.setdefault(password, self._new("password", "the password in an Authorization header"))

    def _swept(self, text: str, hide: Any) -> str:
        parts, end = [], 0
        for found in PLACE.finditer(text):
            before = text[end : found.start()]
            dollar = "$$" if before.endswith("$$") else ""  # one that is escaped, as it stands before a brace
            parts += [self._without(before.removesuffix("$$"), hide), dollar, found.group()]
            end = found.end()
        return "".join([*parts, self._without(text[end:], hide)])

    def _without(self, text: str, hide: Any) -> str:
        if len(text) < _KNOWN_FROM:
            return text
        for value in self._known_in(text):
            hidden = hide(value, "")
            text = text.replace(f"${value}", f"${hidden}" if hidden == "***" else f"$${hidden}").replace(value, hidden)
        pieces, end = [], 0
        for start, stop, hint in _apart(text):
            hidden = hide(text[start:stop], hint)
            # A dollar sign before a place would make a variable of it
            pieces += [text[end:start], "$" if text[:start].endswith("$") and hidden != "***" else "", hidden]
            end = stop
        return "".join([*pieces, text[end:]])

    def _known_in(self, text: str) -> list[str]:
        """Return the secrets that stand in a text, the longest first; they are looked up by their beginnings, being many."""
        if self._indexed != len(self._names):
            self._by_beginning = {}
            for value in filter(_is_telling, self._names):
                self._by_beginning.setdefault(value[:_KNOWN_FROM], []).append(value)
            self._indexed = len(self._names)
        places = range(len(text) - _KNOWN_FROM + 1) if self._by_beginning else ()
        starts = {text[place : place + _KNOWN_FROM] for place in places} & self._by_beginning.keys()
        return sorted({v for start in starts for v in self._by_beginning[start] if v in text}, key=len, reverse=True)

    def _new(self, hint: str, about: str) -> str:
        base = "_".join(filter(None, (self._prefix, constant(hint))))[:_LONGEST_NAME].strip("_") or "IMPORTED"
        if not looks_secret(base) and not names_a_secret(base):
            base += "_SECRET"
        name, number = base, 1
        while name in self.about:
            number += 1
            name = f"{base}_{number}"
        self.about[name] = about
        self.variables[name.lower()] = name
        return name

    def _as_variable(self, name: str, whole: str) -> str:
        variable = self.variables.get(name.removeprefix("vars."))
        return "${" + variable + "}" if variable else whole


def _is_telling(value: str) -> bool:
    """Say whether a value, found elsewhere, must be the secret: a word of six letters may be any word."""
    return len(value) >= 8 or (len(value) >= _KNOWN_FROM and not value.isalpha())


def _split_scheme(said: str) -> tuple[str, str]:
    head, space, rest = said.partition(" ")
    return (head + space, rest) if space and rest and _SCHEMES.match(head) else ("", said)


def _is_number_secret(name: str) -> bool:
    return bool(re.search(r"(?i)pass|pin$|otp|secret", name))


def _apart(text: str) -> Iterator[tuple[int, int, str]]:
    """Yield start, end and a hint of what looks like a secret, in order and without overlaps."""
    found = [(m.start(), m.end(), "token") for m in _SHAPES.finditer(text)]
    found += [(f.start, f.end, f.detector) for f in find(text, _DETECTORS)]
    end = 0
    for start, stop, hint in sorted(found):
        if start >= end and "{{vars." not in text[start:stop] and text[start:stop] != "***":
            yield start, stop, hint
            end = stop


def _unliteral(said: str) -> str:
    return said.replace("$${", "${")

"""This file is for hosts and ports as a suite writes them, `{{vars.name}}` included, as they differ between targets."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, WithJsonSchema

from probes.net.egress import NotSent, is_address
from probes.request import fill, has_places, names_in
from probes.target import Target

_LABEL = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?")


class BadPlace(NotSent, ValueError):
    """A host or a port that is none, once its `{{name}}` places were filled in."""


def _host(value: str) -> str:
    if has_places(value) or is_address(value):
        return value
    if "://" in value or "/" in value:
        raise ValueError(f"should be a host's name alone, not an address such as '{value}'")
    if ":" in value:
        raise ValueError(f"should be a host's name alone: write the port of '{value}' under 'port'")
    try:
        plain = value.rstrip(".").encode("ascii" if value.isascii() else "idna").decode("ascii")
    except UnicodeError:
        plain = ""
    if not plain or len(plain) > 253 or not all(_LABEL.fullmatch(label) for label in plain.split(".")):
        raise ValueError(f"'{value}' is no name of a host")
    return value


def _port(value: Any) -> Any:
    if isinstance(value, str) and names_in(value):
        return value
    number = int(value) if isinstance(value, str) and re.fullmatch(r"[0-9]{1,5}", value) else value
    if isinstance(number, bool) or not isinstance(number, int) or not 1 <= number <= 65535:
        raise ValueError(f"should be a port, a number from 1 to 65535, not '{value}'")
    return number


Host = Annotated[str, AfterValidator(_host)]
Port = Annotated[
    int | str,
    BeforeValidator(_port),
    WithJsonSchema(
        {
            "anyOf": [{"type": "integer", "minimum": 1, "maximum": 65535}, {"type": "string"}],
            "description": "a port, or {{vars.name}}",
        }
    ),
]


def host_of(written: str, values: Mapping[str, Any]) -> str:
    """Return the host with its places filled. Raises: UnknownVariable, BadPlace."""
    filled = str(fill(written, values))
    try:
        return filled if is_address(filled) else _host(filled).rstrip(".").encode("idna").decode("ascii")
    except (ValueError, UnicodeError) as problem:
        raise BadPlace(f"nothing was sent: 'host' {problem}") from None


def port_of(written: int | str, values: Mapping[str, Any]) -> int:
    """Return the port with its places filled. Raises: UnknownVariable, BadPlace."""
    try:
        return int(_port(fill(written, values)))
    except ValueError as problem:
        raise BadPlace(f"nothing was sent: '{written}' {problem}") from None


def split_place(written: str, default: int) -> tuple[str, int]:
    """Return host and port of `HOST`, `HOST:PORT`, `ADDRESS` or `[ADDRESS]:PORT`. Raises: BadPlace, a ValueError too."""
    try:
        if is_address(written):
            return written, default
        if "/" in written:
            raise ValueError(f"should be a host or HOST:PORT, without scheme and path, not '{written}'")
        if written.startswith("["):
            host, bracket, rest = written[1:].partition("]")
            if not bracket or not is_address(host) or rest[:1] not in ("", ":"):
                raise ValueError(f"should be a host or [ADDRESS]:PORT, not '{written}'")
            return host, int(_port(rest[1:])) if rest else default
        host, colon, port = written.rpartition(":")
        return (_host(host), int(_port(port))) if colon else (_host(port), default)
    except ValueError as problem:
        raise BadPlace(str(problem)) from None


def home_of(target: Target) -> tuple[str, int]:
    """Return host and port of the target's own address."""
    parts = urlsplit(target.base_url)
    return parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)

"""This file is for where the service may listen, and under which names it answers."""

from __future__ import annotations

from ipaddress import ip_address

from vedette.service.state import ServeSettings


def is_loopback(host: str) -> bool:
    """Return whether only this machine reaches an address. A name that we do not know by heart may be anything."""
    try:
        return ip_address(host.strip("[]").partition("%")[0]).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def tokens_required(settings: ServeSettings) -> bool:
    """Return whether callers must show a token: as it was said, else everywhere but on loopback."""
    return not is_loopback(settings.host) if settings.require_tokens is None else settings.require_tokens


def may_listen(settings: ServeSettings, tokens_exist: bool) -> str:
    """Return why the service must not listen there, or nothing where it may."""
    if settings.tls_key and not settings.tls_cert:
        return "a key without its certificate serves nothing: give --tls-cert too"
    if not tokens_required(settings) or tokens_exist:
        return ""
    return (
        f"to listen on '{settings.host}' needs tokens, because others reach that address, and there is no token yet:"
        " make one with 'vedette token create NAME --scope read', or let everybody in with --no-auth"
        if not is_loopback(settings.host)
        else "tokens are asked for, and there is no token yet: make one with 'vedette token create NAME --scope read'"
    )


def doubts(settings: ServeSettings) -> list[str]:
    """Return what a person should know who lets the service listen there."""
    if is_loopback(settings.host):
        return []
    if not tokens_required(settings):
        return [f"everybody who reaches '{settings.host}' may read and change everything (--no-auth)"]
    if not settings.tls_cert:
        return [f"tokens travel to '{settings.host}' in the clear: give --tls-cert, or put a proxy with TLS before it"]
    return []

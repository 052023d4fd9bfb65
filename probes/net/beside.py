"""This file is for asking what stands beside a target: the API of an evidence source, with that source's own credentials."""

from __future__ import annotations

from collections.abc import Mapping

from probes.fields import HeaderValue, Secret
from probes.net.api import ApiSource
from probes.net.building import basic
from probes.redact import Redactor
from probes.target import Auth, Route, Target


def beside(target: Target, source: ApiSource) -> Target:
    """Return the API of a source as a target to be asked: its address and credentials, the rest as the target has it.

    Nothing is granted there, and none of the target's own headers and credentials goes there.
    """
    return target.model_copy(
        update={
            "base_url": source.url,
            "allow": frozenset(),
            "headers": source.sent_headers(),
            "auth": source.auth,
            "route": Route(),
            "tls": source.tls,
            "private_networks": True,  # as for everything else that this source is asked
            "limits": target.limits.model_copy(update={"request": source.timeout, "body_bytes": source.max_bytes}),
        }
    )


def hide_secrets(redactor: Redactor, headers: Mapping[str, HeaderValue], auth: Auth | None) -> None:
    """Have what is sent as credentials shown nowhere."""
    for name, value in headers.items():
        if isinstance(value, Secret):
            redactor.add(value.reveal(), f"header {name}")
    if auth is not None and auth.bearer is not None:
        redactor.add(auth.bearer.reveal(), "bearer token")
    if auth is not None and auth.password is not None:
        redactor.add(auth.password.reveal(), "password")
        redactor.add(basic(auth.username or "", auth.password.reveal()), "credentials")

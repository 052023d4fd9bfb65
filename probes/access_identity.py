"""This file is for who asks: identities with their credentials, and a request as each of them would send it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pydantic import Field, model_validator

from probes.fields import Configured, HeaderValue, Secret
from probes.net.building import basic
from probes.pii import names_a_secret
from probes.request import RequestTemplate

if TYPE_CHECKING:
    from probes.session import Session

_CREDENTIALS = frozenset({"authorization", "proxy-authorization", "cookie"})


class Identity(Configured):
    """One caller: the credentials by which the target knows it, and a request that it may make."""

    bearer: Secret | None = None  # a token, sent as `Authorization: Bearer …`
    username: str | None = None  # for basic authentication
    password: Secret | None = None  # the same
    headers: dict[str, HeaderValue] = Field(default_factory=dict)  # such as an API key
    cookies: dict[str, HeaderValue] = Field(default_factory=dict)  # such as a session
    own: RequestTemplate | None = None  # what this caller may ask; shows that its credentials are good ones

    @model_validator(mode="after")
    def _somebody(self) -> Identity:
        if (self.username is None) != (self.password is None):
            raise ValueError("give both 'username' and 'password'")
        if self.bearer is not None and self.username is not None:
            raise ValueError("give either 'bearer', or 'username' and 'password'")
        if not (self.bearer or self.username or self.headers or self.cookies):
            raise ValueError(
                "give 'bearer', 'username' and 'password', 'headers' or 'cookies'; nobody is the anonymous caller anyway"
            )
        return self

    @property
    def token(self) -> str | None:
        """Return the bearer token, wherever it is given."""
        if self.bearer is not None:
            return self.bearer.reveal()
        return next((_bearer(_plain(v)) for k, v in self.headers.items() if k.lower() == "authorization"), None)

    def credentials(self) -> tuple[dict[str, str], dict[str, str]]:
        """Return headers and cookies."""
        headers = {name: _plain(value) for name, value in self.headers.items()}
        if self.bearer is not None:
            headers["Authorization"] = f"Bearer {self.bearer.reveal()}"
        elif self.username is not None and self.password is not None:
            headers["Authorization"] = f"Basic {basic(self.username, self.password.reveal())}"
        return headers, {name: _plain(value) for name, value in self.cookies.items()}

    def is_as(self, other: Identity) -> bool:
        """Say whether the target takes both for the same caller, because all their credentials are the same."""
        headers, theirs = self.credentials(), other.credentials()
        return [{k.lower(): v for k, v in part.items()} for part in headers] == [
            {k.lower(): v for k, v in part.items()} for part in theirs
        ]

    def hide(self, session: Session, name: str) -> None:
        """Have its secrets shown nowhere."""
        hidden = [(self.bearer, "bearer token"), (self.password, "password"), *((v, k) for k, v in self.headers.items()),
                  *((v, k) for k, v in self.cookies.items())]  # fmt: skip
        for value, label in hidden:
            if isinstance(value, Secret):
                session.plant(value.reveal(), f"{label} of {name}")
                if (token := _bearer(value.reveal())) is not None:
                    session.plant(token, f"bearer token of {name}")
        if self.username is not None and self.password is not None:
            session.plant(basic(self.username, self.password.reveal()), f"credentials of {name}")


def as_anonymous(session: Session, template: RequestTemplate, values: Mapping[str, Any]) -> RequestTemplate:
    """Return the request as somebody without any credentials sends it; nothing is to be filled in any more."""
    return _dressed(session, template, values, {}, {})


def as_identity(session: Session, template: RequestTemplate, values: Mapping[str, Any], who: Identity) -> RequestTemplate:
    """Return the request as this caller sends it, and with nobody else's credentials."""
    return _dressed(session, template, values, *who.credentials())


def with_token(session: Session, template: RequestTemplate, values: Mapping[str, Any], who: Identity | None, token: str
               ) -> RequestTemplate:  # fmt: skip
    """Return the request with another bearer token in the place of the caller's; who has no name is the target's own caller."""
    headers, cookies = who.credentials() if who is not None else ({k: _plain(v) for k, v in session.target.headers.items()}, {})
    kept = {name: value for name, value in headers.items() if name.lower() != "authorization"}
    return _dressed(session, template, values, {**kept, "Authorization": f"Bearer {token}".rstrip()}, cookies)


def target_token(session: Session) -> str | None:
    """Return the bearer token by which we are known at the target."""
    auth = session.target.auth
    if auth is not None and auth.bearer is not None:
        return auth.bearer.reveal()
    return next((_bearer(_plain(v)) for k, v in session.target.headers.items() if k.lower() == "authorization"), None)


def _dressed(
    session: Session,
    template: RequestTemplate,
    values: Mapping[str, Any],
    headers: Mapping[str, str],
    cookies: Mapping[str, str],
) -> RequestTemplate:
    """Return the request without the target's credentials, and with these. Its plain headers stay: a door may need them."""
    filled = template.filled(values)
    usual = {k: v for k, v in session.target.headers.items() if isinstance(v, str) and not is_credential(k)}
    worn: dict[str, str] = {}
    for name, value in [*usual.items(), *filled.headers.items(), *headers.items()]:
        worn = {key: old for key, old in worn.items() if key.lower() != name.lower()}
        worn[name] = value
    return filled.exactly(headers=worn, cookies=dict(cookies), anonymous=True, follow_redirects=0)


def is_credential(name: str) -> bool:
    """Say whether a header of this name tells who asks."""
    return name.lower() in _CREDENTIALS or names_a_secret(name)


def _bearer(value: str) -> str | None:
    scheme, _, token = value.partition(" ")
    return token.strip() if scheme.lower() == "bearer" and token.strip() else None


def _plain(value: str | Secret) -> str:
    return value.reveal() if isinstance(value, Secret) else value

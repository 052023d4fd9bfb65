"""This file is for the target: the system under watch in one environment, and what it permits."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import Field, PositiveInt, SerializeAsAny, field_validator, model_validator

from probes.evidence.source import EvidenceSource
from probes.faults.lever import Lever
from probes.fields import Configured, Duration, Expanded, HeaderValue, Secret
from probes.pii import names_a_secret


class Grant(StrEnum):
    """What a target permits a scenario to do. Nothing is granted by default."""

    BURST = "burst"  # send many requests at once, more than are served (`rate_limit`)
    WRITE = "write"  # change data (`http` with PUT, PATCH, DELETE, `undo` or `writes: true`)
    FAULTS = "faults"  # break a dependency on purpose and mend it again (`circuit_breaker`, `health`)
    LOAD = "load"  # send load for a length of time; no kind asks for it yet


class Environment(StrEnum):
    DEVELOPMENT = "development"
    STAGING = "staging"
    PRODUCTION = "production"


class Auth(Configured):
    """Credentials sent to the target's own host and to no other. Give `bearer`, or `username` and `password`."""

    bearer: Secret | None = None  # a token, sent as `Authorization: Bearer …`
    username: str | None = None  # for basic authentication
    password: Secret | None = None  # the same

    @model_validator(mode="after")
    def _one_way(self) -> Auth:
        basic = self.username is not None and self.password is not None
        if (self.bearer is not None) == basic or (self.username is None) != (self.password is None):
            raise ValueError("give either 'bearer', or both 'username' and 'password'")
        return self


class Tls(Configured):
    """How the target's certificate is verified. Turning `verify` off is shown in every report."""

    verify: bool = True  # whether the certificate is verified at all
    ca_file: str | None = None  # PEM file of the authorities to trust; default: the system's
    server_name: str | None = None  # the name that the certificate must have, where it is not the host's
    client_certificate: str | None = None  # PEM file of our own certificate
    client_key: str | None = None  # PEM file of its key, where that is another file


class Route(Configured):
    """What makes a proxy choose one version among several: sent with every request to the target's own host, anonymous or not."""

    headers: dict[str, HeaderValue] = Field(default_factory=dict)  # such as X-Canary
    cookies: dict[str, HeaderValue] = Field(default_factory=dict)  # such as canary
    # the name that is asked for, where it is not the address's
    host: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.:\[\]-]{1,255}$")] | None = None


class Limits(Configured):
    """Hard limits on what a probe may send and read; all on by default."""

    body_bytes: PositiveInt = 1024 * 1024  # of one answer, after decompression
    header_bytes: PositiveInt = 64 * 1024  # of one answer's status line and headers
    redirects: Annotated[int, Field(ge=0, le=20)] = 0  # followed where a request does not say
    requests: PositiveInt = 1000  # of one scenario in one run
    connect: Duration = 5.0  # resolving, connecting and the TLS handshake together
    request: Duration = 10.0  # one exchange from resolving to the last byte


class Target(Configured):
    """One system in one environment: where it is, how to talk to it, what is allowed, where proof is read."""

    name: str  # its key under `targets`
    base_url: str  # where it is: http:// or https://, a path in it is kept
    environment: Environment = Environment.STAGING  # what it is for its users; stands in every outcome
    allow: frozenset[Grant] = frozenset()  # what scenarios may do here; nothing by default
    headers: dict[str, HeaderValue] = Field(default_factory=dict)  # sent with every request to the target's own host
    auth: Auth | None = None  # credentials, sent to the target's own host only
    route: Route = Route()  # what makes a proxy choose it among several versions
    tls: Tls = Tls()  # how its certificate is verified
    private_networks: bool = False  # true: its addresses may be loopback or private ones
    correlation_headers: tuple[str, ...] = ("X-Correlation-ID",)  # that carry the id of each request
    concurrency: PositiveInt = 8  # requests under way at once, over all scenarios of a run
    limits: Limits = Limits()  # hard limits on what a probe may send and read
    # where proof is read beside the answers: a name, and `source:` with the source's own keys
    evidence: dict[str, SerializeAsAny[EvidenceSource]] = Field(default_factory=dict)
    # what can be broken on purpose: a name, and `lever:` with the lever's own keys
    faults: dict[str, SerializeAsAny[Lever]] = Field(default_factory=dict)
    vars: dict[str, Any] = Field(default_factory=dict)  # values for `{{vars.name}}`, which differ between targets
    description: str = ""  # for people

    @field_validator("base_url", mode="wrap")
    @classmethod
    def _http_url(cls, given: object, read: Callable[[object], str]) -> str:
        value = http_address(read(given))
        if isinstance(given, Expanded) and names_a_secret(given.template):  # so that it is not written to the undo journal
            return Expanded(value, given.template)
        return value


def http_address(value: str) -> str:
    """Return a base address without a slash at its end. Raises: ValueError where nothing could be asked below it."""
    scheme, colon, rest = value.partition("://")
    if scheme not in ("http", "https") or not colon or not rest.strip("/"):
        raise ValueError("should be an address that starts with http:// or https://")
    if "@" in rest.split("/")[0]:
        raise ValueError("may not hold a password; use 'auth'")
    if trouble := _unusable(value):
        raise ValueError(trouble)
    return value.rstrip("/")


def _unusable(address: str) -> str:
    """Return why nothing can be asked below an address, or an empty text: what is wrong in the file is no target's failure."""
    if any(sign in address for sign in "?#\\") or any(sign.isspace() or not sign.isprintable() for sign in address):
        return "may not hold a query, a fragment, a backslash or white space"
    try:
        parts = urlsplit(address)
        host, port = parts.hostname, parts.port
    except ValueError:
        return "has a host or a port that is none: a port is a number from 1 to 65535"
    if not host or not host.strip(".") or port == 0 or parts.netloc.endswith(":"):
        return "has a host or a port that is none"
    return ""

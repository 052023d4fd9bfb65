"""This file is for the target: the system under watch in one environment, and what it permits."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

from pydantic import Field, PositiveInt, SerializeAsAny, field_validator, model_validator

from probes.evidence.source import EvidenceSource
from probes.faults.lever import Lever
from probes.fields import Configured, Duration, HeaderValue, Secret


class Grant(StrEnum):
    """What a target permits a scenario to do. Nothing is granted by default."""

    BURST = "burst"
    WRITE = "write"
    FAULTS = "faults"
    LOAD = "load"


class Environment(StrEnum):
    DEVELOPMENT = "development"
    STAGING = "staging"
    PRODUCTION = "production"


class Auth(Configured):
    """Credentials sent to the target's own host and to no other. Give `bearer`, or `username` and `password`."""

    bearer: Secret | None = None
    username: str | None = None
    password: Secret | None = None

    @model_validator(mode="after")
    def _one_way(self) -> Auth:
        basic = self.username is not None and self.password is not None
        if (self.bearer is not None) == basic or (self.username is None) != (self.password is None):
            raise ValueError("give either 'bearer', or both 'username' and 'password'")
        return self


class Tls(Configured):
    """How the target's certificate is verified. Turning `verify` off is shown in every report."""

    verify: bool = True
    ca_file: str | None = None
    server_name: str | None = None
    client_certificate: str | None = None
    client_key: str | None = None


class Limits(Configured):
    """Hard limits on what a probe may send and read; all on by default."""

    body_bytes: PositiveInt = 1024 * 1024  # of one answer, after decompression
    header_bytes: PositiveInt = 64 * 1024  # of one answer's status line and headers
    redirects: Annotated[int, Field(ge=0, le=20)] = 0
    requests: PositiveInt = 1000  # of one scenario in one run
    connect: Duration = 5.0
    request: Duration = 10.0  # one exchange from resolving to the last byte


class Target(Configured):
    """One system in one environment: where it is, how to talk to it, what is allowed, where proof is read."""

    name: str
    base_url: str
    environment: Environment = Environment.STAGING
    allow: frozenset[Grant] = frozenset()
    headers: dict[str, HeaderValue] = Field(default_factory=dict)
    auth: Auth | None = None
    tls: Tls = Tls()
    private_networks: bool = False
    correlation_headers: tuple[str, ...] = ("X-Correlation-ID",)
    concurrency: PositiveInt = 8
    limits: Limits = Limits()
    evidence: dict[str, SerializeAsAny[EvidenceSource]] = Field(default_factory=dict)
    faults: dict[str, SerializeAsAny[Lever]] = Field(default_factory=dict)
    vars: dict[str, Any] = Field(default_factory=dict)
    description: str = ""

    @field_validator("base_url")
    @classmethod
    def _http_url(cls, value: str) -> str:
        scheme, colon, rest = value.partition("://")
        if scheme not in ("http", "https") or not colon or not rest.strip("/"):
            raise ValueError("should be an address that starts with http:// or https://")
        if "@" in rest.split("/")[0]:
            raise ValueError("may not hold a password; use 'auth'")
        return value.rstrip("/")

    @property
    def is_production(self) -> bool:
        return self.environment is Environment.PRODUCTION

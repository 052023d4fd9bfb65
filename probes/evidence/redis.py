"""This file is for reading cache keys from Redis, as proof of what a cache really keeps."""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, ClassVar
from urllib.parse import parse_qs, unquote, urlsplit

from pydantic import Field, NonNegativeInt, PositiveInt, field_validator

from probes.evidence.source import EvidenceError, KeySource
from probes.fields import Duration, Expanded, HeaderValue, Secret
from probes.net.egress import NotSent, admit, is_address, resolve

_SCHEMES = ("redis", "rediss", "unix")
_PLACE = re.compile(r"\$\{[A-Za-z_][A-Za-z0-9_]*(?::-([^}]*))?\}")
_USER_INFO = re.compile(r"^[a-z]+://[^@/?#:]*:([^@/?#]+)@")
_IN_QUERY = re.compile(r"[?&]password=([^&#]+)")


class Redis(KeySource, source="redis"):
    """Read key names with SCAN, which never blocks the server as KEYS would; values are never read.

    The user needs no more than `+scan` (and `+select` for a database other than 0).
    Source: https://redis.io/docs/latest/commands/scan/ (each key that is there all the while is returned at least once).
    """

    extra: ClassVar[str] = "redis"
    url: HeaderValue  # redis://, rediss:// or unix://; a password only as ${NAME} or {file: PATH}
    db: NonNegativeInt | None = None  # the number of the database; default: the one in the address, else 0
    timeout: Duration = Field(5.0, gt=0)  # of one reading, from connecting to the last key
    count: PositiveInt = Field(500, le=10_000)  # how many slots of the key table the server looks at per SCAN call

    @field_validator("url", mode="before")
    @classmethod
    def _no_clear_password(cls, value: object) -> object:
        """Refuse a password that stands in the file, also beside a `${NAME}` or as its default."""
        written = value.template if isinstance(value, Expanded) else value.origin if isinstance(value, Secret) else value
        if isinstance(written, str):
            plain = _PLACE.sub(lambda place: place.group(1) or "", written)
            if _USER_INFO.search(plain) or _IN_QUERY.search(plain):
                raise ValueError("a password may not stand in the file; write the address as ${NAME} or {file: PATH}")
        return value

    @field_validator("url")
    @classmethod
    def _redis_url(cls, value: str | Secret) -> str | Secret:
        address = value.reveal() if isinstance(value, Secret) else value
        if address.partition("://")[0] not in _SCHEMES or "://" not in address:
            raise ValueError("should be an address that starts with redis://, rediss:// or unix://")
        try:
            _ = urlsplit(address).port
        except ValueError:
            raise ValueError("should hold a port number after the host's colon") from None
        return value

    def describe(self) -> str:
        """Return the server's place without user and password."""
        parts = urlsplit(self._address)
        if parts.scheme == "unix":
            return f"Redis at {parts.path}"
        database = self.db if self.db is not None else parts.path.strip("/") or "0"
        return f"Redis at {parts.hostname or 'localhost'}:{parts.port or 6379}/{database}"

    async def keys(self, pattern: str, limit: int = 10_000) -> frozenset[str]:
        """Return the names of the keys that match; bytes that are no UTF-8 stand as `\\xNN`.

        Raises: EvidenceError, also when more than `limit` keys match: a part of them would clear nobody.
        """
        found: set[str] = set()
        async with self._reading() as client:
            async for key in client.scan_iter(match=pattern, count=self.count):
                found.add(key.decode("utf-8", "backslashreplace") if isinstance(key, bytes) else str(key))
                if len(found) > limit:
                    raise EvidenceError(f"more than {limit} keys match '{pattern}' in {self.describe()}; narrow the pattern")
        return frozenset(found)

    @property
    def _address(self) -> str:
        return self.url.reveal() if isinstance(self.url, Secret) else str(self.url)

    @asynccontextmanager
    async def _reading(self) -> AsyncIterator[Any]:
        """Lend a client for one reading, and say in one sentence without secrets why it could not be done."""
        try:
            from redis.asyncio import Redis as Client
            from redis.asyncio.retry import Retry
            from redis.backoff import NoBackoff
            from redis.exceptions import RedisError
        except ImportError:
            raise EvidenceError("reading Redis needs the extra 'redis': pip install 'vedette[redis]'") from None
        # no retries: the reading has one deadline, and a second try would hide an unsteady server
        options: dict[str, Any] = {"socket_timeout": self.timeout, "socket_connect_timeout": self.timeout}
        client: Any = None
        try:
            async with asyncio.timeout(self.timeout):
                await self._admit()
                client = Client.from_url(self._address, retry=Retry(NoBackoff(), 0), **options)
                if self.db is not None:
                    client.connection_pool.connection_kwargs["db"] = self.db  # else the address's number would win
                yield client
        except TimeoutError:
            raise self._unread(f"it took more than {self.timeout:g} s") from None
        except (RedisError, OSError, ValueError, NotSent) as problem:
            raise self._unread(self._without_password(_reason(problem))) from None
        finally:
            if client is not None:
                await client.aclose()

    async def _admit(self) -> None:
        """Refuse link-local and metadata addresses; a cache on a private network is the usual case and permitted."""
        parts = urlsplit(self._address)
        if parts.scheme == "unix":
            return
        host = parts.hostname or "localhost"
        for address in [host] if is_address(host) else await resolve(host, parts.port or 6379):
            admit(host, address, private_networks=True)

    def _unread(self, reason: str) -> EvidenceError:
        return EvidenceError(f"{self.describe()} could not be read: {reason}")

    def _without_password(self, text: str) -> str:
        parts = urlsplit(self._address)
        query = parse_qs(parts.query).get("password", [])
        for form in filter(None, (parts.password, unquote(parts.password or ""), *query)):
            text = text.replace(form, "***")
        return text


def _reason(problem: Exception) -> str:
    from redis import exceptions

    if isinstance(problem, exceptions.AuthenticationError):
        return "it refused the user or the password"
    if isinstance(problem, exceptions.NoPermissionError):
        return "the user may not scan its keys (the right +scan is needed)"
    if isinstance(problem, NotSent):
        return str(problem)
    if isinstance(problem, exceptions.TimeoutError):
        return "it did not answer in time"
    if isinstance(problem, socket.gaierror):
        return "its host name could not be resolved"
    if isinstance(problem, exceptions.ConnectionError):
        return f"it could not be reached ({problem})"
    return f"{type(problem).__name__}: {problem}"

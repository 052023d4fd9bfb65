"""This file is for reading rows from a database server: the keys of such a source, where it is, and what is never shown."""

from __future__ import annotations

import asyncio
import math
import re
import socket
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar
from urllib.parse import parse_qsl, unquote, urlsplit

from pydantic import Field, PositiveInt, field_validator

from probes.evidence.source import EvidenceError, RowSource
from probes.fields import Duration, Expanded, HeaderValue, Secret
from probes.net.egress import NotSent, admit, choose, is_address, resolve
from probes.outcome import Json
from probes.sql_reading import Dialect, NotReading, as_json, bound

APPLICATION = "vedette"  # what the server's owners see in their list of connections
_PLACE = re.compile(r"\$\{[A-Za-z_][A-Za-z0-9_]*(?::-([^}]*))?\}")
_USER_INFO = re.compile(r"^[a-z]+://[^@/?#:]*:([^@/?#]+)@")
Row = Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class Server:
    """Where a database is, as its address says, and how to get in."""

    host: str
    port: int
    user: str
    password: str
    database: str
    options: Mapping[str, str]
    address: str = ""  # that the host was resolved to; empty for a socket of this machine


class SqlSource(RowSource):
    """The keys that every database source has. One statement runs in a transaction that the database holds to reading.

    Give it a user that may do no more than SELECT: what functions do outside the database no transaction takes back.
    """

    schemes: ClassVar[tuple[str, ...]] = ()
    port: ClassVar[int] = 0
    title: ClassVar[str] = ""
    dialect: ClassVar[Dialect]
    options: ClassVar[frozenset[str]] = frozenset()  # that may stand behind the question mark of the address
    socket_option: ClassVar[str] = ""  # the one of them that names a socket of this machine

    dsn: HeaderValue  # SCHEME://USER@HOST:PORT/DATABASE; a password only as ${NAME} or {file: PATH}
    timeout: Duration = Field(10.0, gt=0)  # of one reading, from resolving the name to the last row
    max_rows: PositiveInt = 1000  # of one statement; more is an error, never a part
    max_bytes: PositiveInt = 16 * 1024 * 1024  # that the server may send for one reading

    @field_validator("dsn", mode="before")
    @classmethod
    def _no_clear_password(cls, value: object) -> object:
        """Refuse a password that stands in the file, also beside a `${NAME}` or as its default."""
        written = value.template if isinstance(value, Expanded) else value.origin if isinstance(value, Secret) else value
        if isinstance(written, str) and _USER_INFO.search(_PLACE.sub(lambda place: place.group(1) or "", written)):
            raise ValueError("a password may not stand in the file; write the address as ${NAME} or {file: PATH}")
        return value

    @field_validator("dsn")
    @classmethod
    def _usable(cls, value: str | Secret) -> str | Secret:
        cls._server(value.reveal() if isinstance(value, Secret) else value)
        return value

    def describe(self) -> str:
        """Return the server's place without user and password."""
        at = self._server(self._address)
        place = at.options.get(self.socket_option) or f"{f'[{at.host}]' if ':' in at.host else at.host}:{at.port}"
        return f"{self.title} at {place}/{at.database}"

    async def rows(self, statement: str, parameters: Mapping[str, Any], *, limit: int = 1000) -> tuple[Row, ...]:
        """Return the rows of one reading statement; `:name` in it is bound, never pasted.

        Raises: EvidenceError, also when there are more than `limit` or `max_rows` rows, or more than `max_bytes` of them.
        """
        try:
            text, values = bound(statement, parameters, self.dialect)
        except NotReading as problem:
            raise EvidenceError(f"{self.describe()} was not asked: the statement {problem}") from None
        return await self._rows(text, values, min(limit, self.max_rows))

    async def _rows(self, text: str, values: Mapping[str, Any], most: int) -> tuple[Row, ...]:
        try:
            async with asyncio.timeout(self.timeout):
                server = await self._admitted()
                return await self._read(server, text, values, most)
        except TimeoutError:
            raise self.unread(f"it took more than {self.timeout:g} s") from None
        except NotSent as problem:
            raise self.unread(str(problem)) from None
        except (socket.gaierror, UnicodeError):
            raise self.unread("its host name could not be resolved") from None

    @abstractmethod
    async def _read(self, server: Server, text: str, values: Mapping[str, Any], most: int) -> tuple[Row, ...]:
        """Run the statement, `%(name)s` for its parameters, and return at most `most` rows. Raises: EvidenceError."""

    async def _admitted(self) -> Server:
        """Resolve once, refuse link-local and metadata addresses, and connect to exactly what was judged.

        A database on a private network is the usual case and permitted.
        """
        server = self._server(self._address)
        if server.options.get(self.socket_option):
            return server
        addresses = [server.host] if is_address(server.host) else await resolve(server.host, server.port)
        for address in addresses:
            admit(server.host, address, private_networks=True)
        return Server(server.host, server.port, server.user, server.password, server.database, server.options, choose(addresses))

    @property
    def _address(self) -> str:
        return self.dsn.reveal() if isinstance(self.dsn, Secret) else str(self.dsn)

    @classmethod
    def _server(cls, dsn: str) -> Server:
        """Return the parts of an address. Raises: ValueError that names the part, never its value."""
        if dsn.partition("://")[0] not in cls.schemes or "://" not in dsn:
            raise ValueError(f"should be an address that starts with {' or '.join(f'{scheme}://' for scheme in cls.schemes)}")
        parts = urlsplit(dsn)
        try:
            port = parts.port or cls.port
        except ValueError:
            raise ValueError("should hold a port number after the host's colon") from None
        options = dict(parse_qsl(parts.query, keep_blank_values=True))
        for name in options:
            if name not in cls.options:
                raise ValueError(
                    f"should not hold '{name[:40]}'; behind the question mark may stand {', '.join(sorted(cls.options))}"
                )
        if "," in parts.netloc.rpartition("@")[2]:
            raise ValueError("should name one host")
        if parts.fragment:
            raise ValueError("should not hold a '#'; in a password it is written %23")
        user, password = unquote(parts.username or ""), unquote(parts.password or "")
        if not user:
            raise ValueError(f"should name the user, as in {cls.schemes[0]}://watcher@host/database")
        return Server(parts.hostname or "localhost", port, user, password, unquote(parts.path.strip("/")), options)

    def unread(self, reason: str) -> EvidenceError:
        return EvidenceError(f"{self.describe()} could not be read: {self._without_password(reason)}")

    def too_many_rows(self, most: int) -> EvidenceError:
        return self.unread(f"the statement gives more than {most} rows; let it ask for fewer")

    def too_many_bytes(self) -> EvidenceError:
        return self.unread(f"the statement gives more than {self.max_bytes} bytes (max_bytes); let it ask for less")

    def _without_password(self, text: str) -> str:
        server = self._server(self._address)
        raw = urlsplit(self._address).password or ""
        for form in filter(None, {server.password, raw}):
            text = text.replace(form, "***")
        return " ".join(text.split())

    def _row(self, names: Sequence[str], values: Sequence[Any]) -> Row:
        return {name: as_json(value) for name, value in zip(names, values, strict=True)}

    def _told_apart(self, names: list[str]) -> list[str]:
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise self.unread(f"the statement gives two columns named '{twice}'; tell them apart with AS")
        return names

    @property
    def _timeout_ms(self) -> int:
        return max(1, math.ceil(self.timeout * 1000))

"""This file is for the wire of the proxy: heads of HTTP/1.1 messages as they came, and where their bodies end."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass

MAX_HEAD_BYTES = 64 * 1024  # also the most that a stream reader of asyncio looks ahead
_CHUNK = 64 * 1024
TO_THE_END = -1  # framing: the body ends with the connection
CHUNKED = -2
_HEX = re.compile(rb"[0-9A-Fa-f]{1,15}")


class BadMessage(ValueError):
    """A head that is none, or a body whose end cannot be told."""


@dataclass(frozen=True, slots=True)
class Head:
    """The first line and the fields of one message. `raw` is what came; names of fields are lower case."""

    raw: bytes
    first: tuple[str, str, str]
    fields: Mapping[str, str]

    @property
    def method(self) -> str:
        return self.first[0]

    @property
    def status(self) -> int:
        return int(self.first[1])

    @property
    def framing(self) -> int:
        """Bytes of the body of a request, or CHUNKED. Source: RFC 9112 section 6.3. Raises: BadMessage."""
        coding, length = self.fields.get("transfer-encoding"), self.fields.get("content-length")
        if coding is not None:
            if length is not None or coding.strip().lower() != "chunked":
                raise BadMessage("its length is told twice, or not at all")  # else two readers could see two bodies
            return CHUNKED
        if length is None:
            return 0
        if not (length.isascii() and length.isdecimal()):
            raise BadMessage("its length is no number")
        return int(length)

    def framing_of_answer(self, method: str) -> int:
        """Return the same for an answer to a request of this method; TO_THE_END where the connection ends it."""
        if method == "HEAD" or self.status in (204, 304) or self.status < 200:
            return 0
        told = "transfer-encoding" in self.fields or "content-length" in self.fields
        return self.framing if told else TO_THE_END

    def ends_by_closing(self, method: str) -> bool:
        return self.status == 101 or self.framing_of_answer(method) == TO_THE_END

    @property
    def keeps_alive(self) -> bool:
        said = self.fields.get("connection", "").lower()
        old = "HTTP/1.0" in self.first
        return "keep-alive" in said if old else "close" not in said


async def head_of(reader: asyncio.StreamReader) -> Head | None:
    """Return the head of the next message, None where the other end closed before it. Raises: BadMessage."""
    try:
        raw = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError as cut:
        if not cut.partial:
            return None
        raise BadMessage("the connection ended within a head") from cut
    except asyncio.LimitOverrunError as long:
        raise BadMessage("the head is too long") from long
    first, *lines = raw[:-4].decode("latin-1").split("\r\n")
    words = first.split(" ", 2)
    if len(words) < 2 or (words[0].startswith("HTTP/") and not words[1].isdecimal()):
        raise BadMessage("the first line is none")
    return Head(raw, (words[0], words[1], words[2] if len(words) > 2 else ""), _fields(lines))


def _fields(lines: list[str]) -> dict[str, str]:
    fields: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or not name or name != name.strip():
            raise BadMessage("a line of the head is no field")
        name, value = name.lower(), value.strip()
        if name in ("content-length", "transfer-encoding") and name in fields:
            raise BadMessage("its length is told twice")
        fields[name] = f"{fields[name]}; {value}" if name == "cookie" and name in fields else value
    return fields


async def pass_body(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, framing: int) -> None:
    """Pass a body on as it comes, to its end. Raises: IncompleteReadError where it is cut; BadMessage."""
    if framing == CHUNKED:
        await _pass_chunks(reader, writer)
    elif framing == TO_THE_END:
        while data := await reader.read(_CHUNK):
            await _pass(writer, data)
    else:
        await _pass_bytes(reader, writer, framing)
    await writer.drain()


async def _pass_bytes(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, many: int) -> None:
    while many:
        data = await reader.read(min(many, _CHUNK))
        if not data:
            raise asyncio.IncompleteReadError(b"", many)
        many -= len(data)
        await _pass(writer, data)


async def _pass_chunks(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while True:
        line = await _line(reader)
        size = line.split(b";", 1)[0].strip()
        if not _HEX.fullmatch(size):
            raise BadMessage("the size of a chunk is no number")
        many = int(size, 16)
        await _pass(writer, line)
        if many == 0:
            break
        await _pass_bytes(reader, writer, many + 2)  # with the line's end behind it
    while (line := await _line(reader)) != b"\r\n":  # trailers
        await _pass(writer, line)
    await _pass(writer, line)


async def _line(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.readuntil(b"\r\n")
    except asyncio.LimitOverrunError as long:
        raise BadMessage("a line is too long") from long


async def _pass(writer: asyncio.StreamWriter, data: bytes) -> None:
    writer.write(data)
    await writer.drain()

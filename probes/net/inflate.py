"""This file is for unpacking a body piece by piece, never into more bytes than may be read."""

from __future__ import annotations

import zlib

_BOMB = 100  # honest text is seldom packed to less than a twentieth


class Unreadable(Exception):
    """The body cannot be unpacked. The text is a clause that follows `the answer to GET /x`."""


class Body:
    """Take a body's bytes as they come over the wire and keep what they unpack to, within `limit` bytes.

    At most one content coding is unpacked: chained codings multiply, and nobody sends them in earnest.
    """

    __slots__ = ("_coding", "_inflater", "_limit", "_start", "_unread", "_wire_limit", "data", "wire_bytes")

    def __init__(self, content_encoding: str, limit: int) -> None:
        self._coding = content_encoding.strip().lower()
        if self._coding not in _WINDOW:
            raise Unreadable(f"is packed as '{self._coding[:40]}', which was not asked for")
        self._inflater = _inflater(self._coding)
        self._limit = limit
        self._wire_limit = limit + limit // 64 + 1024  # packing what cannot be packed adds a little
        self._start: bytes | None = b"" if self._coding == "deflate" else None  # until it is known how it is wrapped
        self._unread = 0  # of the last piece, when there was no more room
        self.data = bytearray()
        self.wire_bytes = 0

    def feed(self, piece: bytes) -> None:
        """Take the next piece. Raises: Unreadable where it is too much, or not packed as it says."""
        self.wire_bytes += len(piece)
        if self._inflater is None:
            self.data += piece
        else:
            self._unpack(piece)
        if len(self.data) > self._limit:
            raise Unreadable(self._too_long())
        if self.wire_bytes > self._wire_limit:
            raise Unreadable(f"has a body longer than {size(self._limit)} (limit body_bytes)")

    def end(self) -> bytes:
        """Return the body. Raises: Unreadable where the packed data stop too early."""
        if self._inflater is not None and self.wire_bytes and not self._inflater.eof:
            raise Unreadable(f"is packed as {self._coding}, and the packed data stop too early")
        return bytes(self.data)

    def _unpack(self, piece: bytes) -> None:
        if self._start is not None:
            piece = self._start + piece
            self._start = piece if len(piece) < 2 else None
            if self._start is not None:
                return
            if not _is_zlib(piece):
                self._inflater = zlib.decompressobj(-15)
        while piece and len(self.data) <= self._limit:
            assert self._inflater is not None
            if self._inflater.eof:
                piece = piece.lstrip(b"\0")  # padding after the last member (RFC 1952 section 2.2 has members in a row)
                if not piece:
                    return
                self._inflater = _inflater(self._coding)
                continue
            try:
                self.data += self._inflater.decompress(piece, self._limit + 1 - len(self.data))
            except zlib.error:
                raise Unreadable(f"says that it is packed as {self._coding}, but it is not") from None
            self._unread = len(self._inflater.unconsumed_tail)
            piece = self._inflater.unconsumed_tail or self._inflater.unused_data

    def _too_long(self) -> str:
        read = self.wire_bytes - self._unread
        if self._inflater is not None and len(self.data) > _BOMB * read:
            return (
                f"is a {self._coding} bomb: {read} bytes on the wire unpack to more than {size(self._limit)} (limit body_bytes)"
            )
        return f"has a body longer than {size(self._limit)} (limit body_bytes)"


def _is_zlib(start: bytes) -> bool:
    """Say whether deflate comes in its zlib wrapper (RFC 1950 section 2.2) or raw, as many servers send it."""
    return start[0] & 0x0F == 8 and int.from_bytes(start[:2], "big") % 31 == 0


_WINDOW = {"": 0, "identity": 0, "gzip": 31, "x-gzip": 31, "deflate": 15}


def _inflater(coding: str) -> zlib._Decompress | None:
    window = _WINDOW[coding]
    return zlib.decompressobj(window) if window else None


def size(count: int) -> str:
    """Return a number of bytes as a person would say it."""
    for unit, factor in (("MiB", 1024 * 1024), ("KiB", 1024)):
        if count >= factor and count % factor == 0:
            return f"{count // factor} {unit}"
    return f"{count} bytes"

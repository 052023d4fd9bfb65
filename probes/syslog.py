"""This file is for understanding syslog: where a message ends in a stream, and what it says."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace

from probes.decoding import understood

LONGEST_BYTES = 1024 * 1024  # of one message; RFC 5424 section 6.1 asks for 2048 at least

_COUNT = re.compile(rb"[1-9]\d{0,8} <")  # RFC 6587 section 3.4.1
_COUNT_BEGINS = re.compile(rb"[1-9]\d{0,8} ?")
_5424 = re.compile(r"<(\d{1,3})>[1-9]\d? (\S{1,64}) (\S{1,255}) (\S{1,255}) (\S{1,128}) (\S{1,255}) (?=[-\[])")
_ELEMENT = re.compile(r'\[[^ \]="]{1,255}(?: [^ \]="]{1,255}="(?:[^"\\]|\\.)*")*\]', re.DOTALL)
_3164 = re.compile(r"<(\d{1,3})>([A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d) ")
_HOST = re.compile(r"([^\s:\[]{1,255}) (?=[^\s:\[]{1,64}(?:\[[^\]\s]{1,64}\])?:)")
_TAG = re.compile(r"([^\s:\[]{1,64})(?:\[([^\]\s]{1,64})\])?: ?")
_PRIORITY = re.compile(r"<(\d{1,3})>")


class TooLong(Exception):
    """A message in the stream is longer than may be read. The text says so."""


class Frames:
    """Cuts a stream into messages: each with its length before it, or with a line end behind it (RFC 6587 section 3.4)."""

    def __init__(self) -> None:
        self._data = bytearray()
        self._searched = 0
        self._counted = False

    def feed(self, data: bytes) -> list[bytes]:
        """Return the messages that are complete now. Raises: TooLong."""
        self._data += data
        found: list[bytes] = []
        while self._data:
            message = self._next()
            if message is None:
                break
            if message:
                found.append(message)
        return found

    def end(self) -> tuple[bytes, bool]:
        """Return what is left when the stream ends, and whether it is a message that was cut off."""
        return bytes(self._data).rstrip(b"\r\n\0"), bool(self._data) and self._counted

    def _next(self) -> bytes | None:
        if not self._searched:
            self._counted = _COUNT.match(self._data) is not None
            if not self._counted and len(self._data) < 12 and _COUNT_BEGINS.fullmatch(self._data):
                return None  # it may become a length
        if self._counted:
            head, _, _ = self._data[:11].partition(b" ")
            length, begins = int(head), len(head) + 1
            if length > LONGEST_BYTES:
                raise TooLong(f"a message of {length} bytes was sent; {LONGEST_BYTES} may be read")
            if len(self._data) < begins + length:
                return None
            return self._take(begins, begins + length, begins + length)
        end = self._data.find(b"\n", self._searched)
        if end < 0:
            self._searched = len(self._data)
            if self._searched > LONGEST_BYTES:
                raise TooLong(f"a message without a line end within {LONGEST_BYTES} bytes was sent")
            return None
        return self._take(0, end, end + 1)

    def _take(self, begins: int, ends: int, upto: int) -> bytes:
        message = bytes(self._data[begins:ends]).rstrip(b"\r\n\0")
        del self._data[:upto]
        self._searched = 0
        return message


@dataclass(frozen=True, slots=True)
class SyslogMessage:
    """What a message says. `form` is `5424`, `3164` or empty where it is neither, and then all of it is the text."""

    text: str
    form: str = ""
    priority: int | None = None
    fields: dict[str, str] = field(default_factory=dict)  # timestamp, hostname, app_name, procid, msgid, structured_data
    damaged: bool = False  # bytes of it could not be decoded

    @property
    def as_json(self) -> dict[str, str | int]:
        known: dict[str, str | int] = dict(self.fields)
        if self.priority is not None:
            known |= {"facility": self.priority // 8, "severity": self.priority % 8}
        return {**known, "message": self.text}


def understand(raw: bytes) -> SyslogMessage:
    """Return what a message says; whatever was sent is a message, for it may hold anything."""
    whole, damaged = understood(raw)
    message = _understand(whole)
    return replace(message, damaged=True) if damaged else message


def _understand(whole: str) -> SyslogMessage:
    match = _5424.match(whole)
    if match is not None:
        return _of_5424(whole, match)
    match = _3164.match(whole)
    if match is not None:
        return _of_3164(whole, match)
    match = _PRIORITY.match(whole)
    return SyslogMessage(whole[match.end() :], "", int(match[1])) if match else SyslogMessage(whole)


def _of_5424(whole: str, match: re.Match[str]) -> SyslogMessage:
    """Source: RFC 5424 section 6."""
    names = ("timestamp", "hostname", "app_name", "procid", "msgid")
    fields = {name: value for name, value in zip(names, match.groups()[1:], strict=True) if value != "-"}
    at = match.end()
    if whole[at] == "-":
        at += 1
    else:
        began = at
        while element := _ELEMENT.match(whole, at):
            at = element.end()
        if at == began:
            return SyslogMessage(whole)  # structured data that is none: nothing of it may get lost
        fields["structured_data"] = whole[began:at]
    text = whole[at:].removeprefix(" ").removeprefix("\ufeff")
    return SyslogMessage(text, "5424", int(match[1]), fields)


def _of_3164(whole: str, match: re.Match[str]) -> SyslogMessage:
    """Source: RFC 3164 section 4.1; the host is often left out by local senders."""
    fields, at = {"timestamp": match[2]}, match.end()
    if host := _HOST.match(whole, at):
        fields["hostname"], at = host[1], host.end()
    if tag := _TAG.match(whole, at):
        fields["app_name"], at = tag[1], tag.end()
        if tag[2]:
            fields["procid"] = tag[2]
    return SyslogMessage(whole[at:], "3164", int(match[1]), fields)

"""This file is for log records that a target sends to us by OpenTelemetry's protocol over HTTP."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Literal

from pydantic import PositiveInt

from probes.evidence.source import LogSource, LogWindow
from probes.net.http_listening import HttpReply, HttpSink
from probes.net.listening import ListenAddress, Network, SinkMark, shared
from probes.otlp import NotOtlp, Record, from_json, from_protobuf
from probes.shorten import shorten

_PROTOBUF, _JSON = "application/x-protobuf", "application/json"
_LOGS, _OTHERS = "/v1/logs", ("/v1/traces", "/v1/metrics")
_LONGEST = 1024 * 1024  # characters of one record's line
_INVALID = 3  # google.rpc.Code.INVALID_ARGUMENT


class OtlpSink(LogSource, source="otlp_sink"):
    """Listens for OTLP/HTTP log records (POST /v1/logs, protobuf or JSON), from the first mark on until the end of the run.

    Configure the target's exporter with OTEL_EXPORTER_OTLP_LOGS_ENDPOINT=http://127.0.0.1:4318/v1/logs; traces and metrics
    are taken and thrown away. Each record is one line of JSON: timestamp, severity, body, attributes, resource, and where
    given scope, trace_id, span_id, event_name. Sources with the same keys share one sink.
    Source: https://opentelemetry.io/docs/specs/otlp/#otlphttp
    """

    listen: ListenAddress = "127.0.0.1:4318"  # an address of this machine and a port; what is not loopback must be written here
    peers: tuple[Network, ...] = ()  # who may send, such as 10.1.0.0/16; default: everybody who can reach the address
    text: Literal["whole", "body"] = "whole"  # what a line of evidence is: all of the record as JSON, or its body alone
    max_bytes: PositiveInt = 16 * 1024 * 1024  # kept; more throws the oldest away and makes the window cut short

    def describe(self) -> str:
        return f"OTLP sink at {self.listen}"

    async def mark(self) -> SinkMark:
        return (await self._sink()).place()

    async def read_since(self, mark: Any) -> LogWindow:
        return (await self._sink()).read_since(mark)

    async def _sink(self) -> OtlpListener:
        return await shared(self.listen, self, lambda: OtlpListener(self))


class OtlpListener(HttpSink):
    """One open place for OTLP/HTTP."""

    def __init__(self, keys: OtlpSink) -> None:
        super().__init__(keys.describe(), keys.listen, keys.peers, keys.max_bytes)
        self._whole = keys.text == "whole"

    def answer(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> HttpReply:
        if path != _LOGS and path not in _OTHERS:
            if method == "POST":
                told = f"POST {shorten(path, 60)} was sent to the {self.called}; logs are taken at {_LOGS}"
                self.received.note(told, doubt=False)
            return HttpReply(404, f"there is only {_LOGS} here\n".encode())
        if method != "POST":
            return HttpReply(405, b"logs are sent with POST\n")
        sort = headers.get("content-type", "").partition(";")[0].strip().lower()
        if sort not in (_PROTOBUF, _JSON):
            return self._refused(415, sort, f"the content type '{shorten(sort, 40)}' is neither {_PROTOBUF} nor {_JSON}")
        if path in _OTHERS:
            return _accepted(sort, 0)
        try:
            records = from_protobuf(body) if sort == _PROTOBUF else from_json(body)
        except NotOtlp as problem:
            return self._refused(400, sort, str(problem))
        lines = [(self._line(record), _service(record)) for record in records]
        kept = [(text, service) for text, service in lines if len(text) <= _LONGEST]
        for text, service in kept:
            self.received.add(text, f"{self.called}, {service}" if service else self.called)
        if left_out := len(lines) - len(kept):
            self.received.note(f"{left_out} records to the {self.called} were longer than {_LONGEST} characters", doubt=True)
        return _accepted(sort, left_out)

    def _line(self, record: Record) -> str:
        body = record["body"]
        if not self._whole:
            return body if isinstance(body, str) else json.dumps(body, ensure_ascii=False)
        return json.dumps(record, ensure_ascii=False)

    def _refused(self, status: int, sort: str, why: str) -> HttpReply:
        """Refuse a request for good, as a Status message, and tell it: what it held was not read."""
        self.received.note(f"a request to the {self.called} was refused: {why}", doubt=True)
        if sort == _JSON:
            return HttpReply(status, json.dumps({"code": _INVALID, "message": why}).encode(), _JSON)
        return HttpReply(status, b"\x08" + bytes([_INVALID]) + _field(2, why.encode()), _PROTOBUF)


def _accepted(sort: str, left_out: int) -> HttpReply:
    """Return an ExportLogsServiceResponse; records that were left out are told as a partial success."""
    why = f"records of more than {_LONGEST} characters are not taken"
    if sort == _JSON:
        partial = {"partialSuccess": {"rejectedLogRecords": str(left_out), "errorMessage": why}} if left_out else {}
        return HttpReply(200, json.dumps(partial).encode(), _JSON)
    inner = b"\x08" + _varint(left_out) + _field(2, why.encode())
    return HttpReply(200, _field(1, inner) if left_out else b"", _PROTOBUF)


def _field(number: int, value: bytes) -> bytes:
    return bytes([number << 3 | 2]) + _varint(len(value)) + value


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def _service(record: Record) -> str:
    name = record["resource"].get("service.name") if isinstance(record["resource"], dict) else None
    return shorten("".join(sign for sign in name if sign.isprintable()), 48) if isinstance(name, str) else ""

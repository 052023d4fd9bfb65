"""This file is for log records that arrive by OTLP/HTTP: from the real SDK, in both encodings, and from senders of nonsense."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import gzip
import json
import warnings
from collections.abc import Callable
from typing import Any

import pytest
import uvloop
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest, ExportLogsServiceResponse
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import SimpleLogRecordProcessor
from opentelemetry.sdk.resources import Resource

from probes.evidence.otlp_sink import OtlpSink
from probes.evidence.source import EvidenceError
from probes.net.http_listening import BODY_BYTES
from probes.otlp import NotOtlp, from_json, from_protobuf
from tests.probes.evidence.sinks import free_address, received

pytestmark = pytest.mark.anyio

PROTOBUF, JSON = "application/x-protobuf", "application/json"


async def _post(
    address: str, body: bytes, sort: str = JSON, *, path: str = "/v1/logs", method: str = "POST", head: str = ""
) -> tuple[int, bytes]:
    """Send one request as it stands and return status and body of the reply."""
    host, _, port = address.rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    length = "" if "Length" in head or "Transfer" in head else f"Content-Length: {len(body)}\r\n"
    writer.write(
        f"{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Type: {sort}\r\nConnection: close\r\n{length}{head}\r\n".encode()
    )
    with contextlib.suppress(ConnectionError):
        writer.write(body)
        await writer.drain()
    answered = b""
    with contextlib.suppress(ConnectionError):
        answered = await reader.read()
    writer.close()
    with contextlib.suppress(ConnectionError):
        await writer.wait_closed()
    answered = answered.removeprefix(b"HTTP/1.1 100 Continue\r\n\r\n")
    shown, _, rest = answered.partition(b"\r\n\r\n")
    return int(shown.split()[1]), rest


def _request(*bodies: str) -> bytes:
    records = [{"timeUnixNano": "1795255200000000001", "body": {"stringValue": body}} for body in bodies]
    return json.dumps({"resourceLogs": [{"scopeLogs": [{"logRecords": records}]}]}).encode()


def _bodies(window: Any) -> list[Any]:
    return [json.loads(line.text)["body"] for line in window.lines]


@pytest.mark.parametrize("compression", [Compression.NoCompression, Compression.Gzip], ids=["plain", "gzip"])
async def test_the_real_exporter_of_opentelemetry_is_understood(compression: Compression) -> None:
    source = OtlpSink(listen=free_address())
    mark = await source.mark()

    def export() -> None:
        provider = LoggerProvider(resource=Resource({"service.name": "api", "replica": 3}))
        exporter = OTLPLogExporter(endpoint=f"http://{source.listen}/v1/logs", compression=compression, timeout=10)
        provider.add_log_record_processor(SimpleLogRecordProcessor(exporter))
        logger = provider.get_logger("booking", "1.2")
        attributes: dict[str, Any] = {"user": "vera", "seats": [1, -2], "ratio": 0.5, "vip": True, "nested": {"a": [{"b": 1}]}}
        logger.emit(
            LogRecord(
                timestamp=1_795_255_200_000_000_001,
                trace_id=0xAF,
                span_id=0xB,
                severity_text="warning",
                severity_number=SeverityNumber.WARN,
                body="booked",
                attributes=attributes,
            )
        )
        logger.emit(LogRecord(observed_timestamp=1, severity_number=SeverityNumber.ERROR, body={"code": 7}, event_name="e"))
        provider.shutdown()

    await asyncio.to_thread(export)
    window = await received(source, mark, 2)
    first, second = (json.loads(line.text) for line in window.lines)
    assert first["resource"]["service.name"] == "api" and first["resource"]["replica"] == 3
    assert {key: value for key, value in first.items() if key != "resource"} == {
        "timestamp": "2026-11-21T10:00:00.000000001Z",
        "severity": "warning",
        "body": "booked",
        "attributes": {"user": "vera", "seats": [1, -2], "ratio": 0.5, "vip": True, "nested": {"a": [{"b": 1}]}},
        "scope": {"name": "booking", "version": "1.2"},
        "trace_id": f"{0xAF:032x}",
        "span_id": f"{0xB:016x}",
    }
    assert (second["severity"], second["body"], second["event_name"]) == ("ERROR", {"code": 7}, "e")
    assert second["timestamp"] == "1970-01-01T00:00:00.000000001Z" and not window.cut_short and window.remarks == ()
    assert [line.where for line in window.lines] == [f"OTLP sink at {source.listen}, api"] * 2


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
async def test_records_in_json_are_taken_too_and_the_body_alone_can_be_the_line(packed: bool) -> None:
    source = OtlpSink(listen=free_address(), text="body")
    mark = await source.mark()
    body, head = _request("booked", "paid"), "Content-Encoding: gzip\r\n" if packed else ""
    assert await _post(source.listen, gzip.compress(body) if packed else body, head=head) == (200, b"{}")
    window = await received(source, mark, 2)
    assert [line.text for line in window.lines] == ["booked", "paid"]
    assert (await source.read_since(window.next_mark)).lines == ()


async def test_several_requests_of_one_connection_are_answered_and_an_expectation_is_met() -> None:
    source = OtlpSink(listen=free_address())
    mark = await source.mark()
    host, _, port = source.listen.rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    for body in (_request("one"), _request("two")):
        head = f"POST /v1/logs HTTP/1.1\r\nHost: x\r\nContent-Type: {JSON}\r\nTransfer-Encoding: chunked\r\n"
        writer.write(f"{head}Expect: 100-continue\r\n\r\n".encode())
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        writer.write(b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body))
        assert b"200 OK" in await reader.readuntil(b"\r\n\r\n{}")
    writer.close()
    assert _bodies(await received(source, mark, 2)) == ["one", "two"]


async def test_traces_and_metrics_are_taken_and_thrown_away() -> None:
    source = OtlpSink(listen=free_address())
    mark = await source.mark()
    for path in ("/v1/traces", "/v1/metrics"):
        assert await _post(source.listen, b"\x0a\x00", PROTOBUF, path=path) == (200, b"")
    window = await source.read_since(mark)
    assert window.lines == () and not window.cut_short


DEEP = json.dumps({"resourceLogs": [{"scopeLogs": [{"logRecords": [{"body": {"arrayValue": {"values": []}}}]}]}]})
for _ in range(40):
    DEEP = DEEP.replace('"values": []', '"values": [{"arrayValue": {"values": []}}]')
NONSENSE = {
    "no JSON": (b"{", JSON, "", 400, "the body is not JSON of OTLP logs"),
    "a list": (b"[1]", JSON, "", 400, "the body is not JSON of OTLP logs"),
    "records that are none": (b'{"resourceLogs": [7]}', JSON, "", 400, "the body is not JSON of OTLP logs"),
    "nested for ever": (DEEP.encode(), JSON, "", 400, "values are nested more than 32 deep"),
    "no protobuf": (b"\xff\xff\xff", PROTOBUF, "", 400, "the body is not a protobuf message of OTLP logs"),
    "cut off": (b"\x0a\x7f\x0a", PROTOBUF, "", 400, "the body is not a protobuf message of OTLP logs"),
    "another type": (b"x", "text/plain", "", 415, "the content type 'text/plain' is neither"),
    "another packing": (b"x", JSON, "Content-Encoding: br\r\n", 415, "the body is packed as 'br', which was not asked for"),
    "not gzip": (b"xxxx", JSON, "Content-Encoding: gzip\r\n", 400, "says that it is packed as gzip, but it is not"),
    "a bomb": (
        gzip.compress(b" " * (BODY_BYTES + 1)),
        JSON,
        "Content-Encoding: gzip\r\n",
        413,
        "is a gzip bomb",
    ),
    "too large": (b" " * (BODY_BYTES + 300_000), JSON, "", 413, "the request has a body longer than 8 MiB"),
    "too many headers": (b"", JSON, f"X-Much: {'x' * 40_000}\r\n", 431, "the headers are longer than 32768 bytes"),
}


@pytest.mark.parametrize(("body", "sort", "head", "status", "why"), NONSENSE.values(), ids=NONSENSE)
async def test_nonsense_is_refused_and_told_because_it_was_not_read(
    body: bytes, sort: str, head: str, status: int, why: str
) -> None:
    source = OtlpSink(listen=free_address())
    mark = await source.mark()
    with contextlib.suppress(IndexError):  # the reply may be lost where we were still sending
        assert (await _post(source.listen, body, sort, head=head))[0] == status
    window = await received(source, mark, 0, remarks=1)
    assert window.cut_short and why in window.remarks[0]
    assert window.remarks[0].startswith(f"a request to the OTLP sink at {source.listen} was refused: ")
    assert (await _post(source.listen, _request("still there")))[0] == 200


async def test_what_is_no_request_for_logs_is_refused_and_clears_nobody() -> None:
    source = OtlpSink(listen=free_address())
    mark = await source.mark()
    assert (await _post(source.listen, b"", path="/metrics"))[0] == 404
    assert (await _post(source.listen, b"", method="GET"))[0] == 405
    host, _, port = source.listen.rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(b"\x16\x03\x01\x02\x00 hello in TLS\r\n\r\n")
    assert (await reader.read()).startswith(b"HTTP/1.1 400 Bad Request")
    writer.close()
    window = await received(source, mark, 0, remarks=2)
    assert window.lines == () and window.remarks == (
        f"POST /metrics was sent to the OTLP sink at {source.listen}; logs are taken at /v1/logs",
        f"what was sent to the OTLP sink at {source.listen} is not HTTP, so it was not read",
    )


@pytest.mark.parametrize("sort", [JSON, PROTOBUF])
async def test_a_record_that_is_too_long_is_a_partial_success_and_told(sort: str) -> None:
    source = OtlpSink(listen=free_address())
    mark = await source.mark()
    made = ExportLogsServiceRequest()
    scope = made.resource_logs.add().scope_logs.add()
    for text in ("short", "x" * 1_100_000):
        scope.log_records.add().body.string_value = text
    body = made.SerializeToString() if sort == PROTOBUF else _request("short", "x" * 1_100_000)
    status, answered = await _post(source.listen, body, sort)
    if sort == PROTOBUF:
        partial = ExportLogsServiceResponse.FromString(answered).partial_success
        told = (partial.rejected_log_records, partial.error_message)
    else:
        partial = json.loads(answered)["partialSuccess"]
        told = (int(partial["rejectedLogRecords"]), partial["errorMessage"])
    assert (status, told) == (200, (1, "records of more than 1048576 characters are not taken"))
    window = await source.read_since(mark)
    assert _bodies(window) == ["short"] and window.cut_short
    assert window.remarks == (f"1 records to the OTLP sink at {source.listen} were longer than 1048576 characters",)


async def test_a_flood_cuts_the_window_short() -> None:
    source = OtlpSink(listen=free_address(), max_bytes=20_000)
    mark = await source.mark()
    await _post(source.listen, _request(*("x" * 1000 for _ in range(50))))
    window = await source.read_since(mark)
    assert window.cut_short and "were received; the oldest" in window.remarks[0] and len(window.lines) < 20


async def test_a_port_that_is_taken_is_an_error() -> None:
    source = OtlpSink(listen=free_address())
    host, _, port = source.listen.rpartition(":")
    async with await asyncio.start_server(lambda reader, writer: None, host, int(port)):
        with pytest.raises(
            EvidenceError, match=rf"^the OTLP sink at {source.listen} could not be opened: .*address already in use"
        ):
            await source.mark()


@pytest.mark.parametrize("run_loop", [asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
def test_nothing_stays_open_when_the_event_loop_ends(run_loop: Callable[[Any], None]) -> None:
    address = free_address()

    async def run() -> None:
        source = OtlpSink(listen=address)
        mark = await source.mark()
        host, _, port = address.rpartition(":")
        _, writer = await asyncio.open_connection(host, int(port))
        assert await _post(address, _request("booked")) == (200, b"{}")
        assert len((await source.read_since(mark)).lines) == 1
        writer.close()

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(2):  # the address is free again
            run_loop(run())
            gc.collect()


_PLAIN = st.one_of(
    st.text(max_size=8), st.booleans(), st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False, allow_infinity=False)
)
VALUES = st.recursive(_PLAIN, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3))


def _any_value(value: Any) -> AnyValue:
    """Encode by the library's own classes, not by what is tried."""
    made = AnyValue()
    if isinstance(value, bool):
        made.bool_value = value
    elif isinstance(value, int):
        made.int_value = value
    elif isinstance(value, float):
        made.double_value = value
    elif isinstance(value, str):
        made.string_value = value
    elif isinstance(value, list):
        made.array_value.SetInParent()
        made.array_value.values.extend(_any_value(item) for item in value)
    else:
        made.kvlist_value.SetInParent()
        made.kvlist_value.values.extend(KeyValue(key=key, value=_any_value(item)) for key, item in value.items())
    return made


@given(VALUES, st.dictionaries(st.text(max_size=4), VALUES, max_size=3))
def test_whatever_the_library_encodes_is_decoded(body: Any, attributes: dict[str, Any]) -> None:
    request = ExportLogsServiceRequest()
    group = request.resource_logs.add()
    record = group.scope_logs.add().log_records.add(body=_any_value(body))
    pairs = [KeyValue(key=key, value=_any_value(value)) for key, value in attributes.items()]
    record.attributes.extend(pairs)
    group.resource.attributes.extend(pairs)
    [found] = from_protobuf(request.SerializeToString())
    assert (found["body"], found["attributes"], found["resource"]) == (body, attributes, attributes)


@pytest.mark.parametrize("decode", [from_protobuf, from_json])
@given(raw=st.binary(max_size=120))
def test_any_bytes_are_records_or_refused(decode: Callable[[bytes], list[dict[str, Any]]], raw: bytes) -> None:
    with contextlib.suppress(NotOtlp):
        decode(raw)

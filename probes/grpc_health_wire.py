"""This file is for one call of the standard health service over gRPC: its two small messages, and what may go wrong."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from probes.net.reach import Found
from probes.target import Tls

METHOD = "/grpc.health.v1.Health/Check"
# Source: grpc/health/v1/health.proto, HealthCheckResponse.ServingStatus
STATUSES: Mapping[int, str] = {0: "UNKNOWN", 1: "SERVING", 2: "NOT_SERVING", 3: "SERVICE_UNKNOWN"}
_LARGEST = 4096  # bytes of an answer, which is two in truth
_OPTIONS = (
    ("grpc.enable_http_proxy", 0),  # the address was judged, and no other is talked to
    ("grpc.enable_retries", 0),
    ("grpc.use_local_subchannel_pool", 1),  # a connection of its own
    ("grpc.max_receive_message_length", _LARGEST),
    ("grpc.max_metadata_size", 16 * 1024),
)


class NoExtra(Exception):
    """The library is not installed. The text is one sentence."""


class BadCertificates(Exception):
    """The target's TLS settings cannot be used for gRPC. The text is one sentence."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What came of one call: gRPC's code by name, and the health status where there was an answer."""

    code: str
    details: str = ""
    status: str = ""


@dataclass(frozen=True, slots=True)
class Call:
    """One call: of which service the health is asked, and what goes with the question."""

    service: str
    authority: str
    metadata: Sequence[tuple[str, str]]
    user_agent: str
    within_s: float
    tls: Tls | None
    server_name: str


async def health_of(call: Call, found: Found) -> Reply:
    """Ask over a connection of its own, to exactly the address that was found. Raises: NoExtra, BadCertificates."""
    try:
        import grpc
    except ImportError as problem:
        raise NoExtra("the kind 'grpc_health' needs the extra 'grpc': pip install 'vedette[grpc]'") from problem
    version = "ipv6:[{}]:{}" if ":" in found.address else "ipv4:{}:{}"
    place = version.format(found.address, found.flight.port)
    agent = ("grpc.primary_user_agent", call.user_agent)
    if call.tls is None:
        channel = grpc.insecure_channel(place, (*_OPTIONS, agent, ("grpc.default_authority", call.authority)))
    else:
        named = ("grpc.ssl_target_name_override", call.tls.server_name or call.server_name)
        channel = grpc.secure_channel(place, _credentials(grpc, call.tls), (*_OPTIONS, agent, named))
    try:
        return await _answer(channel, call)
    finally:
        channel.close()


async def _answer(channel: Any, call: Call) -> Reply:
    loop = asyncio.get_running_loop()
    over = asyncio.Event()
    ask = channel.unary_unary(METHOD, request_serializer=None, response_deserializer=None)
    pending = ask.future(request_of(call.service), timeout=call.within_s, metadata=tuple(call.metadata))

    def tell(_: Any) -> None:
        with contextlib.suppress(RuntimeError):  # the loop may be closed by now
            loop.call_soon_threadsafe(over.set)

    pending.add_done_callback(tell)
    try:
        await over.wait()
    finally:
        pending.cancel()
    code = str(pending.code().name)
    if code != "OK":
        return Reply(code, str(pending.details() or "")[:500])
    raw = bytes(pending.result())
    try:
        return Reply(code, status=status_in(raw))
    except ValueError:
        return Reply(code, f"{len(raw)} bytes that are no answer of a health service")


def request_of(service: str) -> bytes:
    """Return HealthCheckRequest{service}. Source: protobuf's encoding, field 1 of wire type 2."""
    raw = service.encode("utf-8")
    return b"\x0a" + _varint(len(raw)) + raw if raw else b""


def status_in(raw: bytes) -> str:
    """Return the status of a HealthCheckResponse; an absent field is its zero. Raises: ValueError where it is none."""
    place, status = 0, 0
    while place < len(raw):
        tag, place = _read_varint(raw, place)
        if tag >> 3 == 0 or tag & 7 not in (0, 2):
            raise ValueError("no protobuf message of a health service")
        value, place = _read_varint(raw, place)
        if tag & 7 == 2:  # a field that later versions may have
            place += value
        elif tag >> 3 == 1:
            status = value
    if place != len(raw):
        raise ValueError("the message is cut off")
    return STATUSES.get(status, f"the unknown status {status}")


def _varint(number: int) -> bytes:
    made = bytearray()
    while number > 0x7F:
        made.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*made, number])


def _read_varint(raw: bytes, place: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if place >= len(raw):
            break
        value |= (raw[place] & 0x7F) << shift
        place += 1
        if raw[place - 1] < 0x80:
            return value, place
    raise ValueError("the message is cut off")


def _credentials(grpc: Any, tls: Tls) -> Any:
    if not tls.verify:
        raise BadCertificates("gRPC does not leave a certificate unverified; give its authority as 'tls.ca_file' of the target")
    trusted = tls.ca_file or ssl.get_default_verify_paths().cafile
    try:
        roots = Path(trusted).read_bytes() if trusted else None
        chain = Path(tls.client_certificate).read_bytes() if tls.client_certificate else None
        key_file = tls.client_key or tls.client_certificate
        key = Path(key_file).read_bytes() if key_file else None
    except OSError as problem:
        raise BadCertificates(f"a TLS file of the target cannot be read: '{problem.filename}': {problem.strerror}") from problem
    return grpc.ssl_channel_credentials(root_certificates=roots, private_key=key, certificate_chain=chain)

"""This file is for a gRPC server with the standard health service: sound, or with one of the faults of such servers."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Collection, Mapping
from concurrent import futures
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from vedette.reference.fault import Fault

MODULES = ("grpc",)
SERVICE = "booking.v1.Bookings"
_CHECK = "/grpc.health.v1.Health/Check"
_STORIES = (
    ("grpc_not_serving", "the server waits for a database that was renamed", ("booking.v1.bookings", "not_serving")),
    ("grpc_unimplemented", "the health service was not registered with the new server", ("no health service",)),
    (
        "grpc_service_unknown",
        "the service was renamed, and who watches it was not told",
        ("does not know", "booking.v1.bookings"),
    ),
    ("grpc_hangs", "every thread of the server waits for a lock", ("did not say how it is within",)),
    ("grpc_dead", "the process is gone, and nothing starts it again", ("refused the connection",)),
    ("grpc_html", "a proxy that knows no HTTP/2 was put before it", ("does not speak grpc",)),
    ("grpc_nonsense", "a stub answers every call with the same page", ("no answer of a health service",)),
)
FAULTS = (
    *(Fault(name, "grpc_health", story, hint, system="edge") for name, story, hint in _STORIES),
    Fault(
        "grpc_always_serving",
        "grpc_health",
        "the health service is a constant from the first day",
        ("cannot exist", "serving"),
        vacuity=True,
        system="edge",
    ),
)


@asynccontextmanager
async def serve(bugs: Collection[str], folder: Path) -> AsyncIterator[Mapping[str, str]]:
    """Serve gRPC on a port of its own."""
    if "grpc_html" in bugs:
        server = await asyncio.start_server(_page, "127.0.0.1", 0)
        async with server:
            yield {"VEDETTE_EDGE_GRPC_PORT": str(server.sockets[0].getsockname()[1])}
        return
    import grpc

    over = threading.Event()  # those that hang wait for it, so that none outlives the server
    served = grpc.server(futures.ThreadPoolExecutor(2), handlers=[_handler(grpc, frozenset(bugs), over)])
    port = served.add_insecure_port("127.0.0.1:0")
    served.start()
    try:
        if "grpc_dead" in bugs:
            served.stop(None).wait()
        yield {"VEDETTE_EDGE_GRPC_PORT": str(port)}
    finally:
        over.set()
        await asyncio.to_thread(served.stop(None).wait)


def _handler(grpc: Any, bugs: frozenset[str], over: threading.Event) -> Any:
    """Return what answers the calls; the messages are so small that they are written by hand."""

    def check(asked: bytes, context: Any) -> bytes:
        if "grpc_hangs" in bugs:
            over.wait()
        if "grpc_nonsense" in bugs:
            return b"<!doctype html><title>Bookings</title>"
        name = asked[2:].decode("utf-8")  # field 1: a tag, a length of one byte, the text
        known = () if "grpc_service_unknown" in bugs else (SERVICE,)
        if name in ("", *known) or "grpc_always_serving" in bugs:
            return b"\x08\x02" if "grpc_not_serving" in bugs and name else b"\x08\x01"
        context.abort(grpc.StatusCode.NOT_FOUND, "unknown service")
        return b""

    class Handler(grpc.GenericRpcHandler):  # type: ignore[misc]  # grpc has no types
        def service(self, details: Any) -> Any:
            if details.method == _CHECK and "grpc_unimplemented" not in bugs:
                return grpc.unary_unary_rpc_method_handler(check)
            return None

    return Handler()


async def _page(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(
        b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/html\r\nContent-Length: 12\r\nConnection: close\r\n\r\n<html></html"
    )
    writer.close()

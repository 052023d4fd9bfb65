"""What the benchmarks of watching stand on, each in a process of its own: targets that answer or hang, and blackbox_exporter.

Only loopback is spoken to. Every process ends with the benchmark.
"""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import os
import socket
import ssl
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

BODY = b'{"status": "ok", "company_id": 15, "slots": ["2026-12-01T10:00:00+01:00"], "requested": "10:00:00"}'
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s" % (
    len(BODY),
    BODY,
)
BLACKBOX = "prometheus-blackbox-exporter"
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Targets:
    """Where the neighbours listen. `broken` is set to let the answering ones answer 500."""

    http: int
    https: int
    hanging: int
    ca: str
    pipe: Connection

    def break_it(self, broken: bool) -> None:
        """Let the answering targets fail, or mend them, and return when it is so."""
        self.pipe.send(broken)
        self.pipe.recv()


class _Local(asyncio.Protocol):
    """Answer the same whatever is asked, and close."""

    broken = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self._asked = getattr(self, "_asked", b"") + data
        if not self._asked.endswith(b"\r\n\r\n"):
            return
        self.transport.write(ANSWER.replace(b"200 OK", b"500 No") if _Local.broken else ANSWER)  # type: ignore[attr-defined]
        self.transport.close()


class _Hanging(asyncio.Protocol):
    """Take the connection and say nothing."""


def _serve(pipe: Connection, folder: str) -> None:
    import trustme  # here, so that its memory is not counted as that of what is measured

    authority = trustme.CA()
    certificate = authority.issue_cert("127.0.0.1", "localhost")
    authority.cert_pem.write_to_path(str(Path(folder) / "ca.pem"))

    async def forever() -> None:
        loop = asyncio.get_running_loop()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certificate.configure_cert(context)
        context.num_tickets = 0
        servers = [
            await loop.create_server(_Local, "127.0.0.1", 0, backlog=1024),
            await loop.create_server(_Local, "127.0.0.1", 0, ssl=context, backlog=1024),
            await loop.create_server(_Hanging, "127.0.0.1", 0, backlog=4096),
        ]
        pipe.send([server.sockets[0].getsockname()[1] for server in servers])

        def told() -> None:
            _Local.broken = pipe.recv()
            pipe.send(True)

        loop.add_reader(pipe.fileno(), told)
        await asyncio.Event().wait()

    asyncio.run(forever())


@contextlib.contextmanager
def targets() -> Iterator[Targets]:
    """Serve all neighbours in a child process, and yield where."""
    with tempfile.TemporaryDirectory() as folder:
        ours, theirs = multiprocessing.Pipe()
        child = multiprocessing.get_context("spawn").Process(target=_serve, args=(theirs, folder), daemon=True)
        child.start()
        try:
            yield Targets(*ours.recv(), str(Path(folder) / "ca.pem"), ours)
        finally:
            child.terminate()
            child.join()


@contextlib.contextmanager
def blackbox(ca: str) -> Iterator[tuple[int, int]]:
    """Run blackbox_exporter and yield its port and process id."""
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "blackbox.yml"
        regexp = """fail_if_body_not_matches_regexp: ['"status": "ok"', '"company_id": 15']"""
        plain = f"prober: http, timeout: 5s, http: {{preferred_ip_protocol: ip4, {regexp}"
        config.write_text(f"modules:\n  plain: {{{plain}}}}}\n  tls: {{{plain}, tls_config: {{ca_file: {ca}}}}}}}\n")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        words = [BLACKBOX, f"--config.file={config}", f"--web.listen-address=127.0.0.1:{port}", "--log.level=error"]
        child = subprocess.Popen(words, stdout=subprocess.DEVNULL)
        try:
            _wait_for(f"http://127.0.0.1:{port}/-/healthy")
            yield port, child.pid
        finally:
            child.terminate()
            child.wait()


def cpu_of(pid: int) -> float:
    """Return the CPU seconds that a process has used, user and system, all threads."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def rss_mib(pid: int | str = "self") -> float:
    """Return the resident memory of a process in MiB."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def scrapes(port: int, module: str, target: str, rate: float, seconds: float) -> int:
    """Ask blackbox_exporter to probe at a steady rate, as Prometheus would, from a process of its own; return how often."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = multiprocessing.Pipe()
    child = context.Process(target=_drive, args=(theirs, port, module, target, rate, seconds), daemon=True)
    child.start()
    try:
        done, failed = ours.recv()
    finally:
        child.join()
    if failed > done / 100:
        raise SystemExit(f"blackbox_exporter said {failed} of {done} times that the probe failed")
    return int(done)


def _drive(pipe: Connection, port: int, module: str, target: str, rate: float, seconds: float) -> None:
    request = f"GET /probe?module={module}&target={target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode()

    async def one() -> bool:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request)
        said = await reader.read()
        writer.close()
        return b"probe_success 1" in said

    async def paced() -> tuple[int, int]:
        began, asked = time.perf_counter(), []
        while (passed := time.perf_counter() - began) < seconds:
            while len(asked) < passed * rate:
                asked.append(asyncio.create_task(one()))
            await asyncio.sleep(1 / rate)
        answers = await asyncio.gather(*asked)
        return len(answers), answers.count(False)

    pipe.send(asyncio.run(paced()))


def _wait_for(url: str) -> None:
    until = time.monotonic() + 10
    while True:
        try:
            urllib.request.urlopen(url, timeout=1).close()
            return
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.05)

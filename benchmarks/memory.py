"""Measure whether the peak memory of `vedette run` grows with what its targets send.

`python benchmarks/memory.py [--json] [--quick]`. One child process for each sort of target, with the same number of
scenarios: bodies of 1 kB, bodies of 1 MiB (the limit) in which the expectations look, bodies of 200 MB, gzip bombs of
200 MB, and headers without an end. `small_mb` is the peak (resident, Linux `ru_maxrss`) with 1 kB bodies, `huge_mb`
the highest of all others, `each_mb` says which.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path

COMMAND = Path(sys.executable).parent / "vedette"
KIB = 1024
HUGE = 200_000_000
PIECE = b"x" * 64 * KIB


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--quick", action="store_true", help="fewer scenarios, and each run once")
    args = parser.parse_args()
    times, scenarios = (1, 40) if args.quick else (3, 200)
    with serving() as port:
        peaks = {sort: statistics.median(peak_mb(port, sort, scenarios) for _ in range(times)) for sort in SORTS}
    small = peaks.pop("small")
    huge = max(peaks.values())
    figures = {
        "small_mb": round(small, 1),
        "huge_mb": round(huge, 1),
        "ratio": round(huge / small, 3),
        "each_mb": {sort: round(peak, 1) for sort, peak in peaks.items()},
        "scenarios": scenarios,
    }
    print(json.dumps(figures) if args.json else "\n".join(f"{name:<10} {value}" for name, value in figures.items()))


def peak_mb(port: int, sort: str, scenarios: int) -> float:
    """Return the highest resident memory that one run of so many scenarios had."""
    with tempfile.TemporaryDirectory() as folder:
        suite = Path(folder) / "suite.yaml"
        suite.write_text(suite_text(port, sort, scenarios), encoding="utf-8")
        environ = {**os.environ, "VEDETTE_STATE_DIR": str(Path(folder) / "state")}
        command = [str(COMMAND), "run", str(suite), "-r", f"json={folder}/report.json"]
        child = subprocess.Popen(command, env=environ, stdout=subprocess.DEVNULL)
        _, status, used = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        verdicts = {one["verdict"] for one in json.loads((Path(folder) / "report.json").read_text())["outcomes"]}
        if child.returncode != CODES[sort]:
            raise SystemExit(f"the run against {sort!r} ended with {child.returncode} ({verdicts}): not what was to be measured")
    return used.ru_maxrss / KIB


def suite_text(port: int, sort: str, scenarios: int) -> str:
    head = (
        "suite: memory\n"
        "targets:\n"
        f"  here: {{environment: development, base_url: 'http://127.0.0.1:{port}', private_networks: true}}\n"
        "scenarios:\n"
    )
    expect = "{status: 200, json: {$.status: ok}, body: {contains: ok, not_matches: never}}"
    one = "  - {{name: check {n}, probe: http, request: {{path: /{sort}}}, expect: {expect}}}\n"
    return head + "".join(one.format(n=n, sort=sort, expect=expect) for n in range(scenarios))


def small() -> Iterator[bytes]:
    yield whole(b'{"status": "ok", "more": "%s"}' % (b"x" * KIB))


def full() -> Iterator[bytes]:
    frame = b'{"status": "ok", "more": "%s"}'
    yield whole(frame % (b"x" * (KIB * KIB - len(frame) + 2)))


def long() -> Iterator[bytes]:
    yield b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n"
    for _ in range(HUGE // len(PIECE)):
        yield PIECE


def bomb() -> Iterator[bytes]:
    yield whole(BOMB, b"Content-Encoding: gzip\r\n")


def headers() -> Iterator[bytes]:
    yield b"HTTP/1.1 200 OK\r\n"
    for number in range(HUGE // KIB):
        yield b"X-Header-%d: %s\r\n" % (number, PIECE[:KIB])


def whole(body: bytes, more: bytes = b"") -> bytes:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n%sContent-Length: %d\r\n\r\n"
    return head % (more, len(body)) + body


def _bomb() -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    return b"".join(packer.compress(PIECE) for _ in range(HUGE // len(PIECE))) + packer.flush()


BOMB = _bomb()
SORTS = {"small": small, "full": full, "long": long, "bomb": bomb, "headers": headers}
CODES = {"small": 0, "full": 0, "long": 1, "bomb": 1, "headers": 1}  # what a run against each must end with


@contextlib.contextmanager
def serving() -> Iterator[int]:
    """Serve every sort at its own path, in a thread: only the child's memory is measured."""
    loop = asyncio.new_event_loop()
    server = loop.run_until_complete(asyncio.start_server(answer, "127.0.0.1", 0, backlog=512))
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    yield server.sockets[0].getsockname()[1]
    loop.call_soon_threadsafe(loop.stop)
    thread.join()


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
        request = await reader.readuntil(b"\r\n\r\n")
        pieces: Iterable[bytes] = SORTS[request.split(b" ")[1].strip(b"/").decode()]()
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
    with contextlib.suppress(ConnectionError):
        writer.close()
        await writer.wait_closed()


if __name__ == "__main__":
    main()

"""This file is for servers of tests that call the command: on a thread, so that the test may wait for a child process."""

from __future__ import annotations

import asyncio
import contextlib
import json
import ssl
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.probes.badserver import Script, serving


@contextlib.contextmanager
def on_a_thread(script: Script, *contexts: ssl.SSLContext | None) -> Iterator[list[int]]:
    """Serve the script once for each TLS context (None for plain HTTP), and yield the ports."""
    ports: list[int] = []
    ready, over = threading.Event(), asyncio.Event()

    async def serve() -> None:
        async with contextlib.AsyncExitStack() as stack:
            for context in contexts or (None,):
                server = await stack.enter_async_context(serving(script, context))
                ports.append(server.port)
            ready.set()
            await over.wait()

    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),), daemon=True)
    thread.start()
    assert ready.wait(10)
    try:
        yield ports
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join(10)
        loop.close()


def ask(url: str, data: object = None, headers: Mapping[str, str] | None = None, method: str | None = None) -> int:
    """Return the status of one request, made without the code under test."""
    body = None if data is None else json.dumps(data).encode()
    given = {"Content-Type": "application/json", **(headers or {})}
    request = urllib.request.Request(url, body, given, method=method)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=10) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as refusal:
        refusal.close()
        return refusal.code


class Gate:
    """Hands calls on to a target until one fails; that one is held, so that whoever asked stands still in mid-probe."""

    def __init__(self, target: str) -> None:
        self.target = target
        self.failing = threading.Event()  # a call failed, and is held
        self.release = threading.Event()
        gate = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                data = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                status = ask(gate.target + self.path, data)
                if status != 200:
                    gate.failing.set()
                    gate.release.wait(30)
                with contextlib.suppress(OSError):
                    self.send_response(status)
                    self.send_header("Content-Length", "0")
                    self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Gate:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.release.set()
        self._server.shutdown()
        self._server.server_close()

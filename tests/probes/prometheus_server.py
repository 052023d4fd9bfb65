"""This file is for a real Prometheus on loopback that scrapes an exposition which a test decides."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

PROGRAM = shutil.which("prometheus")


@dataclass
class Scraped:
    """What is scraped: change `text` whenever you like."""

    text: str = ""
    times: int = 0
    url: str = ""


@dataclass
class RealPrometheus:
    url: str
    scraped: Scraped = field(default_factory=Scraped)

    def get(self, path: str, **query: str) -> Any:
        with urllib.request.urlopen(f"{self.url}{path}?{urllib.parse.urlencode(query)}", timeout=10) as answer:
            return json.loads(answer.read())

    def samples(self, query: str) -> list[Any]:
        return list(self.get("/api/v1/query", query=query)["data"]["result"])

    def until(self, query: str, *, there: bool = True, seconds: float = 30) -> None:
        """Wait until a query selects something, or nothing any more."""
        ends = time.monotonic() + seconds
        while time.monotonic() < ends:
            try:
                if bool(self.samples(query)) is there:
                    return
            except OSError:
                pass
            threading.Event().wait(0.05)
        raise AssertionError(f"{query} did not become {'there' if there else 'absent'}")


@contextmanager
def exposing(scraped: Scraped) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            scraped.times += 1
            body = scraped.text.encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        yield f"127.0.0.1:{server.server_address[1]}"
        server.shutdown()


@contextmanager
def prometheus(folder: Path, text: str, rules: dict[str, Any] | None = None) -> Iterator[RealPrometheus]:
    """Run a real Prometheus that scrapes `text` five times a second; it is ended by its own process id."""
    assert PROGRAM is not None
    scraped = Scraped(text)
    with exposing(scraped) as target:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        (folder / "rules.json").write_text(json.dumps(rules or {"groups": []}))
        config = {
            "global": {"scrape_interval": "200ms", "scrape_timeout": "200ms", "evaluation_interval": "200ms"},
            "rule_files": [str(folder / "rules.json")],
            "scrape_configs": [{"job_name": "shop", "static_configs": [{"targets": [target]}]}],
        }
        (folder / "prometheus.json").write_text(json.dumps(config))  # JSON is YAML
        words = [PROGRAM, f"--config.file={folder / 'prometheus.json'}", f"--storage.tsdb.path={folder / 'tsdb'}",
                 f"--web.listen-address=127.0.0.1:{port}", "--log.level=error"]  # fmt: skip
        with (folder / "prometheus.log").open("w") as log:
            process = subprocess.Popen(words, stdout=log, stderr=log, cwd=folder)
        try:
            made = RealPrometheus(f"http://127.0.0.1:{port}", scraped)
            made.until('up{job="shop"} == 1')
            yield made
        finally:
            process.terminate()
            process.wait(30)

"""This file is for a rollout that tests judge: two small servers that say their version, and a policy about them."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

SUITE = """\
suite: shop
targets:
  here: {{environment: development, base_url: '{baseline}', private_networks: true}}
defaults: {{timeout: 2s, retries: 0}}
scenarios:
  - name: the shop sells
    probe: http
    request: {{path: /sell}}
    expect: {{status: 200, json: {{$.sold: true}}}}
"""
POLICY = """\
service: acme/shop
suite: suite.yaml
target: here
canary: {{base_url: '{canary}', version: '{canary_version}'}}
baseline: {{base_url: '{baseline}', version: '{baseline_version}'}}
identity: {{header: X-Version}}
every: 50ms
gap: 0s
stages:
{stages}
"""
STAGES = (
    "{weight: 5, margin: 50, min_rounds: 3, max_rounds: 200, max_time: 30s}",
    "{weight: 100, margin: 45, min_rounds: 3, max_rounds: 200, max_time: 30s}",
)


@dataclass
class Side:
    """One side. What it answers may be changed while it is asked."""

    version: str
    status: int = 200
    asked: int = 0
    url: str = ""
    breaks_after: int | None = None  # answers, of which all that follow are broken
    readings: int = 0  # of its counters that are answered; none after these
    seen: threading.Condition = field(default_factory=threading.Condition)

    def answer(self) -> tuple[int, bytes]:
        with self.seen:
            self.asked += 1
            broken = self.breaks_after is not None and self.asked > self.breaks_after
            self.seen.notify_all()
        status = 500 if broken else self.status
        return status, json.dumps({"sold": status == 200}).encode()

    def metrics(self) -> tuple[int, bytes]:
        """Return its counters: every request so far was served."""
        with self.seen:
            self.readings -= 1
            text = f"# TYPE http_requests_total counter\nhttp_requests_total {1000 + 10 * self.asked}\nhttp_errors_total 0\n"
            return (200, text.encode()) if self.readings >= 0 else (503, b"")

    def wait_for(self, asked: int, within_s: float = 20) -> None:
        """Wait until it was asked so often."""
        with self.seen:
            assert self.seen.wait_for(lambda: self.asked >= asked, within_s), f"asked {self.asked} times only"


@contextmanager
def serving(side: Side) -> Iterator[Side]:
    """Serve a side on loopback."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = side.metrics() if self.path == "/metrics" else side.answer()
            with suppress(OSError):
                self.send_response(status)
                if side.version:
                    self.send_header("X-Version", side.version)
                self.send_header("Content-Type", "text/plain" if self.path == "/metrics" else "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    side.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield side
    finally:
        server.shutdown()
        server.server_close()


@dataclass
class Rollout:
    """Both sides, and the policy's file."""

    canary: Side
    baseline: Side
    policy: Path


@contextmanager
def rollout(
    folder: Path,
    canary: Side | None = None,
    baseline: Side | None = None,
    *,
    stages: Sequence[str] = STAGES,
    more: str = "",
    wanted: tuple[str, str] = ("2.0.0", "1.0.0"),
) -> Iterator[Rollout]:
    """Serve both sides, and write a policy about them."""
    new, old = canary or Side("2.0.0"), baseline or Side("1.0.0")
    with serving(new), serving(old):
        (folder / "suite.yaml").write_text(SUITE.format(baseline=old.url), encoding="utf-8")
        listed = "\n".join(f"  - {stage}" for stage in stages)
        sides = {"canary": new.url, "baseline": old.url, "canary_version": wanted[0], "baseline_version": wanted[1]}
        policy = folder / "shop.yaml"
        policy.write_text(POLICY.format(stages=listed, **sides) + more, encoding="utf-8")
        yield Rollout(new, old, policy)

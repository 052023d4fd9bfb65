"""This file is for making policies and the small suite that they stand beside."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from scenarios.gates.loading import LoadedPolicy, load_policy

SUITE = """
suite: shop
targets:
  staging:
    base_url: http://127.0.0.1:9
    private_networks: true
    allow: [faults]
    evidence:
      app_log: {source: log_file, path: app.log}
      metrics: {source: prometheus, url: "http://127.0.0.1:9"}
    faults:
      redis_down: {lever: command, inject: ["true"], undo: ["true"]}
scenarios:
  - {name: shelves are shown, probe: http, tags: [smoke, shelf], severity: P0, request: {path: /shelves}, expect: {status: 200}}
  - {name: health is told, probe: health, tags: [smoke], live: /health}
  - {name: health follows redis, probe: health, tags: [smoke, fault], live: /health, fault: redis_down, fault_dependency: redis}
  - name: an order is taken
    probe: http
    tags: [order, write]
    request: {method: PUT, path: /orders}
    expect: {status: 200}
  - {name: the order is shown, probe: http, tags: [order], needs: [an order is taken], request: {path: /o}, expect: {status: 200}}
  - name: callers are limited
    probe: rate_limit
    tags: [limit]
    request: {path: "/{{identity}}"}
    limit: 5
    window: 60s
  - {name: backups report, probe: heartbeat, tags: [beat], schedule: {every: 1h}}
"""
HEAD = """\
service: shop/checkout
suite: suite.yaml
target: staging
canary: {version: "2", headers: {X-Canary: always}}
baseline: {version: "1"}
identity: {header: X-Version}
"""


def load(folder: Path, text: str = HEAD, environ: Mapping[str, str] | None = None, *, name: str = "policy.yaml") -> LoadedPolicy:
    """Load a policy from a text, in a folder that gets the suite, too."""
    (folder / "suite.yaml").write_text(SUITE, encoding="utf-8")
    (folder / name).write_text(text, encoding="utf-8")
    return load_policy(folder / name, environ or {})

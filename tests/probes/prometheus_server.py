"""This file is for a real Prometheus on loopback with a past that a test decides.

The past is written by `promtool tsdb create-blocks-from openmetrics`: a scrape of its own would begin only after five seconds.
"""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PROGRAM, TOOL = shutil.which("prometheus"), shutil.which("promtool")


@dataclass
class RealPrometheus:
    url: str

    def samples(self, query: str) -> list[Any]:
        asked = urllib.parse.urlencode({"query": query})
        with urllib.request.urlopen(f"{self.url}/api/v1/query?{asked}", timeout=10) as answer:
            return list(json.loads(answer.read())["data"]["result"])

    def until(self, query: str, *, seconds: float = 30) -> None:
        """Wait until a query selects something."""
        ends = time.monotonic() + seconds
        while time.monotonic() < ends:
            try:
                if self.samples(query):
                    return
            except OSError:
                pass
            threading.Event().wait(0.05)
        raise AssertionError(f"{query} selects nothing")


@contextmanager
def prometheus(folder: Path, past: Mapping[str, tuple[float, float]], rules: dict[str, Any]) -> Iterator[RealPrometheus]:
    """Run a real Prometheus; `past` is the last value of each series, and how many seconds ago it was. Ended by its own id."""
    assert PROGRAM is not None and TOOL is not None
    now = time.time()
    lines = [f"{series} {value} {now - ago:.3f}" for series, (value, ago) in past.items()]
    (folder / "past.txt").write_text("\n".join([*lines, "# EOF", ""]))
    blocks = [TOOL, "tsdb", "create-blocks-from", "openmetrics", str(folder / "past.txt"), str(folder / "tsdb")]
    subprocess.run(blocks, check=True, capture_output=True, timeout=60)
    (folder / "rules.json").write_text(json.dumps(rules))  # JSON is YAML
    config = {"global": {"evaluation_interval": "200ms"}, "rule_files": [str(folder / "rules.json")]}
    (folder / "prometheus.json").write_text(json.dumps(config))
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    words = [PROGRAM, f"--config.file={folder / 'prometheus.json'}", f"--storage.tsdb.path={folder / 'tsdb'}",
             f"--web.listen-address=127.0.0.1:{port}", "--log.level=error"]  # fmt: skip
    with (folder / "prometheus.log").open("w") as log:
        process = subprocess.Popen(words, stdout=log, stderr=log, cwd=folder)
    try:
        yield RealPrometheus(f"http://127.0.0.1:{port}")
    finally:
        process.terminate()
        process.wait(30)

"""This file is for `vedette serve` as its users start it: a process of its own, spoken to over HTTP, ended by signals."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

VEDETTE = str(Path(sys.executable).with_name("vedette"))
PATIENCE_S = 30.0


@dataclass
class Life:
    """One running service. `said` is what it wrote to standard error, whole once it has ended."""

    process: subprocess.Popen[str]
    folder: Path
    url: str = ""
    errors: Path = field(default_factory=Path)

    @property
    def said(self) -> str:
        return self.errors.read_text(encoding="utf-8")

    def get(self, path: str) -> str:
        """Return what a route answers, also where it refuses."""
        try:
            with urllib.request.urlopen(self.url + path, timeout=PATIENCE_S) as answer:
                return str(answer.read().decode())
        except urllib.error.HTTPError as refusal:
            with refusal:
                return str(refusal.read().decode())

    def status(self) -> Any:
        return json.loads(self.get("/api/v1/status"))

    def series(self, scenario: str) -> Any:
        """Return how the series of a scenario stands."""
        found = json.loads(self.get("/api/v1/series"))["items"]
        return next(one for one in found if one["scenario"] == scenario)

    def metric(self, line: str) -> float | None:
        """Return the value of the metric's line that begins so, None where there is none."""
        rows = [row for row in self.get("/metrics").splitlines() if row.startswith(line)]
        return float(rows[0].rpartition(" ")[2]) if rows else None

    def until(self, holds: Callable[[], object], what: str) -> Any:
        """Wait until it holds and return what it returned; fail with the sentence where it never does."""
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            assert self.process.poll() is None, f"the service ended: {self.said}"
            with contextlib.suppress(urllib.error.URLError, ConnectionError):
                if found := holds():
                    return found
            time.sleep(0.05)
        raise AssertionError(f"never {what}: {self.said[-2000:]}")

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(PATIENCE_S)


@contextlib.contextmanager
def serving(folder: Path, *words: str, wait: bool = True, **environ: str) -> Iterator[Life]:
    """Run `vedette serve` in a folder with these words; with `wait`, until it says where the page is."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("VEDETTE_", "OTEL_"))}
    errors = folder / f"stderr-{time.monotonic_ns()}.txt"
    with errors.open("w", encoding="utf-8") as out:
        process = subprocess.Popen(
            [VEDETTE, "serve", *words, "--port", "0"], cwd=folder, env=clean | environ, stderr=out, stdout=out, text=True
        )
    life = Life(process, folder, errors=errors)
    try:
        if wait:
            says = "the page is at "
            life.until(lambda: says in life.said, "said where its page is")
            life.url = life.said.split(says, 1)[1].split()[0].rstrip("/")
        yield life
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()

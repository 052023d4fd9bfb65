"""Compare what a probe costs in a whole service with blackbox_exporter, at the same rate, against the same server, in turns.

Ours is scheduled, sent, judged, stored, counted and exposed; theirs is sent, matched against two expressions and exposed
(Prometheus, which schedules and stores, is not counted). Both open a fresh connection for each probe, with a full
handshake where it is TLS, and verify the certificate. Used by `probe_cost.py --peer blackbox`.
"""

from __future__ import annotations

import multiprocessing
import statistics
import tempfile
from multiprocessing.connection import Connection
from pathlib import Path

from neighbours import Targets, blackbox, cpu_of, scrapes, targets
from schedule import measured, suite_of

RATE = 200  # probes a second
INTERVAL_S = 5.0


def compare(repetitions: int, seconds: float) -> dict[str, object]:
    """Return the medians in microseconds of CPU a probe, and the medians of the ratios within each repetition."""
    ours: dict[str, list[float]] = {"http": [], "https": []}
    theirs: dict[str, list[float]] = {"http": [], "https": []}
    with targets() as neighbours, blackbox(neighbours.ca) as (port, pid):
        for _ in range(repetitions):
            for scheme, module, address in (
                ("http", "plain", f"http://127.0.0.1:{neighbours.http}/health"),
                ("https", "tls", f"https://localhost:{neighbours.https}/health"),
            ):
                before = cpu_of(pid)
                done = scrapes(port, module, address, RATE, seconds)
                theirs[scheme].append((cpu_of(pid) - before) / done * 1e6)
                ours[scheme].append(service(neighbours, seconds, tls=scheme == "https"))
    figures: dict[str, object] = {}
    for scheme in ours:
        ratios = [own / other for own, other in zip(ours[scheme], theirs[scheme], strict=True)]
        figures |= {
            f"vedette_{scheme}_us": round(statistics.median(ours[scheme])),
            f"blackbox_{scheme}_us": round(statistics.median(theirs[scheme])),
            f"ratio_{scheme}": round(statistics.median(ratios), 2),
            f"ratio_{scheme}_range": [round(min(ratios), 2), round(max(ratios), 2)],
        }
    return figures


def service(neighbours: Targets, seconds: float, *, tls: bool) -> float:
    """Return the CPU microseconds of one tick of a whole service, run in a process of its own."""
    context = multiprocessing.get_context("spawn")
    here, there = multiprocessing.Pipe()
    text = suite_of(neighbours, int(RATE * INTERVAL_S), INTERVAL_S, 0, tls=tls)
    child = context.Process(target=_serve, args=(there, text, seconds))
    child.start()
    try:
        return float(here.recv())
    finally:
        child.join()


def _serve(pipe: Connection, text: str, seconds: float) -> None:
    with tempfile.TemporaryDirectory() as folder:
        suite = Path(folder) / "suite.yaml"
        suite.write_text(text, encoding="utf-8")
        figures = measured(suite, Path(folder), INTERVAL_S, seconds)
    if figures["passed_ratio"] != 1.0:
        raise SystemExit(f"not every probe passed: {figures}")
    pipe.send(figures["cpu_us_per_tick"])

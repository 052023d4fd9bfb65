"""Measure how fast `log_privacy` scans a log for planted values, and in how much memory.

`python benchmarks/log_scan.py [--json] [--mb N]`. A log of several frameworks' lines is written, then read and scanned as
the probe does it: the log file source in pieces, the watch that keeps our own lines only, the scanner with every plantable
kind. `mb_per_s` is its size by the CPU time of that; `rss_mib` is the most memory that the process ever had.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import tempfile
import time
from pathlib import Path

from harmless import harmless_lines

from probes.evidence.log_file import LogFile
from probes.leaks import Scanner
from probes.log_watch import LogWatch
from probes.planted_requests import Ours, PlantingRequest, Sent
from probes.planting import PLANTABLE, plant

NONCE = "0b5e55edc0de"
DETECTORS = ("email", "phone", "iban", "card", "bearer", "jwt")


def measured(path: Path, detectors: tuple[str, ...], log: Path) -> tuple[float, float, int]:
    """Return MB/s of CPU time, how much the process grew in MiB, and how many places were found, which should be 1."""
    planted = [plant(kind, NONCE) for kind in PLANTABLE]
    scanner = Scanner(planted, detectors)
    path.touch()
    source = LogFile(path=str(path), max_bytes=4 << 30)
    watch = asyncio.run(LogWatch.begin([("log", source)], keep=Ours(NONCE, _sent()), told=scanner.feed))
    with path.open("ab") as file, log.open("rb") as made:
        while piece := made.read(1 << 20):
            file.write(piece)
        file.write(f'{{"message":"sent to {planted[0].value}","nonce":"{NONCE}"}}\n'.encode())
    before, began = _rss_mib(), time.process_time()
    asyncio.run(watch.read())
    seconds = time.process_time() - began
    return path.stat().st_size / 1e6 / seconds, _rss_mib() - before, len(scanner.result().planted)


def _sent() -> list[Sent]:
    """Three requests, as a scenario has them."""
    request = PlantingRequest.model_validate({"name": "one", "request": {"path": "/{{planted.email}}"}})
    return [
        Sent(request, f"{NONCE}{number:02x}", f"0197b2c4-7d1e-7a00-8c31-5b2f00d1e{number:03}", None, None) for number in range(3)
    ]


def _rss_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--mb", type=int, default=200, help="size of the log (default: 200)")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        log, size = Path(folder) / "harmless.log", 0
        with log.open("w", encoding="utf-8") as file:
            for line in harmless_lines(seed=1):
                size += file.write(line + "\n")
                if size >= args.mb * 1e6:
                    break
        plain = measured(Path(folder) / "a.log", (), log)
        detecting = measured(Path(folder) / "b.log", DETECTORS, log)
    told = {
        "mb_per_s": round(plain[0], 1),
        "rss_mib": round(_rss_mib(), 1),
        "grown_mib": round(plain[1], 1),
        "mb_per_s_with_detectors": round(detecting[0], 1),
        "mb": args.mb,
        "found": [plain[2], detecting[2]],
    }
    print(json.dumps(told) if args.json else "\n".join(f"{name}: {value}" for name, value in told.items()))


if __name__ == "__main__":
    main()

"""Measure what starting costs: CPU of `vedette --help`, and CPU of `vedette run` until its first request arrives.

`python benchmarks/startup.py [--json] [--quick]`; Linux, since CPU until an instant is read from /proc.
"""

from __future__ import annotations

import argparse
import compileall
import importlib
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

COMMAND = Path(sys.executable).parent / "vedette"
SCENARIOS = 20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--quick", action="store_true", help="fewer repetitions")
    args = parser.parse_args()
    times = 3 if args.quick else 11
    compile_ours()
    help_ms, first_ms, bare_ms = [], [], []
    for _ in range(times):  # interleaved, so that a noisy neighbour hits all alike
        bare_ms.append(cpu_ms([sys.executable, "-I", "-c", "pass"]))
        help_ms.append(cpu_ms([str(COMMAND), "--help"]))
        first_ms.append(first_request_cpu_ms())
    figures = {
        "help_cpu_ms": round(statistics.median(help_ms), 1),
        "first_request_cpu_ms": round(statistics.median(first_ms), 1),
        "bare_python_cpu_ms": round(statistics.median(bare_ms), 1),
        "repetitions": times,
        "scenarios": SCENARIOS,
    }
    print(json.dumps(figures) if args.json else "\n".join(f"{name:<22} {value}" for name, value in figures.items()))


def compile_ours() -> None:
    """Write the bytecode of our packages, as `pip install` does; a work tree need not have any."""
    for package in ("probes", "scenarios", "reports", "vedette"):
        compileall.compile_dir(str(Path(importlib.import_module(package).__path__[0])), quiet=2)


def cpu_ms(command: list[str]) -> float:
    """Return user and system milliseconds of a whole process."""
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, _, used = os.wait4(child.pid, 0)
    child.returncode = 0
    return (used.ru_utime + used.ru_stime) * 1000


def first_request_cpu_ms() -> float:
    """Return the milliseconds of CPU that `vedette run` used until the first byte of its first request arrived."""
    with tempfile.TemporaryDirectory() as folder, socket.create_server(("127.0.0.1", 0)) as server:
        suite = Path(folder) / "suite.yaml"
        suite.write_text(suite_text(server.getsockname()[1]), encoding="utf-8")
        environ = {**os.environ, "VEDETTE_STATE_DIR": str(Path(folder) / "state")}
        prime_the_store(suite, environ, server)
        child = subprocess.Popen(
            [str(COMMAND), "run", str(suite), "--timeout", "20s"],
            env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        server.settimeout(30)
        connection, _ = server.accept()
        connection.recv(1)
        used = cpu_of(child.pid)
        child.kill()
        child.wait()
        connection.close()
        return used


def prime_the_store(suite: Path, environ: dict[str, str], server: socket.socket) -> None:
    """Let an earlier run make the database, as it is on every machine but for the first time."""
    subprocess.run(
        [str(COMMAND), "run", str(suite), "--timeout", "1ms"],
        env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False, timeout=60,
    )  # fmt: skip
    server.settimeout(0)
    try:
        while True:
            server.accept()[0].close()
    except BlockingIOError:
        return


def cpu_of(pid: int) -> float:
    """Return the CPU milliseconds of all threads of a process until now. Source: Linux, proc(5), schedstat."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e6


def suite_text(port: int) -> str:
    head = (
        "suite: startup\n"
        "targets:\n"
        f"  here: {{environment: development, base_url: 'http://127.0.0.1:{port}', private_networks: true}}\n"
        "scenarios:\n"
    )
    one = "  - {{name: check {n}, probe: http, request: {{path: /check/{n}}}, expect: {{status: 200, json: {{$.status: ok}}}}}}\n"
    return head + "".join(one.format(n=n) for n in range(SCENARIOS))


if __name__ == "__main__":
    main()

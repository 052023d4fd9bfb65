"""This file is for running the reference target as a process of its own: `python -P -m vedette.reference --port 0 --log FILE`."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from vedette.reference.faults import FAULTS
from vedette.reference.settings import Settings
from vedette.reference.target import ReferenceTarget

TOKEN = "VEDETTE_REFERENCE_TOKEN"


def main(argv: Sequence[str] | None = None) -> int:
    """Serve until SIGINT or SIGTERM; the address is the first line on stdout."""
    parser = argparse.ArgumentParser(prog="vedette.reference", description=f"The control token is read from {TOKEN}.")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--log", type=Path, help="the application's log file")
    parser.add_argument("--fault", action="append", default=[], metavar="NAME", choices=sorted(FAULTS), help="repeatable")
    parser.add_argument(
        "--open-for", type=float, default=1.0, metavar="SECONDS", help="how long the breaker stays open (real: 30)"
    )
    parser.add_argument("--redis-url", default="", help="keep the cache in a real Redis")
    args = parser.parse_args(argv)
    settings = Settings(open_s=args.open_for, redis_url=args.redis_url, control_token=os.environ.get(TOKEN, ""))
    target = ReferenceTarget(args.fault, log_path=args.log, settings=settings)
    asyncio.run(_serve(target, args.port))
    return 0


async def _serve(target: ReferenceTarget, port: int) -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    async with target.running(port=port) as url:
        sys.stdout.write(f"{url}\n")
        sys.stdout.flush()
        await stopped.wait()


if __name__ == "__main__":
    sys.exit(main())

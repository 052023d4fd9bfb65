"""This file is for the demo: the main job done on a fresh machine, against a target of our own over real sockets."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import tempfile
import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from vedette.cli.speech import UsageError, tell
from vedette.exit_codes import Exit
from vedette.settings import read_settings

if TYPE_CHECKING:
    from vedette.jobs.smoke import Order


def demo(order: Order, faults: Sequence[str], report: Path) -> Exit:
    """Start the reference target, run the demo suite against it, and leave an HTML report."""
    # In the state folder, as a container may have no other place that can be written to.
    with tempfile.TemporaryDirectory(prefix="demo-", dir=read_settings().state.absolute()) as folder:
        # Beside the reports, and kept: a leak is told with its line, and somebody will want to see that line.
        log = read_settings().reports / f"demo-target-{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{os.getpid()}.log"
        token = secrets.token_hex(16)
        with embedded_target(faults, log, token) as url:
            from vedette.jobs.smoke import smoke

            tell(f"the reference target listens on {url}" + (f", broken by: {', '.join(faults)}" if faults else ""))
            environ = {**os.environ, "VEDETTE_DEMO_URL": url, "VEDETTE_DEMO_LOG": str(log), "VEDETTE_REFERENCE_TOKEN": token}
            # The target dies with us, so what was broken in it needs no journal that outlives us.
            undo_folder = Path(folder) / "undo"
            code = smoke(replace(order, environ=environ, undo_journal=undo_folder, reports=(*order.reports, f"html={report}")))
    tell(f"report: {report.resolve()}\nresults: {order.store or read_settings().database}")
    return code


@contextlib.contextmanager
def embedded_target(faults: Sequence[str], log: Path, token: str) -> Iterator[str]:
    """Serve the reference target on a thread of its own until the context is left, and yield its address."""
    from vedette.reference.settings import Settings
    from vedette.reference.target import ReferenceTarget

    try:
        target = ReferenceTarget(faults, log_path=log, settings=Settings(control_token=token))
    except ValueError as problem:
        raise UsageError(str(problem)) from problem
    started: list[str] = []
    ready, over = threading.Event(), asyncio.Event()

    async def serve() -> None:
        async with target.running() as url:
            started.append(url)
            ready.set()
            await over.wait()

    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),), name="reference target", daemon=True)
    thread.start()
    ready.wait(timeout=10)
    try:
        yield started[0]
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join(timeout=10)
        loop.close()

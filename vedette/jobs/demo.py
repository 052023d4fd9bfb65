"""This file is for the demo: the main job done on a fresh machine, against a system of our own over real sockets."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from vedette.cli.speech import UsageError, tell
from vedette.exit_codes import Exit
from vedette.settings import read_settings

if TYPE_CHECKING:
    from vedette.jobs.smoke import Order
    from vedette.reference.system import System

Given = TypeVar("Given")
_START_S = 20.0


def demo(order: Order, faults: Sequence[str], report: Path) -> Exit:
    """Start the booking service, run the demo suite against it, and leave an HTML report."""
    # Beside the reports, and kept: a leak is told with its line, and somebody will want to see that line.
    log = kept_in_state("demo-target").with_suffix(".log")
    token = secrets.token_hex(16)
    with embedded_target(faults, log, token) as url:
        tell(f"the reference target listens on {url}{broken_by(faults)}")
        return _ask(order, {"VEDETTE_DEMO_URL": url, "VEDETTE_DEMO_LOG": str(log), "VEDETTE_REFERENCE_TOKEN": token}, report)


def demo_of_system(order: Order, system: type[System], faults: Sequence[str], report: Path) -> Exit:
    """Start one of the other systems, run a suite against it, its own or one on top of that, and leave an HTML report.

    Raises: UsageError where it cannot run here.
    """
    from vedette.reference.faults import named

    if lacking := system.missing():
        raise UsageError(f"the system '{system.name}' cannot run here: it needs {lacking}")
    folder = kept_in_state(f"demo-{system.name}")
    folder.mkdir(parents=True)
    running = system([named(fault).asked_for for fault in faults], folder=folder).running()
    with on_a_thread(running) as variables:
        address = next(value for value in variables.values() if value.startswith("http"))
        tell(f"the system '{system.name}' listens on {address}{broken_by(faults)}; its logs are kept in {folder}")
        return _ask(order, variables, report)


def _refuse_other_addresses(order: Order, variables: Mapping[str, str]) -> None:
    """See that a suite asks the system that was started: nobody expects a demo to send anything elsewhere.

    Raises: UsageError.
    """
    from scenarios.loader import load_suite
    from scenarios.mistakes import SuiteError

    try:
        suite = load_suite(order.suite, target=order.target, environ={**os.environ, **variables})
    except SuiteError:
        return  # told when it is asked
    for target in suite.targets.values():
        if target.name == order.target and not any(target.base_url.startswith(value) for value in variables.values() if value):
            why = f"its address is {target.base_url}, which is not the system's: leave 'base_url' to the suite that it extends"
            raise UsageError(f"the target '{target.name}' of '{order.suite}' is not asked by a demo: {why}")


def _ask(order: Order, variables: Mapping[str, str], report: Path) -> Exit:
    from vedette.jobs.smoke import smoke

    _refuse_other_addresses(order, variables)
    # In the state folder, as a container may have no other place that can be written to.
    with tempfile.TemporaryDirectory(prefix="demo-", dir=read_settings().state.absolute()) as folder:
        # The target dies with us, so what was broken in it needs no journal that outlives us.
        journal = Path(folder) / "undo"
        environ = {**os.environ, **variables}
        code = smoke(replace(order, environ=environ, undo_journal=journal, reports=(*order.reports, f"html={report}")))
    if report.exists():  # not where the suite cannot be read
        tell(f"report: {report.resolve()}\nresults: {order.store or read_settings().database}")
    return code


def kept_in_state(name: str) -> Path:
    """Return where a demo keeps what somebody may want to see afterwards."""
    return read_settings().reports.absolute() / f"{name}-{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{os.getpid()}"


def broken_by(faults: Sequence[str]) -> str:
    """Return the end of the sentence that says what was started."""
    return f", broken by: {', '.join(faults)}" if faults else ""


@contextlib.contextmanager
def embedded_target(faults: Sequence[str], log: Path, token: str) -> Iterator[str]:
    """Serve the reference target on a thread of its own until the context is left, and yield its address."""
    from vedette.reference.settings import Settings
    from vedette.reference.target import ReferenceTarget

    try:
        target = ReferenceTarget(faults, log_path=log, settings=Settings(control_token=token))
    except ValueError as problem:
        raise UsageError(str(problem)) from problem
    with on_a_thread(target.running()) as url:
        yield url


@contextlib.contextmanager
def on_a_thread(running: AbstractAsyncContextManager[Given]) -> Iterator[Given]:
    """Hold an asynchronous context open on an event loop of its own, and yield what it gives.

    Raises: what came of starting it.
    """
    given: list[Given] = []
    problems: list[BaseException] = []
    ready, over = threading.Event(), asyncio.Event()

    async def serve() -> None:
        try:
            async with running as made:
                given.append(made)
                ready.set()
                await over.wait()
        except BaseException as problem:
            problems.append(problem)
            raise
        finally:
            ready.set()

    def work() -> None:
        with contextlib.suppress(Exception):  # raised where it was started, below
            loop.run_until_complete(serve())

    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=work, name="reference system", daemon=True)
    thread.start()
    if not ready.wait(timeout=_START_S) or not given:
        raise problems[0] if problems else TimeoutError(f"the system did not start within {_START_S:g} s")
    try:
        yield given[0]
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join(timeout=10)
        if not thread.is_alive():
            loop.close()

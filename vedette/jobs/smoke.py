"""This file is for the smoke test on demand: load, choose, make sure that all can be kept, ask, report, decide."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from vedette.cli.speech import UsageError, complain, complain_of_suite
from vedette.exit_codes import Exit, of_signal, worst
from vedette.jobs.stopping import Signals
from vedette.settings import make_state_folder, no_state_folder, read_settings

if TYPE_CHECKING:
    from scenarios.events import RunResult, Sink
    from scenarios.model import Suite
    from scenarios.selection import Selection


@dataclass(frozen=True, slots=True)
class Order:
    """What a person asked for. `store` is a database's path or address; `keep` false stores nothing."""

    suite: str
    target: str | None = None
    tags: Sequence[str] = ()
    text: str = ""
    timeout_s: float | None = None
    fail_fast: bool = False
    strict: bool = False
    reports: Sequence[str] = ()
    verbose: bool = False
    jobs: int = 8
    store: str | None = None
    keep: bool = True
    undo_journal: Path | None = None
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)


def smoke(order: Order) -> Exit:
    """Run the order and return its exit code. Raises: UsageError when nothing could be sent for the user's mistake."""
    with _no_garbage_collection():
        loaded = load(order)
        if loaded is not None:
            import probes.session  # noqa: F401 - the last large part that the first request needs
    if loaded is None:
        return Exit.USAGE
    suite, target, selection = loaded
    from scenarios.selection import choose, why_nothing

    if not choose(suite, target, selection).scenarios:
        complain(why_nothing(suite, target, selection))
        return Exit.NOTHING_SELECTED
    before = _ready(order)
    if before is not Exit.PASSED:
        return before
    return _ask(order, suite, target, selection)


@contextlib.contextmanager
def _no_garbage_collection() -> Iterator[None]:
    """Start without it: what is loaded stays for the whole run, so looking for garbage in it costs time for nothing."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def load(order: Order) -> tuple[Suite, str, Selection] | None:
    """Return the suite, the target's name and the selection, or None after every mistake was told."""
    from scenarios.loader import load_suite
    from scenarios.mistakes import SuiteError
    from scenarios.selection import parse_selection

    for given in order.tags:  # `-t "$TAG"` with an empty variable must not ask everything
        if not given.replace(",", " ").strip():
            raise UsageError(f"-t '{given}' names no tag; leave it out to choose every scenario")
    try:
        suite = load_suite(order.suite, target=order.target, environ=order.environ)
        if order.target is None and len(suite.target_names) > 1:
            raise UsageError(f"the suite has several targets; choose one with --target: {', '.join(suite.target_names)}")
        target = order.target or suite.target_names[0]
        if target not in suite.targets:  # the only one, and a variable of it has no value: load again to say which
            suite = load_suite(order.suite, target=target, environ=order.environ)
    except SuiteError as problem:
        complain_of_suite(problem)
        return None
    return suite, target, parse_selection(order.tags, order.text)


def exit_code_of(result: RunResult, *, strict: bool) -> Exit:
    """Return the exit code that a finished run deserves: the worst of all reasons not to be 0."""
    from probes.outcome import Verdict
    from scenarios.events import Ended

    verdicts = {o.verdict for o in result.outcomes}
    asked = verdicts - {Verdict.SKIPPED}
    reasons = {
        Exit.UNDO_FAILED: any(o.undo_failures for o in result.outcomes),
        of_signal(result.signal): result.ended is Ended.INTERRUPTED,
        Exit.FAILED: Verdict.FAIL in verdicts or (strict and Verdict.DEGRADED in verdicts),
        Exit.DEADLINE: result.ended is Ended.DEADLINE,
        Exit.INCONCLUSIVE: bool(verdicts & {Verdict.ERROR, Verdict.INCONCLUSIVE}) or not asked or bool(result.trouble),
    }
    return worst(code for code, holds in reasons.items() if holds)


def _ready(order: Order) -> Exit:
    """Make the state folder, see that results can be stored, and mend what an earlier run left broken."""
    from reports.store.errors import StoreError
    from reports.store.preflight import check_store
    from vedette.jobs.mend import mended_before

    settings = read_settings()
    try:
        make_state_folder(settings)
        if order.keep:
            check_store(order.store or settings.database)
    except OSError as problem:
        complain(no_state_folder(settings, problem))
        return Exit.INCONCLUSIVE
    except StoreError as problem:
        complain(f"{problem}; nothing was sent (--no-store runs without it)")
        return Exit.INCONCLUSIVE
    return Exit.PASSED if order.undo_journal is not None or mended_before(settings) else Exit.UNDO_FAILED


def _ask(order: Order, suite: Suite, target: str, selection: Selection) -> Exit:
    from datetime import UTC, datetime

    from probes.undo import Journal
    from reports.store.errors import StoreError
    from reports.store.sink import StoreSink
    from scenarios.runner import Runner
    from vedette.version import version
    from vedette.wiring import history_in, make_reporters, prepare

    settings = read_settings()
    where = order.store or settings.database
    history = history_in(where, suite.name, datetime.now(UTC)) if order.keep else None
    reporters = make_reporters(order.reports or ["list"], verbose=order.verbose, history=history)
    prepare(reporters)
    store = StoreSink(where) if order.keep else None
    sinks: list[Sink] = [*([store] if store else []), *reporters]

    async def go() -> RunResult:
        runner = Runner(
            suite, target, selection, sinks=sinks, run_deadline_s=order.timeout_s, fail_fast=order.fail_fast,
            journal=Journal(order.undo_journal or settings.undo_journal), artifacts=settings.artifacts.absolute(),
            jobs=order.jobs, version=version(),
        )  # fmt: skip
        with signals.stop(runner):
            return await runner.run()

    with Signals() as signals:
        result = asyncio.run(go())
        trouble = list(result.trouble)
        if store is not None:
            try:
                store.close()
            except StoreError as problem:
                trouble.append(str(problem))
    for sentence in trouble:
        complain(sentence)
    code = exit_code_of(result, strict=order.strict)
    return worst([code, Exit.INCONCLUSIVE]) if trouble else code

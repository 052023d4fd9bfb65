"""This file is for the run of the whole suite right after a deployment: stored as any run, and told to the ledger."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from probes.outcome import Verdict
from reports.deployments import Deployment, FirstRun
from reports.overall import overall, unproven, worst_first
from reports.store.errors import StoreError
from scenarios.events import Ended, Event, RunResult, RunStarted, Sink
from scenarios.plan import PARTICIPLE
from scenarios.watch.asks import NotWatching

if TYPE_CHECKING:
    from reports.store.ledger.deployments import Deployments
    from vedette.service.deploying import Watching

_AGAIN_S = 5.0  # after which a store that did not take what the run came to is asked again
_log = logging.getLogger(__name__)


class RunSink(Sink, Protocol):
    """A sink that stores one run; `close` blocks until it is stored, and raises StoreError where it is not."""

    def close(self) -> None: ...


async def ask_whole_suite(
    deployment: Deployment, watching: Watching, ledger: Deployments, make_sink: Callable[[], RunSink]
) -> FirstRun | None:
    """Run, and return what came of it once that is kept; None where the run did not come to its end.

    A run that was cut short, because the service stops, is not told: it is done anew after the restart.
    """
    sink, link = make_sink(), _Link()
    linking = asyncio.create_task(_link(deployment, ledger, link))
    try:
        result = await watching.run_suite(deployment.suite, deployment.target, sinks=[link, sink], kind="deploy")
        await linking
    except (KeyError, NotWatching):  # a reload took it away, or the service stops
        return None
    finally:
        linking.cancel()
        await _close(sink)
    if result.ended is Ended.INTERRUPTED:
        return None
    run = FirstRun(result.run.id, overall(result), sentence_of(result))
    while True:
        if await _told(deployment, ledger, run):
            return run
        await asyncio.sleep(_AGAIN_S)


def sentence_of(result: RunResult) -> str:
    """Return in one sentence what a run came to: its worst outcome, or how many passed."""
    outcomes, verdict = worst_first(result.outcomes), overall(result)
    if outcomes and outcomes[0].verdict is verdict and verdict is not Verdict.PASS:
        worst = outcomes[0]
        return f"'{worst.subject.scenario}' {PARTICIPLE.get(verdict, 'was degraded')}: {worst.sentence}"
    skipped = sum(o.verdict is Verdict.SKIPPED for o in outcomes)
    passed = f"{len(outcomes) - skipped} of {len(outcomes)} scenarios passed"
    return unproven(result) or passed + (f", {skipped} skipped" if skipped else "")


class _Link:
    """A sink that only hears which run it is."""

    def __init__(self) -> None:
        self.run_id: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def take(self, event: Event) -> None:
        if isinstance(event, RunStarted) and not self.run_id.done():
            self.run_id.set_result(event.run.id)


async def _link(deployment: Deployment, ledger: Deployments, link: _Link) -> None:
    run_id = await link.run_id
    try:
        await asyncio.to_thread(ledger.link_run, deployment.id, run_id)
    except StoreError as problem:  # what the run comes to is kept with its id anyway
        _log.warning("the run of the deployment %s could not be linked yet: %s", deployment.id, problem)


async def _told(deployment: Deployment, ledger: Deployments, run: FirstRun) -> bool:
    try:
        await asyncio.to_thread(ledger.end_run, deployment.id, run)
    except StoreError as problem:
        _log.warning("what the run of the deployment %s came to could not be kept yet: %s", deployment.id, problem)
        return False
    return True


async def _close(sink: RunSink) -> None:
    try:
        await asyncio.to_thread(sink.close)
    except StoreError as problem:
        _log.warning("the run after a deployment was not stored: %s", problem)

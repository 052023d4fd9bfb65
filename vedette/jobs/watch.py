"""This file is for continuous probing: load, take the store, start every part, go on until told to stop, and stop well."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
from collections.abc import Coroutine, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vedette.cli.speech import UsageError, complain, tell
from vedette.exit_codes import Exit
from vedette.jobs.thrift import settled, thrift
from vedette.settings import Settings, make_state_folder, no_state_folder

if TYPE_CHECKING:
    from reports.store.watch.lock import ServiceLock
    from scenarios.model import Suite
    from scenarios.watch.events import WatchSink
    from scenarios.watch.series import Watched
    from vedette.service.assembly import Acknowledged, Assembly
    from vedette.service.gate_policies import Policies
    from vedette.service.reloading import Fingerprint
    from vedette.service.server import Server
    from vedette.service.state import ServeSettings
    from vedette.service.tracing import Traces

WATCH_SHARE = 0.5  # of the time for stopping, in which what runs may finish
STORE_SHARE = 0.4  # and in which what came last is stored; the rest is for hanging up on whoever is still connected
STORE_LEAST_S = 7.0  # a store that is locked is given up after 5 s; only then is what came last in the spool, not lost
SERVICE_FILE = "service.json"  # tells commands on this machine where we listen


@thrift()
def watch(settings: ServeSettings, more_sinks: Sequence[WatchSink] = (), acknowledged: Sequence[Acknowledged] = ()) -> Exit:
    """Serve until SIGTERM or SIGINT, and return how it went.

    `more_sinks` are told what all are told; `acknowledged` are called, on the store's thread, for each tick that is stored
    for good. Raises: UsageError for what the command line got wrong.
    """
    from reports.store.errors import StoreError
    from reports.store.preflight import check_store
    from reports.store.watch.lock import only_service
    from vedette.service.assembly import where_of

    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # nothing is loaded yet; by default it would end us
    own = Settings(settings.state)
    try:
        make_state_folder(own)
    except OSError as problem:
        complain(no_state_folder(own, problem))
        return Exit.INCONCLUSIVE
    try:
        check_store(where_of(settings))
        with only_service(where_of(settings), settings.location) as lock:
            _mend(own)
            return _in_loop(_Watch(settings, lock, more_sinks, acknowledged).run())
    except StoreError as problem:
        complain(f"{problem}; nothing is watched")
        return Exit.INCONCLUSIVE


def _mend(own: Settings) -> None:
    """Take out the faults that an earlier life left in; what cannot be taken out is told and does not hinder watching."""
    from vedette.jobs.mend import may_be_open, mend

    if may_be_open(own):
        for restored in mend(own):
            tell(restored.sentence)


def _in_loop(whole: Coroutine[Any, Any, Exit]) -> Exit:
    """Run in uvloop where it is installed: it saves a third of what a request costs."""
    try:
        import uvloop
    except ModuleNotFoundError:
        return asyncio.run(whole)
    return uvloop.run(whole)


class _Watch:
    """One life of the service, from loading to the last outcome stored."""

    def __init__(
        self,
        settings: ServeSettings,
        lock: ServiceLock,
        more_sinks: Sequence[WatchSink],
        acknowledged: Sequence[Acknowledged],
    ) -> None:
        self._settings = settings
        self._lock = lock
        self._more_sinks = more_sinks
        self._acknowledged = acknowledged
        self._stop = asyncio.Event()
        self._hung_up = False  # asked to reload before there was anything to reload
        self._files_seen: Fingerprint = ()
        self._trouble: list[str] = []  # what went wrong on our side and decides the exit code

    async def run(self) -> Exit:
        from vedette.service.gate_policies import Policies, load_policies
        from vedette.service.loading import NotLoaded, load
        from vedette.service.reloading import fingerprint
        from vedette.service.server import ListenError

        self._take_signals()
        self._files_seen = fingerprint(self._settings.suites, self._settings.gates)
        try:
            suites = await load(self._settings.suites, self._settings.targets)
            policies = Policies(await asyncio.to_thread(load_policies, self._settings.gates))
        except NotLoaded as problem:
            if self._stop.is_set():  # Ctrl-C reaches the process that loads as well
                return Exit.PASSED
            complain(str(problem))
            return Exit.USAGE
        if self._stop.is_set():
            return Exit.PASSED
        try:
            return await self._serve(suites, policies)
        except ListenError as problem:
            raise UsageError(str(problem)) from problem
        finally:
            for sentence in self._trouble:
                complain(sentence)

    async def _serve(self, suites: Sequence[Suite], policies: Policies) -> Exit:
        from scenarios.watch.series import watched
        from vedette.service.app import build_app, close_app
        from vedette.service.assembly import assembled
        from vedette.service.logs import set_up
        from vedette.service.security.listening import doubts, may_listen
        from vedette.service.server import ListenError, Server

        series = watched(suites, self._settings.location, self._settings.targets)
        if not series:
            complain("the suites have no scenario for these targets, so there is nothing to watch")
            return Exit.NOTHING_SELECTED
        settings = replace(self._settings, environment=self._settings.environment or _environment(series))
        if reason := may_listen(settings, _there_are_tokens(settings)):
            raise UsageError(reason)
        traces = _traces(settings)
        made = assembled(settings, suites, [*self._more_sinks, *traces], self._acknowledged, self._files_seen, policies)
        service = made.service
        app = build_app(service)
        try:
            server = Server(app, settings)
        except ListenError:
            await close_app(app)
            await asyncio.to_thread(made.give_up)
            raise
        for doubt in doubts(settings):
            tell(f"warning: {doubt}")
        logs = set_up(
            level=settings.log_level,
            form=settings.log_format,
            environment=settings.environment,
            secrets=[*_secrets(suites), *policies.secrets],
        )
        made.swap.on_swapped = lambda suites: logs.learn(_secrets(suites))
        policies.on_taken = lambda: logs.learn(policies.secrets)
        told = settings.state / SERVICE_FILE
        _write_privately(told, {"url": server.url, "pid": os.getpid(), "location": settings.location})
        count = len(made.series)
        tell(f"watching {count} scenario{'s' * (count != 1)}; the page is at {server.url}/")
        try:
            await self._until_stopped(made, server)
        finally:
            with contextlib.suppress(OSError):
                told.unlink()
            await close_app(app)
            for one in traces:
                await asyncio.to_thread(one.close)
            logs.close()
        return Exit.INCONCLUSIVE if self._trouble else Exit.PASSED

    async def _until_stopped(self, made: Assembly, server: Server) -> None:
        """Run every part until a signal comes or one of them breaks, then end them in their order."""
        from vedette.service.chores import Chores

        service = made.service
        settled()
        watching = asyncio.create_task(service.watcher.run(), name="watcher")
        burning_in = asyncio.create_task(service.burn_ins.run(), name="burn-ins")
        gating = asyncio.create_task(service.gates.run(), name="gates")
        serving = asyncio.create_task(server.serve(), name="server")
        stopping = asyncio.create_task(self._stop.wait(), name="signal")
        self._take_hangup(made)
        Chores(made, self._lock, self._store_lost).begin()
        parts = {watching, burning_in, gating, serving}
        await asyncio.wait({*parts, stopping}, return_when=asyncio.FIRST_COMPLETED)
        self._trouble += [f"the {t.get_name()} broke: {_why(t)}" for t in parts if t.done()]
        stopping.cancel()
        service.stopping = True
        whole_s = self._settings.stop_within_s
        gating.cancel()  # what a round broke is mended meanwhile
        await service.watcher.stop(whole_s * WATCH_SHARE)
        burning_in.cancel()
        await asyncio.wait({watching, burning_in, gating}, timeout=1.0)
        await service.heartbeats.close()
        await asyncio.to_thread(self._store_the_rest, made, max(whole_s * STORE_SHARE, STORE_LEAST_S))
        await server.stop(within_s=1.0)
        await asyncio.wait({serving}, timeout=2.0)
        await asyncio.to_thread(made.close)

    def _store_the_rest(self, made: Assembly, within_s: float) -> None:
        from reports.store.errors import StoreError

        service = made.service
        if not service.sink.close(within_s):
            figures = service.sink.figures()
            waiting = f"{figures.spooled} answers wait in '{self._settings.state / 'spool'}' for the next start"
            self._trouble.append(f"not everything is in the store yet ({figures.last_error or 'it takes too long'}); {waiting}")
            return  # whoever waited for the store once more would not end in time
        with contextlib.suppress(StoreError):  # that the end is not noted makes the next start count a gap, no more
            service.history.stopped(made.id, service.clock())

    def _take_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._told_to_stop, number)
        loop.add_signal_handler(signal.SIGHUP, lambda: setattr(self, "_hung_up", True))

    def _told_to_stop(self, number: int) -> None:
        if not self._stop.is_set():
            tell(f"{signal.Signals(number).name}: stopping within {self._settings.stop_within_s:g} s")
        self._stop.set()

    def _store_lost(self, reason: str) -> None:
        if reason not in self._trouble:
            self._trouble.append(reason)
        self._stop.set()

    def _take_hangup(self, made: Assembly) -> None:
        def reload() -> None:
            self._reloading = asyncio.create_task(made.reloader.reload("signal"))

        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, reload)
        if self._hung_up:
            reload()


def _there_are_tokens(settings: ServeSettings) -> bool:
    from reports.store.ledger.tokens import Tokens
    from scenarios.runner import utc_now
    from vedette.service.assembly import where_of

    tokens = Tokens(where_of(settings))
    try:
        return tokens.exist(utc_now())
    finally:
        tokens.close()


def _traces(settings: ServeSettings) -> list[Traces]:
    """Return what makes traces, where the environment names somebody who takes them. Raises: UsageError without the extra."""
    from vedette.service.tracing import ENDPOINTS, Traces, TracingUnavailable
    from vedette.version import version

    if not any(os.environ.get(name) for name in ENDPOINTS):
        return []
    try:
        return [Traces(version=version(), environment=settings.environment)]
    except TracingUnavailable as problem:
        raise UsageError(str(problem)) from problem


def _environment(series: Sequence[Watched]) -> str:
    """Return the environment that a service stands for which does not say its own: that of its targets, if they share one."""
    found = {one.target.environment.value for one in series}
    return found.pop() if len(found) == 1 else "mixed"


def _secrets(suites: Sequence[Suite]) -> list[tuple[str, str]]:
    """Return all that must not stand in a log line."""
    from scenarios.hidden import secrets_in

    told = [pair for suite in suites for pair in suite.secrets]
    for suite in suites:
        told += secrets_in([*suite.targets.values(), *(scenario.probe for scenario in suite.scenarios)])
    return told


def _why(task: asyncio.Task[Any]) -> str:
    if task.cancelled():
        return "it was cancelled"
    problem = task.exception()
    return f"{type(problem).__name__}" if problem is not None else "it ended by itself"


def _write_privately(path: Path, data: object) -> None:
    """Write a file that only we may read, whole or not at all."""
    beside = path.with_name(f"{path.name}.{os.getpid()}")
    file = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(file, "w", encoding="utf-8") as out:
        json.dump(data, out)
    beside.replace(path)

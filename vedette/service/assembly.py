"""This file is for joining the parts of one service: what stands on what, who is told of what, in which order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from probes.ids import new_id
from probes.undo import Journal
from reports.board import Board
from reports.metrics.exposition import Exposition
from reports.metrics.gates import ENDED_KEPT
from reports.store.errors import StoreError
from reports.store.ledger.audit import Audit
from reports.store.ledger.deployments import Deployments
from reports.store.ledger.gates import GateLedger
from reports.store.ledger.maintenance import MaintenanceBook
from reports.store.ledger.tokens import Tokens
from reports.store.sink import StoreSink
from reports.store.store import Store
from reports.store.watch.history import WatchHistory
from reports.store.watch.sink import TickSink
from scenarios.runner import utc_now
from scenarios.watch.events import SeriesKey, Tick, Trigger, WatchEvent, WatchSink
from scenarios.watch.series import Watched, watched
from scenarios.watch.watcher import Watcher
from vedette.service.burn_in import BurnIns
from vedette.service.bus import Bus
from vedette.service.calendar import Calendar
from vedette.service.carrying import Carrying, Pair, renamed_since
from vedette.service.gate_opening import Opener
from vedette.service.gate_policies import Policies
from vedette.service.gates import Gates
from vedette.service.heartbeats import Heartbeats
from vedette.service.phase_evidence import Evidence
from vedette.service.reloading import Also, Fingerprint, Reloader
from vedette.service.state import ServeSettings, Service
from vedette.service.swapping import Swap
from vedette.service.versions import Versions
from vedette.service.watch_log import WatchLog
from vedette.settings import Settings
from vedette.version import version

if TYPE_CHECKING:
    from reports.deployments import Deployment
    from reports.store.watch.answers import Gap, SeriesState
    from scenarios.model import Suite

Acknowledged = Callable[[SeriesKey, datetime], None]  # what is stored for good, called on the store's thread
PAST_S = 3 * 3600  # by how much of the past counts are told, as the windows of the board keep them
_HOUR, _FINE, _DAYS = timedelta(hours=1), timedelta(hours=26), timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Assembly:
    """One service, put together, and what only its start and its end need to know."""

    service: Service
    id: str  # of this life of the service
    series: tuple[Watched, ...]
    reloader: Reloader
    swap: Swap
    maintenance: MaintenanceBook

    def give_up(self) -> None:
        """End what was never begun: this life was none, so that the next one tells of no gap after it. Blocks."""
        self.service.sink.close(1.0)
        with suppress(StoreError):
            self.service.history.stopped(self.id, self.service.clock())
        self.close()

    def close(self) -> None:
        """Give back what was opened; nothing may be asked any more. Blocks."""
        service = self.service
        ledgers = (service.burn_ins.ledger, service.gates, self.maintenance)
        for part in (service.history, service.store, service.tokens, service.audit, *ledgers):
            part.close()


class Told:
    """All who are told of ticks, for parts that make ticks of their own."""

    def __init__(self, sinks: Sequence[WatchSink]) -> None:
        self.sinks = list(sinks)

    def __call__(self, event: WatchEvent) -> None:
        for sink in self.sinks:
            sink.take_watched(event)


def where_of(settings: ServeSettings) -> Path | str:
    """Return where the results are kept."""
    return settings.store or Settings(settings.state).database


def assembled(
    settings: ServeSettings,
    suites: Sequence[Suite],
    more_sinks: Sequence[WatchSink] = (),
    acknowledged: Sequence[Acknowledged] = (),
    files_seen: Fingerprint | None = None,
    policies: Policies | None = None,
) -> Assembly:
    """Return the service with all its parts, restored from the store; nothing runs yet.

    `files_seen` is how the files of the suites were before these were loaded, `policies` are what gates can be opened with.
    Blocks; to be called on the event loop's thread before anything is served. Raises: StoreError, OSError.
    """
    where, own, now = where_of(settings), Settings(settings.state), utc_now()
    history, life = WatchHistory(where), new_id()
    history.begin(life, settings.location, version(), now)
    gaps = history.gaps(settings.location, now - _DAYS)
    series = watched(suites, settings.location, settings.targets)
    states, owed = _states(history, settings.location, series)
    board = _board(history, settings.location, states, series, now)
    deployments = Deployments(where)
    versions, maintenance = Versions(deployments.versions(settings.location)), MaintenanceBook(where)
    calendar = Calendar(maintenance, suites)
    calendar.load()
    metrics = Exposition(board, max_series=settings.max_series, version=version())
    for newest in deployments.newest(settings.location):
        _mark(metrics, newest)
    bus, log = Bus(), WatchLog()
    stored = _Stored([metrics.acknowledged, *acknowledged])
    sink = TickSink(where, spool=own.state / "spool", acknowledged=stored)
    told = Told([board, metrics, sink, bus, log, *more_sinks])
    heartbeats = Heartbeats.opened(
        where, series, state=own.state, tell=told, last_seen=_last_seen(states), gaps=gaps, version_of=versions.of,
        maintenance_of=calendar.maintenance_of, vedette_version=version(),
    )  # fmt: skip
    stored.listeners.append(heartbeats.stored)
    watcher = _watcher(settings, series, [*told.sinks, heartbeats], states, gaps, versions, calendar)
    told.sinks.append(_Noting(watcher))
    board.next_due_of = watcher.next_due
    metrics.sources.scheduling, metrics.sources.storing = watcher.figures, sink.figures
    suites_now = {suite.name: suite for suite in suites}
    burn_ins = BurnIns(
        deployments, watcher, Evidence(history, settings.location, sink.flush), versions,
        make_run_sink=lambda: StoreSink(where), location=settings.location,
        tell=[bus.tell, lambda told: _mark(metrics, told.deployment)],
    )  # fmt: skip
    gates = _gates(settings, history, policies or Policies(), metrics)
    swap = Swap(settings, watcher, board, calendar, heartbeats, Carrying(history, sink, owed), suites_now)
    reloader = Reloader(
        settings.suites,
        settings.targets,
        swap,
        utc_now,
        [log.reloaded, lambda r: metrics.reloaded(ok=r.ok, at=r.at)],
        seen=files_seen,
        gates=Also(settings.gates, gates.policies),
    )
    service = Service(
        settings=settings, started_at=now, version=version(), clock=utc_now, watcher=watcher, board=board, sink=sink,
        history=history, store=Store(where), metrics=metrics, bus=bus, burn_ins=burn_ins, gates=gates, calendar=calendar,
        heartbeats=heartbeats, tokens=Tokens(where), audit=Audit(where), reloads=reloader, suites=suites_now,
    )  # fmt: skip
    return Assembly(service, life, tuple(series), reloader, swap, maintenance)


def _mark(metrics: Exposition, deployment: Deployment) -> None:
    metrics.deployed(deployment.suite, deployment.target, deployment.version, deployment.deployed_at)


def _gates(settings: ServeSettings, history: WatchHistory, policies: Policies, metrics: Exposition) -> Gates:
    own, ledger = Settings(settings.state), GateLedger(where_of(settings))
    opener = Opener(
        ledger, policies, history, location=settings.location, journal=Journal(own.undo_journal),
        artifacts=own.artifacts.absolute(),
    )  # fmt: skip
    for newest in reversed(ledger.list(ENDED_KEPT, location=settings.location)):
        metrics.gates.take(newest)
    return Gates(ledger, policies, opener, location=settings.location, tell=[metrics.gates.take])


class _Noting:
    """Tells the watcher of answers that it did not ask for: other scenarios may need them."""

    def __init__(self, watcher: Watcher) -> None:
        self._watcher = watcher

    def take_watched(self, event: WatchEvent) -> None:
        if isinstance(event, Tick) and event.trigger is Trigger.HEARTBEAT:
            self._watcher.noted(event.key, event.outcome.verdict)


class _Stored:
    """Tells several of what is stored for good; called on the store's thread."""

    def __init__(self, listeners: list[Acknowledged]) -> None:
        self.listeners = listeners

    def __call__(self, key: SeriesKey, at: datetime) -> None:
        for listener in self.listeners:
            listener(key, at)


def _states(history: WatchHistory, location: str, series: Sequence[Watched]) -> tuple[list[SeriesState], list[Pair]]:
    """Return how all stood, and who got another name while nobody watched: the spool may hold more under the old one."""
    states = history.states(location)
    renamed = renamed_since(states, series)
    for old, new in renamed:
        history.rename(old, new)
    return (history.states(location) if renamed else states), renamed


def _board(
    history: WatchHistory, location: str, states: Sequence[SeriesState], series: Sequence[Watched], now: datetime
) -> Board:
    board = Board(states)
    board.watch(series)
    edge = past_of(now)[1]
    board.refill(history.minute_counts(location, now - _HOUR), history.hour_counts(location, edge), past_follows=True)
    return board


def past_of(start: datetime) -> tuple[datetime, datetime]:
    """Return since and until when the past reaches that a start does not wait for: it may be millions of hours."""
    edge_s = int((start - _FINE).timestamp()) // PAST_S * PAST_S
    return start - _DAYS, datetime.fromtimestamp(edge_s, UTC)


def _last_seen(states: Sequence[SeriesState]) -> dict[SeriesKey, datetime]:
    return {state.key: state.last_at for state in states if state.last_at is not None}


def _watcher(
    settings: ServeSettings,
    series: Sequence[Watched],
    sinks: Sequence[WatchSink],
    states: Sequence[SeriesState],
    gaps: Sequence[Gap],
    versions: Versions,
    calendar: Calendar,
) -> Watcher:
    return Watcher(
        series, sinks=sinks, max_running=settings.max_running,
        journal=Journal(Settings(settings.state).undo_journal), artifacts=Settings(settings.state).artifacts.absolute(),
        location=settings.location, vedette_version=version(), last_seen=_last_seen(states),
        alive_until=max((gap.from_at for gap in gaps), default=None),
        last_verdicts={state.key: state.verdict for state in states if state.verdict is not None},
        version_of=versions.of, maintenance_of=calendar.maintenance_of,
    )  # fmt: skip

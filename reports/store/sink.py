"""This file is for storing a run while it goes: events go to one writer's thread, and what it cannot store is rescued."""

from __future__ import annotations

import queue
import tempfile
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from probes.outcome import Outcome
from reports.store.errors import StoreError, explain, name_of
from reports.store.lines import Finish, Record, record
from reports.store.rescue import Rescue
from scenarios.events import Event, OutcomeReady, RunFinished, RunStarted, ScenarioStarted

if TYPE_CHECKING:
    from reports.store.writer import Writer

QUEUE_EVENTS = 1000  # more waiting than this means that the disk has stopped
GROUP = 200  # records committed together at most
LINGER_S = 0.05  # what the first record of a group waits for others: a commit costs as much as storing ten of them


class _Barrier(threading.Event):
    """Stands in the queue behind what must be dealt with before `flush` returns."""


class StoreSink:
    """A Sink that stores. `take` costs the event loop next to nothing; a thread groups, commits, then acknowledges.

    `acknowledged` is called on that thread with the id of each outcome after the commit that holds it: from then on
    `kill -9` cannot lose it. After a failure of the store everything goes to a rescue file beside it (else in the
    folder for temporary files) that `Store.import_jsonl` takes in; `flush` and `close` then raise StoreError with its path.
    The database libraries are loaded on the thread, when the first outcome is there: the first request goes out before.
    """

    def __init__(self, where: Path | str, *, acknowledged: Callable[[str], None] = lambda outcome_id: None) -> None:
        self._where = where
        self._acknowledged = acknowledged
        self._waiting: queue.Queue[Record | _Barrier | None] = queue.Queue(QUEUE_EVENTS)
        self._hurry = threading.Event()  # somebody waits, or there is enough for a group
        self._thread: threading.Thread | None = None
        self._open_runs: dict[str, RunStarted] = {}
        self._rescue_lock = threading.Lock()  # guards what follows: the overflow comes from the event loop's thread
        self._failure: StoreError | None = None
        self._rescues: dict[str, Rescue] = {}
        self._unsaved = 0
        self._lost = 0
        self._seen: set[str] = set()  # outcomes of the current run that were taken
        self._closed = False

    def take(self, event: Event) -> None:
        """Queue one event. Raises: StoreError only when it is already closed."""
        if self._closed:
            raise StoreError(f"the store '{name_of(self._where)}' is closed already")
        if isinstance(event, ScenarioStarted):
            return
        if isinstance(event, RunFinished):
            for outcome in event.result.outcomes:
                if outcome.id not in self._seen:
                    self.take(OutcomeReady(outcome))
            self._seen.clear()
        if isinstance(event, OutcomeReady):
            self._seen.add(event.outcome.id)
        kept = record(event)
        if isinstance(kept, RunStarted):
            self._open_runs[kept.run.id] = kept
        self._enqueue(kept)
        if not isinstance(kept, RunStarted):
            self._start()

    def flush(self) -> None:
        """Wait until everything taken is stored or rescued. Raises: StoreError when something is not in the store."""
        if not self._closed and self._in_use():
            self._start()
            barrier = _Barrier()
            self._waiting.put(barrier)
            self._hurry.set()
            barrier.wait()
        self._complain()

    def close(self) -> None:
        """Flush, and end the thread. Raises: StoreError as `flush` does."""
        if not self._closed and self._in_use():
            self._start()
            self._waiting.put(None)
            self._hurry.set()
            assert self._thread is not None
            self._thread.join()
            for rescue in self._rescues.values():
                rescue.close()
        self._closed = True
        self._complain()

    def _in_use(self) -> bool:
        return self._thread is not None or not self._waiting.empty()

    def _start(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="vedette-store", daemon=True)
            self._thread.start()

    def _enqueue(self, kept: Record) -> None:
        try:
            self._waiting.put_nowait(kept)
            if self._waiting.qsize() >= GROUP:
                self._hurry.set()
        except queue.Full:  # waiting would stop the event loop, and every probe's clock with it
            self._save_aside([kept], StoreError(f"the store '{name_of(self._where)}' took nothing for too long"))

    def _work(self) -> None:
        writer: Writer | None = None
        while True:
            group, last = self._next_group()
            records = [item for item in group if not isinstance(item, _Barrier)]
            try:
                if self._failure is None and records:
                    writer = writer or self._open()
                    writer.write(records)
                    self._acknowledge(records)
                    records = []
            except Exception as problem:  # the edge to the store: whatever it is, the records must not be lost
                self._save_aside(records, explain(problem, name_of(self._where)))
                records = []
            if records:
                self._save_aside(records, self._failure)
            for item in group:
                if isinstance(item, _Barrier):
                    item.set()
            if last:
                break
        if writer is not None:
            writer.close()

    def _next_group(self) -> tuple[list[Record | _Barrier], bool]:
        """Return what is waiting, at least one item, and whether it is the end."""
        group: list[Record | _Barrier] = []
        item = self._waiting.get()
        self._hurry.wait(LINGER_S)
        self._hurry.clear()
        while item is not None:
            group.append(item)
            if len(group) >= GROUP:
                self._hurry.set()  # whoever waits for what is still in the queue
                return group, False
            try:
                item = self._waiting.get_nowait()
            except queue.Empty:
                return group, False
        return group, True

    def _open(self) -> Writer:
        from reports.store.database import Database
        from reports.store.writer import Writer

        database = Database(self._where)
        database.make_ready()
        return Writer(database)

    def _acknowledge(self, records: Sequence[Record]) -> None:
        for kept in records:
            if isinstance(kept, Outcome):
                self._acknowledged(kept.id)
            elif isinstance(kept, Finish):
                self._open_runs.pop(kept.run_id, None)

    def _save_aside(self, records: Sequence[Record], reason: StoreError | None) -> None:
        with self._rescue_lock:
            self._failure = self._failure or reason
            for kept in records:
                try:
                    self._rescue_for(kept).add(kept)
                    self._unsaved += isinstance(kept, Outcome)
                except Exception:  # the last net: nobody is left to tell but close(), and the thread must live to tell it
                    self._lost += isinstance(kept, Outcome)

    def _rescue_for(self, kept: Record) -> Rescue:
        run_id = kept.run.id if isinstance(kept, RunStarted) else kept.run_id
        if run_id not in self._rescues:
            self._rescues[run_id] = Rescue(run_id, self._folders())
            started = self._open_runs.get(run_id)
            if started is not None and started is not kept:  # the file must make sense without the store
                self._rescues[run_id].add(started)
        return self._rescues[run_id]

    def _folders(self) -> list[Path]:
        temporary = Path(tempfile.gettempdir())
        return [temporary] if "://" in str(self._where) else [Path(self._where).parent, temporary]

    def _complain(self) -> None:
        if self._failure is None:
            return
        say = str(self._failure)
        paths = ", ".join(f"'{r.path}'" for r in self._rescues.values() if r.path is not None)
        if paths:
            say += f"; {self._unsaved} outcome{'s' * (self._unsaved != 1)} not stored, kept in {paths}"
        if self._lost:
            say += f"; {self._lost} outcome{'s' * (self._lost != 1)} could be kept nowhere"
        raise StoreError(say) from self._failure

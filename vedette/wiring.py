"""This file is for joining the parts: which reporters, which store, which history. The only composition root."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from vedette.cli.speech import UsageError

if TYPE_CHECKING:
    from reports.formats.reporter import History, Reporter
    from reports.store import Point, Store


def make_reporters(asked: Sequence[str], *, verbose: bool = False, history: History | None = None) -> list[Reporter]:
    """Return the reporters of `NAME[=PATH]` words; without a path they write to standard output.

    Raises: UsageError for an unknown name, or when two would mix on standard output.
    """
    from reports.formats.reporter import ReporterError, parse

    made: list[Reporter] = []
    try:
        for word in asked:
            kind, path = parse(word)
            made.append(kind(path if path else sys.stdout, verbose=verbose, history=history))
    except ReporterError as problem:
        raise UsageError(str(problem)) from problem
    loud = [word for word in asked if "=" not in word]
    if len(loud) > 1:
        raise UsageError(f"{' and '.join(loud)} would mix on standard output; give all but one a file: {loud[-1]}=PATH")
    return made


def prepare(reporters: Sequence[Reporter]) -> None:
    """Make sure that every report can be written, before anything is sent. Raises: UsageError."""
    from reports.formats.reporter import ReporterError

    try:
        for reporter in reporters:
            reporter.prepare()
    except ReporterError as problem:
        raise UsageError(str(problem)) from problem


def history_in(where: Path | str, suite: str, before: datetime) -> History:
    """Return a history that opens the store when it is first asked, and is empty where the store cannot be read."""
    opened: list[Store | None] = []

    def earlier(scenario: str, target: str) -> Sequence[Point]:
        from reports.store import Store, StoreError

        try:
            if not opened:
                opened.append(Store(where))
            store = opened[0]
            return earlier_than(before, store, suite)(scenario, target) if store else ()
        except StoreError:  # a report without its timeline is worth more than no report
            opened[:] = [None]
            return ()

    return earlier


def earlier_than(before: datetime, store: Store, suite: str) -> History:
    """Return a history of what was stored before an instant."""

    def earlier(scenario: str, target: str) -> Sequence[Point]:
        return [point for point in store.history(scenario, target, suite=suite) if point.started_at < before]

    return earlier

"""This file is for the event stream: one JSON object a line, as it happens, for programs that follow a run."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TextIO

from reports.formats.reporter import Reporter, ReporterError, say
from reports.store.lines import Record, record, to_line
from scenarios.events import Event, OutcomeReady, RunFinished


class Jsonl(Reporter, format="jsonl"):
    """One line an event, each complete when written; the forms stand in `reports/store/lines.py`.

    A file is written as the run goes, so that a killed run leaves what it had told. The store takes it in again.
    """

    def __init__(self, *given: Any, **more: Any) -> None:
        super().__init__(*given, **more)
        self._file: TextIO | None = None
        self._told: set[str] = set()

    def take(self, event: Event) -> None:
        if isinstance(event, OutcomeReady):
            self._told.add(event.outcome.id)
        if isinstance(event, RunFinished):  # a stored run comes without its outcomes' own events
            for outcome in event.result.outcomes:
                if outcome.id not in self._told:
                    self._tell(outcome)
        self._tell(record(event))
        if isinstance(event, RunFinished):
            self._told.clear()
            if self._file is not None:
                self._file.close()
                self._file = None

    def _tell(self, kept: Record) -> None:
        line = to_line(kept) + "\n"
        if isinstance(self.output, Path):
            self._to_file(self.output, line)
        else:
            say(line, self.output)

    def _to_file(self, path: Path, line: str) -> None:
        try:
            if self._file is None:
                self._file = path.open("w", encoding="utf-8")
            self._file.write(line)
            self._file.flush()
        except OSError as problem:
            raise ReporterError(f"the report cannot be written to '{path}': {problem.strerror}") from problem

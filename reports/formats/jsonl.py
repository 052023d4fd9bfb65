"""This file is for the event stream: one JSON object a line, as it happens, for programs that follow a run."""

from __future__ import annotations

from pathlib import Path
from typing import TextIO

from reports.formats.reporter import Reporter, ReporterError, say
from reports.store.lines import record, to_line
from scenarios.events import Event, RunFinished


class Jsonl(Reporter, format="jsonl"):
    """One line an event, each complete when written; the forms stand in `reports/store/lines.py`.

    A file is written as the run goes, so that a killed run leaves what it had told. The store takes it in again.
    """

    _file: TextIO | None = None

    def take(self, event: Event) -> None:
        line = to_line(record(event)) + "\n"
        if isinstance(self.output, Path):
            self._to_file(self.output, line)
        else:
            say(line, self.output)
        if isinstance(event, RunFinished) and self._file is not None:
            self._file.close()
            self._file = None

    def _to_file(self, path: Path, line: str) -> None:
        try:
            if self._file is None:
                self._file = path.open("w", encoding="utf-8")
            self._file.write(line)
            self._file.flush()
        except OSError as problem:
            raise ReporterError(f"the report cannot be written to '{path}': {problem.strerror}") from problem

"""This file is for writing the log on a thread of its own: a reader that stands still must not stop a single question."""

from __future__ import annotations

import contextlib
import logging
import queue
import threading
import time
from typing import TextIO

from vedette.service.context import caller_name, correlation_id
from vedette.service.log_lines import error_of

WAITING = 10_000  # lines; more are dropped, and counted in the next line that is written
CLOSE_S = 2.0


class LogPipe(logging.Handler):
    """Takes records on any thread, at once, and formats and writes them on its own."""

    def __init__(self, stream: TextIO, *, waiting: int = WAITING) -> None:
        super().__init__()
        self._stream = stream
        self._waiting: queue.Queue[logging.LogRecord | None] = queue.Queue(waiting)
        self.dropped = 0
        self._told = 0
        self._thread = threading.Thread(target=self._work, name="vedette-log", daemon=True)
        self._thread.start()

    def emit(self, record: logging.LogRecord) -> None:
        """Keep what belongs to this moment of this thread, and hand the rest over."""
        try:
            record.msg, record.args = record.getMessage(), None
        except Exception:  # a mistake in a call of the log must not break what called it
            record.msg, record.args = f"a line of the log could not be made ({record.name}:{record.lineno})", None
        if not hasattr(record, "correlation_id"):
            record.correlation_id = correlation_id.get()
        if not hasattr(record, "caller") and caller_name.get():
            record.caller = caller_name.get()
        if record.exc_info and record.exc_info[1] is not None:
            record.error = error_of(record.exc_info[1], record.exc_info[2])
        record.exc_info = record.exc_text = record.stack_info = None
        try:
            self._waiting.put_nowait(record)
        except queue.Full:
            self.dropped += 1

    def close(self) -> None:
        """Write what is waiting, as far as somebody reads it, and end."""
        if self._thread.is_alive():
            deadline = time.monotonic() + CLOSE_S
            with contextlib.suppress(queue.Full):
                self._waiting.put(None, timeout=CLOSE_S)
            self._thread.join(max(0.0, deadline - time.monotonic()))
        super().close()

    def _work(self) -> None:
        while (record := self._waiting.get()) is not None:
            self._write(record)
            if self.dropped > self._told:
                lost, self._told = self.dropped - self._told, self.dropped
                say = f"{lost} lines of the log were dropped, because nobody read fast enough"
                self._write(logging.LogRecord("vedette.log", logging.WARNING, "", 0, say, None, None))

    def _write(self, record: logging.LogRecord) -> None:
        # Nobody is left to tell, and the thread must live for the lines to come.
        with contextlib.suppress(Exception):
            self._stream.write(f"{self.format(record)}\n")
            self._stream.flush()

"""This file is for the service's own log: the one owner of structlog, and one shape for every logger in the process."""

from __future__ import annotations

import contextlib
import logging
import sys
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TextIO

import structlog

from probes.ids import new_id
from vedette.service.log_lines import Event, Lines, as_json, as_text, timestamp
from vedette.service.log_pipe import LogPipe

# What others would write in their own shape goes through ours.
_GUESTS = ("uvicorn", "uvicorn.error", "uvicorn.access", "uvicorn.asgi", "apscheduler", "asyncio", "py.warnings")
# They say at INFO what our own lines say better (uvicorn), what nobody needs, or addresses as they are.
_TALKATIVE = ("apscheduler", "uvicorn.error", "uvicorn.access", "httpx", "httpcore", "alembic", "multipart", "opentelemetry")
_NOT_OURS = ("color_message", "taskName")


class Logs:
    """The log, from `set_up` until `close`."""

    def __init__(self, pipe: LogPipe, lines: Lines, before: list[logging.Handler], level: int) -> None:
        self._pipe, self._lines = pipe, lines
        self._before, self._level = before, level

    @property
    def dropped(self) -> int:
        """Return how many lines nobody could be given."""
        return self._pipe.dropped

    def learn(self, secrets: Iterable[tuple[str, str]]) -> None:
        """Take (value, label) of what must never be shown, such as the secrets of suites that were read again."""
        self._lines.learn(secrets)

    def close(self) -> None:
        """Write what is waiting, and leave logging as it was."""
        root = logging.getLogger()
        root.removeHandler(self._pipe)
        self._pipe.close()
        for handler in self._before:
            root.addHandler(handler)
        root.setLevel(self._level)
        logging.captureWarnings(False)


def set_up(
    *,
    level: str = "INFO",
    form: str = "",
    service: str = "vedette",
    environment: str = "",
    secrets: Iterable[tuple[str, str]] = (),
    stream: TextIO | None = None,
) -> Logs:
    """Let every logger write one line an event to `stream` (standard error): JSON, or `text`; none: text on a terminal.

    Raises: ValueError for a level or a form that is none.
    """
    stream = stream or sys.stderr
    form = form or ("text" if stream.isatty() else "json")
    if form not in ("json", "text"):
        raise ValueError(f"the log's form should be json or text, not '{form}'")
    if level.upper() not in ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"):
        raise ValueError(f"the log's level should be debug, info, warning or error, not '{level}'")
    lines = Lines(service, environment, new_id())
    lines.learn(secrets)
    pipe = LogPipe(stream)
    pipe.setFormatter(_formatter(lines, form))
    pipe.addFilter(_with_what_is_bound)
    root = logging.getLogger()
    made = Logs(pipe, lines, list(root.handlers), root.level)
    for handler in list(root.handlers):
        root.removeHandler(handler)
    root.addHandler(pipe)
    root.setLevel(level.upper())
    for name in _GUESTS:
        guest = logging.getLogger(name)
        guest.handlers.clear()
        guest.propagate = True
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))
    logging.captureWarnings(True)
    return made


@contextlib.contextmanager
def bound(**facts: object) -> Iterator[None]:
    """Let every line that is logged within hold these facts, such as `run_id`."""
    with structlog.contextvars.bound_contextvars(**facts):
        yield


def _with_what_is_bound(record: logging.LogRecord) -> bool:
    """Give a record what is bound where it is logged: the thread that writes it does not know."""
    for key, value in structlog.contextvars.get_contextvars().items():
        if not hasattr(record, key):
            setattr(record, key, value)
    return True


def _formatter(lines: Lines, form: str) -> logging.Formatter:
    render = as_text if form == "text" else as_json

    def fitted(logger: Any, name: str, event: Event) -> Mapping[str, Any]:
        return lines.fit(event)

    def rendered(logger: Any, name: str, event: Event) -> str:
        return render(event)

    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[structlog.stdlib.ExtraAdder(), _named],
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, fitted, rendered],
    )


def _named(logger: Any, name: str, event: Event) -> Event:
    """Give the fields the names that they are known by."""
    record: logging.LogRecord = event["_record"]
    for key in _NOT_OURS:
        event.pop(key, None)
    event["message"] = event.pop("event")
    event["level"] = record.levelname.lower()
    event["logger"] = record.name
    event["timestamp"] = timestamp(record.created)
    return event

"""This file is for one line of the log: its mandatory fields, nothing in it that must not be shown, and a bounded length."""

from __future__ import annotations

import json
import re
import threading
import traceback
from collections.abc import Iterable, Mapping, MutableMapping
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any

from probes.pii import names_a_secret
from probes.redact import Redactor

Event = MutableMapping[str, Any]

LONGEST_TEXT = 2000  # characters of one text
LONGEST_LINE = 16_384  # bytes; some collectors cut lines at 16 KiB
_READ = 20_000  # characters that are looked through; what comes after them is shown by nobody
_DEEPEST, _WIDEST = 5, 50  # of values in values
_FRAMES = 30
_OURS = ("probes.", "scenarios.", "reports.", "vedette.")
# The order of the seeds' fields; others follow. The tenant of our own lines is the system itself.
MANDATORY = ("timestamp", "level", "message", "service", "environment", "correlation_id", "tenant_id", "source")
_FOR_PROGRAMS = (*MANDATORY, "logger", "location", "suite", "outcome", "trigger", "lateness_ms")
_ADDRESS = re.compile(r"(/heartbeat/[^/\s{]{1,64}/)[^/\s?#\"'<>]+")
_HIDDEN = "[redacted]"
_ROOT = Path(__file__).resolve().parents[2]


class Lines:
    """Makes lines fit to be shown. `learn` adds values that must never be, on any thread."""

    def __init__(self, service: str, environment: str, life: str) -> None:
        self._fixed = {"service": service, "environment": environment, "tenant_id": 0}
        self._life = life  # the correlation id of what belongs to no request and no question
        self._redactor = Redactor()
        self._lock = threading.Lock()

    def learn(self, secrets: Iterable[tuple[str, str]]) -> None:
        """Take (value, label) of what must not be shown."""
        with self._lock:
            for value, label in secrets:
                self._redactor.add(value, label)

    def fit(self, event: Event) -> dict[str, Any]:
        """Return the event as it may be shown, the mandatory fields first."""
        name = str(event.pop("logger", ""))
        facts = {**self._fixed, **{str(key): value for key, value in event.items() if not str(key).startswith("_")}}
        facts["correlation_id"] = facts.get("correlation_id") or self._life
        facts["source"] = "api" if name.endswith(".access") else "worker"
        if isinstance(facts.get("status"), int) and "outcome" not in facts:
            facts["outcome"] = "success" if 0 < facts["status"] < 500 else "error"
        with self._lock:
            ordered = {key: self._shown(facts.pop(key, "")) for key in MANDATORY}
            ordered["logger"] = self._text(name)
            for key, value in facts.items():
                ordered[self._text(key)] = _HIDDEN if _is_secret(key, value) else self._shown(value)
        return _within(ordered)

    def _shown(self, value: Any, depth: int = 0) -> Any:
        """Return a value as JSON, its texts redacted and cut."""
        if value is None or isinstance(value, bool | int):
            return value
        if isinstance(value, float):
            return value if value == value and abs(value) != float("inf") else None
        if isinstance(value, Mapping) and depth < _DEEPEST:
            pairs = list(value.items())[:_WIDEST]
            return {self._text(str(k)): _HIDDEN if _is_secret(str(k), v) else self._shown(v, depth + 1) for k, v in pairs}
        if isinstance(value, list | tuple | set | frozenset) and depth < _DEEPEST:
            return [self._shown(item, depth + 1) for item in list(value)[:_WIDEST]]
        return self._text(_as_text(value))

    def _text(self, text: str) -> str:
        if len(text) > _READ:
            text = f"{text[:_READ]}…"  # the sign tells the redactor that half a secret may stand before it
        shown = _ADDRESS.sub(r"\1[secret]", self._redactor.text(text))
        return shown if len(shown) <= LONGEST_TEXT else f"{shown[:LONGEST_TEXT]}…"


def as_json(facts: Mapping[str, Any]) -> str:
    """Return one line of JSON. ASCII only, so that nothing in it can be taken for the end of a line."""
    return json.dumps(facts, ensure_ascii=True, separators=(",", ":"))


def as_text(facts: Mapping[str, Any]) -> str:
    """Return one line for a person at a terminal. What is no plain letter is escaped: nobody can write a line into it."""
    said = str(facts["message"])
    more = " ".join(f"{key}={value}" for key, value in facts.items() if _is_news(key, value, said))
    line = f"{facts['timestamp'][11:19]} {facts['level']:<8} {said}" + (f"  {more}" if more else "")
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in line)


def _is_news(key: str, value: Any, said: str) -> bool:
    """Whether a person needs a fact beside the sentence: not ids that join lines, nor what the sentence says already."""
    if key in _FOR_PROGRAMS or key.endswith("_id") or value in ("", None):
        return False
    return not isinstance(value, str) or value not in said


def timestamp(seconds: float) -> str:
    """Return an instant as ISO 8601 in UTC with milliseconds."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def error_of(problem: BaseException, trace: TracebackType | None) -> dict[str, Any]:
    """Return an error as it may be logged: its type and its way through the code, never values of variables.

    The text of an error that is not ours may hold whatever was being read at that moment, so it stays out.
    """
    made = {"type": _type_of(problem), "message": _own_text(problem), "stack": _stack(trace)}
    causes: list[str] = []
    cause = problem.__cause__ or problem.__context__
    while cause is not None and len(causes) < _DEEPEST:
        causes.append(_type_of(cause))
        cause = cause.__cause__ or cause.__context__
    return {**made, **({"causes": causes} if causes else {})}


def _stack(trace: TracebackType | None) -> list[str]:
    frames = traceback.extract_tb(trace)
    return [f"{_place(frame.filename)}:{frame.lineno} in {frame.name}" for frame in frames[-_FRAMES:]]


def _place(path: str) -> str:
    """Return a source file as it is named in its package, not where it lies on this machine."""
    parts = Path(path).parts
    if "site-packages" in parts:
        return "/".join(parts[parts.index("site-packages") + 1 :])
    return Path(path).relative_to(_ROOT).as_posix() if Path(path).is_relative_to(_ROOT) else "/".join(parts[-2:])


def _type_of(problem: BaseException) -> str:
    kind = type(problem)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def _own_text(problem: BaseException) -> str:
    if type(problem).__module__.startswith(_OURS):
        return _as_text(problem)
    return problem.strerror or "" if isinstance(problem, OSError) else ""


def _is_secret(key: str, value: Any) -> bool:
    return names_a_secret(key) and value is not None and not isinstance(value, bool)


def _as_text(value: object) -> str:
    try:
        return str(value)
    except Exception:  # whatever somebody's object does when it is shown: the line must come
        return f"<{type(value).__name__}>"


def _within(facts: dict[str, Any]) -> dict[str, Any]:
    """Return the facts without the largest ones, where the line would be too long."""
    left_out = []
    while len(as_json(facts)) > LONGEST_LINE:
        largest = max((key for key in facts if key not in MANDATORY), key=lambda key: len(as_json({key: facts[key]})), default="")
        if not largest:
            break
        del facts[largest]
        left_out.append(largest[:100])
        facts["left_out"] = left_out[:_WIDEST]
    return facts

"""This file is for turning runs and outcomes into rows and back. What goes in comes out equal."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import Enum
from typing import Any

from sqlalchemy import RowMapping

from probes.outcome import Check, Evidence, Exchange, Measurement, Outcome, Phases, Verdict
from reports.store.lines import Finish, run_json, subject, subject_json
from scenarios.events import RunInfo, RunStarted

Row = dict[str, Any]

_SUBJECT_COLUMNS = ("suite", "scenario", "kind", "target", "environment", "severity", "owner")


def run_row(started: RunStarted) -> Row:
    """Return the row of a run that has not ended yet."""
    return _storable(
        {
            **run_json(started.run),
            "started_at": started.run.started_at,
            "planned": [subject_json(s) for s in started.planned],
            "signal": 0,
            "trouble": [],
        }
    )


def finish_row(finish: Finish) -> Row:
    """Return the columns that the end of a run fills."""
    return _storable(
        {
            "verdict": finish.verdict.value,
            "ended": finish.ended.value,
            "finished_at": finish.finished_at,
            "wall_s": finish.wall_s,
            "critical_path_s": finish.critical_path_s,
            "signal": finish.signal,
            "trouble": list(finish.trouble),
        }
    )


def outcome_rows(outcome: Outcome, place: int) -> tuple[Row, list[Row], list[Row]]:
    """Return an outcome's own row, the rows of its checks and those of its measurements."""
    plain = _clean(outcome)
    checks = [{**check, "outcome_id": outcome.id, "place": n} for n, check in enumerate(plain.pop("checks"))]
    measurements = [{**number, "outcome_id": outcome.id, "place": n} for n, number in enumerate(plain.pop("measurements"))]
    asked_for = {name: plain["subject"][name] for name in _SUBJECT_COLUMNS}
    return {**asked_for, **plain, "started_at": outcome.started_at, "place": place}, checks, measurements


def run_of(row: RowMapping) -> RunInfo:
    """Return the run that a row holds."""
    fields = {name: row[name] for name in RunInfo.__dataclass_fields__}
    return RunInfo(**{**fields, "remarks": tuple(row["remarks"])})


def outcome_of(row: RowMapping, checks: Sequence[RowMapping], measurements: Sequence[RowMapping]) -> Outcome:
    """Return the outcome that its rows hold."""
    return Outcome(
        id=row["id"],
        run_id=row["run_id"],
        subject=subject(row["subject"]),
        verdict=Verdict(row["verdict"]),
        sentence=row["sentence"],
        started_at=row["started_at"],
        duration_s=row["duration_s"],
        checks=tuple(_check_of(c) for c in checks),
        exchanges=tuple(Exchange(**{**e, "phases": Phases(**e["phases"])}) for e in row["exchanges"]),
        exchanges_left_out=row["exchanges_left_out"],
        measurements=tuple(
            Measurement(m["name"], math.nan if m["value"] is None else m["value"], m["unit"]) for m in measurements
        ),
        attempts=row["attempts"],
        undo_failures=tuple(row["undo_failures"]),
    )


def _check_of(row: RowMapping) -> Check:
    return Check(
        name=row["name"],
        verdict=Verdict(row["verdict"]),
        expected=row["expected"],
        observed=row["observed"],
        say=row["say"],
        evidence=tuple(Evidence(**e) for e in row["evidence"]),
        control=row["control"],
        danger=row["danger"],
    )


def _storable(row: Row) -> Row:
    return {name: value if isinstance(value, datetime) else _clean(value) for name, value in row.items()}


def _clean(value: Any) -> Any:
    """Return a value as JSON that is fit for every database: no NUL (PostgreSQL refuses it), no lone surrogate, no NaN.

    An outcome must never be lost because a target sent odd bytes; the odd ones become visible signs.
    """
    kind = type(value)
    if kind is str:  # the commonest types come first: this is most of what storing costs
        return value if value.isascii() and "\x00" not in value else clean_text(value)
    if value is None or kind is int or kind is bool:
        return value
    if kind is float:  # SQLite has no NaN (it stores null for it), so we say so ourselves
        return value if math.isfinite(value) else None
    if kind is tuple or kind is list:
        return [_clean(item) for item in value]
    if isinstance(value, Enum):
        return value.value
    if hasattr(kind, "__dataclass_fields__"):
        return {name: _clean(getattr(value, name)) for name in kind.__dataclass_fields__}
    if isinstance(value, Mapping):
        return {clean_text(str(key)): _clean(item) for key, item in value.items()}
    return _clean_rare(value)


def _clean_rare(value: Any) -> Any:
    if isinstance(value, int | float):
        return _clean(float(value) if isinstance(value, float) else int(value))
    if isinstance(value, list | tuple | set | frozenset):
        return [_clean(item) for item in value]
    return value.isoformat() if isinstance(value, datetime) else clean_text(str(value))


def clean_text(text: str) -> str:
    """Return text that every database takes; what it does not take becomes a visible sign."""
    return text.replace("\x00", "\u2400").encode("utf-8", "replace").decode("utf-8")

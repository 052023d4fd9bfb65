"""This file is for events as lines of JSON: what `-r jsonl` writes, what a rescue file holds, what the store takes in again.

Every line is one object with `event` and `schema_version`:

- `run_started`: `run` (as RunInfo), `planned` (subjects)
- `scenario_started`: `run_id`, `subject`
- `outcome`: `outcome` (as `probes.outcome.to_json`)
- `run_finished`: `run_id`, `verdict`, `ended`, `finished_at`, `wall_s`, `critical_path_s`, `signal`, `trouble`, `outcome_ids`

Times are ISO 8601 UTC. A number that JSON cannot hold (NaN, infinity) is null.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from probes.outcome import Outcome, Severity, Subject, Verdict, from_json, to_json
from reports.overall import overall
from scenarios.events import Ended, Event, OutcomeReady, RunFinished, RunInfo, RunResult, RunStarted, ScenarioStarted

SCHEMA_VERSION = 1

_LINE_ENDS = {0x85: "\\u0085", 0x2028: "\\u2028", 0x2029: "\\u2029"}


@dataclass(frozen=True, slots=True)
class Finish:
    """The end of a run without its outcomes, which went before it one by one."""

    run_id: str
    verdict: Verdict
    ended: Ended
    finished_at: datetime
    wall_s: float
    critical_path_s: float
    signal: int
    trouble: tuple[str, ...]
    outcome_ids: tuple[str, ...]

    @staticmethod
    def of(result: RunResult) -> Finish:
        return Finish(
            run_id=result.run.id,
            verdict=overall(result),
            ended=result.ended,
            finished_at=result.finished_at,
            wall_s=result.wall_s,
            critical_path_s=result.critical_path_s,
            signal=result.signal,
            trouble=result.trouble,
            outcome_ids=tuple(o.id for o in result.outcomes),
        )


Record = RunStarted | ScenarioStarted | Outcome | Finish


def record(event: Event) -> Record:
    """Return what of an event is kept."""
    if isinstance(event, OutcomeReady):
        return event.outcome
    if isinstance(event, RunFinished):
        return Finish.of(event.result)
    return event


def to_line(kept: Record) -> str:
    """Return one line of JSON, without the line's end."""
    return dump_json({"event": _EVENT_NAMES[type(kept)], "schema_version": SCHEMA_VERSION, **_body(kept)})


def from_line(line: str) -> Record:
    """Return the record of one line. Raises: KeyError, ValueError or TypeError for a line of another shape."""
    data = json.loads(line)
    if not isinstance(data, dict) or data.get("schema_version") != SCHEMA_VERSION:
        raise ValueError(f"not a line of schema_version {SCHEMA_VERSION}")
    event = data["event"]
    if event == "run_started":
        return RunStarted(run_info(data["run"]), tuple(subject(s) for s in data["planned"]))
    if event == "scenario_started":
        return ScenarioStarted(data["run_id"], subject(data["subject"]))
    if event == "outcome":
        return from_json(data["outcome"])
    if event == "run_finished":
        return _finish(data)
    raise ValueError(f"unknown event '{event}'")


def run_info(data: Mapping[str, Any]) -> RunInfo:
    """Return the run that `run_json` wrote."""
    return RunInfo(**{**data, "started_at": datetime.fromisoformat(data["started_at"]), "remarks": tuple(data["remarks"])})


def run_json(run: RunInfo) -> dict[str, Any]:
    """Return a run as JSON values."""
    return {**asdict(run), "started_at": run.started_at.isoformat(), "remarks": list(run.remarks)}


def subject(data: Mapping[str, Any]) -> Subject:
    """Return the subject that `subject_json` wrote."""
    fields: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in data.items()}
    fields["severity"] = Severity(data["severity"])
    return Subject(**fields)


def subject_json(of: Subject) -> dict[str, Any]:
    """Return a subject as JSON values."""
    plain = {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(of).items()}
    return {**plain, "severity": of.severity.value}


def finish_json(finish: Finish) -> dict[str, Any]:
    """Return the end of a run as JSON values."""
    return {
        **asdict(finish),
        "verdict": finish.verdict.value,
        "ended": finish.ended.value,
        "finished_at": finish.finished_at.isoformat(),
        "trouble": list(finish.trouble),
        "outcome_ids": list(finish.outcome_ids),
    }


def dump_json(value: object, *, indent: int | None = None) -> str:
    """Return strict JSON in readable Unicode, whatever text is in it.

    A lone surrogate (text that was not UTF-8) has no bytes in UTF-8: it is written as its `\\udcxx` escape. So are
    the signs that some programs (Python's `splitlines`, JavaScript) take for the end of a line.
    """
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False, indent=indent, default=str)
    except ValueError:
        text = json.dumps(_finite(value), ensure_ascii=False, allow_nan=False, indent=indent, default=str)
    return text.translate(_LINE_ENDS).encode("utf-8", "backslashreplace").decode("utf-8")


def _finite(value: object) -> object:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return value


_EVENT_NAMES: dict[type, str] = {
    RunStarted: "run_started",
    ScenarioStarted: "scenario_started",
    Outcome: "outcome",
    Finish: "run_finished",
}


def _body(kept: Record) -> dict[str, Any]:
    if isinstance(kept, RunStarted):
        return {"run": run_json(kept.run), "planned": [subject_json(s) for s in kept.planned]}
    if isinstance(kept, ScenarioStarted):
        return {"run_id": kept.run_id, "subject": subject_json(kept.subject)}
    if isinstance(kept, Outcome):
        return {"outcome": to_json(kept)}
    return finish_json(kept)


def _finish(data: Mapping[str, Any]) -> Finish:
    return Finish(
        run_id=data["run_id"],
        verdict=Verdict(data["verdict"]),
        ended=Ended(data["ended"]),
        finished_at=datetime.fromisoformat(data["finished_at"]),
        wall_s=data["wall_s"],
        critical_path_s=data["critical_path_s"],
        signal=data["signal"],
        trouble=tuple(data["trouble"]),
        outcome_ids=tuple(data["outcome_ids"]),
    )

"""This file is for what of watching stands in the log: what is not good, what changed, what was not asked."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from probes.outcome import Verdict
from scenarios.events import RunStarted
from scenarios.watch.events import Missed, Retired, SeriesKey, Tick, WatchEvent

if TYPE_CHECKING:
    from vedette.service.state import ReloadResult

_LOG = logging.getLogger("vedette.watch")
AGAIN = timedelta(minutes=1)  # after which what has not changed is told again
_GOOD = (Verdict.PASS, Verdict.DEGRADED)
_OUTCOMES = {Verdict.PASS: "success", Verdict.DEGRADED: "success", Verdict.SKIPPED: "skipped"}  # else error


class WatchLog:
    """A WatchSink that logs. Passes are logged at DEBUG only, and so is what stays as bad as it was, but for a line a minute."""

    def __init__(self) -> None:
        self._verdicts: dict[SeriesKey, Verdict] = {}
        self._told: dict[SeriesKey, datetime] = {}  # when the newest answer that was told at more than DEBUG began

    def take_watched(self, event: WatchEvent) -> None:
        if isinstance(event, Tick):
            self._tick(event)
        elif isinstance(event, Missed):
            say = "%d ticks of '%s' at '%s' were due and not answered: %s"
            facts = {**_series(event.key), "reason": event.reason.value, "first_at": event.first_at.isoformat()}
            _LOG.warning(say, event.ticks, event.key.scenario, event.key.target, event.reason.value, extra=facts)
        elif isinstance(event, Retired):
            for key in event.keys:
                self._verdicts.pop(key, None)
                self._told.pop(key, None)
            _LOG.info("scenarios that are watched no longer: %d", len(event.keys))
        elif isinstance(event, RunStarted):
            run = event.run
            level = logging.DEBUG if run.kind == "watch" else logging.INFO
            facts = {"run_id": run.id, "suite": run.suite, "target": run.target}
            _LOG.log(level, "a run of kind %s of suite '%s' at '%s' begins", run.kind, run.suite, run.target, extra=facts)

    def reloaded(self, result: ReloadResult) -> None:
        """Log what came of reading the suites again."""
        facts = {"asked_by": result.asked_by, "outcome": "success" if result.ok else "error"}
        if not result.ok:
            _LOG.error("the suites were not taken in, the old ones stay: %s", result.error, extra=facts)
            return
        say = "; ".join(result.changes[:20]) or "nothing changed"
        _LOG.info("the suites were taken in: %s", say, extra=facts)

    def _tick(self, tick: Tick) -> None:
        verdict = tick.outcome.verdict
        before, self._verdicts[tick.key] = self._verdicts.get(tick.key), verdict
        level = _level(tick, before or Verdict.PASS)
        at, told = tick.outcome.started_at, self._told.get(tick.key)
        if before is verdict and told is not None and timedelta() <= at - told < AGAIN:
            level = logging.DEBUG
        if level > logging.DEBUG:
            self._told[tick.key] = at
        if not _LOG.isEnabledFor(level):
            return
        change = f" (was {before})" if before not in (verdict, None) else ""
        facts = _facts(tick)
        _LOG.log(
            level,
            "%s%s: '%s' at '%s': %s",
            verdict,
            change,
            tick.key.scenario,
            tick.key.target,
            tick.outcome.sentence,
            extra=facts,
        )


def _level(tick: Tick, before: Verdict) -> int:
    verdict = tick.outcome.verdict
    if verdict in _GOOD:
        return logging.DEBUG if before in _GOOD else logging.INFO
    if tick.maintenance or verdict is Verdict.SKIPPED:
        return logging.INFO if before is not verdict else logging.DEBUG
    return logging.ERROR if verdict is Verdict.FAIL else logging.WARNING


def _facts(tick: Tick) -> dict[str, Any]:
    outcome = tick.outcome
    first = next(iter(outcome.exchanges), None)
    return {
        **_series(tick.key),
        "correlation_id": first.correlation_id if first else outcome.id,
        "run_id": outcome.run_id,
        "outcome_id": outcome.id,
        "outcome": _OUTCOMES.get(outcome.verdict, "error"),
        "verdict": outcome.verdict.value,
        "duration_ms": round(outcome.duration_s * 1000, 3),
        "lateness_ms": round(tick.lateness_s * 1000, 3),
        "trigger": tick.trigger.value,
        "severity": outcome.subject.severity.value,
        "version": tick.version,
        "maintenance": tick.maintenance,
    }


def _series(key: SeriesKey) -> dict[str, str]:
    return {
        "scenario_id": key.slug,
        "scenario": key.scenario,
        "suite": key.suite,
        "target": key.target,
        "location": key.location,
    }

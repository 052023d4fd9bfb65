"""This file is for ticks to store: one series or many, any verdict, at any time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from probes.ids import new_id
from probes.outcome import Check, Exchange, Measurement, Outcome, Phases, Severity, Subject, Verdict
from scenarios.events import RunInfo, RunStarted
from scenarios.watch.events import SeriesKey, Tick, Trigger

AT = datetime(2026, 11, 21, 10, 0, 0, 123456, tzinfo=UTC)


def a_key(scenario: str = "checkout", *, suite: str = "shop", target: str = "production", location: str = "local") -> SeriesKey:
    return SeriesKey(suite, scenario, target, location)


def a_run(key: SeriesKey | None = None, *, at: datetime = AT) -> RunStarted:
    key = key or a_key()
    run = RunInfo(new_id(), key.suite, f"{key.suite}.yaml", key.target, "prod", "https://s.example", at, "0.1.0", kind="watch")
    return RunStarted(run, ())


def an_outcome(
    verdict: Verdict = Verdict.PASS,
    *,
    key: SeriesKey | None = None,
    at: datetime = AT,
    run_id: str = "run",
    sentence: str = "",
    duration_s: float = 0.05,
    measurements: tuple[Measurement, ...] = (),
) -> Outcome:
    key = key or a_key()
    phases = Phases(0.001, 0.002, 0.003, 0.004, 0.005)
    held = Check("its own control", Verdict.PASS, control=True)
    own = Check("the answer is right", verdict, "200", "500", "" if verdict is Verdict.PASS else sentence or str(verdict))
    return Outcome(
        id=new_id(),
        run_id=run_id,
        subject=Subject(key.suite, key.scenario, "http", key.target, "prod", Severity.P1, ("smoke",), "backend"),
        verdict=verdict,
        sentence=sentence or f"it says {verdict}",
        started_at=at,
        duration_s=duration_s,
        checks=(own, held),
        exchanges=(Exchange("GET", "https://s.example/x", new_id(), 0.0, 0.015, phases, 200, 12),),
        measurements=measurements,
    )


def a_tick(
    verdict: Verdict = Verdict.PASS,
    *,
    key: SeriesKey | None = None,
    at: datetime = AT,
    run_id: str = "run",
    sentence: str = "",
    duration_s: float = 0.05,
    trigger: Trigger = Trigger.SCHEDULE,
    maintenance: str = "",
    version: str = "1.4.2",
    measurements: tuple[Measurement, ...] = (),
) -> Tick:
    key = key or a_key()
    outcome = an_outcome(
        verdict, key=key, at=at, run_id=run_id, sentence=sentence, duration_s=duration_s, measurements=measurements
    )
    return Tick(key, outcome, at - timedelta(seconds=0.01), 0.01, trigger, version, maintenance)


def every(seconds: float, number: int, *, since: datetime = AT) -> list[datetime]:
    return [since + timedelta(seconds=seconds * n) for n in range(number)]

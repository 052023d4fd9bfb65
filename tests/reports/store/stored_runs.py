"""This file is for runs to store: unique ids, every field filled with something that is not its default."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from probes.ids import new_id
from probes.outcome import Check, Evidence, Exchange, Measurement, Outcome, Phases, Severity, Subject, Verdict
from scenarios.events import Ended, OutcomeReady, RunFinished, RunInfo, RunResult, RunStarted, Sink

AT = datetime(2026, 11, 21, 10, 0, 0, 123456, tzinfo=UTC)


def run_info(*, at: datetime = AT, suite: str = "askpro", target: str = "staging") -> RunInfo:
    return RunInfo(
        new_id(), suite, f"{suite}.yaml", target, "staging", "https://s.example.com", at, "0.1.0", "-t smoke", ("note",)
    )


def full_outcome(run: RunInfo, scenario: str = "tenants never share a cache entry", at: datetime | None = None) -> Outcome:
    """Return an outcome in which no field has its default, so that a field that is not stored shows."""
    subject = Subject(
        run.suite,
        scenario,
        "http",
        run.target,
        run.environment,
        Severity.P0,
        ("smoke",),
        "backend",
        "https://r",
        "why",
        ("line",),
    )
    seen = Evidence("exchange", "POST /x → 200", {"status": 200, "nested": [{"ä": None}, 1.5, True]})
    return Outcome(
        id=new_id(),
        run_id=run.id,
        subject=subject,
        verdict=Verdict.FAIL,
        sentence="tenant 20 was served tenant 15's slots",
        started_at=at or run.started_at,
        duration_s=1.25,
        checks=(
            Check(
                "its own answer", Verdict.FAIL, "20", "15", "tenant 20 was served tenant 15's slots", (seen, seen), danger="leak"
            ),
            Check("served from the cache", Verdict.PASS, "HIT", "HIT", "", (), control=True),
        ),
        exchanges=(
            Exchange(
                "POST", "https://s/x", "018f", 0.1, 0.2, Phases(0.1, 0.2, 0.3, 0.4, 0.5), 200, 12, "cut", "127.0.0.1", "1.1", 13
            ),
        ),
        exchanges_left_out=3,
        measurements=(Measurement("time_to_open", 0.5, "s"), Measurement("calls", 4.0, "1")),
        attempts=2,
        undo_failures=("the fault is still in",),
    )


def full_result(run: RunInfo, outcomes: tuple[Outcome, ...]) -> RunResult:
    return RunResult(run, outcomes, Ended.DEADLINE, run.started_at + timedelta(seconds=9), 9.5, 8.5, 15, ("a reporter broke",))


def feed(sink: Sink, result: RunResult) -> RunResult:
    """Tell a sink the whole run as the runner would."""
    sink.take(RunStarted(result.run, tuple(o.subject for o in result.outcomes)))
    for outcome in result.outcomes:
        sink.take(OutcomeReady(outcome))
    sink.take(RunFinished(result))
    return result


def a_run(scenarios: int = 2, **more: object) -> RunResult:
    run = run_info(**more)  # type: ignore[arg-type]
    return full_result(run, tuple(full_outcome(run, f"scenario {n}") for n in range(scenarios)))


def passed(outcome: Outcome) -> Outcome:
    return replace(outcome, verdict=Verdict.PASS, sentence="proven")

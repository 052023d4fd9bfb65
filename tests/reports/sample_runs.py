"""This file is for runs to test reports with: one that passed, one with every verdict."""

from __future__ import annotations

from datetime import UTC, datetime

from probes.outcome import (
    Check,
    Evidence,
    Exchange,
    Measurement,
    Outcome,
    Phases,
    Severity,
    Subject,
    Verdict,
    broken,
    check,
    control,
    judge,
    note,
)
from scenarios.events import Ended, RunInfo, RunResult

AT = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)
HELD = (
    check("each answer belongs to its tenant", holds=True, expected="15", observed="15"),
    control("a repeated request was served from the cache", holds=True, observed="X-Cache: HIT"),
)
LEAK = "tenant 20 was served tenant 15's slots from the cache (request 2 of 4, correlation id 018f-a1)"


def outcome(
    scenario: str,
    checks: tuple[Check, ...] = HELD,
    *,
    kind: str = "http",
    skipped: bool = False,
    sign_off: tuple[str, ...] = (),
    why: str = "",
    runbook: str = "",
    requests: int = 2,
) -> Outcome:
    """Return an outcome as the frame would judge it."""
    judged = judge(checks)
    subject = Subject("askpro", scenario, kind, "staging", "staging", Severity.P1, ("smoke",), "backend", runbook, why, sign_off)
    exchanges = tuple(
        Exchange(
            "POST", f"http://127.0.0.1:9/api/{i}", f"id-{i}", 0.1 * i, 0.09, Phases(0.001, 0.002, None, 0.08, 0.004), 200, 512
        )
        for i in range(requests)
    )
    verdict = Verdict.SKIPPED if skipped else judged.verdict
    return Outcome(f"o-{scenario}", "run-1", subject, verdict, judged.sentence, AT, 1.2, checks, exchanges, 0,
                   (Measurement("time_to_open", 0.034, "s"),))  # fmt: skip


def result(*outcomes: Outcome, environment: str = "staging", ended: Ended = Ended.COMPLETED) -> RunResult:
    """Return a finished run of the outcomes."""
    run = RunInfo("run-1", "askpro", "askpro.yaml", "staging", environment, "http://127.0.0.1:9", AT, "0.1.0")
    return RunResult(run, outcomes, ended, AT, 4.2, 3.9)


def passed() -> RunResult:
    return result(outcome("health is live"), outcome("booking api answers"))


def mixed() -> RunResult:
    """Return a run with one outcome of every verdict."""
    leak = check("tenant 20's answer is its own", holds=False, expected="20", observed="15", say=LEAK,
                 evidence=Evidence("exchange", "POST /api/1 → 200", {"status": 200}))  # fmt: skip
    silent = control("the log line of each request was found", holds=False, say="nothing was logged for our 6 requests")
    return result(
        outcome("tenants never share a cache entry", (leak, *HELD), why="One must never see the other's calendar.",
                sign_off=("staging_tests",), runbook="https://runbooks.example.com/cache"),
        outcome("logs hold no personal data", (*HELD, silent), sign_off=("security_verification",)),
        outcome("evidence can be read", (*HELD, broken("the log can be read", "the log file app.log is not there"))),
        outcome("answers are quick", (*HELD, check("quick", holds=False, soft=True, expected="1 s", observed="1.8 s"))),
        outcome("health is live", sign_off=("immediate_verification",)),
        outcome("a noisy caller is held back", (note("burst", "not permitted: no grant burst"),), skipped=True),
    )  # fmt: skip

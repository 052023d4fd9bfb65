"""What of watching stands in the log: bad news and changes, each once; passes cost nothing."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from probes.outcome import Exchange, Outcome, Phases, Subject, Verdict
from scenarios.events import RunInfo, RunStarted
from scenarios.watch.events import Missed, MissedReason, Retired, SeriesKey, Tick
from vedette.service.state import ReloadResult
from vedette.service.watch_log import WatchLog

AT = datetime(2025, 6, 1, 12, 0, tzinfo=UTC)
KEY = SeriesKey("shop", "the shop answers", "production", "fra1")
SUBJECT = Subject("shop", KEY.scenario, "http", KEY.target, "production")
CALL = Exchange("GET", "https://shop.example.com/", "corr-1", 0.0, 0.1, Phases(), 500)


def tick(verdict: Verdict, *, maintenance: str = "", key: SeriesKey = KEY) -> Tick:
    outcome = Outcome("outcome-1", "run-1", SUBJECT, verdict, f"it said {verdict}", AT, 0.25, exchanges=(CALL,))
    return Tick(key, outcome, AT, 0.01, maintenance=maintenance, version="1.4.2")


def levels(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.levelname for record in caplog.records]


def test_what_stays_bad_is_logged_once_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "vedette")
    log = WatchLog()
    for second in range(150):
        failed = tick(Verdict.FAIL)
        at = failed.outcome.started_at + timedelta(seconds=second)
        log.take_watched(replace(failed, outcome=replace(failed.outcome, started_at=at)))
    assert levels(caplog) == ["ERROR"] * 3


def test_news_is_logged_at_once_and_good_news_only_when_it_is_news(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "vedette")
    log = WatchLog()
    for verdict in (
        Verdict.PASS,
        Verdict.FAIL,
        Verdict.ERROR,
        Verdict.INCONCLUSIVE,
        Verdict.PASS,
        Verdict.PASS,
        Verdict.DEGRADED,
    ):
        log.take_watched(tick(verdict))
    assert levels(caplog) == ["ERROR", "WARNING", "WARNING", "INFO"]
    assert caplog.records[0].getMessage() == "fail (was pass): 'the shop answers' at 'production': it said fail"
    assert caplog.records[3].getMessage().startswith("pass (was inconclusive)")


def test_what_was_never_asked_before_was_not_good_before(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "vedette")
    WatchLog().take_watched(tick(Verdict.FAIL))
    assert caplog.records[0].getMessage() == "fail: 'the shop answers' at 'production': it said fail"


def test_a_line_has_the_ids_by_which_all_else_is_found(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "vedette")
    WatchLog().take_watched(tick(Verdict.FAIL))
    facts = vars(caplog.records[0])
    assert {name: facts[name] for name in ("run_id", "scenario_id", "correlation_id", "duration_ms", "outcome", "verdict")} == {
        "run_id": "run-1", "scenario_id": KEY.slug, "correlation_id": "corr-1", "duration_ms": 250.0, "outcome": "error",
        "verdict": "fail",
    }  # fmt: skip


def test_a_pass_is_not_even_rendered_at_info(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    caplog.set_level(logging.INFO, "vedette")

    def never(*_: Any) -> dict[str, Any]:
        raise AssertionError("a pass was rendered")

    monkeypatch.setattr("vedette.service.watch_log._facts", never)
    log = WatchLog()
    log.take_watched(tick(Verdict.PASS))
    assert caplog.records == []
    with pytest.raises(AssertionError):
        log.take_watched(tick(Verdict.FAIL))


def test_passes_are_there_at_debug(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "vedette")
    WatchLog().take_watched(tick(Verdict.PASS))
    assert levels(caplog) == ["DEBUG"]


def test_what_fails_in_maintenance_alarms_nobody(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "vedette")
    log = WatchLog()
    for _ in range(3):
        log.take_watched(tick(Verdict.FAIL, maintenance="window-1"))
    assert levels(caplog) == ["INFO"]


def test_missed_ticks_runs_and_what_is_watched_no_longer_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "vedette")
    log = WatchLog()
    run = RunInfo("run-2", "shop", "shop.yaml", "production", "production", "http://127.0.0.1", AT, "1", kind="deploy")
    log.take_watched(Missed(KEY, AT, MissedReason.OVERLAP, 3))
    log.take_watched(RunStarted(run, ()))
    log.take_watched(RunStarted(replace(run, kind="watch"), ()))
    log.take_watched(Retired((KEY,)))
    said = [record.getMessage() for record in caplog.records]
    assert said == [
        "3 ticks of 'the shop answers' at 'production' were due and not answered: overlap",
        "a run of kind deploy of suite 'shop' at 'production' begins",
        "scenarios that are watched no longer: 1",
    ]


def test_a_reload_is_logged_with_its_changes_or_its_mistakes(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "vedette")
    log = WatchLog()
    log.reloaded(ReloadResult(AT, True, "signal", changes=("one scenario is new",)))
    log.reloaded(ReloadResult(AT, False, "file", error="unknown field 'x'"))
    assert levels(caplog) == ["INFO", "ERROR"]
    assert "one scenario is new" in caplog.text and "the old ones stay: unknown field 'x'" in caplog.text

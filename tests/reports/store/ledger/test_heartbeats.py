"""How heartbeats stand, kept over a restart, in SQLite and in PostgreSQL."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from reports.store.ledger.heartbeats import HeartbeatLedger
from scenarios.heartbeat_times import Standing

AT = datetime(2025, 6, 1, 12, 0, 0, 123456, tzinfo=UTC)
FULL = Standing(
    watched_since=AT,
    started_at=AT + timedelta(hours=1),
    start_id="run-1",
    open_since=AT + timedelta(hours=1),
    reported_at=AT + timedelta(hours=2),
    report_id="run-0",
    succeeded_at=AT + timedelta(hours=2),
    failed=True,
    exit_code=3,
    duration_s=1.25,
    note="4 GB\nwritten ✓",
    told_for=AT + timedelta(hours=3),
)


def test_what_goes_in_comes_out_equal_after_a_restart(anywhere: str) -> None:
    ledger = HeartbeatLedger(anywhere)
    assert ledger.load() == {}
    ledger.save({"a": FULL, "b": Standing(AT)})
    ledger.close()
    again = HeartbeatLedger(anywhere)
    assert again.load() == {"a": FULL, "b": Standing(AT)}
    again.close()


def test_the_newest_standing_counts_and_what_is_forgotten_is_gone(anywhere: str) -> None:
    ledger = HeartbeatLedger(anywhere)
    ledger.load()
    ledger.save({"a": FULL, "b": FULL, "c": FULL})
    newer = replace(FULL, reported_at=AT + timedelta(days=1), open_since=None)
    ledger.save({"a": newer}, forget=["b", "never there"])
    assert ledger.load() == {"a": newer, "c": FULL}
    ledger.close()

"""This file is for the promises of the audit trail."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from reports.store.database import Database
from reports.store.ledger.audit import Audit

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def audit(anywhere: str) -> Iterator[Audit]:
    database = Database(anywhere)
    database.make_ready()
    database.close()
    made = Audit(anywhere, clock=lambda: AT)
    yield made
    made.close()


def test_an_entry_says_who_did_what_to_what_and_when(audit: Audit) -> None:
    audit.note("ci", "deploy", "production", {"version": "1.4.2"})
    (entry,) = audit.list()
    assert (entry.who, entry.action, entry.object, entry.at) == ("ci", "deploy", "production", AT)
    assert entry.details == {"version": "1.4.2"}


def test_the_newest_come_first_page_by_page(audit: Audit, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(5):
        monkeypatch.setattr("reports.store.ledger.audit.new_id", lambda n=number: f"0000000{n}-0000-7000-8000-000000000000")
        audit.note("ci", f"act {number}", "")
    first = audit.list(limit=2)
    rest = audit.list(limit=10, before=first[-1].id)
    assert [e.action for e in (*first, *rest)] == ["act 4", "act 3", "act 2", "act 1", "act 0"]


@pytest.mark.parametrize("name", ["token", "Authorization", "session_cookie", "db_password", "client-secret"])
def test_a_detail_whose_name_speaks_of_a_secret_is_left_out(audit: Audit, name: str) -> None:
    audit.note("ci", "x", "y", {name: "hunter2", "deep": {name: ["hunter2"]}})
    assert "hunter2" not in json.dumps(dict(audit.list()[0].details))


def test_no_entry_can_fill_the_disk(audit: Audit) -> None:
    audit.note("w" * 9999, "a" * 9999, "o" * 9999, {str(n): "x" * 9999 for n in range(100)})
    entry = audit.list()[0]
    assert len(entry.who + entry.action + entry.object + json.dumps(dict(entry.details))) < 6000


def test_details_that_json_does_not_know_are_told_as_text(audit: Audit) -> None:
    audit.note("ci", "x", "y", {"at": AT})
    assert audit.list()[0].details == {"at": "2026-03-01 12:00:00+00:00"}


def test_only_what_is_old_is_forgotten(anywhere: str, audit: Audit) -> None:
    audit.note("ci", "old", "")
    young = Audit(anywhere, clock=lambda: AT + timedelta(days=1))
    young.note("ci", "young", "")
    young.close()
    assert audit.prune(AT + timedelta(hours=1)) == 1
    assert [e.action for e in audit.list()] == ["young"]

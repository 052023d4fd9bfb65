"""This file is for the kind `audit_log`, against a small service that audits rightly, or wrongly in one way."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from probes.evidence.log_file import LogFile
from probes.evidence.mysql import Mysql
from probes.evidence.postgres import Postgres
from probes.kinds.audit_log import AuditLog
from probes.outcome import Outcome, Verdict
from tests.probes import databases
from tests.probes.kinds.audited import Audited
from tests.probes.small_service import a_session, a_target, asked, serving

pytestmark = pytest.mark.anyio

CREATE: dict[str, Any] = {
    "name": "appointment.created",
    "request": {"method": "POST", "path": "/appointments", "json": {"password": "{{planted.password}}"}},
    "expect_status": 201,
    "capture": {"id": {"json": "$.id"}},
    "record": {
        "$.action": "appointment.created",
        "$.entity_type": "appointment",
        "$.entity_id": "{{id}}",
        "$.actor_id": 7,
        "$.before": None,
        "$.after.status": "confirmed",
    },
}
UPDATE: dict[str, Any] = {
    "name": "appointment.updated",
    "request": {"method": "PATCH", "path": "/appointments/{{id}}", "json": {"status": "moved"}},
    "record": {"$.before.status": "confirmed", "$.after.status": "moved", "$.actor_id": 7},
}
LOGIN: dict[str, Any] = {
    "name": "auth.login_failed",
    "request": {"method": "POST", "path": "/login", "json": {"password": "{{planted.password}}"}},
    "expect_status": 401,
    "record": {"$.action": "auth.login_failed", "$.actor_id": None},
}
LIST = {"name": "listing", "request": {"path": "/appointments"}}
API = {"api": {"request": {"path": "/audit", "query": {"id": "{{correlation_id}}"}}, "json": "$.items[*]"}}
UNDO = [{"name": "deleting it", "request": {"method": "DELETE", "path": "/appointments/{{id}}"}}]
CHAIN = {"over": "canonical", "request": {"path": "/audit"}}
TRY = {"name": "deleting", "request": {"method": "DELETE", "path": "/audit/{{record.audit_id}}"}}

COLUMNS = {
    "audit_id": "uuid",
    "timestamp": "timestamptz",
    "tenant_id": "int",
    "actor_id": "int",
    "actor_type": "text",
    "action": "text",
    "entity_type": "text",
    "entity_id": "int",
    "before": "jsonb",
    "after": "jsonb",
    "ip": "inet",
    "user_agent": "text",
    "correlation_id": "text",
}


def a_probe(*actions: dict[str, Any], **more: Any) -> AuditLog:
    options = {"actions": list(actions or (CREATE,)), "records": API, "contract": "bookando-audit"}
    return AuditLog.model_validate({**options, "within": "300ms", "settle": "10ms", **more})


async def outcome_of(probe: AuditLog, *bugs: str, service: Audited | None = None, **target: Any) -> Outcome:
    service = service or Audited(frozenset(bugs))
    async with serving(service.handle) as url:
        return await asked(probe, a_session(a_target(url, allow=("write",), **target)))


async def test_one_true_record_for_each_action_passes() -> None:
    service = Audited()
    outcome = await outcome_of(a_probe(CREATE, UPDATE, LOGIN, not_audited=[LIST], undo=UNDO), service=service)
    assert outcome.verdict is Verdict.PASS, outcome.sentence
    assert len(outcome.controls) >= 8
    assert service.appointments == {}  # taken back
    assert any(m.name == "time until 'appointment.created' was audited" for m in outcome.measurements)


WRONG = [
    ("silent", "'appointment.created' left no audit record within 0.3 s (audit API GET /audit, correlation id "),
    ("another_id", "left no audit record"),
    ("twice", "'appointment.created' left 2 audit records instead of 1"),
    ("no_actor", "breaks the contract bookando-audit: lacks 'actor_id'"),
    ("nobody", "is wrong in $.actor_id: it is null, expected that it equals 7"),
    ("another_actor", "is wrong in $.actor_id: it is a number (not shown), expected that it equals 7"),
    ("wrong_action", "is wrong in $.action: it is 'appointment.create', expected that it equals 'appointment.created'"),
    ("local_time", "breaks the contract bookando-audit: 'timestamp' is '2026-01-15 14:30'"),
    ("keeps_password", "keeps what should be masked: 'after.password' is in the clear"),
    ("note_of_password", "keeps what should be masked: the password that was sent stands in it"),
    ("audits_reading", "'listing' left 1 audit record, where none belongs"),
]


@pytest.mark.parametrize(("bug", "words"), WRONG, ids=[bug for bug, _ in WRONG])
async def test_what_is_audited_wrongly_fails_and_names_the_field(bug: str, words: str) -> None:
    outcome = await outcome_of(a_probe(not_audited=[LIST]), bug)
    assert outcome.verdict is Verdict.FAIL
    assert words in " ".join(one.say for one in outcome.checks), outcome.sentence
    assert "Pw-" not in repr(outcome)  # no planted password leaves the process


@pytest.mark.parametrize(
    ("bug", "words"),
    [
        pytest.param("silent", "'appointment.created' left no Slack alert within 0.3 s", id="none"),
        pytest.param("twice", "'appointment.created' left 2 Slack alerts instead of 1", id="two"),
        pytest.param("nobody", "the Slack alert of 'appointment.created' is wrong in $.actor_id", id="a wrong one"),
    ],
)
async def test_a_record_is_called_what_it_is(bug: str, words: str) -> None:
    outcome = await outcome_of(a_probe(called="Slack alert"), bug)
    assert outcome.verdict is Verdict.FAIL
    assert words in outcome.sentence and "audit record" not in outcome.sentence


async def test_nobody_is_no_actor_though_the_contract_takes_null() -> None:
    outcome = await outcome_of(a_probe({**CREATE, "record": {"$.action": "appointment.created"}}), "nobody")
    assert outcome.verdict is Verdict.FAIL
    assert "does not say who did it: $.actor_id is null" in outcome.sentence


async def test_a_record_that_comes_late_but_in_time_passes() -> None:
    assert (await outcome_of(a_probe(within="5s"), "late")).verdict is Verdict.PASS


async def test_an_action_that_was_not_done_shows_nothing() -> None:
    outcome = await outcome_of(a_probe(), "down")
    assert outcome.verdict is Verdict.INCONCLUSIVE
    assert "'appointment.created' was not done as it should" in outcome.sentence


async def test_a_record_that_was_there_before_proves_nothing() -> None:
    service = Audited()
    fixed = {**CREATE, "request": {**CREATE["request"], "headers": {"X-Correlation-ID": "always-the-same"}}}
    probe = a_probe(fixed)
    assert (await outcome_of(probe, service=service)).verdict is Verdict.PASS
    outcome = await outcome_of(probe, service=service)
    assert outcome.verdict is Verdict.INCONCLUSIVE and "were there before it was done" in outcome.sentence


async def test_an_audit_api_that_cannot_be_read_is_our_error_and_nothing_is_done() -> None:
    service = Audited()
    records = {"api": {"request": {"path": "/audit/none"}, "json": "$.items[*]"}}
    outcome = await outcome_of(a_probe(records=records), service=service)
    assert outcome.verdict is Verdict.ERROR and "audit API GET /audit/none answered 404" in outcome.sentence
    assert [one.method for one in service.seen] == ["GET"]


async def test_records_are_known_by_their_entity_where_they_have_no_correlation_id() -> None:
    match = {"path": "$.entity_id", "equals": "{{id}}"}
    probe = a_probe(CREATE, UPDATE, match=match, records={"api": {"request": {"path": "/audit"}, "json": "$.items[*]"}})
    assert (await outcome_of(probe)).verdict is Verdict.PASS
    outcome = await outcome_of(probe, "twice")
    assert outcome.verdict is Verdict.FAIL and "left 2 audit records instead of 1" in outcome.sentence


CHAINS = [
    ("chain", Verdict.PASS, ""),
    (
        "broken_chain",
        Verdict.FAIL,
        "the chain of audit records is broken: item 2 of the audit API GET /audit does not hold the hash",
    ),
    ("edited", Verdict.FAIL, "does not have the hash that its fields give"),
]


@pytest.mark.parametrize(("bug", "verdict", "words"), CHAINS, ids=[bug for bug, *_ in CHAINS])
async def test_the_chain_of_records_is_held_against_their_hashes(bug: str, verdict: Verdict, words: str) -> None:
    outcome = await outcome_of(a_probe(CREATE, UPDATE, LOGIN, chain=CHAIN), bug)
    assert outcome.verdict is verdict, outcome.sentence
    assert words in outcome.sentence


async def test_a_chain_of_one_record_shows_no_link() -> None:
    outcome = await outcome_of(a_probe(chain=CHAIN), "chain")
    assert outcome.verdict is Verdict.INCONCLUSIVE and "too few to show a link" in outcome.sentence


ONCE = [
    ("", Verdict.PASS, ""),
    ("can_be_deleted", Verdict.FAIL, "could be changed: 'deleting' was accepted"),
    ("changes_though_it_refuses", Verdict.FAIL, "must be written once was changed by a request of ours"),
    ("no_such_route", Verdict.INCONCLUSIVE, "'deleting' got 404, which does not show that the record is protected"),
]


@pytest.mark.parametrize(("bug", "verdict", "words"), ONCE, ids=[bug or "sound" for bug, *_ in ONCE])
async def test_a_record_is_written_once(bug: str, verdict: Verdict, words: str) -> None:
    outcome = await outcome_of(a_probe(write_once={"tries": [TRY]}), bug)
    assert outcome.verdict is verdict, outcome.sentence
    assert words in " ".join(one.say for one in outcome.checks)


async def test_records_are_found_among_other_lines_of_a_log(tmp_path: Path) -> None:
    log = tmp_path / "audit.log"
    log.write_text("")

    async def write(record: dict[str, Any]) -> None:
        other = {"message": "request finished", "correlation_id": record["correlation_id"]}
        with log.open("a") as file:
            file.write(f"plain text\n{json.dumps(other)}\n{json.dumps({'channel': 'audit', 'context': record})}\n")

    records = {"logs": ["audit"], "where": {"$.channel": "audit"}, "at": "$.context"}
    evidence = {"audit": LogFile(path=str(log))}
    outcome = await outcome_of(a_probe(records=records), service=Audited(keep=write), evidence=evidence)
    assert outcome.verdict is Verdict.PASS, outcome.sentence
    outcome = await outcome_of(a_probe(records=records), service=Audited(), evidence=evidence)
    assert outcome.verdict is Verdict.FAIL and f"(log file {log}, correlation id" in outcome.sentence


async def test_records_are_read_from_postgresql(require: Callable[[str, bool], None]) -> None:
    with databases.postgres() as db:
        require("a PostgreSQL server at 127.0.0.1:5432 with a database 'test'", db is not None)
        assert db is not None
        columns = ", ".join(f"{name} {sort}" for name, sort in COLUMNS.items())
        db.run(f"CREATE TABLE {db.own}.audit (number serial, {columns})")

        async def write(record: dict[str, Any]) -> None:
            db.run(
                f"INSERT INTO {db.own}.audit ({', '.join(COLUMNS)}) VALUES ({', '.join(['%s'] * len(COLUMNS))})",
                *(json.dumps(record[name]) if sort == "jsonb" else record[name] for name, sort in COLUMNS.items()),
            )

        rows = {"source": "db", "statement": f"SELECT * FROM {db.own}.audit WHERE correlation_id = :correlation_id"}
        probe = a_probe(CREATE, UPDATE, LOGIN, records={"rows": rows})
        evidence = {"db": Postgres.model_validate({"dsn": db.dsn})}
        outcome = await outcome_of(probe, service=Audited(keep=write), evidence=evidence)
        assert outcome.verdict is Verdict.PASS, outcome.sentence
        db.run(f"ALTER TABLE {db.own}.audit RENAME TO moved")
        service = Audited()
        outcome = await outcome_of(probe, service=service, evidence=evidence)
        assert outcome.verdict is Verdict.ERROR and f"there is no table '{db.own}.audit'" in outcome.sentence
        assert service.seen == []  # told before anything was done


async def test_records_are_read_from_mariadb_under_other_names(require: Callable[[str, bool], None]) -> None:
    with databases.mysql() as db:
        require("a MariaDB server at 127.0.0.1:3306 that lets root in", db is not None)
        assert db is not None
        db.run("CREATE TABLE activity (org_id INT, who INT, what TEXT, thing INT, was JSON, now JSON, request TEXT)")

        async def write(record: dict[str, Any]) -> None:
            names = ("tenant_id", "actor_id", "action", "entity_id", "before", "after", "correlation_id")
            given = [json.dumps(record[one]) if one in ("before", "after") else record[one] for one in names]
            db.run("INSERT INTO activity VALUES (%s, %s, %s, %s, %s, %s, %s)", *given)

        rows = {
            "source": "db",
            "statement": "SELECT * FROM activity WHERE thing = :id AND org_id = :tenant",
            "parameters": {"tenant": "{{vars.tenant}}"},
            "columns": {"actor_id": "who", "action": "what", "entity_id": "thing", "before": "was", "after": "now"},
            "json_columns": ["was", "now"],
        }
        create = {**CREATE, "record": {path: CREATE["record"][path] for path in CREATE["record"] if path != "$.entity_type"}}
        probe = a_probe(create, records={"rows": rows}, match="$.request", contract=None)
        evidence = {"db": Mysql.model_validate({"dsn": db.dsn})}
        target = {"evidence": evidence, "vars": {"tenant": 42}}
        outcome = await outcome_of(probe, service=Audited(keep=write), **target)
        assert outcome.verdict is Verdict.PASS, outcome.sentence
        other = Audited(frozenset({"another_id"}), keep=write)
        outcome = await outcome_of(probe, service=other, **target)
        assert outcome.verdict is Verdict.FAIL
        assert "records were read, none with it at $.request" in outcome.sentence


async def test_without_a_correlation_header_nothing_is_done() -> None:
    service = Audited()
    outcome = await outcome_of(a_probe(), service=service, correlation_headers=[])
    assert outcome.verdict is Verdict.INCONCLUSIVE and service.seen == []


MISTAKES = [
    ({"action": CREATE}, "give either 'action' or 'actions'"),
    ({"records": {}}, "exactly one of 'logs', 'rows' and 'api'"),
    ({"actions": [CREATE, CREATE]}, "two actions are named 'appointment.created'"),
    ({"contract": None, "actions": [{**CREATE, "record": {}}]}, "nothing says what the record of 'appointment.created' must be"),
    ({"contract": "bookando-audlt"}, "did you mean 'bookando-audit'"),
    ({"schema": {"type": "objekt"}}, "not a usable JSON Schema"),
    ({"actor": "$..actor"}, "should be a path of names only"),
    ({"chain": {"over": ["$.action"], "request": {"path": "/audit"}}}, "'over' should hold $.previous_hash"),
    ({"chain": {}}, "'chain' needs a 'request'"),
    ({"records": {"rows": {"source": "db", "statement": "DELETE FROM audit"}}}, "begins with DELETE; only SELECT"),
    ({"records": {"rows": {"source": "db", "statement": "SELECT 1 WHERE a = :b"}}}, "holds ':b', which is neither captured nor"),
    ({"match": {"path": "$.entity_id", "equals": "{{id}}"}, "not_audited": [LIST]}, "'not_audited' needs records"),
]


@pytest.mark.parametrize(("change", "words"), MISTAKES, ids=[words for _, words in MISTAKES])
async def test_a_mistake_in_the_scenario_is_told_when_it_is_read(change: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError) as caught:
        a_probe(**change)
    assert words in str(caught.value)


async def test_changing_and_taking_back_need_the_grant() -> None:
    assert a_probe().needs() == frozenset()
    for more in ({"undo": UNDO}, {"write_once": {"tries": [TRY]}}, {"actions": [CREATE, UPDATE]}):
        assert a_probe(**more).needs() == {"write"}

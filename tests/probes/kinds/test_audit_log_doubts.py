"""This file is for trails that seem to hold the record of an action and do not: what `audit_log` says of them."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from probes.audit_findings import scan_is_sound
from probes.outcome import Outcome, Verdict
from tests.probes.kinds.audited import Audited
from tests.probes.kinds.test_audit_log import CREATE, LIST, UPDATE, a_probe, outcome_of
from tests.probes.small_service import Asked, Reply, a_session, a_target, asked, serving

pytestmark = pytest.mark.anyio

BY_ENTITY: dict[str, Any] = {
    "match": {"path": "$.entity_id", "equals": "{{id}}"},
    "records": {"api": {"request": {"path": "/audit"}, "json": "$.items[*]"}},
}


def stamp(**ago: float) -> str:
    return (datetime.now(UTC) - timedelta(**ago)).isoformat(timespec="seconds").replace("+00:00", "Z")


async def ask(service: Audited, **options: Any) -> Outcome:
    return await outcome_of(a_probe(CREATE, **options), service=service)


class Old(Audited):
    """Audits with a clock that stands."""

    async def _keep(self, record: dict[str, Any]) -> None:
        await super()._keep({**record, "timestamp": stamp(hours=5)})


async def test_a_record_of_another_time_is_not_that_of_the_action() -> None:
    outcome = await ask(Old())
    assert outcome.verdict is Verdict.FAIL
    assert "is of another time: $.timestamp is 5:00:0" in outcome.sentence and "before the action" in outcome.sentence
    assert (await ask(Old(), skew="6h")).verdict is Verdict.PASS


async def test_a_record_of_a_clock_that_is_a_little_off_passes() -> None:
    class Late(Audited):
        async def _keep(self, record: dict[str, Any]) -> None:
            await super()._keep({**record, "timestamp": stamp(minutes=2)})

    assert (await ask(Late())).verdict is Verdict.PASS


async def test_a_record_of_an_earlier_thing_with_the_same_number_is_not_that_of_the_action() -> None:
    """The service was set up anew and numbers from 1; its audit trail is an old one, and nothing is audited any more."""
    old = {"audit_id": str(uuid.uuid4()), "tenant_id": 42, "actor_id": 7, "actor_type": "user", "action": "appointment.created"}
    old |= {"entity_type": "appointment", "entity_id": 1, "before": None, "after": {"id": 1, "status": "confirmed"}}
    old |= {"ip": "192.0.2.7", "user_agent": "x", "correlation_id": str(uuid.uuid4())}
    service = Audited(frozenset({"silent"}), records=[{**old, "timestamp": stamp(days=3)}])
    outcome = await ask(service, **BY_ENTITY)
    assert outcome.verdict is Verdict.FAIL and "is of another time" in outcome.sentence
    service = Audited(frozenset({"silent"}), records=[{**old, "at": "yesterday"}])
    outcome = await ask(service, **BY_ENTITY, contract=None)
    assert outcome.verdict is Verdict.INCONCLUSIVE
    assert "may be of an earlier thing: it was not looked for before, and has no time at $.timestamp" in outcome.sentence


async def test_a_trail_that_shows_the_newest_record_to_everybody_proves_nothing() -> None:
    """It writes the id that it is asked for into whatever was audited last."""
    service = Audited(frozenset({"another_id"}))

    async def handle(one: Asked) -> Reply:
        path, _, query = one.path.partition("?")
        if path != "/audit" or one.method != "GET":
            return await service.handle(one)
        wanted = query.partition("=")[2]
        return 200, {}, {"items": [{**record, "correlation_id": wanted} for record in service.records[-1:]]}

    async with serving(handle) as url:
        outcome = await asked(a_probe(), a_session(a_target(url, allow=("write",))))
    assert outcome.verdict is Verdict.INCONCLUSIVE, outcome.sentence
    assert "a record was found for an id that nobody ever sent" in outcome.sentence


async def test_what_must_leave_no_record_is_watched_as_long_as_records_take() -> None:
    """The pipeline is slow: the record of the action comes after its second look, and that of the reading just as late."""
    service, due = Audited(frozenset({"audits_reading"})), list[tuple[float, dict[str, Any]]]()
    import asyncio

    async def keep(record: dict[str, Any]) -> None:
        due.append((asyncio.get_running_loop().time() + 0.4, record))
        service.records.remove(record)

    service.keep = keep

    async def handle(one: Asked) -> Reply:
        now = asyncio.get_running_loop().time()
        for at, record in [each for each in due if each[0] <= now]:
            due.remove((at, record))
            service.records.append(record)
        return await service.handle(one)

    async with serving(handle) as url:
        probe = a_probe(CREATE, not_audited=[LIST], within="5s", settle="10ms")
        outcome = await asked(probe, a_session(a_target(url, allow=("write",))))
    assert outcome.verdict is Verdict.FAIL, outcome.sentence
    assert "'listing' left 1 audit record, where none belongs" in outcome.sentence


async def test_a_record_that_may_be_on_another_page_is_not_called_missing() -> None:
    service = Audited()

    async def handle(one: Asked) -> Reply:
        status, headers, body = await service.handle(one)
        if one.path.startswith("/audit"):
            return status, {"Link": '</audit?page=2>; rel="next"'}, {"items": []}
        return status, headers, body

    async with serving(handle) as url:
        outcome = await asked(a_probe(), a_session(a_target(url, allow=("write",))))
    assert outcome.verdict is Verdict.INCONCLUSIVE, outcome.sentence
    assert "may be on another page" in outcome.sentence


async def test_each_record_is_of_its_own_action_in_a_row_of_them() -> None:
    outcome = await outcome_of(a_probe(CREATE, UPDATE, **BY_ENTITY))
    assert outcome.verdict is Verdict.PASS, outcome.sentence


async def test_a_chain_without_our_records_says_nothing_of_them() -> None:
    service, others = Audited(frozenset({"chain"})), Audited(frozenset({"chain"}))

    async def handle(one: Asked) -> Reply:
        if one.path == "/chain":
            return await others.handle(Asked("GET", "/audit", {}, None))
        return await service.handle(one)

    for number in range(3):
        await others.handle(Asked("POST", "/appointments", {"x-correlation-id": f"c-{number}"}, {"password": "x"}))
    async with serving(handle) as url:
        probe = a_probe(chain={"over": "canonical", "request": {"path": "/chain"}})
        outcome = await asked(probe, a_session(a_target(url, allow=("write",))))
    assert outcome.verdict is Verdict.INCONCLUSIVE, outcome.sentence
    assert "1 of our 1 records are not among the 3 that were read" in outcome.sentence


async def test_what_cannot_be_captured_is_told_and_its_record_is_not_looked_for() -> None:
    outcome = await outcome_of(a_probe({**CREATE, "capture": {"id": {"json": "$.nope"}}}))
    assert outcome.verdict is Verdict.FAIL
    assert "'id' could not be captured from the answer to 'appointment.created'" in outcome.sentence
    assert not any("leaves an audit record" in made.name or made.verdict is Verdict.ERROR for made in outcome.checks)


def test_a_scan_that_overlooks_a_secret_clears_nothing() -> None:
    assert [scan_is_sound(missed).verdict for missed in ([], ["password in base64"])] == [Verdict.PASS, Verdict.INCONCLUSIVE]


def test_a_value_that_cannot_be_planted_is_a_mistake_of_the_suite() -> None:
    request = {**CREATE["request"], "json": {"password": "{{planted.passwort}}"}}
    with pytest.raises(ValidationError, match=r"there is no '{{planted.passwort}}'; there is email"):
        a_probe({**CREATE, "request": request})


async def test_a_record_that_would_do_without_its_actor_proves_nothing() -> None:
    record = {"$.action": "appointment.created", "$.actor_id": {"type": ["integer", "null"]}}
    outcome = await outcome_of(a_probe({**CREATE, "record": record}, contract=None))
    assert outcome.verdict is Verdict.INCONCLUSIVE
    assert "would have been accepted with null for its actor" in outcome.sentence


async def test_a_request_that_was_not_served_shows_nothing_of_what_it_leaves() -> None:
    outcome = await outcome_of(a_probe(not_audited=[{**LIST, "expect_status": 204}]))
    assert outcome.verdict is Verdict.INCONCLUSIVE
    assert "'listing' was not served as it should, so nothing shows that it leaves no record" in outcome.sentence

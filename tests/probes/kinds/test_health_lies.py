"""This file is for health answers that hide something in an unusual place, and for sound ones that look odd."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from probes.outcome import Verdict
from tests.probes.kinds.loopback import Asked, Reply
from tests.probes.kinds.test_health import ACTIVE, STRICT, Bug, Service, active_target, asked_with, later, on

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("place", [0, 1], ids=["the first is down", "the last is down"])
async def test_a_dependency_named_twice_is_up_only_if_both_entries_are(place: int) -> None:
    def twice(path: str) -> Bug:
        states = ["down" if n == place else "ok" for n in (0, 1)]
        rows = [{"name": "database", "status": state} for state in states] + [{"name": "redis", "status": "ok"}]
        return on(path, lambda d: d.update(checks=rows))

    def both(service: Service, asked: Asked, reply: Reply) -> Reply:
        return twice("/api/v1/health")(service, asked, twice("/health/ready")(service, asked, reply))

    outcome = await asked_with(both)
    assert outcome.verdict is Verdict.FAIL and "readiness says database is down" in outcome.sentence, outcome.sentence


def expires(**ahead: float) -> Bug:
    def bug(service: Service, asked: Asked, reply: Reply) -> Reply:
        if asked.path != "/health/live":
            return reply
        until = format_datetime(datetime.now(UTC) + timedelta(**ahead), usegmt=True)
        return replace(reply, headers=(("Content-Type", "application/json"), ("Expires", until)))

    return bug


async def test_an_answer_that_expires_later_may_be_kept_in_caches() -> None:
    outcome = await asked_with(expires(hours=1))
    assert outcome.verdict is Verdict.FAIL and "liveness may be kept in caches (Expires: " in outcome.sentence, outcome.sentence


@pytest.mark.parametrize("bug", [expires(hours=-1), on("/health/live", lambda d: None, ("Expires", "0"))])
async def test_an_answer_that_is_expired_already_is_not_kept(bug: Bug) -> None:
    outcome = await asked_with(bug)
    assert outcome.verdict is Verdict.PASS, outcome.sentence


async def test_an_answer_that_shared_caches_hand_out_is_caught_by_their_sign() -> None:
    outcome = await asked_with(on("/health/ready", lambda d: None, ("X-Cache", "Hit from cloudfront")))
    assert outcome.verdict is Verdict.FAIL and "readiness came out of a cache (X-Cache: " in outcome.sentence, outcome.sentence


async def test_two_replicas_whose_clocks_differ_within_bounds_are_sound() -> None:
    """The first answer of liveness comes from the replica that is ahead, the next three from the other one."""
    turns = itertools.count()

    def replicas(service: Service, asked: Asked, reply: Reply) -> Reply:
        if asked.path != "/health/live":
            return reply
        behind = next(turns) % 4 != 0
        return on(asked.path, lambda d: later(d, seconds=-60 if behind else 60))(service, asked, reply)

    outcome = await asked_with(replicas)
    assert outcome.verdict is Verdict.PASS, outcome.sentence


async def test_readiness_that_recovers_by_its_status_only_is_caught() -> None:
    def forgetful(service: Service, asked: Asked, reply: Reply) -> Reply:
        if asked.method == "DELETE":
            service.times = -1_000_000
        if asked.path == "/health/ready" and service.times < 0:
            return on(asked.path, lambda d: d["checks"]["database"].update(status="down"))(service, asked, reply)
        return reply

    outcome = await asked_with(forgetful, ACTIVE, **active_target())
    assert outcome.verdict is Verdict.FAIL and "it answers 200 but says that database is down" in outcome.sentence, (
        outcome.sentence
    )


@pytest.mark.parametrize("while_down", [True, False], ids=["a moment after readiness", "during the recovery"])
async def test_liveness_that_goes_down_late_is_caught(while_down: bool) -> None:
    looks = itertools.count()

    def late(service: Service, asked: Asked, reply: Reply) -> Reply:
        if asked.path != "/health/live":
            return reply
        if while_down:
            return replace(reply, status=503) if service.down and next(looks) > 0 else reply
        mended = any(call == "mended" for call in calls) and next(looks) == 0
        return replace(reply, status=503) if mended else reply

    calls: list[str] = []

    def remembers(service: Service, asked: Asked, reply: Reply) -> Reply:
        if asked.method == "DELETE":
            calls.append("mended")
        return late(service, asked, reply)

    outcome = await asked_with(remembers, ACTIVE, **active_target())
    assert outcome.verdict is Verdict.FAIL and "liveness went down with database" in outcome.sentence, outcome.sentence


@pytest.mark.parametrize(
    ("states", "trouble"),
    [
        (["pass"], ""),
        (["pass", "pass"], ""),
        (["pass", "fail"], "says database is down"),
        ([], "says database is without a state"),
    ],
    ids=str,
)
async def test_one_entry_for_each_node_is_up_only_if_every_node_is(states: list[str], trouble: str) -> None:
    """Source: draft-inadarei-api-health-check-06 section 4: each of `checks` is an array."""

    def nodes(service: Service, asked: Asked, reply: Reply) -> Reply:
        rows = [{"status": state, "componentId": f"n{n}"} for n, state in enumerate(states)]
        return on(asked.path, lambda d: d["checks"].update(database=rows))(service, asked, reply)

    def sound_or_not(service: Service, asked: Asked, reply: Reply) -> Reply:
        return nodes(service, asked, reply) if asked.path in ("/health/ready", "/api/v1/health") else reply

    outcome = await asked_with(sound_or_not)
    assert outcome.verdict is (Verdict.FAIL if trouble else Verdict.PASS) and trouble in outcome.sentence, outcome.sentence


async def test_a_small_z_is_an_offset_too() -> None:
    """Source: RFC 3339 section 5.6: "T" and "Z" may alternatively be lower case."""

    def small(service: Service, asked: Asked, reply: Reply) -> Reply:
        zulu = on(asked.path, lambda d: d.update(timestamp=d["timestamp"].replace("+00:00", "z")))
        return zulu(service, asked, reply) if reply.status == 200 else reply

    assert (await asked_with(small)).verdict is Verdict.PASS


async def test_a_clock_two_minutes_off_is_within_bounds() -> None:
    def slow_clock(service: Service, asked: Asked, reply: Reply) -> Reply:
        return on(asked.path, lambda d: later(d, minutes=-2))(service, asked, reply) if reply.status == 200 else reply

    assert (await asked_with(slow_clock, STRICT)).verdict is Verdict.PASS

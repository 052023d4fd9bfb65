"""This file is for logs that seem to keep their promise and do not: what `log_contract` says of them."""

from __future__ import annotations

import json
from pathlib import Path
from uuid import uuid4

import pytest

from probes.outcome import Verdict
from tests.probes.kinds.loopback import Asked, Reply, as_json
from tests.probes.kinds.test_log_contract import asked_of, line, log, stamp

pytestmark = pytest.mark.anyio

__all__ = ["log"]
TWICE = [{"name": name, "request": {"path": f"/{name}?{{{{nonce}}}}"}} for name in ("one", "two")]


async def test_all_lines_of_our_requests_are_judged_where_the_target_makes_their_ids(log: Path) -> None:
    """Only the first line of a request has what we sent; the second has the id alone, and breaks the contract."""

    def serve(asked: Asked) -> Reply:
        own, nonce = str(uuid4()), asked.path.partition("?")[2]
        first = line(asked, correlation_id=own, message=f"began {nonce}")
        second = {**line(asked, correlation_id=own, message="done"), "level": "LOUD"}
        other = {"level": "of another program", "correlation_id": str(uuid4())}
        with log.open("a") as stream:
            stream.write("".join(f"{json.dumps(one)}\n" for one in (first, second, other)))
        return as_json({})

    outcome = await asked_of(serve, log, requests=TWICE, adopts=False, only_ours=True, fields={}, error_fields=None)
    assert outcome.verdict is Verdict.FAIL, outcome.sentence
    assert "'level' is 'LOUD'" in outcome.sentence
    assert any("2 lines without an id of ours were not judged" in made.say for made in outcome.checks)


async def test_a_clock_that_is_two_minutes_off_and_lines_of_other_tenants_pass(log: Path) -> None:
    def serve(asked: Asked) -> Reply:
        lines = [line(asked, timestamp=stamp(minutes=-2)), line(asked, tenant_id=7, correlation_id=str(uuid4()))]
        with log.open("a") as stream:
            stream.write("".join(f"{json.dumps(one)}\n" for one in lines))
        return as_json({})

    outcome = await asked_of(serve, log, requests=TWICE, fields={}, error_fields=None)
    assert outcome.verdict is Verdict.PASS, outcome.sentence


async def test_a_rate_limit_is_not_the_logs_fault(log: Path) -> None:
    def serve(asked: Asked) -> Reply:
        with log.open("a") as stream:
            stream.write(f"{json.dumps(line(asked))}\n")
        return Reply(429) if asked.path.startswith("/two") else as_json({})

    outcome = await asked_of(serve, log, requests=TWICE, fields={}, error_fields=None)
    assert outcome.verdict is Verdict.INCONCLUSIVE, outcome.sentence
    assert "the request 'two' met a rate limit" in outcome.sentence


async def test_what_a_request_spawns_leads_back_to_it_though_its_own_line_cannot_be_read(log: Path) -> None:
    def serve(asked: Asked) -> Reply:
        job = line(asked, module="jobs")
        with log.open("a") as stream:
            stream.write(f"plain text of {job['correlation_id']}\n{json.dumps(job)}\n")
        return as_json({})

    spawning = {"name": "one", "request": {"path": "/one"}, "spawns": [{"name": "the job", "where": {"$.module": "jobs"}}]}
    outcome = await asked_of(serve, log, requests=[spawning], fields={}, error_fields=None)
    assert outcome.verdict is Verdict.FAIL and "is text instead of JSON" in outcome.sentence
    [arrived] = [made for made in outcome.checks if made.name.startswith("'the job' carries the id")]
    assert arrived.verdict is Verdict.PASS, arrived.say

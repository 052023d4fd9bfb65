"""This file is for values that log lines share, tried through the kind `log_contract` on a real server and a real file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from probes.evidence.log_file import LogFile
from probes.kinds.log_contract import LogContract
from probes.outcome import Outcome, Verdict
from tests.probes.kinds.loopback import Asked, Loopback, Reply, as_json, outcome_of

pytestmark = pytest.mark.anyio

JOB = {"name": "the job", "where": {"$.module": "jobs"}, "keeps": ["$.request_id"]}
OPTIONS: dict[str, Any] = {
    "contract": "bookando-log",
    "requests": [
        {"name": "one", "request": {"path": "/one?{{nonce}}"}, "spawns": [JOB]},
        {"name": "two", "request": {"path": "/two?{{nonce}}"}},
    ],
    "own_to_each": ["$.request_id"],
    "wait": "100ms",
    "settle": "20ms",
}
SOUND = {"/one": ["r1", "r1"], "job": "r1", "/two": ["r2"]}


async def asked_of(log: Path, ids: Mapping[str, Any]) -> Outcome:
    """Ask a service that logs a line for each of the request ids, and a job's line with an id of its own."""

    def line(asked: Asked, request_id: str | None, **more: str) -> str:
        told = {"timestamp": datetime.now(UTC).isoformat(), "level": "info", "message": "done", "tenant_id": 1}
        told |= {"correlation_id": asked.headers["x-correlation-id"], **more}
        return json.dumps(told | ({} if request_id is None else {"request_id": request_id})) + "\n"

    def answer(asked: Asked) -> Reply:
        path = asked.path.partition("?")[0]
        with log.open("a", encoding="utf-8") as stream:
            stream.writelines(line(asked, one) for one in ids[path])
            if path == "/one":
                stream.write(line(asked, ids["job"], module="jobs"))
        return as_json({})

    probe = LogContract.model_validate(OPTIONS)
    async with Loopback(answer).running() as server:
        return await outcome_of(probe, server.url, evidence={"app": LogFile(path=str(log))})


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "app.log"
    path.touch()
    return path


async def test_requests_with_ids_of_their_own_that_the_job_keeps_pass(log: Path) -> None:
    outcome = await asked_of(log, SOUND)
    assert outcome.verdict is Verdict.PASS, outcome.sentence
    names = [made.name for made in outcome.checks]
    assert "'the job' keeps $.request_id of our request 'one'" in names
    assert "the lines of our request 'two' have a value of their own at $.request_id" in names


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        pytest.param({"/two": ["r1"]}, "'one' and 'two' have the same value at $.request_id", id="one for all"),
        pytest.param({"/one": ["r1", "r9"]}, "line 2, a line of our request 'one', has another value", id="two of one request"),
        pytest.param({"/two": [None]}, "has nothing at $.request_id", id="none"),
        pytest.param({"job": "r9"}, "of 'the job', $.request_id is not that of our request 'one'", id="another of the job"),
        pytest.param({"job": None}, "of 'the job', $.request_id is not that of our request 'one'", id="none of the job"),
    ],
)
async def test_a_value_that_is_not_shared_as_it_should_be_fails_with_the_line(
    log: Path, broken: dict[str, Any], words: str
) -> None:
    outcome = await asked_of(log, {**SOUND, **broken})
    assert outcome.verdict is Verdict.FAIL
    assert any(words in made.say for made in outcome.checks if made.verdict is Verdict.FAIL), [c.say for c in outcome.checks]


def test_one_request_alone_cannot_show_that_each_has_its_own() -> None:
    with pytest.raises(ValidationError, match="needs a second request"):
        LogContract.model_validate({**OPTIONS, "requests": OPTIONS["requests"][:1]})

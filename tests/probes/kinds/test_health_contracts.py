"""This file is for the kind `health` with `contracts`: the whole body of an endpoint is what a document says."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from probes.kinds.health import Health
from probes.outcome import Verdict
from tests.probes.kinds.loopback import as_json
from tests.probes.kinds.test_health import STRICT, answering, asked_with, on

pytestmark = pytest.mark.anyio

HELD = {**STRICT, "contracts": {"live": "platform-live", "ready": "platform-ready", "alias": "platform-alias"}}


async def test_sound_bodies_fit_their_contracts() -> None:
    outcome = await asked_with(None, HELD)
    assert outcome.verdict is Verdict.PASS, outcome.sentence
    fits = [c.name for c in outcome.checks if "fits the contract" in c.name]
    assert fits == [
        "liveness fits the contract platform-live",
        "readiness fits the contract platform-ready",
        "alias fits the contract platform-alias",
    ]


async def test_a_body_that_breaks_its_contract_fails_with_the_field_that_does() -> None:
    outcome = await asked_with(on("/health/live", lambda body: {**body, "checks": {"database": "ok"}}), HELD)
    assert outcome.verdict is Verdict.FAIL
    assert outcome.sentence.startswith(
        "liveness breaks the contract platform-live: 'checks' has more than 0 fields (GET /health/live answered 200"
    )


async def test_a_503_is_held_against_the_contract_too() -> None:
    outcome = await asked_with(answering("/health/ready", as_json({"status": "not_ready"}, 503)), HELD)
    said = next(c.say for c in outcome.checks if c.name == "readiness fits the contract platform-ready")
    assert said.startswith("readiness breaks the contract platform-ready: the body lacks 'timestamp', and 1 more (GET")


async def test_no_json_is_no_body_that_fits() -> None:
    from tests.probes.kinds.loopback import Reply

    outcome = await asked_with(answering("/health/live", Reply(200, b"OK")), HELD)
    said = next(c.say for c in outcome.checks if c.name == "liveness fits the contract platform-live")
    assert said.startswith("liveness breaks the contract platform-live: there is no JSON object")


@pytest.mark.parametrize(
    ("options", "trouble"),
    [
        ({"contracts": {"startup": "travel-startup"}}, "'contracts' names 'startup', but the scenario gives no address"),
        ({"contracts": {"live": "travel-lives"}}, "there is no contract 'travel-lives', did you mean 'travel-live'?"),
        ({"contracts": {"live": "bookando-log"}}, "a contract of sort 'log', not 'health'"),
        ({"contracts": {"liveness": "travel-live"}}, "'live', 'ready', 'startup'"),
    ],
    ids=["no such endpoint", "no such contract", "another sort", "no such name"],
)
def test_contracts_that_cannot_be_meant_are_refused(options: dict[str, Any], trouble: str) -> None:
    with pytest.raises(ValidationError) as refused:
        Health.model_validate(options)
    assert trouble in str(refused.value)

"""This file is for throwing at every operation what the OpenAPI document allows, and what it forbids."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as how
from schemathesis import checks
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi import checks as openapi

from tests.vedette.service.whole import Whole, whole_service

EXAMPLES = int(os.environ.get("VEDETTE_TEST_FUZZ_EXAMPLES", "4"))  # of each operation, with a token
PROBLEM = "application/problem+json"
ENDLESS = "/api/v1/events"  # a stream, looked at in test_events.py
ALL_MUST_HOLD: list[Any] = [
    checks.not_a_server_error,
    openapi.status_code_conformance,
    openapi.content_type_conformance,
    openapi.response_schema_conformance,
]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Whole]:
    with whole_service(tmp_path_factory.mktemp("whole"), require_tokens=True) as made:
        yield made


@pytest.fixture(scope="module")
def document(whole: Whole) -> Any:
    return httpx.get(f"{whole.url}/api/v1/openapi.json", headers=whole.token, trust_env=False).json()


@pytest.fixture(scope="module", autouse=True)
def _still_well(whole: Whole) -> Iterator[None]:
    """After all that was thrown at it, the service still works."""
    yield
    assert httpx.get(f"{whole.url}/health/ready", trust_env=False).json()["status"] == "ready"


def operations(whole: Whole, document: Any) -> Iterator[Any]:
    schema = schemathesis.openapi.from_dict(document)
    schema.config.update(base_url=whole.url)
    for found in schema.get_all_operations():
        operation = found.ok()
        if operation.path != ENDLESS:
            yield operation


def fuzzed(operation: Any, headers: dict[str, str], must_hold: list[Any], examples: int, modes: list[Any]) -> str:
    """Return what went wrong with an operation, or an empty text."""

    @given(case=operation.as_strategy(generation_mode=modes[0]) | operation.as_strategy(generation_mode=modes[-1]))
    @how(
        max_examples=examples,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def one(case: Any) -> None:
        answer = case.call(headers=headers, timeout=20)
        case.validate_response(answer, checks=must_hold)

    try:
        one()
    except (Exception, FailureGroup) as problem:
        return f"{type(problem).__name__}: {problem}"
    return ""


def test_whatever_is_sent_with_a_token_is_answered_as_the_document_says(whole: Whole, document: Any) -> None:
    modes = [schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE]
    wrong = {
        operation.label: said
        for operation in operations(whole, document)
        if (said := fuzzed(operation, whole.token, ALL_MUST_HOLD, EXAMPLES, modes))
    }
    assert wrong == {}, "\n".join(wrong.values())


def refuses(ctx: Any, response: Any, case: Any) -> None:
    assert (response.status_code, response.headers["content-type"]) == (401, [PROBLEM]), response.text


def test_whatever_is_sent_without_a_token_is_refused(whole: Whole, document: Any) -> None:
    modes = [schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE]
    wrong = {
        operation.label: said
        for operation in operations(whole, document)
        if not whole.app.state.guard.openings.holds(operation.path)
        and (said := fuzzed(operation, {}, [refuses], max(2, EXAMPLES // 3), modes))
    }
    assert wrong == {}, "\n".join(wrong.values())

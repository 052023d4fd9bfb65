"""This file is for tests that the OpenAPI document is whole and true."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.vedette.service.whole import Whole, whole_service
from vedette.service.api.exact import parameters
from vedette.service.api.reference import markdown
from vedette.service.app import all_routes, whole_document

DOCS = Path(__file__).parents[3] / "docs"
PROBLEM = "application/problem+json"


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Whole]:
    with whole_service(tmp_path_factory.mktemp("whole"), require_tokens=True) as made:
        yield made


@pytest.fixture(scope="module")
def document(whole: Whole) -> Any:
    return httpx.get(f"{whole.url}/api/v1/openapi.json", headers=whole.token, trust_env=False).json()


def test_the_document_names_every_operation_and_what_it_may_answer(whole: Whole, document: Any) -> None:
    for path, method, operation in each(document):
        place = f"{method} {path}"
        assert operation["operationId"] and operation["tags"] and operation["description"], place
        assert "HTTPValidationError" not in json.dumps(operation), place
        wanted = (
            {"400", "401", "403", "413", "429"} | ({"404"} if "{" in path else set()) | ({"409"} if method == "post" else set())
        )
        assert wanted <= set(operation["responses"]), place
        for status, answer in operation["responses"].items():
            assert status < "400" or status == "503" or PROBLEM in answer["content"], (place, status)


def each(document: Any) -> list[tuple[str, str, Any]]:
    return [(path, method, operation) for path, item in document["paths"].items() for method, operation in item.items()]


def test_the_reference_is_what_the_code_says() -> None:
    assert markdown(whole_document()) == (DOCS / "api.md").read_text("utf-8"), "write it anew: make docs"


def test_the_command_prints_what_a_service_serves(document: Any) -> None:
    served = {path: sorted(item) for path, item in document["paths"].items()}
    assert {path: sorted(item) for path, item in whole_document()["paths"].items()} == served


def test_what_a_route_reads_is_what_the_document_names(document: Any) -> None:
    """Or `exact` would refuse what is right, or let through what nobody reads."""
    for route in all_routes():
        for method in route.methods or ():
            operation = document["paths"].get(route.path_format, {}).get(method.lower())
            if operation is None:
                continue
            named = {
                one["name"]: "array" in str(one["schema"]) for one in operation.get("parameters", ()) if one["in"] == "query"
            }
            assert parameters(route.dependant) == named, route.path


def test_operation_ids_are_told_once(document: Any) -> None:
    ids = [operation["operationId"] for _, _, operation in each(document)]
    assert len(ids) == len(set(ids))


def test_the_document_says_which_token_is_needed(whole: Whole, document: Any) -> None:
    assert document["components"]["securitySchemes"]["bearer"]["scheme"] == "bearer"
    for path, _, operation in each(document):
        is_open = whole.app.state.guard.openings.holds(path)
        assert operation["security"] == ([] if is_open else [{"bearer": []}]), path
        assert is_open or "Needs the scope `" in operation["description"], path


def test_units_stand_in_the_names_of_what_is_answered(document: Any) -> None:
    """A number is a count, or says what it counts in; an instant ends in `_at`."""
    odd = []
    for name, schema in document["components"]["schemas"].items():
        for field, described in schema.get("properties", {}).items():
            kinds = [described, *described.get("anyOf", ())]
            if any(kind.get("format") == "date-time" for kind in kinds) and not (field.endswith("at") or field == "timestamp"):
                odd.append(f"{name}.{field}")
    assert odd == []

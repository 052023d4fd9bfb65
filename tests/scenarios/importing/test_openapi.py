"""This file is for OpenAPI: servers, parameters, bodies, schemas, security, in its three versions."""

from __future__ import annotations

import json
from typing import Any

import pytest

from scenarios.mistakes import SuiteError
from tests.scenarios.importing.making import imported, only, targets

OK = {"200": {"description": "ok"}}


def api(operation: dict[str, Any] | None = None, path: str = "/x", method: str = "get", **more: Any) -> str:
    base: dict[str, Any] = {"openapi": "3.1.0", "info": {"title": "Shop"}, "servers": [{"url": "https://a.example/v1"}]}
    return json.dumps({**base, "paths": {path: {method: {"responses": OK, **(operation or {})}}}, **more})


@pytest.mark.parametrize(
    ("servers", "url", "asked"),
    [
        ([{"url": "https://b.example/v2/"}], "", "https://b.example/v2/x"),
        ([{"url": "/v2"}], "https://c.example", "https://c.example/v2/x"),
        ([{"url": "https://b.example/v2"}], "https://c.example", "https://c.example/v2/x"),
        ([{"url": "https://b.example/v2"}], "https://c.example/other", "https://c.example/other/x"),
        ([{"url": "https://{t}.example", "variables": {"t": {"default": "d"}}}], "", "https://d.example/x"),
        ([], "https://c.example", "https://c.example/x"),
    ],
    ids=lambda v: str(v)[:40],
)
def test_an_operation_is_asked_where_its_server_is(servers: list[Any], url: str, asked: str) -> None:
    made = imported("openapi", api(servers=servers), url=url)
    (target,) = targets(made).values()
    assert target["base_url"] + only(made)["request"]["path"] == asked


def test_without_a_whole_address_nothing_can_be_asked() -> None:
    made = imported("openapi", api(servers=[{"url": "/v1"}]))
    assert (made.text, made.left_out) == ("", 1)
    assert "give --url" in made.lines()[0]


@pytest.mark.parametrize(
    ("parameter", "path"),
    [
        ({"in": "query", "name": "a", "required": True, "schema": {"default": 3}}, "/v1/x?a=3"),
        ({"in": "query", "name": "a", "required": True, "schema": {"enum": ["b c"]}}, "/v1/x?a=b%20c"),
        ({"in": "query", "name": "a", "schema": {"default": 3}}, "/v1/x"),
        ({"in": "query", "name": "a", "example": 4}, "/v1/x?a=4"),
        ({"in": "query", "name": "a", "example": [1, 2]}, "/v1/x?a=1&a=2"),
        ({"in": "query", "name": "a", "example": [1, 2], "explode": False}, "/v1/x?a=1,2"),
        ({"in": "query", "name": "a", "style": "deepObject", "example": {"b": 1}}, "/v1/x?a[b]=1"),
    ],
    ids=lambda v: str(v)[:60],
)
def test_a_parameter_is_sent_where_its_value_is_known(parameter: dict[str, Any], path: str) -> None:
    assert only(imported("openapi", api({"parameters": [parameter]})))["request"]["path"] == path


@pytest.mark.parametrize("where", ["query", "header", "cookie"])
def test_a_required_parameter_without_a_value_leaves_the_operation_out(where: str) -> None:
    made = imported("openapi", api({"parameters": [{"in": where, "name": "a", "required": True, "schema": {"type": "string"}}]}))
    assert (made.left_out, f"the {where} parameter 'a' is required" in made.lines()[0]) == (1, True)


def test_a_body_is_made_of_examples_at_any_depth() -> None:
    schema = {
        "type": "object",
        "required": ["a", "b"],
        "properties": {
            "a": {"type": "string", "example": "x"},
            "b": {"type": "array", "items": {"$ref": "#/components/schemas/B"}},
            "c": {"type": "string"},
        },
    }
    made = imported(
        "openapi",
        api(
            {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}},
            method="post",
            components={"schemas": {"B": {"allOf": [{"type": "object", "properties": {"n": {"type": "integer", "const": 1}}}]}}},
        ),
    )
    assert only(made)["request"]["json"] == {"a": "x", "b": [{"n": 1}]}
    assert only(made)["writes"] is True


def test_a_schema_that_holds_itself_is_carried_over() -> None:
    node = {"type": "object", "properties": {"next": {"$ref": "#/components/schemas/Node"}, "use": {"type": "string"}}}
    answer = {"200": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Node"}}}}}
    made = imported("openapi", api({"responses": answer}, components={"schemas": {"Node": node}}))
    schema = only(made)["expect"]["json"]["$"]["schema"]
    assert schema["$ref"] == "#/$defs/Node"
    assert schema["$defs"]["Node"]["properties"]["next"] == {"$ref": "#/$defs/Node"}


@pytest.mark.parametrize(
    ("schema", "made"),
    [
        ({"type": "string", "nullable": True}, {"type": ["string", "null"]}),
        ({"type": "integer", "minimum": 0, "exclusiveMinimum": True}, {"type": "integer", "exclusiveMinimum": 0}),
        ({"type": "integer", "minimum": 0, "exclusiveMinimum": False}, {"type": "integer", "minimum": 0}),
        (
            {"type": "object", "required": ["a", "b"], "properties": {"a": {"writeOnly": True}}},
            {"type": "object", "required": ["b"], "properties": {"a": {}}},
        ),
        ({"type": "string", "example": "x", "xml": {}, "x-own": 1, "description": "y"}, {"type": "string"}),
    ],
    ids=lambda v: str(v)[:60],
)
def test_a_schema_of_version_3_0_becomes_json_schema(schema: dict[str, Any], made: dict[str, Any]) -> None:
    answer = {"200": {"content": {"application/json": {"schema": schema}}}}
    done = imported("openapi", api({"responses": answer}, openapi="3.0.1"))
    assert (only(done)["expect"]["json"]["$"]["schema"], done.lost) == (made, False)


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "string", "pattern": "^(?!x)"},
        {"$ref": "https://example.com/x.json"},
        {"type": "string", "pattern": "{{x}}"},
        {"type": "object", "newKeyword": 1},
        {"$ref": "#/components/schemas/Missing"},
    ],
    ids=str,
)
def test_what_a_schema_cannot_say_is_told(schema: dict[str, Any]) -> None:
    made = imported("openapi", api({"responses": {"200": {"content": {"application/json": {"schema": schema}}}}}))
    assert made.lost
    assert made.remarked == 1


def test_swagger_2_has_its_own_places() -> None:
    text = json.dumps(
        {
            "swagger": "2.0",
            "info": {"title": "Old"},
            "host": "old.example",
            "basePath": "/v1",
            "schemes": ["http", "https"],
            "produces": ["application/json"],
            "securityDefinitions": {"key": {"type": "apiKey", "in": "header", "name": "X-Key"}},
            "security": [{"key": []}],
            "paths": {
                "/a/{id}": {
                    "post": {
                        "parameters": [
                            {"in": "path", "name": "id", "required": True, "type": "integer", "default": 5},
                            {"in": "body", "name": "b", "required": True, "schema": {"example": {"n": 1}}},
                        ],
                        "responses": {"201": {"schema": {"type": "object"}}},
                    }
                }
            },
        }
    )
    made = imported("openapi", text)
    assert only(made)["request"] == {
        "method": "POST",
        "path": "/v1/a/5",
        "headers": {"X-Key": "{{vars.old_key_key}}"},
        "json": {"n": 1},
    }
    (target,) = targets(made).values()
    assert target["base_url"] == "https://old.example"


@pytest.mark.parametrize("version", ["1.2", "4.0.0", "", "latest"])
def test_another_version_is_refused(version: str) -> None:
    with pytest.raises(SuiteError, match="of OpenAPI is not known"):
        imported("openapi", api(openapi=version))

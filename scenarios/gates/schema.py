"""This file is for the JSON Schema of policy files, which gives editors completion and checks while typing."""

from __future__ import annotations

from typing import Any

from pydantic.json_schema import models_json_schema

from scenarios.gates.policy import Policy
from scenarios.schema import ENVIRONMENT, FROM_ENVIRONMENT, Schema, SchemaGenerator, describe, loosened


def policy_schema() -> Schema:
    """Return the JSON Schema (draft 2020-12) of the policy files of canary gates."""
    _, raw = models_json_schema(
        [(Policy, "validation")], by_alias=True, ref_template="#/$defs/{model}", schema_generator=SchemaGenerator
    )
    defs: dict[str, Any] = raw["$defs"]
    describe(defs, [Policy])
    made = {name: loosened(schema) for name, schema in defs.items()}
    policy: Schema = made.pop("Policy")
    policy["required"] = [key for key in policy["required"] if key != "name"]  # its default is the file's name
    for schema in made.values():
        if "kind" in schema.get("properties", {}):  # which metric it is can be told by nothing else
            schema["required"] = ["kind", *(key for key in schema.get("required", []) if key != "kind")]
    for key in ("stages", "metrics"):
        policy["properties"][key]["minItems"] = 1
    head = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Vedette gate policy",
        "description": policy.pop("description", ""),
    }
    return {**head, **policy, "$defs": {ENVIRONMENT: FROM_ENVIRONMENT, **dict(sorted(made.items()))}}

"""This file is for the JSON Schema of suite files, which gives editors completion and checks while typing."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue, models_json_schema
from pydantic_core import core_schema

from probes.registry import KINDS, LEVERS, SOURCES, Registry, RegistryError
from probes.target import Target
from scenarios.burn_in import MOST_PHASES, BurnInPhase
from scenarios.maintenance import RecurringWindow
from scenarios.meanings import meanings, models_in
from scenarios.model import ScenarioKeys
from scenarios.statement import Statement

Schema = dict[str, Any]

ENVIRONMENT = "FromEnvironment"
FROM_ENVIRONMENT: Schema = {
    "type": "string",
    "pattern": r"\$\{[A-Za-z_][A-Za-z0-9_]*(:-[^}]*)?\}",
    "description": "a value from the environment: ${NAME} or ${NAME:-default}",
}
_TEXT: Schema = {"type": "string"}
_LIST: Schema = {"type": "array", "items": _TEXT}
_NAMES: Schema = {"anyOf": [_TEXT, _LIST]}
_USE: Schema = {"description": "names of fragments that are laid under the keys given here", **_NAMES}


def suite_schema() -> Schema:
    """Return the JSON Schema (draft 2020-12) of suite files, with every kind, source and lever that is installed.

    A stranger's plug-in that does not load is left out; whoever uses it is told when the suite is loaded.
    """
    kinds, sources, levers = _plugins(KINDS), _plugins(SOURCES), _plugins(LEVERS)
    models: list[Any] = [
        ScenarioKeys,
        Target,
        Statement,
        BurnInPhase,
        RecurringWindow,
        *kinds.values(),
        *sources.values(),
        *levers.values(),
    ]
    where, raw = models_json_schema(
        [(m, "validation") for m in models], by_alias=True, ref_template="#/$defs/{model}", schema_generator=SchemaGenerator
    )
    defs: dict[str, Schema] = raw["$defs"]
    describe(defs, models)
    for name, schema in defs.items():
        defs[name] = loosened(schema)

    def taken(model: Any) -> Schema:
        return defs.pop(where[(model, "validation")]["$ref"].rpartition("/")[2])

    common, target = taken(ScenarioKeys), taken(Target)
    parts = {f"Source.{n}": _part("source", n, taken(m)) for n, m in sources.items()}
    parts |= {f"Lever.{n}": _part("lever", n, taken(m)) for n, m in levers.items()}
    parts |= {f"Scenario.{n}": _scenario(n, common, taken(m)) for n, m in kinds.items()}
    parts["Target"] = _target(target, list(sources), list(levers))
    parts["Defaults"] = _defaults(common)
    parts["ScenarioOfFragments"] = _scenario_of_fragments(common)
    for unused in ("Probe", "EvidenceSource", "Lever"):
        defs.pop(unused, None)
    defs = {name: _with_use(schema) for name, schema in defs.items()} | parts
    return _document(list(kinds)) | {"$defs": {ENVIRONMENT: FROM_ENVIRONMENT, **dict(sorted(defs.items()))}}


class SchemaGenerator(GenerateJsonSchema):
    """Knows that a list with a validator before it is often also given as a single value, which pydantic cannot know."""

    def function_before_schema(self, schema: core_schema.BeforeValidatorFunctionSchema) -> JsonSchemaValue:
        made = super().function_before_schema(schema)
        if made.get("type") != "array" or "json_schema_input_schema" in schema:
            return made
        item = made.get("items", {})
        return {"anyOf": [made, item if "$ref" in item else {"type": ["string", "number", "boolean"]}]}


def _document(kinds: list[str]) -> Schema:
    scenarios = [{"$ref": f"#/$defs/Scenario.{kind}"} for kind in kinds] + [{"$ref": "#/$defs/ScenarioOfFragments"}]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Vedette suite",
        "description": "Scenarios, and the targets that they are asked of.",
        "type": "object",
        "properties": {
            "suite": {**_TEXT, "description": "the suite's name; default: the file's name"},
            "description": {**_TEXT, "description": "for people"},
            "extends": {**_NAMES, "description": "suites, bundled or by path, on top of which this one stands"},
            "without": {
                "type": "object",
                "properties": {"scenarios": _LIST, "targets": _LIST},
                "additionalProperties": False,
                "description": "names of scenarios and targets of the suites below that are left out",
            },
            "statements": {
                "anyOf": [_TEXT, {"type": "object", "additionalProperties": {"$ref": "#/$defs/Statement"}}],
                "description": "what the contract states, by id, or the file that holds it; scenarios name ids under 'covers'",
            },
            "plugins": {"type": "array", "items": _TEXT, "description": "Python files with probe kinds, sources or levers"},
            "targets": {
                "type": "object",
                "minProperties": 1,
                "additionalProperties": {"$ref": "#/$defs/Target"},
                "description": "systems under watch, by name",
            },
            "defaults": {
                "$ref": "#/$defs/Defaults",
                "description": "scenario keys for every scenario that does not give its own",
            },
            "fragments": {"type": "object", "additionalProperties": {"type": "object"}, "description": "pieces for 'use'"},
            "scenarios": {"type": "array", "minItems": 1, "items": {"anyOf": scenarios}, "description": "the questions"},
            "burn_in": {
                "type": "array",
                "minItems": 1,
                "maxItems": MOST_PHASES,
                "items": {"$ref": "#/$defs/BurnInPhase"},
                "description": "phases in which a new version is watched, one after the other; default: 5m, 2h, 24h, 7d",
            },
            "maintenance": {
                "type": "array",
                "items": {"$ref": "#/$defs/RecurringWindow"},
                "description": "times that come back in which outcomes are kept, but do not count",
            },
        },
        "anyOf": [{"required": ["targets", "scenarios"]}, {"required": ["extends"]}],
        "additionalProperties": False,
    }


def _plugins(registry: Registry[Any]) -> dict[str, type[BaseModel]]:
    found = {}
    for name in registry.names():
        try:
            plugin = registry.find(name)
        except RegistryError:
            continue
        if plugin is not None:
            found[name] = plugin
    return found


def _scenario(kind: str, common: Schema, options: Schema) -> Schema:
    probe = {"const": kind, "description": _first_line(options.get("description", ""))}
    properties = {"name": common["properties"]["name"], "probe": probe, "use": _USE}
    made = _object({**properties, **common["properties"], **options.get("properties", {})}, options.get("description", ""))
    needed = [key for key in options.get("required", []) if key not in ("name", "probe")]
    return made | {"required": ["name", "probe"]} | _demanded(needed)


def _scenario_of_fragments(common: Schema) -> Schema:
    """Return the schema of a scenario whose kind a fragment gives: its options cannot be known here."""
    made = _object({**common["properties"], "use": _USE}, "A scenario whose probe is named in a fragment.")
    return made | {"required": ["name", "use"], "not": {"required": ["probe"]}, "additionalProperties": True}


def _defaults(common: Schema) -> Schema:
    allowed = {key: value for key, value in common["properties"].items() if key not in ("name", "needs")}
    return _object({**allowed, "use": _USE}, "What holds for every scenario that does not say otherwise.")


def _target(target: Schema, sources: list[str], levers: list[str]) -> Schema:
    properties = {key: value for key, value in target["properties"].items() if key != "name"}
    for key, sort, names in (("evidence", "Source", sources), ("faults", "Lever", levers)):
        members = [{"$ref": f"#/$defs/{sort}.{name}"} for name in names] + [{"type": "object", "required": ["use"]}]
        properties[key] = {"type": "object", "additionalProperties": {"anyOf": members}}
    needed = [key for key in target.get("required", []) if key != "name"]
    return _object({**properties, "use": _USE}, target.get("description", "")) | _demanded(needed)


def _part(word: str, name: str, options: Schema) -> Schema:
    properties = {word: {"const": name, "description": _first_line(options.get("description", ""))}, "use": _USE}
    made = _object({**properties, **options.get("properties", {})}, options.get("description", ""))
    return made | {"required": [word]} | _demanded(options.get("required", []))


def _with_use(schema: Schema) -> Schema:
    """Return an object's schema with `use` allowed; what a fragment may bring is then not demanded."""
    if schema.get("additionalProperties") is not False or "use" in schema.get("properties", {}):
        return schema
    rest = {key: value for key, value in schema.items() if key not in ("required", "properties")}
    return rest | {"properties": {**schema.get("properties", {}), "use": _USE}} | _demanded(schema.get("required", []))


def _demanded(keys: list[str]) -> Schema:
    return {"anyOf": [{"required": sorted(keys)}, {"required": ["use"]}]} if keys else {}


def _object(properties: Schema, description: str) -> Schema:
    return {"type": "object", "description": description, "properties": properties, "additionalProperties": False}


def loosened(schema: Any) -> Any:
    """Return a schema in which `${NAME}` may stand for every number, boolean and restricted text; without titles."""
    if isinstance(schema, list):
        return [loosened(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    made: Schema = {}
    for key, value in schema.items():
        if key == "properties":
            made[key] = {name: loosened(inner) for name, inner in value.items()}
        elif key in ("anyOf", "oneOf"):
            made[key] = _merged([loosened(member) for member in value])
        elif key in ("default", "enum", "const", "required", "examples"):
            made[key] = value
        elif key not in ("title", "discriminator"):
            made[key] = loosened(value)
    restricted = made.get("type") in ("integer", "number", "boolean") or (
        made.get("type") == "string" and made.keys() & {"enum", "pattern", "format"}
    )
    if not restricted or "${" in str(made.get("pattern", "")).replace("\\", ""):
        return made
    outside = {key: made.pop(key) for key in ("description", "default") if key in made}
    return {"anyOf": [made, {"$ref": f"#/$defs/{ENVIRONMENT}"}], **outside}


def _merged(members: list[Schema]) -> list[Schema]:
    """Return the members of a union with `${NAME}` allowed once, not once for each."""
    flat = [inner for m in members for inner in (m["anyOf"] if list(m) == ["anyOf"] else [m])]
    return [m for n, m in enumerate(flat) if m not in flat[:n]]


def describe(defs: dict[str, Schema], models: list[Any]) -> None:
    """Put the comments beside the fields into the schema: they are the reference of the options."""
    classes: dict[str, list[type[BaseModel]]] = {}
    for model in dict.fromkeys(inner for one in models for inner in models_in(one)):
        classes.setdefault(model.__name__, []).append(model)
    for name, schema in defs.items():
        for model in classes.get(name, []) if len(classes.get(name, [])) == 1 else []:
            for field, meaning in meanings(model).items():
                info = model.model_fields.get(field)
                inner = schema.get("properties", {}).get((info.alias or field) if info else field)
                if inner is not None:
                    inner.setdefault("description", meaning)


def _first_line(text: str) -> str:
    return text.strip().splitlines()[0] if text.strip() else ""

"""This file is for the OpenAPI document: what FastAPI knows of the routes, and what the gate before them adds, made true."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute, iter_route_contexts
from pydantic import BaseModel, ConfigDict, Field

from vedette.service.problems import MEDIA_TYPE
from vedette.service.scopes import Scope
from vedette.service.security.openings import Openings

ABOUT = (
    "All that the status page shows, and all that the command line asks of a service. Refusals are problem documents "
    "(RFC 9457), whose `detail` is a sentence for a person. Lists come in pages: follow `next` until it is null. A write "
    "may carry an `Idempotency-Key`: sent again with the same key, it is answered the same and done once. Times are UTC; "
    "`_s` are seconds, `_ratio` goes from 0 to 1. `/api/v1/events` tells what happens while it happens."
)
_EVERYWHERE = {
    400: "the request is not one that could be read",
    401: "a token is needed, or the one shown is wrong, expired or revoked",
    403: "the token has not the scope",
    408: "the body did not arrive in time",
    413: "the body is too large",
    421: "the Host header names somebody else",
    429: "too much was asked; `Retry-After` says when to come back",
    500: "the service itself broke on this request",
    503: "the store does not answer, or the service stops; `Retry-After` says when to come back",
}
_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "made up by the caller, new for each write; the answer is kept for a day",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[\\x21\\x23-\\x7e]+$"},
}


class ProblemAnswer(BaseModel):
    """A refusal. Source: RFC 9457."""

    model_config = ConfigDict(title="Problem", json_schema_extra={"additionalProperties": True})

    type: str = Field(description="about:blank: the status says what kind it is")
    title: str
    status: int
    detail: str = Field(description="one sentence for a person")


def described(app: FastAPI) -> dict[str, Any]:
    """Return the document of a service. It is made once for each application: its routes do not change."""
    if app.openapi_schema is None:
        guard = app.state.guard
        app.openapi_schema = completed(app, guard.openings, needs_tokens=guard.required)
    return app.openapi_schema


def completed(app: FastAPI, openings: Openings, *, needs_tokens: bool) -> dict[str, Any]:
    """Return what FastAPI knows of an application, completed."""
    document = app.openapi()
    document["info"]["description"] = ABOUT
    components = document.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    schemas["Problem"] = ProblemAnswer.model_json_schema()
    for leftover in ("HTTPValidationError", "ValidationError"):
        schemas.pop(leftover, None)
    components["securitySchemes"] = {
        "bearer": {"type": "http", "scheme": "bearer", "description": "a token of `vedette token create`"}
    }
    for context in iter_route_contexts(app.routes):
        route = context.original_route
        if not isinstance(route, APIRoute):
            continue
        for method in route.methods or ():
            operation = document["paths"].get(route.path_format, {}).get(method.lower())
            if operation is not None:
                _secure(operation, route, openings, needs_tokens)
                _declare(operation, path=route.path_format, is_write=method not in ("GET", "HEAD"))
    return document


def _secure(operation: dict[str, Any], route: APIRoute, openings: Openings, needs_tokens: bool) -> None:
    scope = next(_scopes(route.dependant), None)
    if scope is None or openings.holds(route.path_format):
        operation["security"] = []
        return
    operation["security"] = [{"bearer": []}] if needs_tokens else [{}, {"bearer": []}]
    operation["description"] = f"{operation.get('description', '')}\n\nNeeds the scope `{scope}`.".strip()


def _declare(operation: dict[str, Any], *, path: str, is_write: bool) -> None:
    """Declare every refusal that there can be, where the route does not say itself what it looks like."""
    if is_write:
        operation.setdefault("parameters", []).append(_KEY)
    possible = dict(_EVERYWHERE)
    if "{" in path:
        possible[404] = "there is no such thing"
    if is_write:
        possible[409] = "it stands against what is there, or a write with this Idempotency-Key is still at work"
    if operation.get("parameters") or "requestBody" in operation or is_write:
        possible[422] = "a value does not fit; `errors` says where and why"
        operation["responses"].pop("422", None)
    if "requestBody" in operation:
        possible[415] = "the body is no JSON"
    for status, what in possible.items():
        answer = {"description": what, "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}}
        operation["responses"].setdefault(str(status), answer)
    operation["responses"] = dict(sorted(operation["responses"].items()))


def _scopes(dependant: Dependant) -> Any:
    for below in dependant.dependencies:
        if isinstance(scope := getattr(below.call, "scope", None), Scope):
            yield scope
        yield from _scopes(below)

"""This file is for callers that cannot send our header: their token stands elsewhere in the request, and the route reads it."""

from __future__ import annotations

import base64
import binascii

from starlette.requests import Request

from vedette.service.access import Caller, Scope
from vedette.service.problems import Problem
from vedette.service.security.guard import ANYBODY, Guard


async def caller_with(request: Request, text: str, scope: Scope) -> Caller:
    """Return who a token belongs to; where the service asks for none, anybody. It is compared in constant time.

    Raises: Problem 401 or 403, 503 where tokens cannot be read.
    """
    guard: Guard = request.app.state.guard
    token = await guard.roster.of_text(text.strip()) if text else None
    if token is not None:
        guard.roster.used(token)
    if not guard.required:
        return ANYBODY if token is None else Caller(token.name, ANYBODY.scopes, token.id)
    if token is None:
        raise Problem(401, "the token is missing, wrong, expired or revoked")
    if scope not in token.scopes:
        raise Problem(403, f"the token '{token.name}' has not the scope '{scope}'")
    return Caller(token.name, frozenset(one for one in Scope if one in token.scopes), token.id)


def token_in_header(request: Request) -> str:
    """Return the token of an Authorization header: a bearer's, or the password of an address such as `http://argo:TOKEN@…`.

    Browsers send such a password by themselves; a route that reads it must ask for JSON, which no page can send unasked.
    """
    scheme, _, text = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return text.strip()
    if scheme.lower() != "basic":
        return ""
    try:
        return base64.b64decode(text.strip(), validate=True).decode("utf-8", "replace").partition(":")[2]
    except binascii.Error:
        return ""


def sends_json(request: Request) -> bool:
    """Return whether a body is said to be JSON: a page of another site cannot say so without being let."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower() == "application/json"

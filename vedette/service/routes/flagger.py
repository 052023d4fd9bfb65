"""This file is for the hooks of Flagger: each is answered with a status that Flagger decides by, and one line for its events."""

from __future__ import annotations

import logging

from fastapi import APIRouter, Request
from pydantic import ValidationError
from starlette.responses import PlainTextResponse

from reports.store.errors import StoreError
from vedette.service.access import Scope
from vedette.service.flagger import FlaggerDesk
from vedette.service.flagger_words import Asked, Hook, No, Said, one_line
from vedette.service.problems import Problem
from vedette.service.security.limits import body_of
from vedette.service.security.shown import caller_with, sends_json

router = APIRouter(prefix="/api/v1/flagger")

_log = logging.getLogger(__name__)


@router.post("/{hook}", include_in_schema=False)
async def hook(request: Request, hook: Hook) -> PlainTextResponse:
    """Answer one hook. Whatever goes wrong is a no: Flagger rolls back by a yes of one hook and goes on by those of others."""
    desk: FlaggerDesk = request.app.state.flagger
    try:
        said = await _said(request, hook, desk)
    except No as no:
        said = Said(hook.refusal, one_line(str(no)))
    except (StoreError, Problem) as problem:
        _log.error("Flagger's hook '%s' could not be answered: %s", hook, problem)
        # Flagger asks again after a 503, and drops its words: only where nothing is decided by the answer.
        said = Said(503 if hook.only_tells else hook.refusal, "hold: the gate's store or its tokens cannot be read")
    except Exception:  # the edge to Flagger, where a 500 would be asked again and its reason never be seen
        _log.exception("Flagger's hook '%s' broke", hook)
        said = Said(hook.refusal, "hold: the gate itself broke on this request")
    return PlainTextResponse(said.text, said.status)


async def _said(request: Request, hook: Hook, desk: FlaggerDesk) -> Said:
    if not sends_json(request):
        raise No("the body should be JSON, as Flagger sends it")
    try:
        asked = Asked.model_validate_json(body_of(request.scope))
    except ValidationError as problem:
        where = ", ".join(sorted({str(error["loc"][0]) if error["loc"] else "the body" for error in problem.errors()}))
        raise No(f"not as Flagger (1.34 or newer) sends it: {where}") from None
    try:
        caller = await caller_with(request, asked.metadata.get("token", ""), Scope.GATE)
    except Problem as problem:
        if problem.status == 503:
            raise
        raise No(f"metadata.token: {problem.detail}") from None
    return await desk.answer(hook, asked, caller.name)

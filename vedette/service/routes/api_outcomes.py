"""This file is for the route of one outcome, with its checks and its evidence."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path
from starlette.concurrency import run_in_threadpool

from probes.outcome import to_json
from vedette.service.access import Scope, needs
from vedette.service.api.outcome_models import OutcomeAnswer
from vedette.service.problems import Problem
from vedette.service.state import Service, the_service

router = APIRouter(prefix="/api/v1/outcomes", tags=["outcomes"])

Id = Annotated[
    str, Path(pattern=r"^[0-9A-Za-z_-]{1,64}$", description="an id", examples=["01981f6e-7c3a-7000-8000-000000000001"])
]


@router.get("/{outcome_id}", operation_id="get_outcome", dependencies=[needs(Scope.READ)])
async def outcome(outcome_id: Id, service: Annotated[Service, Depends(the_service)]) -> OutcomeAnswer:
    """Tell one outcome whole: every check, what was sent, what was seen."""
    found = await run_in_threadpool(service.history.outcome, outcome_id)
    if found is None:
        raise Problem(404, "there is no outcome with this id; outcomes are kept whole for a while, passes not at all or seldom")
    return OutcomeAnswer.model_validate(to_json(found))

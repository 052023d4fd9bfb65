"""This file is for Spinnaker's webhook stage: a gate's decision with the word that the stage waits for."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query

from reports.judgement.gate import Verb
from vedette.service.access import Scope, needs
from vedette.service.routes.kayenta import TheGates, decided

router = APIRouter(prefix="/api/v1/spinnaker")

_STATUS = {Verb.PROMOTE: "SUCCEEDED", Verb.HOLD: "RUNNING"}  # whatever else there is, the stage must not go on


@router.get("/gates/{name}", include_in_schema=False, dependencies=[needs(Scope.READ)])
async def mirrored(
    name: str, gates: TheGates, stage: Annotated[float | None, Query(ge=0, le=100, allow_inf_nan=False)] = None
) -> dict[str, Any]:
    """Return the decision with `status`: RUNNING, SUCCEEDED or TERMINAL."""
    decision, verb = await decided(gates, name, stage)
    return {**decision, "status": _STATUS.get(verb, "TERMINAL")}

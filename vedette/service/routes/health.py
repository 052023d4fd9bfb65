"""This file is for the service's own health: it is alive, it is ready, it has started. Three addresses for orchestrators."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Response

from vedette.service.access import Scope, needs
from vedette.service.api import readiness
from vedette.service.api.service_models import HealthAnswer
from vedette.service.state import Service, the_service

router = APIRouter(prefix="/health", tags=["health"])

_NOT_READY: dict[int | str, dict[str, Any]] = {503: {"model": HealthAnswer, "description": "not ready; `checks` say why"}}
_NOT_STARTED: dict[int | str, dict[str, Any]] = {503: {"model": HealthAnswer, "description": "not started yet"}}


@router.get("/live", operation_id="live", dependencies=[needs(Scope.READ)])
async def live(response: Response, service: Annotated[Service, Depends(the_service)]) -> HealthAnswer:
    """Say that the process runs and its event loop turns. Depends on nothing, so that a broken store restarts nothing."""
    return _said(response, service, "ok")


@router.get("/ready", operation_id="ready", dependencies=[needs(Scope.READ)], responses=_NOT_READY)
async def ready(response: Response, service: Annotated[Service, Depends(the_service)]) -> HealthAnswer:
    """Say whether the service does its work: the store takes ticks, the scheduler moves, a configuration is loaded."""
    seen = readiness.checks(readiness.vitals(service))
    if any(check.status == "down" for check in seen.values()):
        return _said(response, service, "not_ready", **seen)
    return _said(response, service, "ready", **seen)


@router.get("/startup", operation_id="startup", dependencies=[needs(Scope.READ)], responses=_NOT_STARTED)
async def startup(response: Response, service: Annotated[Service, Depends(the_service)]) -> HealthAnswer:
    """Say whether the service has started: a configuration is loaded. What breaks later does not take this back."""
    loaded = readiness.checks(readiness.vitals(service))["configuration"]
    return _said(response, service, "started" if loaded.status == "up" else "starting", configuration=loaded)


def _said(response: Response, service: Service, status: Any, **checks: Any) -> HealthAnswer:
    response.headers["Cache-Control"] = "no-store"
    if status in ("not_ready", "starting"):
        response.status_code = 503
    return HealthAnswer(status=status, timestamp=service.clock(), version=service.version, checks=checks)

"""This file is for the routes of deployments: tell of one, list them, see how a burn-in goes, end it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import Field
from starlette.concurrency import run_in_threadpool

from vedette.service.access import Caller, Scope, needs
from vedette.service.api.deploy_models import (
    DeploymentAnswer,
    DeploymentBody,
    DeploymentDetail,
    DeploymentPage,
    DeploymentsAnswer,
    OptionalWords,
    told,
)
from vedette.service.api.noting import noted
from vedette.service.api.paging import Paging, next_link, place_in, split_at
from vedette.service.deploying import Unknown, Wanted
from vedette.service.problems import Problem
from vedette.service.routes.api_outcomes import Id
from vedette.service.state import Service, the_service

router = APIRouter(prefix="/api/v1/deployments", tags=["deployments"])

TheService = Annotated[Service, Depends(the_service)]
_NONE = "there is no deployment with this id; `/api/v1/deployments` lists them"


class DeploymentFilter(Paging):
    """Which deployments are wanted: those that all given filters hold for."""

    suite: OptionalWords | None = Field(None, description="name of the suite")
    target: OptionalWords | None = Field(None, description="name of the target")


@router.post("", operation_id="start_deployment", status_code=201)
async def start(
    body: DeploymentBody, response: Response, service: TheService, caller: Annotated[Caller, needs(Scope.WRITE)]
) -> DeploymentsAnswer:
    """Tell that a version was deployed: the whole suite is asked at once, then the burn-in goes through its phases."""
    if service.stopping:
        raise Problem(503, "the service is stopping; tell it again when it is back", headers={"Retry-After": "10"})
    wanted = Wanted(body.target, body.version, body.suite, body.note, body.phases or ())
    try:
        made = await service.burn_ins.start(wanted, caller.name)
    except Unknown as problem:
        raise Problem(422, str(problem)) from problem
    for one in made:
        details = {"suite": one.suite, "target": one.target, "version": one.version, "note": one.note}
        await noted(service, caller, "deployment.start", one.id, details)
    if len(made) == 1:
        response.headers["Location"] = f"{router.prefix}/{made[0].id}"
    now = service.clock()
    return DeploymentsAnswer(items=tuple(DeploymentDetail(**told(one), now_at=now) for one in made))


@router.get("", operation_id="list_deployments", dependencies=[needs(Scope.READ)])
async def deployments(request: Request, wanted: Annotated[DeploymentFilter, Query()], service: TheService) -> DeploymentPage:
    """List the deployments, the newest first."""
    place = place_in(wanted, "deployments", str)
    found = await run_in_threadpool(
        service.burn_ins.ledger.list, wanted.limit + 1, place[0] if place else "", suite=wanted.suite, target=wanted.target
    )
    page, more = split_at(found, wanted.limit)
    link = next_link(request, wanted, "deployments", page[-1].id) if more else None
    return DeploymentPage(items=tuple(DeploymentAnswer(**told(one)) for one in page), next=link)


@router.get("/{deployment_id}", operation_id="get_deployment", dependencies=[needs(Scope.READ)])
async def deployment(deployment_id: Id, service: TheService) -> DeploymentDetail:
    """Tell one deployment: its first run, and each phase with its verdict and the figures that it stands on."""
    found = await run_in_threadpool(service.burn_ins.ledger.get, deployment_id)
    if found is None:
        raise Problem(404, _NONE)
    return DeploymentDetail(**told(found), now_at=service.clock())


@router.delete("/{deployment_id}", operation_id="cancel_deployment")
async def cancel(deployment_id: Id, service: TheService, caller: Annotated[Caller, needs(Scope.WRITE)]) -> DeploymentDetail:
    """End a burn-in before its time. What was judged stays; the version stays marked; one that is over stays as it is."""
    try:
        ended = await service.burn_ins.cancel(deployment_id)
    except Unknown:
        raise Problem(404, _NONE) from None
    await noted(service, caller, "deployment.cancel", ended.id, {"version": ended.version, "target": ended.target})
    return DeploymentDetail(**told(ended), now_at=service.clock())

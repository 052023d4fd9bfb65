"""This file is for the routes of gates: open one, say where the rollout is, ask for its decision and its evidence, decide."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import Field
from starlette.concurrency import run_in_threadpool

from reports.gates import AnotherIsOpen, Gate, NameTaken
from vedette.service.access import Caller, Scope, needs
from vedette.service.api.deploy_models import OptionalWords
from vedette.service.api.gate_models import (
    DecisionAnswer,
    GateAnswer,
    GateBody,
    GatePage,
    NameInPath,
    OverrideBody,
    PoliciesAnswer,
    PolicyBrief,
    ReasonBody,
    StageBody,
    Weight,
    told,
)
from vedette.service.api.noting import noted
from vedette.service.api.paging import Asked, Paging, next_link, place_in, split_at
from vedette.service.deploying import Unknown
from vedette.service.gate_answers import NoSuchStage
from vedette.service.gate_answers import told as decided
from vedette.service.gating import NoSuchGate, NotNow, NotPossible, Wanted
from vedette.service.problems import Problem
from vedette.service.state import Service, the_service

router = APIRouter(prefix="/api/v1", tags=["gates"])

TheService = Annotated[Service, Depends(the_service)]
Gatekeeper = Annotated[Caller, needs(Scope.GATE)]
LINES = "application/x-ndjson"
_NONE = "there is no gate of this name; `/api/v1/gates` lists them"
_NOT_KEPT = {"Cache-Control": "no-store"}
_DECISION: dict[int | str, dict[str, Any]] = {200: {"model": DecisionAnswer}}
_EVIDENCE: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "one JSON object on each line, each with the hash of the line before it",
        "content": {LINES: {"schema": {"type": "string"}}},
    }
}


class GateFilter(Paging):
    """Which gates are wanted: those that all given filters hold for."""

    service: OptionalWords | None = Field(None, description="what is rolled out")
    policy: OptionalWords | None = Field(None, description="name of the policy")
    open: bool | None = Field(None, description="true: only those that are not over; false: only those that are")


class OfStage(Asked):
    """Which stage is asked about."""

    stage: Weight | None = Field(None, description="its weight; none: the stage that the gate is at")


@router.get("/gate-policies", operation_id="list_gate_policies", dependencies=[needs(Scope.READ)])
async def policies(service: TheService) -> PoliciesAnswer:
    """List the policies that gates can be opened with. Never an address, nor a header."""
    return PoliciesAnswer(items=tuple(_brief(one.loaded) for one in service.gates.policies.given.values()))


@router.post("/gates", operation_id="open_gate", status_code=201, responses={200: {"model": GateAnswer}})
async def open_gate(body: GateBody, response: Response, service: TheService, caller: Gatekeeper) -> GateAnswer:
    """Open a gate for a rollout. The same again answers 200 and changes nothing; one is open for a service at a time."""
    _must_go_on(service)
    wanted = Wanted(body.policy, body.name, body.canary_version, body.baseline_version, body.stage)
    with _refusals():
        gate, is_new = await service.gates.open(wanted, caller.name)
    if is_new:
        versions = {"canary_version": gate.canary_version, "baseline_version": gate.baseline_version}
        details = {"policy": gate.policy, "service": gate.service, **versions, "stage": body.stage}
        await noted(service, caller, "gate.open", gate.name, details)
    else:
        response.status_code = 200
    response.headers["Location"] = f"{router.prefix}/gates/{gate.name}"
    return _told(service, gate)


@router.get("/gates", operation_id="list_gates", dependencies=[needs(Scope.READ)])
async def gates(request: Request, wanted: Annotated[GateFilter, Query()], service: TheService) -> GatePage:
    """List the gates, the newest first."""
    place = place_in(wanted, "gates", str)
    found = await run_in_threadpool(
        service.gates.ledger.list, wanted.limit + 1, place[0] if place else "",
        service=wanted.service, policy=wanted.policy, is_open=wanted.open,
    )  # fmt: skip
    page, more = split_at(found, wanted.limit)
    link = next_link(request, wanted, "gates", page[-1].id) if more else None
    return GatePage(items=tuple(_told(service, one) for one in page), next=link)


@router.get("/gates/{name}", operation_id="get_gate", dependencies=[needs(Scope.READ)])
async def gate(name: NameInPath, service: TheService) -> GateAnswer:
    """Tell one gate, with its decision."""
    with _refusals():
        return _told(service, await service.gates.get(name))


@router.get("/gates/{name}/decision", operation_id="get_decision", dependencies=[needs(Scope.READ)], responses=_DECISION)
async def decision(name: NameInPath, wanted: Annotated[OfStage, Query()], service: TheService) -> Response:
    """Tell what is decided about the stage that the gate is at, or about that of a weight.

    It is read from the store and nothing is asked for it, so that it may be polled. Always 200 where the gate is there.
    """
    with _refusals():
        found = await service.gates.decision(name, wanted.stage)
    body = json.dumps(found, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return Response(body, media_type="application/json", headers=_NOT_KEPT)


@router.get(
    "/gates/{name}/evidence",
    operation_id="get_evidence",
    dependencies=[needs(Scope.READ)],
    response_class=StreamingResponse,
    responses=_EVIDENCE,
)
async def evidence(name: NameInPath, service: TheService) -> Response:
    """Hand out everything that the gate saw and was told, line by line, for `vedette gate replay`."""
    ledger = service.gates.ledger
    with _refusals():
        found = await service.gates.get(name)
    first = await run_in_threadpool(ledger.lines, found.id)

    async def pieces() -> AsyncIterator[str]:
        some, after = first, 0
        while some:
            yield "\n".join(some) + "\n"
            after += len(some)
            some = await run_in_threadpool(ledger.lines, found.id, after)

    return StreamingResponse(
        pieces(), media_type=LINES, headers={**_NOT_KEPT, "Content-Disposition": f'attachment; filename="{name}.jsonl"'}
    )


@router.post("/gates/{name}/stage", operation_id="begin_stage")
async def stage(name: NameInPath, body: StageBody, service: TheService, caller: Gatekeeper) -> GateAnswer:
    """Tell that the rollout is at the stage of a weight. The same again changes nothing; no stage is left out."""
    _must_go_on(service)
    with _refusals():
        found = await service.gates.stage(name, body.weight, caller.name)
    await noted(service, caller, "gate.stage", name, {"weight": body.weight})
    return _told(service, found)


@router.post("/gates/{name}/cancel", operation_id="cancel_gate")
async def cancel(name: NameInPath, body: ReasonBody, service: TheService, caller: Gatekeeper) -> GateAnswer:
    """End a gate without a decision."""
    return await _decided(service, caller, name, "cancel", body.reason)


@router.post("/gates/{name}/hold", operation_id="hold_gate")
async def hold(name: NameInPath, body: ReasonBody, service: TheService, caller: Gatekeeper) -> GateAnswer:
    """Let the gate promote nothing until it is resumed. It goes on asking, and rolls back where it must."""
    return await _decided(service, caller, name, "hold", body.reason)


@router.post("/gates/{name}/resume", operation_id="resume_gate")
async def resume(name: NameInPath, body: ReasonBody, service: TheService, caller: Gatekeeper) -> GateAnswer:
    """Let a gate that is held decide again."""
    return await _decided(service, caller, name, "resume", body.reason)


@router.post("/gates/{name}/override", operation_id="override_gate")
async def override(name: NameInPath, body: OverrideBody, service: TheService, caller: Gatekeeper) -> GateAnswer:
    """Decide in place of the gate. Who did so and why stands in the evidence and in the audit trail."""
    return await _decided(service, caller, name, body.action, body.reason)


async def _decided(service: Service, caller: Caller, name: str, action: str, reason: str) -> GateAnswer:
    _must_go_on(service)
    with _refusals():
        found = await service.gates.tell(name, action, caller.name, reason)
    said = "override" if action in ("promote", "rollback") else action
    await noted(service, caller, f"gate.{said}", name, {"action": action, "reason": service.gates.redacted(reason)})
    return _told(service, found)


def _told(service: Service, found: Gate) -> GateAnswer:
    return told(found, decided(found, service.clock()))


def _must_go_on(service: Service) -> None:
    if service.stopping:
        raise Problem(503, "the service is stopping; tell it again when it is back", headers={"Retry-After": "10"})


def _brief(loaded: Any) -> PolicyBrief:
    policy = loaded.policy
    return PolicyBrief(
        name=policy.name, service=policy.service, suite=loaded.suite.name, target=policy.target,
        weights=tuple(one.weight for one in policy.stages), every_s=policy.every, alpha=policy.alpha, beta=policy.beta,
        scenarios=tuple(one.name for one in loaded.scenarios), triggers=tuple(loaded.triggers), shadow=policy.shadow,
    )  # fmt: skip


@contextmanager
def _refusals() -> Iterator[None]:
    """Say over HTTP why something may not be."""
    try:
        yield
    except NoSuchGate:
        raise Problem(404, _NONE) from None
    except (NoSuchStage, NotPossible, Unknown) as problem:
        raise Problem(422, str(problem)) from problem
    except AnotherIsOpen as problem:
        raise Problem(409, str(problem), gate=problem.name) from problem
    except (NotNow, NameTaken) as problem:
        raise Problem(409, str(problem)) from problem

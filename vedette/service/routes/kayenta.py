"""This file is for those who can ask Kayenta and nobody else: three of its addresses, which answer with a gate's decision.

Argo Rollouts waits for a judgement there as long as it takes, and knows three ends of it.
Source: Argo Rollouts, metricproviders/kayenta/kayenta.go.
"""

from __future__ import annotations

import re
from contextlib import suppress
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from reports.gates import AnotherIsOpen, NameTaken
from reports.judgement.gate import Verb
from vedette.service.access import Caller, Scope
from vedette.service.api.noting import noted
from vedette.service.deploying import Unknown
from vedette.service.gate_answers import NOT_BEGUN, NoSuchStage
from vedette.service.gates import Gates
from vedette.service.gating import NoSuchGate, NotNow, NotPossible, Wanted
from vedette.service.problems import Problem
from vedette.service.security.limits import body_of
from vedette.service.security.shown import caller_with, sends_json, token_in_header
from vedette.service.state import Service, the_service

router = APIRouter(prefix="/kayenta")

SCORES = {Verb.PROMOTE: 100.0, Verb.INCONCLUSIVE: 80.0, Verb.ROLLBACK: 0.0}  # pass and marginal lie between them
_CLASSES = {Verb.PROMOTE: "Pass", Verb.INCONCLUSIVE: "Marginal", Verb.ROLLBACK: "Fail"}
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,199}")
_EXECUTION = re.compile(rf"({_NAME.pattern}):([0-9]{{1,3}}(?:\.[0-9]{{1,3}})?)?")


class _Detail(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    scope: str = Field("", max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")  # the side's version; empty: as the policy has it
    location: str = Field("", pattern=r"^([0-9]{1,3}(\.[0-9]{1,3})?)?$")  # the stage's weight; Argo calls it `region`


class _Scope(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    controlScope: _Detail  # Kayenta's names
    experimentScope: _Detail


class _Ask(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    scopes: dict[str, _Scope] = Field(min_length=1, max_length=1)


def the_gates(service: Annotated[Service, Depends(the_service)]) -> Gates:
    """Return the gates of the service."""
    return service.gates


TheService = Annotated[Service, Depends(the_service)]
TheGates = Annotated[Gates, Depends(the_gates)]


async def decided(gates: Gates, name: str, weight: float | None) -> tuple[dict[str, Any], Verb]:
    """Return a decision, and its word.

    Raises: Problem 404 or 422.
    """
    try:
        decision = await gates.decision(name, weight)
    except NoSuchGate:
        raise Problem(404, "there is no gate of this name; `/api/v1/gates` lists them") from None
    except NoSuchStage as problem:
        raise Problem(422, str(problem)) from problem
    return decision, Verb(decision["decision"])


@router.get("/canaryConfig", include_in_schema=False)
async def configs(request: Request, gates: TheGates) -> list[dict[str, Any]]:
    """Return the policies as Kayenta returns its configurations: one is chosen by its name."""
    await caller_with(request, token_in_header(request), Scope.READ)
    return [{"id": name, "name": name, "applications": []} for name in gates.policy_names()]


@router.post("/canary/{policy}", include_in_schema=False)
async def begin(request: Request, policy: str, service: TheService) -> dict[str, str]:
    """Open the gate where there is none, begin the stage, and return what its judgement is asked for by."""
    caller = await caller_with(request, token_in_header(request), Scope.GATE)
    if not sends_json(request):
        raise Problem(415, "the body should be JSON: send it with 'Content-Type: application/json'")
    try:
        sides = next(iter(_Ask.model_validate_json(body_of(request.scope)).scopes.values()))
    except ValidationError:
        why = "give one scope, with the version of each side as `scope`, and the stage's weight as `region` of the experiment"
        raise Problem(422, why) from None
    name, stage = request.query_params.get("application", ""), sides.experimentScope.location
    if not _NAME.fullmatch(name):
        raise Problem(422, "`application` should be the gate's name: letters, digits and . _ @ -, at most 200")
    wanted = Wanted(policy, name, sides.experimentScope.scope, sides.controlScope.scope)
    await _begun(service, wanted, float(stage) if stage else None, caller)
    return {"canaryExecutionId": f"{name}:{stage}"}


@router.get("/canary/{execution}", include_in_schema=False)
async def judged(request: Request, execution: str, gates: TheGates) -> dict[str, Any]:
    """Return the score once it is decided: 100 to go on, 80 where it could not be decided, 0 to roll back."""
    caller = await caller_with(request, token_in_header(request), Scope.GATE)
    found = _EXECUTION.fullmatch(execution)
    if found is None:
        raise Problem(404, "there is no such judgement")
    weight = float(found[2]) if found[2] else None
    decision, verb = await decided(gates, found[1], weight)
    if weight is not None and decision.get("reason_code") == NOT_BEGUN:  # it could not begin while a person held the gate
        with suppress(NotNow, NoSuchGate):
            await gates.stage(found[1], weight, caller.name)
    if verb is Verb.HOLD:
        return {"complete": False, "status": "running", "reason": decision.get("reason", "")}
    score = {"score": SCORES[verb], "classification": _CLASSES[verb], "classificationReason": decision.get("reason", "")}
    return {"complete": True, "status": "succeeded", "result": {"judgeResult": {"score": score}}}


async def _begun(service: Service, wanted: Wanted, weight: float | None, caller: Caller) -> None:
    """Open the gate and begin the stage. A gate that is over says how it ended when its judgement is asked for."""
    try:
        gate, is_new = await service.gates.open(wanted, caller.name)
        if is_new:
            details = {"policy": gate.policy, "service": gate.service, "asked_by": "kayenta"}
            await noted(service, caller, "gate.open", gate.name, details)
        if weight is not None:
            with suppress(NotNow):  # whoever asks for the judgement is told why
                await service.gates.stage(gate.name, weight, caller.name)
    except Unknown as problem:
        raise Problem(404, str(problem)) from problem
    except NoSuchStage as problem:
        raise Problem(422, str(problem)) from problem
    except (NotNow, NotPossible, NameTaken, AnotherIsOpen, NoSuchGate) as problem:
        raise Problem(409, str(problem)) from problem

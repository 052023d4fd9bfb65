"""This file is for the routes of the configuration: what is watched, and taking it in anew."""

from __future__ import annotations

from itertools import islice
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from pydantic import Field

from vedette.service.access import Caller, Scope, needs
from vedette.service.api import configured
from vedette.service.api.paging import Paging, next_link, place_in, split_at
from vedette.service.api.service_models import ConfigAnswer, ReloadAnswer, ScenarioPage, SuitesAnswer
from vedette.service.problems import Problem
from vedette.service.routes.api_series import Name
from vedette.service.state import Service, the_service

router = APIRouter(prefix="/api/v1", tags=["configuration"])


class ScenarioFilter(Paging):
    """Whose scenarios are wanted."""

    suite: Name = Field(None, description="name of the suite; none: of all")


@router.get("/suites", operation_id="list_suites", dependencies=[needs(Scope.READ)])
def suites(service: Annotated[Service, Depends(the_service)]) -> SuitesAnswer:
    """List the suites that are watched."""
    return SuitesAnswer(items=tuple(configured.suite_brief(suite) for suite in service.suites.values()))


@router.get("/config", operation_id="get_config", dependencies=[needs(Scope.READ)])
def config(service: Annotated[Service, Depends(the_service)]) -> ConfigAnswer:
    """Tell what is watched, as configured now. Never a secret; the scenarios stand in `/api/v1/config/scenarios`."""
    return ConfigAnswer(
        settings=configured.settings(service.settings),
        suites=tuple(configured.suite_answer(suite) for suite in service.suites.values()),
    )


@router.get("/config/scenarios", operation_id="list_scenarios", dependencies=[needs(Scope.READ)])
def scenarios(
    request: Request, wanted: Annotated[ScenarioFilter, Query()], service: Annotated[Service, Depends(the_service)]
) -> ScenarioPage:
    """List the scenarios as configured now, in the order of the suites."""
    place = place_in(wanted, "scenarios", int)
    begin = place[0] if place else 0
    if not 0 <= begin < 2**31:
        raise Problem(422, "'cursor' is not one that this list gave out; begin without it")
    chosen = [suite for suite in service.suites.values() if wanted.suite in (None, suite.name)]
    every = ((suite, scenario) for suite in chosen for scenario in suite.scenarios)
    page, more = split_at(list(islice(every, begin, begin + wanted.limit + 1)), wanted.limit)
    told = [
        answer
        for suite in chosen
        for answer in configured.scenario_answers(suite, (scenario for of, scenario in page if of is suite))
    ]
    link = next_link(request, wanted, "scenarios", begin + wanted.limit) if more else None
    return ScenarioPage(items=tuple(told), next=link)


@router.post("/reload", operation_id="reload")
async def reload(
    caller: Annotated[Caller, needs(Scope.WRITE)], service: Annotated[Service, Depends(the_service)]
) -> ReloadAnswer:
    """Take in the suites anew. On a mistake nothing changes: the old configuration keeps probing, and the answer is a 422."""
    result = await service.reloads.reload("api")
    if not result.ok:
        say = "the new configuration was refused, the old one keeps probing"
        raise Problem(422, say, mistakes=result.error, at=result.at.isoformat())
    return ReloadAnswer.model_validate(result)

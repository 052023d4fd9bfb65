"""This file is for the routes of runs: the list, and one of them with its outcomes."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request
from pydantic import Field
from starlette.concurrency import run_in_threadpool

from reports.store.answers import RunSummary
from vedette.service.access import Scope, needs
from vedette.service.api.outcome_models import OutcomeBrief, RunBrief, RunDetail, RunPage
from vedette.service.api.paging import Paging, instant_at, micros_of, next_link, place_in, split_at
from vedette.service.problems import Problem
from vedette.service.routes.api_outcomes import Id
from vedette.service.routes.api_series import Name
from vedette.service.state import Service, the_service

router = APIRouter(prefix="/api/v1/runs", tags=["runs"])


class RunFilter(Paging):
    """Which runs are wanted: those that all given filters hold for."""

    suite: Name = Field(None, description="name of the suite")
    target: Name = Field(None, description="name of the target")
    kind: Literal["smoke", "deploy", "watch"] | None = Field(None, description="why it ran; none: smoke and deploy")


@router.get("", operation_id="list_runs", dependencies=[needs(Scope.READ)])
async def runs(
    request: Request, wanted: Annotated[RunFilter, Query()], service: Annotated[Service, Depends(the_service)]
) -> RunPage:
    """List the stored runs, the newest first."""
    place = place_in(wanted, "runs", int, str)
    before = (instant_at(place[0]), str(place[1])) if place else None
    found = await run_in_threadpool(
        service.store.runs, wanted.limit + 1, suite=wanted.suite, target=wanted.target, kind=wanted.kind, before=before
    )
    page, more = split_at(found, wanted.limit)
    last = page[-1].run if more else None
    link = next_link(request, wanted, "runs", micros_of(last.started_at), last.id) if last else None
    return RunPage(items=tuple(RunBrief(**_said(summary)) for summary in page), next=link)


@router.get("/{run_id}", operation_id="get_run", dependencies=[needs(Scope.READ)])
async def run(
    request: Request, run_id: Id, wanted: Annotated[Paging, Query()], service: Annotated[Service, Depends(the_service)]
) -> RunDetail:
    """Tell one run with its outcomes, each without its evidence."""
    listing = f"run {run_id}"
    place = place_in(wanted, listing, int, str)
    summary = await run_in_threadpool(service.store.summary, run_id)
    if summary is None:
        raise Problem(404, "there is no run with this id; `/api/v1/runs` lists them")
    after = (int(place[0]), str(place[1])) if place else None
    found = await run_in_threadpool(service.store.briefs, run_id, wanted.limit + 1, after)
    page, more = split_at(found, wanted.limit)
    link = next_link(request, wanted, listing, page[-1].place, page[-1].id) if more else None
    return RunDetail(**_said(summary), outcomes=tuple(OutcomeBrief.model_validate(one) for one in page), next=link)


def _said(summary: RunSummary) -> dict[str, Any]:
    run = summary.run
    names = ("id", "kind", "suite", "target", "environment", "base_url", "started_at", "vedette_version", "selection", "remarks")
    return {
        **{name: getattr(run, name) for name in names},
        "finished_at": summary.finished_at,
        "ended": summary.ended,
        "wall_s": summary.wall_s,
        "counts": dict(summary.counts),
    }

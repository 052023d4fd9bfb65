"""This file is for the routes of the headline: what is broken, how the service stands, and when nothing was watched."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from pydantic import Field
from starlette.concurrency import run_in_threadpool

from reports.line import Mark
from vedette.service.access import Scope, needs
from vedette.service.api import lines
from vedette.service.api.paging import Asked
from vedette.service.api.service_models import (
    GapAnswer,
    GapsAnswer,
    MarksAnswer,
    ReloadAnswer,
    SchedulingAnswer,
    StatusAnswer,
    StoreAnswer,
)
from vedette.service.state import Service, the_service

router = APIRouter(prefix="/api/v1", tags=["service"])

PROBLEMS_SHOWN = 50


class GapFilter(Asked):
    """Which gaps are wanted."""

    days: int = Field(30, ge=1, le=400, description="how far back")


_NAMES = {Mark.PASS: "passed", Mark.FAIL: "failed", Mark.ERROR: "errors"}  # the others are called as they are


@router.get("/status", operation_id="get_status", dependencies=[needs(Scope.READ)])
async def status(service: Annotated[Service, Depends(the_service)]) -> StatusAnswer:
    """Tell what is broken, and how the service itself stands."""
    problems = service.board.problems()
    now, reload = service.clock(), service.reloads.last
    return StatusAnswer(
        version=service.version,
        location=service.settings.location,
        environment=service.settings.environment,
        now_at=now,
        started_at=service.started_at,
        uptime_s=max(0.0, (now - service.started_at).total_seconds()),
        stopping=service.stopping,
        series=len(service.board),
        counts=MarksAnswer(**{_NAMES.get(mark, mark.value): count for mark, count in service.board.totals().items()}),
        problems_total=len(problems),
        problems=tuple(lines.brief(service, line) for line in problems[:PROBLEMS_SHOWN]),
        reload=None if reload is None else ReloadAnswer.model_validate(reload),
        store=StoreAnswer.model_validate(service.sink.figures()),
        scheduling=_scheduling(service.watcher.figures()),
    )


@router.get("/gaps", operation_id="list_gaps", dependencies=[needs(Scope.READ)])
async def gaps(
    service: Annotated[Service, Depends(the_service)],
    wanted: Annotated[GapFilter, Query()],
) -> GapsAnswer:
    """List the times in which this service did not run."""
    found = await run_in_threadpool(
        service.history.gaps, service.settings.location, service.clock() - timedelta(days=wanted.days)
    )
    return GapsAnswer(
        items=tuple(
            GapAnswer(
                location=gap.location,
                from_at=gap.from_at,
                until_at=gap.until_at,
                length_s=(gap.until_at - gap.from_at).total_seconds(),
                graceful=gap.graceful,
            )
            for gap in found
        )
    )


def _scheduling(figures: Any) -> SchedulingAnswer:
    return SchedulingAnswer(
        running=figures.running,
        waiting=figures.waiting,
        answered=figures.answered,
        missed={str(reason): ticks for reason, ticks in figures.missed.items()},
        loop_lag_s=figures.loop_lag_s,
        clock_jumps=figures.clock_jumps,
    )
